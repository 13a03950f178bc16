import { charWidth } from './charWidth.ts';
import { SpanPacker } from './packedSpans.ts';
import type { LinkedStyle, PackedSpans } from './style.ts';

/** Rows that the cursor can go back to: the screenful of a roomy terminal. */
export const SCREEN_ROWS = 50;

/**
 * Columns of a row. A longer line goes on in a next row as in a terminal, without a line break in
 * the text: what is left of it can be rewritten no more, so an endless line costs no more than this.
 */
export const SCREEN_COLUMNS = 4096;

/**
 * Blanks that cursor moves may put before a text, for each character of the stream, and at the
 * start: a few bytes (`ESC [ 4000 C x`) must not make megabytes. Tabs stay within it.
 */
const BLANKS_PER_CHARACTER = 4;
const BLANKS_AT_START = 64 * 1024;

/** What changed since the last `takeChange`, at the end of the text. */
export interface TextChange {
  /** UTF-16 units to take away from the end of the text so far. */
  readonly replacedChars: number;
  /** What comes after what is left. */
  readonly text: string;
  /** Of `text`. */
  readonly spans: PackedSpans;
}

interface MutableSpan {
  start: number;
  end: number;
  readonly style: LinkedStyle;
}

/** A row is a plain string as long as it only grows, and cells from its first rewriting on. */
interface Row {
  text: string;
  spans: MutableSpan[];
  cells: Cells | undefined;
  /** The next row belongs to the same line. */
  continues: boolean;
  /** Offset in the text at the last `takeChange`; `UNTAKEN` if the row is younger. */
  start: number;
  /** The columns of the first `measured` units of `text`. */
  columns: number;
  measured: number;
}

interface Cells {
  /** A column each: a character with what combines with it, `BLANK`, or `WIDE_END`. */
  readonly glyphs: string[];
  readonly styles: (LinkedStyle | undefined)[];
  /** The row's `text` and `spans` are older than this. */
  changed: boolean;
}

const SPACES = ' '.repeat(SCREEN_COLUMNS);

/** A cell that nothing was written to: a space, or nothing at the end of a row. */
const BLANK = '';
/** The second column of a wide character. */
const WIDE_END = '\0';
/** Combining characters beyond these are dropped from a cell. */
const GLYPH_UNITS = 32;

const UNTAKEN = -1;

/** The cursor is behind the last character of its row, and nobody has asked for the column yet. */
const ROW_END = -1;

/**
 * The end of a text as a terminal shows it: a screenful of rows that a cursor can rewrite, and
 * above it the text that scrolled out. A line feed also returns to the first column.
 */
export class Screen {
  private rows: Row[] = [];
  private y = 0;
  private x = 0;
  private saved = { x: 0, y: 0 };
  private blanks = BLANKS_AT_START;

  /** Offset of the first row in the text. */
  private top = 0;
  /** The text's length at the last `takeChange`. */
  private takenEnd = 0;
  /** Up to here the text is still the one that was taken. */
  private cleanEnd = 0;
  /** What scrolled out since, from `cleanEnd`. */
  private parts: string[] = [];
  private out = '';
  private readonly outSpans = new SpanPacker();

  /** Writes text that has no control characters but line feeds. */
  print(text: string, style: LinkedStyle | undefined): void {
    this.blanks += text.length * BLANKS_PER_CHARACTER;
    let from = style === undefined && text.length > 1024 ? this.printBulk(text) : 0;
    for (;;) {
      const lineEnd = text.indexOf('\n', from);
      if (lineEnd < 0) break;
      if (lineEnd > from) this.put(text.slice(from, lineEnd), style);
      this.lineFeed();
      from = lineEnd + 1;
    }
    if (from < text.length) this.put(from === 0 ? text : text.slice(from), style);
  }

  /** Makes one string of what scrolled out: a text of a million small parts is slow to keep. */
  compact(): void {
    if (this.out === '') return;
    // Asking for a character makes V8 join the parts.
    this.out.charCodeAt(0);
    this.parts.push(this.out);
    this.out = '';
  }

  lineFeed(): void {
    if (this.y === SCREEN_ROWS - 1) {
      this.fillRows();
      const first = this.rows.shift();
      if (first !== undefined) {
        this.scrollOut(first);
        emptyRow(first);
        first.continues = false;
        first.start = UNTAKEN;
        this.rows.push(first);
      }
    } else {
      this.y++;
    }
    this.fillRows();
    this.x = 0;
  }

  /** A line feed that stays in its column. */
  index(): void {
    const x = this.column();
    this.lineFeed();
    this.x = x;
  }

  carriageReturn(): void {
    this.x = 0;
  }

  tab(): void {
    const x = this.column();
    this.moveToColumn(x - (x % 8) + 8);
  }

  moveColumns(by: number): void {
    this.moveToColumn(this.column() + by);
  }

  moveToColumn(column: number): void {
    this.x = Math.max(0, Math.min(column, SCREEN_COLUMNS - 1));
  }

  /** Stops at the first and the last row of the screen. */
  moveRows(by: number): void {
    this.moveToRow(this.y + by);
  }

  moveToRow(row: number): void {
    this.x = this.column();
    this.y = Math.max(0, Math.min(row, SCREEN_ROWS - 1));
  }

  save(): void {
    this.saved = { x: this.column(), y: this.y };
  }

  restore(): void {
    this.x = this.saved.x;
    this.y = this.saved.y;
  }

  eraseToRowEnd(): void {
    const row = this.rows[this.y];
    if (row === undefined || this.x === ROW_END) return;
    if (this.x === 0) this.clearRow(row);
    else if (this.x < this.width(row)) truncate(this.cellsOf(row), this.x);
  }

  /** The cell under the cursor included. */
  eraseFromRowStart(): void {
    const row = this.rows[this.y];
    if (row === undefined) return;
    const x = (this.x = this.column());
    if (x >= this.width(row) - 1) this.clearRow(row);
    else blankOut(this.cellsOf(row), 0, x + 1);
  }

  eraseRow(): void {
    const row = this.rows[this.y];
    if (row === undefined) return;
    this.x = this.column();
    this.clearRow(row);
  }

  eraseToScreenEnd(): void {
    this.eraseToRowEnd();
    const next = this.rows[this.y + 1];
    if (next === undefined) return;
    // The line break before it goes too.
    this.markChanged(next, -1);
    this.rows.length = this.y + 1;
    const row = this.rows[this.y];
    if (row !== undefined) row.continues = false;
  }

  eraseFromScreenStart(): void {
    for (const row of this.rows.slice(0, this.y)) this.clearRow(row);
    this.eraseFromRowStart();
  }

  /** Starts an empty screen below: what was shown is kept, as it would be in a log. */
  clear(): void {
    this.x = this.column();
    for (;;) {
      const last = this.rows.at(-1);
      if (last === undefined || this.settle(last).text !== '') break;
      // With a row goes the line break before it; that before the first row belongs to what has
      // scrolled off.
      this.markChanged(last, this.rows.length > 1 ? -1 : 0);
      this.rows.pop();
    }
    const last = this.rows.at(-1);
    if (last !== undefined) last.continues = false;
    this.scrollAllOut();
  }

  eraseColumns(count: number): void {
    const row = this.rows[this.y];
    const x = this.column();
    if (row === undefined || x >= this.width(row)) return;
    if (x + count >= this.width(row)) truncate(this.cellsOf(row), x);
    else blankOut(this.cellsOf(row), x, x + count);
  }

  deleteColumns(count: number): void {
    const row = this.rows[this.y];
    const x = (this.x = this.column());
    if (row === undefined || x >= this.width(row)) return;
    const cells = this.cellsOf(row);
    blankOut(cells, x, x + count);
    cells.glyphs.splice(x, count);
    cells.styles.splice(x, count);
  }

  insertColumns(count: number): void {
    const row = this.rows[this.y];
    const x = (this.x = this.column());
    if (row === undefined || x >= this.width(row)) return;
    const cells = this.cellsOf(row);
    const blanks = this.takeBlanks(Math.min(count, SCREEN_COLUMNS));
    if (cells.glyphs[x] === WIDE_END) blankOut(cells, x, x + 1);
    cells.glyphs.splice(x, 0, ...Array.from({ length: blanks }, () => BLANK));
    cells.styles.splice(x, 0, ...Array.from({ length: blanks }, () => undefined));
    truncate(cells, SCREEN_COLUMNS);
  }

  /** Whether text printed now comes after all other text. */
  isAtEnd(): boolean {
    const row = this.rows[this.y];
    if (row === undefined) return this.x === 0 && this.y === 0;
    if (this.y !== this.rows.length - 1) return false;
    return this.x === ROW_END || this.x === this.width(row);
  }

  /** Whether the cursor is in an empty row with none below. */
  isAtFreshLine(): boolean {
    const row = this.rows[this.y];
    if (row === undefined) return this.x === 0 && this.y === this.rows.length;
    return this.y === this.rows.length - 1 && this.x <= 0 && this.width(row) === 0;
  }

  /**
   * Begins whole lines, at a fresh one, that can be rewritten no more: a screenful must follow.
   * Their spans come with `addLineSpan`, their text with `endLines`.
   */
  beginLines(): void {
    // The row that the lines start in is the last: it comes again.
    this.rows.length = Math.min(this.rows.length, this.y);
    this.scrollAllOut();
    this.compact();
  }

  /** Offsets are from where the lines began. */
  addLineSpan(start: number, end: number, style: LinkedStyle): void {
    const by = this.top - this.cleanEnd;
    this.outSpans.add(start + by, end + by, style);
  }

  endLines(text: string): void {
    this.blanks += text.length * BLANKS_PER_CHARACTER;
    this.parts.push(text);
    this.top += text.length;
    this.y = 0;
    this.x = 0;
  }

  takeChange(): TextChange {
    this.parts.push(this.out);
    let text = '';
    for (const part of this.parts) text += part;
    const base = this.cleanEnd;
    let offset = this.top;
    for (const [index, row] of this.rows.entries()) {
      const last = index === this.rows.length - 1;
      const piece = last ? this.settle(row).text : this.line(row);
      const from = Math.max(0, base - offset);
      if (from < piece.length) {
        text += from === 0 ? piece : piece.slice(from);
        addSpans(this.outSpans, row.spans, from, offset - base);
      }
      row.start = offset;
      offset += piece.length;
    }
    const replacedChars = this.takenEnd - base;
    this.takenEnd = this.cleanEnd = offset;
    this.parts = [];
    this.out = '';
    return { replacedChars, text, spans: this.outSpans.take() };
  }

  /**
   * Lines of which all but the last screenful go by without becoming rows. Returns how much was
   * written so. Where the stream was cut into writes makes no difference to the result.
   */
  private printBulk(text: string): number {
    if (this.y < this.rows.length - 1) return 0;
    let rest = text.length;
    for (let row = 0; row < SCREEN_ROWS; row++) {
      rest = rest === 0 ? -1 : text.lastIndexOf('\n', rest - 1);
      if (rest < 0) return 0;
    }
    const lineEnd = text.indexOf('\n');
    if (lineEnd > 0) this.put(text.slice(0, lineEnd), undefined);
    this.fillRows();
    this.scrollAllOut();
    this.compact();
    this.parts.push(text.slice(lineEnd + 1, rest + 1));
    this.top += rest - lineEnd;
    this.y = 0;
    this.x = 0;
    return rest + 1;
  }

  /** Writes text without line feeds at the cursor. */
  private put(text: string, style: LinkedStyle | undefined): void {
    let rest = text;
    for (;;) {
      if (this.rows.length <= this.y) this.fillRows();
      const row = this.rows[this.y];
      if (row === undefined) return;
      const written = this.putInRow(row, rest, style);
      if (written >= rest.length) return;
      rest = rest.slice(written);
      const grows = this.y === this.rows.length - 1;
      this.lineFeed();
      if (grows) row.continues = true;
    }
  }

  /** Returns how much of the text found room in the row. */
  private putInRow(row: Row, text: string, style: LinkedStyle | undefined): number {
    if (row.cells === undefined) {
      if (this.x !== ROW_END) {
        const width = this.width(row);
        if (this.x >= width) {
          const blanks = this.takeBlanks(this.x - width);
          if (blanks > 0) this.append(row, SPACES.slice(0, blanks), undefined);
          this.x = ROW_END;
        }
      }
      if (this.x === ROW_END) {
        const room = SCREEN_COLUMNS - row.text.length;
        if (text.length <= room) {
          this.append(row, text, style);
          return text.length;
        }
        let cut = Math.max(0, room);
        if (cut > 0 && isHighSurrogate(text.charCodeAt(cut - 1))) cut--;
        if (cut > 0) this.append(row, text.slice(0, cut), style);
        return cut;
      }
    }
    return this.overwrite(this.cellsOf(row), text, style);
  }

  private append(row: Row, text: string, style: LinkedStyle | undefined): void {
    const start = row.text.length;
    this.markChanged(row, start);
    row.text = start === 0 ? text : row.text + text;
    if (style !== undefined) addSpan(row.spans, start, start + text.length, style);
  }

  private overwrite(cells: Cells, text: string, style: LinkedStyle | undefined): number {
    const { glyphs, styles } = cells;
    let x = this.x === ROW_END ? glyphs.length : this.x;
    if (x > glyphs.length) {
      for (let blanks = this.takeBlanks(x - glyphs.length); blanks > 0; blanks--) {
        glyphs.push(BLANK);
        styles.push(undefined);
      }
      x = glyphs.length;
    }
    let at = 0;
    while (at < text.length) {
      const codePoint = text.codePointAt(at) ?? 0;
      const units = codePoint > 0xffff ? 2 : 1;
      const width = charWidth(codePoint);
      if (width === 0) {
        combine(cells, x, text.slice(at, at + units));
      } else {
        if (x + width > SCREEN_COLUMNS) break;
        // Half of a wide character is no character.
        if (glyphs[x] === WIDE_END) blankOut(cells, x, x + 1);
        if (glyphs[x + width] === WIDE_END) blankOut(cells, x + width - 1, x + width);
        glyphs[x] = units === 1 ? text.charAt(at) : text.slice(at, at + units);
        styles[x] = style;
        if (width === 2) {
          glyphs[x + 1] = WIDE_END;
          styles[x + 1] = style;
        }
        x += width;
      }
      at += units;
    }
    this.x = x;
    return at;
  }

  private column(): number {
    if (this.x !== ROW_END) return this.x;
    const row = this.rows[this.y];
    return row === undefined ? 0 : Math.min(this.width(row), SCREEN_COLUMNS - 1);
  }

  private width(row: Row): number {
    if (row.cells !== undefined) return row.cells.glyphs.length;
    if (row.measured < row.text.length) {
      const added = row.text.slice(row.measured);
      if (/^[ -~]*$/.test(added)) row.columns += added.length;
      else for (const character of added) row.columns += charWidth(character.codePointAt(0) ?? 0);
      row.measured = row.text.length;
    }
    return row.columns;
  }

  private cellsOf(row: Row): Cells {
    this.markChanged(row, 0);
    if (row.cells !== undefined) {
      row.cells.changed = true;
      return row.cells;
    }
    const cells: Cells = { glyphs: [], styles: [], changed: true };
    let offset = 0;
    let next = 0;
    for (const character of row.text) {
      while (offset >= (row.spans[next]?.end ?? Infinity)) next++;
      const span = row.spans[next];
      const style = span !== undefined && offset >= span.start ? span.style : undefined;
      offset += character.length;
      const width = charWidth(character.codePointAt(0) ?? 0);
      if (width === 0) {
        combine(cells, cells.glyphs.length, character);
        continue;
      }
      cells.glyphs.push(character);
      cells.styles.push(style);
      if (width === 2) {
        cells.glyphs.push(WIDE_END);
        cells.styles.push(style);
      }
    }
    row.cells = cells;
    return cells;
  }

  private clearRow(row: Row): void {
    this.markChanged(row, 0);
    emptyRow(row);
  }

  /** Brings a row's text and spans up to its cells. */
  private settle(row: Row): Row {
    const cells = row.cells;
    if (cells?.changed !== true) return row;
    cells.changed = false;
    const { glyphs, styles } = cells;
    let count = glyphs.length;
    while (count > 0 && glyphs[count - 1] === BLANK) count--;
    const parts: string[] = [];
    let end = 0;
    row.spans = [];
    for (let column = 0; column < count; column++) {
      const glyph = glyphs[column] ?? BLANK;
      if (glyph === WIDE_END) continue;
      const part = glyph === BLANK ? ' ' : glyph;
      parts.push(part);
      const start = end;
      end += part.length;
      const style = styles[column];
      if (style !== undefined) addSpan(row.spans, start, end, style);
    }
    row.text = parts.join('');
    return row;
  }

  private line(row: Row): string {
    const { text } = this.settle(row);
    return row.continues ? text : text + '\n';
  }

  private scrollOut(row: Row): void {
    const line = this.line(row);
    const from = Math.max(0, this.cleanEnd - this.top);
    if (from < line.length) {
      this.out += from === 0 ? line : line.slice(from);
      const by = this.top - this.cleanEnd;
      for (const span of row.spans) {
        if (span.end <= from) continue;
        this.outSpans.add((span.start > from ? span.start : from) + by, span.end + by, span.style);
      }
    }
    this.top += line.length;
  }

  private scrollAllOut(): void {
    for (const row of this.rows) this.scrollOut(row);
    this.rows = [];
  }

  /** Rows down to the cursor's. */
  private fillRows(): void {
    while (this.rows.length <= this.y) {
      this.rows.push({
        text: '',
        spans: [],
        cells: undefined,
        continues: false,
        start: UNTAKEN,
        columns: 0,
        measured: 0,
      });
    }
  }

  private takeBlanks(wanted: number): number {
    const taken = Math.min(wanted, this.blanks);
    this.blanks -= taken;
    return taken;
  }

  /** The text is another from this place of a row on. */
  private markChanged(row: Row, place: number): void {
    if (row.start === UNTAKEN || row.start + place >= this.cleanEnd) return;
    this.cleanEnd = Math.max(0, row.start + place);
  }
}

function emptyRow(row: Row): void {
  row.text = '';
  if (row.spans.length > 0) row.spans = [];
  row.cells = undefined;
  row.columns = 0;
  row.measured = 0;
}

function combine({ glyphs }: Cells, column: number, mark: string): void {
  const at = glyphs[column - 1] === WIDE_END ? column - 2 : column - 1;
  const glyph = glyphs[at];
  if (glyph === undefined || glyph.length >= GLYPH_UNITS) return;
  glyphs[at] = (glyph === BLANK ? ' ' : glyph) + mark;
}

/** Makes cells blank; a wide character that loses one of its halves loses both. */
function blankOut({ glyphs, styles }: Cells, from: number, to: number): void {
  const end = Math.min(to, glyphs.length);
  if (from >= end) return;
  const start = glyphs[from] === WIDE_END ? from - 1 : from;
  const stop = glyphs[end] === WIDE_END ? end + 1 : end;
  for (let column = start; column < stop; column++) {
    glyphs[column] = BLANK;
    styles[column] = undefined;
  }
}

function truncate(cells: Cells, column: number): void {
  if (column >= cells.glyphs.length) return;
  blankOut(cells, column, cells.glyphs.length);
  cells.glyphs.length = column;
  cells.styles.length = column;
}

function addSpan(spans: MutableSpan[], start: number, end: number, style: LinkedStyle): void {
  const last = spans[spans.length - 1];
  if (last?.end === start && last.style === style) last.end = end;
  else spans.push({ start, end, style });
}

/** Adds the spans of a row from a column on, moved. */
function addSpans(to: SpanPacker, spans: readonly MutableSpan[], from: number, by: number): void {
  for (const { start, end, style } of spans) {
    if (end > from) to.add((start > from ? start : from) + by, end + by, style);
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
