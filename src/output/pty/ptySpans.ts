import { SpanPacker } from '../rendering/packedSpans.ts';
import type { LinkedStyle, PackedSpans } from '../rendering/style.ts';

/**
 * The styled parts of a text, in its order and not overlapping, in UTF-16 units. They are in two
 * arrays, as an object for each takes longer than all else where each character has a style.
 */
export class PtySpans {
  /** The start and the end of each. */
  private readonly places: number[];
  private readonly styles: LinkedStyle[];

  /** With those of `parts`, which are one text. */
  constructor(parts: readonly PtySpans[] = []) {
    this.places = ([] as number[]).concat(...parts.map(({ places }) => places));
    this.styles = ([] as LinkedStyle[]).concat(...parts.map(({ styles }) => styles));
  }

  /** One that goes on with the last becomes one with it. */
  add(start: number, end: number, style: LinkedStyle): void {
    const { places, styles } = this;
    const last = styles.length - 1;
    if (places[2 * last + 1] === start && styles[last] === style) places[2 * last + 1] = end;
    else {
      places.push(start, end);
      styles.push(style);
    }
  }

  /** In the form that travels, with offsets from `base`; what is before that is left out. */
  pack(base: number): PackedSpans {
    const packer = new SpanPacker();
    const { places } = this;
    for (const [index, style] of this.styles.entries()) {
      const end = places[2 * index + 1] ?? 0;
      if (end > base) packer.add(Math.max(0, (places[2 * index] ?? 0) - base), end - base, style);
    }
    return packer.take();
  }

  /** Where these and others first differ. */
  differenceFrom({ places, styles }: PtySpans): number {
    for (let index = 0; ; index++) {
      const start = this.places[2 * index];
      const otherStart = places[2 * index];
      if (start === undefined || otherStart === undefined) return start ?? otherStart ?? Infinity;
      if (start !== otherStart || this.styles[index] !== styles[index]) {
        return Math.min(start, otherStart);
      }
      const end = this.places[2 * index + 1] ?? 0;
      const otherEnd = places[2 * index + 1] ?? 0;
      if (end !== otherEnd) return Math.min(end, otherEnd);
    }
  }
}
