/** A place in a file, as tools write it: lines and columns from 1. */
export interface FilePosition {
  readonly line?: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
}

/** The position that follows a path, and the offset where its text ends. */
export interface PositionSuffix {
  readonly position: FilePosition;
  readonly end: number;
}

/**
 * What the text before a suffix is known to be: anything, with a file's extension, with separators
 * too, or in quotes. The looser a form, the more it asks for.
 */
export const before = { word: 0, file: 1, path: 2, quoted: 3 } as const;
export type Before = (typeof before)[keyof typeof before];

interface Form {
  /** Its text begins with one of these. */
  readonly starts: string;
  /** Reads a bounded number of characters, so that any line takes linear time. */
  readonly pattern: RegExp;
  /** For each group the place of its number in `places`. */
  readonly groups: readonly number[];
  readonly asks: Before;
}

const places = ['line', 'column', 'endLine', 'endColumn'] as const;
const [line, column, endLine, endColumn] = [
  '(?<line>\\d{1,7})',
  '(?<column>\\d{1,7})',
  '(?<endLine>\\d{1,7})',
  '(?<endColumn>\\d{1,7})',
] as const;
const blank = '[ \\u00a0]';
const numbers = `${line}(?:${blank}char:${column}|[:.]${column}(?:-(?:${endLine}[:.])?${endColumn})?|-${endLine})?`;
/** No times, no versions. */
const noMore = '(?!\\w|\\.\\d|:\\d{1,7}(?!\\w))';
/** Where a number could count anything, it is the last of its line. */
const last = '(?=[:;,.)\\]]?$)';
const columnRange = `[,:]${blank}?${column}(?:[,-]${blank}?(?:${endLine}[,:]${blank}?)?${endColumn})?`;
const bracketed = (inner: string): string => `[([]${blank}?${inner}[)\\]]`;
const columnWord = '(?:col(?:umn)?|char(?:acter)?s?)[.:]?:?';

function form(asks: Before, starts: string, pattern: string): Form {
  const names = [...pattern.matchAll(/\?<(\w+)>/g)].map(([, name]) => name);
  const groups = names.map((name) => places.findIndex((place) => place === name));
  // Named groups are read half as fast, and none may be there twice.
  return { asks, starts, groups, pattern: new RegExp(pattern.replaceAll(/\?<\w+>/g, ''), 'y') };
}

/** The first that matches counts. */
const forms: readonly Form[] = [
  // x:12 x:12:5 x:12.5 x:12:5-9 x:12:5-14:9 x:12-14 x:12 char:5
  form(before.word, ':', `:${numbers}${noMore}`),
  // x:(12,5)-(14,9)
  form(before.word, ':', `:\\(${line},${column}\\)-\\(${endLine},${endColumn}\\)`),
  // x#12 x#12:5 x#L12 x#L12-L14 x#L12C5-L14C9 x:L12
  form(before.word, '#', `#${numbers}${noMore}`),
  form(
    before.word,
    '#:',
    `[#:]L?${line}(?:[C,:]${column})?(?:-L?${endLine}(?:[C,:]${endColumn})?)?(?!\\w)`,
  ),
  // x(12) x(12,5) x(12, 5) x(12:5) x(12,5-9) x(12,5,14,9) x(12-14) x[12]
  form(before.word, '([', bracketed(`${line}(?:${columnRange}|-${endLine})?`)),
  // x:[12,5] x (12,5) x [12:5] x: (12, 5)
  form(before.file, ': \u00a0', `:?${blank}?${bracketed(`${line}${columnRange}`)}`),
  form(before.path, ': \u00a0', `:?${blank}?${bracketed(line)}`),
  // x, line 12; x: line 12, col 5; x on line 12; x (line 12); x:line 12; x, lines 3-4, characters 4-7
  form(
    before.word,
    ':,; \u00a0(',
    `(?:[,:;]?${blank}?(?:(?:on|at)${blank})?|${blank}?\\()lines?:?${blank}${line}(?:-${endLine})?` +
      `(?:,?${blank}${columnWord}${blank}?${column}(?:-${endColumn})?)?(?!\\w)`,
  ),
  // "x",12 "x",12:5 and x, 12
  form(before.quoted, ',', `,${blank}?${numbers}${noMore}`),
  form(before.path, ',', `,${blank}${line}(?:[:.]${column})?${last}`),
  // {file,"x"},{line,12}
  form(before.quoted, '}', `\\},${blank}?\\{line,${blank}?${line}\\}`),
  // x 12:5 x 12:5-9 x 12.5-14.9 x 12
  form(
    before.path,
    ' \u00a0',
    `${blank}${line}:${column}(?:-(?:${endLine}:)?${endColumn})?(?!\\w|[:.]\\d)`,
  ),
  form(
    before.path,
    ' \u00a0',
    `${blank}${line}\\.${column}-(?:${endLine}\\.)?${endColumn}(?!\\w|[:.]\\d)`,
  ),
  form(before.path, ' \u00a0', `${blank}${line}(?:\\.${column})?${last}`),
];

const formsByStart = new Map<string, Form[]>();
for (const each of forms) {
  for (const start of each.starts) {
    const others = formsByStart.get(start);
    if (others === undefined) formsByStart.set(start, [each]);
    else others.push(each);
  }
}

function tableOf(characters: string): Uint8Array {
  return Uint8Array.from({ length: 0xa1 }, (_, code) =>
    characters.includes(String.fromCharCode(code)) ? 1 : 0,
  );
}

const firsts = tableOf([...formsByStart.keys()].join(''));
const seconds = tableOf('0123456789([lLoa, \u00a0');

/** Whether a form may begin here: most words are followed by a blank and another word. */
export function seemsSuffix(text: string, at: number): boolean {
  return firsts[text.charCodeAt(at)] === 1 && seconds[text.charCodeAt(at + 1)] === 1;
}

/** Reads the position that follows a path (and its closing quote), if there is one. */
export function readSuffix(text: string, at: number, known: Before): PositionSuffix | undefined {
  if (!seemsSuffix(text, at)) return undefined;
  const candidates = formsByStart.get(text.charAt(at)) ?? [];
  for (const { asks, pattern, groups } of candidates) {
    if (asks > known) continue;
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) continue;
    const read: [number, number, number, number] = [0, 0, 0, 0];
    for (let group = 0; group < groups.length; group++) {
      const digits = found[group + 1];
      if (digits !== undefined) read[groups[group] ?? 0] = Number(digits);
    }
    const position = positionOf(...read);
    if (position !== undefined) return { position, end: pattern.lastIndex };
  }
  return undefined;
}

/** Of numbers that are 0 where they are absent. An end before the start is none. */
function positionOf(
  line: number,
  column: number,
  lastLine: number,
  endColumn: number,
): FilePosition | undefined {
  if (line === 0) return undefined;
  const position = column === 0 ? { line } : { line, column };
  const endLine = lastLine === 0 && endColumn > 0 ? line : lastLine;
  const isRange = endLine > line || (endLine === line && endColumn >= column);
  if (!isRange) return position;
  return endColumn === 0 ? { ...position, endLine } : { ...position, endLine, endColumn };
}
