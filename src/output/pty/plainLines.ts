import { charWidth } from '../rendering/charWidth.ts';
import { Cell } from './xterm.ts';

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const ESCAPE = 0x1b;
const BRACKET = 0x5b;
const PARENTHESIS = 0x28;
const FINAL_K = 0x4b;
const FINAL_M = 0x6d;
const LETTER_B = 0x42;
const ZERO = 0x30;
const COLON = 0x3a;
const SEMICOLON = 0x3b;

export const TAB_WIDTH = 8;
/** UTF-16 units that a line may become. */
export const LONGEST = 32 * 1024;
/** Marks that a character may have. A terminal's cell has no more room for ever so many. */
const MOST_MARKS = 8;

/** The starts of lines of a stream that are alike for every terminal, and where they end. */
export interface PlainLines {
  readonly starts: readonly number[];
  readonly end: number;
}

/**
 * The lines from `start` on, up to the first other one, that have nothing but characters, tabs and
 * common sequences that change how text looks or erase what is blank: on blank rows, they become
 * what they are. `bytes` are UTF-8; `pen` is where the first line starts.
 */
export function plainLines(bytes: Buffer, start: number, pen: Pen): PlainLines {
  const starts: number[] = [];
  const style = { ...pen };
  let isIndented = pen.column > 0;
  let end = start;
  for (;;) {
    const lineFeed = bytes.indexOf(LINE_FEED, end);
    if (lineFeed < 0) return { starts, end };
    const textEnd = endOfLine(bytes, end, lineFeed);
    if (!isPlain(bytes, end, textEnd, isIndented, style)) return { starts, end };
    starts.push(end);
    isIndented = textEnd === lineFeed;
    end = lineFeed + 1;
  }
}

/** Where the text of a line ends. The line after one without CR starts in the column below. */
export function endOfLine(bytes: Buffer, start: number, lineFeed: number): number {
  let end = lineFeed;
  while (end > start && bytes[end - 1] === CARRIAGE_RETURN) end--;
  return end;
}

/** Goes on with `style`, which is left anywhere in the line if that is not plain. */
function isPlain(
  bytes: Buffer,
  start: number,
  end: number,
  isIndented: boolean,
  style: CellStyle,
): boolean {
  let length = end - start;
  // The row has the colour that was set at the line break before.
  const isRowPlain = (style.back & COLOR) === 0;
  if (isIndented && !isRowPlain) return false;
  /** Marks that the character before could still have. */
  let marks = 0;
  for (let at = start; at < end;) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x20 && byte < 0x7f) {
      marks = MOST_MARKS;
      at++;
    } else if (byte === ESCAPE) {
      at = readSequence(bytes, at, style);
      if (at < 0) return false;
      marks = 0;
    } else if (byte >= 0xc2) {
      const code = codePointAt(bytes, at);
      if (!isShown(code)) return false;
      marks = charWidth(code) === 0 ? marks - 1 : MOST_MARKS;
      if (marks < 0) return false;
      at += lengthOf(byte);
    } else if (byte === TAB && isRowPlain) {
      length += TAB_WIDTH - 1;
      marks = 0;
      at++;
    } else return false;
  }
  return length <= LONGEST;
}

/** The bytes of a character of UTF-8, by its first one, which is none of ASCII. */
export function lengthOf(byte: number): number {
  return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/** The character of two to four bytes of UTF-8. */
export function codePointAt(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  const second = (bytes[at + 1] ?? 0) & 0x3f;
  if (first < 0xe0) return ((first & 0x1f) << 6) | second;
  const third = (bytes[at + 2] ?? 0) & 0x3f;
  if (first < 0xf0) return ((first & 0x0f) << 12) | (second << 6) | third;
  return ((first & 0x07) << 18) | (second << 12) | (third << 6) | ((bytes[at + 3] ?? 0) & 0x3f);
}

/** Whether a terminal prints a character beyond ASCII, and a document may have it. */
function isShown(code: number): boolean {
  return code >= 0xa0 && code !== BYTE_ORDER_MARK && !isUnsafe(code);
}

const BYTE_ORDER_MARK = 0xfeff;

/** Controls, lone surrogates, and what reorders text or is taken for a line end. */
export function isUnsafe(code: number): boolean {
  if (code < 0xa0) return code < 0x20 || code >= 0x7f;
  if (code >= 0xd800 && code <= 0xdfff) return true;
  return (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/** A terminal's colours and attributes, in the words of its cells. */
export interface CellStyle {
  front: number;
  back: number;
  /** Kind and colour of the underline, as in `XtermExtended._ext`. */
  underline: number;
}

/** Where text goes on, and how it looks there. */
export interface Pen extends CellStyle {
  column: number;
}

const COLOR = 0x3ffffff;
const PALETTE_16 = 0x1000000;
const PALETTE_256 = 0x2000000;
const RGB = 0x3000000;
const KIND = Cell.underlineKind << Cell.underlineKindShift;

/**
 * Reads one of the sequences of plain lines, and applies it to a style. Returns where it ends; -1
 * where something else is at `start`.
 */
export function readSequence(bytes: Buffer, start: number, style: CellStyle): number {
  const next = bytes[start + 1];
  if (next === BRACKET) return readControl(bytes, start + 2, style);
  // The character set of ASCII, as `tput sgr0` sets it.
  return next === PARENTHESIS && bytes[start + 2] === LETTER_B ? start + 3 : -1;
}

/** Both colours of a character in RGB, and more. */
const LONGEST_SEQUENCE = 64;
/** The parameter that comes next is the kind of a colour. */
const COLOR_KIND = 4;

function readControl(bytes: Buffer, start: number, style: CellStyle): number {
  let value = 0;
  /** Parameters of a colour that are still to come, and which: of 38, 48 or 58, 5 or 2. */
  let expected = 0;
  let target = 0;
  let color = 0;
  let isSubParameter = false;
  for (let at = start; at < start + LONGEST_SEQUENCE; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x30 && byte <= 0x39) {
      value = value * 10 + byte - 0x30;
      continue;
    }
    if (byte === FINAL_K) {
      // Erases what is blank to the line's end.
      const isWhole = at === start || (at === start + 1 && bytes[start] === ZERO);
      return isWhole && (style.back & COLOR) === 0 ? at + 1 : -1;
    }
    if (byte === COLON && value === 4 && expected === 0 && !isSubParameter) {
      isSubParameter = true;
      value = 0;
      continue;
    }
    if (byte !== SEMICOLON && byte !== FINAL_M) return -1;
    if (isSubParameter) {
      if (value > 5) return -1;
      setUnderline(style, value);
      isSubParameter = false;
    } else if (expected > 0) {
      if (value > 255) return -1;
      if (expected === COLOR_KIND) {
        if (value !== 5 && value !== 2) return -1;
        expected = value === 5 ? 1 : 3;
        color = value === 5 ? PALETTE_256 : RGB;
      } else {
        expected--;
        color += value << (8 * expected);
        if (expected === 0) setColor(style, target, color);
      }
    } else if (value === 38 || value === 48 || value === 58) {
      target = value;
      expected = COLOR_KIND;
    } else if (!applySimple(value, style)) return -1;
    value = 0;
    if (byte === FINAL_M) return expected > 0 ? -1 : at + 1;
  }
  return -1;
}

function setColor(style: CellStyle, target: number, color: number): void {
  if (target === 38) style.front = (style.front & ~COLOR) | color;
  else if (target === 48) style.back = (style.back & ~COLOR) | color;
  else style.underline = (style.underline & ~COLOR) | color;
}

function setUnderline(style: CellStyle, kind: number): void {
  style.underline = (style.underline & ~KIND) | (kind << Cell.underlineKindShift);
  style.front = kind === 0 ? style.front & ~Cell.underline : style.front | Cell.underline;
  style.back = kind === 0 ? style.back & ~Cell.hasExtended : style.back | Cell.hasExtended;
}

/** False for what is not common. */
function applySimple(value: number, style: CellStyle): boolean {
  const isFront = (value >= 30 && value <= 37) || (value >= 90 && value <= 97);
  if (isFront || (value >= 40 && value <= 47) || (value >= 100 && value <= 107)) {
    const index = (value % 10) + (value >= 90 ? 8 : 0);
    setColor(style, isFront ? 38 : 48, PALETTE_16 | index);
    return true;
  }
  if (value === 4 || value === 21 || value === 24) {
    setUnderline(style, value === 4 ? 1 : value === 21 ? 2 : 0);
    return true;
  }
  const bits = COMMON[value];
  if (bits === undefined) return false;
  style.front = (style.front & ~bits.frontOff) | bits.front;
  style.back = (style.back & ~bits.backOff) | bits.back;
  if (value === 0) style.underline &= ~(KIND | COLOR);
  return true;
}

type Change = Readonly<Record<'front' | 'back' | 'frontOff' | 'backOff', number>>;

function change(front: number, back: number, frontOff: number, backOff: number): Change {
  return { front, back, frontOff, backOff };
}

/** What the attributes without underline do to a cell's words. */
const COMMON: readonly (Change | undefined)[] = Array.from({ length: 50 }, (_, value) => {
  switch (value) {
    case 0:
      return change(0, 0, -1, -1);
    case 1:
      return change(Cell.bold, 0, 0, 0);
    case 2:
      return change(0, Cell.dim, 0, 0);
    case 3:
      return change(0, Cell.italic, 0, 0);
    case 7:
      return change(Cell.inverse, 0, 0, 0);
    case 9:
      return change(Cell.strikethrough, 0, 0, 0);
    case 22:
      return change(0, 0, Cell.bold, Cell.dim);
    case 23:
      return change(0, 0, 0, Cell.italic);
    case 27:
      return change(0, 0, Cell.inverse, 0);
    case 29:
      return change(0, 0, Cell.strikethrough, 0);
    case 39:
      return change(0, 0, COLOR, 0);
    case 49:
      return change(0, 0, 0, COLOR);
    default:
      return undefined;
  }
});
