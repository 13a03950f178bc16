import { Cell } from './xterm.ts';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const ESCAPE = 0x1b;
const BRACKET = 0x5b;
const FINAL_M = 0x6d;
const SEMICOLON = 0x3b;

const LONGEST = 4096;

/** The starts of lines of a stream that are alike for every terminal, and where they end. */
export interface PlainLines {
  readonly starts: readonly number[];
  readonly end: number;
}

/**
 * The lines from `start` on, up to the first other one, that have nothing but plain characters and
 * common SGR, and end with CR LF: whatever the width, they become what they are.
 * `bytes` are UTF-8.
 */
export function plainLines(bytes: Buffer, start: number): PlainLines {
  const starts: number[] = [];
  let end = start;
  for (;;) {
    const lineFeed = bytes.indexOf(LINE_FEED, end);
    if (lineFeed < 0 || !isPlain(bytes, end, lineFeed)) return { starts, end };
    starts.push(end);
    end = lineFeed + 1;
  }
}

function isPlain(bytes: Buffer, start: number, lineFeed: number): boolean {
  const end = lineFeed - 1;
  if (end < start || end - start > LONGEST || bytes[end] !== CARRIAGE_RETURN) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x20 && byte < 0x7f) continue;
    if (byte === ESCAPE) {
      const after = readSgr(bytes, at, undefined);
      if (after < 0) return false;
      at = after - 1;
    } else if (byte >= 0xc2 && byte < 0xe0) {
      if (!isPlainCharacter(twoBytes(bytes, at))) return false;
      at += 1;
    } else if (byte >= 0xe0 && byte < 0xf0) {
      if (!isPlainCharacter(threeBytes(bytes, at))) return false;
      at += 2;
    } else return false;
  }
  return true;
}

/** The character of two bytes of UTF-8. */
export function twoBytes(bytes: Buffer, at: number): number {
  return (((bytes[at] ?? 0) & 0x1f) << 6) | ((bytes[at + 1] ?? 0) & 0x3f);
}

/** The character of three bytes of UTF-8. */
export function threeBytes(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] ?? 0) & 0x0f) << 12) |
    (((bytes[at + 1] ?? 0) & 0x3f) << 6) |
    ((bytes[at + 2] ?? 0) & 0x3f)
  );
}

/** Characters that fill a column or two and nothing else: no marks, no joiners, no controls. */
function isPlainCharacter(code: number): boolean {
  for (let block = 0; block < PLAIN.length; block += 2) {
    if (code < (PLAIN[block] ?? 0)) return false;
    if (code <= (PLAIN[block + 1] ?? 0)) return true;
  }
  return false;
}

/** The first and the last of each block: Latin, punctuation, signs, boxes, Braille, Han, Kana, Hangul. */
const PLAIN = [
  0xa1, 0xac, 0xae, 0x2ff, 0x2010, 0x2027, 0x2030, 0x205e, 0x2190, 0x23ff, 0x2460, 0x27bf, 0x2800,
  0x28ff, 0x3041, 0x3096, 0x30a0, 0x30ff, 0x4e00, 0x9fff, 0xac00, 0xd7a3, 0xff01, 0xff60,
];

/** A terminal's colours and attributes, in the words of its cells. */
export interface CellStyle {
  front: number;
  back: number;
}

const COLOR = 0x3ffffff;
const PALETTE_16 = 0x1000000;
const PALETTE_256 = 0x2000000;
const RGB = 0x3000000;

/**
 * Reads a common SGR sequence, and applies it to a style if one is given. Returns where it ends; -1
 * where something else is at `start`.
 */
export function readSgr(bytes: Buffer, start: number, style: CellStyle | undefined): number {
  if (bytes[start + 1] !== BRACKET) return -1;
  let value = 0;
  /** Parameters of a colour that are still to come, and which: of 38 or 48, 5 or 2. */
  let expected = 0;
  let target = 0;
  let color = 0;
  for (let at = start + 2; at < start + 32; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x30 && byte <= 0x39) {
      value = value * 10 + byte - 0x30;
      continue;
    }
    if (byte !== SEMICOLON && byte !== FINAL_M) return -1;
    if (expected > 0) {
      if (value > 255) return -1;
      if (expected === KIND) {
        if (value !== 5 && value !== 2) return -1;
        expected = value === 5 ? 1 : 3;
        color = value === 5 ? PALETTE_256 : RGB;
      } else {
        expected--;
        color += value << (8 * expected);
        if (expected === 0 && style !== undefined) setColor(style, target, color);
      }
    } else if (value === 38 || value === 48) {
      target = value;
      expected = KIND;
    } else if (!applySimple(value, style)) return -1;
    value = 0;
    if (byte === FINAL_M) return expected > 0 ? -1 : at + 1;
  }
  return -1;
}

/** The next parameter says how a colour is given. */
const KIND = 4;

function setColor(style: CellStyle, target: number, color: number): void {
  if (target === 38) style.front = (style.front & ~COLOR) | color;
  else style.back = (style.back & ~COLOR) | color;
}

/** False for what is not common. */
function applySimple(value: number, style: CellStyle | undefined): boolean {
  const isFront = (value >= 30 && value <= 37) || (value >= 90 && value <= 97);
  if (isFront || (value >= 40 && value <= 47) || (value >= 100 && value <= 107)) {
    const index = (value % 10) + (value >= 90 ? 8 : 0);
    if (style !== undefined) setColor(style, isFront ? 38 : 48, PALETTE_16 | index);
    return true;
  }
  const bits = COMMON.get(value);
  if (bits === undefined) return false;
  if (style !== undefined) {
    style.front = (style.front & ~bits.frontOff) | bits.front;
    style.back = (style.back & ~bits.backOff) | bits.back;
  }
  return true;
}

function change(
  front: number,
  back: number,
  frontOff: number,
  backOff: number,
): Readonly<Record<'front' | 'back' | 'frontOff' | 'backOff', number>> {
  return { front, back, frontOff, backOff };
}

/** What the attributes without underline, which xterm keeps elsewhere, do to a cell's words. */
const COMMON = new Map([
  [0, change(0, 0, -1, -1)],
  [1, change(Cell.bold, 0, 0, 0)],
  [2, change(0, Cell.dim, 0, 0)],
  [3, change(0, Cell.italic, 0, 0)],
  [7, change(Cell.inverse, 0, 0, 0)],
  [9, change(Cell.strikethrough, 0, 0, 0)],
  [22, change(0, 0, Cell.bold, Cell.dim)],
  [23, change(0, 0, 0, Cell.italic)],
  [27, change(0, 0, Cell.inverse, 0)],
  [29, change(0, 0, Cell.strikethrough, 0)],
  [39, change(0, 0, COLOR, 0)],
  [49, change(0, 0, 0, COLOR)],
]);
