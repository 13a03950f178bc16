import { lstatSync, readdirSync, rmdirSync, unlinkSync, type Dirent } from 'node:fs';
import { dirname, join } from 'node:path';
import { aftTempName, isTempFileOf, rename, type Writer } from './atomicWrite.ts';
import { errorCode, PersistenceError } from './errors.ts';
import { refuseTwoLayouts, type TaskPaths } from './paths.ts';
import { exists, requireSafeParents } from './safeFile.ts';

/** What a flat task may have beside its captures: wrapper scripts, and names that AFT 6 reserves. */
const flatExtras = [
  'ps1',
  'bat',
  'sh',
  'pipeline-status',
  'sandbox-unavailable',
  'wrapper.sh',
  'env',
  'manifest',
  'sandbox-profile.json',
];

/**
 * The files of a bundle in the order in which they are deleted: the record last, so that no crash
 * leaves captures without it. Flat: every name there may be (seed: `task_bundle_files`, and the
 * names of schema 6). Directory: what is on disk; throws a PersistenceError where that can't be read.
 */
export function taskBundleFiles(paths: TaskPaths): string[] {
  if (paths.taskDir !== undefined) {
    requireSafeParents(paths.sessionDir, join(paths.taskDir, 'any'));
    const files = filesBelow(paths.taskDir).filter((path) => path !== paths.json);
    return [...files, paths.json];
  }
  const extras = flatExtras.map((extra) => join(paths.sessionDir, `${paths.taskId}.${extra}`));
  return [paths.stdout, paths.stderr, paths.exit, paths.pty, ...extras, paths.json];
}

/** How many files a bundle has on disk, and their bytes. */
export function bundleSize(paths: TaskPaths): { files: number; bytes: number } {
  try {
    return sizeOf(taskBundleFiles(paths));
  } catch (error) {
    throw PersistenceError.from(error, paths.json);
  }
}

/** As `bundleSize`, of all that is below a directory; what can't be looked at does not count. */
export function treeSize(directory: string): { files: number; bytes: number } {
  try {
    return sizeOf(filesBelow(directory));
  } catch {
    return { files: 0, bytes: 0 };
  }
}

function sizeOf(files: readonly string[]): { files: number; bytes: number } {
  const stats = files
    .map((path) => lstatSync(path, { throwIfNoEntry: false }))
    .filter((found) => found !== undefined);
  return { files: stats.length, bytes: stats.reduce((sum, { size }) => sum + size, 0) };
}

/**
 * Deletes a task's files, and the session's directory if that leaves it empty (seed:
 * `delete_task_bundle`). What is not there is no error; after an error the rest is deleted all the
 * same, and the first error is thrown as a PersistenceError. Whether the task may be deleted is the
 * caller's business.
 */
export function deleteTaskBundle(paths: TaskPaths): void {
  refuseTwoLayouts(paths);
  if (!exists(paths.sessionDir)) return;
  if (paths.taskDir === undefined) {
    requireSafeParents(paths.sessionDir, paths.json);
    attemptAll(
      taskBundleFiles(paths).map((path) => () => {
        removeFile(path);
      }),
    );
  } else if (exists(paths.taskDir)) {
    deleteTaskDirectory(paths.sessionDir, paths.taskDir);
  }
  removeIfEmpty(paths.sessionDir);
}

/** As AFT does: out of the way in one step, under a name that every reader ignores, then removed. */
function deleteTaskDirectory(sessionDir: string, taskDir: string): void {
  requireSafeParents(sessionDir, join(taskDir, 'any'));
  const doomed = join(sessionDir, aftTempName());
  try {
    rename(taskDir, doomed);
  } catch (error) {
    throw PersistenceError.from(error, taskDir);
  }
  removeTree(doomed);
}

/**
 * Removes the temporary files that a writer which is gone has left beside a task's record and exit
 * marker; AFT's and other windows' stay. Throws a PersistenceError.
 */
export function removeTempFiles(paths: TaskPaths, writer: Writer): void {
  const { exit, json, sessionDir, taskDir, taskId } = paths;
  for (const directory of new Set([dirname(json), dirname(exit)])) {
    requireSafeParents(sessionDir, join(directory, 'any'));
    for (const { name } of entriesOf(directory)) {
      const isOfTask = taskDir !== undefined || name.startsWith(`.${taskId}.`);
      if (isOfTask && isTempFileOf(name, writer)) removeFile(join(directory, name));
    }
  }
}

/** Removes a directory and all in it; links are removed, not followed. */
export function removeTree(directory: string): void {
  attemptAll([
    ...entriesOf(directory).map((entry) => () => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) removeTree(path);
      else removeFile(path);
    }),
    () => {
      try {
        rmdirSync(directory);
      } catch (error) {
        throw PersistenceError.from(error, directory);
      }
    },
  ]);
}

/** Takes every step, whatever became of the ones before; then throws the first error. */
function attemptAll(steps: readonly (() => void)[]): void {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw PersistenceError.from(error, path);
  }
}

/** Removes a directory if nothing is in it. */
export function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    const code = errorCode(error);
    // POSIX lets a system say either for a directory that is not empty.
    if (code === 'ENOENT' || code === 'ENOTEMPTY' || code === 'EEXIST') return;
    throw PersistenceError.from(error, directory);
  }
}

function filesBelow(directory: string): string[] {
  return entriesOf(directory).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    throw PersistenceError.from(error, directory);
  }
}
