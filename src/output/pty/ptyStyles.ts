import { EXACT_STYLES, MOST_STYLES } from '../rendering/packedSpans.ts';
import type { Color, Style, Underline } from '../rendering/style.ts';
import { Cell } from './xterm.ts';

const RGB = 0x1000000;
/** What the colour of an underline is after it was reset; white is the reader's own, then. */
const NO_UNDERLINE_COLOR = 0x3ffffff;
const UNDERLINES: readonly Underline[] = ['none', 'single', 'double', 'curly', 'dotted', 'dashed'];

/** What of a background's word is shown. */
const BACK = Cell.colorMode | Cell.rgbValue | Cell.italic | Cell.dim | Cell.overline;

/** Numbers of an entry: three words, and the place of the style. */
const NUMBERS = 4;
/** There are twice as many as are used, at least. */
const LEAST_ENTRIES = 64;

/** The styles of one text, each once, found by the words of a terminal's cells. */
export class PtyStyles {
  readonly values: Style[] = [];
  /** An open hash table: with one of `Map`s most of the time would go into it. */
  private entries = new Int32Array(LEAST_ENTRIES * NUMBERS);
  /** Bits of a hash that are not used. */
  private shift = 32 - Math.log2(LEAST_ENTRIES);
  /** New ones each time: no capture can choose colours that fall together. */
  private readonly factors = [anyOdd(), anyOdd(), anyOdd()] as const;

  /** 1 + the place in `values`; 0 for what has no style, and where there are too many. */
  place(frontWord: number, backWord: number, underlineWord: number): number {
    const { values } = this;
    let front = frontWord;
    let back = backWord & BACK;
    let underline = underlineWord & shownOfUnderline(front, underlineWord);
    if ((front | back | underline) === 0) return 0;
    if (values.length >= EXACT_STYLES) {
      front = paletteWord(front);
      back = paletteWord(back);
      underline = paletteWord(underline);
    }
    const at = this.find(front, back, underline);
    const known = this.entries[at + 3] ?? 0;
    if (known > 0 || values.length >= MOST_STYLES) return known;
    const place = values.push(makeStyle(front, back, underline));
    this.enter(at, front, back, underline, place);
    if (2 * place * NUMBERS > this.entries.length) this.grow();
    return place;
  }

  /** Where an entry is, or would be. */
  private find(front: number, back: number, underline: number): number {
    const { entries, shift, factors } = this;
    const hash =
      Math.imul(front, factors[0]) + Math.imul(back, factors[1]) + Math.imul(underline, factors[2]);
    let at = ((hash | 0) >>> shift) * NUMBERS;
    while (
      (entries[at + 3] ?? 0) > 0 &&
      (entries[at] !== front || entries[at + 1] !== back || entries[at + 2] !== underline)
    ) {
      at = (at + NUMBERS) & (entries.length - 1);
    }
    return at;
  }

  private enter(at: number, front: number, back: number, underline: number, place: number): void {
    const { entries } = this;
    entries[at] = front;
    entries[at + 1] = back;
    entries[at + 2] = underline;
    entries[at + 3] = place;
  }

  private grow(): void {
    const { entries: before } = this;
    this.entries = new Int32Array(2 * before.length);
    this.shift -= 1;
    for (let from = 0; from < before.length; from += NUMBERS) {
      const front = before[from] ?? 0;
      const back = before[from + 1] ?? 0;
      const underline = before[from + 2] ?? 0;
      const place = before[from + 3] ?? 0;
      if (place > 0) this.enter(this.find(front, back, underline), front, back, underline, place);
    }
  }
}

function anyOdd(): number {
  return Math.floor(Math.random() * 2 ** 32) | 1;
}

/** The bits of an underline's word that show. */
function shownOfUnderline(front: number, underline: number): number {
  if (underline === 0) return 0;
  const kind = (front & Cell.underline) === 0 ? 0 : Cell.underlineKind << Cell.underlineKindShift;
  const color = underline & Cell.underlineColor;
  return color === NO_UNDERLINE_COLOR ? kind : kind | Cell.underlineColor;
}

function makeStyle(front: number, back: number, underline: number): Style {
  const isUnderlined = (front & Cell.underline) !== 0;
  const kind = (underline >>> Cell.underlineKindShift) & Cell.underlineKind;
  return {
    foreground: colorOf(front),
    background: colorOf(back),
    underlineColor: colorOf(underline),
    bold: (front & Cell.bold) !== 0,
    dim: (back & Cell.dim) !== 0,
    italic: (back & Cell.italic) !== 0,
    blink: (front & Cell.blink) !== 0,
    inverse: (front & Cell.inverse) !== 0,
    hidden: (front & Cell.hidden) !== 0,
    strikethrough: (front & Cell.strikethrough) !== 0,
    overline: (back & Cell.overline) !== 0,
    underline: isUnderlined ? (UNDERLINES[Math.max(1, kind)] ?? 'single') : 'none',
  };
}

function colorOf(word: number): Color | undefined {
  const mode = word & Cell.colorMode;
  if (mode === 0) return undefined;
  return mode === Cell.rgb ? RGB + (word & Cell.rgbValue) : word & Cell.paletteValue;
}

function isRgb(word: number): boolean {
  return (word & Cell.colorMode) === Cell.rgb;
}

/** The nearest of the six steps of the palette's cube. */
const STEPS = Uint8Array.from({ length: 256 }, (_, value) => Math.round(value / 51));

/** A word with the nearest colour of the palette's cube, 16 to 231, for an RGB colour. */
function paletteWord(word: number): number {
  if (!isRgb(word)) return word;
  const red = STEPS[(word >> 16) & 0xff] ?? 0;
  const green = STEPS[(word >> 8) & 0xff] ?? 0;
  const blue = STEPS[word & 0xff] ?? 0;
  const color = 16 + 36 * red + 6 * green + blue;
  return (word & ~(Cell.colorMode | Cell.rgbValue)) | Cell.palette256 | color;
}
