import { SpanPacker, type LineSpans } from './packedSpans.ts';
import { settle, UNTAKEN, type Row } from './row.ts';
import type { PackedSpans } from './style.ts';

/** So many characters are made one string. */
const PART = 16 * 1024;

/** What changed since the last `takeChange`, at the end of the text. */
export interface TextChange {
  /** UTF-16 units to take away from the end of the text so far. */
  readonly replacedChars: number;
  /** What comes after what is left. */
  readonly text: string;
  /** Of `text`. */
  readonly spans: PackedSpans;
}

/** Lines that scrolled out at once: from `start` to `end` of `text`, as the part before `place`. */
interface Bulk {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly place: number;
}

/** The text that rows show and that is above them, as far as its reader does not have it yet. */
export class ShownText {
  /** Offset of the first row in the text. */
  private top = 0;
  /** The text's length at the last `takeChange`. */
  private takenEnd = 0;
  /** Up to here the text is still the one that was taken. */
  private cleanEnd = 0;
  /** What scrolled out since, from `cleanEnd`. */
  private parts: string[] = [];
  private bulk: Bulk | undefined;
  private out = '';
  private readonly spans = new SpanPacker();

  /** A row is another from this place of its text on. */
  markChanged(row: Row, place: number): void {
    if (row.start === UNTAKEN || row.start + place >= this.cleanEnd) return;
    this.cleanEnd = Math.max(0, row.start + place);
  }

  /** The first row scrolls out. */
  scrollOut(row: Row): void {
    const text = line(row);
    const from = Math.max(0, this.cleanEnd - this.top);
    if (from < text.length) {
      this.out += from === 0 ? text : text.slice(from);
      this.addSpans(row, from, this.top - this.cleanEnd);
      if (this.out.length > PART) this.endPart();
    }
    this.top += text.length;
  }

  /** Takes lines that never were rows, once all rows have scrolled out. */
  addLines(text: string, spans: LineSpans): void {
    this.spans.addAll(spans, this.top - this.cleanEnd);
    this.addPart(text);
  }

  /** As `addLines`: a part of a text, of which the rest comes as rows. */
  addBulk(text: string, start: number, end: number): void {
    this.addPart(text.slice(start, end));
    this.bulk = { text, start, end, place: this.parts.length };
  }

  takeChange(rows: readonly Row[]): TextChange {
    const base = this.cleanEnd;
    let offset = this.top;
    let shown = '';
    for (const [index, row] of rows.entries()) {
      const last = index === rows.length - 1;
      const piece = last ? settle(row).text : line(row);
      const from = Math.max(0, base - offset);
      if (from < piece.length) {
        shown += from === 0 ? piece : piece.slice(from);
        this.addSpans(row, from, offset - base);
      }
      row.start = offset;
      offset += piece.length;
    }
    const replacedChars = this.takenEnd - base;
    this.takenEnd = this.cleanEnd = offset;
    return { replacedChars, text: this.takeText(shown), spans: this.spans.take() };
  }

  /** What scrolled out, and the rows' text behind it. */
  private takeText(shown: string): string {
    this.endPart();
    const { parts, bulk } = this;
    this.parts = [];
    this.bulk = undefined;
    // Mostly the rows still show what came behind the lines that scrolled out at once: then both
    // are one string already, and it takes no copy.
    if (bulk?.place === parts.length && bulk.text.startsWith(shown, bulk.end)) {
      parts[bulk.place - 1] = bulk.text.slice(bulk.start, bulk.end + shown.length);
    } else parts.push(shown);
    let text = '';
    for (const part of parts) text += part;
    return text;
  }

  private addPart(text: string): void {
    this.endPart();
    this.parts.push(text);
    this.top += text.length;
  }

  /** A text of a million small parts is slow to keep. */
  private endPart(): void {
    if (this.out === '') return;
    // Asking for a character makes V8 join the parts.
    this.out.charCodeAt(0);
    this.parts.push(this.out);
    this.out = '';
  }

  /** Adds the spans of a row from a place on, moved. */
  private addSpans(row: Row, from: number, by: number): void {
    for (const { start, end, style } of row.spans) {
      if (end > from) this.spans.add((start > from ? start : from) + by, end + by, style);
    }
  }
}

/** A row's text, with its line break where its line ends. */
function line(row: Row): string {
  const { text } = settle(row);
  return row.continues ? text : text + '\n';
}
