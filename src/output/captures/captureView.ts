import { CaptureTail, readEnd, type TailPlace } from './captureTail.ts';
import type { TextSink } from './exportCapture.ts';
import type { OutputChange, OutputText, OutputWindow } from '../outputText.ts';
import { PacedRenderer } from '../rendering/pacedRenderer.ts';
import { Renderer } from '../rendering/renderer.ts';

/**
 * A rendered window over the end of the capture of a pipe, that follows as it grows. Its methods are
 * not to be called before the last one has settled.
 */
export class CaptureView {
  private readonly tail: CaptureTail<PacedRenderer>;
  private readonly closed: AbortSignal | undefined;

  /**
   * `path` is below `sessionDir`; no symbolic link between them is followed.
   * @param closed ends the rendering: the call under way rejects
   */
  constructor(sessionDir: string, path: string, window: OutputWindow, closed?: AbortSignal) {
    this.closed = closed;
    this.tail = new CaptureTail(sessionDir, path, window, () => new PacedRenderer(), 'shown');
  }

  /** The last window of the capture; empty for one that is not there. Throws a PersistenceError. */
  async open(): Promise<OutputText> {
    return await this.textAt(this.tail.open());
  }

  /**
   * What came since the last call; absent where nothing did. Throws a PersistenceError.
   * @param kept bytes that are shown without a cut, where that is more than the window's limit
   */
  async read(kept = 0): Promise<OutputChange | undefined> {
    const change = this.tail.read(kept);
    switch (change?.kind) {
      case 'append': {
        await this.tail.sink.settle(this.closed);
        return { ...change, ...this.tail.sink.takeChange() };
      }
      case 'replace': {
        const { kind, missedBytes, ...place } = change;
        return { kind, missedBytes, ...(await this.textAt(place)) };
      }
      case 'gone':
      case undefined:
        return change;
    }
  }

  /** The whole text with one more window at its start; absent where there is no more. */
  async loadEarlier(): Promise<OutputText | undefined> {
    const place = this.tail.widen();
    return place && (await this.textAt(place));
  }

  private async textAt(place: TailPlace): Promise<OutputText> {
    await this.tail.sink.settle(this.closed);
    const { text, spans } = this.tail.sink.takeChange();
    return { text, spans, ...place };
  }
}

/** Bytes at the end of a capture that are read for its last lines. */
const LAST_LINES_BYTES = 16 * 1024;
const LAST_LINE_CHARS = 200;

/**
 * The last rendered lines that are not blank, of the last 16 KiB of a capture; longer ones are cut
 * to 200 characters. None if there is no capture. Throws a PersistenceError.
 */
export async function lastLines(
  sessionDir: string,
  path: string,
  count: number,
  sink: TextSink = new Renderer(),
): Promise<readonly string[]> {
  const bytes = readEnd(sessionDir, path, LAST_LINES_BYTES);
  if (bytes === undefined) return [];
  sink.write(bytes);
  await sink.settle?.();
  const lines = sink.takeChange().text.split('\n');
  const written = lines.filter((line) => line.trim() !== '');
  return written.slice(Math.max(0, written.length - count)).map(cutLine);
}

function cutLine(line: string): string {
  if (line.length <= LAST_LINE_CHARS) return line;
  // A surrogate pair must not be cut in two.
  return (
    line
      .slice(0, LAST_LINE_CHARS - 1)
      .toWellFormed()
      .replace(/\ufffd$/, '') + '…'
  );
}
