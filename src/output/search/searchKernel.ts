/**
 * The inner loops of the search, in WebAssembly: 16 bytes a step, which no loop and no `indexOf`
 * reaches from JavaScript (those are slow wherever the first byte looked for is a frequent one).
 * The module is put together here by hand; the comments beside the instructions are its source.
 */
export interface SearchKernel {
  /** The memory that all positions are in. */
  readonly memory: Buffer;
  /** Sets what `find` looks for: at most 4 KiB. */
  readonly setNeedle: (needle: Needle) => void;
  /** The position of the needle's first occurrence within `[at, end)`, or -1. */
  readonly find: (at: number, end: number) => number;
  /**
   * The first position in `[at, end)` of a character below 0x20 that is not a tab, a line feed or a
   * carriage return before a line feed; or -1. The byte at `end` is looked at too.
   */
  readonly findControl: (at: number, end: number) => number;
  /** How many line feeds there are in `[at, end)`. */
  readonly countLines: (at: number, end: number) => number;
  /** Both in one pass: the line feeds, or -1 where `findControl` finds something. */
  readonly countPlainLines: (at: number, end: number) => number;
}

/** Bytes to look for. */
export interface Needle {
  readonly bytes: Uint8Array;
  /** ASCII letters match in either case. */
  readonly ignoreCase: boolean;
}

export const needleLimit = 4096;

/** The first position that is free for text; the needle lies below. */
export const textStart = 64 * 1024;

/** Loads reach this far behind the end of what is searched. */
const slack = 64;
const foldAt = needleLimit;
const page = 64 * 1024;

/** A kernel with room for `capacity` bytes of text from `textStart` on. */
export function createSearchKernel(capacity: number): SearchKernel {
  const pages = Math.ceil((textStart + capacity + needleLimit + slack) / page);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes(pages)));
  const { memory, find, findControl, countLines, countPlain } = exports as KernelExports;
  const bytes = Buffer.from(memory.buffer);
  let length = 0;
  let first = 0;
  let second = 0;
  return {
    memory: bytes,
    setNeedle: (needle) => {
      length = needle.bytes.length;
      for (const [at, byte] of needle.bytes.entries()) {
        const fold = needle.ignoreCase && isLetter(byte) ? 0x20 : 0;
        bytes[at] = byte | fold;
        bytes[foldAt + at] = fold;
      }
      [first, second] = rarestTwo(needle.bytes);
    },
    find: (at, end) => find(at, end, length, first, second),
    findControl,
    countLines,
    countPlainLines: (at, end) => {
      const whole = at + Math.floor((end - at) / plainStep) * plainStep;
      const lines = countPlain(at, whole);
      if (lines < 0 || findControl(whole, end) >= 0) return -1;
      return lines + countLines(whole, end);
    },
  };
}

/** The part of the global that is used here: Node has it, its types do not. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly find: (at: number, end: number, length: number, first: number, second: number) => number;
  readonly findControl: (at: number, end: number) => number;
  readonly countLines: (at: number, end: number) => number;
  /** As `countPlainLines`, of whole steps. */
  readonly countPlain: (at: number, end: number) => number;
}

const plainStep = 32;

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

/** From frequent to rare in logs; what is not in it is rarer. */
const frequent = Buffer.from(' etaoinsrldcupmhg0/1.-:2fb_3,45vy678w9k=)("\'TjxEqzS[]I{}AC');

/** Where the needle's two rarest bytes are: only where both fit is the rest compared. */
function rarestTwo(needle: Uint8Array): [number, number] {
  const commonness = (at: number): number => {
    const rank = frequent.indexOf(needle[at] ?? 0);
    return rank < 0 ? frequent.length : rank;
  };
  const byRarity = [...needle.keys()].sort((a, b) => commonness(b) - commonness(a));
  const first = byRarity[0] ?? 0;
  const other = byRarity.find((at) => needle[at] !== needle[first]) ?? byRarity.at(-1) ?? first;
  return [first, other];
}

const i32 = 0x7f;
const v128 = 0x7b;

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];
const constant = (value: number): number[] => [0x41, ...signed(value)];
const simd = (...opcode: number[]): number[] => [0xfd, ...opcode];

const loop = [0x03, 0x40];
const when = [0x04, 0x40];
const end = [0x0b];
const leave = [0x0f];
const again = (depth: number): number[] => [0x0c, depth];
const againIf = (depth: number): number[] => [0x0d, depth];

const call = (index: number): number[] => [0x10, index];
const eqz = [0x45];
const equal = [0x46];
const greater = [0x4a];
const greaterOrEqual = [0x4e];
const trailingZeros = [0x68];
const ones = [0x69];
const add = [0x6a];
const subtract = [0x6b];
const and = [0x71];
const or = [0x72];
const shiftLeft = [0x74];
const loadByte = (offset = 0): number[] => [0x2d, 0, ...unsigned(offset)];

const loadVector = (offset = 0): number[] => simd(0x00, 0, ...unsigned(offset));
const vectorConstant = (bytes: readonly number[]): number[] => simd(0x0c, ...bytes);
const swizzle = simd(0x0e);
const splat = simd(0x0f);
const equalBytes = simd(0x23);
const lessBytes = simd(0x26);
const andVector = simd(0x4e);
const andNotVector = simd(0x4f);
const orVector = simd(0x50);
const anyTrue = simd(0x53);
const toBits = simd(0x64);
const splatOf = (byte: number): number[] => [...constant(byte), ...splat];

const isByte = (byte: number): number[] => [...splatOf(byte), ...equalBytes];

/** find(at 0, end 1, length 2, first 3, second 4): bits 5, position 6, index 7; vectors 8 to 11 */
// prettier-ignore
const findBody = [
  // end = the last position at which the needle fits
  ...get(1), ...get(2), ...subtract, ...set(1),
  ...get(3), ...loadByte(), ...splat, ...set(8),
  ...get(3), ...loadByte(foldAt), ...splat, ...set(9),
  ...get(4), ...loadByte(), ...splat, ...set(10),
  ...get(4), ...loadByte(foldAt), ...splat, ...set(11),
  ...loop,
    ...get(0), ...get(1), ...greater, ...when, ...constant(-1), ...leave, ...end,
    // bits = where both of the rarest bytes fit
    ...get(0), ...get(3), ...add, ...loadVector(), ...get(9), ...orVector, ...get(8), ...equalBytes,
    ...get(0), ...get(4), ...add, ...loadVector(), ...get(11), ...orVector, ...get(10), ...equalBytes,
    ...andVector, ...toBits, ...tee(5),
    ...when,
      ...loop,
        ...get(0), ...get(5), ...trailingZeros, ...add, ...tee(6),
        ...get(1), ...greater, ...when, ...constant(-1), ...leave, ...end,
        ...constant(0), ...set(7),
        ...loop,
          // the text's byte, folded, is the needle's
          ...get(6), ...get(7), ...add, ...loadByte(),
          ...get(7), ...loadByte(foldAt), ...or,
          ...get(7), ...loadByte(), ...equal,
          ...when,
            ...get(7), ...constant(1), ...add, ...tee(7), ...get(2), ...equal,
            ...when, ...get(6), ...leave, ...end,
            ...again(1),
          ...end,
        ...end,
        // the next bit
        ...get(5), ...get(5), ...constant(1), ...subtract, ...and, ...tee(5), ...againIf(0),
      ...end,
    ...end,
    ...get(0), ...constant(16), ...add, ...set(0),
    ...again(0),
  ...end,
  ...constant(-1),
];

/** By their code: tab and line feed. */
const allowedControls = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0];

/** The bytes below 0x20 in a vector, but tab and line feed. */
const controls = (vectorLocal: number): number[] => [
  ...get(vectorLocal),
  ...splatOf(0x20),
  ...lessBytes,
  ...get(4),
  ...get(vectorLocal),
  ...swizzle,
  ...andNotVector,
];

/** findControl(at 0, end 1): bits 2; bytes 3, table 4 */
// prettier-ignore
const findControlBody = [
  ...vectorConstant(allowedControls), ...set(4),
  ...loop,
    ...get(0), ...get(1), ...greaterOrEqual, ...when, ...constant(-1), ...leave, ...end,
    ...get(0), ...loadVector(), ...set(3), ...controls(3),
    ...get(0), ...loadVector(16), ...set(3), ...controls(3),
    ...orVector, ...anyTrue, ...eqz,
    ...when, ...get(0), ...constant(32), ...add, ...set(0), ...again(1), ...end,
    // something is there, perhaps only the end of a line: a closer look at the first half
    ...get(0), ...loadVector(), ...set(3), ...controls(3),
    ...get(3), ...isByte(0x0d), ...get(0), ...loadVector(1), ...isByte(0x0a), ...andVector,
    ...andNotVector, ...toBits, ...tee(2),
    ...when,
      ...get(2), ...trailingZeros, ...get(0), ...add, ...tee(0), ...get(1), ...greaterOrEqual,
      ...when, ...constant(-1), ...leave, ...end,
      ...get(0), ...leave,
    ...end,
    ...get(0), ...constant(16), ...add, ...set(0),
    ...again(0),
  ...end,
  ...constant(-1),
];

/** countLines(at 0, end 1): count 2, left 3 */
// prettier-ignore
const countLinesBody = [
  ...loop,
    ...get(1), ...get(0), ...subtract, ...tee(3), ...constant(16), ...greaterOrEqual,
    ...when,
      ...get(2), ...get(0), ...loadVector(), ...isByte(0x0a), ...toBits, ...ones, ...add, ...set(2),
      ...get(0), ...constant(16), ...add, ...set(0),
      ...again(1),
    ...end,
  ...end,
  ...get(3), ...constant(0), ...greater,
  ...when,
    // of the last bytes, fewer than 16, those behind the end do not count
    ...get(2), ...get(0), ...loadVector(), ...isByte(0x0a), ...toBits,
    ...constant(1), ...get(3), ...shiftLeft, ...constant(1), ...subtract, ...and,
    ...ones, ...add, ...set(2),
  ...end,
  ...get(2),
];

/** countPlain(at 0, end 1): count 2; bytes 3, table 4, line feeds 5 */
// prettier-ignore
const countPlainBody = [
  ...vectorConstant(allowedControls), ...set(4),
  ...splatOf(0x0a), ...set(5),
  ...loop,
    ...get(0), ...get(1), ...greaterOrEqual, ...when, ...get(2), ...leave, ...end,
    ...get(0), ...loadVector(), ...set(3), ...controls(3),
    ...get(3), ...get(5), ...equalBytes, ...toBits,
    ...get(0), ...loadVector(16), ...tee(3), ...get(5), ...equalBytes, ...toBits,
    ...constant(16), ...shiftLeft, ...or, ...ones, ...get(2), ...add, ...set(2),
    ...controls(3), ...orVector, ...anyTrue,
    ...when,
      ...get(0), ...get(0), ...constant(plainStep), ...add, ...call(1), ...constant(0), ...greaterOrEqual,
      ...when, ...constant(-1), ...leave, ...end,
    ...end,
    ...get(0), ...constant(plainStep), ...add, ...set(0),
    ...again(0),
  ...end,
  ...constant(-1),
];

function moduleBytes(pages: number): Uint8Array<ArrayBuffer> {
  const type = (parameters: number): number[] => [
    0x60,
    ...vector(Array.from({ length: parameters }, () => [i32])),
    ...vector([[i32]]),
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector([type(5), type(2)])),
    ...section(3, vector([[0], [1], [1], [1]])),
    ...section(5, vector([[0x00, ...unsigned(pages)]])),
    ...section(
      7,
      vector([
        exported('memory', 2, 0),
        exported('find', 0, 0),
        exported('findControl', 0, 1),
        exported('countLines', 0, 2),
        exported('countPlain', 0, 3),
      ]),
    ),
    ...section(
      10,
      vector([
        body(
          [
            [3, i32],
            [4, v128],
          ],
          findBody,
        ),
        body(
          [
            [1, i32],
            [2, v128],
          ],
          findControlBody,
        ),
        body([[2, i32]], countLinesBody),
        body(
          [
            [1, i32],
            [3, v128],
          ],
          countPlainBody,
        ),
      ]),
    ),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function exported(name: string, kind: number, index: number): number[] {
  return [...unsigned(name.length), ...Buffer.from(name), kind, index];
}

/** A function: its locals, as counts of a type, and its instructions. */
function body(locals: readonly (readonly [number, number])[], code: readonly number[]): number[] {
  const content = [...vector(locals), ...code, ...end];
  return [...unsigned(content.length), ...content];
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return done ? [low] : [low | 0x80, ...signed(rest)];
}
