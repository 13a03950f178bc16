import { Parameters } from './parameters.ts';

/** A control string (OSC, DCS …) that is longer has lost its end: what follows is text again. */
const STRING_LIMIT = 1024 * 1024;
/** Of an OSC no more is kept. */
export const COMMAND_LIMIT = 4096;

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
const CANCEL = 0x18;
const SUBSTITUTE = 0x1a;
const ESCAPE = 0x1b;
const BRACKET = 0x5b;
const DELETE = 0x7f;

/** Does what a stream's controls and sequences say. */
export interface ControlHandler {
  /** A C0 control character. */
  control(byte: number): void;
  /** ESC with a letter. */
  escape(letter: string): void;
  /** CSI with a letter; `marker` is a private one (`?`, `>` …) or 0. */
  sequence(letter: string, marker: number, parameters: Parameters): void;
  /** The content of an OSC, of a longer one than `COMMAND_LIMIT` one byte more than that. */
  command(content: Buffer): void;
}

/** Parses escape sequences, with the states of DEC's VT500 parser. */
export class ControlParser {
  private readonly handler: ControlHandler;
  private state = TEXT;
  private readonly parameters = new Parameters();
  private marker = 0;
  private hasIntermediate = false;
  private stringLength = 0;
  /** The start of an OSC that writes have cut. */
  private string: Buffer[] = [];

  constructor(handler: ControlHandler) {
    this.handler = handler;
  }

  /** Whether what comes next is text, or else goes to `parse`. */
  get isInText(): boolean {
    return this.state === TEXT;
  }

  /** Takes a control character or the start of a sequence, and of that as much as is there. */
  start(bytes: Buffer, at: number, end: number): number {
    const byte = bytes[at] ?? 0;
    if (byte !== ESCAPE) {
      this.handler.control(byte);
      return at + 1;
    }
    if (at + 1 < end && bytes[at + 1] === BRACKET) {
      // By far the most common one goes the short way.
      this.startSequence();
      return this.controlSequence(bytes, at + 2, end);
    }
    this.state = IN_ESCAPE;
    return this.parse(bytes, at + 1, end);
  }

  /** Goes on with a sequence; returns where it ends. */
  parse(bytes: Buffer, start: number, end: number): number {
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
    else this.handler.control(byte);
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

  private escapeByte(byte: number): void {
    const letter = String.fromCharCode(byte);
    switch (letter) {
      case '[':
        this.startSequence();
        break;
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
      default:
        this.state = TEXT;
        this.handler.escape(letter);
    }
  }

  private startSequence(): void {
    this.state = IN_CSI;
    this.parameters.clear();
    this.marker = 0;
    this.hasIntermediate = false;
  }

  /** Reads parameters up to the final byte. */
  private controlSequence(bytes: Buffer, start: number, end: number): number {
    const { parameters } = this;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte >= 0x30 && byte <= 0x3b) {
        if (this.hasIntermediate) this.state = IN_IGNORED;
        else parameters.take(byte);
      } else if (byte >= 0x80) {
        this.state = TEXT;
        return at;
      } else if (byte < 0x20) {
        this.controlInSequence(byte);
      } else if (byte === DELETE) {
        continue;
      } else if (byte >= 0x40) {
        this.state = TEXT;
        if (!this.hasIntermediate) {
          this.handler.sequence(String.fromCharCode(byte), this.marker, parameters);
        }
      } else if (byte < 0x30) {
        this.hasIntermediate = true;
      } else if (parameters.count === 0 && this.marker === 0 && !this.hasIntermediate) {
        this.marker = byte;
      } else {
        this.state = IN_IGNORED;
      }
      if (this.state !== IN_CSI) return at + 1;
    }
    return end;
  }

  /** Skips a control string up to its end; of an OSC the start is kept. */
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
    const room = COMMAND_LIMIT + 1 - this.stringLength;
    const kept = bytes.subarray(start, Math.min(at, start + Math.max(0, room)));
    this.stringLength += at - start;
    if (at === end && this.stringLength < STRING_LIMIT) {
      if (isOsc && kept.length > 0) this.string.push(Buffer.from(kept));
      return at;
    }
    this.state = TEXT;
    const string = this.string;
    this.string = [];
    if (at === limit) return at;
    if (byte === ESCAPE) this.state = IN_ESCAPE;
    if (isOsc && (byte === ESCAPE || byte === BEL)) {
      this.handler.command(string.length === 0 ? kept : Buffer.concat([...string, kept]));
    }
    return at + 1;
  }
}
