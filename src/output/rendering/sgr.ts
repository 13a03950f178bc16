import type { Parameters } from './parameters.ts';
import type { Color, LinkedStyle, Underline } from './style.ts';

const NO_COLOR = -1;
const RGB = 0x1000000;

const BOLD = 1 << 0;
const DIM = 1 << 1;
const ITALIC = 1 << 2;
const BLINK = 1 << 3;
const INVERSE = 1 << 4;
const HIDDEN = 1 << 5;
const STRIKETHROUGH = 1 << 6;
const OVERLINE = 1 << 7;
/** Three bits above the flags hold the place in `UNDERLINES`. */
const UNDERLINE_SHIFT = 8;
const UNDERLINE_MASK = 7 << UNDERLINE_SHIFT;
const UNDERLINES: readonly Underline[] = ['none', 'single', 'double', 'curly', 'dotted', 'dashed'];

/** Styles that are remembered, so that equal ones are mostly one object: one in each slot. */
export const STYLE_SLOTS = 1024;
const SLOT_SHIFT = 22;

/** Numbers that `save` keeps. */
export const SAVED_NUMBERS = 4;

/** Slots, some empty. */
interface KnownStyles {
  readonly numbers: Int32Array;
  readonly styles: (LinkedStyle | undefined)[];
}

/** The state that SGR sequences (ECMA-48 8.3.117, with xterm's and kitty's additions) change. */
export class StyleState {
  private foreground = NO_COLOR;
  private background = NO_COLOR;
  private underlineColor = NO_COLOR;
  private attributes = 0;
  private link: string | undefined;
  private changed = false;
  private style: LinkedStyle | undefined;
  /** Where the style is among those that are remembered. */
  slot = 0;
  private known: KnownStyles | undefined;

  /** The style of text printed now; absent where it has none. Equal styles are mostly one object. */
  current(): LinkedStyle | undefined {
    if (this.changed) {
      this.changed = false;
      this.style = this.find();
    }
    return this.style;
  }

  setLink(target: string | undefined): void {
    this.link = target;
    this.changed = true;
  }

  /** Everything but the link, which only OSC 8 ends. */
  reset(): void {
    this.foreground = NO_COLOR;
    this.background = NO_COLOR;
    this.underlineColor = NO_COLOR;
    this.attributes = 0;
    this.changed = true;
  }

  saved(): Int32Array {
    const numbers = new Int32Array(SAVED_NUMBERS);
    this.save(numbers);
    return numbers;
  }

  /** Keeps everything but the link in some numbers. */
  save(to: Int32Array, at = 0): void {
    to[at] = this.foreground;
    to[at + 1] = this.background;
    to[at + 2] = this.underlineColor;
    to[at + 3] = this.attributes;
  }

  restore(from: Int32Array, at = 0): void {
    this.foreground = from[at] ?? NO_COLOR;
    this.background = from[at + 1] ?? NO_COLOR;
    this.underlineColor = from[at + 2] ?? NO_COLOR;
    this.attributes = from[at + 3] ?? 0;
    this.changed = true;
  }

  /** As `apply` with one parameter; false where more are to come. */
  applyOne(value: number): boolean {
    if (value === 38 || value === 48 || value === 58) return false;
    this.changed = true;
    this.applySimple(value);
    return true;
  }

  apply(parameters: Parameters): void {
    const { values, joined, count } = parameters;
    this.changed = true;
    if (count === 0) this.reset();
    for (let at = 0; at < count;) {
      const value = values[at] ?? 0;
      let next = at + 1;
      while (next < count && joined[next] === 1) next++;
      if (value === 38 || value === 48 || value === 58) {
        next = this.applyColor(value, parameters, at, next);
      } else if (value === 4 && next > at + 1) {
        const kind = values[at + 1] ?? 0;
        this.underline(kind < 0 ? 1 : kind < UNDERLINES.length ? kind : 1);
      } else {
        this.applySimple(value);
      }
      at = next;
    }
  }

  /** Returns where the next attribute starts. */
  private applyColor(target: number, parameters: Parameters, at: number, next: number): number {
    const { values, count } = parameters;
    const kind = values[at + 1] ?? 0;
    let color: Color | undefined;
    let after = next;
    if (next > at + 1) {
      // 38:5:n, 38:2:r:g:b or, with a colour space, 38:2:space:r:g:b
      if (kind === 5 && next > at + 2) color = paletteColor(values[at + 2]);
      if (kind === 2 && next === at + 5) color = rgbColor(values, at + 2);
      if (kind === 2 && next > at + 5) color = rgbColor(values, at + 3);
    } else if (kind === 5) {
      after = at + 3;
      if (after <= count) color = paletteColor(values[at + 2]);
    } else if (kind === 2) {
      after = at + 5;
      if (after <= count) color = rgbColor(values, at + 2);
    } else {
      // What the parameters of an unknown kind mean can't be told.
      return count;
    }
    if (color !== undefined) {
      if (target === 38) this.foreground = color;
      else if (target === 48) this.background = color;
      else this.underlineColor = color;
    }
    return after;
  }

  private applySimple(value: number): void {
    if (value >= 30 && value <= 37) this.foreground = value - 30;
    else if (value >= 40 && value <= 47) this.background = value - 40;
    else if (value >= 90 && value <= 97) this.foreground = value - 90 + 8;
    else if (value >= 100 && value <= 107) this.background = value - 100 + 8;
    else {
      switch (value) {
        case -1:
        case 0:
          this.reset();
          break;
        case 1:
          this.attributes |= BOLD;
          break;
        case 2:
          this.attributes |= DIM;
          break;
        case 3:
          this.attributes |= ITALIC;
          break;
        case 4:
          this.underline(1);
          break;
        case 5:
        case 6:
          this.attributes |= BLINK;
          break;
        case 7:
          this.attributes |= INVERSE;
          break;
        case 8:
          this.attributes |= HIDDEN;
          break;
        case 9:
          this.attributes |= STRIKETHROUGH;
          break;
        case 21:
          this.underline(2);
          break;
        case 22:
          this.attributes &= ~(BOLD | DIM);
          break;
        case 23:
          this.attributes &= ~ITALIC;
          break;
        case 24:
          this.underline(0);
          break;
        case 25:
          this.attributes &= ~BLINK;
          break;
        case 27:
          this.attributes &= ~INVERSE;
          break;
        case 28:
          this.attributes &= ~HIDDEN;
          break;
        case 29:
          this.attributes &= ~STRIKETHROUGH;
          break;
        case 39:
          this.foreground = NO_COLOR;
          break;
        case 49:
          this.background = NO_COLOR;
          break;
        case 53:
          this.attributes |= OVERLINE;
          break;
        case 55:
          this.attributes &= ~OVERLINE;
          break;
        case 59:
          this.underlineColor = NO_COLOR;
          break;
      }
    }
  }

  private underline(kind: number): void {
    this.attributes = (this.attributes & ~UNDERLINE_MASK) | (kind << UNDERLINE_SHIFT);
  }

  private find(): LinkedStyle | undefined {
    const { foreground, background, underlineColor, attributes, link } = this;
    const isPlain = (foreground & background & underlineColor) === NO_COLOR && attributes === 0;
    if (isPlain && link === undefined) return undefined;
    const { numbers, styles } = (this.known ??= {
      numbers: new Int32Array(STYLE_SLOTS * SAVED_NUMBERS),
      styles: [],
    });
    const hash =
      Math.imul(foreground, 0x9e3779b1) ^
      Math.imul(background, 0x85ebca6b) ^
      Math.imul(underlineColor, 0xc2b2ae35) ^
      Math.imul(attributes, 0x27d4eb2f);
    this.slot = hash >>> SLOT_SHIFT;
    const at = this.slot * SAVED_NUMBERS;
    const known = styles[this.slot];
    if (
      known !== undefined &&
      known.link === link &&
      numbers[at] === foreground &&
      numbers[at + 1] === background &&
      numbers[at + 2] === underlineColor &&
      numbers[at + 3] === attributes
    ) {
      return known;
    }
    this.save(numbers, at);
    return (styles[this.slot] = this.make());
  }

  private make(): LinkedStyle {
    const has = (flag: number): boolean => (this.attributes & flag) !== 0;
    return {
      foreground: this.foreground < 0 ? undefined : this.foreground,
      background: this.background < 0 ? undefined : this.background,
      underlineColor: this.underlineColor < 0 ? undefined : this.underlineColor,
      bold: has(BOLD),
      dim: has(DIM),
      italic: has(ITALIC),
      blink: has(BLINK),
      inverse: has(INVERSE),
      hidden: has(HIDDEN),
      strikethrough: has(STRIKETHROUGH),
      overline: has(OVERLINE),
      underline: UNDERLINES[this.attributes >> UNDERLINE_SHIFT] ?? 'none',
      link: this.link,
    };
  }
}

function paletteColor(index: number | undefined): Color | undefined {
  if (index === -1) return 0;
  return index !== undefined && index <= 255 ? index : undefined;
}

function rgbColor(values: Int32Array, at: number): Color | undefined {
  let color = 0;
  for (let part = at; part < at + 3; part++) {
    const value = Math.max(0, values[part] ?? 0);
    if (value > 255) return undefined;
    color = color * 256 + value;
  }
  return RGB + color;
}
