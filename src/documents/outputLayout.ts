import type { CaptureStream } from '../persistence/record.ts';
import type { OutputSection } from './outputSection.ts';

/** Where a section stands in a document. Lines are the document's, counted from 0. */
export interface PlacedSection {
  readonly section: OutputSection;
  readonly stream: CaptureStream;
  /** The line that names the stream; absent where the document shows one alone. */
  readonly heading: number | undefined;
  /** The line that says what is not shown before the section's text. */
  readonly cut: number | undefined;
  /** The text's first line. */
  readonly first: number;
  /** The text's last line. */
  readonly last: number;
  /** The first line's number in the section (see `OutputSection.firstNumber`). */
  readonly firstNumber: number;
  /** Bytes of the capture before the text. */
  readonly skippedBytes: number;
}

/** The text of a document at one time, and what stands where in it. */
export interface OutputLayout {
  readonly text: string;
  readonly lineCount: number;
  readonly sections: readonly PlacedSection[];
}

/** A line that stays the same one when others come or go before it. */
export interface Place {
  readonly stream: CaptureStream;
  readonly number: number;
}

/** The words around the captures' own text. */
export interface LayoutWords {
  readonly heading: (section: OutputSection) => string;
  /** Absent where all is shown. */
  readonly cut: (section: OutputSection) => string | undefined;
  /** The line behind a section's text; absent where all is shown. */
  readonly rest: (section: OutputSection) => string | undefined;
  /** The document's last line. */
  readonly epitaph: string | undefined;
}

/** Puts sections one after the other. A stream that wrote nothing is left out. */
export function layOut(sections: readonly OutputSection[], words: LayoutWords): OutputLayout {
  let text = '';
  let line = 0;
  const startLine = (): void => {
    if (text === '' || text.endsWith('\n')) return;
    text += '\n';
    line += 1;
  };
  const addLine = (words: string): number => {
    startLine();
    text += `${words}\n`;
    line += 1;
    return line - 1;
  };
  const shown = sections.filter((section) => section.text !== '');
  const placed = shown.map((section): PlacedSection => {
    const heading = shown.length > 1 ? addLine(words.heading(section)) : undefined;
    const cutWords = words.cut(section);
    const cut = cutWords === undefined ? undefined : addLine(cutWords);
    startLine();
    const first = line;
    text += section.text;
    line += section.lineBreaks;
    const { stream, firstNumber, lineCount, skippedBytes } = section;
    const last = first + lineCount - 1;
    const restWords = words.rest(section);
    if (restWords !== undefined) addLine(restWords);
    return { section, stream, heading, cut, first, last, firstNumber, skippedBytes };
  });
  if (words.epitaph !== undefined) addLine(words.epitaph);
  return { text, lineCount: line + 1, sections: placed };
}

/** The section that a line belongs to, its heading among it; the last one for lines behind all. */
export function sectionAt({ sections }: OutputLayout, line: number): PlacedSection | undefined {
  return sections.find(({ last }) => line <= last) ?? sections.at(-1);
}

/** Where a line's place is, so that it can be found again in a later layout. */
export function placeOf(layout: OutputLayout, line: number): Place | undefined {
  const at = sectionAt(layout, line);
  if (at === undefined) return undefined;
  return { stream: at.stream, number: at.firstNumber + line - at.first };
}

/** The line that a line has become; the same number where its stream is not shown any more. */
export function movedLine(before: OutputLayout, now: OutputLayout, line: number): number {
  const place = placeOf(before, line);
  return (place && lineOf(now, place)) ?? line;
}

/** The line of a place; the section's first one, its heading among them, where it was cut away. */
export function lineOf(layout: OutputLayout, { stream, number }: Place): number | undefined {
  const at = layout.sections.find((placed) => placed.stream === stream);
  if (at === undefined) return undefined;
  const first = at.heading ?? at.cut ?? at.first;
  return Math.min(Math.max(at.first + number - at.firstNumber, first), layout.lineCount - 1);
}
