import { isDrive, isLetter, isPathCharacter, pathLimit, slash, wordEnd } from './linkPath.ts';
import { before, readSuffix, type FilePosition } from './linkSuffix.ts';
import type { OutputLink } from './links.ts';

/** Reads what starts with `scheme://`. Returns where to go on. */
export function readAddress(
  line: string,
  start: number,
  schemeEnd: number,
  links: OutputLink[],
): number {
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
  } else if (line.startsWith('webpack', start)) {
    // `webpack://app/./src/x.ts` and `webpack-internal:///(rsc)/./src/x.ts` name a file of the project.
    const relative = line.slice(bodyStart, end).indexOf('/./');
    if (relative >= 0) return bodyStart + relative + 1;
  }
  return end;
}

/**
 * `file:///path`, `file://localhost/path`, `file:///C:/path`. One on another machine is a link to
 * `//host/path`, which leads nowhere: the editor would otherwise make its own of it.
 */
function readFileAddress(
  line: string,
  start: number,
  bodyStart: number,
  links: OutputLink[],
): number {
  const root = line.startsWith('localhost/', bodyStart) ? bodyStart + 9 : bodyStart;
  const hasDrive = isDrive(line, root + 1);
  const end = wordEnd(line, hasDrive ? root + 3 : root);
  if (end === root || end - root > pathLimit) return Math.max(end, bodyStart);
  const suffix = readSuffix(line, end, before.path);
  const pathEnd = suffix === undefined ? trimDots(line, end) : end;
  const path = decode(line.slice(hasDrive ? root + 1 : root, pathEnd));
  if (path === undefined) return end;
  const linkEnd = suffix?.end ?? pathEnd;
  const isHere = line.charCodeAt(root) === slash;
  links.push({
    kind: 'file',
    start,
    end: linkEnd,
    path: isHere ? path : `//${path}`,
    ...suffix?.position,
  });
  return Math.max(linkEnd, end);
}

/** The path and the position that the path of an address has behind it, as tools write it. */
export function splitPosition(
  path: string,
): { readonly path: string; readonly position: FilePosition } | undefined {
  for (let at = path.lastIndexOf('/') + 2; at < path.length; at++) {
    const suffix = readSuffix(path, at, before.word);
    if (suffix?.end === path.length) return { path: path.slice(0, at), position: suffix.position };
  }
  return undefined;
}

/** The position that an address has behind its `#`, in a form that tools write. */
export function positionIn(fragment: string): FilePosition | undefined {
  const suffix = readSuffix(`#${fragment}`, 0, before.word);
  return suffix?.end === fragment.length + 1 ? suffix.position : undefined;
}

/** Without the full stop of a sentence. */
export function trimDots(line: string, end: number): number {
  let trimmed = end;
  while (line.charAt(trimmed - 1) === '.') trimmed--;
  return trimmed;
}

/** Absent for what is no text. `decodeURIComponent` would throw, which costs microseconds. */
function decode(text: string): string | undefined {
  if (!text.includes('%')) return text;
  if (!wellFormed.test(text)) return undefined;
  const path = decodeURIComponent(text);
  // eslint-disable-next-line no-control-regex
  return /[\0-\x1f\x7f]/.test(path) ? undefined : path;
}

const [hex, tail] = ['[\\da-f]', '%[89ab][\\da-f]'];
/** UTF-8 in percent signs, without surrogates and forms that are longer than they need be. */
const wellFormed = new RegExp(
  `^(?:[^%]|%[0-7]${hex}|%(?:c[2-9a-f]|d${hex})${tail}` +
    `|%(?:e0%[ab]${hex}|ed%[89]${hex}|e[1-9a-cef]${tail})${tail}` +
    `|%(?:f0%[9ab]${hex}|f4%8${hex}|f[1-3]${tail})${tail}${tail})*$`,
  'i',
);

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

function isAddressCharacter(code: number): boolean {
  if (code >= 128) return isPathCharacter(code);
  return code > 0x20 && code !== 0x7f && !'"<>`{}|\\^'.includes(String.fromCharCode(code));
}
