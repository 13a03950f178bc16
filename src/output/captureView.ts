import { closeSync, readSync } from 'node:fs';
import { PersistenceError } from '../persistence/errors.ts';
import { openSafely, type OpenFile } from '../persistence/safeFile.ts';
import type { OutputChange, OutputText, OutputWindow } from './outputText.ts';
import { Renderer } from './renderer.ts';

/** Bytes of the longest UTF-8 character. */
const CHARACTER = 4;
/** How far before the window a line start is looked for; a character at its start is read too. */
const LINE_SEARCH = 64 * 1024 - CHARACTER;
/** The search goes back in steps of this, as most lines are short. */
const SEARCH_STEP = 4 * 1024;
const READ_SIZE = 1024 * 1024;
/** So many bytes before the offset are compared, to notice a capture that was written anew. */
const MEMORY = 64;

const LINE_FEED = 0x0a;

/** The part of a capture that is shown. */
interface Shown {
  readonly renderer: Renderer;
  readonly device: number;
  readonly inode: number;
  readonly start: number;
  /** Where the next read goes on. */
  offset: number;
  /** The bytes before `offset`. */
  memory: Buffer;
}

/**
 * A rendered window over the end of a capture, that follows as it grows.
 *
 * No file is kept open in between: a deleted capture frees its space at once, and one that was
 * replaced (AFT cuts a capture to its last 100 MiB when the task ends) is noticed at its path, by
 * its inode, a smaller size, or other bytes where the last read ended.
 */
export class CaptureView {
  private readonly sessionDir: string;
  private readonly path: string;
  private readonly window: OutputWindow;
  private shown: Shown | undefined;
  private gone = false;

  /** `path` is below `sessionDir`; no symbolic link between them is followed. */
  constructor(sessionDir: string, path: string, window: OutputWindow) {
    this.sessionDir = sessionDir;
    this.path = path;
    this.window = window;
  }

  /**
   * The last window of the capture, from a line start, or from a character's start where the line
   * is longer than 64 KiB. A capture that is not there yet is empty. Throws a PersistenceError.
   */
  open(): OutputText {
    this.gone = false;
    this.shown = undefined;
    return (
      withCapture(this.sessionDir, this.path, (file) => this.show(file)) ?? {
        text: '',
        skippedBytes: 0,
        totalBytes: 0,
      }
    );
  }

  /** What came since the last call; absent where nothing did. Throws a PersistenceError. */
  read(): OutputChange | undefined {
    const read = withCapture(this.sessionDir, this.path, (file) => ({
      change: this.readFile(file),
    }));
    if (read !== undefined) return read.change;
    if (this.shown === undefined || this.gone) return undefined;
    this.gone = true;
    return { kind: 'gone' };
  }

  private readFile(file: OpenFile): OutputChange | undefined {
    const { shown } = this;
    const { size } = file.stats;
    if (shown === undefined && size <= this.window.limit) {
      const { text, totalBytes } = this.show(file, WHOLE);
      if (totalBytes === 0) return undefined;
      return { kind: 'append', replacedChars: 0, text, totalBytes };
    }
    if (shown === undefined || this.gone || !isSame(shown, file)) {
      this.gone = false;
      return { kind: 'replace', ...this.show(file) };
    }
    if (size === shown.offset) return undefined;
    if (size - shown.start > this.window.limit || !remembers(shown, file)) {
      return { kind: 'replace', ...this.show(file) };
    }
    renderUpTo(shown, file, size);
    const { replacedChars, text } = shown.renderer.takeChange();
    return { kind: 'append', replacedChars, text, totalBytes: shown.offset };
  }

  /** Shows a file anew, the last window of it or from another start. */
  private show(file: OpenFile, from = windowStart(file, this.window.size)): OutputText {
    const { dev: device, ino: inode, size } = file.stats;
    const { start, lead } = from;
    const shown: Shown = {
      renderer: new Renderer(),
      device,
      inode,
      start,
      offset: start,
      memory: Buffer.alloc(0),
    };
    render(shown, lead);
    renderUpTo(shown, file, size);
    this.shown = shown;
    const { text } = shown.renderer.takeChange();
    return { text, skippedBytes: start, totalBytes: shown.offset };
  }
}

/** Bytes at the end of a capture that are read for its last lines. */
const LAST_LINES_BYTES = 16 * 1024;
const LAST_LINE_CHARS = 200;

/**
 * The last rendered lines that are not blank, of the last 16 KiB of a capture; longer ones are cut
 * to 200 characters. None if there is no capture. Throws a PersistenceError.
 */
export function lastLines(sessionDir: string, path: string, count: number): readonly string[] {
  const lines = withCapture(sessionDir, path, ({ fd, stats }) => {
    const start = Math.max(0, stats.size - LAST_LINES_BYTES);
    const bytes = readBytes(fd, start, stats.size);
    const renderer = new Renderer();
    renderer.write(bytes.subarray(start === 0 ? 0 : lineOrCharacterStart(bytes)));
    return renderer.takeChange().text.split('\n');
  });
  const written = lines?.filter((line) => line.trim() !== '') ?? [];
  return written.slice(Math.max(0, written.length - count)).map(cutLine);
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

function renderUpTo(shown: Shown, { fd }: OpenFile, end: number): void {
  const buffer = Buffer.allocUnsafe(Math.min(READ_SIZE, end - shown.offset));
  while (shown.offset < end) {
    const wanted = Math.min(buffer.length, end - shown.offset);
    const length = readSync(fd, buffer, 0, wanted, shown.offset);
    // The file was cut under us; the next call sees that.
    if (length === 0) break;
    render(shown, buffer.subarray(0, length));
  }
}

function render(shown: Shown, bytes: Buffer): void {
  shown.renderer.write(bytes);
  shown.offset += bytes.length;
  shown.memory = Buffer.concat([shown.memory, bytes.subarray(-MEMORY)]).subarray(-MEMORY);
}

/** Where a view starts, and what was already read from there on. */
interface ViewStart {
  readonly start: number;
  readonly lead: Buffer;
}

const WHOLE: ViewStart = { start: 0, lead: Buffer.alloc(0) };

/** The start of a window of the last `size` bytes: a line's or, failing that, a character's. */
function windowStart({ fd, stats }: OpenFile, size: number): ViewStart {
  const start = Math.max(0, stats.size - size);
  if (start === 0) return WHOLE;
  const lowest = Math.max(0, start - LINE_SEARCH);
  const read: Buffer[] = [];
  for (let end = start; end > lowest;) {
    const from = Math.max(lowest, end - SEARCH_STEP);
    const bytes = readBytes(fd, from, end);
    const lineStart = bytes.lastIndexOf(LINE_FEED) + 1;
    read.unshift(bytes.subarray(lineStart));
    if (lineStart > 0 || from === 0) {
      return { start: from + lineStart, lead: Buffer.concat(read) };
    }
    end = from;
  }
  const cut = characterStart(readBytes(fd, start, Math.min(start + CHARACTER, stats.size)));
  return { start: start + cut, lead: Buffer.alloc(0) };
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
function readBytes(fd: number, from: number, to: number): Buffer {
  const buffer = Buffer.allocUnsafe(to - from);
  let length = 0;
  while (length < buffer.length) {
    const read = readSync(fd, buffer, length, buffer.length - length, from + length);
    if (read === 0) break;
    length += read;
  }
  return buffer.subarray(0, length);
}

function cutLine(line: string): string {
  if (line.length <= LAST_LINE_CHARS) return line;
  // A surrogate pair must not be cut in two.
  return (
    line
      .slice(0, LAST_LINE_CHARS - 1)
      .toWellFormed()
      .replace(/\ufffd$/, '') + '…'
  );
}
