import type { IUnicodeVersionProvider, Terminal } from '@xterm/headless';
import { charWidth } from '../rendering/charWidth.ts';

/**
 * What is used of `@xterm/headless` beyond its public interface: a cell at a time, as that has it,
 * takes longer than the parsing, and neither links nor kinds of underlines can be had. The version
 * is pinned and bundled; the tests of the pty renderer hold all of this.
 */
export interface XtermCore {
  /** Parses at once; what it throws can be caught, as opposed to `write`. */
  writeSync(data: Uint8Array): void;
  readonly buffers: { readonly normal: XtermBuffer; readonly alt: XtermBuffer };
  readonly _inputHandler: {
    /** How text is shown that comes now. */
    readonly _curAttrData: XtermAttributes & {
      extended: XtermExtended;
      /** To be called after a change of `extended`. */
      updateExtended(): void;
    };
    readonly _parser: {
      /** 0 between sequences. */
      readonly currentState: number;
      /** Properties of the character before, which marks may join. */
      precedingJoinState: number;
      setPrintHandler(print: Print): void;
      clearOscHandler(kind: number): void;
      registerOscHandler(kind: number, handler: OscHandler): void;
    };
    readonly print: Print;
    readonly _activeBuffer: XtermBuffer & {
      getBlankLine(attributes: XtermAttributes): XtermLine;
    };
    /** How cells look that are made blank. */
    _eraseAttrData(): XtermAttributes;
  };
  readonly coreService: {
    readonly decPrivateModes: { readonly wraparound: boolean };
    readonly modes: { readonly insertMode: boolean };
  };
  /** Tells after each scroll, and when another buffer comes. */
  readonly _onScroll: { event(listener: () => void): unknown };
  /** Absent is ASCII. */
  readonly _charsetService: { readonly charset: unknown };
}

interface XtermAttributes {
  fg: number;
  bg: number;
  clone(): XtermAttributes;
}

/** Shows code points, from one place of `data` to another. */
type Print = (data: Uint32Array, start: number, end: number) => void;

/** Gets a sequence's content piece by piece. */
interface OscHandler {
  start(): void;
  put(data: Uint32Array, start: number, end: number): void;
  /** @param isWhole false where it was broken off */
  end(isWhole: boolean): boolean;
}

export interface XtermBuffer {
  readonly lines: XtermLines;
  /** Lines above the screen. */
  readonly ybase: number;
  /** The cursor's place on the screen. */
  x: number;
  readonly y: number;
  /** The first and the last row of the screen that scroll. */
  readonly scrollTop: number;
  readonly scrollBottom: number;
  /** Columns with a tab stop. */
  readonly tabs: Readonly<Partial<Record<number, boolean>>>;
}

export interface XtermLines {
  readonly length: number;
  get(index: number): XtermLine | undefined;
  splice(start: number, deleted: number, ...added: XtermLine[]): void;
  /** Tells how many lines went from the start. */
  onTrim(listener: (count: number) => void): void;
}

export interface XtermLine {
  /** Goes on with the line before. */
  isWrapped: boolean;
  /** Columns. */
  readonly length: number;
  /** Three words a cell: content, foreground and flags, background and flags. */
  readonly _data: Uint32Array;
  /** The text of cells that have more than one code point. */
  readonly _combined: Readonly<Partial<Record<number, string>>>;
  /** Of cells that have `Cell.hasExtended` in their background. */
  readonly _extendedAttrs: Partial<Record<number, XtermExtended>>;
  copyFrom(line: XtermLine): void;
}

export interface XtermExtended {
  /** 0 is none. */
  urlId: number;
  /** Kind and colour of the underline. */
  _ext: number;
  clone(): XtermExtended;
}

/** A cell's bits in its three words. */
export const Cell = {
  codePoint: 0x1fffff,
  isCombined: 0x200000,
  hasContent: 0x3fffff,
  widthShift: 22,
  // of both colours
  colorMode: 0x3000000,
  palette256: 0x2000000,
  rgb: 0x3000000,
  rgbValue: 0xffffff,
  paletteValue: 0xff,
  // of the foreground
  inverse: 0x4000000,
  bold: 0x8000000,
  underline: 0x10000000,
  blink: 0x20000000,
  hidden: 0x40000000,
  strikethrough: 0x80000000,
  // of the background
  italic: 0x4000000,
  dim: 0x8000000,
  hasExtended: 0x10000000,
  overline: 0x40000000,
  // of `XtermExtended._ext`
  underlineColor: 0x3ffffff,
  underlineKindShift: 26,
  underlineKind: 7,
} as const;

const NARROW = 1 << Cell.widthShift;
const DELETE = 0x7f;
/** What `charWidths` says of a character of one column. */
const NARROW_STATE = 1 << 1;

export type TerminalClass = typeof Terminal;

/** Loads the terminal; a bundle of its own, as most storages have no pty task. */
export async function loadTerminal(): Promise<TerminalClass> {
  const { default: xterm } = await import('@xterm/headless');
  return xterm.Terminal;
}

export function coreOf(terminal: Terminal): XtermCore {
  return (terminal as unknown as { readonly _core: XtermCore })._core;
}

/** The terminal's own widths are those of Unicode 6, in which emoji had one column. */
export function useCharWidths(terminal: Terminal): void {
  terminal.unicode.register(charWidths);
  terminal.unicode.activeVersion = charWidths.version;
}

/** Shows text as the terminal does, and faster; alike however it comes. */
export function printAlike(core: XtermCore): void {
  const { _inputHandler: input, coreService } = core;
  input._parser.setPrintHandler((data, start, end) => {
    let at = start;
    if (!coreService.decPrivateModes.wraparound) {
      // What becomes of half a wide character at the right edge depends on how many come at once.
      for (; at < end; at++) input.print(data, at, at + 1);
    } else if (!coreService.modes.insertMode && core._charsetService.charset === undefined) {
      while (at < end && (data[at] ?? DELETE) < DELETE) {
        const filled = fillCells(input, data, at, end);
        if (filled === at) input.print(data, at, ++at);
        else at = filled;
      }
    }
    if (at < end) input.print(data, at, end);
  });
}

/**
 * Fills the cursor's row with printable characters of ASCII. Returns where those end; at once where
 * the row is full.
 */
function fillCells(
  { _activeBuffer: buffer, _curAttrData: attributes, _parser: parser }: XtermCore['_inputHandler'],
  data: Uint32Array,
  start: number,
  end: number,
): number {
  const { fg, bg, extended } = attributes;
  const line = buffer.lines.get(buffer.ybase + buffer.y);
  if (line === undefined) return start;
  const { _data: cells } = line;
  const first = 3 * buffer.x;
  const last = Math.min(end, start + (cells.length - first) / 3);
  let at = start;
  let cell = first;
  for (; at < last; at++, cell += 3) {
    const code = data[at] ?? 0;
    if (code >= DELETE) break;
    cells[cell] = NARROW | code;
    cells[cell + 1] = fg;
    cells[cell + 2] = bg;
  }
  if (at === start) return start;
  let from = first;
  // A wide character that lost a half has lost both.
  if (first > 0 && (cells[first - 3] ?? 0) >>> Cell.widthShift === 2) {
    from -= 3;
    cells[from] = NARROW;
    cells[from + 1] = fg;
    cells[from + 2] = bg;
  }
  if (cells[cell] === 0) {
    cells[cell] = NARROW;
    cells[cell + 1] = fg;
    cells[cell + 2] = bg;
    cell += 3;
  }
  if ((bg & Cell.hasExtended) !== 0) {
    for (let column = from / 3; column < cell / 3; column++) line._extendedAttrs[column] = extended;
  }
  buffer.x += at - start;
  parser.precedingJoinState = NARROW_STATE;
  return at;
}

/**
 * Handles the sequences that insert, delete or scroll lines of the screen: all that one asks for at
 * once. The terminal moves the rest of the screen for each line, and a sequence asks for many.
 * @param most sequences that ask for more do nothing
 */
export function moveLinesAtOnce(terminal: Terminal, core: XtermCore, most: number): void {
  const { _inputHandler: input } = core;
  const on = (final: string, move: (count: number) => void): void => {
    terminal.parser.registerCsiHandler({ final }, ([first]) => {
      const count = Number(first) || 1;
      if (count <= most) move(count);
      return true;
    });
  };
  const shift = (top: number, count: number, isUp: boolean, attributes: XtermAttributes): void => {
    const buffer = input._activeBuffer;
    const { lines, scrollBottom, ybase } = buffer;
    const moved = Math.min(count, scrollBottom - top + 1);
    const [first, behind] = [ybase + top, ybase + scrollBottom + 1 - moved];
    const [from, to] = isUp ? [first, behind] : [behind, first];
    // The rows that go come back blank.
    const gone = Array.from({ length: moved }, (_, index) => lines.get(from + index));
    const blank = buffer.getBlankLine(attributes);
    for (const line of gone) line?.copyFrom(blank);
    if (from === to) return;
    lines.splice(from, moved);
    lines.splice(to, 0, ...gone.filter((line) => line !== undefined));
  };
  const atCursor = (isUp: boolean) => (count: number) => {
    const buffer = input._activeBuffer;
    const { y, scrollBottom, scrollTop } = buffer;
    // A line that is full wraps when more comes; not any more.
    buffer.x = Math.min(buffer.x, terminal.cols - 1);
    if (y < scrollTop || y > scrollBottom) return;
    shift(y, count, isUp, input._eraseAttrData());
    buffer.x = 0;
  };
  on('L', atCursor(false));
  on('M', atCursor(true));
  on('S', (count) => {
    shift(input._activeBuffer.scrollTop, count, true, input._eraseAttrData());
  });
  on('T', (count) => {
    // What comes in at the top has no background (the terminal's own way).
    const plain = Object.assign(input._eraseAttrData().clone(), { fg: 0, bg: 0 });
    shift(input._activeBuffer.scrollTop, count, false, plain);
  });
}

/**
 * Handles the erasing of all up to the last column, for which the terminal takes another row for the
 * one below the cursor's, and throws where there is none.
 */
export function eraseToLastColumn(terminal: Terminal, core: XtermCore): void {
  const { _inputHandler: input } = core;
  const erase = ([what]: readonly (number | number[])[]): boolean => {
    const buffer = input._activeBuffer;
    if (what !== 1 || buffer.x + 1 < terminal.cols) return false;
    const { lines, ybase, y } = buffer;
    const blank = buffer.getBlankLine(input._eraseAttrData());
    for (let row = 0; row <= y; row++) lines.get(ybase + row)?.copyFrom(blank);
    const below = y + 1 < terminal.rows ? lines.get(ybase + y + 1) : undefined;
    if (below !== undefined) below.isWrapped = false;
    return true;
  };
  terminal.parser.registerCsiHandler({ final: 'J' }, erase);
  terminal.parser.registerCsiHandler({ prefix: '?', final: 'J' }, erase);
}

const charWidths: IUnicodeVersionProvider = {
  version: 'charWidth',
  wcwidth: charWidth,
  // A width in bits 1 and 2; bit 0 says that the character becomes one with the one before.
  charProperties: (codePoint, preceding) => {
    const width = charWidth(codePoint);
    const widthBefore = (preceding >> 1) & 3;
    return width === 0 && widthBefore > 0 ? (widthBefore << 1) | 1 : width << 1;
  },
};
