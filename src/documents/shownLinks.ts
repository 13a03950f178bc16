import { findLinkBelow, seemsBelow } from '../output/links/linkLines.ts';
import { findLinks, type FileLink } from '../output/links/links.ts';
import type { OutputSection } from './outputSection.ts';
import { overlap, programLinksOf } from './programLinks.ts';

/** Of the places where a line stands in a section, the last ones are looked at. */
const mostPlaces = 50;
/** So far before a line a heading is looked for. */
const mostLinesBefore = 5000;

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
  const placesBySection = sections.map((section) => placesOf(text, section));
  const places = placesBySection.flat();
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
  const isSure = isAll && placesBySection.every(({ length }) => length < mostPlaces);
  const isInAll = ({ places: count }: Found): boolean => isSure && count === places.length;
  const links: ShownLink[] = [];
  for (const link of findLinks(text)) {
    if (link.kind !== 'file') continue;
    const { start, end } = link;
    const other = found.find((each) => overlap(each, link));
    if (other === undefined) links.push({ start, end, targets: [link], isCertain: true });
    else if (!isInAll(other)) other.targets.set(JSON.stringify(link), link);
  }
  for (const each of found) {
    const { start, end, targets } = each;
    const isCertain = isInAll(each) && targets.size === 1;
    links.push({ start, end, targets: [...targets.values()], isCertain });
  }
  return links.sort((one, other) => one.start - other.start);
}

/** A line of a section, counted from its first one. */
interface LinePlace {
  readonly section: OutputSection;
  readonly number: number;
}

/** Where lines of a text stand, blanks at their ends aside: only looked for where it matters. */
function placesOf(text: string, section: OutputSection): LinePlace[] {
  const places: LinePlace[] = [];
  if (text === '' || !(seemsBelow(text) || section.spans.hasLinks)) return places;
  for (let number = section.lineCount - 1; number >= 0; number -= 1) {
    const { start, end } = section.lineOffsets(number);
    if (start + text.length > end || !section.text.startsWith(text, start)) continue;
    if (section.text.slice(start + text.length, end).trim() !== '') continue;
    if (places.push({ section, number }) === mostPlaces) break;
  }
  return places.reverse();
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
