/** What WCAG adds to each luminance, for the light that a screen reflects. */
const flare = 0.05;
/** A colour is moved to white or black in so many steps. */
const steps = 20;

const white = 0xffffff;
const black = 0x000000;

/** How well one colour is read on another, from 1 to 21 (WCAG 2). Colours are `0xrrggbb`. */
export function contrast(one: number, other: number): number {
  const [lighter, darker] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [
    number,
    number,
  ];
  return (lighter + flare) / (darker + flare);
}

/**
 * The colour where it has so much contrast with what is behind it, else the nearest one that has on
 * its way to black or white: away from what is behind it where that is enough, as in VS Code's
 * terminal. Black or white, whichever has more, where none has so much.
 */
export function readableOn(color: number, behind: number, ratio: number): number {
  if (contrast(color, behind) >= ratio) return color;
  const ends = luminance(color) < luminance(behind) ? [black, white] : [white, black];
  for (const end of ends) {
    for (let step = 1; step <= steps; step += 1) {
      const mixed = mix(color, end, step / steps);
      if (contrast(mixed, behind) >= ratio) return mixed;
    }
  }
  return contrast(white, behind) > contrast(black, behind) ? white : black;
}

function luminance(color: number): number {
  const [red, green, blue] = parts(color).map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function mix(color: number, end: number, share: number): number {
  const to = parts(end);
  return parts(color).reduce(
    (sum, part, at) => sum * 256 + Math.round(part + ((to[at] ?? 0) - part) * share),
    0,
  );
}

function parts(color: number): readonly number[] {
  return [(color >> 16) & 0xff, (color >> 8) & 0xff, color & 0xff];
}
