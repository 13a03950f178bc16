import { findLinkBelow, seemsBelow } from '../output/links/linkLines.ts';
import { findLinks, type FileLink } from '../output/links/links.ts';
import type { OutputSection } from './outputSection.ts';
import { overlap, programLinksOf } from './programLinks.ts';

/** A line of so many occurrences may stand anywhere. */
const mostPlaces = 50;
/** So far before a line a heading is looked for. */
const mostLinesBefore = 10_000;

/** A link in a line whose text is known, and not where it stands. Offsets are in the line. */
export interface ShownLink {
  readonly start: number;
  readonly end: number;
  /** Paths in the text, and targets of OSC 8 links (unchecked): each once. */
  readonly targets: readonly (FileLink | string)[];
  /** It has one target, wherever the line stands. */
  readonly isCertain: boolean;
}

/** What the lines of a text have in one place, over all the places where they stand. */
interface Found {
  start: number;
  end: number;
  readonly targets: Map<string, FileLink | string>;
  places: number;
}

/**
 * The links of a line that a terminal shows: those in its text, and, as the same text may stand
 * several times in what the task wrote, all those that its programs made there or that the lines
 * before it give. These are certain where every such line has the same one.
 * @param sections what the task wrote
 * @param isAll the sections have every line that the terminal may show
 */
export function findShownLinks(
  line: string,
  sections: readonly OutputSection[],
  isAll: boolean,
): ShownLink[] {
  const text = line.trimEnd();
  const places = placesOf(text, sections);
  const found: Found[] = [];
  for (const place of places) {
    const programs = programLinksOf(place.section, place.number);
    for (const { start, end, target } of programs) {
      if (start < text.length) add(found, start, Math.min(end, text.length), target, target);
    }
    const below = findLinkBelow(text, linesBefore(place));
    if (below === undefined || programs.some((program) => overlap(program, below))) continue;
    add(found, below.start, below.end, JSON.stringify(below), below);
  }
  const isSure = isAll && places.length < mostPlaces;
  const links = found.map(({ start, end, targets, places: count }): ShownLink => ({
    start,
    end,
    targets: [...targets.values()],
    isCertain: isSure && targets.size === 1 && count === places.length,
  }));
  for (const link of findLinks(text)) {
    if (link.kind !== 'file' || found.some((other) => overlap(other, link))) continue;
    links.push({ start: link.start, end: link.end, targets: [link], isCertain: true });
  }
  return links;
}

/** A line of a section, counted from its first one. */
interface LinePlace {
  readonly section: OutputSection;
  readonly number: number;
}

/** Where lines of a text stand, blanks at their ends aside: only looked for where it matters. */
function placesOf(text: string, sections: readonly OutputSection[]): LinePlace[] {
  const places: LinePlace[] = [];
  if (text === '') return places;
  const isBelow = seemsBelow(text);
  for (const section of sections) {
    if (!isBelow && !section.spans.hasLinks) continue;
    for (let number = 0; number < section.lineCount; number += 1) {
      if (places.length === mostPlaces) return places;
      const { start, end } = section.lineOffsets(number);
      if (!section.text.startsWith(text, start) || start + text.length > end) continue;
      if (section.text.slice(start + text.length, end).trim() !== '') continue;
      places.push({ section, number });
    }
  }
  return places;
}

/** The nearest first. */
function* linesBefore({ section, number }: LinePlace): Generator<string> {
  const last = Math.max(0, number - mostLinesBefore);
  for (let before = number - 1; before >= last; before -= 1) {
    const { start, end } = section.lineOffsets(before);
    yield section.text.slice(start, end);
  }
}

/** Links that overlap are one: which it is depends on where the line stands. */
function add(
  found: Found[],
  start: number,
  end: number,
  key: string,
  target: FileLink | string,
): void {
  const same = found.find((other) => overlap(other, { start, end }));
  if (same === undefined) {
    found.push({ start, end, targets: new Map([[key, target]]), places: 1 });
    return;
  }
  same.start = Math.min(same.start, start);
  same.end = Math.max(same.end, end);
  same.targets.set(key, target);
  same.places += 1;
}
