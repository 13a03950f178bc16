import { findLinks, type FileLink, type OutputLink } from './links.ts';
import { shapeOf } from './linkPath.ts';

/**
 * Finds the links in lines that are given in order. Some tools name a file on a line of its own and
 * positions in it on those that follow: ESLint (`  3:5  error`), grep and ripgrep with a heading
 * (`12:text`), diffs (`@@ -1,5 +12,7 @@`). VS Code's terminal knows the same three.
 */
export class LinkLines {
  /** The files that the lines just before name, as long as they go on about them. */
  private readonly named: Partial<Record<BelowKind, string | undefined>> = {};

  find(line: string): OutputLink[] {
    const links = findLinks(line);
    const position = positionBelow(line);
    if (position === undefined) {
      const kind = kindNamedBy(line);
      if (kind !== undefined) this.named[kind] = fileNamedIn(line, kind, links);
      return links;
    }
    const path = this.named[position.kind];
    if (path === undefined) return links;
    const below = linkTo(path, position);
    return [below, ...links.filter(({ start }) => start >= below.end)];
  }
}

/**
 * The link that a line begins with because of a line before it, as `LinkLines` finds it.
 * @param before the lines before it, the nearest first; read as far as needed
 */
export function findLinkBelow(line: string, before: Iterable<string>): FileLink | undefined {
  const position = positionBelow(line);
  if (position === undefined) return undefined;
  for (const earlier of before) {
    if (positionBelow(earlier) !== undefined) continue;
    const kind = kindNamedBy(earlier);
    if (kind !== position.kind) continue;
    const path = fileNamedIn(earlier, kind, findLinks(earlier));
    return path === undefined ? undefined : linkTo(path, position);
  }
  return undefined;
}

/** Whether a line may begin with a link because of a line before it. */
export function seemsBelow(line: string): boolean {
  return positionBelow(line) !== undefined;
}

/** A part of a diff, or a place below a heading. */
type BelowKind = 'hunk' | 'place';

/** A position in a file that a line before names. */
interface PositionBelow {
  readonly kind: BelowKind;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column?: number;
}

function positionBelow(text: string): PositionBelow | undefined {
  const kind = text.startsWith('@@ ') ? 'hunk' : 'place';
  const found = kind === 'hunk' ? hunk.exec(text) : (indented.exec(text) ?? numbered.exec(text));
  if (found === null) return undefined;
  const [whole, blanks = '', first, column] = found;
  const line = Number(first);
  if (line === 0) return undefined;
  const place = { kind, start: blanks.length, end: whole.length, line } as const;
  return column === undefined ? place : { ...place, column: Number(column) };
}

/** Of which kind of lines this one names the file; absent where it says nothing about it. */
function kindNamedBy(line: string): BelowKind | undefined {
  if (line.startsWith('+++ ')) return 'hunk';
  return isBelowHeading.test(line) ? undefined : 'place';
}

function fileNamedIn(
  line: string,
  kind: BelowKind,
  [link]: readonly OutputLink[],
): string | undefined {
  const path = link?.kind === 'file' ? link.path : undefined;
  if (kind === 'hunk') return path;
  const isWhole = link?.kind === 'file' && link.start === 0 && link.end === line.length;
  if (isWhole && link.line === undefined) return path;
  return isName(line) ? line : undefined;
}

const hunk = /^()@@ -\d{1,7}(?:,\d{1,7})? \+(\d{1,7})(?:,\d{1,7})? @@/;
const indented = /^( {1,16})(\d{1,7}):(\d{1,7})(?=\s)/;
/** No times. */
const numbered = /^()(?!\d\d:\d\d:\d\d\b)(\d{1,7})(?=:)(?::(\d{1,7})(?=:))?/;
/** The other lines below a heading: indented, around a match (`12-text`), between matches (`--`). */
const isBelowHeading = /^(?:\s+\S|\d{1,7}-|--$)/;

function isName(line: string): boolean {
  return (
    line.length <= 255 && /^[\w.+-]+$/.test(line) && shapeOf(line, 0, line.length) !== undefined
  );
}

function linkTo(path: string, { start, end, line, column }: PositionBelow): FileLink {
  const link = { kind: 'file', path, start, end, line } as const;
  return column === undefined ? link : { ...link, column };
}
