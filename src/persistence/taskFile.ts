import { isUtf8 } from 'node:buffer';
import { closeSync, lstatSync, type Stats } from 'node:fs';
import { basename } from 'node:path';
import { atomicWriteIf, systemWrites, type WriteSystem } from './atomicWrite.ts';
import { PersistenceError } from './errors.ts';
import { hashSession, refuseTwoLayouts, type TaskPaths } from './paths.ts';
import { isTerminal, type LiveDescendant, type PersistedTask } from './record.ts';
import {
  isWrittenSchema,
  parseRecord,
  serializeRecord,
  unsupportedSchema,
  withLiveDescendants,
  writtenSchema,
} from './recordCodec.ts';
import { makeSafeParents, openSafely, readWhole, requireSafeParents } from './safeFile.ts';

/** Records are a few KiB; one with a whole file in its command may be some hundred. */
const largestRecord = 4 * 1024 * 1024;
/** How often a record that is being replaced is read; AFT, too, opens it so often. */
const attempts = 8;

/**
 * Reads a task's record, schema 1 to 6 (seed: `read_task`). Throws a PersistenceError: `mismatch`
 * where the id inside is not that of the path, `corrupt` and `unsupported-schema` with what could
 * be read.
 */
export function readTask(paths: TaskPaths): PersistedTask {
  return readTaskFile(paths).task;
}

/** As `readTask`, with what the file system says of the very file that was read. */
export function readTaskFile(paths: TaskPaths): { task: PersistedTask; stats: Stats } {
  const { source, stats } = readRecordText(paths);
  let task: PersistedTask;
  try {
    task = parseRecord(source);
  } catch (error) {
    if (!PersistenceError.is(error)) throw error;
    const { partial, cause } = error;
    throw new PersistenceError(error.reason, error.message, { path: paths.json, partial, cause });
  }
  if (task.taskId !== paths.taskId) {
    throw new PersistenceError(
      'mismatch',
      `The record in ${paths.json} names another task, ${JSON.stringify(task.taskId.slice(0, 64))}; it was copied or renamed by hand.`,
      { path: paths.json, partial: task },
    );
  }
  return { task, stats };
}

/** Writes a task's record, atomically (seed: `write_task`). A record of schema 2 or 3 becomes 4. */
export function writeTask(paths: TaskPaths, task: PersistedTask): void {
  refuseTwoLayouts(paths);
  makeSafeParents(paths.sessionDir, paths.json);
  store(paths, task, () => true, systemWrites);
}

/**
 * Reads, changes and writes a record (seed: `update_task`). Of a task that has ended, only
 * `completionDelivered` can change. Answers what was written.
 *
 * Where AFT or another window replaces or removes the record meanwhile, it is read and changed
 * anew. That is looked at once more when the new one is on the disk: what is done to the record
 * between that look and the rename, two system calls, is overwritten.
 */
export function updateTask(
  paths: TaskPaths,
  update: (task: PersistedTask) => PersistedTask,
  system: WriteSystem = systemWrites,
): PersistedTask {
  return changeTask(paths, system, (original) => {
    const updated = update(original);
    const { completionDelivered } = updated;
    const allowed = isTerminal(original) ? { ...original, completionDelivered } : updated;
    return { ...allowed, schemaVersion: writtenSchema(allowed.schemaVersion) };
  });
}

/**
 * Takes those that have ended off the record's list of processes which outlived its command: AFT
 * empties it when it has ended them. The one change, beside `completionDelivered`, that a record of
 * the past takes. Answers what was written; absent where nothing changed.
 */
export function keepLiveDescendants(
  paths: TaskPaths,
  isLeft: (listed: LiveDescendant) => boolean,
  system: WriteSystem = systemWrites,
): PersistedTask | undefined {
  return changeTask(paths, system, (original) => {
    const task = withLiveDescendants(original, isLeft);
    return task === original || !isTerminal(original) ? undefined : task;
  });
}

/** Answers what was written; absent where the change is none. */
function changeTask<Changed extends PersistedTask | undefined>(
  paths: TaskPaths,
  system: WriteSystem,
  change: (original: PersistedTask) => Changed,
): Changed {
  requireSafeParents(paths.sessionDir, paths.json);
  refuseTwoLayouts(paths);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { task: original, stats } = readTaskFile(paths);
    const changed = change(original);
    const isAsRead = (): boolean => isSameVersion(stats, paths.json);
    if (changed === undefined || store(paths, changed, isAsRead, system)) return changed;
  }
  throw replacedAllTheTime(paths.json);
}

/** Is this still the very file that was read? A record is replaced, never written into. */
function isSameVersion(read: Stats, path: string): boolean {
  const now = lstatSync(path, { throwIfNoEntry: false });
  const compared = ['dev', 'ino', 'mtimeMs', 'size'] as const;
  return compared.every((name) => now?.[name] === read[name]);
}

/**
 * Throws `mismatch` for a record whose session is not that of its directory. A database row is
 * named by what the record says: a record that was put here must not lead to another one's row.
 */
export function requireOwnSession(paths: TaskPaths, task: PersistedTask): void {
  if (hashSession(task.sessionId) === basename(paths.sessionDir)) return;
  throw new PersistenceError(
    'mismatch',
    `The record in ${paths.json} belongs to another session's directory; it was copied or moved by hand.`,
    { path: paths.json, partial: task },
  );
}

/** Answers whether it was written. */
function store(
  paths: TaskPaths,
  task: PersistedTask,
  mayReplace: () => boolean,
  system: WriteSystem,
): boolean {
  if (task.taskId !== paths.taskId) {
    throw new PersistenceError(
      'mismatch',
      `The record of task ${task.taskId} can't be written to ${paths.json}.`,
      { path: paths.json },
    );
  }
  if (!isWrittenSchema(task.schemaVersion)) throw unsupportedSchema(task.schemaVersion, task);
  const naming = paths.layout === 'flat' ? 'seed' : 'aft';
  const text = serializeRecord(task);
  // Laid out anew, a record can grow beyond what is read again.
  if (Buffer.byteLength(text) > largestRecord) {
    throw new PersistenceError('corrupt', 'The record would be too large to be read again.', {
      path: paths.json,
    });
  }
  return atomicWriteIf(mayReplace, paths.json, text, task.taskId, naming, system);
}

function readRecordText(paths: TaskPaths): { source: string; stats: Stats } {
  const path = paths.json;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const file = openSafely(paths.sessionDir, path);
    try {
      // Replaced since it was opened: the record is another file now.
      if (file.stats.nlink === 0) continue;
      if (file.stats.nlink > 1) {
        throw new PersistenceError(
          'unsafe-path',
          `${path} has a second hard link, so it can be changed from elsewhere; it is not trusted.`,
          { path },
        );
      }
      const bytes = readWhole(file, path, largestRecord);
      if (!isUtf8(bytes)) {
        throw new PersistenceError('corrupt', `The record ${path} is not UTF-8 text.`, { path });
      }
      return { source: bytes.toString('utf8'), stats: file.stats };
    } catch (error) {
      throw PersistenceError.from(error, path);
    } finally {
      closeSync(file.fd);
    }
  }
  throw replacedAllTheTime(path);
}

function replacedAllTheTime(path: string): PersistenceError {
  return new PersistenceError('io', `${path} is being replaced all the time; try again.`, { path });
}
