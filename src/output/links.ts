import { readAddress, trimDots } from './linkAddress.ts';
import {
  blankPathEnd,
  colon,
  hasPathSign,
  isDrive,
  isFile,
  isLetter,
  isPathCharacter,
  isRooted,
  pathLimit,
  shapeOf,
  wordEnd,
  type PathShape,
} from './linkPath.ts';
import { before, readSuffix, seemsSuffix, type Before, type FilePosition } from './linkSuffix.ts';

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
  const quoted = line.slice(start, close);
  const hasBlank = quoted.includes(' ');
  // A path without blanks and with its position in the quotes is a word like others.
  if (!isFollowed && !hasBlank) return start;
  // Python names a script so, whatever it is called.
  const isNamed = isFollowed && line.startsWith('File ', open - 5);
  if (!isNamed && !hasPathSign(line, start, close)) return start;
  if (/[<>|*?"\t]|:\/\//.test(quoted)) return start;
  const pathEnd = hasBlank && isRoot ? start + positionInQuotes(quoted) : close;
  const path = line.slice(start, pathEnd);
  const shape = shapeOf(path) ?? (isNamed ? noShape : undefined);
  if (shape === undefined) return start;
  const suffix = readSuffix(line, pathEnd === close ? close + 1 : pathEnd, before.quoted);
  if (pathEnd < close ? suffix?.end !== close : suffix === undefined && !hasBlank) return start;
  if (!isFile(path, shape, suffix) && !(isNamed && suffix !== undefined)) return start;
  const end = suffix?.end ?? close;
  links.push({ kind: 'file', start, end, path, ...suffix?.position });
  return Math.max(end, close + 1);
}

/** Where a position may begin behind the name in a quoted path; its end if there is none. */
function positionInQuotes(quoted: string): number {
  const nameStart = Math.max(quoted.lastIndexOf('/'), quoted.lastIndexOf('\\')) + 1;
  const found = /\.[A-Za-z]\w{0,11}(?=[\s,:#([])|(?=\s?[:#([])/.exec(quoted.slice(nameStart));
  return found === null ? quoted.length : nameStart + found.index + found[0].length;
}

const noShape: PathShape = { hasSeparator: false, hasExtension: false, end: 0 };

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
  // Most words stop here.
  if (!hasPathSign(line, start, end)) return end;
  // `function@/path` of Firefox and Safari.
  const prefix = line.slice(start, end).lastIndexOf('@/');
  if (prefix > 0) pathStart += prefix + 1;
  if (end - pathStart > pathLimit || isAfterColon(line, pathStart)) return end;
  if (line.charAt(end) === ' ') {
    const blankEnd = readBlankPath(line, pathStart, end, links);
    if (blankEnd !== undefined) return blankEnd;
  }
  const path = line.slice(pathStart, end);
  const shape = shapeOf(path);
  if (shape === undefined) return end;
  const suffix = readSuffix(line, end, certainty(shape));
  if (suffix !== undefined && isFile(path, shape, suffix)) {
    links.push({ kind: 'file', start: pathStart, end: suffix.end, path, ...suffix.position });
    return suffix.end;
  }
  // `module/a.b.run(C.java:840)`: a function.
  if (line.charAt(end) === '(') return end;
  const trimmedEnd = trimDots(line, end);
  const trimmed = trimmedEnd < end ? line.slice(pathStart, trimmedEnd) : path;
  const trimmedShape = trimmedEnd < end ? shapeOf(trimmed) : shape;
  if (trimmedShape === undefined) return end;
  if (isFile(trimmed, trimmedShape, undefined) || isInDiffHeader(line, pathStart)) {
    links.push({ kind: 'file', start: pathStart, end: trimmedEnd, path: trimmed });
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
function readBlankPath(
  line: string,
  start: number,
  firstBlank: number,
  links: OutputLink[],
): number | undefined {
  if (!isRooted(line, start) || !beginsPath(line, start)) return undefined;
  if (shapeOf(line.slice(start, firstBlank))?.hasExtension === true) return undefined;
  const end = blankPathEnd(line, start);
  const path = line.slice(start, end);
  // A blank before the name alone is more likely between a program and its argument.
  if (!/ [^/\\]*[/\\]/.test(path) || path.length > pathLimit) return undefined;
  const shape = shapeOf(path);
  if (shape?.hasExtension !== true) return undefined;
  const suffix = readSuffix(line, end, before.path);
  const closing = closingBrackets[line.charAt(start - 1)] ?? '';
  if (suffix === undefined && line.charAt(end) !== closing) return undefined;
  if (!isFile(path, shape, suffix)) return undefined;
  const linkEnd = suffix?.end ?? end;
  links.push({ kind: 'file', start, end: linkEnd, path, ...suffix?.position });
  return linkEnd;
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
  portOrBuiltIn.lastIndex = start;
  return (
    portOrBuiltIn.test(line) ||
    /(?:node|bun|deno|ext):$/.test(line.slice(Math.max(0, start - 5), start))
  );
}

const portOrBuiltIn = /\d{1,5}\//y;

/** `--- a/bin/run` and its like: whatever it is called, it is a file. */
function isInDiffHeader(line: string, start: number): boolean {
  if (line.charAt(start + 1) !== '/' || !'ab'.includes(line.charAt(start))) return false;
  return start === 4 ? /^(?:---|\+\+\+) /.test(line) : line.startsWith('diff --git ');
}

function isWordCharacter(code: number): boolean {
  return isLetter(code) || (code >= 0x30 && code <= 0x39) || code === 0x5f;
}
