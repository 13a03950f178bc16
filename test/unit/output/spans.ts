import { forEachSpan } from '../../../src/output/rendering/packedSpans.ts';
import type { LinkedStyle, PackedSpans, Style } from '../../../src/output/rendering/style.ts';

/** A span with its style in words: `1-4 red`. */
export interface WordedSpan {
  readonly start: number;
  readonly end: number;
  readonly look: string;
}

export interface ReadChange {
  readonly replacedChars: number;
  readonly text: string;
  readonly spans: PackedSpans;
}

/** What a style says, in words: `foreground=1 bold link=http://x`. */
export function inWords(style: Partial<LinkedStyle> | undefined, link?: string): string {
  const said = Object.entries({ ...style, ...(link === undefined ? {} : { link }) });
  return said
    .filter(([, value]) => value !== undefined && value !== false && value !== 'none')
    .map(([name, value]) => (value === true ? name : `${name}=${String(value)}`))
    .sort()
    .join(' ');
}

export function unpack(spans: PackedSpans): WordedSpan[] {
  const worded: WordedSpan[] = [];
  forEachSpan(spans, (start, end, style: Style | undefined, link) => {
    addTo(worded, { start, end, look: inWords(style, link) });
  });
  return worded;
}

/** Adds a span to others before it; one that goes on with the last becomes one with it. */
export function addTo(spans: WordedSpan[], span: WordedSpan): void {
  const last = spans.at(-1);
  if (last?.end === span.start && last.look === span.look) {
    spans[spans.length - 1] = { ...last, end: span.end };
  } else spans.push(span);
}

/** What a reader of a view's changes has. */
export class ViewReader {
  text = '';
  spans: WordedSpan[] = [];

  take({ replacedChars, text, spans }: ReadChange): void {
    const kept = this.text.length - replacedChars;
    if (kept < 0) throw new RangeError('more is taken away than there was');
    this.text = this.text.slice(0, kept) + text;
    this.spans = this.spans
      .filter(({ start }) => start < kept)
      .map(({ start, end, look }) => ({ start, end: Math.min(end, kept), look }));
    for (const { start, end, look } of unpack(spans)) {
      addTo(this.spans, { start: start + kept, end: end + kept, look });
    }
  }

  replace(text: string, spans: PackedSpans): void {
    this.text = text;
    this.spans = unpack(spans);
  }
}
