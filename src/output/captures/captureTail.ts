import { closeSync, readSync } from 'node:fs';
import { PersistenceError } from '../../persistence/errors.ts';
import { openSafely, type OpenFile } from '../../persistence/safeFile.ts';
import type { OutputWindow } from '../outputText.ts';

/** Bytes of the longest UTF-8 character. */
const CHARACTER = 4;
/** How far before the window a line start is looked for; a character at its start is read too. */
const LINE_SEARCH = 64 * 1024 - CHARACTER;
/** The search goes back in steps of this, as most lines are short. */
const SEARCH_STEP = 16 * 1024;
const READ_SIZE = 1024 * 1024;
/** So many bytes before the offset are compared, to notice a capture that was written anew. */
const MEMORY = 64;
/** A view is not widened beyond this. */
const WIDEST = 16 * 1024 * 1024;

const LINE_FEED = 0x0a;

/** Takes the bytes of a capture in order. They are overwritten once it has returned. */
export interface ByteSink {
  write(bytes: Uint8Array): void;
  /** Comes first: some of what is before the bytes, for what lasts beyond a line, like a colour. */
  startAfter?(bytes: Uint8Array): void;
}

/** Which part of a capture was read. */
export interface TailPlace {
  readonly skippedBytes: number;
  readonly totalBytes: number;
}

/** A part of a capture in a new sink. */
export interface TailReplacement<Sink> extends TailPlace {
  /** The sink before: it has all up to the same byte now. Absent where both have none in common. */
  readonly previous: Sink | undefined;
}

/** What `widen` read, and how to go back to what was there before. */
export interface WidenedTail<Sink> extends TailReplacement<Sink> {
  undo(): void;
}

/**
 * What `read` did: went on with the same sink, or started with a new one. The reader had been told
 * of `seenBytes` of the capture: of another one, where there is nothing to miss, of `Infinity`.
 */
export type TailChange<Sink> =
  | { readonly kind: 'append'; readonly seenBytes: number; readonly totalBytes: number }
  | ({ readonly kind: 'replace'; readonly seenBytes: number } & TailReplacement<Sink>)
  | { readonly kind: 'gone' };

/**
 * What the window's `limit` bounds: all that is in the sink, or, for a sink that forgets by itself,
 * what came since the last read.
 */
export type TailBound = 'shown' | 'unread';

interface Shown {
  readonly device: number;
  readonly inode: number;
  start: number;
  /** Where the next read goes on. */
  offset: number;
  /** Of how much the reader was told; the sink may have more. */
  told: number;
  /** The bytes before `offset`. */
  memory: Buffer;
  /** Larger than the window's where the view was widened. */
  readonly limit: number;
}

/**
 * A window over the end of a capture, that follows as it grows. Its bytes go into a sink.
 *
 * No file is kept open in between: a deleted capture frees its space at once, and one that was
 * replaced (AFT cuts a capture to its last 100 MiB when the task ends) is noticed at its path, by
 * its inode, a smaller size, or other bytes where the last read ended.
 */
export class CaptureTail<Sink extends ByteSink> {
  sink: Sink;
  private readonly sessionDir: string;
  private readonly path: string;
  private readonly window: OutputWindow;
  private readonly makeSink: () => Sink;
  private readonly bound: TailBound;
  private shown: Shown | undefined;
  private gone = false;

  /** `path` is below `sessionDir`; no symbolic link between them is followed. */
  constructor(
    sessionDir: string,
    path: string,
    window: OutputWindow,
    makeSink: () => Sink,
    bound: TailBound,
  ) {
    this.sessionDir = sessionDir;
    this.path = path;
    this.window = window;
    this.makeSink = makeSink;
    this.bound = bound;
    this.sink = makeSink();
  }

  /**
   * Puts the last bytes of the capture, by default a window of them, into a new sink: from a line
   * start; in a line of more than 64 KiB from a character's. A capture that is not there yet is
   * empty. Throws a PersistenceError.
   */
  open(size = this.window.size): TailPlace {
    this.gone = false;
    this.shown = undefined;
    this.sink = this.makeSink();
    const show = (file: OpenFile): TailPlace => this.show(file, file.stats.size - size);
    return (
      withCapture(this.sessionDir, this.path, show) ?? {
        skippedBytes: 0,
        totalBytes: 0,
      }
    );
  }

  /**
   * Absent where nothing came since the last call. Throws a PersistenceError.
   * @param kept bytes that are shown without a cut, where that is more than the window's limit
   */
  read(kept = 0): TailChange<Sink> | undefined {
    const read = withCapture(this.sessionDir, this.path, (file) => ({
      change: this.readFile(file, kept),
    }));
    if (read !== undefined) return read.change;
    if (this.shown === undefined || this.gone) return undefined;
    this.gone = true;
    return { kind: 'gone' };
  }

  /**
   * Puts one more window, the one before what is shown, and all after it into a new sink. Absent
   * where nothing is before, or the view is as wide as can be. Throws a PersistenceError.
   */
  widen(): WidenedTail<Sink> | undefined {
    return withCapture(this.sessionDir, this.path, (file) => {
      const { shown, sink } = this;
      if (shown === undefined || this.gone || shown.start === 0) return undefined;
      const undo = (): void => {
        this.shown = shown;
        this.sink = sink;
      };
      // What comes next is the new capture's window.
      if (!isSame(shown, file) || !remembers(shown, file)) {
        return { undo, previous: undefined, ...this.show(file) };
      }
      const { size } = file.stats;
      const start = Math.max(0, shown.start - this.window.size, size - WIDEST);
      if (start >= shown.start) return undefined;
      const room = this.window.limit - this.window.size;
      const previous = this.completed(shown, file);
      const limit = Math.max(this.window.limit, size - start + room);
      return { undo, previous, ...this.show(file, start, limit) };
    });
  }

  /**
   * Puts all that is shown, and what came since, into a new sink. Absent where the capture is not
   * there. Throws a PersistenceError.
   */
  again(): TailPlace | undefined {
    return withCapture(this.sessionDir, this.path, (file) => {
      const { shown } = this;
      const isKnown = shown !== undefined && isSame(shown, file) && remembers(shown, file);
      if (this.gone || !isKnown) return this.show(file);
      return this.show(file, Math.max(shown.start, file.stats.size - WIDEST), shown.limit);
    });
  }

  /** The sink has forgotten what was before this offset of the capture. */
  forgetBefore(offset: number): void {
    if (this.shown !== undefined) this.shown.start = Math.max(this.shown.start, offset);
  }

  /** Bytes of the capture before the sink's, in it, and how many it may have. */
  get extent(): { readonly start: number; readonly bytes: number; readonly limit: number } {
    const { start = 0, offset = 0, limit = this.window.limit } = this.shown ?? {};
    return { start, bytes: offset - start, limit };
  }

  private readFile(file: OpenFile, kept: number): TailChange<Sink> | undefined {
    const { shown } = this;
    const { size } = file.stats;
    if (shown === undefined && size <= this.window.limit) {
      const { totalBytes } = this.show(file, 0);
      return totalBytes === 0 ? undefined : { kind: 'append', seenBytes: 0, totalBytes };
    }
    if (shown === undefined || this.gone || !isSame(shown, file)) {
      this.gone = false;
      return { kind: 'replace', seenBytes: Infinity, previous: undefined, ...this.show(file) };
    }
    const { told: seenBytes } = shown;
    if (size === seenBytes) return undefined;
    const isTooFar =
      this.bound === 'shown'
        ? size - shown.start > Math.max(shown.limit, kept)
        : size - seenBytes > shown.limit;
    const isKnown = remembers(shown, file);
    if (isTooFar || !isKnown) {
      const isCommon = isKnown && size - this.window.size < shown.offset;
      const previous = isCommon ? this.completed(shown, file) : undefined;
      return { kind: 'replace', seenBytes, previous, ...this.show(file) };
    }
    this.readUpTo(shown, file, size);
    shown.told = shown.offset;
    return { kind: 'append', seenBytes, totalBytes: shown.offset };
  }

  /** The sink, once it has all of the file. */
  private completed(shown: Shown, file: OpenFile): Sink {
    this.readUpTo(shown, file, file.stats.size);
    return this.sink;
  }

  /** Reads a file anew, the last window of it or from another place. */
  private show(
    file: OpenFile,
    wanted = file.stats.size - this.window.size,
    limit = this.window.limit,
  ): TailPlace {
    const { dev: device, ino: inode, size } = file.stats;
    const { start, lead, before } = lineStart(file, wanted);
    const memory = Buffer.alloc(0);
    const shown: Shown = { device, inode, start, offset: start, told: start, memory, limit };
    this.sink = this.makeSink();
    if (before.length > 0) this.sink.startAfter?.(before);
    this.take(shown, lead);
    this.readUpTo(shown, file, size);
    shown.told = shown.offset;
    this.shown = shown;
    return { skippedBytes: start, totalBytes: shown.offset };
  }

  private readUpTo(shown: Shown, { fd }: OpenFile, end: number): void {
    const buffer = Buffer.allocUnsafe(Math.min(READ_SIZE, end - shown.offset));
    while (shown.offset < end) {
      const wanted = Math.min(buffer.length, end - shown.offset);
      const length = readSync(fd, buffer, 0, wanted, shown.offset);
      // The file was cut under us; the next call sees that.
      if (length === 0) break;
      this.take(shown, buffer.subarray(0, length));
    }
  }

  private take(shown: Shown, bytes: Buffer): void {
    this.sink.write(bytes);
    shown.offset += bytes.length;
    shown.memory = Buffer.concat([shown.memory, bytes.subarray(-MEMORY)]).subarray(-MEMORY);
  }
}

/** Bytes that came after those that the reader was told of, and before what is shown now. */
export function missedBytes(
  { skippedBytes }: Pick<TailPlace, 'skippedBytes'>,
  seenBytes: number,
): number {
  return Math.max(0, skippedBytes - seenBytes);
}

/**
 * The last bytes of a capture, at most so many, from a line's start, or a character's where no line
 * starts. Absent where there is no such file. Throws a PersistenceError.
 */
export function readEnd(sessionDir: string, path: string, length: number): Buffer | undefined {
  return withCapture(sessionDir, path, ({ fd, stats }) => {
    const start = Math.max(0, stats.size - length);
    const bytes = readBytes(fd, start, stats.size);
    return bytes.subarray(start === 0 ? 0 : lineOrCharacterStart(bytes));
  });
}

/** Absent where there is no such file. */
function withCapture<Result>(
  sessionDir: string,
  path: string,
  use: (file: OpenFile) => Result,
): Result | undefined {
  try {
    const file = openSafely(sessionDir, path);
    try {
      return use(file);
    } finally {
      closeSync(file.fd);
    }
  } catch (thrown) {
    const error = PersistenceError.from(thrown, path);
    if (error.reason === 'not-found') return undefined;
    throw error;
  }
}

function isSame(shown: Shown, { stats }: OpenFile): boolean {
  return stats.dev === shown.device && stats.ino === shown.inode && stats.size >= shown.offset;
}

/** Whether the bytes before the offset are the ones that were read: inodes are used again. */
function remembers({ offset, memory }: Shown, { fd }: OpenFile): boolean {
  return readBytes(fd, offset - memory.length, offset).equals(memory);
}

/** Where a view starts, and what was already read from there on, and before it. */
interface ViewStart {
  readonly start: number;
  readonly lead: Buffer;
  readonly before: Buffer;
}

/** The start of the line that an offset is in, or failing that a character's. */
export function lineStart({ fd, stats }: OpenFile, wanted: number): ViewStart {
  const nothing = Buffer.alloc(0);
  if (wanted <= 0) return { start: 0, lead: nothing, before: nothing };
  const lowest = Math.max(0, wanted - LINE_SEARCH);
  const read: Buffer[] = [];
  for (let end = wanted; end > lowest;) {
    const from = Math.max(lowest, end - SEARCH_STEP);
    const bytes = readBytes(fd, from, end);
    const start = bytes.lastIndexOf(LINE_FEED) + 1;
    read.unshift(bytes.subarray(start));
    if (start > 0 || from === 0) {
      return { start: from + start, lead: Buffer.concat(read), before: bytes.subarray(0, start) };
    }
    end = from;
  }
  const bytes = readBytes(fd, wanted, Math.min(wanted + CHARACTER, stats.size));
  const cut = characterStart(bytes);
  const before = Buffer.concat([...read, bytes.subarray(0, cut)]);
  return { start: wanted + cut, lead: nothing, before };
}

/** The first line start, or where there is none the first character's start. */
function lineOrCharacterStart(bytes: Buffer): number {
  const lineEnd = bytes.indexOf(LINE_FEED);
  return lineEnd >= 0 && lineEnd < bytes.length - 1 ? lineEnd + 1 : characterStart(bytes);
}

/** The first byte that does not go on with a UTF-8 character; at most three do. */
function characterStart(bytes: Buffer): number {
  let at = 0;
  while (at < 3 && at < bytes.length && ((bytes[at] ?? 0) & 0xc0) === 0x80) at++;
  return at;
}

/** May be shorter if the file was cut meanwhile. */
export function readBytes(fd: number, from: number, to: number): Buffer {
  const buffer = Buffer.allocUnsafe(to - from);
  let length = 0;
  while (length < buffer.length) {
    const read = readSync(fd, buffer, length, buffer.length - length, from + length);
    if (read === 0) break;
    length += read;
  }
  return buffer.subarray(0, length);
}
