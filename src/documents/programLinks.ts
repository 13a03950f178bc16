import type { OutputSection } from './outputSection.ts';

/** A link that a program made itself (OSC 8), by offsets in its line. */
export interface ProgramLink {
  readonly start: number;
  readonly end: number;
  /** Unchecked. */
  readonly target: string;
}

/** Of a line of a section. Pieces of one link that touch, since their colours differ, are one link. */
export function programLinksOf(section: OutputSection, line: number): ProgramLink[] {
  const links: ProgramLink[] = [];
  if (!section.spans.hasLinks) return links;
  const { start, end } = section.lineOffsets(line);
  section.spans.visit(start, end, (spanStart, spanEnd, _style, target) => {
    if (target === undefined) return;
    const from = Math.max(spanStart, start) - start;
    const to = Math.min(spanEnd, end) - start;
    const before = links.at(-1);
    if (before?.target === target && before.end === from) {
      links[links.length - 1] = { ...before, end: to };
    } else {
      links.push({ start: from, end: to, target });
    }
  });
  return links;
}

/** Whether two links have a character in common. */
export function overlap(
  one: { readonly start: number; readonly end: number },
  other: { readonly start: number; readonly end: number },
): boolean {
  return one.start < other.end && other.start < one.end;
}
