import { ReplayPen } from './replayPen.ts';

/** What the filter is in the middle of. */
type State =
  'text' | 'escape' | 'charset' | 'control' | 'osc' | 'oscEscape' | 'string' | 'stringEscape';

/** Longer parameters are nobody's. */
const longestControl = 64;
const longestSgr = 512;
const longestLink = 2048;
const endOfLink = '\x1b]8;;\x1b\\';
/** A count of more digits makes a terminal do the same thing for ever. */
const countDigits = 4;

/**
 * What takes a terminal long is paid for with the stream's characters, and what finds too few of them
 * does nothing: with `ESC [ 9999 S` alone, a kilobyte would keep it busy for seconds. By their last
 * character: lines that are scrolled, inserted or deleted, characters and tab stops, a reset.
 */
const prices: Readonly<Record<string, number>> = {
  L: 1,
  M: 1,
  S: 1,
  T: 1,
  I: 1 / 32,
  Z: 1 / 32,
  b: 1 / 32,
  c: 32,
};
const creditAtStart = 32 * 1024;

/** Final characters of control sequences that move, erase, insert, scroll or set a colour. */
const controls = new Set('@ABCDEFGHIJKLMPSTXZ`abdefgmrsu');
/** Of those, the ones that mean no question or setting with a `?` before them. */
const privateControls = new Set('JK');

/** Private modes that change the picture only: origin, wrap, cursor, the second screen. */
const pictureModes = new Set(['6', '7', '25', '47', '1047', '1048', '1049']);
/** Insertion and line feed mode. */
const ansiModes = new Set(['4', '20']);

/** Escape sequences of one character: save, restore, index, next line, tab stop, reverse, reset. */
const escapes = new Set('78DEHMc');

/** Controls that a terminal shows, and that do nothing else; the bell and ENQ are not among them. */
const shownControls = new Set('\b\t\n\v\f\r\x0e\x0f');

/** C1 controls as their sequences of seven bits. */
const sevenBit: Readonly<Record<string, string>> = {
  '\x84': 'D',
  '\x85': 'E',
  '\x88': 'H',
  '\x8d': 'M',
  '\x90': 'P',
  '\x98': 'X',
  '\x9b': '[',
  '\x9c': '\\',
  '\x9d': ']',
  '\x9e': '^',
  '\x9f': '_',
};

export interface ReplayFilterOptions {
  /** A line feed also returns to the first column: the bytes are no terminal's. */
  readonly returnsAtLineFeed: boolean;
}

/**
 * Lets through, of a terminal's stream, what makes the picture: text, colours, cursor, erasing, the
 * second screen, links to the web. What a terminal would answer (DA, DSR, colour and status
 * questions), act on (title, clipboard, bell, shell integration) or send the keyboard's and mouse's
 * input differently for is left out, and what is not known is. Any chunking gives the same.
 */
export class ReplayFilter {
  private readonly returnsAtLineFeed: boolean;
  private readonly decoder = new TextDecoder();
  private readonly written = new ReplayPen();
  private state: State = 'text';
  /** What was read of a sequence. */
  private pending = '';
  private credit = creditAtStart;

  constructor({ returnsAtLineFeed }: ReplayFilterOptions) {
    this.returnsAtLineFeed = returnsAtLineFeed;
  }

  /** Gives a terminal that has none the colours and the link of the text that comes next. */
  get pen(): string {
    return this.written.sequences;
  }

  /** The text that a terminal may have. */
  write(bytes: Uint8Array): string {
    const text = this.decoder.decode(bytes, { stream: true });
    let out = '';
    let plain = 0;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (this.state === 'text' && code >= 0x20 && (code < 0x7f || code > 0x9f)) continue;
      if (this.state === 'text') out += text.slice(plain, at);
      this.credit += at + 1 - plain;
      out += this.read(text.charAt(at), code);
      plain = at + 1;
    }
    this.credit += text.length - plain;
    return this.state === 'text' ? out + text.slice(plain) : out;
  }

  private read(character: string, code: number): string {
    if (code === 0x18 || code === 0x1a) return this.leave();
    switch (this.state) {
      case 'osc':
      case 'oscEscape':
        return this.readOsc(character, code);
      case 'string':
      case 'stringEscape':
        return this.readString(character, code);
      case 'text':
      case 'escape':
      case 'charset':
      case 'control':
        if (code === 0x1b) return this.enter('escape');
        if (code < 0x20) return this.control(character);
        if (code === 0x7f) return '';
        if (code >= 0x80 && code <= 0x9f) return this.readC1(character);
        return this.readSequence(character);
    }
  }

  private readSequence(character: string): string {
    if (this.state === 'escape') return this.readEscape(character);
    if (this.state === 'control') return this.readControl(character);
    return this.leave(/[0-9A-Z]/.test(character) ? `\x1b${this.pending}${character}` : '');
  }

  private readC1(character: string): string {
    this.enter('escape');
    const escape = sevenBit[character];
    return escape === undefined ? this.leave() : this.readEscape(escape);
  }

  private readEscape(character: string): string {
    switch (character) {
      case '[':
        return this.enter('control');
      case ']':
        return this.enter('osc');
      case 'P':
      case 'X':
      case '^':
      case '_':
        return this.enter('string');
      case '(':
      case ')':
      case '*':
      case '+':
        this.enter('charset');
        this.pending = character;
        return '';
      default:
        // Intermediates (of `ESC # 8`, `ESC % G`) are read on to their final character.
        if (character >= ' ' && character <= '/') return '';
        return this.leave(escapes.has(character) ? `\x1b${character}` : '');
    }
  }

  private readControl(character: string): string {
    if (character < '@' || character > '~') {
      // Too long a sequence is read to its end all the same.
      if (this.pending.length <= longestSgr) this.pending += character;
      return '';
    }
    return this.leave(controlSequence(this.pending, character));
  }

  private readOsc(character: string, code: number): string {
    if (this.state === 'oscEscape') {
      if (character === '\\') return this.leave(link(this.pending));
      // As in a terminal, any other escape sequence ends this one too, and begins.
      this.enter('escape');
      return this.read(character, code);
    }
    if (code === 0x07 || code === 0x9c) return this.leave(link(this.pending));
    if (code === 0x1b) this.state = 'oscEscape';
    else if (this.pending.length <= longestLink) this.pending += character;
    return '';
  }

  private readString(character: string, code: number): string {
    if (this.state === 'stringEscape') {
      if (character === '\\') return this.leave();
      this.enter('escape');
      return this.read(character, code);
    }
    if (code === 0x9c) return this.leave();
    if (code === 0x1b) this.state = 'stringEscape';
    return '';
  }

  private control(character: string): string {
    if (!shownControls.has(character)) return '';
    return character === '\n' && this.returnsAtLineFeed ? '\r\n' : character;
  }

  private enter(state: State): string {
    this.state = state;
    this.pending = '';
    return '';
  }

  private leave(sequence = ''): string {
    this.enter('text');
    const price = priceOf(sequence);
    if (price > this.credit) return '';
    this.credit -= price;
    this.written.take(sequence);
    return sequence;
  }
}

function priceOf(sequence: string): number {
  const price = prices[sequence.charAt(sequence.length - 1)];
  return price === undefined ? 0 : price * (Number.parseInt(sequence.slice(2), 10) || 1);
}

/** A control sequence as a terminal may have it; empty where it may not. */
function controlSequence(parameters: string, final: string): string {
  const sequence = `\x1b[${parameters}${final}`;
  if (parameters === '!' && final === 'p') return sequence;
  if (final === 'h' || final === 'l') return modeSequence(parameters, final);
  if (!controls.has(final)) return '';
  if (final === 'm') {
    return parameters.length <= longestSgr && /^[\d;:]*$/.test(parameters) ? sequence : '';
  }
  if (parameters.length > longestControl) return '';
  const isPrivate = parameters.startsWith('?');
  if (isPrivate && !privateControls.has(final)) return '';
  const numbers = (isPrivate ? parameters.slice(1) : parameters).split(';');
  const isCount = (number: string): boolean => /^\d*$/.test(number) && number.length <= countDigits;
  return numbers.every(isCount) ? sequence : '';
}

function modeSequence(parameters: string, final: string): string {
  const isPrivate = parameters.startsWith('?');
  const known = isPrivate ? pictureModes : ansiModes;
  const modes = (isPrivate ? parameters.slice(1) : parameters)
    .split(';')
    .filter((mode) => known.has(mode));
  return modes.length === 0 ? '' : `\x1b[${isPrivate ? '?' : ''}${modes.join(';')}${final}`;
}

/** OSC 8: a link to the web, or the end of one, which any other link is. Empty for every other OSC. */
function link(pending: string): string {
  if (!/^8;[^;]*;/.test(pending)) return '';
  const [, id = '', target = ''] =
    /^8;((?:id=[\w.-]{1,64})?)[^;]*;(https?:\/\/[\x21-\x7e]*)$/i.exec(pending) ?? [];
  return pending.length > longestLink ? endOfLink : `\x1b]8;${id};${target}\x1b\\`;
}
