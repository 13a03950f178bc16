import type { Color, LinkedStyle, PackedSpans, Style, StyleSpan } from './style.ts';

/** Numbers that a span has in `PackedSpans.places`. */
const NUMBERS = 4;
/**
 * Styles of one text. From the first limit on RGB colours become the nearest of the palette, from
 * the second on text stays plain: a capture can't fill the memory with styles.
 */
const EXACT_STYLES = 4096;
const MOST_STYLES = 16 * 1024;
const MOST_LINKS = 64 * 1024;

const RGB = 0x1000000;

export const noSpans: PackedSpans = { places: new Uint32Array(0), styles: [], links: [] };

/**
 * Spans in the form that travels, with offsets from `base`; what is before that is left out. Links
 * to anything but `http:`, `https:` and `file:` are none.
 */
export function packSpans(spans: readonly StyleSpan[], base = 0): PackedSpans {
  const packer = new SpanPacker();
  for (const { start, end, style } of spans) {
    if (end > base) packer.add(Math.max(0, start - base), end - base, style);
  }
  return packer.take();
}

/** Packs spans one by one, as an object for each would take most of the time. */
export class SpanPacker {
  private places = new Uint32Array(64 * NUMBERS);
  private length = 0;
  private styles = new Places<Style>(MOST_STYLES);
  private links = new Places<string>(MOST_LINKS);
  private known = new Map<LinkedStyle, Known>();
  private last: LinkedStyle | undefined;
  private lastKnown: Known = { style: 0, link: 0 };

  /** Spans come in order; one that goes on with the last becomes one with it. */
  add(start: number, end: number, style: LinkedStyle): void {
    if (style !== this.last) {
      this.last = style;
      this.lastKnown = this.known.get(style) ?? this.learn(style);
    }
    const { style: stylePlace, link } = this.lastKnown;
    if (stylePlace === 0 && link === 0) return;
    const { places, length } = this;
    if (
      length > 0 &&
      places[length - 3] === start &&
      places[length - 2] === stylePlace &&
      places[length - 1] === link
    ) {
      places[length - 3] = end;
      return;
    }
    const room = length < places.length ? places : this.grow();
    room[length] = start;
    room[length + 1] = end;
    room[length + 2] = stylePlace;
    room[length + 3] = link;
    this.length = length + NUMBERS;
  }

  /** The spans since the last call. */
  take(): PackedSpans {
    if (this.length === 0) return noSpans;
    const { length, places, styles, links } = this;
    this.length = 0;
    this.places = new Uint32Array(64 * NUMBERS);
    this.styles = new Places(MOST_STYLES);
    this.links = new Places(MOST_LINKS);
    this.known = new Map();
    this.last = undefined;
    return { places: places.slice(0, length), styles: styles.values, links: links.values };
  }

  private learn(style: LinkedStyle): Known {
    const look = this.styles.count < EXACT_STYLES ? lookOf(style) : paletteLook(style);
    const { link } = style;
    const known = {
      style: isPlain(look) ? 0 : this.styles.place(JSON.stringify(look), look),
      link: link !== undefined && LINK.test(link) ? this.links.place(link, link) : 0,
    };
    this.known.set(style, known);
    return known;
  }

  private grow(): Uint32Array {
    const larger = new Uint32Array(2 * this.places.length);
    larger.set(this.places);
    return (this.places = larger);
  }
}

/** The places of a style and of its link, from 1. */
interface Known {
  readonly style: number;
  readonly link: number;
}

const LINK = /^(?:https?|file):/i;

/** Calls `visit` with each span, in order of the text. */
export function forEachSpan(
  { places, styles, links }: PackedSpans,
  visit: (start: number, end: number, style: Style | undefined, link: string | undefined) => void,
): void {
  for (let at = 0; at < places.length; at += NUMBERS) {
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

  place(name: string, value: Value): number {
    const place = this.places.get(name);
    if (place !== undefined) return place;
    if (this.values.length >= this.limit) return 0;
    this.places.set(name, this.values.push(value));
    return this.values.length;
  }
}

function lookOf(style: LinkedStyle): Style {
  const look: Style & { link?: string | undefined } = { ...style };
  delete look.link;
  return look;
}

function paletteLook(style: LinkedStyle): Style {
  return {
    ...lookOf(style),
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

function isPlain(style: Style): boolean {
  return Object.values(style).every(
    (value) => value === undefined || value === false || value === 'none',
  );
}
