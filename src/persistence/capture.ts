import { constants, lstatSync, mkdirSync, openSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { PersistenceError } from './errors.ts';
import type { TaskPaths } from './paths.ts';
import type { CaptureStream, TaskMode } from './record.ts';

/** The captures that a task of this mode has. */
export function captureStreams(mode: TaskMode): readonly CaptureStream[] {
  return mode === 'pty' ? ptyStreams : pipesStreams;
}
const ptyStreams: readonly CaptureStream[] = ['pty'];
const pipesStreams: readonly CaptureStream[] = ['stdout', 'stderr'];

/** The size in bytes of each capture that is there as a regular file. */
export function captureSizes(
  mode: TaskMode,
  paths: TaskPaths,
): Partial<Record<CaptureStream, number>> {
  const sizes: Partial<Record<CaptureStream, number>> = {};
  for (const stream of captureStreams(mode)) {
    const size = captureStats(paths[stream])?.size;
    if (size !== undefined) sizes[stream] = size;
  }
  return sizes;
}

/** The bytes of output on disk (seed: `capture_output_bytes`); absent where there is no capture. */
export function captureOutputBytes(mode: TaskMode, paths: TaskPaths): number | undefined {
  const sizes = Object.values(captureSizes(mode, paths));
  return sizes.length === 0 ? undefined : sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * Makes an empty capture, 0600, and its missing directories, 0700 (seed: `create_capture_file`).
 * Answers the descriptor, open for writing; the caller closes it.
 */
export function createCaptureFile(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const noFollow = (constants.O_NOFOLLOW as number | undefined) ?? 0;
    const { O_WRONLY, O_CREAT, O_TRUNC } = constants;
    return openSync(path, O_WRONLY | O_CREAT | O_TRUNC | noFollow, 0o600);
  } catch (error) {
    throw PersistenceError.from(error, path);
  }
}

/** When a capture was last written, in epoch milliseconds; absent where there is none. */
export function captureWrittenAt(path: string): number | undefined {
  return captureStats(path)?.mtimeMs;
}

function captureStats(path: string): Stats | undefined {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats?.isFile() === true ? stats : undefined;
  } catch {
    // As in the seed, a capture that can't be looked at counts as none.
    return undefined;
  }
}
