import { readAddress, trimDots } from './linkAddress.ts';
import {
  atSign,
  blankPathEnd,
  colon,
  firstSeparator,
  isDigit,
  isDrive,
  isFile,
  isLetter,
  isPathCharacter,
  isRooted,
  quotedSigns,
  pathLimit,
  shapeOf,
  wordEnd,
  type PathShape,
} from './linkPath.ts';
import {
  before,
  readSuffix,
  seemsSuffix,
  type Before,
  type FilePosition,
  type PositionSuffix,
} from './linkSuffix.ts';

/** A link in a line of output. Offsets are in UTF-16 units of the line. */
export type OutputLink = FileLink | UrlLink;

/** A path as it was written, with the position in the file if there is one: unchecked. */
export interface FileLink extends FilePosition {
  readonly kind: 'file';
  readonly start: number;
  readonly end: number;
  readonly path: string;
}

/** An `http` or `https` address. */
export interface UrlLink {
  readonly kind: 'url';
  readonly start: number;
  readonly end: number;
  readonly url: string;
}

/** Longer lines have no links (VS Code's terminal does the same). */
const lineLimit = 2000;

const quotes = '"\'`';

/**
 * Finds addresses, and paths of files in the forms of compilers, test runners and stack traces, in
 * linear time and without looking at the disk. A path needs an extension or a position; a bare
 * name needs both.
 */
export function findLinks(line: string): OutputLink[] {
  const links: OutputLink[] = [];
  if (line.length > lineLimit) return links;
  const closing = new ClosingQuotes(line);
  let at = 0;
  while (at < line.length) {
    const code = line.charCodeAt(at);
    if (isPathCharacter(code)) at = readWord(line, at, links);
    else if (code === 0x22 || code === 0x27 || code === 0x60) {
      at = readQuoted(line, at, closing.after(at), links);
    } else at++;
  }
  return links;
}

/** The next quote of each kind, looked up once and not once for each quote before it. */
class ClosingQuotes {
  private readonly line: string;
  private readonly next: number[] = [0, 0, 0];

  constructor(line: string) {
    this.line = line;
  }

  /** Where the quote at `at` is closed; -1 if it is not. */
  after(at: number): number {
    const quote = this.line.charAt(at);
    const kind = quotes.indexOf(quote);
    const known = this.next[kind] ?? 0;
    if (known === -1 || known > at) return known;
    return (this.next[kind] = this.line.indexOf(quote, at + 1));
  }
}

/** A quoted path may have blanks, if it is a path without doubt. Returns where to go on. */
function readQuoted(line: string, open: number, close: number, links: OutputLink[]): number {
  const start = open + 1;
  if (close <= start || close - start > pathLimit) return start;
  const isFollowed = seemsSuffix(line, close + 1);
  const isRoot = isRooted(line, start);
  if (!isFollowed && !isRoot) return start;
  // Python names a script so, whatever it is called.
  const isNamed = isFollowed && line.startsWith('File ', open - 5);
  const signs = quotedSigns(line, start, close);
  // A path without blanks and with its position in the quotes is a word like others.
  if (signs === undefined || (!isFollowed && !signs.hasBlank)) return start;
  const { hasBlank, nameStart } = signs;
  const pathEnd = hasBlank && isRoot ? positionInQuotes(line, nameStart, close) : close;
  const shape = shapeOf(line, start, pathEnd);
  if (shape === undefined && !isNamed) return start;
  const suffix = readSuffix(line, pathEnd === close ? close + 1 : pathEnd, before.quoted);
  if (pathEnd < close ? suffix?.end !== close : suffix === undefined && !hasBlank) return start;
  if (isNamed ? suffix === undefined : !shape || !isFile(line, shape, suffix)) return start;
  links.push(fileLink(line, start, pathEnd, suffix));
  return Math.max(suffix?.end ?? close, close + 1);
}

function fileLink(
  line: string,
  start: number,
  pathEnd: number,
  suffix: PositionSuffix | undefined,
): FileLink {
  const path = line.slice(start, pathEnd);
  return { kind: 'file', start, end: suffix?.end ?? pathEnd, path, ...suffix?.position };
}

/** Where a position may begin behind a name that a quote closes; `close` if there is none. */
function positionInQuotes(line: string, nameStart: number, close: number): number {
  const name = line.slice(nameStart, close);
  const found = /\.[A-Za-z]\w{0,11}(?=[\s,:#([])|(?=\s?[:#([])/.exec(name);
  return found === null ? close : nameStart + found.index + found[0].length;
}

/** Reads a run of path characters and the position after it. Returns where to go on. */
function readWord(line: string, start: number, links: OutputLink[]): number {
  let end = wordEnd(line, start);
  let pathStart = start;
  if (line.charCodeAt(end) === colon) {
    if (line.startsWith('://', end)) return readAddress(line, start, end, links);
    if (isDrive(line, end - 1)) {
      if (end === start + 1) end = wordEnd(line, start + 2);
      // `function@C:\path` of Firefox, `\\?\C:\path` of Windows, `/C:/path` of addresses.
      else if (!isWordCharacter(line.charCodeAt(end - 2))) return end - 1;
    }
  }
  const separator = firstSeparator(line, start, end);
  // Most words stop here.
  if (separator < 0 && !seemsSuffix(line, end)) return end;
  // `function@/path` of Firefox and Safari.
  if (separator > start + 1 && line.charCodeAt(separator - 1) === atSign) pathStart = separator;
  if (end - pathStart > pathLimit) return end;
  const shape = shapeOf(line, pathStart, end);
  if (shape === undefined || isAfterColon(line, pathStart)) return end;
  if (!shape.hasExtension && line.charAt(end) === ' ') {
    const blankEnd = readBlankPath(line, pathStart, links);
    if (blankEnd !== undefined) return blankEnd;
  }
  const suffix = readSuffix(line, end, certainty(shape));
  if (suffix !== undefined && isFile(line, shape, suffix)) {
    links.push(fileLink(line, pathStart, end, suffix));
    return suffix.end;
  }
  // `module/a.b.run(C.java:840)`: a function.
  if (line.charAt(end) === '(') return end;
  const trimmedEnd = trimDots(line, end);
  const trimmed = trimmedEnd < end ? shapeOf(line, pathStart, trimmedEnd) : shape;
  if (trimmed === undefined) return end;
  if (isFile(line, trimmed, undefined) || isInDiffHeader(line, pathStart)) {
    links.push(fileLink(line, pathStart, trimmedEnd, undefined));
  }
  return end;
}

function certainty({ hasExtension, hasSeparator }: PathShape): Before {
  if (!hasExtension) return before.word;
  return hasSeparator ? before.path : before.file;
}

/**
 * A path with blanks and no quotes, where a stack trace or a compiler begins one, and its position
 * or the end of the line shows where it ends: `C:\My Files\x.cpp(3,5): error`.
 */
function readBlankPath(line: string, start: number, links: OutputLink[]): number | undefined {
  if (!isRooted(line, start) || !beginsPath(line, start)) return undefined;
  const end = blankPathEnd(line, start);
  if (end === start || end - start > pathLimit) return undefined;
  const shape = shapeOf(line, start, end);
  if (shape?.hasExtension !== true) return undefined;
  const suffix = readSuffix(line, end, before.path);
  const closing = closingBrackets[line.charAt(start - 1)] ?? '';
  if (suffix === undefined && line.charAt(end) !== closing) return undefined;
  if (!isFile(line, shape, suffix)) return undefined;
  links.push(fileLink(line, start, end, suffix));
  return suffix?.end ?? end;
}

const closingBrackets: Readonly<Record<string, string>> = { '(': ')', '[': ']' };

/** At the start of a line, after a bracket, `at ` or `in `. */
function beginsPath(line: string, start: number): boolean {
  const previous = line.charAt(start - 1);
  if (start === 0 || previous === '(' || previous === '[') return true;
  if (previous !== ' ') return false;
  return (
    /(?:^|\s)(?:at|in) $/.test(line.slice(Math.max(0, start - 4), start)) || isIndent(line, start)
  );
}

function isIndent(line: string, end: number): boolean {
  return line.slice(0, end).trimStart() === '';
}

/** `host:8080/x.js`, and `node:internal/x` and others that are built into their runtime. */
function isAfterColon(line: string, start: number): boolean {
  if (line.charCodeAt(start - 1) !== colon) return false;
  let port = start;
  while (isDigit(line.charCodeAt(port))) port++;
  if (port > start && line.charAt(port) === '/') return true;
  // The last letters of those names: most words need no closer look.
  if (!'eont'.includes(line.charAt(start - 2))) return false;
  return /(?:node|deno|bun|ext):$/.test(line.slice(Math.max(0, start - 5), start));
}

/** `--- a/bin/run` and its like: whatever it is called, it is a file. */
function isInDiffHeader(line: string, start: number): boolean {
  if (line.charAt(start + 1) !== '/' || !'ab'.includes(line.charAt(start))) return false;
  return start === 4 ? /^(?:---|\+\+\+) /.test(line) : line.startsWith('diff --git ');
}

function isWordCharacter(code: number): boolean {
  return isLetter(code) || isDigit(code) || code === 0x5f;
}
