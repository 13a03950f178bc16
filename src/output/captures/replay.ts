import { CaptureTail, missedBytes, type ByteSink } from './captureTail.ts';
import type { Replay, ReplayChange } from '../outputText.ts';

/** The most that a replay starts with, and that comes in between two reads. */
const SIZE = 2 * 1024 * 1024;

/** The raw bytes of the end of a capture, then what is new in it. */
export class CaptureReplay {
  private readonly tail: CaptureTail<Bytes>;

  /** `path` is below `sessionDir`; no symbolic link between them is followed. */
  constructor(sessionDir: string, path: string) {
    const window = { size: SIZE, limit: SIZE };
    this.tail = new CaptureTail(sessionDir, path, window, () => new Bytes(), 'unread');
  }

  /** Throws a PersistenceError. */
  open(): Replay {
    const { skippedBytes } = this.tail.open();
    return { data: this.tail.sink.take(), skippedBytes };
  }

  /** Absent where nothing came. Throws a PersistenceError. */
  read(): ReplayChange | undefined {
    const change = this.tail.read();
    switch (change?.kind) {
      case 'append':
        return { kind: 'append', data: this.tail.sink.take() };
      case 'replace':
        return {
          kind: 'replace',
          data: this.tail.sink.take(),
          skippedBytes: change.skippedBytes,
          missedBytes: missedBytes(change, change.seenBytes),
        };
      case 'gone':
      case undefined:
        return change;
    }
  }
}

class Bytes implements ByteSink {
  private parts: Buffer[] = [];

  write(bytes: Uint8Array): void {
    this.parts.push(Buffer.from(bytes));
  }

  /** In memory of its own, that can be sent without more than it. */
  take(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.parts.splice(0)));
  }
}
