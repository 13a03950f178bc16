import type {
  ExcerptPlace,
  Growth,
  OpenedText,
  OutputChange,
  OutputText,
  ReplacingText,
} from '../output/outputText.ts';
import type { CaptureStream } from '../persistence/record.ts';
import { lineShift } from './lineShift.ts';
import { SpanTable } from './spanTable.ts';
import { Uint32List } from './uint32List.ts';

/** A capture's part of a document: its text, where its lines start, and how they look. */
export class OutputSection {
  readonly stream: CaptureStream;
  /** The number of its view in the storage's worker. */
  readonly view: number;
  /** Where the place is, of whose surroundings the text is; absent for a window at the end. */
  readonly excerpt: ExcerptPlace | undefined;
  private content = '';
  private lineStarts = new Uint32List();
  private spanTable: SpanTable;
  private skipped = 0;
  private missed = 0;
  /** Where the last of the missed bytes end in the capture. */
  private missedEnd = 0;
  private total = 0;
  private base = 0;
  /** The capture's size when a reader last saw the section's end. */
  seenBytes: number;
  private written: number;

  constructor(stream: CaptureStream, view: number, output: OpenedText) {
    this.stream = stream;
    this.view = view;
    this.excerpt = output.excerpt;
    this.spanTable = new SpanTable(output.spans);
    this.show(output);
    this.seenBytes = output.totalBytes;
    this.written = output.writtenAt ?? 0;
  }

  get text(): string {
    return this.content;
  }

  get spans(): SpanTable {
    return this.spanTable;
  }

  /** Bytes of the capture before the text. */
  get skippedBytes(): number {
    return this.skipped;
  }

  /** Bytes among the skipped ones that came faster than they could be shown, and never were. */
  get missedBytes(): number {
    return this.missed;
  }

  /** When the capture was last written, or found to have been, in epoch milliseconds. */
  get writtenAt(): number {
    return this.written;
  }

  /** The capture's size when it was last read. */
  get totalBytes(): number {
    return this.total;
  }

  /**
   * The number of the first line, counted from the first line that the section ever had: a line
   * keeps its number when others come or go before it.
   */
  get firstNumber(): number {
    return this.base;
  }

  /** Lines that the text has in a document; a line break at the end starts none. */
  get lineCount(): number {
    return this.lineStarts.length - (this.content.endsWith('\n') ? 1 : 0);
  }

  /** Line breaks in the text. */
  get lineBreaks(): number {
    return this.lineStarts.length - 1;
  }

  /** Where a line starts and ends in the text, without its line break. */
  lineOffsets(line: number): { start: number; end: number } {
    const start = this.lineStarts.at(line);
    const next = line + 1 < this.lineStarts.length ? this.lineStarts.at(line + 1) - 1 : undefined;
    return { start, end: next ?? this.content.length };
  }

  /** True where the text, or how it looks, is another one now. */
  apply(change: OutputChange): boolean {
    if (change.kind !== 'gone') this.written = Date.now();
    switch (change.kind) {
      case 'append': {
        const length = this.grow(change);
        this.spanTable.append(length, change.spans);
        this.total = change.totalBytes;
        return true;
      }
      case 'replace':
        this.replace(change);
        this.miss(change.missedBytes);
        return true;
      case 'gone':
        // The task's own removal, or its capture's replacement, follows; until then the text stays.
        return false;
    }
  }

  /** Takes another text of the same capture; lines that both have keep their number. */
  replace(output: ReplacingText): void {
    const { total } = this;
    if (output.growth !== undefined) {
      this.grow(output.growth);
      this.total = output.totalBytes;
    }
    const { content: text, lineStarts, skipped: skippedBytes, total: totalBytes } = this;
    this.spanTable = new SpanTable(output.spans);
    this.show(output);
    this.base +=
      lineShift(
        { text, lineStarts, skippedBytes, totalBytes },
        { ...output, lineStarts: this.lineStarts },
      ) ?? lineStarts.length;
    this.forgetMissed(Math.max(0, total - output.totalBytes));
  }

  /** Returns where what has come begins. */
  private grow({ replacedChars, text }: Growth): number {
    const length = this.content.length - replacedChars;
    this.content = this.content.slice(0, length) + text;
    this.keepLineStarts(length);
    addLineStarts(this.lineStarts, text, length);
    return length;
  }

  private miss(bytes: number): void {
    if (bytes === 0) return;
    this.missed += bytes;
    this.missedEnd = this.skipped;
  }

  /** Of what was missed, only what still lies before the text counts: AFT may drop a capture's start. */
  private forgetMissed(dropped: number): void {
    const end = Math.max(0, this.missedEnd - dropped);
    this.missedEnd = Math.min(end, this.skipped);
    this.missed = Math.min(Math.max(0, this.missed - (end - this.missedEnd)), this.missedEnd);
  }

  private show({ text, skippedBytes, totalBytes }: OutputText): void {
    this.content = text;
    this.skipped = skippedBytes;
    this.total = totalBytes;
    this.lineStarts = new Uint32List();
    this.lineStarts.push(0);
    addLineStarts(this.lineStarts, text, 0);
  }

  private keepLineStarts(length: number): void {
    let count = this.lineStarts.length;
    while (count > 1 && this.lineStarts.at(count - 1) > length) count -= 1;
    this.lineStarts.truncate(count);
  }
}

function addLineStarts(starts: Uint32List, text: string, offset: number): void {
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    starts.push(offset + at + 1);
  }
}
