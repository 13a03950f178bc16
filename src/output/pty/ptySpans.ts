import { LinkPlaces, SPAN_NUMBERS } from '../rendering/packedSpans.ts';
import type { PackedSpans } from '../rendering/style.ts';
import { PtyStyles } from './ptyStyles.ts';

/**
 * The styled parts of a text, in its order and not overlapping. Looks stay the words of cells until
 * the text is asked for: an object for each takes longer than all else where each character has
 * another one, and most texts scroll away before anybody reads them.
 */
export interface PtySpans {
  /** `NUMBERS` a span: start and end in UTF-16 units, and the place of its look in `looks`. */
  readonly numbers: Int32Array;
  /** `LOOK_NUMBERS` a look: the words of its cells, and 1 + the place of its link in `links`. */
  readonly looks: Int32Array;
  /** Targets of links. */
  readonly links: readonly string[];
}

const NUMBERS = 3;
const LOOK_NUMBERS = 4;
/** Looks that are found again, one for each eight bits of a hash; of others there is another one. */
const FOUND = 256;

export const noPtySpans: PtySpans = {
  numbers: new Int32Array(0),
  looks: new Int32Array(0),
  links: [],
};

/** Collects spans. */
export class PtySpanList {
  private readonly spans = new Numbers();
  private readonly looks = new Numbers();
  private links: string[] = [];
  /** Places of looks, by some bits of their words. */
  private readonly found = new Int32Array(FOUND);

  /** One that goes on with the last becomes one with it. */
  add(
    start: number,
    end: number,
    front: number,
    back: number,
    underline: number,
    link: string | undefined,
  ): void {
    if (start === end || (front | back) === 0) return;
    const look = this.lookOf(front, back, underline, link === undefined ? 0 : this.placeOf(link));
    const { values, length } = this.spans;
    if (length > 0 && values[length - 2] === start && values[length - 1] === look) {
      values[length - 2] = end;
      return;
    }
    const spans = this.spans.reserve(NUMBERS);
    spans[length] = start;
    spans[length + 1] = end;
    spans[length + 2] = look;
  }

  /** The spans since the last call. */
  take(): PtySpans {
    if (this.spans.length === 0) return noPtySpans;
    const { links } = this;
    this.links = [];
    return { numbers: this.spans.take(), looks: this.looks.take(), links };
  }

  private lookOf(front: number, back: number, underline: number, link: number): number {
    const hash = Math.imul(front, 0x9e3779b1) ^ Math.imul(back ^ underline, 0x85ebca6b) ^ link;
    const slot = hash >>> 24;
    const known = this.found[slot] ?? 0;
    const { values, length } = this.looks;
    if (
      known < length &&
      values[known] === front &&
      values[known + 1] === back &&
      values[known + 2] === underline &&
      values[known + 3] === link
    ) {
      return known;
    }
    const looks = this.looks.reserve(LOOK_NUMBERS);
    looks[length] = front;
    looks[length + 1] = back;
    looks[length + 2] = underline;
    looks[length + 3] = link;
    this.found[slot] = length;
    return length;
  }

  private placeOf(link: string): number {
    const { links } = this;
    return links.at(-1) === link ? links.length : links.push(link);
  }
}

/** An array of numbers that grows. */
class Numbers {
  values = new Int32Array(256);
  length = 0;

  /** Makes the array longer, and returns it. */
  reserve(count: number): Int32Array {
    this.length += count;
    if (this.length > this.values.length) {
      const { values } = this;
      this.values = new Int32Array(2 * values.length);
      this.values.set(values);
    }
    return this.values;
  }

  /** The numbers since the last call. */
  take(): Int32Array {
    const taken = this.values.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}

/**
 * Those of `parts`, which are one text, in the form that travels, with offsets from `base`; what is
 * before that is left out.
 */
export function packSpans(parts: readonly PtySpans[], base: number): PackedSpans {
  const room = parts.reduce((sum, { numbers }) => sum + numbers.length / NUMBERS, 0);
  const places = new Uint32Array(room * SPAN_NUMBERS);
  const styles = new PtyStyles();
  const links = new LinkPlaces();
  let length = 0;
  for (const part of parts) {
    const { numbers } = part;
    const looks = packLooks(part, styles, links);
    for (let at = 0; at < numbers.length; at += NUMBERS) {
      const end = numbers[at + 1] ?? 0;
      const look = numbers[at + 2] ?? 0;
      const style = looks[look] ?? 0;
      const link = looks[look + 1] ?? 0;
      if (end <= base || (style | link) === 0) continue;
      const start = Math.max(0, (numbers[at] ?? 0) - base);
      if (
        length > 0 &&
        places[length - 3] === start &&
        places[length - 2] === style &&
        places[length - 1] === link
      ) {
        places[length - 3] = end - base;
        continue;
      }
      places[length] = start;
      places[length + 1] = end - base;
      places[length + 2] = style;
      places[length + 3] = link;
      length += SPAN_NUMBERS;
    }
  }
  const used = length === places.length ? places : places.slice(0, length);
  return { places: used, styles: styles.values, links: links.values };
}

/** For each look the places of its style and of its link. */
function packLooks({ looks, links }: PtySpans, styles: PtyStyles, known: LinkPlaces): Int32Array {
  const packed = new Int32Array(looks.length);
  for (let at = 0; at < looks.length; at += LOOK_NUMBERS) {
    packed[at] = styles.place(looks[at] ?? 0, looks[at + 1] ?? 0, looks[at + 2] ?? 0);
    const link = linkOf(looks, links, at);
    if (link !== undefined) packed[at + 1] = known.place(link);
  }
  return packed;
}

function linkOf(looks: Int32Array, links: readonly string[], look: number): string | undefined {
  const place = looks[look + 3] ?? 0;
  return place === 0 ? undefined : links[place - 1];
}

/** Where the spans of a text first differ from those of `parts`, which are another. */
export function firstDifference(before: PtySpans, parts: readonly PtySpans[]): number {
  const { numbers } = before;
  let at = 0;
  for (const part of parts) {
    for (let partAt = 0; partAt < part.numbers.length; partAt += NUMBERS, at += NUMBERS) {
      const start = numbers[at] ?? Infinity;
      const partStart = part.numbers[partAt] ?? 0;
      if (
        start !== partStart ||
        !isAlike(before, numbers[at + 2] ?? 0, part, part.numbers[partAt + 2] ?? 0)
      ) {
        return Math.min(start, partStart);
      }
      const end = numbers[at + 1] ?? 0;
      const partEnd = part.numbers[partAt + 1] ?? 0;
      if (end !== partEnd) return Math.min(end, partEnd);
    }
  }
  return numbers[at] ?? Infinity;
}

function isAlike(one: PtySpans, look: number, other: PtySpans, otherLook: number): boolean {
  return (
    one.looks[look] === other.looks[otherLook] &&
    one.looks[look + 1] === other.looks[otherLook + 1] &&
    one.looks[look + 2] === other.looks[otherLook + 2] &&
    linkOf(one.looks, one.links, look) === linkOf(other.looks, other.links, otherLook)
  );
}
