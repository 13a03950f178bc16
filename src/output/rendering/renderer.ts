import { COMMAND_LIMIT, ControlParser, type ControlHandler } from './controlParser.ts';
import type { Parameters } from './parameters.ts';
import { Screen, SCREEN_ROWS } from './screen.ts';
import { StyleState } from './sgr.ts';
import type { TextChange } from './shownText.ts';
import { StyledLineReader } from './styledLines.ts';
import { nextSpecial, viewOf } from './textScan.ts';
import { completeEnd } from './utf8.ts';

/** Bytes of short runs that are decoded together. */
const PIECE = 16 * 1024;
/** Longer runs of text are decoded for themselves. */
const LONG_RUN = 4 * 1024;

/** Fewer bytes are not worth a look at whether their lines only have styles. */
const STYLED_LINES = 8 * 1024;

const REPLACEMENT = '\ufffd';

const BACKSPACE = 0x08;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const VERTICAL_TAB = 0x0b;
const FORM_FEED = 0x0c;
const CARRIAGE_RETURN = 0x0d;
const ESCAPE = 0x1b;
const QUESTION_MARK = 0x3f;

/**
 * Renders the capture of a pipe as a terminal of endless width would show it, with what it
 * scrolled away kept.
 *
 * - Invalid UTF-8 becomes U+FFFD; so does, until its rest comes, a character that is cut at the end.
 * - CR, BS, tab, and the sequences that move the cursor or erase, insert and delete in a row do so,
 *   within the last screenful; clearing the screen starts a new one below. A line feed, with or
 *   without CR, ends the line.
 * - SGR gives spans; OSC 8 gives spans with a link. Every other sequence is dropped.
 * - Every other C0 and C1 control character is dropped. C1 ones start no sequence: in UTF-8 they
 *   are mostly wrongly decoded text, and would swallow what follows.
 * - Characters that reorder the text shown (U+202A to 202E, U+2066 to 2069) and the line separators
 *   that editors take for line ends (U+2028, U+2029) become U+FFFD.
 */
export class Renderer implements ControlHandler {
  private screen = new Screen();
  private readonly style = new StyleState();
  private savedStyle = this.style.saved();
  private readonly parser = new ControlParser(this);
  /** The start of a character whose rest has not come yet. */
  private pending: Buffer = Buffer.alloc(0);
  private pendingShown = 0;

  /** Takes what is before the stream, as text may go on in its style. Nothing of it is shown. */
  startAfter(bytes: Uint8Array): void {
    this.write(bytes);
    this.screen = new Screen();
  }

  /** Takes the next bytes of the stream. How it is cut makes no difference to the text. */
  write(chunk: Uint8Array): void {
    const added = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const bytes = this.pending.length === 0 ? added : Buffer.concat([this.pending, added]);
    const end = completeEnd(bytes, 0, bytes.length);
    this.render(bytes, end);
    this.pending = Buffer.from(bytes.subarray(end));
  }

  /** What became of the text since the last call. */
  takeChange(): TextChange {
    const { replacedChars, text, spans } = this.screen.takeChange();
    const shown = this.pendingShown;
    const isShown = this.pending.length > 0 && this.parser.isInText && this.screen.isAtEnd();
    this.pendingShown = isShown ? 1 : 0;
    return {
      replacedChars: replacedChars + shown,
      text: isShown ? text + REPLACEMENT : text,
      spans,
    };
  }

  /** Line breaks of the text behind the line that the cursor is in. */
  get linesBelow(): number {
    return this.screen.linesBelow;
  }

  /** Renders bytes that end with a whole character. */
  private render(bytes: Buffer, end: number): void {
    const { parser, screen, style } = this;
    const view = viewOf(bytes);
    const pieces = new Pieces(bytes, end);
    let reader: StyledLineReader | undefined;
    let stop = -1;
    for (let at = 0; at < end;) {
      if (!parser.isInText) {
        at = parser.parse(bytes, at, end);
        continue;
      }
      if (stop < at) stop = nextSpecial(bytes, view, at, end);
      const current = style.current();
      const isStyled = bytes[stop] === ESCAPE || current !== undefined;
      if (isStyled && end - at >= STYLED_LINES && screen.isAtFreshLine()) {
        reader ??= new StyledLineReader(bytes, view, end, style, SCREEN_ROWS - 1);
        const lines = reader.read(at);
        if (lines !== undefined) {
          screen.takeLines(lines.text, lines.spans);
          at = lines.end;
          continue;
        }
      }
      // Of long text in a style the lines that follow are taken at once again.
      const runEnd = current === undefined ? stop : Math.min(stop, lineEnd(bytes, at));
      if (runEnd > at) screen.print(pieces.text(at, runEnd), current);
      at = runEnd < stop || stop === end ? runEnd : this.special(bytes, stop, end);
    }
  }

  /** Handles what `nextSpecial` found; returns where to go on. */
  private special(bytes: Buffer, at: number, end: number): number {
    const byte = bytes[at] ?? 0;
    if (byte === 0xc2) return at + 2;
    if (byte === 0xe2) {
      this.screen.print(REPLACEMENT, this.style.current());
      return at + 3;
    }
    // Before a line feed it changes nothing, and most come so.
    if (byte === CARRIAGE_RETURN && bytes[at + 1] === LINE_FEED) return at + 1;
    return this.parser.start(bytes, at, end);
  }

  control(byte: number): void {
    switch (byte) {
      case BACKSPACE:
        this.screen.moveColumns(-1);
        break;
      case TAB:
        this.screen.tab();
        break;
      case LINE_FEED:
      case VERTICAL_TAB:
      case FORM_FEED:
        this.screen.lineFeed();
        break;
      case CARRIAGE_RETURN:
        this.screen.carriageReturn();
        break;
    }
  }

  escape(letter: string): void {
    switch (letter) {
      case '7':
        this.save();
        break;
      case '8':
        this.restore();
        break;
      case 'D':
        this.screen.index();
        break;
      case 'E':
        this.screen.lineFeed();
        break;
      case 'M':
        this.screen.moveRows(-1);
        break;
      case 'c':
        this.screen.clear();
        this.screen.moveToRow(0);
        this.screen.moveToColumn(0);
        this.style.setLink(undefined);
        this.style.reset();
        break;
    }
  }

  sequence(letter: string, marker: number, parameters: Parameters): void {
    const { screen } = this;
    if (letter === 'm') {
      if (marker === 0) this.style.apply(parameters);
      return;
    }
    if (marker !== 0 && !(marker === QUESTION_MARK && (letter === 'J' || letter === 'K'))) return;
    const first = parameters.count > 0 ? (parameters.values[0] ?? 0) : -1;
    const count = Math.max(1, first);
    switch (letter) {
      case 'A':
        screen.moveRows(-count);
        break;
      case 'B':
      case 'e':
        screen.moveRows(count);
        break;
      case 'C':
      case 'a':
        screen.moveColumns(count);
        break;
      case 'D':
        screen.moveColumns(-count);
        break;
      case 'E':
        screen.moveRows(count);
        screen.moveToColumn(0);
        break;
      case 'F':
        screen.moveRows(-count);
        screen.moveToColumn(0);
        break;
      case 'G':
      case '`':
        screen.moveToColumn(count - 1);
        break;
      case 'd':
        screen.moveToRow(count - 1);
        break;
      case 'H':
      case 'f':
        screen.moveToRow(count - 1);
        screen.moveToColumn(
          (parameters.count > 1 ? Math.max(1, parameters.values[1] ?? 1) : 1) - 1,
        );
        break;
      case 'J':
        if (first <= 0) screen.eraseToScreenEnd();
        else if (first === 1) screen.eraseFromScreenStart();
        else if (first === 2) screen.clear();
        break;
      case 'K':
        if (first <= 0) screen.eraseToRowEnd();
        else if (first === 1) screen.eraseFromRowStart();
        else if (first === 2) screen.eraseRow();
        break;
      case 'X':
        screen.eraseColumns(count);
        break;
      case 'P':
        screen.deleteColumns(count);
        break;
      case '@':
        screen.insertColumns(count);
        break;
      case 's':
        this.save();
        break;
      case 'u':
        this.restore();
        break;
    }
  }

  private save(): void {
    this.screen.save();
    this.savedStyle = this.style.saved();
  }

  private restore(): void {
    this.screen.restore();
    this.style.restore(this.savedStyle);
  }

  command(content: Buffer): void {
    if (content[0] !== 0x38 || content[1] !== 0x3b) return;
    // OSC 8 ; parameters ; target: an empty target ends the link.
    const text = content.toString('utf8').replace(UNSAFE_IN_LINK, '');
    const separator = text.indexOf(';', 2);
    if (separator < 0) return;
    const target = text.slice(separator + 1);
    const isLink = target !== '' && content.length <= COMMAND_LIMIT;
    this.style.setLink(isLink ? target : undefined);
  }
}

/** Control characters, and those that reorder the text shown. */
// eslint-disable-next-line no-control-regex
const UNSAFE_IN_LINK = /[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** The end of the last line that is no further away than a long run is long, or else of that. */
function lineEnd(bytes: Buffer, start: number): number {
  const end = Math.min(bytes.length, start + LONG_RUN);
  const found = bytes.subarray(start, end).lastIndexOf(LINE_FEED);
  return found >= 0 ? start + found + 1 : completeEnd(bytes, start, end);
}

/** Decodes runs of text, short ones together: each is a slice of a string then. */
class Pieces {
  private readonly bytes: Buffer;
  private readonly bytesEnd: number;
  private piece = '';
  private start = 0;
  private end = 0;

  constructor(bytes: Buffer, end: number) {
    this.bytes = bytes;
    this.bytesEnd = end;
  }

  /** Calls come in order. */
  text(start: number, end: number): string {
    const { bytes } = this;
    if (end - start > LONG_RUN) return bytes.toString('utf8', start, end);
    if (end > this.end) {
      this.start = start;
      this.end = Math.min(this.bytesEnd, start + PIECE);
      this.piece = bytes.toString('utf8', start, this.end);
    }
    // As many units as bytes: each byte is one unit, and a part can be cut out of the string.
    if (this.piece.length === this.end - this.start) {
      return this.piece.slice(start - this.start, end - this.start);
    }
    return bytes.toString('utf8', start, end);
  }
}
