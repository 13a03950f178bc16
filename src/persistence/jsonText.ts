import { PersistenceError } from './errors.ts';

/**
 * The text of a JSON object, handled without losing anything that a JavaScript object would lose:
 * digits of large numbers, doubled keys, the place of keys that look like numbers.
 * Every function here takes text that `JSON.parse` has accepted.
 */

/** One member of an object: its key, and where its value stands in the text. */
export interface JsonMember {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** The members of the object that the text consists of, in the text's order. */
export function jsonMembers(text: string): JsonMember[] {
  const members: JsonMember[] = [];
  let at = skipSpace(text, text.indexOf('{') + 1);
  while (text[at] === '"') {
    const keyEnd = stringEnd(text, at);
    const rawKey = text.slice(at + 1, keyEnd - 1);
    const key = rawKey.includes('\\') ? (JSON.parse(`"${rawKey}"`) as string) : rawKey;
    const start = skipSpace(text, text.indexOf(':', keyEnd) + 1);
    const end = valueEnd(text, start);
    members.push({ key, start, end });
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return members;
}

/** The same JSON laid out as `JSON.stringify(value, null, indent)` would, its outermost level at `depth`. */
export function formatJson(text: string, indent: '' | '  ', depth = 0): string {
  const newLine = (level: number): string => (indent === '' ? '' : `\n${indent.repeat(level)}`);
  let level = depth;
  let formatted = '';
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (character === '"') {
      const end = stringEnd(text, at);
      formatted += text.slice(at, end);
      at = end;
      continue;
    }
    at += 1;
    if (character === '{' || character === '[') {
      const next = skipSpace(text, at);
      const closing = text.charAt(next);
      if (closing === '}' || closing === ']') {
        formatted += character + closing;
        at = next + 1;
      } else {
        level += 1;
        if (level > deepest) {
          throw new PersistenceError('corrupt', `The record is nested more than ${deepest} deep.`);
        }
        formatted += character + newLine(level);
      }
    } else if (character === '}' || character === ']') {
      level -= 1;
      formatted += newLine(level) + character;
    } else if (character === ',') {
      formatted += character + newLine(level);
    } else if (character === ':') {
      formatted += indent === '' ? ':' : ': ';
    } else if (!isSpace(character.charCodeAt(0))) {
      formatted += character;
    }
  }
  return formatted;
}

/** AFT's parser refuses what is nested deeper (serde_json's limit). */
const deepest = 127;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

/** Just behind the closing quote of the string that begins at `from`. */
function stringEnd(text: string, from: number): number {
  for (let quote = text.indexOf('"', from + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    // An even number of backslashes are escaped backslashes: the quote is a quote.
    if ((quote - before) % 2 === 1) return quote + 1;
  }
  return text.length;
}

/** Just behind the value that begins at `from`. */
function valueEnd(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (code === 0x7b || code === 0x5b) {
      depth += 1;
    } else if (code === 0x7d || code === 0x5d) {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (code === 0x2c || isSpace(code))) {
      return at;
    }
    at += 1;
  }
  return at;
}
