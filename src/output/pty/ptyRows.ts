import { charWidth } from '../rendering/charWidth.ts';
import {
  codePointAt,
  endOfLine,
  isUnsafe,
  lengthOf,
  LONGEST,
  readSequence,
  TAB_WIDTH,
  type Pen,
} from './plainLines.ts';
import { PtySpanList, type PtySpans } from './ptySpans.ts';
import { Cell, type XtermExtended, type XtermLine } from './xterm.ts';

/** A piece of a text. Its spans count from the start of the whole text. */
export interface Part {
  readonly text: string;
  readonly spans: PtySpans;
}

/** Where the rows went on that were added so far. */
export interface RowsState {
  readonly isEmpty: boolean;
  readonly columns: number;
  readonly taken: number;
}

/** Room for the longest rows, each cell with a glyph of many units. */
const BUFFER = 64 * 1024;
/** UTF-16 units that a cell may have; combining characters beyond them are dropped. */
const GLYPH_UNITS = 32;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const SPACE = 0x20;
const REPLACEMENT = 0xfffd;
/** The contents of a cell without a character, with a space, and with DEL. */
const NARROW_BLANK = 1 << Cell.widthShift;
const NARROW_SPACE = (1 << Cell.widthShift) | SPACE;
const NARROW_DELETE = (1 << Cell.widthShift) | 0x7f;

/** Makes text and spans of a terminal's rows. Wrapped rows become one line. */
export class PtyRows {
  private readonly units = new Uint16Array(BUFFER);
  private length = 0;
  /** All bits of `units`: mostly a byte is enough for each. */
  private bits = 0;
  private readonly bytes = Buffer.allocUnsafe(BUFFER);
  /** What `units` had before. */
  private text = '';
  private readonly spans = new PtySpanList();
  /** Characters that were taken before. */
  private taken = 0;
  private isEmpty = true;
  /** Columns of the last row up to its last character. */
  private columns = 0;
  private readonly linkOf: (id: number) => string | undefined;

  /** `linkOf` tells the target of a link's number. */
  constructor(linkOf: (id: number) => string | undefined) {
    this.linkOf = linkOf;
  }

  /** Characters since the last `take`. */
  get pending(): number {
    return this.text.length + this.length;
  }

  get state(): RowsState {
    const { isEmpty, columns, taken } = this;
    return { isEmpty, columns, taken };
  }

  /** Goes back to an earlier state. Call `take` before. */
  set state({ isEmpty, columns, taken }: RowsState) {
    this.isEmpty = isEmpty;
    this.columns = columns;
    this.taken = taken;
  }

  add(line: XtermLine): void {
    const columns = columnsOf(line);
    this.reserve(1 + line.length + GLYPH_UNITS * columns);
    if (this.isEmpty) this.isEmpty = false;
    else if (line.isWrapped) this.pad(line);
    else this.units[this.length++] = LINE_FEED;
    this.columns = columns;
    this.addCells(line, columns);
  }

  /**
   * Adds lines as `plainLines` finds them, as a terminal of so many columns shows them. `pen` goes
   * on with them.
   */
  addPlain(bytes: Buffer, starts: readonly number[], end: number, columns: number, pen: Pen): void {
    let tab = -1;
    for (const [index, start] of starts.entries()) {
      const lineFeed = (starts[index + 1] ?? end) - 1;
      const lineEnd = endOfLine(bytes, start, lineFeed);
      if (tab < start) {
        tab = bytes.subarray(0, end).indexOf(TAB, start);
        if (tab < 0) tab = end;
      }
      const hasReturn = lineEnd < lineFeed;
      const countsColumns = !hasReturn || pen.column > 0 || tab < lineEnd;
      this.reserve(1 + columns + LONGEST);
      if (this.isEmpty) this.isEmpty = false;
      else this.units[this.length++] = LINE_FEED;
      const base = this.taken + this.text.length;
      const { units } = this;
      let { length, bits } = this;
      let lookStart = length;
      /** The blanks before the cursor that are there once something follows. */
      let blanks = pen.column;
      let { column } = pen;
      for (let at = start; at < lineEnd;) {
        const byte = bytes[at] ?? 0;
        if (byte >= SPACE) {
          const isAscii = byte < 0x80;
          const code = isAscii ? byte : codePointAt(bytes, at);
          if (countsColumns) {
            const width = charWidth(code);
            if (column + width > columns) column = 0;
            column += width;
            if (blanks > 0) {
              this.addPlainSpan(base + lookStart, base + length, pen);
              units.fill(SPACE, length, length + blanks);
              length += blanks;
              lookStart = length;
              blanks = 0;
            }
          }
          if (code > 0xffff) {
            units[length++] = 0xd800 + ((code - 0x10000) >> 10);
            units[length++] = 0xdc00 + (code & 0x3ff);
            bits = 0xffff;
          } else {
            units[length++] = code;
            bits |= code;
          }
          at += isAscii ? 1 : lengthOf(byte);
        } else if (byte === TAB) {
          if (column < columns) {
            const stop = Math.min(columns - 1, column + TAB_WIDTH - (column % TAB_WIDTH));
            blanks += stop - column;
            column = stop;
          }
          at++;
        } else {
          this.addPlainSpan(base + lookStart, base + length, pen);
          at = readSequence(bytes, at, pen);
          lookStart = length;
        }
      }
      // A line that is full has the cursor in its last column, if nothing follows.
      pen.column = hasReturn ? 0 : Math.min(column, columns - 1);
      this.length = length;
      this.bits = bits;
      this.addPlainSpan(base + lookStart, base + length, pen);
    }
  }

  addLineFeed(): void {
    this.reserve(1);
    this.units[this.length++] = LINE_FEED;
  }

  /** The text since the last call. */
  take(): Part {
    this.flush();
    const { text } = this;
    this.taken += text.length;
    this.text = '';
    return { text, spans: this.spans.take() };
  }

  private addCells(line: XtermLine, columns: number): void {
    const data = line._data;
    const { units } = this;
    let { length, bits } = this;
    /** Offset in the text of the first unit. */
    const base = this.taken + this.text.length;
    let front = 0;
    let back = 0;
    let extended: XtermExtended | undefined;
    let styleStart = length;
    for (let column = 0, at = 0; column < columns; column++, at += 3) {
      const content = data[at] ?? 0;
      const cellFront = (data[at + 1] ?? 0) | 0;
      const cellBack = (data[at + 2] ?? 0) | 0;
      if (((cellFront ^ front) | (cellBack ^ back) | (cellBack & Cell.hasExtended)) !== 0) {
        const cellExtended =
          (cellBack & Cell.hasExtended) === 0 ? undefined : line._extendedAttrs[column];
        if (cellFront !== front || cellBack !== back || cellExtended !== extended) {
          this.addSpan(base + styleStart, base + length, front, back, extended);
          front = cellFront;
          back = cellBack;
          extended = cellExtended;
          styleStart = length;
        }
      }
      if (isNarrowAscii(content)) {
        units[length++] = content & 0x7f || SPACE;
        continue;
      }
      const code = content & Cell.codePoint;
      if ((content & Cell.isCombined) !== 0) {
        const glyph = safe(line._combined[column] ?? '');
        for (let unit = 0; unit < glyph.length; unit++) units[length++] = glyph.charCodeAt(unit);
        bits = 0xffff;
      } else if (code > 0xffff) {
        units[length++] = 0xd800 + ((code - 0x10000) >> 10);
        units[length++] = 0xdc00 + (code & 0x3ff);
        bits = 0xffff;
      } else {
        units[length++] = code === 0 ? SPACE : isUnsafe(code) ? REPLACEMENT : code;
        bits |= code;
      }
      if (content >>> Cell.widthShift === 2) {
        // The second half has nothing of its own.
        column++;
        at += 3;
      }
    }
    this.length = length;
    this.bits = bits;
    this.addSpan(base + styleStart, base + length, front, back, extended);
  }

  /** A row that was filled and then erased at its end still has its blanks. */
  private pad(next: XtermLine): void {
    const isWide = (next._data[0] ?? 0) >>> Cell.widthShift === 2;
    // One that did not fit left the last column free.
    const columns = isWide && this.columns < next.length ? next.length - 1 : next.length;
    const end = this.length + Math.max(0, columns - this.columns);
    this.units.fill(SPACE, this.length, end);
    this.length = end;
  }

  /** Makes room for a row. */
  private reserve(units: number): void {
    if (this.length + units > this.units.length) this.flush();
  }

  private flush(): void {
    const { units, length } = this;
    if (length === 0) return;
    if (this.bits < 0x100) {
      this.bytes.set(units.subarray(0, length));
      this.text += this.bytes.toString('latin1', 0, length);
    } else this.text += Buffer.from(units.buffer, 0, 2 * length).toString('utf16le');
    this.length = 0;
    this.bits = 0;
  }

  private addPlainSpan(start: number, end: number, { front, back, underline }: Pen): void {
    const shown = (back & Cell.hasExtended) === 0 ? 0 : underline;
    this.spans.add(start, end, front, back, shown, undefined);
  }

  private addSpan(
    start: number,
    end: number,
    front: number,
    back: number,
    extended: XtermExtended | undefined,
  ): void {
    const id = extended?.urlId ?? 0;
    const link = id === 0 ? undefined : this.linkOf(id);
    this.spans.add(start, end, front, back, extended?._ext ?? 0, link);
  }
}

/** A cell of one column with nothing, or with one of the printable characters of ASCII. */
function isNarrowAscii(content: number): boolean {
  return content === NARROW_BLANK || (content >= NARROW_SPACE && content < NARROW_DELETE);
}

/** Whether a row shows nothing. */
export function isBlankRow(line: XtermLine): boolean {
  return columnsOf(line) === 0;
}

/** Columns up to the last one that was written to. */
function columnsOf({ _data: data, length }: XtermLine): number {
  let end = 3 * length;
  // Four at a time, as most rows are mostly blank.
  for (; end >= 12; end -= 12) {
    const contents =
      (data[end - 3] ?? 0) | (data[end - 6] ?? 0) | (data[end - 9] ?? 0) | (data[end - 12] ?? 0);
    if ((contents & Cell.hasContent) !== 0) break;
  }
  while (end > 0 && ((data[end - 3] ?? 0) & Cell.hasContent) === 0) end -= 3;
  const columns = end / 3;
  if (columns === 0) return 0;
  const width = (data[3 * columns - 3] ?? 0) >>> Cell.widthShift;
  return Math.min(length, columns - 1 + Math.max(1, width));
}

/** Without lone surrogates, controls, and characters that editors take for line ends. */
function safe(glyph: string): string {
  return glyph.slice(0, GLYPH_UNITS).toWellFormed().replace(UNSAFE, '\ufffd');
}

/** Those that reorder the text shown are among them. */
// eslint-disable-next-line no-control-regex
const UNSAFE = /[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;
