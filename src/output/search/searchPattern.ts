import { needleLimit, type Needle } from './searchKernel.ts';

/** What a user looks for in the lines of captures. */
export interface SearchQuery {
  readonly text: string;
  readonly isRegex: boolean;
  readonly matchCase: boolean;
  readonly wholeWord: boolean;
}

/** A query that is ready to run. */
export interface SearchPattern {
  /** Matches a line's text: the judge of what is found. */
  readonly expression: RegExp;
  /** Bytes that every matching line has in it; absent where none are known. */
  readonly needle: Needle | undefined;
}

/** Longer texts are looked for by their first bytes. */
const needleBytes = Math.min(256, needleLimit);

/**
 * Makes a pattern of a query. Throws a SyntaxError, in JavaScript's words, for a regular expression
 * that is none. Whole words are bounded by anything but letters, digits and `_`.
 */
export function compileSearch(query: SearchQuery): SearchPattern {
  const { text, isRegex, matchCase, wholeWord } = query;
  const source = isRegex ? text : text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const bounded = wholeWord ? `(?<![\\p{L}\\p{N}_])(?:${source})(?![\\p{L}\\p{N}_])` : source;
  const flags = matchCase ? '' : 'i';
  const expression = isRegex ? compileExpression(bounded, flags) : new RegExp(bounded, `${flags}u`);
  const literal = isRegex ? requiredText(text) : text;
  return { expression, needle: needleOf(literal, !matchCase) };
}

/** With the strict Unicode syntax, or where that refuses it (`\-`, `\_`), with the lenient one. */
function compileExpression(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, `${flags}u`);
  } catch (error) {
    try {
      return new RegExp(source.replaceAll('[\\p{L}\\p{N}_]', '\\w'), flags);
    } catch {
      throw error;
    }
  }
}

function needleOf(literal: string, ignoreCase: boolean): Needle | undefined {
  // Case beyond ASCII is the expression's matter. So are the letters that fold to k and s from there.
  const part = ignoreCase
    ? (literal.match(/[\0-\x7f]+/g) ?? [])
        .flatMap((run) => run.split(/[kKsS]/))
        .reduce((longest, run) => (run.length > longest.length ? run : longest), '')
    : literal;
  const bytes = Buffer.from(part.toWellFormed(), 'utf8').subarray(0, needleBytes);
  return bytes.length === 0 || part.includes('\ufffd') ? undefined : { bytes, ignoreCase };
}

/**
 * The longest text that every match of a regular expression has in it, as far as that can be told
 * without taking groups and classes apart; empty where it can't.
 */
export function requiredText(source: string): string {
  let longest = '';
  let run = '';
  const endRun = (): void => {
    if (run.length > longest.length) longest = run;
    run = '';
  };
  let at = 0;
  while (at < source.length) {
    const atom = atomAt(source, at);
    if (atom === undefined) return '';
    at = atom.end;
    const quantifier = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/.exec(source.slice(at, at + 24))?.[0] ?? '';
    at += quantifier.length;
    if (atom.text === undefined) {
      endRun();
      continue;
    }
    const isOptional = /^(?:[*?]|\{0)/.test(quantifier);
    if (!isOptional) run += atom.text;
    if (quantifier !== '') endRun();
  }
  endRun();
  return longest;
}

/** One atom of a regular expression; `text` where it stands for itself. Absent for `|`. */
function atomAt(source: string, at: number): { end: number; text?: string } | undefined {
  const character = String.fromCodePoint(source.codePointAt(at) ?? 0);
  switch (character) {
    case '|':
      return undefined;
    case '\\': {
      const next = source[at + 1] ?? '';
      if (/[^A-Za-z0-9]/.test(next)) return { end: at + 2, text: next };
      // What follows \x, \u, \c, \k, \p or a digit belongs to it; without its end nothing is known.
      return /[xucpPk0-9]/.test(next) ? undefined : { end: at + 2 };
    }
    case '[':
      return endingAt(classEnd(source, at));
    case '(':
      return endingAt(groupEnd(source, at));
    case '^':
    case '$':
    case '.':
      return { end: at + 1 };
    case '*':
    case '+':
    case '?':
    case '{':
      // Only the lenient syntax has these for themselves.
      return undefined;
    default:
      return { end: at + character.length, text: character };
  }
}

function endingAt(end: number | undefined): { end: number } | undefined {
  return end === undefined ? undefined : { end };
}

function classEnd(source: string, start: number): number | undefined {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\') at++;
    else if (source[at] === ']') return at + 1;
  }
  return undefined;
}

function groupEnd(source: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < source.length; at++) {
    const character = source[at];
    if (character === '\\') at++;
    else if (character === '[') at = (classEnd(source, at) ?? source.length) - 1;
    else if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return at + 1;
  }
  return undefined;
}
