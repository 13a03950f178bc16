import { readSgr, threeBytes, twoBytes, type CellStyle } from './plainLines.ts';
import type { Color, LinkedStyle, StyleSpan, Underline } from './style.ts';
import { Cell, type XtermExtended, type XtermLine } from './xterm.ts';

/** A piece of a text. Its spans are in order, do not overlap, and count from the text's start. */
export interface Part {
  readonly text: string;
  readonly spans: readonly StyleSpan[];
}

interface MutableSpan {
  readonly start: number;
  end: number;
  readonly style: LinkedStyle;
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
/** Styles that are remembered, so that equal ones are one object. */
const KNOWN_STYLES = 4096;
const RGB = 0x1000000;
/** What the colour of an underline is after it was reset; white is the reader's own, then. */
const NO_UNDERLINE_COLOR = 0x3ffffff;
const UNDERLINES: readonly Underline[] = ['none', 'single', 'double', 'curly', 'dotted', 'dashed'];

const LINE_FEED = 0x0a;
const ESCAPE = 0x1b;
const SPACE = 0x20;
const ZERO = 0x30;
const REPLACEMENT = 0xfffd;
/** The contents of a cell with a space, and with DEL. */
const NARROW_SPACE = (1 << Cell.widthShift) | SPACE;
const NARROW_DELETE = (1 << Cell.widthShift) | 0x7f;

/** Makes text and spans of a terminal's rows. Wrapped rows become one line. */
export class PtyRows {
  private readonly linkOf: (id: number) => string | undefined;
  private readonly units = new Uint16Array(BUFFER);
  private length = 0;
  /** All bits of `units`: mostly a byte is enough for each. */
  private bits = 0;
  private readonly bytes = Buffer.allocUnsafe(BUFFER);
  /** What `units` had before. */
  private text = '';
  private spans: MutableSpan[] = [];
  /** Characters that were taken before. */
  private taken = 0;
  private isEmpty = true;
  /** Columns of the last row up to its last character. */
  private columns = 0;
  private readonly styles = new Map<number, Map<number, LinkedStyle>>();
  private readonly extendedStyles = new Map<string, LinkedStyle>();
  private styleCount = 0;

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
   * Adds lines as `plainLines` finds them. `style` goes on with their SGR sequences; answers those
   * that a terminal needs to come to the same style.
   */
  addPlain(bytes: Buffer, starts: readonly number[], end: number, style: CellStyle): Buffer[] {
    let sequences: Buffer[] = [];
    for (const [index, start] of starts.entries()) {
      const lineEnd = (starts[index + 1] ?? end) - 2;
      this.reserve(1 + lineEnd - start);
      if (this.isEmpty) this.isEmpty = false;
      else this.units[this.length++] = LINE_FEED;
      const base = this.taken + this.text.length;
      const { units } = this;
      let { length, bits } = this;
      let look = this.styleOf(style.front, style.back, undefined);
      let lookStart = length;
      for (let at = start; at < lineEnd;) {
        const byte = bytes[at] ?? 0;
        if (byte !== ESCAPE) {
          if (byte < 0x80) {
            units[length++] = byte;
            at++;
          } else {
            const isShort = byte < 0xe0;
            const unit = isShort ? twoBytes(bytes, at) : threeBytes(bytes, at);
            bits |= unit;
            units[length++] = unit;
            at += isShort ? 2 : 3;
          }
          continue;
        }
        this.addSpan(base + lookStart, base + length, look);
        const after = readSgr(bytes, at, style);
        // Nothing before `ESC [ m` and `ESC [ 0 m` matters.
        if (after - at < 5 && (after - at === 3 || bytes[at + 2] === ZERO)) sequences = [];
        sequences.push(bytes.subarray(at, after));
        look = this.styleOf(style.front, style.back, undefined);
        lookStart = length;
        at = after;
      }
      this.length = length;
      this.bits = bits;
      this.addSpan(base + lookStart, base + length, look);
    }
    return sequences;
  }

  addLineFeed(): void {
    this.reserve(1);
    this.units[this.length++] = LINE_FEED;
  }

  /** The text since the last call. */
  take(): Part {
    this.flush();
    const { text, spans } = this;
    this.taken += text.length;
    this.text = '';
    this.spans = [];
    return { text, spans };
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
    let style: LinkedStyle | undefined;
    let styleStart = length;
    for (let column = 0, at = 0; column < columns; column++, at += 3) {
      const cellFront = (data[at + 1] ?? 0) | 0;
      const cellBack = (data[at + 2] ?? 0) | 0;
      if (((cellFront ^ front) | (cellBack ^ back) | (cellBack & Cell.hasExtended)) !== 0) {
        const cellExtended =
          (cellBack & Cell.hasExtended) === 0 ? undefined : line._extendedAttrs[column];
        if (cellFront !== front || cellBack !== back || cellExtended !== extended) {
          front = cellFront;
          back = cellBack;
          extended = cellExtended;
          const next = this.styleOf(front, back, extended);
          if (next !== style) {
            this.addSpan(base + styleStart, base + length, style);
            style = next;
            styleStart = length;
          }
        }
      }
      const content = (data[at] ?? 0) | 0;
      // One column, one of the printable characters of ASCII.
      if (content >= NARROW_SPACE && content < NARROW_DELETE) {
        units[length++] = content & 0x7f;
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
    this.addSpan(base + styleStart, base + length, style);
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

  private addSpan(start: number, end: number, style: LinkedStyle | undefined): void {
    if (style === undefined || start === end) return;
    const last = this.spans[this.spans.length - 1];
    if (last?.end === start && last.style === style) last.end = end;
    else this.spans.push({ start, end, style });
  }

  private styleOf(
    front: number,
    back: number,
    extended: XtermExtended | undefined,
  ): LinkedStyle | undefined {
    if ((front | back) === 0) return undefined;
    if (this.styleCount >= KNOWN_STYLES) this.forgetStyles();
    if ((back & Cell.hasExtended) !== 0 && extended !== undefined) {
      const link = extended.urlId === 0 ? undefined : this.linkOf(extended.urlId);
      const key = `${front} ${back} ${extended._ext} ${link ?? ''}`;
      let style = this.extendedStyles.get(key);
      if (style === undefined) {
        style = makeStyle(front, back, extended._ext, link);
        this.extendedStyles.set(key, style);
        this.styleCount++;
      }
      return style;
    }
    let ofFront = this.styles.get(front);
    if (ofFront === undefined) this.styles.set(front, (ofFront = new Map<number, LinkedStyle>()));
    let style = ofFront.get(back);
    if (style === undefined) {
      style = makeStyle(front, back, 0, undefined);
      ofFront.set(back, style);
      this.styleCount++;
    }
    return style;
  }

  private forgetStyles(): void {
    this.styles.clear();
    this.extendedStyles.clear();
    this.styleCount = 0;
  }
}

/** Whether a row shows nothing. */
export function isBlankRow(line: XtermLine): boolean {
  return columnsOf(line) === 0;
}

/** Columns up to the last one that was written to. */
function columnsOf({ _data: data, length }: XtermLine): number {
  let columns = length;
  while (columns > 0 && ((data[3 * columns - 3] ?? 0) & Cell.hasContent) === 0) columns--;
  if (columns === 0) return 0;
  const width = (data[3 * columns - 3] ?? 0) >>> Cell.widthShift;
  return Math.min(length, columns - 1 + Math.max(1, width));
}

/** Without lone surrogates, controls, and characters that editors take for line ends. */
function safe(glyph: string): string {
  return glyph.slice(0, GLYPH_UNITS).toWellFormed().replace(UNSAFE, '\ufffd');
}

function isUnsafe(code: number): boolean {
  if (code < 0xa0) return code < SPACE || code >= 0x7f;
  if (code >= 0xd800 && code <= 0xdfff) return true;
  return (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/** Those that reorder the text shown are among them. */
// eslint-disable-next-line no-control-regex
const UNSAFE = /[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

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
