import { readSync } from 'node:fs';
import { createSearchKernel, textStart, type SearchKernel } from './searchKernel.ts';
import type { SearchPattern } from './searchPattern.ts';
import { writeVisible } from '../rendering/visibleText.ts';

/** A line that matches. */
export interface SearchMatch {
  /** From 1, counted by line feeds. */
  readonly line: number;
  /** Where the line starts in the capture, in bytes; in a line of over 64 KiB a place before the match. */
  readonly offset: number;
  /** The line as it is shown, cut around the match. */
  readonly text: string;
  /** The match in `text`. */
  readonly start: number;
  readonly length: number;
}

/** Told while a capture is searched. */
export interface SearchReport {
  readonly onMatch: (match: SearchMatch) => void;
  /** A match like those before, beyond the number that is reported whole. */
  readonly onFurtherMatch: () => void;
  /** Bytes are read, and the pattern looks at them from now on, until `onProgress`. */
  readonly onMatching: () => void;
  /** So many bytes of the capture are done. */
  readonly onProgress: (bytes: number) => void;
}

/** Bytes read at once. */
const READ_SIZE = 512 * 1024;
/** A longer line is searched in parts of this many bytes, */
const LINE_LIMIT = 64 * 1024;
/** that overlap by this many: a longer match is not found where it lies across. */
const OVERLAP = 4 * 1024;
/** Characters of a line that are reported. */
const SHOWN_CHARS = 300;
const SHOWN_BEFORE = 60;

const LINE_FEED = 0x0a;

/** A match is found within so many bytes from the offset that is told of it. */
export const matchReach = READ_SIZE + OVERLAP;
const rawLimit = textStart + matchReach;
const visibleStart = rawLimit + 64;
const visibleLimit = visibleStart + READ_SIZE;

/**
 * Searches captures for lines whose text matches: the text as it is shown, so that neither colours
 * hide a match nor escape sequences make one. Tabs stay tabs. Sequences that move the cursor to
 * another line are not followed.
 */
export class CaptureSearcher {
  private readonly pattern: SearchPattern;
  private readonly kernel: SearchKernel;
  private readonly memory: Buffer;
  /** Of the matches of a capture, so many are reported whole. */
  private readonly limit: number;

  private report: SearchReport | undefined;
  private found = 0;
  /** Line feeds before `textStart` in the capture. */
  private linesBefore = 0;
  /** The number of the line of the last match. */
  private lastLine = 0;

  constructor(pattern: SearchPattern, limit: number) {
    this.pattern = pattern;
    this.limit = limit;
    this.kernel = createSearchKernel(visibleLimit - textStart);
    this.memory = this.kernel.memory;
    if (pattern.needle !== undefined) this.kernel.setNeedle(pattern.needle);
  }

  /** Searches an open file of which `size` bytes are of interest. Throws the system's errors. */
  search(fd: number, size: number, report: SearchReport): void {
    const { memory } = this;
    this.report = report;
    this.found = 0;
    this.linesBefore = 0;
    this.lastLine = 0;
    let offset = 0;
    let kept = 0;
    for (;;) {
      const from = textStart + kept;
      const wanted = Math.min(rawLimit - from, size - offset - kept);
      const length = wanted <= 0 ? 0 : readSync(fd, memory, from, wanted, offset + kept);
      const end = from + length;
      if (length === 0) {
        if (kept > 0) {
          report.onMatching();
          this.searchBlock(textStart, end, offset, end);
        }
        report.onProgress(offset + kept);
        return;
      }
      const lineEnd = lastLineEnd(memory, textStart, end);
      const isFull = end === rawLimit;
      if (lineEnd === undefined && !isFull) {
        kept = end - textStart;
        continue;
      }
      const done = lineEnd ?? end;
      const next = lineEnd ?? end - OVERLAP;
      report.onMatching();
      this.linesBefore += this.searchBlock(textStart, done, offset, next);
      memory.copyWithin(textStart, next, end);
      kept = end - next;
      offset += next - textStart;
      report.onProgress(offset);
    }
  }

  /**
   * Searches whole lines, or a part of one; `at` is `offset` in the capture. Answers the line feeds
   * before `next`, which is `end` unless the block is a part of a line.
   */
  private searchBlock(at: number, end: number, offset: number, next: number): number {
    const plainLines = this.kernel.countPlainLines(at, end);
    if (plainLines >= 0) {
      this.searchText(at, end, (lineStart) => offset + lineStart - at, this.linesBefore);
      return next === end ? plainLines : this.kernel.countLines(at, next);
    }
    let lines = this.linesBefore;
    for (let from = at; from < end;) {
      const { next: made, visibleEnd } = this.makeVisible(from, end);
      const walk = lineWalk(this.memory, from, visibleStart);
      this.searchText(
        visibleStart,
        visibleEnd,
        (lineStart) => offset + walk(lineStart) - at,
        lines,
      );
      lines += this.kernel.countLines(from, made);
      from = made;
    }
    return this.kernel.countLines(at, next);
  }

  /** Puts what the lines show from `visibleStart` on, line for line, until there is no more room. */
  private makeVisible(start: number, end: number): { next: number; visibleEnd: number } {
    const { memory } = this;
    let at = start;
    let to = visibleStart;
    while (at < end) {
      const control = this.kernel.findControl(at, end);
      const clean = control < 0 ? end : memory.lastIndexOf(LINE_FEED, control) + 1;
      if (clean > at) {
        const room = visibleLimit - to;
        const copied =
          clean - at <= room ? clean : memory.lastIndexOf(LINE_FEED, at + room - 1) + 1;
        if (copied > at) {
          memory.copyWithin(to, at, copied);
          to += copied - at;
        }
        if (copied < clean) return { next: Math.max(copied, at), visibleEnd: to };
        at = clean;
        continue;
      }
      const found = memory.indexOf(LINE_FEED, control);
      const lineEnd = found < 0 || found >= end ? end : found;
      // Rendered lines can be longer than written ones, but not without bound.
      const most = Math.min(visibleLimit - 1, to + Math.max(lineEnd - at, LINE_LIMIT));
      if (to > visibleStart && visibleLimit - to <= Math.max(lineEnd - at, LINE_LIMIT)) {
        return { next: at, visibleEnd: to };
      }
      to = writeVisible(memory, at, lineEnd, to, most);
      if (lineEnd < end) memory[to++] = LINE_FEED;
      at = Math.min(lineEnd + 1, end);
    }
    return { next: end, visibleEnd: to };
  }

  private searchText(
    at: number,
    end: number,
    offsetOf: (lineStart: number) => number,
    linesBefore: number,
  ): void {
    if (this.pattern.needle === undefined) this.searchAll(at, end, offsetOf, linesBefore);
    else this.searchCandidates(at, end, offsetOf, linesBefore);
  }

  /** Judges the lines that have the needle in them. */
  private searchCandidates(
    at: number,
    end: number,
    offsetOf: (lineStart: number) => number,
    linesBefore: number,
  ): void {
    const { memory, kernel } = this;
    let counted = at;
    let lines = linesBefore;
    let position = kernel.find(at, end);
    while (position >= 0) {
      const lineStart = Math.max(at, memory.lastIndexOf(LINE_FEED, position) + 1);
      const lineEnd = indexOfLineFeed(memory, position, end);
      let from = lineStart;
      let to = lineEnd;
      if (lineEnd - lineStart > LINE_LIMIT) {
        from = Math.max(lineStart, position - OVERLAP);
        to = Math.min(lineEnd, from + LINE_LIMIT);
      }
      lines += kernel.countLines(counted, lineStart);
      counted = lineStart;
      const isMatch = this.judge(memory.toString('utf8', from, to), lines + 1, () =>
        offsetOf(from),
      );
      const next = isMatch || to === lineEnd ? lineEnd + 1 : Math.max(position + 1, to - OVERLAP);
      position = next < end ? kernel.find(next, end) : -1;
    }
  }

  /** Judges every line. */
  private searchAll(
    at: number,
    end: number,
    offsetOf: (lineStart: number) => number,
    linesBefore: number,
  ): void {
    const { memory } = this;
    const text = memory.toString('utf8', at, end);
    let walked = at;
    let walkedLine = linesBefore + 1;
    let line = linesBefore;
    for (let from = 0; from < text.length;) {
      line++;
      const found = text.indexOf('\n', from);
      const lineEnd = found < 0 ? text.length : found;
      for (let part = from; ; part += LINE_LIMIT - OVERLAP) {
        const to = Math.min(lineEnd, part + LINE_LIMIT);
        const isMatch = this.judge(text.slice(part, to), line, () => {
          for (; walkedLine < line; walkedLine++) {
            walked = indexOfLineFeed(memory, walked, end) + 1;
          }
          return offsetOf(walked) + Buffer.byteLength(text.slice(from, part));
        });
        if (isMatch || to === lineEnd) break;
      }
      from = lineEnd + 1;
    }
  }

  /** True where a line's text, or a part's of it, matches; each line is reported once. */
  private judge(text: string, line: number, offset: () => number): boolean {
    const visible = text.endsWith('\r') ? text.replace(/\r+$/, '') : text;
    const match = this.pattern.expression.exec(visible);
    if (match === null) return false;
    if (line === this.lastLine) return true;
    this.lastLine = line;
    this.found++;
    if (this.found > this.limit) this.report?.onFurtherMatch();
    else this.report?.onMatch({ line, offset: offset(), ...shown(visible, match) });
    return true;
  }
}

/** A line's text around the match. */
function shown(
  text: string,
  { index, 0: matched }: RegExpExecArray,
): Pick<SearchMatch, 'text' | 'start' | 'length'> {
  const from = text.length <= SHOWN_CHARS ? 0 : Math.max(0, index - SHOWN_BEFORE);
  const cut = text.slice(from, from + SHOWN_CHARS);
  const start = index - from;
  return { text: cut, start, length: Math.min(matched.length, cut.length - start) };
}

/** The end of the last whole line; absent where there is none. */
function lastLineEnd(memory: Buffer, from: number, end: number): number | undefined {
  const found = memory.lastIndexOf(LINE_FEED, end - 1);
  return found < from ? undefined : found + 1;
}

/** `end` where there is none before it. */
function indexOfLineFeed(memory: Buffer, from: number, end: number): number {
  const found = memory.indexOf(LINE_FEED, from);
  return found < 0 || found > end ? end : found;
}

/** Where a line of the visible text starts in the text that it was made from; to be asked in order. */
function lineWalk(memory: Buffer, rawStart: number, start: number): (lineStart: number) => number {
  let raw = rawStart;
  let visible = start;
  return (lineStart) => {
    for (;;) {
      const next = memory.indexOf(LINE_FEED, visible) + 1;
      if (next === 0 || next > lineStart) return raw;
      visible = next;
      raw = memory.indexOf(LINE_FEED, raw) + 1;
    }
  };
}
