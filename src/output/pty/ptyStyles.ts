import type { CellStyle } from './plainLines.ts';
import type { Color, LinkedStyle, Underline } from '../rendering/style.ts';
import { Cell, type XtermExtended } from './xterm.ts';

/**
 * Styles that are remembered, so that equal ones are one object. From the first limit on, RGB
 * colours become the nearest of the palette; at the second, all are forgotten.
 */
const EXACT_STYLES = 4096;
const MOST_STYLES = 16 * 1024;
const RGB = 0x1000000;
/** What the colour of an underline is after it was reset; white is the reader's own, then. */
const NO_UNDERLINE_COLOR = 0x3ffffff;
const UNDERLINES: readonly Underline[] = ['none', 'single', 'double', 'curly', 'dotted', 'dashed'];

/** The styles that a terminal's cells say in their words. */
export class PtyStyles {
  private readonly linkOf: (id: number) => string | undefined;
  /** By the first word, and by the second. */
  private readonly simpleStyles = new Map<number, Map<number, LinkedStyle>>();
  private readonly extendedStyles = new Map<string, LinkedStyle>();
  private count = 0;

  /** `linkOf` tells the target of a link's number. */
  constructor(linkOf: (id: number) => string | undefined) {
    this.linkOf = linkOf;
  }

  /** The style of a cell; absent where it has none. */
  of(front: number, back: number, extended: XtermExtended | undefined): LinkedStyle | undefined {
    if ((front | back) === 0) return undefined;
    if ((back & Cell.hasExtended) === 0 || extended === undefined) {
      return this.simple(front, back);
    }
    const { _ext: underline, urlId } = extended;
    return this.extended(front, back, underline, urlId === 0 ? undefined : this.linkOf(urlId));
  }

  /** The same of a plain line's cell. */
  plain({ front, back, underline }: CellStyle): LinkedStyle | undefined {
    if ((front | back) === 0) return undefined;
    return (back & Cell.hasExtended) === 0
      ? this.simple(front, back)
      : this.extended(front, back, underline, undefined);
  }

  private extended(
    front: number,
    back: number,
    underline: number,
    link: string | undefined,
  ): LinkedStyle {
    const key = `${front} ${back} ${underline} ${link ?? ''}`;
    let style = this.extendedStyles.get(key);
    if (style === undefined) {
      style = makeStyle(front, back, underline, link);
      this.extendedStyles.set(key, style);
      this.count++;
    }
    return style;
  }

  private simple(front: number, back: number): LinkedStyle {
    let ofFront = this.simpleStyles.get(front);
    let style = ofFront?.get(back);
    if (style !== undefined) return style;
    if (this.count >= EXACT_STYLES && (isRgb(front) || isRgb(back))) {
      return this.simple(paletteWord(front), paletteWord(back));
    }
    style = makeStyle(front, back, 0, undefined);
    if (ofFront === undefined)
      this.simpleStyles.set(front, (ofFront = new Map<number, LinkedStyle>()));
    ofFront.set(back, style);
    this.count++;
    return style;
  }

  /** Has room for exact colours again. */
  renew(): void {
    if (this.count >= EXACT_STYLES) this.forget();
  }

  /** Bounds what is remembered. */
  forgetTooMany(): void {
    if (this.count >= MOST_STYLES) this.forget();
  }

  private forget(): void {
    this.simpleStyles.clear();
    this.extendedStyles.clear();
    this.count = 0;
  }
}

function makeStyle(
  front: number,
  back: number,
  extended: number,
  link: string | undefined,
): LinkedStyle {
  const isUnderlined = (front & Cell.underline) !== 0;
  const kind = (extended >>> Cell.underlineKindShift) & Cell.underlineKind;
  const underlineColor = extended & Cell.underlineColor;
  return {
    foreground: colorOf(front),
    background: colorOf(back),
    underlineColor: underlineColor === NO_UNDERLINE_COLOR ? undefined : colorOf(underlineColor),
    bold: (front & Cell.bold) !== 0,
    dim: (back & Cell.dim) !== 0,
    italic: (back & Cell.italic) !== 0,
    blink: (front & Cell.blink) !== 0,
    inverse: (front & Cell.inverse) !== 0,
    hidden: (front & Cell.hidden) !== 0,
    strikethrough: (front & Cell.strikethrough) !== 0,
    overline: (back & Cell.overline) !== 0,
    underline: isUnderlined ? (UNDERLINES[Math.max(1, kind)] ?? 'single') : 'none',
    link,
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

/** A cell's word with the nearest colour of the palette's cube, 16 to 231, for an RGB colour. */
function paletteWord(word: number): number {
  if (!isRgb(word)) return word;
  const step = (shift: number): number => Math.round(((word >> shift) & 0xff) / 51);
  const color = 16 + 36 * step(16) + 6 * step(8) + step(0);
  return (word & ~(Cell.colorMode | Cell.rgbValue)) | Cell.palette256 | color;
}
