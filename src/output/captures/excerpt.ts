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

/** An excerpt up to some byte of it, and the line that the cursor is in then. */
interface Rendered extends RenderedText {
  readonly end: number;
  readonly line: number;
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
 * pictures. Where the place's text is not in its line any more, the excerpt ends with the picture, or,
 * where that has it no more either, with the place itself: it shows what was on the screen then.
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
  const renderTo = async (end: number): Promise<Rendered> => {
    const sink = await makeSink();
    if (before.length > 0) sink.startAfter?.(before);
    sink.write(bytes.subarray(0, end));
    await sink.settle(closed);
    const { text, spans } = sink.whole();
    return { text, spans, end, line: text.split('\n').length - 1 - sink.linesBelow };
  };
  const row = await renderTo(endOfRow(bytes, around.place.end));
  const { line } = row;
  const sought = plain(bytes.subarray(around.place.start, around.place.end));
  const hasPlace = ({ text }: Rendered): boolean =>
    oneBlank(text.split('\n')[line] ?? '').includes(sought);
  let shown = await renderTo(bytes.length);
  if (hasPlace(row) && !hasPlace(shown)) {
    const picture = await renderTo(endOfPicture(bytes, row.end));
    shown = hasPlace(picture) ? picture : row;
  }
  const { text, spans, end } = shown;
  const excerpt = { line, restBytes: totalBytes - start - end };
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
  return nextOf(leavingRow, bytes, from);
}

/** Where a program that fills the screen begins with another picture, clears it or leaves it. */
function endOfPicture(bytes: Buffer, from: number): number {
  return nextOf(newPicture, bytes, from);
}

function nextOf(sequence: RegExp, bytes: Buffer, from: number): number {
  const found = bytes.toString('latin1', from).search(sequence);
  return found < 0 ? bytes.length : from + found;
}

/** All that moves the cursor but to the right, and what may erase more than is right of it. */
// eslint-disable-next-line no-control-regex
const leavingRow = /[\b\n\v\f\r]|\x1b(?!\[[\d;:]*[mC]|\[0?K|\])/;
/** The cursor to the first cell or up, the screen erased or changed, all reset. */
// eslint-disable-next-line no-control-regex
const newPicture = /\x1b(?:\[(?:[01]?(?:;[01]?)?[Hf]|\d?J|\d{0,3}A|\?(?:47|1047|1049)[hl])|c)/;

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
