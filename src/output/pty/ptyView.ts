import {
  CaptureTail,
  missedBytes,
  type TailPlace,
  type TailReplacement,
} from '../captures/captureTail.ts';
import { growthOf } from '../captures/captureView.ts';
import type { OutputChange, OutputText, OutputWindow, ReplacingText } from '../outputText.ts';
import { PtyRenderer, type PtySize } from './ptyRenderer.ts';
import type { TerminalClass } from './xterm.ts';

/**
 * A rendered window over the end of the capture of a terminal, that follows as it grows. It is cut
 * by forgetting lines, as the screen is made of all that came before it. Its methods are not to be
 * called before the last one has settled.
 */
export class PtyView {
  private readonly window: OutputWindow;
  private readonly closed: AbortSignal | undefined;
  private readonly sizeNow: () => PtySize;
  private readonly tail: CaptureTail<PtyRenderer>;
  /** The renderer's. */
  private size: PtySize;
  /** Where the renderer's bytes start in the capture. */
  private start = 0;
  private isBroken = false;

  /**
   * `path` is below `sessionDir`; no symbolic link between them is followed.
   * @param sizeNow that of the terminal; when it becomes another one, all is rendered anew
   * @param closed ends the rendering: the call under way rejects
   */
  constructor(
    TerminalClass: TerminalClass,
    sizeNow: () => PtySize,
    sessionDir: string,
    path: string,
    window: OutputWindow,
    closed?: AbortSignal,
  ) {
    this.window = window;
    this.closed = closed;
    this.sizeNow = sizeNow;
    this.size = sizeNow();
    const makeRenderer = (): PtyRenderer => {
      this.size = sizeNow();
      return new PtyRenderer(TerminalClass, this.size);
    };
    this.tail = new CaptureTail(sessionDir, path, window, makeRenderer, 'unread');
  }

  /** As `CaptureView.open`. */
  async open(): Promise<OutputText> {
    return await this.textAt(this.tail.open());
  }

  /** As `CaptureView.read`. */
  async read(kept = 0): Promise<OutputChange | undefined> {
    if (this.isBroken)
      return { kind: 'replace', missedBytes: 0, growth: undefined, ...(await this.open()) };
    const resized = this.isResized() ? this.tail.again() : undefined;
    if (resized !== undefined)
      return {
        kind: 'replace',
        missedBytes: 0,
        growth: undefined,
        ...(await this.textAt(resized)),
      };
    const { sink: before } = this.tail;
    const change = this.tail.read();
    switch (change?.kind) {
      case 'append':
        if (this.tail.sink !== before) this.start = 0;
        return await this.grow(change.seenBytes, change.totalBytes, kept);
      case 'replace': {
        const { seenBytes, ...replacement } = change;
        return replacedBy(await this.replacingText(replacement), seenBytes);
      }
      case 'gone':
      case undefined:
        return change;
    }
  }

  /** As `CaptureView.loadEarlier`. */
  async loadEarlier(): Promise<ReplacingText | undefined> {
    if (this.tail.sink.isFull) return undefined;
    const replacement = this.tail.widen();
    return replacement && (await this.replacingText(replacement));
  }

  private async replacingText({
    previous,
    skippedBytes,
    totalBytes,
  }: TailReplacement<PtyRenderer>): Promise<ReplacingText> {
    this.isBroken = true;
    const growth = await growthOf(previous, this.closed);
    return { growth, ...(await this.textAt({ skippedBytes, totalBytes })) };
  }

  private isResized(): boolean {
    const { cols, rows } = this.sizeNow();
    return cols !== this.size.cols || rows !== this.size.rows;
  }

  private async grow(
    seenBytes: number,
    totalBytes: number,
    kept: number,
  ): Promise<OutputChange | undefined> {
    const { sink } = this.tail;
    const { forgottenBytes } = sink;
    await this.settle();
    const { bytes, limit } = this.tail.extent;
    const isWhole = sink.forgottenBytes === forgottenBytes;
    const change = isWhole ? sink.takeChange() : undefined;
    if (bytes > Math.max(limit, kept)) sink.forget(totalBytes - this.window.size - this.start);
    if (change === undefined || sink.forgottenBytes > forgottenBytes) {
      const growth = change && { replacedChars: change.replacedChars, text: change.text };
      return replacedBy({ growth, ...this.whole(totalBytes) }, seenBytes);
    }
    if (change.replacedChars === 0 && change.text === '') return undefined;
    return { kind: 'append', ...change, totalBytes };
  }

  private async textAt({ skippedBytes, totalBytes }: TailPlace): Promise<OutputText> {
    this.start = skippedBytes;
    await this.settle();
    return this.whole(totalBytes);
  }

  private whole(totalBytes: number): OutputText {
    const { sink } = this.tail;
    const shown = sink.whole();
    const skippedBytes = this.start + sink.forgottenBytes;
    this.tail.forgetBefore(skippedBytes);
    return { ...shown, skippedBytes, totalBytes };
  }

  private async settle(): Promise<void> {
    // A terminal that threw can't go on; the next read starts with a new one.
    this.isBroken = true;
    await this.tail.sink.settle(this.closed);
    this.isBroken = false;
  }
}

function replacedBy(output: ReplacingText, seenBytes: number): OutputChange {
  return { kind: 'replace', missedBytes: missedBytes(output, seenBytes), ...output };
}
