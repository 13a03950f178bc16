import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ByteSink } from '../captures/captureTail.ts';
import { Renderer } from './renderer.ts';
import type { TextChange } from './shownText.ts';

/** Milliseconds for which rendering keeps other work waiting. */
const TURN = 12;
/** Bytes rendered at once: at first, and at least. The time that they take says how many come next. */
const FIRST = 128 * 1024;
const FEWEST = 16 * 1024;

/** A renderer that lets other work in between, however long a stream takes. */
export class PacedRenderer implements ByteSink {
  private readonly renderer = new Renderer();
  private waiting: Buffer[] = [];

  startAfter(bytes: Uint8Array): void {
    this.renderer.startAfter(bytes);
  }

  /** Takes the next bytes of the stream; `settle` renders them. */
  write(bytes: Uint8Array): void {
    this.waiting.push(Buffer.from(bytes));
  }

  /** Renders what was written. Rejects within a turn of the signal. */
  async settle(signal?: AbortSignal): Promise<void> {
    let size = FIRST;
    let left = TURN;
    for (const bytes of this.waiting.splice(0)) {
      for (let at = 0; at < bytes.length;) {
        const began = performance.now();
        const end = Math.min(bytes.length, at + size);
        this.renderer.write(bytes.subarray(at, end));
        const took = performance.now() - began;
        left -= took;
        if (left <= 0) {
          await nextTurn(undefined, { signal });
          left = TURN;
        }
        // What comes next may be slower: so it is not much more at once.
        size = Math.max(FEWEST, Math.floor((end - at) * Math.min(8, left / took)));
        at = end;
      }
    }
  }

  /** What became of the text since the last call, as in `Renderer`. */
  takeChange(): TextChange {
    return this.renderer.takeChange();
  }

  /** The whole text, where no change of it was taken before. */
  whole(): Pick<TextChange, 'text' | 'spans'> {
    return this.takeChange();
  }

  /** As in `Renderer`. */
  get linesBelow(): number {
    return this.renderer.linesBelow;
  }
}
