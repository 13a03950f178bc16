const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const EMOJI = /^\p{Emoji_Presentation}$/u;

/** Blocks of East Asian wide and full-width characters: first and last code point of each. */
const WIDE = [
  0x1100, 0x115f, 0x2e80, 0x303e, 0x3041, 0x4dbf, 0x4e00, 0xa4cf, 0xa960, 0xa97f, 0xac00, 0xd7a3,
  0xf900, 0xfaff, 0xfe10, 0xfe19, 0xfe30, 0xfe6f, 0xff01, 0xff60, 0xffe0, 0xffe6, 0x16fe0, 0x18cff,
  0x1aff0, 0x1b2ff, 0x20000, 0x3fffd,
];

/** 1 + the widths that are known by now, as the expressions are slow; emoji are below its end. */
const known = new Uint8Array(0x20000);

/** Columns that a terminal gives a printable character: 0 (combining), 1 or 2. */
export function charWidth(codePoint: number): 0 | 1 | 2 {
  if (codePoint < 0x300) return 1;
  const remembered = known[codePoint] ?? 0;
  if (remembered > 0) return (remembered - 1) as 0 | 1 | 2;
  const width = findWidth(codePoint);
  known[codePoint] = 1 + width;
  return width;
}

function findWidth(codePoint: number): 0 | 1 | 2 {
  for (let block = 0; block < WIDE.length; block += 2) {
    if (codePoint < (WIDE[block] ?? 0)) break;
    if (codePoint <= (WIDE[block + 1] ?? 0)) return 2;
  }
  const character = String.fromCodePoint(codePoint);
  if (ZERO_WIDTH.test(character)) return 0;
  return EMOJI.test(character) ? 2 : 1;
}
