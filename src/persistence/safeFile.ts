import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  type Stats,
} from 'node:fs';
import { sep } from 'node:path';
import { errorCode, PersistenceError } from './errors.ts';

/** An open file that is what it should be. The caller closes it. */
export interface OpenFile {
  readonly fd: number;
  readonly stats: Stats;
}

/**
 * Opens a regular file below a session directory for reading, following no symbolic link on the
 * way from there. Commands that agents ran can put links, pipes and devices in the place of any
 * file. A hard link is opened: it shows nothing that its maker could not have written here, and
 * backups make them. What is to be trusted or written is held against `stats.nlink` by its caller.
 * Throws `not-found`, `unsafe-path` or `io`.
 */
export function openSafely(sessionDir: string, path: string): OpenFile {
  try {
    requireDirectoriesBelow(sessionDir, path);
    // A named pipe must not make the opening wait for its writer.
    const flags = constants.O_RDONLY | noFollow | nonBlocking;
    const before = noFollow === 0 ? lstatSync(path) : undefined;
    const fd = openSync(path, flags);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw notRegular(path);
      if (before !== undefined && !isSame(before, stats)) throw notRegular(path);
      return { fd, stats };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  } catch (error) {
    throw asUnsafe(error, path);
  }
}

/** Reads a whole open file of at most `limit` bytes; throws `corrupt` for a larger one. */
export function readWhole({ fd, stats }: OpenFile, path: string, limit: number): Buffer {
  if (stats.size > limit) throw tooLarge(path, limit);
  let buffer = Buffer.allocUnsafe(stats.size + 1);
  let length = 0;
  for (;;) {
    length += readSync(fd, buffer, length, buffer.length - length, length);
    // A short read of a regular file is its end; a full buffer means that it has grown.
    if (length < buffer.length) return buffer.subarray(0, length);
    if (length > limit) throw tooLarge(path, limit);
    buffer = Buffer.concat([buffer], buffer.length * 2);
  }
}

/** Reads a small file as a whole, as `openSafely` and `readWhole` do. */
export function readSafely(directory: string, path: string, limit: number): Buffer {
  const file = openSafely(directory, path);
  try {
    return readWhole(file, path, limit);
  } finally {
    closeSync(file.fd);
  }
}

/** Is there anything of this name? A link counts, wherever it leads. */
export function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw PersistenceError.from(error, path);
  }
}

/** When a file or directory was last changed; absent where there is none. */
export function modifiedAt(path: string): number | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR') return undefined;
    throw PersistenceError.from(error, path);
  }
}

/** Throws unless every directory between the session's and the file is there and is a real one. */
export function requireSafeParents(sessionDir: string, path: string): void {
  try {
    requireDirectory(sessionDir);
    requireDirectoriesBelow(sessionDir, path);
  } catch (error) {
    throw asUnsafe(error, path);
  }
}

/** Makes the missing directories down to a file (0700, as AFT does), following no symbolic link. */
export function makeSafeParents(sessionDir: string, path: string): void {
  try {
    mkdirSync(sessionDir, { recursive: true, mode: 0o700 });
    requireDirectory(sessionDir);
    for (const step of stepsBelow(sessionDir, path)) {
      try {
        mkdirSync(step, { mode: 0o700 });
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error;
      }
      requireDirectory(step);
    }
  } catch (error) {
    throw asUnsafe(error, path);
  }
}

// Windows has neither flag (the types say that it has): links are found by comparing there.
const noFollow = (constants.O_NOFOLLOW as number | undefined) ?? 0;
const nonBlocking = (constants.O_NONBLOCK as number | undefined) ?? 0;

/** The directories between the session's and the file, outermost first. */
function stepsBelow(sessionDir: string, path: string): string[] {
  if (!path.startsWith(sessionDir + sep)) {
    throw new PersistenceError('unsafe-path', `${path} is not below ${sessionDir}.`, { path });
  }
  const steps: string[] = [];
  let end = path.indexOf(sep, sessionDir.length + 1);
  while (end >= 0) {
    steps.push(path.slice(0, end));
    end = path.indexOf(sep, end + 1);
  }
  return steps;
}

function requireDirectoriesBelow(sessionDir: string, path: string): void {
  for (const step of stepsBelow(sessionDir, path)) requireDirectory(step);
}

function requireDirectory(path: string): void {
  const stats = lstatSync(path);
  if (stats.isDirectory()) return;
  throw new PersistenceError(
    'unsafe-path',
    `${path} is ${stats.isSymbolicLink() ? 'a symbolic link' : 'not a directory'}; it was not touched.`,
    { path },
  );
}

function isSame(left: Stats, right: Stats): boolean {
  return left.dev === right.dev && left.ino === right.ino;
}

function tooLarge(path: string, limit: number): PersistenceError {
  return new PersistenceError(
    'corrupt',
    `${path} is larger than ${limit / 1024} KiB, which AFT never writes; it was not read.`,
    { path },
  );
}

function notRegular(path: string): PersistenceError {
  return new PersistenceError('unsafe-path', `${path} is not a regular file; it was not read.`, {
    path,
  });
}

/** FreeBSD says EMLINK for a link that must not be followed; a socket can't be opened (ENXIO). */
function asUnsafe(error: unknown, path: string): PersistenceError {
  const code = errorCode(error);
  if (code === 'ELOOP' || code === 'EMLINK' || code === 'ENXIO') return notRegular(path);
  return PersistenceError.from(error, path);
}
