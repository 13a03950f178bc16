import { Renderer } from './renderer.ts';

const ESCAPE = 0x1b;
const BEL = 0x07;
const BACKSPACE = 0x08;
const VERTICAL_TAB = 0x0b;
const FORM_FEED = 0x0c;
const CARRIAGE_RETURN = 0x0d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const BACKSLASH = 0x5c;
const OPEN_PARENTHESIS = 0x28;
const CLOSE_PARENTHESIS = 0x29;

/**
 * Writes the text that a line shows to `target` of the same memory, without what colours it and
 * what is invisible in it; a line whose cursor moves is rendered as in a document. `[at, end)` is
 * the line without its line feed. Writes no line feed, and at most as far as `limit`.
 * @returns the end of what was written
 */
export function writeVisible(
  memory: Buffer,
  at: number,
  end: number,
  target: number,
  limit: number,
): number {
  return strip(memory, at, end, target, limit) ?? render(memory, at, end, target, limit);
}

/** Absent where a sequence of the line does more than colour. */
function strip(
  memory: Buffer,
  start: number,
  end: number,
  target: number,
  limit: number,
): number | undefined {
  let to = target;
  let at = start;
  while (at < end && to < limit) {
    const byte = memory[at] ?? 0;
    if (byte >= 0x20 || byte === 0x09) {
      if (byte !== 0x7f) memory[to++] = byte;
      at++;
      continue;
    }
    switch (byte) {
      case ESCAPE: {
        const after = sequenceEnd(memory, at, end);
        if (after === undefined) return undefined;
        at = after;
        break;
      }
      case CARRIAGE_RETURN:
        // At the end of a line it moves nothing that is still to come.
        if (!onlyReturns(memory, at, end)) return undefined;
        at = end;
        break;
      case BACKSPACE:
      case VERTICAL_TAB:
      case FORM_FEED:
        return undefined;
      default:
        at++;
    }
  }
  return to;
}

/** The end of a sequence that changes no text; absent for any other. */
function sequenceEnd(memory: Buffer, start: number, end: number): number | undefined {
  switch (memory[start + 1]) {
    case OPEN_BRACKET: {
      let at = start + 2;
      while (at < end && isBetween(memory[at], 0x20, 0x3f)) at++;
      if (at >= end) return undefined;
      switch (String.fromCharCode(memory[at] ?? 0)) {
        case 'm':
        case 'h':
        case 'l':
          return at + 1;
        case 'K':
          // What is right of the cursor is erased: here nothing is.
          return at === start + 2 || memory[at - 1] === 0x30 ? at + 1 : undefined;
        default:
          return undefined;
      }
    }
    case CLOSE_BRACKET:
      for (let at = start + 2; at < end; at++) {
        if (memory[at] === BEL) return at + 1;
        if (memory[at] === ESCAPE) return memory[at + 1] === BACKSLASH ? at + 2 : undefined;
      }
      return undefined;
    case OPEN_PARENTHESIS:
    case CLOSE_PARENTHESIS:
      return start + 3 <= end ? start + 3 : undefined;
    case undefined:
    default:
      return undefined;
  }
}

function isBetween(byte: number | undefined, low: number, high: number): boolean {
  return byte !== undefined && byte >= low && byte <= high;
}

function onlyReturns(memory: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end && memory[at] === CARRIAGE_RETURN) at++;
  return at === end;
}

function render(memory: Buffer, at: number, end: number, target: number, limit: number): number {
  const renderer = new Renderer();
  renderer.write(memory.subarray(at, end));
  const text = renderer.takeChange().text.replace(/\n+$/, '').replaceAll('\n', ' ');
  return target + memory.write(text, target, Math.max(0, limit - target), 'utf8');
}
