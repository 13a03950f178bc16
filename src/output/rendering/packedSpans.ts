import type { Color, LinkedStyle, PackedSpans, Style } from './style.ts';

/** Numbers that a span has in `PackedSpans.places`. */
export const SPAN_NUMBERS = 4;
/**
 * Styles of one text. From the first limit on RGB colours become the nearest of the palette, from
 * the second on text stays plain: a capture can't fill the memory with styles.
 */
export const EXACT_STYLES = 4096;
export const MOST_STYLES = 16 * 1024;
const MOST_LINKS = 64 * 1024;

/** Numbers that there is room for at first, and that room is made for at once. */
const LEAST_ROOM = 64 * SPAN_NUMBERS;
const MOST_ROOM = 16 * 1024 * SPAN_NUMBERS;

const RGB = 0x1000000;

/** The styled parts of a text before they are packed. */
export interface LineSpans {
  /** `LINE_NUMBERS` a span: its start, its end, and the place of its style in `styles`. */
  readonly numbers: Uint32Array;
  readonly styles: readonly LinkedStyle[];
}

export const LINE_NUMBERS = 3;

export const noSpans: PackedSpans = { places: new Uint32Array(0), styles: [], links: [] };

/**
 * Packs spans one by one, as an object for each would take most of the time.  */
export class SpanPacker {
  /** Before `places`: large arrays are not copied to grow. */
  private full: Uint32Array[] = [];
  private places = new Uint32Array(LEAST_ROOM);
  private length = 0;
  private styles = new Places<Style>(MOST_STYLES);
  private links = new LinkPlaces();
  private known = new Map<LinkedStyle, Known>();
  private last: LinkedStyle | undefined;
  private lastKnown: Known = { style: 0, link: 0 };

  /** Spans come in order; one that goes on with the last becomes one with it. */
  add(start: number, end: number, style: LinkedStyle): void {
    if (style !== this.last) {
      this.last = style;
      this.lastKnown = this.know(style);
    }
    this.reserve(SPAN_NUMBERS);
    this.addKnown(start, end, this.lastKnown);
  }

  /** Adds spans of a text that starts at `by`. */
  addAll({ numbers, styles }: LineSpans, by: number): void {
    const known = styles.map((style) => this.know(style));
    this.reserve((numbers.length / LINE_NUMBERS) * SPAN_NUMBERS);
    for (let at = 0; at < numbers.length; at += LINE_NUMBERS) {
      const look = known[numbers[at + 2] ?? 0];
      if (look !== undefined)
        this.addKnown((numbers[at] ?? 0) + by, (numbers[at + 1] ?? 0) + by, look);
    }
  }

  private addKnown(start: number, end: number, { style, link }: Known): void {
    if (style === 0 && link === 0) return;
    const { places, length } = this;
    if (
      length > 0 &&
      places[length - 3] === start &&
      places[length - 2] === style &&
      places[length - 1] === link
    ) {
      places[length - 3] = end;
      return;
    }
    places[length] = start;
    places[length + 1] = end;
    places[length + 2] = style;
    places[length + 3] = link;
    this.length = length + SPAN_NUMBERS;
  }

  /** The spans since the last call. */
  take(): PackedSpans {
    const { full, length, places, styles, links } = this;
    if (length === 0 && full.length === 0) return noSpans;
    const all = joined([...full, places.subarray(0, length)]);
    this.full = [];
    this.length = 0;
    this.places = new Uint32Array(LEAST_ROOM);
    this.styles = new Places(MOST_STYLES);
    this.links = new LinkPlaces();
    this.known = new Map();
    this.last = undefined;
    return { places: all, styles: styles.values, links: links.values };
  }

  private know(style: LinkedStyle): Known {
    return this.known.get(style) ?? this.learn(style);
  }

  private learn(style: LinkedStyle): Known {
    if (this.known.size >= MOST_STYLES) this.known.clear();
    const look = this.styles.count < EXACT_STYLES ? style : paletteLook(style);
    const name = nameOf(look);
    const known = {
      style: name === PLAIN ? 0 : this.styles.place(name, () => lookOf(look)),
      link: style.link === undefined ? 0 : this.links.place(style.link),
    };
    this.known.set(style, known);
    return known;
  }

  private reserve(numbers: number): void {
    if (this.length + numbers <= this.places.length) return;
    if (this.length > 0) this.full.push(this.places.subarray(0, this.length));
    this.places = new Uint32Array(Math.max(numbers, Math.min(2 * this.places.length, MOST_ROOM)));
    this.length = 0;
  }
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The places of a style and of its link, from 1. */
interface Known {
  readonly style: number;
  readonly link: number;
}

/** Calls `visit` with each span, in order of the text. */
export function forEachSpan(
  { places, styles, links }: PackedSpans,
  visit: (start: number, end: number, style: Style | undefined, link: string | undefined) => void,
): void {
  for (let at = 0; at < places.length; at += SPAN_NUMBERS) {
    const style = styles[(places[at + 2] ?? 0) - 1];
    const link = links[(places[at + 3] ?? 0) - 1];
    visit(places[at] ?? 0, places[at + 1] ?? 0, style, link);
  }
}

/** Different values, and for each 1 + its place; 0 for those beyond the limit. */
class Places<Value> {
  readonly values: Value[] = [];
  private readonly limit: number;
  private readonly places = new Map<string, number>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get count(): number {
    return this.values.length;
  }

  place(name: string, make: () => Value): number {
    const place = this.places.get(name);
    if (place !== undefined) return place;
    if (this.values.length >= this.limit) return 0;
    this.places.set(name, this.values.push(make()));
    return this.values.length;
  }
}

const LINK = /^(?:https?|file):/i;

/** Different links, and for each 1 + its place; 0 for those to anything but the web and files. */
export class LinkPlaces {
  private readonly places = new Places<string>(MOST_LINKS);

  get values(): readonly string[] {
    return this.places.values;
  }

  place(link: string): number {
    return LINK.test(link) ? this.places.place(link, () => link) : 0;
  }
}

function lookOf(style: LinkedStyle): Style {
  const { foreground, background, underlineColor, underline } = style;
  const { bold, dim, italic, blink, inverse, hidden, strikethrough, overline } = style;
  return {
    foreground,
    background,
    underlineColor,
    bold,
    dim,
    italic,
    blink,
    inverse,
    hidden,
    strikethrough,
    overline,
    underline,
  };
}

function paletteLook(style: LinkedStyle): LinkedStyle {
  return {
    ...style,
    foreground: nearest(style.foreground),
    background: nearest(style.background),
    underlineColor: nearest(style.underlineColor),
  };
}

/** The nearest colour of the palette's cube, 16 to 231. */
function nearest(color: Color | undefined): Color | undefined {
  if (color === undefined || color < RGB) return color;
  const step = (shift: number): number => Math.round(((color >> shift) & 0xff) / 51);
  return 16 + 36 * step(16) + 6 * step(8) + step(0);
}

/** Styles that look the same have the same name. */
function nameOf(style: Style): string {
  const { foreground = '', background = '', underlineColor = '', underline } = style;
  const attributes =
    (style.bold ? 1 : 0) +
    (style.dim ? 2 : 0) +
    (style.italic ? 4 : 0) +
    (style.blink ? 8 : 0) +
    (style.inverse ? 16 : 0) +
    (style.hidden ? 32 : 0) +
    (style.strikethrough ? 64 : 0) +
    (style.overline ? 128 : 0);
  return `${foreground} ${background} ${underlineColor} ${underline} ${attributes}`;
}

const PLAIN = '   none 0';
