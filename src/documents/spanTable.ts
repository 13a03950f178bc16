import type { PackedSpans, Style } from '../output/rendering/style.ts';
import { Uint32List } from './uint32List.ts';

/** Start, end, 1 + the place in `styles`, 1 + the place in `links`: as in `PackedSpans`. */
const numbersOfSpan = 4;

export type SpanVisitor = (
  start: number,
  end: number,
  style: Style | undefined,
  link: string | undefined,
) => void;

/** The styled parts of a text that grows at its end: sixteen bytes a part, found by offset. */
export class SpanTable {
  private places: Uint32List;
  private readonly styles: Style[];
  private readonly links: string[];
  private readonly styleAt: Map<string, number>;
  private readonly linkAt: Map<string, number>;

  constructor({ places, styles, links }: PackedSpans) {
    this.places = new Uint32List(places);
    this.styles = [...styles];
    this.links = [...links];
    this.styleAt = new Map(styles.map((style, at) => [styleKey(style), at]));
    this.linkAt = new Map(links.map((link, at) => [link, at]));
  }

  /** Takes away what is behind `length`, and adds the spans of a text that starts there. */
  append(length: number, { places, styles, links }: PackedSpans): void {
    this.cut(length);
    // By the numbers that the spans have, where 0 is none.
    const styleNumbers = [0, ...styles.map((style) => 1 + this.keepStyle(style))];
    const linkNumbers = [0, ...links.map((link) => 1 + keep(this.links, this.linkAt, link, link))];
    for (let at = 0; at < places.length; at += numbersOfSpan) {
      this.places.push(length + (places[at] ?? 0));
      this.places.push(length + (places[at + 1] ?? 0));
      this.places.push(styleNumbers[places[at + 2] ?? 0] ?? 0);
      this.places.push(linkNumbers[places[at + 3] ?? 0] ?? 0);
    }
  }

  /** Calls `visit` with each span that has a part in `from` to `to`, in order. */
  visit(from: number, to: number, visit: SpanVisitor): void {
    const { places } = this;
    for (let at = this.firstEndingAfter(from); at < places.length; at += numbersOfSpan) {
      const start = places.at(at);
      if (start >= to) return;
      const style = this.styles[places.at(at + 2) - 1];
      const link = this.links[places.at(at + 3) - 1];
      visit(start, places.at(at + 1), style, link);
    }
  }

  get hasLinks(): boolean {
    return this.links.length > 0;
  }

  private cut(length: number): void {
    const at = this.firstEndingAfter(length);
    if (at >= this.places.length) return;
    if (this.places.at(at) >= length) {
      this.places.truncate(at);
    } else {
      this.places.set(at + 1, length);
      this.places.truncate(at + numbersOfSpan);
    }
  }

  private firstEndingAfter(offset: number): number {
    let low = 0;
    let high = this.places.length / numbersOfSpan;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.places.at(middle * numbersOfSpan + 1) > offset) high = middle;
      else low = middle + 1;
    }
    return low * numbersOfSpan;
  }

  private keepStyle(style: Style): number {
    return keep(this.styles, this.styleAt, styleKey(style), style);
  }
}

/** Equal styles have equal keys. */
export function styleKey(style: Style): string {
  const { foreground = '', background = '', underlineColor = '', underline } = style;
  const attributes =
    (style.bold ? 'b' : '') +
    (style.dim ? 'd' : '') +
    (style.italic ? 'i' : '') +
    (style.inverse ? 'r' : '') +
    (style.strikethrough ? 's' : '') +
    (style.overline ? 'o' : '');
  return `${foreground} ${background} ${underlineColor} ${underline} ${attributes}`;
}

/** The place of a value in a list of values that are there once. */
function keep<T>(values: T[], places: Map<string, number>, key: string, value: T): number {
  const known = places.get(key);
  if (known !== undefined) return known;
  places.set(key, values.length);
  values.push(value);
  return values.length - 1;
}
