import type { Uint32List } from './uint32List.ts';

/** Texts of more lines are not compared: where their bytes say that they overlap, they do. */
const mostCompared = 1024 * 1024;

/** A line that is unlike counts as much as so many lines between a place and what the bytes say. */
const unlikeWeight = 16;

/** A part of a capture as it is shown. */
export interface ShownPart {
  readonly text: string;
  /** Where its lines start in it. */
  readonly lineStarts: Uint32List;
  readonly skippedBytes: number;
  readonly totalBytes: number;
}

/**
 * By how many lines a part of a capture starts after another one that was shown before it; negative
 * where it starts before. Absent where they have nothing in common.
 */
export function lineShift(before: ShownPart, now: ShownPart): number | undefined {
  // Both end with the same line.
  if (now.totalBytes === before.totalBytes) return before.lineStarts.length - now.lineStarts.length;
  // AFT cuts a capture to its end, and only then a capture gets smaller.
  const dropped = Math.max(0, before.totalBytes - now.totalBytes);
  const bytes = now.skippedBytes + dropped - before.skippedBytes;
  if (bytes < 0 || bytes >= bytesOf(before)) return undefined;
  const lines = linesBefore(before, now, bytes);
  // A smaller capture may be another one.
  return dropped > 0 && !lines.isCommon ? undefined : lines.count;
}

/**
 * The lines of a part before the one that starts some bytes after it. How many bytes of the capture
 * a line took is not known where not all of them are shown, as with colours: of all places the one
 * is taken that is near to what the bytes say and leaves few lines unlike.
 */
function linesBefore(
  part: ShownPart,
  later: ShownPart,
  bytes: number,
): { readonly count: number; readonly isCommon: boolean } {
  const expected = linesInBytes(part, bytes);
  const length = part.lineStarts.length;
  const laterLength = later.lineStarts.length;
  if (length + laterLength > mostCompared) return { count: expected, isCommon: true };
  const alike = commonLines(part, later);
  const unknown = { count: expected, isCommon: false };
  let best = unknown;
  let least = Infinity;
  for (let count = 0; count < length; count += 1) {
    // The first line may be only the end of one, and the last one only a start.
    const overlap = Math.max(0, Math.min(length - count, laterLength) - 2);
    const common = Math.min(alike[count + 1] ?? 0, overlap);
    const cost = unlikeWeight * (overlap - common) + Math.abs(count - expected);
    if (cost > least || (cost === least && count > expected)) continue;
    least = cost;
    best = common > overlap / 2 ? { count, isCommon: true } : unknown;
  }
  return best;
}

/** The lines that end in the first bytes of a part, if what is not shown is spread evenly. */
function linesInBytes(part: ShownPart, bytes: number): number {
  const shown = Buffer.from(part.text);
  const end = Math.round((bytes * shown.length) / bytesOf(part));
  let lines = 0;
  for (let at = shown.indexOf(0x0a); at >= 0 && at < end; at = shown.indexOf(0x0a, at + 1)) {
    lines += 1;
  }
  return lines;
}

/**
 * For each line of a part: so many from there on are the same as those after the later part's first.
 * Z algorithm: in linear time, whatever repeats.
 */
function commonLines(part: ShownPart, later: ShownPart): Uint32Array {
  const wanted = lineHashes(later).subarray(1);
  const lines = new Uint32Array(wanted.length + part.lineStarts.length);
  lines.set(wanted);
  lines.set(lineHashes(part), wanted.length);
  const common = new Uint32Array(lines.length);
  let from = 0;
  let to = 0;
  for (let at = 1; at < lines.length; at += 1) {
    let count = at < to ? Math.min(to - at, common[at - from] ?? 0) : 0;
    while (at + count < lines.length && lines[count] === lines[at + count]) count += 1;
    common[at] = count;
    if (at + count > to) {
      from = at;
      to = at + count;
    }
  }
  return common.subarray(wanted.length);
}

function lineHashes({ text, lineStarts }: ShownPart): Uint32Array {
  const hashes = new Uint32Array(lineStarts.length);
  for (let line = 0; line < hashes.length; line += 1) {
    const end = line + 1 < hashes.length ? lineStarts.at(line + 1) : text.length;
    let hash = 0;
    for (let at = lineStarts.at(line); at < end; at += 1) {
      hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    }
    hashes[line] = hash;
  }
  return hashes;
}

function bytesOf({ skippedBytes, totalBytes }: ShownPart): number {
  return totalBytes - skippedBytes;
}
