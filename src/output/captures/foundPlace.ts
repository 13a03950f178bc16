import { closeSync, readSync } from 'node:fs';
import { openSafely } from '../../persistence/safeFile.ts';
import type { CapturePlace } from '../outputText.ts';
import { matchReach } from '../search/searchCapture.ts';
import { readBytes } from './captureTail.ts';

/** Where a capture has a text that was found in it. */
export interface FoundPlace extends CapturePlace {
  /** Line feeds from the place on to the end; absent where that is further than 32 MiB. */
  readonly linesAfter: number | undefined;
}

const COUNT_LIMIT = 32 * 1024 * 1024;
const COUNT_STEP = 1024 * 1024;

const LINE_FEED = 0x0a;

/**
 * The first bytes that show a text in the line that starts at `offset`; none, at `offset`, where the
 * cursor moved within a word of it. Throws a PersistenceError.
 */
export function findPlace(
  sessionDir: string,
  path: string,
  offset: number,
  text: string,
): FoundPlace {
  const { fd, stats } = openSafely(sessionDir, path);
  try {
    const from = Math.min(offset, stats.size);
    const bytes = readBytes(fd, from, Math.min(from + matchReach, stats.size));
    const lineEnd = bytes.indexOf(LINE_FEED);
    const line = bytes.toString('latin1', 0, lineEnd < 0 ? bytes.length : lineEnd);
    const { index, found } = firstShown(text, line) ?? { index: 0, found: '' };
    const start = from + index;
    const isFar = stats.size - start > COUNT_LIMIT;
    const linesAfter = isFar ? undefined : countLines(fd, start, stats.size);
    return { start, end: start + found.length, linesAfter };
  } finally {
    closeSync(fd);
  }
}

/** The first bytes of a line, a character each, that show a text. */
function firstShown(
  text: string,
  line: string,
): { readonly index: number; readonly found: string } | undefined {
  const words = text.split(/[ \t]+/).filter((word) => word !== '');
  if (words.length === 0) return undefined;
  const patterns = words.map((word) =>
    Array.from(Buffer.from(word, 'utf8').toString('latin1'), escape).join(inWord),
  );
  // No text begins within a sequence. Looked for from there, it would also make a long row of them
  // be read once more for each.
  const step = new RegExp(`(${patterns.join(betweenWords)})|${control}|${hyperlink}`, 'g');
  for (const { index, 1: found } of line.matchAll(step)) {
    if (found !== undefined) return { index, found };
  }
  return undefined;
}

const control = String.raw`\x1b\[[\d;:?]*[@-~]`;
const hyperlink = String.raw`\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)`;
/** Neither colours nor erasing what is behind them moves the cursor. */
const inWord = String.raw`(?:\x1b\[(?:[\d;:]*m|0?K)|${hyperlink})*`;
/** Moves of the cursor are blanks, too. */
const betweenWords = String.raw`(?:${control}|${hyperlink}|[ \t])+`;

function escape(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|]/, '\\$&');
}

function countLines(fd: number, from: number, to: number): number {
  const bytes = Buffer.allocUnsafe(Math.min(COUNT_STEP, to - from));
  let lines = 0;
  for (let offset = from; offset < to;) {
    const length = readSync(fd, bytes, 0, Math.min(bytes.length, to - offset), offset);
    if (length === 0) break;
    for (let at = 0; at < length; at++) if (bytes[at] === LINE_FEED) lines++;
    offset += length;
  }
  return lines;
}
