import { charWidth } from './charWidth.ts';
import type { LinkedStyle, StyleSpan } from './style.ts';

/** A row is a plain string as long as it only grows, and cells from its first rewriting on. */
export interface Row {
  text: string;
  spans: MutableSpan[];
  cells: Cells | undefined;
  /** The next row belongs to the same line. */
  continues: boolean;
  /** Offset in the text at the last `takeChange`; `UNTAKEN` if the row is younger. */
  start: number;
  /** The columns of `text`, once somebody has asked: then they are kept up to date. */
  columns: number | undefined;
}

type MutableSpan = { -readonly [Key in keyof StyleSpan]: StyleSpan[Key] };

/** A row's columns. */
export interface Cells {
  /** A column each: a character with what combines with it, `BLANK`, or `WIDE_END`. */
  readonly glyphs: string[];
  readonly styles: (LinkedStyle | undefined)[];
  /** The row's `text` and `spans` are older than this. */
  changed: boolean;
}

export const UNTAKEN = -1;

/** A cell that nothing was written to: a space, or nothing at the end of a row. */
const BLANK = '';
/** The second column of a wide character. */
const WIDE_END = '\0';
/** Combining characters beyond these are dropped from a cell. */
const GLYPH_UNITS = 32;

const PRINTABLE = /^[ -~]*$/;

export function makeRow(): Row {
  return {
    text: '',
    spans: [],
    cells: undefined,
    continues: false,
    start: UNTAKEN,
    columns: undefined,
  };
}

export function emptyRow(row: Row): void {
  row.text = '';
  if (row.spans.length > 0) row.spans = [];
  row.cells = undefined;
  row.columns = undefined;
}

export function isEmptyRow(row: Row): boolean {
  return row.cells === undefined && row.text === '';
}

/** In columns. */
export function rowWidth(row: Row): number {
  if (row.cells !== undefined) return row.cells.glyphs.length;
  return (row.columns ??= textWidth(row.text));
}

/** Adds text to a row that has no cells. */
export function appendText(row: Row, text: string, style: LinkedStyle | undefined): void {
  const start = row.text.length;
  row.text = start === 0 ? text : row.text + text;
  if (row.columns !== undefined) row.columns += textWidth(text);
  if (style !== undefined) addSpan(row.spans, start, start + text.length, style);
}

/** The cells of a row, to be changed. */
export function cellsOf(row: Row): Cells {
  row.cells ??= makeCells(row);
  row.cells.changed = true;
  return row.cells;
}

/** Brings a row's text and spans up to its cells. */
export function settle(row: Row): Row {
  const { cells } = row;
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

/**
 * Writes text over cells from a column on, as far as there is room before the column `limit`.
 * Returns the column behind it, and how many UTF-16 units found room.
 */
export function overwrite(
  cells: Cells,
  column: number,
  limit: number,
  text: string,
  style: LinkedStyle | undefined,
): { readonly column: number; readonly units: number } {
  const { glyphs, styles } = cells;
  let x = column;
  let at = 0;
  while (at < text.length) {
    const codePoint = text.codePointAt(at) ?? 0;
    const units = codePoint > 0xffff ? 2 : 1;
    const width = charWidth(codePoint);
    if (width === 0) {
      combine(cells, x, text.slice(at, at + units));
    } else {
      if (x + width > limit) break;
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
  return { column: x, units: at };
}

/** Makes cells blank; a wide character that loses one of its halves loses both. */
export function blankOut({ glyphs, styles }: Cells, from: number, to: number): void {
  const end = Math.min(to, glyphs.length);
  if (from >= end) return;
  const start = glyphs[from] === WIDE_END ? from - 1 : from;
  const stop = glyphs[end] === WIDE_END ? end + 1 : end;
  glyphs.fill(BLANK, start, stop);
  styles.fill(undefined, start, stop);
}

/** Takes away the cells from a column on. */
export function truncate(cells: Cells, column: number): void {
  if (column >= cells.glyphs.length) return;
  blankOut(cells, column, column + 1);
  cells.glyphs.length = column;
  cells.styles.length = column;
}

/** Takes cells out; those behind them move up. */
export function deleteCells(cells: Cells, column: number, count: number): void {
  blankOut(cells, column, column + count);
  cells.glyphs.splice(column, count);
  cells.styles.splice(column, count);
}

/** Puts blanks in, also at the end; what is behind them moves, and goes from the column `limit` on. */
export function insertBlanks(cells: Cells, column: number, count: number, limit: number): void {
  if (cells.glyphs[column] === WIDE_END) blankOut(cells, column, column + 1);
  cells.glyphs.splice(column, 0, ...Array.from({ length: count }, () => BLANK));
  cells.styles.splice(column, 0, ...Array.from({ length: count }, () => undefined));
  truncate(cells, limit);
}

function makeCells({ text, spans }: Row): Cells {
  const cells: Cells = { glyphs: [], styles: [], changed: true };
  let offset = 0;
  let next = 0;
  for (const character of text) {
    while (offset >= (spans[next]?.end ?? Infinity)) next++;
    const span = spans[next];
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
  return cells;
}

function combine({ glyphs }: Cells, column: number, mark: string): void {
  const at = glyphs[column - 1] === WIDE_END ? column - 2 : column - 1;
  const glyph = glyphs[at];
  if (glyph === undefined || glyph.length >= GLYPH_UNITS) return;
  glyphs[at] = (glyph === BLANK ? ' ' : glyph) + mark;
}

function addSpan(spans: MutableSpan[], start: number, end: number, style: LinkedStyle): void {
  const last = spans[spans.length - 1];
  if (last?.end === start && last.style === style) last.end = end;
  else spans.push({ start, end, style });
}

function textWidth(text: string): number {
  if (PRINTABLE.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += charWidth(character.codePointAt(0) ?? 0);
  return columns;
}
