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
  /** Names the numbers; reads a bounded number of characters, so that any line takes linear time. */
  readonly pattern: RegExp;
  readonly asks: Before;
}

const number = (name: string): string => `(?<${name}>\\d{1,7})`;
const [line, column, endLine, endColumn, lastLine] = [
  number('line'),
  number('column'),
  number('endLine'),
  number('endColumn'),
  number('lastLine'),
] as const;
const blank = '[ \\u00a0]';
const numbers = `${line}(?:[:.]${column}(?:-(?:${endLine}[:.])?${endColumn})?|-${lastLine})?`;
/** No times, no versions. */
const noMore = '(?!\\w|\\.\\d|:\\d{1,7}(?!\\w))';
/** Where a number could count anything, it is the last of its line. */
const last = '(?=[:;,.)\\]]?$)';
const columnRange = `[,:]${blank}?${column}(?:[,-]${blank}?(?:${endLine}[,:]${blank}?)?${endColumn})?`;
const bracketed = (inner: string): string => `[([]${blank}?${inner}[)\\]]`;
const columnWord = '(?:col(?:umn)?|char(?:acter)?s?)[.:]?:?';

function form(asks: Before, starts: string, pattern: string): Form {
  return { asks, starts, pattern: new RegExp(pattern, 'y') };
}

/** The first that matches counts. */
const forms: readonly Form[] = [
  // x:12 x:12:5 x:12.5 x:12:5-9 x:12:5-14:9 x:12-14
  form(before.word, ':', `:${line}${blank}char:${column}(?!\\w)`),
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
  form(before.word, '([', bracketed(`${line}(?:${columnRange}|-${lastLine})?`)),
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

/** What comes second in the forms: most words are followed by a blank and another word. */
const seconds = Uint8Array.from({ length: 0xa1 }, (_, code) =>
  '0123456789([lLoac, \u00a0'.includes(String.fromCharCode(code)) ? 1 : 0,
);

/** Reads the position that follows a path (and its closing quote), if there is one. */
export function readSuffix(text: string, at: number, known: Before): PositionSuffix | undefined {
  const candidates = formsByStart.get(text.charAt(at));
  if (candidates === undefined || seconds[text.charCodeAt(at + 1)] !== 1) return undefined;
  for (const { asks, pattern } of candidates) {
    if (asks > known) continue;
    pattern.lastIndex = at;
    const groups = pattern.exec(text)?.groups;
    if (groups === undefined) continue;
    const position = positionOf(groups);
    if (position !== undefined) return { position, end: pattern.lastIndex };
  }
  return undefined;
}

type Numbers = Readonly<Record<string, string | undefined>>;

/** Absent for line 0, which no file has. An end before the start is none. */
function positionOf(groups: Numbers): FilePosition | undefined {
  const first = Number(groups['line']);
  const from = Number(groups['column'] ?? 0);
  const to = Number(groups['endColumn'] ?? 0);
  const final = Number(groups['endLine'] ?? groups['lastLine'] ?? (to > 0 ? first : 0));
  if (first === 0) return undefined;
  const isRange = final > first || (final === first && to >= from);
  return {
    line: first,
    ...(from > 0 ? { column: from } : {}),
    ...(isRange ? { endLine: final, ...(to > 0 ? { endColumn: to } : {}) } : {}),
  };
}
