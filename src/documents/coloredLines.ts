/** Lines of a document, both ends among them. */
export interface Lines {
  readonly from: number;
  readonly to: number;
}

/** What is on screen, and a screenful before and behind. Folding makes more than one part. */
export function around(shown: readonly Lines[]): Lines[] {
  const screen = shown.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const parts: { from: number; to: number }[] = [];
  for (const { from, to } of shown) {
    const start = Math.max(0, from - screen);
    const before = parts.at(-1);
    if (before !== undefined && start <= before.to + 1) before.to = to + screen;
    else parts.push({ from: start, to: to + screen });
  }
  return parts;
}

/** Each of the lines once, those on screen first: there may be no room for all of their colours. */
export function* shownFirst(shown: readonly Lines[], lines: readonly Lines[]): Generator<number> {
  for (const { from, to } of shown) for (let line = from; line <= to; line += 1) yield line;
  for (const { from, to } of lines) {
    for (let line = from; line <= to; line += 1) if (!has(shown, line)) yield line;
  }
}

/** Whether all that is on screen is in these lines. */
export function covers(lines: readonly Lines[], shown: readonly Lines[]): boolean {
  return shown.every((part) => lines.some(({ from, to }) => from <= part.from && part.to <= to));
}

function has(parts: readonly Lines[], line: number): boolean {
  return parts.some(({ from, to }) => from <= line && line <= to);
}
