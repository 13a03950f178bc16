import { closeSync, readSync } from 'node:fs';
import { openSafely } from '../../persistence/safeFile.ts';
import { Renderer } from '../rendering/renderer.ts';

/** The rendered surroundings of a place in a capture. */
export interface Excerpt {
  readonly text: string;
  /** The line of `text`, from 0, that the place is in. */
  readonly line: number;
  /** Bytes of the capture before and behind the excerpt. */
  readonly skippedBytes: number;
  readonly restBytes: number;
  /** Line feeds from the place on to the end; absent where that is further than 32 MiB. */
  readonly linesAfter: number | undefined;
}

/** Bytes that are shown before and behind the place, at most. */
const REACH = 256 * 1024;
const COUNT_LIMIT = 32 * 1024 * 1024;
const COUNT_STEP = 1024 * 1024;

const LINE_FEED = 0x0a;

/**
 * What a capture has around the byte `offset`, from a line's start to a line's end where there are
 * such near enough. Throws a PersistenceError.
 */
export function readExcerpt(sessionDir: string, path: string, offset: number): Excerpt {
  const { fd, stats } = openSafely(sessionDir, path);
  try {
    const place = Math.min(offset, stats.size);
    const from = Math.max(0, place - REACH);
    const to = Math.min(stats.size, place + REACH);
    const bytes = Buffer.allocUnsafe(to - from);
    const read = bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
    const here = Math.min(place - from, read.length);
    const start = from === 0 ? 0 : lineStart(read, here);
    const end = to === stats.size ? read.length : lineEnd(read, here);
    const renderer = new Renderer();
    renderer.write(read.subarray(start, here));
    const before = renderer.takeChange().text;
    renderer.write(read.subarray(here, end));
    const { replacedChars, text } = renderer.takeChange();
    return {
      text: before.slice(0, before.length - replacedChars) + text,
      line: before.split('\n').length - 1,
      skippedBytes: from + start,
      restBytes: stats.size - from - end,
      linesAfter: stats.size - place > COUNT_LIMIT ? undefined : countLines(fd, place, stats.size),
    };
  } finally {
    closeSync(fd);
  }
}

/** The first line's start before the place; failing that a character's. */
function lineStart(bytes: Buffer, before: number): number {
  const found = bytes.indexOf(LINE_FEED);
  return found >= 0 && found < before ? found + 1 : characterStart(bytes);
}

/** The first byte that does not go on with a UTF-8 character; at most three do. */
function characterStart(bytes: Buffer): number {
  let at = 0;
  while (at < 3 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at++;
  return at;
}

/** Behind the last whole line after the place. */
function lineEnd(bytes: Buffer, after: number): number {
  const found = bytes.lastIndexOf(LINE_FEED);
  return found >= after ? found + 1 : bytes.length;
}

function countLines(fd: number, from: number, to: number): number {
  const bytes = Buffer.allocUnsafe(Math.min(COUNT_STEP, to - from));
  let lines = 0;
  for (let offset = from; offset < to;) {
    const length = readSync(fd, bytes, 0, Math.min(bytes.length, to - offset), offset);
    if (length === 0) break;
    const read = bytes.subarray(0, length);
    for (let at = read.indexOf(LINE_FEED); at >= 0; at = read.indexOf(LINE_FEED, at + 1)) lines++;
    offset += length;
  }
  return lines;
}
