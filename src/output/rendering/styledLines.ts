import { isUtf8 } from 'node:buffer';
import { LINE_NUMBERS, type LineSpans } from './packedSpans.ts';
import { Parameters } from './parameters.ts';
import { SAVED_NUMBERS, STYLE_SLOTS, type StyleState } from './sgr.ts';
import type { LinkedStyle } from './style.ts';
import { isSpecial, oddBytes } from './textScan.ts';

/** Bytes that are read at once, at most. */
const LONGEST = 512 * 1024;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const ESCAPE = 0x1b;
const BRACKET = 0x5b;
const FINAL_M = 0x6d;

/** Behind something else it is not tried again for so many bytes. */
const PAUSE = 256;

/** `[` and `m` around two bytes. */
const AROUND_TWO = 0xff0000ff | 0;
const AROUND_TWO_DIGITS = 0x6d00005b;

/** Of the place behind a line: where it is in the bytes and in the text, the spans before it, and the style. */
const MARK = 3 + SAVED_NUMBERS;

/** Lines that have nothing but text and styles. */
export interface StyledLines {
  /** Behind the last of them. */
  readonly end: number;
  readonly text: string;
  readonly spans: LineSpans;
}

/** Reads the lines of some bytes that have nothing but text and SGR sequences, without a screen. */
export class StyledLineReader {
  private readonly bytes: Buffer;
  private readonly view: DataView;
  private readonly end: number;
  private readonly style: StyleState;
  /** Line ends that are left to others, and one. */
  private readonly marked: number;
  private readonly marks: Int32Array;
  private readonly parameters = new Parameters();
  private readonly saved = new Int32Array(SAVED_NUMBERS);
  /** Where the style of a slot is among those of the lines, if that is still the one. */
  private readonly placeInSlot = new Int32Array(STYLE_SLOTS);
  private text: Buffer | undefined;
  private spans = new Uint32Array(1024 * LINE_NUMBERS);
  /** Before this it is not worth looking again. */
  private looked = 0;

  /** The last `left` line ends before something else comes are left to others. */
  constructor(bytes: Buffer, view: DataView, end: number, style: StyleState, left: number) {
    this.bytes = bytes;
    this.view = view;
    this.end = end;
    this.style = style;
    this.marked = left + 1;
    this.marks = new Int32Array(this.marked * MARK);
  }

  /** The lines from a line's start on; absent where there are too few. The style becomes that behind them. */
  read(start: number): StyledLines | undefined {
    if (start < this.looked) return undefined;
    const { bytes, view, style, parameters, placeInSlot, marks, marked } = this;
    const end = Math.min(this.end, start + LONGEST);
    const text = (this.text ??= Buffer.allocUnsafe(end - start + 4));
    const textView = new DataView(text.buffer, text.byteOffset, text.byteLength);
    const styles: LinkedStyle[] = [];
    let { spans } = this;
    let spanNumbers = 0;
    let lines = 0;
    let length = 0;
    /** How many UTF-16 units fewer than bytes there were. */
    let less = 0;
    let spanStart = 0;
    style.save(this.saved);
    let current = style.current();
    let place = current === undefined ? 0 : styles.push(current);

    const wordsEnd = end - 3;
    let at = start;
    while (at < end) {
      while (at < wordsEnd) {
        const four = view.getInt32(at, true);
        textView.setInt32(length, four, true);
        const odd = oddBytes(four);
        if (odd !== 0) {
          const printable = (31 - Math.clz32(odd & -odd)) >> 3;
          at += printable;
          length += printable;
          break;
        }
        at += 4;
        length += 4;
      }
      if (at === end) break;
      const byte = bytes[at] ?? 0;
      if (byte === ESCAPE) {
        const after = readStyle(bytes, view, at, end, style, parameters);
        if (after < 0) break;
        at = after;
        const next = style.current();
        if (next === current) continue;
        const units = length - less;
        if (place > 0 && units > spanStart) {
          if (spanNumbers === spans.length) spans = this.spans = grown(spans);
          spanNumbers = addSpan(spans, spanNumbers, spanStart, units, place - 1);
        }
        spanStart = units;
        current = next;
        place = 0;
        if (next !== undefined) {
          place = placeInSlot[style.slot] ?? 0;
          if (styles[place - 1] !== next) place = placeInSlot[style.slot] = styles.push(next);
        }
      } else if (byte === LINE_FEED) {
        const units = length - less;
        if (place > 0 && units > spanStart) {
          if (spanNumbers === spans.length) spans = this.spans = grown(spans);
          spanNumbers = addSpan(spans, spanNumbers, spanStart, units, place - 1);
        }
        spanStart = units + 1;
        at++;
        text[length++] = LINE_FEED;
        const mark = (lines++ % marked) * MARK;
        marks[mark] = at;
        marks[mark + 1] = length;
        marks[mark + 2] = spanNumbers;
        style.save(marks, mark + 3);
      } else if (byte === CARRIAGE_RETURN && bytes[at + 1] === LINE_FEED) {
        at++;
      } else if (isSpecial(bytes, at)) {
        break;
      } else {
        if (byte >= 0x80 && byte < 0xc0) less++;
        else if (byte >= 0xf0) less--;
        at++;
        text[length++] = byte;
      }
    }
    this.looked = at + PAUSE;
    // The oldest mark that is there.
    const mark = (lines % marked) * MARK;
    const stop = lines < marked ? start : (marks[mark] ?? 0);
    if (stop === start || !isUtf8(bytes.subarray(start, stop))) {
      style.restore(this.saved);
      return undefined;
    }
    style.restore(marks, mark + 3);
    return {
      end: stop,
      text: text.toString(less === 0 ? 'latin1' : 'utf8', 0, marks[mark + 1]),
      spans: { numbers: spans.subarray(0, marks[mark + 2]), styles },
    };
  }
}

/** Applies an SGR sequence and returns its end; -1 where there is something else, or no end. */
function readStyle(
  bytes: Buffer,
  view: DataView,
  start: number,
  end: number,
  style: StyleState,
  parameters: Parameters,
): number {
  if (start + 5 <= end) {
    // Most have one number, of two digits.
    const four = view.getInt32(start + 1, true);
    const tens = ((four >> 8) & 0xff) - 0x30;
    const ones = ((four >> 16) & 0xff) - 0x30;
    if (
      (four & AROUND_TWO) === AROUND_TWO_DIGITS &&
      tens >= 0 &&
      tens <= 9 &&
      ones >= 0 &&
      ones <= 9 &&
      style.applyOne(10 * tens + ones)
    ) {
      return start + 5;
    }
  }
  if (bytes[start + 1] !== BRACKET) return -1;
  parameters.clear();
  for (let at = start + 2; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === FINAL_M) {
      style.apply(parameters);
      return at + 1;
    }
    if (byte < 0x30 || byte > 0x3b) return -1;
    parameters.take(byte);
  }
  return -1;
}

function addSpan(
  spans: Uint32Array,
  at: number,
  start: number,
  end: number,
  style: number,
): number {
  spans[at] = start;
  spans[at + 1] = end;
  spans[at + 2] = style;
  return at + 3;
}

function grown(numbers: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(4 * numbers.length);
  larger.set(numbers);
  return larger;
}
