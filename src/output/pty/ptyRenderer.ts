import { isUtf8 } from 'node:buffer';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Terminal } from '@xterm/headless';
import type { ByteSink } from '../captures/captureTail.ts';
import { mostText } from '../outputText.ts';
import { plainLines, TAB_WIDTH, type Pen } from './plainLines.ts';
import { PtyLinks } from './ptyLinks.ts';
import { isBlankRow, PtyRows, type Part } from './ptyRows.ts';
import { firstDifference, noPtySpans, packSpans } from './ptySpans.ts';
import type { PackedSpans } from '../rendering/style.ts';
import { completeEnd } from '../rendering/utf8.ts';
import {
  Cell,
  coreOf,
  eraseToLastColumn,
  moveLinesAtOnce,
  printAlike,
  useCharWidths,
  type TerminalClass,
  type XtermBuffer,
  type XtermCore,
  type XtermLines,
} from './xterm.ts';

/** Bytes parsed at once: few at first, and where each takes long, as clearing a large screen does. */
const SLICE = 4096;
const FEWEST = 32;
/** Lines that may scroll out before they are taken. Few, as what is in the processor's cache is fast. */
const SCROLLED_OUT = 32;
/** Characters that are made one string. */
const PIECE = 16 * 1024;
/** Milliseconds for which parsing keeps other work waiting. */
const TURN = 12;
/** Sizes that no terminal has would only cost memory, and time wherever the screen is cleared. */
const MOST_COLUMNS = 1000;
const MOST_ROWS = 500;
/** Of a whole screen: 500 columns of 200 rows, which is a small font on a large display. */
const MOST_CELLS = 100_000;
/** Sequences that repeat something more often do nothing: with any number they would take long. */
const MOST_REPEATS = 1000;
/**
 * A sequence repeats a character over a line, which is what programs do with it. What one repeats
 * beyond that is paid for with this, and with what others leave of their line.
 */
const REPEATS_AT_START = 64 * 1024;

/** One fills the screen, and another has the screen scroll at each of its lines. */
const SCREENS_KEPT = 2;
/** Lines that are taken at once. */
const LINES = 128;

const LINE_FEED = 0x0a;

export interface PtySize {
  readonly cols: number;
  readonly rows: number;
}

/** What became of the text, as in `TextChange`. */
export interface PtyChange {
  readonly replacedChars: number;
  readonly text: string;
  readonly spans: PackedSpans;
}

/** Text that scrolled out, its bytes in UTF-8, and how many bytes had been parsed by then. */
interface Piece extends Part {
  readonly size: number;
  readonly bytes: number;
}

/**
 * Renders the capture of a terminal as that terminal shows it: the lines that scrolled out, the
 * screen below them, and below that the alternate screen as long as a program uses it.
 *
 * - Rows that were wrapped are one line. Blank lines at the end of the screen are none.
 * - Clearing the scrollback (`ESC [ 3 J`) clears nothing: this is a log, too.
 * - Invalid UTF-8 becomes U+FFFD, and so do characters that reorder the text shown.
 * - A screen of more than 100 000 cells has fewer rows: the columns say where lines wrap.
 */
export class PtyRenderer implements ByteSink {
  private readonly terminal: Terminal;
  private readonly core: XtermCore;
  private readonly rows: PtyRows;
  private unparsed: Buffer[] = [];
  /** The start of a character whose rest has not come yet. */
  private cut: Buffer = Buffer.alloc(0);
  private parsed = 0;

  private lines: XtermLines;
  /** The first line that was not taken out yet. */
  private next = 0;
  private pieces: Piece[] = [];
  /** The pieces' bytes in UTF-8. */
  private size = 0;
  private full = false;
  /** Characters before the pieces that were forgotten, and the bytes that made them. */
  private start = 0;
  private forgotten = 0;
  /** The first of `pieces` that no change told of. */
  private given = 0;
  /** What the last change had after the pieces, and the characters before that. */
  private screen: Part = { text: '', spans: noPtySpans };
  private screenStart = 0;

  constructor(TerminalClass: TerminalClass, { cols, rows }: PtySize) {
    const columns = Math.max(2, Math.min(cols, MOST_COLUMNS));
    this.terminal = new TerminalClass({
      cols: columns,
      rows: Math.max(1, Math.min(rows, MOST_ROWS, Math.floor(MOST_CELLS / columns))),
      scrollback: 2 * SCROLLED_OUT,
      allowProposedApi: true,
      logLevel: 'off',
    });
    useCharWidths(this.terminal);
    this.core = coreOf(this.terminal);
    printAlike(this.core);
    const links = new PtyLinks(this.core);
    this.rows = new PtyRows((id) => links.targetOf(id));
    this.handleSequences();
    this.lines = this.watchLines();
    this.core._onScroll.event(() => {
      const { lines, ybase } = this.core.buffers.normal;
      if (lines !== this.lines) this.lines = this.watchLines();
      // The last one loses a cell yet if a wide character that did not fit made it scroll out.
      else if (ybase - this.next > SCROLLED_OUT) this.takeLines(ybase - 1);
    });
  }

  /** Takes the next bytes of the stream; `settle` parses them. */
  write(bytes: Uint8Array): void {
    const added = Buffer.concat([this.cut, bytes]);
    const end = completeEnd(added, 0, added.length);
    this.cut = added.subarray(end);
    const whole = added.subarray(0, end);
    // xterm drops what is not UTF-8.
    this.unparsed.push(isUtf8(whole) ? whole : Buffer.from(whole.toString('utf8')));
  }

  /** Parses what was written; lets other work in between. Rejects within a turn of the signal. */
  async settle(signal?: AbortSignal): Promise<void> {
    let began = performance.now();
    let size = FEWEST;
    for (const bytes of this.unparsed.splice(0)) {
      const before = this.parsed;
      /** Up to here it is known that too few lines are plain. */
      let looked = 0;
      for (let at = 0; at < bytes.length;) {
        const pen = at >= looked ? this.penOfPlainLine() : undefined;
        if (pen !== undefined) {
          const { starts, end } = plainLines(bytes, at, pen);
          looked = end;
          if (starts.length > (SCREENS_KEPT + 1) * this.terminal.rows)
            at = this.skip(bytes, starts, pen);
        }
        const end = sliceEnd(bytes, at, size);
        const sliceBegan = performance.now();
        this.core.writeSync(bytes.subarray(at, end));
        at = end;
        this.parsed = before + at;
        this.takeScrolledOut();
        const isSlow = performance.now() - sliceBegan > TURN;
        size = isSlow ? Math.max(FEWEST, size / 4) : Math.min(SLICE, size * 2);
        if (performance.now() - began < TURN) continue;
        await nextTurn(undefined, { signal });
        began = performance.now();
      }
    }
    this.endPiece();
  }

  /** What became of the text since the last call of this or of `whole`. */
  takeChange(): PtyChange {
    const { screen: before, screenStart: start, given } = this;
    this.readScreen();
    const parts = this.partsFrom(given);
    const text = textOf(parts);
    const spans = parts.map((part) => part.spans);
    const limit = firstDifference(before.spans, spans) - start;
    const kept = commonLength(before.text, text, limit);
    return {
      replacedChars: before.text.length - kept,
      text: text.slice(kept),
      spans: packSpans(spans, start + kept),
    };
  }

  /** The whole text, without the lines that it has no room for. */
  whole(): { readonly text: string; readonly spans: PackedSpans } {
    this.makeRoom();
    this.readScreen();
    const parts = this.partsFrom(0);
    const text = textOf(parts);
    // A line break comes with the row after it.
    const cut = this.forgotten > 0 && text.startsWith('\n') ? 1 : 0;
    const spans = packSpans(
      parts.map((part) => part.spans),
      this.start + cut,
    );
    return { text: text.slice(cut), spans };
  }

  /** Line breaks of the text behind the line that the cursor is in. */
  get linesBelow(): number {
    const { normal, alt } = this.core.buffers;
    const buffer = this.terminal.buffer.active.type === 'alternate' ? alt : normal;
    const end = buffer.ybase + this.rowsShown(buffer);
    let count = 0;
    for (let index = buffer.ybase + buffer.y + 1; index < end; index++) {
      if (buffer.lines.get(index)?.isWrapped !== true) count++;
    }
    return count;
  }

  /** Forgets lines that had scrolled out when so many bytes of the stream had been written. */
  forget(bytes: number): void {
    while ((this.pieces[0]?.bytes ?? Infinity) <= bytes) {
      this.forgetPiece();
      this.full = false;
    }
  }

  /** Lines were forgotten since a text has no room for more. */
  get isFull(): boolean {
    return this.full;
  }

  /** About how many bytes of the stream are not in the text any more. */
  get forgottenBytes(): number {
    return this.forgotten;
  }

  private forgetPiece(): void {
    const piece = this.pieces.shift();
    if (piece === undefined) return;
    this.start += piece.text.length;
    this.size -= piece.size;
    this.given = Math.max(0, this.given - 1);
    this.forgotten = piece.bytes;
  }

  private handleSequences(): void {
    const { parser } = this.terminal;
    const isDropped = (params: readonly (number | number[])[]): boolean => params[0] === 3;
    parser.registerCsiHandler({ final: 'J' }, isDropped);
    parser.registerCsiHandler({ prefix: '?', final: 'J' }, isDropped);
    eraseToLastColumn(this.terminal, this.core);
    moveLinesAtOnce(this.terminal, this.core, MOST_REPEATS);
    for (const final of ['I', 'Z']) {
      parser.registerCsiHandler({ final }, ([count = 1]) => Number(count) > MOST_REPEATS);
    }
    let credit = REPEATS_AT_START;
    parser.registerCsiHandler({ final: 'b' }, ([first]) => {
      const count = Number(first) || 1;
      const left = credit + this.terminal.cols - count;
      if (count > MOST_REPEATS || left < 0) return true;
      credit = left;
      return false;
    });
    // A full reset takes the lines away.
    parser.registerEscHandler({ final: 'c' }, () => {
      this.takeLines(this.core.buffers.normal.ybase);
      return false;
    });
  }

  private watchLines(): XtermLines {
    const { lines } = this.core.buffers.normal;
    this.next = 0;
    lines.onTrim((count) => {
      if (this.lines === lines) this.next -= count;
    });
    return lines;
  }

  /** Where text goes on; absent where plain lines would not become what they are. */
  private penOfPlainLine(): Pen | undefined {
    const { normal } = this.core.buffers;
    const { modes, rows, cols, buffer } = this.terminal;
    const { _inputHandler: input, _charsetService: charsets } = this.core;
    const { fg, bg, extended } = input._curAttrData;
    const isUsual =
      normal.x < cols &&
      normal.scrollTop === 0 &&
      normal.scrollBottom === rows - 1 &&
      input._parser.currentState === 0 &&
      extended.urlId === 0 &&
      charsets.charset === undefined &&
      !modes.insertMode &&
      modes.wraparoundMode &&
      buffer.active.type === 'normal' &&
      hasUsualTabs(normal, cols) &&
      isUntouched(normal);
    if (!isUsual) return undefined;
    return { front: fg | 0, back: bg | 0, underline: extended._ext, column: normal.x };
  }

  /**
   * Takes plain lines without the terminal, which needs several times as long, but for so many at
   * the end that its screen becomes what it would be. Returns where those start.
   */
  private skip(bytes: Buffer, starts: readonly number[], pen: Pen): number {
    const { normal } = this.core.buffers;
    const { cols } = this.terminal;
    const before = this.parsed - (starts[0] ?? 0);
    const skipped = starts.length - SCREENS_KEPT * this.terminal.rows;
    // The screen scrolls out, and the lines that are kept fill it anew.
    this.takeLines(normal.ybase + normal.y);
    for (let line = 0; line < skipped; line += LINES) {
      const next = Math.min(line + LINES, skipped);
      const end = starts[next] ?? 0;
      this.rows.addPlain(bytes, starts.slice(line, next), end, cols, pen);
      this.parsed = before + end;
      if (this.rows.pending >= PIECE) this.endPiece();
    }
    const { _curAttrData: now } = this.core._inputHandler;
    now.fg = pen.front;
    now.bg = pen.back;
    now.extended = now.extended.clone();
    now.extended._ext = pen.underline;
    normal.x = pen.column;
    return starts[skipped] ?? 0;
  }

  private takeScrolledOut(): void {
    this.takeLines(this.core.buffers.normal.ybase);
    if (this.rows.pending >= PIECE) this.endPiece();
  }

  /** Takes out the lines up to an index. */
  private takeLines(end: number): void {
    const { lines } = this.core.buffers.normal;
    for (; this.next < end; this.next++) {
      const line = lines.get(this.next);
      if (line !== undefined) this.rows.add(line);
    }
  }

  private endPiece(): void {
    if (this.rows.pending === 0) return;
    const part = this.rows.take();
    const size = Buffer.byteLength(part.text);
    this.pieces.push({ ...part, size, bytes: this.parsed });
    this.size += size;
    if (this.size > mostText.grown) this.makeRoom();
  }

  private makeRoom(): void {
    while (this.size > mostText.shownAnew) {
      this.full = true;
      this.forgetPiece();
    }
  }

  /** Reads the screen, which the next change will replace. */
  private readScreen(): void {
    const { rows, core } = this;
    const { normal, alt } = core.buffers;
    const { state } = rows;
    const shown = this.addScreen(normal);
    if (this.terminal.buffer.active.type === 'alternate') this.addScreen(alt);
    // The cursor is in a line after the last one.
    else if (normal.y >= shown && !rows.state.isEmpty) rows.addLineFeed();
    this.screen = rows.take();
    this.screenStart = state.taken;
    this.given = this.pieces.length;
    rows.state = state;
  }

  /** The text from one of the pieces on. */
  private partsFrom(index: number): Part[] {
    return [...this.pieces.slice(index), this.screen];
  }

  /** Returns how many rows of the screen are shown. */
  private addScreen(buffer: XtermBuffer): number {
    const shown = this.rowsShown(buffer);
    for (let index = buffer.ybase; index < buffer.ybase + shown; index++) {
      const line = buffer.lines.get(index);
      if (line !== undefined) this.rows.add(line);
    }
    return shown;
  }

  /** The rows of a screen without the blank ones at its end. */
  private rowsShown({ lines, ybase }: XtermBuffer): number {
    let end = lines.length;
    while (end > ybase) {
      const line = lines.get(end - 1);
      if (line !== undefined && !isBlankRow(line)) break;
      end--;
    }
    return end - ybase;
  }
}

function hasUsualTabs({ tabs }: XtermBuffer, columns: number): boolean {
  for (let column = 0; column < columns; column++) {
    if ((tabs[column] === true) !== (column % TAB_WIDTH === 0)) return false;
  }
  return true;
}

/** Whether the cursor's row and those below it are as they came. */
function isUntouched({ lines, ybase, y }: XtermBuffer): boolean {
  for (let index = ybase + y; index < lines.length; index++) {
    const line = lines.get(index);
    if (line === undefined || line.isWrapped) return false;
    const { _data: data } = line;
    for (let at = 0; at < data.length; at += 3) {
      if (((data[at] ?? 0) & Cell.hasContent) !== 0 || data[at + 2] !== 0) return false;
    }
  }
  return true;
}

/**
 * Where a slice ends: at a line's end if there is one, and not within a character, since xterm
 * loses some that are cut (those with a second byte of 0x80).
 */
function sliceEnd(bytes: Buffer, start: number, size: number): number {
  const slice = bytes.subarray(start, start + size);
  const lineEnd = slice.lastIndexOf(LINE_FEED) + 1;
  return start + (lineEnd > 0 ? lineEnd : completeEnd(slice, 0, slice.length));
}

function textOf(parts: readonly Part[]): string {
  return parts.map(({ text }) => text).join('');
}

/** Characters at the start that are the same, up to a limit. */
function commonLength(before: string, after: string, limit: number): number {
  const longest = Math.min(before.length, after.length, limit);
  let length = 0;
  while (length < longest && before.charCodeAt(length) === after.charCodeAt(length)) length++;
  // Not within a surrogate pair.
  return (after.charCodeAt(length - 1) & 0xfc00) === 0xd800 ? length - 1 : length;
}
