/** The end without the bytes of a last character that may still become a whole one. */
export function completeEnd(bytes: Buffer, start: number, end: number): number {
  for (let back = 1; back <= 3 && end - back >= start; back++) {
    const byte = bytes[end - back] ?? 0;
    if (byte < 0x80) return end;
    if (byte < 0xc0) continue;
    return isCutCharacter(byte, bytes[end - back + 1] ?? 0, back) ? end - back : end;
  }
  return end;
}

/** Whether `count` bytes, with such a first and (if there is one) second, are a character's start. */
function isCutCharacter(first: number, second: number, count: number): boolean {
  if (first < 0xc2 || first > 0xf4) return false;
  if (count >= (first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4)) return false;
  if (count === 1) return true;
  switch (first) {
    case 0xe0:
      return second >= 0xa0;
    case 0xed:
      return second < 0xa0;
    case 0xf0:
      return second >= 0x90;
    case 0xf4:
      return second < 0x90;
    default:
      return true;
  }
}
