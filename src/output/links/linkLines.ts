import { findLinks, type FileLink, type OutputLink } from './links.ts';
import { shapeOf } from './linkPath.ts';

/**
 * Finds the links in lines that are given in order. Some tools name a file on a line of its own and
 * positions in it on those that follow: ESLint (`  3:5  error`), grep and ripgrep with a heading
 * (`12:text`), diffs (`@@ -1,5 +12,7 @@`). VS Code's terminal knows the same three.
 */
export class LinkLines {
  /** What the lines just before are about, as long as they go on about it. */
  private heading: string | undefined;
  private diffFile: string | undefined;

  find(line: string): OutputLink[] {
    const links = findLinks(line);
    const below = this.linkBelow(line);
    if (below !== undefined) return [below, ...links.filter(({ start }) => start >= below.end)];
    this.readHeading(line, links);
    return links;
  }

  /** The link that a line begins with because of a line before it. */
  private linkBelow(line: string): FileLink | undefined {
    if (this.diffFile !== undefined && line.startsWith('@@ ')) {
      const [hunk, first = ''] =
        /^@@ -\d{1,7}(?:,\d{1,7})? \+(\d{1,7})(?:,\d{1,7})? @@/.exec(line) ?? [];
      return linkTo(this.diffFile, 0, hunk, first);
    }
    if (this.heading === undefined) return undefined;
    const found = indented.exec(line) ?? numbered.exec(line);
    if (found === null) return undefined;
    const [, blanks = '', first = '', column] = found;
    const text = column === undefined ? first : `${first}:${column}`;
    return linkTo(this.heading, blanks.length, text, first, column);
  }

  private readHeading(line: string, links: readonly OutputLink[]): void {
    if (line.startsWith('+++ ')) {
      const [file] = links;
      this.diffFile = file?.kind === 'file' ? file.path : undefined;
      return;
    }
    if (isBelowHeading.test(line)) return;
    const [link] = links;
    const isWhole = link?.kind === 'file' && link.start === 0 && link.end === line.length;
    if (isWhole && link.line === undefined) this.heading = link.path;
    else this.heading = isName(line) ? line : undefined;
  }
}

const indented = /^( {1,16})(\d{1,7}):(\d{1,7})(?=\s)/;
/** No times. */
const numbered = /^()(?!\d\d:\d\d:\d\d\b)(\d{1,7}):(?:(\d{1,7})(?=:))?/;
/** The other lines below a heading: indented, around a match (`12-text`), between matches (`--`). */
const isBelowHeading = /^(?:\s+\S|\d{1,7}-|--$)/;

function isName(line: string): boolean {
  return (
    line.length <= 255 && /^[\w.+-]+$/.test(line) && shapeOf(line, 0, line.length) !== undefined
  );
}

function linkTo(
  path: string,
  start: number,
  text: string | undefined,
  line: string,
  column?: string,
): FileLink | undefined {
  if (text === undefined || Number(line) === 0) return undefined;
  return {
    kind: 'file',
    start,
    end: start + text.length,
    path,
    line: Number(line),
    ...(column === undefined ? {} : { column: Number(column) }),
  };
}
