import type { LineSpans } from './packedSpans.ts';
import {
  appendText,
  blankOut,
  cellsOf,
  deleteCells,
  emptyRow,
  insertBlanks,
  isEmptyRow,
  makeRow,
  overwrite,
  rowWidth,
  settle,
  truncate,
  UNTAKEN,
  type Cells,
  type Row,
} from './row.ts';
import { ShownText, type TextChange } from './shownText.ts';
import type { LinkedStyle } from './style.ts';

/** Rows that the cursor can go back to: the screenful of a roomy terminal. */
export const SCREEN_ROWS = 50;

/**
 * Columns of a row. A longer line goes on in a next row as in a terminal, without a line break in
 * the text: what is left of it can be rewritten no more, so an endless line costs no more than this.
 */
export const SCREEN_COLUMNS = 4096;

/**
 * A few bytes must not make megabytes (`ESC [ 4000 C x`) or keep the thread busy (`ESC [ 4000 X`).
 * So blanks that cursor moves put before a text, and cells that are touched without being written,
 * are paid for with credit, which each character of the stream adds to. A tab adds what it may cost.
 * No program runs out of it but one that is made to.
 */
const CREDIT_AT_START = 512 * 1024;
const CREDIT_PER_CHARACTER = 32;
const BLANK_COST = 8;
const TAB_WIDTH = 8;
/** Moving so many cells takes as long as writing one. */
const CELLS_MOVED = 8;

/** Text of more characters is not worth a look at whether all but its end scrolls out. */
const BULK = 1024;
const SPACES = ' '.repeat(SCREEN_COLUMNS);

/** The cursor is behind the last character of its row, and nobody has asked for the column yet. */
const ROW_END = -1;

/**
 * The end of a text as a terminal shows it: a screenful of rows that a cursor can rewrite, and
 * above it the text that scrolled out. A line feed also returns to the first column.
 */
export class Screen {
  private rows: Row[] = [];
  private y = 0;
  /** Behind the last column too: what is printed there goes on in the next rows. */
  private x = 0;
  private saved = { x: 0, y: 0 };
  private credit = CREDIT_AT_START;

  private readonly shown = new ShownText();

  /** Writes text that has no control characters but line feeds. */
  print(text: string, style: LinkedStyle | undefined): void {
    const taken = style === undefined && text.length > BULK ? this.printBulk(text) : 0;
    const rest = taken === 0 ? text : detachedEnd(text, taken);
    let from = 0;
    for (;;) {
      const lineEnd = rest.indexOf('\n', from);
      if (lineEnd < 0) break;
      if (lineEnd > from) this.put(rest.slice(from, lineEnd), style);
      this.lineFeed();
      from = lineEnd + 1;
    }
    if (from < rest.length) this.put(from === 0 ? rest : rest.slice(from), style);
    // Only now, as what comes first in the text may cost: it must not depend on where writes cut.
    this.credit += text.length * CREDIT_PER_CHARACTER;
  }

  lineFeed(): void {
    this.fillRows();
    if (this.y < SCREEN_ROWS - 1) {
      this.y++;
      if (this.y === this.rows.length) this.rows.push(makeRow());
    } else {
      const first = this.rows.shift();
      if (first !== undefined) {
        this.shown.scrollOut(first);
        emptyRow(first);
        first.continues = false;
        first.start = UNTAKEN;
        this.rows.push(first);
        this.saved.y = Math.max(0, this.saved.y - 1);
      }
    }
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

  /** Goes on behind the last column: a stop there would put the next text over the last. */
  tab(): void {
    const x = this.endlessColumn();
    this.x = x - (x % TAB_WIDTH) + TAB_WIDTH;
    this.credit += TAB_WIDTH * BLANK_COST;
  }

  /** Stops at the last column; from behind it goes on, so that nothing else is overwritten. */
  moveColumns(by: number): void {
    const x = this.endlessColumn();
    if (x >= SCREEN_COLUMNS) this.x = Math.max(0, x + by);
    else this.moveToColumn(x + by);
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

  /** A saved place scrolls with its row, up to the first one. */
  save(): void {
    this.saved = { x: this.endlessColumn(), y: this.y };
  }

  restore(): void {
    this.x = this.saved.x;
    this.y = this.saved.y;
  }

  eraseToRowEnd(): void {
    const row = this.rows[this.y];
    if (row === undefined || this.x === ROW_END) return;
    if (this.x === 0) this.clearRow(row);
    else if (this.x < rowWidth(row)) truncate(this.edit(row), this.x);
  }

  /** The cell under the cursor included. */
  eraseFromRowStart(): void {
    const row = this.rows[this.y];
    if (row === undefined) return;
    const x = (this.x = this.endlessColumn());
    if (x >= rowWidth(row) - 1) this.clearRow(row);
    else if (this.spend(x)) blankOut(this.edit(row), 0, x + 1);
  }

  eraseRow(): void {
    const row = this.rows[this.y];
    if (row === undefined) return;
    this.x = this.endlessColumn();
    this.clearRow(row);
  }

  eraseToScreenEnd(): void {
    this.eraseToRowEnd();
    const next = this.rows[this.y + 1];
    if (next === undefined) return;
    // The line break before it goes too.
    this.shown.markChanged(next, -1);
    this.rows.length = this.y + 1;
    const row = this.rows[this.y];
    if (row !== undefined) row.continues = false;
  }

  eraseFromScreenStart(): void {
    for (let y = 0; y < this.y; y++) {
      const row = this.rows[y];
      if (row !== undefined) this.clearRow(row);
    }
    this.eraseFromRowStart();
  }

  /** Starts an empty screen below: what was shown is kept, as it would be in a log. */
  clear(): void {
    this.x = this.column();
    for (;;) {
      const last = this.rows.at(-1);
      if (last === undefined || settle(last).text !== '') break;
      // With a row goes the line break before it; that before the first row belongs to what has
      // scrolled off.
      this.shown.markChanged(last, this.rows.length > 1 ? -1 : 0);
      this.rows.pop();
    }
    const last = this.rows.at(-1);
    if (last !== undefined) last.continues = false;
    this.scrollAllOut();
  }

  eraseColumns(count: number): void {
    const row = this.rows[this.y];
    const x = this.endlessColumn();
    if (row === undefined || x >= rowWidth(row)) return;
    if (x + count >= rowWidth(row)) truncate(this.edit(row), x);
    else if (this.spend(count)) blankOut(this.edit(row), x, x + count);
  }

  deleteColumns(count: number): void {
    const row = this.rows[this.y];
    const x = (this.x = this.endlessColumn());
    if (row === undefined || x >= rowWidth(row)) return;
    if (this.spend((rowWidth(row) - x) / CELLS_MOVED)) deleteCells(this.edit(row), x, count);
  }

  insertColumns(count: number): void {
    const row = this.rows[this.y];
    const x = (this.x = this.endlessColumn());
    if (row === undefined || x >= rowWidth(row)) return;
    if (!this.spend((rowWidth(row) - x) / CELLS_MOVED)) return;
    const blanks = this.takeBlanks(Math.min(count, SCREEN_COLUMNS));
    insertBlanks(this.edit(row), x, blanks, SCREEN_COLUMNS);
  }

  /** Whether text printed now comes after all other text. */
  isAtEnd(): boolean {
    const row = this.rows[this.y];
    if (row === undefined) return this.x === 0 && this.y === 0;
    if (this.y !== this.rows.length - 1) return false;
    return this.x === ROW_END || this.x === rowWidth(row);
  }

  /** Line breaks of the text behind the cursor's row. */
  get linesBelow(): number {
    return this.rows.slice(this.y, -1).filter(({ continues }) => !continues).length;
  }

  /** Whether the cursor is in an empty row with none below. */
  isAtFreshLine(): boolean {
    const row = this.rows[this.y];
    if (row === undefined) return this.x === 0 && this.y === this.rows.length;
    return this.y === this.rows.length - 1 && this.x <= 0 && rowWidth(row) === 0;
  }

  /**
   * Takes whole lines, at a fresh one, that can be rewritten no more: a screenful must follow.
   * `spans` are of `text`.
   */
  takeLines(text: string, spans: LineSpans): void {
    this.leaveRow();
    this.startScreen(text, 0, text.length);
    this.shown.addLines(text, spans);
    this.credit += text.length * CREDIT_PER_CHARACTER;
  }

  takeChange(): TextChange {
    return this.shown.takeChange(this.rows);
  }

  /**
   * Lines of which all but the last screenful go by without becoming rows. Returns how much was
   * written so. Where the stream was cut into writes makes no difference to the result.
   */
  private printBulk(text: string): number {
    if (this.y < this.rows.length - 1) return 0;
    let end = text.length;
    for (let row = 0; row < SCREEN_ROWS; row++) {
      end = end === 0 ? -1 : text.lastIndexOf('\n', end - 1);
      if (end < 0) return 0;
    }
    end++;
    let start = 0;
    if (this.isAtFreshLine()) this.leaveRow();
    else {
      start = text.indexOf('\n') + 1;
      if (start > 1) this.put(text.slice(0, start - 1), undefined);
      this.fillRows();
    }
    this.startScreen(text, start, end);
    this.shown.addBulk(text, start, end);
    return end;
  }

  /** The empty row that the cursor is in, the last, comes again. */
  private leaveRow(): void {
    this.rows.length = Math.min(this.rows.length, this.y);
  }

  /** For what comes after some lines of a text, which scroll out without having been rows. */
  private startScreen(text: string, start: number, end: number): void {
    let savedRow = this.saved.y - this.rows.length;
    for (let at = start; savedRow > 0 && at < end; savedRow--) at = text.indexOf('\n', at) + 1;
    this.saved.y = Math.max(0, savedRow);
    this.scrollAllOut();
    this.y = 0;
    this.x = 0;
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
      const beyond = this.x === ROW_END ? 0 : Math.max(0, this.x - rowWidth(row));
      this.lineFeed();
      this.x = beyond;
      if (grows) row.continues = true;
    }
  }

  /** Returns how much of the text found room in the row. */
  private putInRow(row: Row, text: string, style: LinkedStyle | undefined): number {
    if (this.x !== ROW_END) {
      const width = rowWidth(row);
      if (this.x > width) {
        const wanted = Math.max(0, Math.min(this.x, SCREEN_COLUMNS) - width);
        const blanks = this.takeBlanks(wanted);
        if (blanks < wanted) this.x = width + blanks;
        if (blanks > 0) this.appendBlanks(row, blanks);
        if (this.x > SCREEN_COLUMNS) return 0;
      }
      if (row.cells === undefined && this.x >= width) this.x = ROW_END;
    }
    if (this.x !== ROW_END || row.cells !== undefined) {
      const from = this.x === ROW_END ? rowWidth(row) : this.x;
      const { column, units } = overwrite(this.edit(row), from, SCREEN_COLUMNS, text, style);
      this.x = column;
      return units;
    }
    const room = Math.max(0, SCREEN_COLUMNS - row.text.length);
    let fitting = Math.min(room, text.length);
    if (fitting < text.length && isHighSurrogate(text.charCodeAt(fitting - 1))) fitting--;
    if (fitting > 0) this.append(row, fitting < text.length ? text.slice(0, fitting) : text, style);
    return fitting;
  }

  private append(row: Row, text: string, style: LinkedStyle | undefined): void {
    this.shown.markChanged(row, row.text.length);
    appendText(row, text, style);
  }

  private appendBlanks(row: Row, count: number): void {
    if (row.cells === undefined) this.append(row, SPACES.slice(0, count), undefined);
    else insertBlanks(this.edit(row), rowWidth(row), count, SCREEN_COLUMNS);
  }

  private column(): number {
    return Math.min(this.endlessColumn(), SCREEN_COLUMNS - 1);
  }

  /** May be behind the last column. */
  private endlessColumn(): number {
    if (this.x !== ROW_END) return this.x;
    const row = this.rows[this.y];
    return row === undefined ? 0 : rowWidth(row);
  }

  /** A row's cells, to be changed. */
  private edit(row: Row): Cells {
    this.shown.markChanged(row, 0);
    return cellsOf(row);
  }

  private clearRow(row: Row): void {
    if (isEmptyRow(row)) return;
    this.shown.markChanged(row, 0);
    emptyRow(row);
  }

  private scrollAllOut(): void {
    for (const row of this.rows) this.shown.scrollOut(row);
    this.rows = [];
  }

  /** Rows down to the cursor's. Those between cost as much as blanks. */
  private fillRows(): void {
    const between = this.y - this.rows.length;
    if (between > 0) this.y = this.rows.length + this.takeBlanks(between);
    while (this.rows.length <= this.y) this.rows.push(makeRow());
  }

  private takeBlanks(wanted: number): number {
    const taken = Math.min(wanted, Math.floor(this.credit / BLANK_COST));
    this.credit -= taken * BLANK_COST;
    return taken;
  }

  /** False where the credit does not reach. */
  private spend(cost: number): boolean {
    if (cost > this.credit) return false;
    this.credit -= cost;
    return true;
  }
}

/** A copy, as a slice would keep the whole text alive. */
function detachedEnd(text: string, from: number): string {
  return Buffer.from(text.slice(from)).toString();
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
