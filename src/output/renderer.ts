import { isUtf8 } from 'node:buffer';
import { Screen, SCREEN_ROWS, type TextChange } from './screen.ts';
import { StyleState, type Parameters, type SavedStyle } from './sgr.ts';
import { completeEnd } from './utf8.ts';

/** Bytes decoded at once. */
const BLOCK = 64 * 1024;
/** Shorter blocks are not worth a look at whether their lines only have styles. */
const BULK = 8 * 1024;
/** A control string (OSC, DCS …) that is longer has lost its end: what follows is text again. */
const STRING_LIMIT = 1024 * 1024;
/** Of a control string as much is kept as the longest link needs. */
const LINK_LIMIT = 4096;
const PARAMETERS_LIMIT = 32;
const PARAMETER_MAX = 65535;

const REPLACEMENT = '\ufffd';

/** Between sequences. */
const TEXT = 0;
/** After ESC. */
const IN_ESCAPE = 1;
/** After ESC and an intermediate. */
const IN_INTERMEDIATE = 2;
/** After ESC [. */
const IN_CSI = 3;
/** In a control sequence that is not understood. */
const IN_IGNORED = 4;
const IN_OSC = 5;
/** In a DCS, SOS, PM or APC string. */
const IN_STRING = 6;

const BEL = 0x07;
const BACKSPACE = 0x08;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const VERTICAL_TAB = 0x0b;
const FORM_FEED = 0x0c;
const CARRIAGE_RETURN = 0x0d;
const CANCEL = 0x18;
const SUBSTITUTE = 0x1a;
const ESCAPE = 0x1b;
const BRACKET = 0x5b;
const FINAL_M = 0x6d;
const DELETE = 0x7f;

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
export class Renderer {
  private readonly screen = new Screen();
  private readonly style = new StyleState();
  private savedStyle: SavedStyle = this.style.save();
  private state = TEXT;
  private readonly parameters: Parameters = {
    values: new Int32Array(PARAMETERS_LIMIT),
    joined: new Uint8Array(PARAMETERS_LIMIT),
    count: 0,
  };
  /** The private marker of a control sequence (`?`, `>` …), and its intermediates. */
  private marker = 0;
  private hasIntermediate = false;
  private stringLength = 0;
  private string: Buffer[] = [];
  /** The start of a character whose rest has not come yet. */
  private pending: Buffer = Buffer.alloc(0);
  private pendingShown = 0;

  /** Takes the next bytes of the stream. How it is cut makes no difference to the text. */
  write(chunk: Uint8Array): void {
    const added = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const bytes = this.pending.length === 0 ? added : Buffer.concat([this.pending, added]);
    const lead = -bytes.byteOffset & 3;
    const words =
      bytes.length < lead + 4
        ? new Int32Array(0)
        : new Int32Array(bytes.buffer, bytes.byteOffset + lead, (bytes.length - lead) >> 2);
    let start = 0;
    while (start < bytes.length) {
      const end = completeEnd(bytes, start, Math.min(start + BLOCK, bytes.length));
      if (end === start) break;
      this.writeBlock(bytes, words, lead, start, end);
      start = end;
    }
    this.pending = Buffer.from(bytes.subarray(start));
  }

  /** What became of the text since the last call. */
  takeChange(): TextChange {
    const { replacedChars, text, spans } = this.screen.takeChange();
    const shown = this.pendingShown;
    const isShown = this.pending.length > 0 && this.state === TEXT && this.screen.isAtEnd();
    this.pendingShown = isShown ? 1 : 0;
    return {
      replacedChars: replacedChars + shown,
      text: isShown ? text + REPLACEMENT : text,
      spans,
    };
  }

  private writeBlock(
    bytes: Buffer,
    words: Int32Array,
    lead: number,
    start: number,
    end: number,
  ): void {
    let at = start;
    const lineEnd = end - start < BULK ? -1 : bytes.indexOf(LINE_FEED, start);
    if (lineEnd >= 0 && lineEnd < end) {
      this.writeText(bytes, words, lead, start, lineEnd + 1);
      at = this.writeBulk(bytes, lineEnd + 1, end);
    }
    this.writeText(bytes, words, lead, at, end);
    this.screen.compact();
  }

  /**
   * Takes lines that only have styles, but for the last screenful, without making rows of them.
   * Returns where to go on. `start` is a line's.
   */
  private writeBulk(bytes: Buffer, start: number, end: number): number {
    if (this.state !== TEXT || !this.screen.isAtFreshLine()) return start;
    const styledEnd = nextUnstyled(bytes, start, end);
    let stop = styledEnd;
    for (let row = 0; row < SCREEN_ROWS; row++) {
      stop = stop <= start ? -1 : bytes.lastIndexOf(LINE_FEED, stop - 1);
      if (stop < start) return start;
    }
    stop++;
    const part = bytes.subarray(start, stop);
    // Text without styles has a way that is shorter still.
    if (!part.includes(ESCAPE) || !isUtf8(part)) return start;
    this.takeStyled(bytes, start, stop);
    return stop;
  }

  /** Takes text and SGR sequences as they are. */
  private takeStyled(bytes: Buffer, start: number, end: number): void {
    const scratch = Buffer.allocUnsafe(end - start);
    const { screen } = this;
    screen.beginLines();
    let style = this.style.current();
    let length = 0;
    /** How many UTF-16 units fewer than bytes there were. */
    let less = 0;
    let spanStart = 0;
    for (let at = start; at < end;) {
      let byte = bytes[at] ?? 0;
      while (byte >= 0x20 && byte < 0x80) {
        scratch[length++] = byte;
        byte = bytes[++at] ?? 0;
      }
      if (byte === ESCAPE) {
        at = this.styleSequence(bytes, at, end);
        const next = this.style.current();
        if (next === style) continue;
        const units = length - less;
        if (style !== undefined && units > spanStart) screen.addLineSpan(spanStart, units, style);
        style = next;
        spanStart = units;
        continue;
      }
      at++;
      if (byte === CARRIAGE_RETURN) continue;
      scratch[length++] = byte;
      if (byte === LINE_FEED) {
        const units = length - less;
        if (style !== undefined && units - 1 > spanStart) {
          screen.addLineSpan(spanStart, units - 1, style);
        }
        spanStart = units;
      } else if (byte < 0xc0) less++;
      else if (byte >= 0xf0) less--;
    }
    screen.endLines(scratch.toString(less === 0 ? 'latin1' : 'utf8', 0, length));
  }

  /** Most have one number. */
  private styleSequence(bytes: Buffer, start: number, end: number): number {
    let value = 0;
    for (let at = start + 2; at < start + 6; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === FINAL_M) {
        if (!this.style.applyOne(value)) break;
        return at + 1;
      }
      if (byte < 0x30 || byte > 0x39) break;
      value = value * 10 + byte - 0x30;
    }
    this.startControlSequence();
    return this.controlSequence(bytes, start + 2, end);
  }

  private writeText(
    bytes: Buffer,
    words: Int32Array,
    lead: number,
    start: number,
    end: number,
  ): void {
    const text = bytes.toString('utf8', start, end);
    // As many units as bytes: each byte is one unit, and a part can be cut out of the string.
    const isDirect = text.length === end - start;
    let at = start;
    while (at < end) {
      if (this.state !== TEXT) {
        at = this.sequence(bytes, at, end);
        continue;
      }
      const stop = nextSpecial(bytes, words, lead, at, end);
      if (stop > at) {
        let run = text;
        if (isDirect) run = text.slice(at - start, stop - start);
        else if (stop - at < end - start) run = bytes.toString('utf8', at, stop);
        this.screen.print(run, this.style.current());
      }
      at = stop < end ? this.special(bytes, stop, end) : stop;
    }
  }

  /** Handles what `nextSpecial` found; returns where to go on. */
  private special(bytes: Buffer, at: number, end: number): number {
    const byte = bytes[at] ?? 0;
    if (byte === ESCAPE && at + 1 < end && bytes[at + 1] === BRACKET) {
      // By far the most common one goes the short way.
      this.startControlSequence();
      return this.controlSequence(bytes, at + 2, end);
    }
    if (byte === 0xc2) return at + 2;
    if (byte === 0xe2) {
      this.screen.print(REPLACEMENT, this.style.current());
      return at + 3;
    }
    if (byte === ESCAPE) this.state = IN_ESCAPE;
    // Before a line feed it changes nothing, and most come so.
    else if (byte !== CARRIAGE_RETURN || bytes[at + 1] !== LINE_FEED) this.control(byte);
    return at + 1;
  }

  private control(byte: number): void {
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

  /** Goes on with an escape sequence; returns where. States as in DEC's VT500 parser. */
  private sequence(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.state === IN_CSI) at = this.controlSequence(bytes, at, end);
      else if (this.state === IN_OSC || this.state === IN_STRING) {
        at = this.controlString(bytes, at, end);
      } else if (this.state === TEXT) return at;
      else {
        const byte = bytes[at] ?? 0;
        // Not part of any sequence: what follows is text.
        if (byte >= 0x80) this.state = TEXT;
        else {
          at++;
          if (byte < 0x20) this.controlInSequence(byte);
          else if (byte !== DELETE) this.sequenceByte(byte);
        }
      }
    }
    return at;
  }

  private controlInSequence(byte: number): void {
    if (byte === ESCAPE) this.state = IN_ESCAPE;
    else if (byte === CANCEL || byte === SUBSTITUTE) this.state = TEXT;
    else this.control(byte);
  }

  private sequenceByte(byte: number): void {
    if (this.state === IN_IGNORED) {
      if (byte >= 0x40) this.state = TEXT;
    } else if (byte < 0x30) {
      this.state = IN_INTERMEDIATE;
    } else if (this.state === IN_INTERMEDIATE) {
      this.state = TEXT;
    } else {
      this.escapeByte(byte);
    }
  }

  private startControlSequence(): void {
    this.state = IN_CSI;
    this.parameters.count = 0;
    this.marker = 0;
    this.hasIntermediate = false;
  }

  private escapeByte(byte: number): void {
    if (byte === BRACKET) {
      this.startControlSequence();
      return;
    }
    this.state = TEXT;
    switch (String.fromCharCode(byte)) {
      case ']':
        this.state = IN_OSC;
        this.string = [];
        this.stringLength = 0;
        break;
      case 'P':
      case 'X':
      case '^':
      case '_':
        this.state = IN_STRING;
        this.stringLength = 0;
        break;
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

  /** Reads parameters up to the final byte. */
  private controlSequence(bytes: Buffer, start: number, end: number): number {
    const { parameters } = this;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte >= 0x30 && byte <= 0x39) {
        if (this.hasIntermediate) this.state = IN_IGNORED;
        else this.addDigit(byte - 0x30);
      } else if (byte >= 0x80) {
        this.state = TEXT;
        return at;
      } else if (byte < 0x20) {
        this.controlInSequence(byte);
      } else if (byte === DELETE) {
        continue;
      } else if (byte >= 0x40) {
        this.state = TEXT;
        if (!this.hasIntermediate) this.dispatch(byte);
      } else if (byte < 0x30) {
        this.hasIntermediate = true;
      } else if (this.hasIntermediate) {
        this.state = IN_IGNORED;
      } else if (byte <= 0x3b) {
        // A separator; one that comes first follows a parameter that was left out.
        if (parameters.count === 0) this.addParameter(0);
        this.addParameter(byte === 0x3a ? 1 : 0);
      } else if (parameters.count === 0 && this.marker === 0) {
        this.marker = byte;
      } else {
        this.state = IN_IGNORED;
      }
      if (this.state !== IN_CSI) return at + 1;
    }
    return end;
  }

  private addDigit(digit: number): void {
    const { parameters } = this;
    if (parameters.count === 0) this.addParameter(0);
    const last = parameters.count - 1;
    const value = Math.max(0, parameters.values[last] ?? 0);
    parameters.values[last] = Math.min(value * 10 + digit, PARAMETER_MAX);
  }

  /** Those beyond the limit are counted, so that their digits go nowhere. */
  private addParameter(joined: number): void {
    const { parameters } = this;
    if (parameters.count < PARAMETERS_LIMIT) {
      parameters.values[parameters.count] = -1;
      parameters.joined[parameters.count] = joined;
    }
    parameters.count = Math.min(parameters.count + 1, PARAMETERS_LIMIT + 1);
  }

  private dispatch(final: number): void {
    const { screen, parameters } = this;
    parameters.count = Math.min(parameters.count, PARAMETERS_LIMIT);
    const letter = String.fromCharCode(final);
    if (letter === 'm') {
      if (this.marker === 0) this.style.apply(parameters);
      return;
    }
    if (this.marker !== 0 && !(this.marker === 0x3f && (letter === 'J' || letter === 'K'))) return;
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
    this.savedStyle = this.style.save();
  }

  private restore(): void {
    this.screen.restore();
    this.style.restore(this.savedStyle);
  }

  /** Skips a control string up to its end; of OSC the start is kept, as it may be a link. */
  private controlString(bytes: Buffer, start: number, end: number): number {
    const isOsc = this.state === IN_OSC;
    const limit = Math.min(end, start + STRING_LIMIT - this.stringLength);
    let at = start;
    let byte = 0;
    while (at < limit) {
      byte = bytes[at] ?? 0;
      if (byte === ESCAPE || byte === CANCEL || byte === SUBSTITUTE) break;
      if (byte === BEL && isOsc) break;
      at++;
    }
    if (isOsc && this.stringLength <= LINK_LIMIT) {
      const kept = Math.min(at, start + LINK_LIMIT + 1 - this.stringLength);
      this.string.push(Buffer.from(bytes.subarray(start, kept)));
    }
    this.stringLength += at - start;
    if (at === end && this.stringLength < STRING_LIMIT) return at;
    this.state = TEXT;
    if (at === limit) return at;
    if (byte === ESCAPE) this.state = IN_ESCAPE;
    if (isOsc && (byte === ESCAPE || byte === BEL)) this.endOsc();
    return at + 1;
  }

  private endOsc(): void {
    const string = Buffer.concat(this.string);
    this.string = [];
    if (string[0] !== 0x38 || string[1] !== 0x3b) return;
    // OSC 8 ; parameters ; target: an empty target ends the link.
    const text = string.toString('utf8').replace(UNSAFE_IN_LINK, '');
    const separator = text.indexOf(';', 2);
    if (separator < 0) return;
    const target = text.slice(separator + 1);
    const isLink = target !== '' && string.length <= LINK_LIMIT;
    this.style.setLink(isLink ? target : undefined);
  }
}

/** Control characters, and those that reorder the text shown. */
// eslint-disable-next-line no-control-regex
const UNSAFE_IN_LINK = /[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

const ORDINARY = 0;
const SPECIAL = 1;
/** The first byte of characters of which some are special. */
const MAYBE_SPECIAL = 2;

const BYTE_KINDS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if ((byte < 0x20 && byte !== LINE_FEED) || byte === DELETE) return SPECIAL;
  return byte === 0xc2 || byte === 0xe2 ? MAYBE_SPECIAL : ORDINARY;
});

/** Where the next byte is that is not simply text or a line feed; `end` if there is none. */
function nextSpecial(
  bytes: Buffer,
  words: Int32Array,
  lead: number,
  start: number,
  end: number,
): number {
  let at = start;
  while (at < end) {
    if (((at - lead) & 3) === 0) {
      // Four bytes at once: none below 0x20, none from 0x7f on.
      let word = (at - lead) >> 2;
      const lastWord = (end - lead) >> 2;
      while (word < lastWord) {
        const four = words[word] ?? 0;
        if ((((four - 0x20202020) & ~four) | (four + 0x01010101) | four) & 0x80808080) break;
        word++;
      }
      at = (word << 2) + lead;
      if (at >= end) return end;
    }
    const stop = Math.min(end, at + 4 - ((at - lead) & 3));
    for (; at < stop; at++) {
      const kind = BYTE_KINDS[bytes[at] ?? 0];
      if (kind === SPECIAL || (kind === MAYBE_SPECIAL && isSpecialCharacter(bytes, at))) return at;
    }
  }
  return end;
}

/** Where the first thing is that is neither text nor the end of a line nor an SGR sequence. */
function nextUnstyled(bytes: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    const kind = BYTE_KINDS[byte];
    if (kind === ORDINARY) continue;
    if (kind === MAYBE_SPECIAL) {
      if (isSpecialCharacter(bytes, at)) return at;
    } else if (byte === ESCAPE) {
      if (bytes[at + 1] !== BRACKET) return at;
      let final = at + 2;
      while (final < end && (bytes[final] ?? 0) >= 0x30 && (bytes[final] ?? 0) <= 0x3b) final++;
      if (final >= end || bytes[final] !== FINAL_M) return at;
      at = final;
    } else if (byte !== CARRIAGE_RETURN || bytes[at + 1] !== LINE_FEED) return at;
  }
  return end;
}

/** C1 controls (C2 80 to C2 9F), U+2028 to 202E (E2 80 A8 to AE), U+2066 to 2069 (E2 81 A6 to A9). */
function isSpecialCharacter(bytes: Buffer, at: number): boolean {
  const second = bytes[at + 1] ?? 0;
  if (bytes[at] === 0xc2) return second >= 0x80 && second <= 0x9f;
  const third = bytes[at + 2] ?? 0;
  if (second === 0x80) return third >= 0xa8 && third <= 0xae;
  return second === 0x81 && third >= 0xa6 && third <= 0xa9;
}
