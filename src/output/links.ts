import { readSuffix, type FilePosition, type PositionSuffix } from './linkSuffix.ts';

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
const LINE_LIMIT = 2000;
const PATH_LIMIT = 1024;

const QUOTES = '"\'`';
const COLON = 0x3a;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const AT = 0x40;

/**
 * Finds addresses, and paths of files in the forms of compilers, test runners and stack traces, in
 * linear time and without looking at the disk. A path needs an extension or a position; a bare
 * name needs both.
 */
export function findLinks(line: string): OutputLink[] {
  const links: OutputLink[] = [];
  if (line.length > LINE_LIMIT) return links;
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
    const kind = QUOTES.indexOf(quote);
    const known = this.next[kind] ?? 0;
    if (known === -1 || known > at) return known;
    return (this.next[kind] = this.line.indexOf(quote, at + 1));
  }
}

/** A quoted path may have blanks, if it is a path without doubt. Returns where to go on. */
function readQuoted(line: string, start: number, close: number, links: OutputLink[]): number {
  const length = close - start - 1;
  if (length <= 0 || length > PATH_LIMIT) return start + 1;
  const quoted = line.slice(start + 1, close);
  if (quoted.includes('://')) return start + 1;
  const inner = /:(\d{1,7})(?::(\d{1,7}))?$/.exec(quoted);
  const path = inner === null ? quoted : quoted.slice(0, inner.index);
  const shape = shapeOf(path);
  if (shape === undefined || /[<>|*?"]/.test(path)) return start + 1;
  const { hasExtension, hasSeparator } = shape;
  const suffix = readSuffix(line, close + 1, { isQuoted: true, hasExtension, hasSeparator });
  const hasBlank = /\s/.test(path);
  if (suffix === undefined && (!hasBlank || !isRooted(path))) return start + 1;
  if (!isFile(path, shape, suffix)) return start + 1;
  if (suffix !== undefined) {
    links.push({ kind: 'file', start: start + 1, end: suffix.end, path, ...suffix.position });
    return suffix.end;
  }
  const position = {
    ...(inner?.[1] === undefined ? {} : { line: Number(inner[1]) }),
    ...(inner?.[2] === undefined ? {} : { column: Number(inner[2]) }),
  };
  links.push({ kind: 'file', start: start + 1, end: close, path, ...position });
  return close + 1;
}

/** Reads a run of path characters and the position after it. Returns where to go on. */
function readWord(line: string, start: number, links: OutputLink[]): number {
  let end = wordEnd(line, start);
  let pathStart = start;
  if (line.charCodeAt(end) === COLON && line.startsWith('://', end)) {
    return readAddress(line, start, end, links);
  }
  if (end === start + 1 && isDrive(line, start)) end = wordEnd(line, start + 2);
  else {
    // `function@/path` and `function@C:\path` of Firefox and Safari.
    if (end - start > 2 && line.charCodeAt(end - 2) === AT && isDrive(line, end - 1))
      return end - 1;
    // Most words stop here.
    if (!hasPathSign(line, start, end)) return end;
    const prefix = line.slice(start, end).lastIndexOf('@/');
    if (prefix > 0) pathStart += prefix + 1;
  }
  if (end - pathStart > PATH_LIMIT) return end;
  const path = line.slice(pathStart, end);
  const shape = shapeOf(path);
  if (shape === undefined) return end;
  const { hasExtension, hasSeparator } = shape;
  const suffix = readSuffix(line, end, { isQuoted: false, hasExtension, hasSeparator });
  if (suffix !== undefined && isFile(path, shape, suffix) && !isNodeInternal(line, pathStart)) {
    links.push({ kind: 'file', start: pathStart, end: suffix.end, path, ...suffix.position });
    return suffix.end;
  }
  let trimmedEnd = end;
  while (line.charCodeAt(trimmedEnd - 1) === DOT) trimmedEnd--;
  const trimmed = trimmedEnd < end ? line.slice(pathStart, trimmedEnd) : path;
  const trimmedShape = trimmedEnd < end ? shapeOf(trimmed) : shape;
  if (trimmedShape !== undefined && isFile(trimmed, trimmedShape, undefined)) {
    links.push({ kind: 'file', start: pathStart, end: trimmedEnd, path: trimmed });
  }
  return end;
}

/** Whether a word has what a path has: a separator, a dot, or the start of a known name. */
function hasPathSign(line: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const code = line.charCodeAt(at);
    if (code === DOT || code === SLASH || code === BACKSLASH) return true;
  }
  return end - start >= 5 && end - start <= 13 && KNOWN_NAMES.has(line.slice(start, end));
}

/** Reads what starts with `scheme://`. Returns where to go on. */
function readAddress(line: string, start: number, schemeEnd: number, links: OutputLink[]): number {
  let schemeStart = schemeEnd;
  while (schemeStart > start && isLetter(line.charCodeAt(schemeStart - 1))) schemeStart--;
  const scheme = line.slice(schemeStart, schemeEnd).toLowerCase();
  const bodyStart = schemeEnd + 3;
  if (scheme === 'file') return readFileAddress(line, schemeStart, bodyStart, links);
  let end = bodyStart;
  while (end < line.length && isAddressCharacter(line.charCodeAt(end))) end++;
  if (scheme === 'http' || scheme === 'https') {
    const urlEnd = trimAddress(line, bodyStart, end);
    if (/[\w[]/.test(line.charAt(bodyStart))) {
      const url = line.slice(schemeStart, urlEnd);
      links.push({ kind: 'url', start: schemeStart, end: urlEnd, url });
    }
  }
  return end;
}

/** `file:///path`, `file://localhost/path`, `file:///C:/path`: no other host is asked. */
function readFileAddress(
  line: string,
  start: number,
  bodyStart: number,
  links: OutputLink[],
): number {
  const root = line.startsWith('localhost/', bodyStart) ? bodyStart + 9 : bodyStart;
  const hasDrive = isDrive(line, root + 1);
  const end = wordEnd(line, hasDrive ? root + 3 : root);
  if (line.charCodeAt(root) !== SLASH || end - root > PATH_LIMIT) return Math.max(end, bodyStart);
  const path = decode(line.slice(hasDrive ? root + 1 : root, end));
  if (path === undefined || path.startsWith('//')) return end;
  const shape = { hasExtension: true, hasSeparator: true, isKnownName: false };
  const suffix = readSuffix(line, end, { isQuoted: false, ...shape });
  links.push({ kind: 'file', start, end: suffix?.end ?? end, path, ...suffix?.position });
  return suffix?.end ?? end;
}

function decode(text: string): string | undefined {
  try {
    const path = decodeURIComponent(text);
    // eslint-disable-next-line no-control-regex
    return /[\0-\x1f\x7f]/.test(path) ? undefined : path;
  } catch {
    return undefined;
  }
}

/** Without the punctuation of the sentence around it, and without a bracket opened before it. */
function trimAddress(line: string, start: number, end: number): number {
  let round = 0;
  let square = 0;
  for (let at = start; at < end; at++) {
    const character = line.charAt(at);
    if (character === '(') round++;
    else if (character === ')') round--;
    else if (character === '[') square++;
    else if (character === ']') square--;
  }
  let trimmed = end;
  for (; trimmed > start; trimmed--) {
    const last = line.charAt(trimmed - 1);
    if (last === ')' && round < 0) round++;
    else if (last === ']' && square < 0) square++;
    else if (!".,;:!?'*_~".includes(last)) break;
  }
  return trimmed;
}

interface PathShape {
  readonly hasExtension: boolean;
  readonly hasSeparator: boolean;
  /** A name without extension that is known for a file's. */
  readonly isKnownName: boolean;
}

/** Names without an extension that build tools report positions in. */
const KNOWN_NAMES = new Set([
  'BUILD',
  'Brewfile',
  'Containerfile',
  'Dockerfile',
  'Doxyfile',
  'Earthfile',
  'GNUmakefile',
  'Gemfile',
  'Jenkinsfile',
  'Justfile',
  'Kconfig',
  'Makefile',
  'Podfile',
  'Procfile',
  'Rakefile',
  'SConscript',
  'SConstruct',
  'Tiltfile',
  'Vagrantfile',
  'WORKSPACE',
  'justfile',
  'makefile',
]);

/** Ends of host names, which a port follows as a line follows a file's name. */
const HOST_ENDS = new Set(
  (
    'ai app arpa biz cloud cluster co com corp de dev edu eu example fr gov home info int internal ' +
    'intranet invalid io jp lan local localdomain localhost me mil net nl onion org ru svc test uk us xyz'
  ).split(' '),
);

/** Absent for a text that can't be the path of a file that links should lead to. */
function shapeOf(path: string): PathShape | undefined {
  let separator = -1;
  let dot = -1;
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (code === DOT) dot = at;
    else if (code === SLASH || code === BACKSLASH) separator = at;
  }
  const hasSeparator = separator >= 0;
  if (dot < separator) dot = -1;
  const isKnownName = dot < 0 && KNOWN_NAMES.has(path.slice(separator + 1));
  if (!hasSeparator && dot < 0 && !isKnownName) return undefined;
  if (separator === path.length - 1) return undefined;
  const hasExtension = dot >= 0 && /^[A-Za-z][A-Za-z0-9]{0,11}$|^c\+\+$/.test(path.slice(dot + 1));
  return { hasExtension, hasSeparator, isKnownName };
}

/** Whether a path is more likely a file's than anything else. */
function isFile(path: string, shape: PathShape, suffix: PositionSuffix | undefined): boolean {
  const { hasExtension, hasSeparator, isKnownName } = shape;
  // Shares and devices: following one from a log would tell its author who reads it.
  if (path.startsWith('//') || path.startsWith('\\\\')) return false;
  if (!hasSeparator) {
    if (suffix === undefined) return false;
    if (isKnownName) return true;
    return hasExtension && !path.includes('@') && !isHost(path);
  }
  if (hasExtension || isKnownName) return suffix !== undefined || !isHost(firstSegment(path));
  if (suffix === undefined || /[\\/]\d*$/.test(path)) return false;
  return isRooted(path) || suffix.position.column !== undefined;
}

function isHost(name: string): boolean {
  const dot = name.lastIndexOf('.');
  return dot > 0 && HOST_ENDS.has(name.slice(dot + 1).toLowerCase());
}

function firstSegment(path: string): string {
  const end = path.search(/[\\/]/);
  return end < 0 ? path : path.slice(0, end);
}

/** `/x`, `./x`, `../x`, `~/x`, `C:\x`. */
function isRooted(path: string): boolean {
  return /^(?:~|\.{1,2})?[\\/]|^[A-Za-z]:[\\/]/.test(path);
}

/** `node:internal/modules/cjs/loader:1105:14` is not on the disk. */
function isNodeInternal(line: string, start: number): boolean {
  return line.startsWith('node:', start - 5) && line.startsWith('internal/', start);
}

/** `C:\` or `C:/` at an offset. */
function isDrive(line: string, at: number): boolean {
  if (line.charCodeAt(at + 1) !== COLON || !isLetter(line.charCodeAt(at))) return false;
  const next = line.charCodeAt(at + 2);
  return next === SLASH || next === BACKSLASH;
}

/** The end of a run of path characters. Brackets are among them as whole folder names only. */
function wordEnd(line: string, start: number): number {
  let end = start;
  for (;;) {
    while (end < line.length && isPathCharacter(line.charCodeAt(end))) end++;
    const opening = line.charAt(end);
    if ((opening !== '(' && opening !== '[') || end === start) return end;
    const before = line.charCodeAt(end - 1);
    if (before !== SLASH && before !== BACKSLASH) return end;
    BRACKET_NAME.lastIndex = end;
    if (!BRACKET_NAME.test(line)) return end;
    end = BRACKET_NAME.lastIndex;
  }
}

/** `(group)/` and `[id].tsx` of web frameworks. */
const BRACKET_NAME = /(?:\([\w.-]{1,64}\)|\[{1,2}[\w.-]{1,64}\]{1,2})(?=[\\/.])/y;

const NOT_IN_PATHS = ' \t"\'`<>|()[]{},;:=*?^!&#\x7f';

const PATH_CHARACTERS = Uint8Array.from({ length: 128 }, (_, code) =>
  code > 0x20 && !NOT_IN_PATHS.includes(String.fromCharCode(code)) ? 1 : 0,
);

function isPathCharacter(code: number): boolean {
  if (code < 128) return PATH_CHARACTERS[code] === 1;
  // Blanks, general punctuation, arrows, boxes and other signs around paths; the replacement.
  if (code <= 0xa0 || (code >= 0x2000 && code < 0x2c00)) return false;
  return code !== 0xab && code !== 0xbb && !(code >= 0x3000 && code < 0x3020) && code < 0xfffd;
}

function isAddressCharacter(code: number): boolean {
  if (code >= 128) return isPathCharacter(code);
  return code > 0x20 && code !== 0x7f && !'"<>`{}|\\^'.includes(String.fromCharCode(code));
}

function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}
