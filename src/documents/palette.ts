/** The levels of red, green and blue in the palette's colour cube, 16 to 231 (as xterm has them). */
const levels = [0, 95, 135, 175, 215, 255] as const;

/** What SGR adds to `0xrrggbb` (see `Color`). */
const rgb = 0x1000000;

/** `0xrrggbb` of a colour that no theme defines: RGB, or 16 to 255 of the palette. */
export function rgbOf(color: number): number {
  return color >= rgb ? color - rgb : paletteRgb(color);
}

/** In CSS, of `0xrrggbb`. */
export function hexColor(value: number): string {
  return `#${value.toString(16).padStart(6, '0')}`;
}

/** The palette's colour that is nearest to an RGB one; other colours as they are. */
export function nearestInPalette(color: number): number {
  if (color < rgb) return color;
  const parts = [(color >> 16) & 0xff, (color >> 8) & 0xff, color & 0xff] as const;
  const [red, green, blue] = parts.map(nearestLevel) as [number, number, number];
  const inCube = 16 + 36 * red + 6 * green + blue;
  const gray = Math.round((parts[0] + parts[1] + parts[2]) / 3);
  const inGrays = 232 + Math.min(23, Math.max(0, Math.round((gray - 8) / 10)));
  return distance(inGrays, color) < distance(inCube, color) ? inGrays : inCube;
}

function paletteRgb(index: number): number {
  if (index >= 232) return (8 + 10 * (index - 232)) * 0x010101;
  const at = index - 16;
  const level = (place: number): number => levels[place % 6] ?? 0;
  return (level(Math.floor(at / 36)) << 16) | (level(Math.floor(at / 6)) << 8) | level(at);
}

function nearestLevel(value: number): number {
  let nearest = 0;
  for (let at = 1; at < levels.length; at += 1) {
    if (Math.abs((levels[at] ?? 0) - value) < Math.abs((levels[nearest] ?? 0) - value)) {
      nearest = at;
    }
  }
  return nearest;
}

function distance(index: number, color: number): number {
  const value = paletteRgb(index);
  let sum = 0;
  for (const shift of [16, 8, 0])
    sum += (((value >> shift) & 0xff) - ((color >> shift) & 0xff)) ** 2;
  return sum;
}
