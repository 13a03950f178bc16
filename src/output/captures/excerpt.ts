import { closeSync } from 'node:fs';
import { openSafely } from '../../persistence/safeFile.ts';
import type { CapturePlace, OpenedText } from '../outputText.ts';
import { Renderer } from '../rendering/renderer.ts';
import type { PackedSpans } from '../rendering/style.ts';
import { completeEnd } from '../rendering/utf8.ts';
import { lineStart, readBytes, type ByteSink } from './captureTail.ts';

/** Bytes that are shown before and behind a place, at most; to a line's start it is 64 KiB more. */
const REACH = 256 * 1024;

const LINE_FEED = 0x0a;

/** Renders the bytes of an excerpt. */
export interface ExcerptSink extends ByteSink {
  settle(signal?: AbortSignal): Promise<void>;
  whole(): RenderedText;
  /** Line breaks of the text behind the line that the cursor is in. */
  readonly linesBelow: number;
}

interface RenderedText {
  readonly text: string;
  readonly spans: PackedSpans;
}

/** What a capture has around a place. */
interface Surroundings {
  /** Some of what is before `bytes`, for what lasts beyond a line. */
  readonly before: Buffer;
  /** From a line's start to a line's end where there are such near enough, else to a character's. */
  readonly bytes: Buffer;
  /** Where `bytes` starts in the capture. */
  readonly start: number;
  /** The place in `bytes`. */
  readonly place: CapturePlace;
  readonly totalBytes: number;
  readonly writtenAt: number;
}

/**
 * What a capture has around a place, rendered. Throws a PersistenceError.
 *
 * A program may write over the place later, as one that fills the screen does with each of its
 * pictures: where the place's text is not in its line any more, the excerpt ends with it, and shows
 * what was on the screen then.
 * @param makeSink makes one that has had no bytes
 * @param closed ends the rendering: the call rejects
 */
export async function readExcerpt(
  sessionDir: string,
  path: string,
  place: CapturePlace,
  makeSink: () => Promise<ExcerptSink>,
  closed?: AbortSignal,
): Promise<OpenedText> {
  const around = readSurroundings(sessionDir, path, place);
  const { bytes, before, start, totalBytes, writtenAt } = around;
  const render = async (end: number): Promise<RenderedText & { readonly line: number }> => {
    const sink = await makeSink();
    if (before.length > 0) sink.startAfter?.(before);
    sink.write(bytes.subarray(0, end));
    await sink.settle(closed);
    const shown = sink.whole();
    return { ...shown, line: shown.text.split('\n').length - 1 - sink.linesBelow };
  };
  const sought = plain(bytes.subarray(around.place.start, around.place.end));
  const isIn = (text: string, line: number): boolean =>
    oneBlank(text.split('\n')[line] ?? '').includes(sought);
  const rowEnd = endOfRow(bytes, around.place.end);
  const then = await render(rowEnd);
  const later = rowEnd === bytes.length ? then : await render(bytes.length);
  const isLost = isIn(then.text, then.line) && !isIn(later.text, then.line);
  const { text, spans } = isLost ? then : later;
  const end = start + (isLost ? rowEnd : bytes.length);
  const excerpt = { line: then.line, restBytes: totalBytes - end };
  return { text, spans, skippedBytes: start, totalBytes, writtenAt, excerpt };
}

function readSurroundings(sessionDir: string, path: string, place: CapturePlace): Surroundings {
  const file = openSafely(sessionDir, path);
  try {
    const { size, mtimeMs } = file.stats;
    const wanted = Math.min(place.start, size);
    const limit = Math.min(size, wanted + REACH);
    const { start, lead, before } = lineStart(file, wanted - REACH);
    const read = Buffer.concat([lead, readBytes(file.fd, start + lead.length, limit)]);
    const from = Math.min(wanted - start, read.length);
    const to = Math.min(Math.max(from, place.end - start), read.length);
    const bytes = limit === size ? read : read.subarray(0, lineOrCharacterEnd(read, to));
    return {
      before,
      bytes,
      start,
      place: { start: from, end: Math.min(to, bytes.length) },
      totalBytes: size,
      writtenAt: mtimeMs,
    };
  } finally {
    closeSync(file.fd);
  }
}

/** Behind the last whole line after a place; where none ends, behind the last whole character. */
function lineOrCharacterEnd(bytes: Buffer, after: number): number {
  const found = bytes.lastIndexOf(LINE_FEED);
  return found >= after ? found + 1 : completeEnd(bytes, 0, bytes.length);
}

/** Where what is written from a place on leaves its row: at the line's end, or where the cursor moves. */
function endOfRow(bytes: Buffer, from: number): number {
  const found = bytes.toString('latin1', from).search(leavingRow);
  return found < 0 ? bytes.length : from + found;
}

/** All that moves the cursor but to the right, and what may erase more than is right of it. */
// eslint-disable-next-line no-control-regex
const leavingRow = /[\b\n\v\f\r]|\x1b(?!\[[\d;:]*[mC]|\[0?K|\])/;

/** The text that bytes show, for its own. */
function plain(bytes: Buffer): string {
  const renderer = new Renderer();
  renderer.write(bytes);
  return oneBlank(renderer.takeChange().text);
}

/** How wide blanks are depends on what is before them. */
function oneBlank(text: string): string {
  return text.replace(/\s+/g, ' ');
}
