import { isUtf8 } from 'node:buffer';
import { closeSync, lstatSync } from 'node:fs';
import { prepareWrite, systemWrites, type WriteSystem } from './atomicWrite.ts';
import { PersistenceError } from './errors.ts';
import type { TaskPaths } from './paths.ts';
import { makeSafeParents, openSafely, readWhole, requireSafeParents } from './safeFile.ts';

/** How a task's process ended, as its wrapper or whoever killed it noted. */
export type ExitMarker =
  { readonly kind: 'code'; readonly code: number } | { readonly kind: 'killed' };

/** A marker is a number or a word; what is larger was not written by AFT. */
const largestMarker = 64 * 1024;

/** Reads the exit marker; absent where there is none, it is blank, or it says nothing known (seed). */
export function readExitMarker(paths: TaskPaths): ExitMarker | undefined {
  const text = readMarkerText(paths);
  return text === undefined ? undefined : parseExitMarker(text);
}

/** The meaning of a marker's text: `killed`, or a signed 32-bit decimal as the seed's language reads it. */
export function parseExitMarker(text: string): ExitMarker | undefined {
  const content = trim(text);
  if (content === 'killed') return { kind: 'killed' };
  if (!/^[+-]?[0-9]+$/.test(content)) return undefined;
  const code = Number(content);
  return code === (code | 0) ? { kind: 'code', code: code | 0 } : undefined;
}

/** A kill marker that is ready, beside its place. */
export interface KillMarker {
  /**
   * Puts it in place unless the task's end is noted there already, and answers what is there then:
   * one look at the file and one rename, since whoever kills has to signal at once afterwards.
   * Throws `corrupt` for what AFT never writes.
   */
  readonly place: () => ExitMarker;
  /** Was it put in place? */
  readonly isPlaced: () => boolean;
  /** Makes it last through a power cut, where the system can. */
  readonly sync: () => void;
  /** Removes it, where it is not in place. */
  readonly discard: () => void;
}

/** When the exit marker was written, epoch milliseconds; absent where it says nothing known. */
export function exitMarkerTime(paths: TaskPaths): number | undefined {
  try {
    if (readExitMarker(paths) === undefined) return undefined;
    return Math.trunc(lstatSync(paths.exit).mtimeMs);
  } catch {
    return undefined;
  }
}

/** Makes ready to note that the task is being killed. Throws a PersistenceError. */
export function prepareKillMarker(
  paths: TaskPaths,
  system: WriteSystem = systemWrites,
): KillMarker {
  const isFlat = paths.layout === 'flat';
  if (isFlat) makeSafeParents(paths.sessionDir, paths.exit);
  else requireSafeParents(paths.sessionDir, paths.exit);
  const write = prepareWrite(paths.exit, 'killed', 'kill', isFlat ? 'seed' : 'aft', system);
  let isPlaced = false;
  return {
    place: () => {
      let text: string | undefined;
      isPlaced = write.place(() => {
        text = readMarkerText(paths);
        return isAbsent(paths, text);
      });
      if (isPlaced) return { kind: 'killed' };
      const marker = parseExitMarker(text ?? '');
      if (marker !== undefined) return marker;
      throw new PersistenceError(
        'corrupt',
        `The exit marker ${paths.exit} holds something that AFT never writes. Remove it and try again.`,
        { path: paths.exit },
      );
    },
    isPlaced: () => isPlaced,
    sync: write.sync,
    discard: () => {
      if (!isPlaced) write.discard();
    },
  };
}

/**
 * Notes that the task is being killed, unless its end is noted already, or is while this is being
 * written (seed).
 */
export function writeKillMarkerIfAbsent(
  paths: TaskPaths,
  system: WriteSystem = systemWrites,
): void {
  if (!isAbsent(paths, readMarkerText(paths))) return;
  const marker = prepareKillMarker(paths, system);
  marker.place();
  marker.sync();
}

/** The directory layout's marker is there from the start, empty: blank counts as absent there. */
function isAbsent({ layout }: TaskPaths, text: string | undefined): boolean {
  return text === undefined || (layout === 'directory' && trim(text) === '');
}

function readMarkerText(paths: TaskPaths): string | undefined {
  try {
    const file = openSafely(paths.sessionDir, paths.exit);
    try {
      const bytes = readWhole(file, paths.exit, largestMarker);
      if (isUtf8(bytes)) return bytes.toString('utf8');
    } finally {
      closeSync(file.fd);
    }
  } catch (error) {
    const failure = PersistenceError.from(error, paths.exit);
    if (failure.reason === 'not-found') return undefined;
    throw failure;
  }
  throw new PersistenceError('corrupt', `The exit marker ${paths.exit} is not UTF-8 text.`, {
    path: paths.exit,
  });
}

/** Unicode's white space, as the seed trims it: `String.trim` differs in U+0085 and U+FEFF. */
function trim(text: string): string {
  // One pass: a marker may be long and blank, and is read again and again.
  return /\P{White_Space}(?:[^]*\P{White_Space})?/u.exec(text)?.[0] ?? '';
}
