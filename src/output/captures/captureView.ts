import { CaptureTail, missedBytes, readEnd, type TailPlace } from './captureTail.ts';
import type { TextSink } from './exportCapture.ts';
import {
  mostText,
  type Growth,
  type OutputChange,
  type OutputText,
  type OutputWindow,
  type ReplacingText,
} from '../outputText.ts';
import { PacedRenderer } from '../rendering/pacedRenderer.ts';
import { Renderer } from '../rendering/renderer.ts';

/**
 * A rendered window over the end of the capture of a pipe, that follows as it grows. Its methods are
 * not to be called before the last one has settled.
 */
export class CaptureView {
  private readonly tail: CaptureTail<PacedRenderer>;
  private readonly closed: AbortSignal | undefined;
  /** At least the text's bytes in UTF-8: each character that was replaced counts as one. */
  private textBytes = 0;

  /**
   * `path` is below `sessionDir`; no symbolic link between them is followed.
   * @param closed ends the rendering: the call under way rejects
   */
  constructor(sessionDir: string, path: string, window: OutputWindow, closed?: AbortSignal) {
    this.closed = closed;
    this.tail = new CaptureTail(sessionDir, path, window, () => new PacedRenderer(), 'shown');
  }

  /**
   * The last window of the capture, or as much of it as there is room for; empty for one that is not
   * there. Throws a PersistenceError.
   */
  async open(): Promise<OutputText> {
    return await this.fittingText(this.tail.open());
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
        const { kind, totalBytes } = change;
        const added = this.tail.sink.takeChange();
        this.textBytes += Buffer.byteLength(added.text) - added.replacedChars;
        if (this.textBytes <= mostText.grown) return { kind, totalBytes, ...added };
        const { replacedChars, text } = added;
        const place = this.tail.again() ?? this.tail.open();
        return await this.replacedBy(place, change, { replacedChars, text });
      }
      case 'replace':
        return await this.replacedBy(change, change, await growthOf(change.previous, this.closed));
      case 'gone':
      case undefined:
        return change;
    }
  }

  /** The whole text with one more window at its start; absent where there is no more. */
  async loadEarlier(): Promise<ReplacingText | undefined> {
    const { textBytes } = this;
    const widened = this.tail.widen();
    if (widened === undefined) return undefined;
    const output = await this.textAt(widened);
    if (this.textBytes <= mostText.shownAnew) {
      return { growth: await growthOf(widened.previous, this.closed), ...output };
    }
    widened.undo();
    this.textBytes = textBytes;
    return undefined;
  }

  /** @param grown what came to the text before up to `totalBytes` */
  private async replacedBy(
    place: TailPlace,
    { seenBytes, totalBytes }: { readonly seenBytes: number; readonly totalBytes: number },
    grown: Growth | undefined,
  ): Promise<OutputChange> {
    const output = await this.fittingText(place);
    // What was read once more may end further on.
    const growth = output.totalBytes === totalBytes ? grown : undefined;
    return { kind: 'replace', missedBytes: missedBytes(output, seenBytes), growth, ...output };
  }

  /** The text of a part of the capture, or of less of it where that is too long. */
  private async fittingText(place: TailPlace): Promise<OutputText> {
    let output = await this.textAt(place);
    while (this.textBytes > mostText.shownAnew) {
      const part = Math.min(0.75, (0.9 * mostText.shownAnew) / this.textBytes);
      output = await this.textAt(this.tail.open(Math.floor(part * this.tail.extent.bytes)));
    }
    return output;
  }

  private async textAt({ skippedBytes, totalBytes }: TailPlace): Promise<OutputText> {
    await this.tail.sink.settle(this.closed);
    const { text, spans } = this.tail.sink.takeChange();
    this.textBytes = Buffer.byteLength(text);
    return { text, spans, skippedBytes, totalBytes };
  }
}

/** What came to the text of a sink that another one takes the place of. */
export async function growthOf(
  sink: { settle(signal?: AbortSignal): Promise<void>; takeChange(): Growth } | undefined,
  closed: AbortSignal | undefined,
): Promise<Growth | undefined> {
  if (sink === undefined) return undefined;
  await sink.settle(closed);
  const { replacedChars, text } = sink.takeChange();
  return { replacedChars, text };
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
