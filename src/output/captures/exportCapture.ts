import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { rename } from '../../persistence/atomicWrite.ts';
import { openSafely } from '../../persistence/safeFile.ts';

/** Takes a capture's bytes and gives the text that they show. */
export interface TextSink {
  write(bytes: Uint8Array): void;
  /** Waits until what was written is rendered. */
  settle?(): Promise<void>;
  takeChange(): { readonly replacedChars: number; readonly text: string };
}

/** A capture to export. */
export interface ExportSource {
  readonly path: string;
  /** A line above its content. */
  readonly heading: string | undefined;
  /** Absent: the bytes go as they are. */
  readonly makeSink: (() => TextSink) | undefined;
}

const READ_SIZE = 256 * 1024;
/** Of a text, so little that a terminal has room for all that it may show (see `mostText`). */
const RENDER_SIZE = 32 * 1024;
/** Milliseconds that one step keeps the thread. */
const TURN = 20;
/** So much of the text's end is kept back: a terminal can still rewrite its screen. */
const KEPT_CHARS = 1024 * 1024;

/**
 * Writes captures to a file that the user chose, a step at a time. The content goes to a temporary
 * file beside it, and gets the file's name when it is whole. The system's errors are thrown.
 */
export class CaptureExport {
  /** Bytes of the captures when the export began; what comes later is left out. */
  readonly totalBytes: number;
  private readonly sources: readonly { fd: number; size: number; source: ExportSource }[];
  private readonly destination: string;
  private readonly temporary: string;
  private readonly target: number;
  private readonly buffer = Buffer.allocUnsafe(READ_SIZE);
  private index = 0;
  private offset = 0;
  private readBytes = 0;
  private sink: TextSink | undefined;
  private kept = '';
  private endsLine = true;

  /** No symbolic link between `sessionDir` and a source is followed; `destination` is the user's. */
  constructor(sessionDir: string, sources: readonly ExportSource[], destination: string) {
    const opened: { fd: number; size: number; source: ExportSource }[] = [];
    this.sources = opened;
    try {
      for (const source of sources) {
        const { fd, stats } = openSafely(sessionDir, source.path);
        opened.push({ fd, size: stats.size, source });
      }
      this.totalBytes = opened.reduce((sum, { size }) => sum + size, 0);
      const isLink = lstatSync(destination, { throwIfNoEntry: false })?.isSymbolicLink() === true;
      this.destination = isLink ? realpathSync(destination) : destination;
      this.temporary = join(dirname(this.destination), `.${randomBytes(8).toString('hex')}.tmp`);
      this.target = openSync(this.temporary, 'wx');
    } catch (error) {
      for (const { fd } of opened) closeSync(fd);
      throw error;
    }
  }

  /** Goes on for some milliseconds; answers how many bytes are done, and whether all are. */
  async step(): Promise<{ readonly bytes: number; readonly done: boolean }> {
    const until = performance.now() + TURN;
    while (this.index < this.sources.length && performance.now() < until) await this.readOne();
    return { bytes: this.readBytes, done: this.index === this.sources.length };
  }

  /** Gives the file its name, once all is written. */
  finish(): void {
    for (const { fd } of this.sources) closeSync(fd);
    try {
      try {
        fsyncSync(this.target);
      } finally {
        closeSync(this.target);
      }
      rename(this.temporary, this.destination);
    } catch (error) {
      rmSync(this.temporary, { force: true });
      throw error;
    }
  }

  /** Leaves nothing behind. */
  abort(): void {
    for (const fd of [...this.sources.map((source) => source.fd), this.target]) closeSync(fd);
    rmSync(this.temporary, { force: true });
  }

  private async readOne(): Promise<void> {
    const current = this.sources[this.index];
    if (current === undefined) return;
    const { fd, size, source } = current;
    if (this.offset === 0) {
      if (source.heading !== undefined) {
        this.write(`${this.endsLine ? '' : '\n'}${source.heading}\n`);
      }
      this.sink = source.makeSink?.();
    }
    const most = this.sink === undefined ? READ_SIZE : RENDER_SIZE;
    const wanted = Math.min(most, size - this.offset);
    const length = wanted === 0 ? 0 : readSync(fd, this.buffer, 0, wanted, this.offset);
    const bytes = this.buffer.subarray(0, length);
    if (this.sink === undefined) this.writeBytes(bytes);
    else await this.render(this.sink, bytes);
    this.offset += length;
    this.readBytes += length;
    if (this.offset < size && length > 0) return;
    this.write(this.kept);
    this.kept = '';
    this.index++;
    this.offset = 0;
  }

  private async render(sink: TextSink, bytes: Buffer): Promise<void> {
    // The sink may keep what it is given until the next turn.
    sink.write(Buffer.from(bytes));
    await sink.settle?.();
    const { replacedChars, text } = sink.takeChange();
    this.kept = this.kept.slice(0, Math.max(0, this.kept.length - replacedChars)) + text;
    const ready = this.kept.length - KEPT_CHARS;
    if (ready < KEPT_CHARS) return;
    const end = this.kept.lastIndexOf('\n', ready) + 1;
    this.write(this.kept.slice(0, end));
    this.kept = this.kept.slice(end);
  }

  private write(text: string): void {
    if (text === '') return;
    this.endsLine = text.endsWith('\n');
    this.writeBytes(Buffer.from(text, 'utf8'));
  }

  private writeBytes(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) at += writeSync(this.target, bytes, at);
  }
}
