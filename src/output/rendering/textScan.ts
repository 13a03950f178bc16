const LINE_FEED = 0x0a;
const DELETE = 0x7f;

const ORDINARY = 0;
const SPECIAL = 1;
/** The first byte of characters of which some are special. */
const MAYBE_SPECIAL = 2;

const BYTE_KINDS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if ((byte < 0x20 && byte !== LINE_FEED) || byte === DELETE) return SPECIAL;
  return byte === 0xc2 || byte === 0xe2 ? MAYBE_SPECIAL : ORDINARY;
});

/** The top bit of each of four bytes. */
const TOP_BITS = 0x80808080;

/** A view of bytes for the functions here. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/**
 * Where the next byte is that is not simply text or a line feed: a C0 or C1 control, DEL, or a
 * character that reorders the text or is taken for a line end (U+2028 to 202E, U+2066 to 2069).
 * `end` if there is none.
 */
export function nextSpecial(bytes: Buffer, view: DataView, start: number, end: number): number {
  let at = start;
  while (at < end) {
    while (
      at + 16 <= end &&
      ((oddOf(view.getInt32(at, true)) |
        oddOf(view.getInt32(at + 4, true)) |
        oddOf(view.getInt32(at + 8, true)) |
        oddOf(view.getInt32(at + 12, true))) &
        TOP_BITS) ===
        0
    ) {
      at += 16;
    }
    for (const stop = Math.min(end, at + 16); at < stop; at++) {
      if (isSpecial(bytes, at)) return at;
    }
  }
  return end;
}

/** Has a byte's top bit set where the first of four is that is not printable ASCII nor a line feed. */
function oddOf(four: number): number {
  // A carry out of a byte only comes where that one is odd.
  return (~(four + 0x60606060) & ((four ^ 0x0a0a0a0a) + 0x7f7f7f7f)) | (four + 0x01010101) | four;
}

/** Has a byte's top bit set where the first of four is that is not printable ASCII. */
export function oddBytes(four: number): number {
  return (~(four + 0x60606060) | (four + 0x01010101) | four) & TOP_BITS;
}

export function isSpecial(bytes: Buffer, at: number): boolean {
  const kind = BYTE_KINDS[bytes[at] ?? 0];
  return kind === SPECIAL || (kind === MAYBE_SPECIAL && isSpecialCharacter(bytes, at));
}

/** C1 controls (C2 80 to C2 9F), U+2028 to 202E (E2 80 A8 to AE), U+2066 to 2069 (E2 81 A6 to A9). */
function isSpecialCharacter(bytes: Buffer, at: number): boolean {
  const second = bytes[at + 1] ?? 0;
  if (bytes[at] === 0xc2) return second >= 0x80 && second <= 0x9f;
  const third = bytes[at + 2] ?? 0;
  if (second === 0x80) return third >= 0xa8 && third <= 0xae;
  return second === 0x81 && third >= 0xa6 && third <= 0xa9;
}
