import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type * as Sqlite from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { errorText, PersistenceError } from './errors.ts';
import { jsonMembers } from './jsonText.ts';
import type { TaskPaths } from './paths.ts';
import { isTaskStatus, isTerminal, isTerminalStatus, type PersistedTask } from './record.ts';
import { parseRecordOfAnySchema } from './recordCodec.ts';
import { insertSavedRow, isSameRow, readSavedRow, textOf, type SavedRow } from './savedRow.ts';
import { toBashTaskRow } from './row.ts';

/** The newest version of AFT's database that is written (0.57.2). */
const newestDatabase = 13;

/** What became of a task's row in AFT's database. */
export type RowResult =
  | 'changed'
  /** There is no row; nothing was to be done. */
  | 'absent'
  /** The storage has no database; nothing was to be done. */
  | 'no-database'
  /** This host's Node.js has no SQLite. */
  | 'no-sqlite'
  | 'newer-database'
  /** Another process kept it locked all the time. */
  | 'locked'
  /** The row says that the task runs. */
  | 'not-terminal'
  /** There is a row already, and it is another one than was to be written. */
  | 'present'
  /** The copy that was to be written is none of this task's row, and never will be. */
  | 'unusable'
  /** The row says that the task has ended. */
  | 'terminal'
  | 'failed';

export interface RowOutcome {
  readonly result: RowResult;
  /** Why the row is as it was, as the end of a sentence; absent where all is in order. */
  readonly problem: string | undefined;
}

/** A row's key. Tasks at the root level of a storage have no harness. */
export interface RowName {
  readonly harness: string | undefined;
  readonly sessionId: string;
  readonly taskId: string;
}

/** What a test may replace. */
export interface DatabaseSystem {
  /** Between two attempts to get a locked database. */
  readonly sleep: (milliseconds: number) => Promise<unknown>;
  /** How often a locked database is tried. */
  readonly attempts: number;
  readonly sqlite: () => typeof Sqlite | undefined;
}

export const systemDatabase: DatabaseSystem = {
  sleep,
  // AFT, too, waits up to 5 seconds for the lock; here the thread goes on working meanwhile.
  attempts: 100,
  sqlite: () => {
    try {
      return process.getBuiltinModule('node:sqlite');
    } catch {
      // Hosts that were built without SQLite say so in more than one way.
      return undefined;
    }
  },
};

/** Notes in the row of a task that has ended that its agent has been told. */
export function markRowDelivered(
  storageDirectory: string,
  name: RowName,
  system: DatabaseSystem = systemDatabase,
): Promise<RowOutcome> {
  return changeRow(storageDirectory, name, system, (database, row) => {
    if (!isTaskStatus(row.status) || !isTerminalStatus(row.status)) {
      return {
        result: 'not-terminal',
        problem: `its row in AFT's database still says "${row.status}"`,
      };
    }
    database
      .prepare(
        `UPDATE bash_tasks SET completion_delivered = 1, metadata = ?
         WHERE harness = ? AND session_id = ? AND task_id = ?`,
      )
      .run(withDelivered(row.metadata), row.harness, name.sessionId, name.taskId);
    return { result: 'changed', problem: undefined };
  });
}

/**
 * Brings a row, if there is one, into agreement with a record that was just written. Where the row
 * says that the task has ended and the record does not, AFT was faster: the row stays.
 */
export function updateRow(
  storageDirectory: string,
  harness: string | undefined,
  paths: TaskPaths,
  task: PersistedTask,
  system: DatabaseSystem = systemDatabase,
): Promise<RowOutcome> {
  const { sessionId, taskId } = task;
  return changeRow(storageDirectory, { harness, sessionId, taskId }, system, (database, found) => {
    const hasEnded = isTaskStatus(found.status) && isTerminalStatus(found.status);
    if (hasEnded && !isTerminal(task)) {
      return {
        result: 'terminal',
        problem: `its row in AFT's database says that it has ended (${found.status})`,
      };
    }
    const row = toBashTaskRow(task, found.harness, paths);
    database
      .prepare(
        `UPDATE bash_tasks SET status = ?, exit_code = ?, pid = ?, pgid = ?, completed_at = ?,
           completion_delivered = ?, output_bytes = ?, metadata = ?
         WHERE harness = ? AND session_id = ? AND task_id = ?`,
      )
      .run(
        row.status,
        row.exitCode ?? null,
        row.pid ?? null,
        row.pgid ?? null,
        row.completedAt ?? null,
        // Of two ends, the row's word on this is AFT's own.
        Number(row.completionDelivered || (hasEnded && found.completion_delivered === 1)),
        row.outputBytes ?? null,
        row.metadata,
        row.harness,
        sessionId,
        taskId,
      );
    return { result: 'changed', problem: undefined };
  });
}

/**
 * Deletes a task's row; its pattern watches go with it.
 * @param save is handed all of that before; the row stays where it throws
 */
export function deleteRow(
  storageDirectory: string,
  name: RowName,
  system: DatabaseSystem = systemDatabase,
  save?: (row: SavedRow) => void,
): Promise<RowOutcome> {
  return changeRow(storageDirectory, name, system, (database, { harness }) => {
    const { sessionId, taskId } = name;
    const saved = save && readSavedRow(database, { harness, sessionId, taskId });
    if (saved !== undefined) save?.(saved);
    database
      .prepare('DELETE FROM bash_tasks WHERE harness = ? AND session_id = ? AND task_id = ?')
      .run(harness, sessionId, taskId);
    return { result: 'changed', problem: undefined };
  });
}

/**
 * Writes a deleted row and its pattern watches as they were. `absent`: nothing was to be done, the
 * same row is there. A row that AFT has written meanwhile is kept.
 */
export function restoreRow(
  storageDirectory: string,
  row: SavedRow,
  system: DatabaseSystem = systemDatabase,
): Promise<RowOutcome> {
  return inDatabase(storageDirectory, system, (database) => {
    const key = {
      harness: textOf(row.task, 'harness') ?? '',
      sessionId: textOf(row.task, 'session_id') ?? '',
      taskId: textOf(row.task, 'task_id') ?? '',
    };
    const present = readSavedRow(database, key);
    if (present === undefined) {
      insertSavedRow(database, row);
      return { result: 'changed', problem: undefined };
    }
    if (isSameRow(present, row)) return { result: 'absent', problem: undefined };
    return { result: 'present', problem: "AFT's database has a newer row of it, which was kept" };
  });
}

interface Row {
  readonly harness: string;
  readonly status: string;
  readonly completion_delivered: number;
  readonly stdout_path: string | null;
  readonly metadata: string | null;
}

type Change = (database: Sqlite.DatabaseSync, row: Row) => RowOutcome;
type Work = (database: Sqlite.DatabaseSync) => RowOutcome;

const pauseMs = 50;

function changeRow(
  storageDirectory: string,
  name: RowName,
  system: DatabaseSystem,
  change: Change,
): Promise<RowOutcome> {
  return inDatabase(storageDirectory, system, (database) => changeFoundRow(database, name, change));
}

/** Works in one short transaction, which is committed where the work says that it changed something. */
async function inDatabase(
  storageDirectory: string,
  system: DatabaseSystem,
  work: Work,
): Promise<RowOutcome> {
  const path = join(storageDirectory, 'aft.db');
  for (let attempt = 1; ; attempt += 1) {
    try {
      return inDatabaseOnce(path, system, work);
    } catch (error) {
      if (!isBusy(error)) return { result: 'failed', problem: `${path}: ${errorText(error)}` };
      if (attempt >= system.attempts) {
        return { result: 'locked', problem: `another process keeps ${path} locked` };
      }
    }
    await system.sleep(pauseMs);
  }
}

/** Throws where the database is busy, or broken. */
function inDatabaseOnce(path: string, system: DatabaseSystem, work: Work): RowOutcome {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return { result: 'no-database', problem: undefined };
  // SQLite opens the others by itself, and waits for ever at a pipe.
  for (const file of [path, `${path}-journal`, `${path}-wal`, `${path}-shm`]) {
    const found = lstatSync(file, { throwIfNoEntry: false });
    if (found?.isFile() === false) {
      return { result: 'failed', problem: `${file} is not a regular file` };
    }
    // What is written to it would be written elsewhere too.
    if (found !== undefined && found.nlink > 1) {
      return { result: 'failed', problem: `${file} has a second hard link` };
    }
  }
  const sqlite = system.sqlite();
  if (sqlite === undefined) {
    return {
      result: 'no-sqlite',
      problem: "this editor's Node.js can't open AFT's database (it has no node:sqlite)",
    };
  }
  // The last connection that closes would move the write-ahead log into the main file, if it may
  // write. AFT's log is AFT's business: this one may not write, and closes last.
  const keeper = new sqlite.DatabaseSync(existingFile(path, 'ro'), { readOnly: true });
  try {
    keeper.prepare('SELECT count(*) FROM sqlite_schema').get();
    const database = new sqlite.DatabaseSync(existingFile(path, 'rw'));
    try {
      database.exec('PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0; BEGIN IMMEDIATE');
      const outcome = unknownDatabase(database, path) ?? work(database);
      // What is not committed is rolled back at closing.
      if (outcome.result === 'changed') database.exec('COMMIT');
      return outcome;
    } finally {
      database.close();
    }
  } finally {
    keeper.close();
  }
}

/** Why this database is not to be written, where it is not. */
function unknownDatabase(database: Sqlite.DatabaseSync, path: string): RowOutcome | undefined {
  const tables = database
    .prepare(
      `SELECT name FROM sqlite_schema
       WHERE type = 'table' AND name IN ('schema_version', 'bash_tasks')`,
    )
    .all();
  if (tables.length < 2) return { result: 'failed', problem: `${path} is no database of AFT` };
  // AFT's has none: what they do when a row is changed or read, and for how long, is anyone's guess.
  const foreign = database
    .prepare(
      `SELECT type, name FROM sqlite_schema
       WHERE type = 'trigger' OR (type = 'view' AND name = 'bash_pattern_watches')`,
    )
    .get();
  if (foreign !== undefined) {
    const what = `${String(foreign['type'])} ${JSON.stringify(foreign['name'])}`;
    return { result: 'failed', problem: `${path} has a ${what}, which AFT's never has` };
  }
  const version = database.prepare('SELECT max(version) AS newest FROM schema_version').get();
  const newest = version?.['newest'];
  if (typeof newest !== 'number') return { result: 'failed', problem: `${path} has no version` };
  if (newest > newestDatabase) {
    return {
      result: 'newer-database',
      problem: `AFT's database has version ${newest}, and this extension knows ${newestDatabase} at most; update the extension`,
    };
  }
  return undefined;
}

function changeFoundRow(database: Sqlite.DatabaseSync, name: RowName, change: Change): RowOutcome {
  const rows = database
    .prepare(
      `SELECT harness, status, completion_delivered, stdout_path, metadata FROM bash_tasks
       WHERE session_id = ? AND task_id = ? AND (? IS NULL OR harness = ?)`,
    )
    .all(name.sessionId, name.taskId, name.harness ?? null, name.harness ?? null);
  const found = rows as unknown as Row[];
  const [row, ...others] = name.harness === undefined ? found.filter(isOfRootLevel) : found;
  if (row === undefined) return { result: 'absent', problem: undefined };
  if (others.length > 0) {
    return {
      result: 'failed',
      problem: `AFT's database has a row of this task for ${others.length + 1} harnesses`,
    };
  }
  return change(database, row);
}

/** Is the row that of a task at the storage's root level, not of one below its harness's directory? */
function isOfRootLevel({ harness, stdout_path: path }: Row): boolean {
  return path !== null && !path.replaceAll('\\', '/').includes(`/${harness}/bash-tasks/`);
}

/** A record's text with `completion_delivered` true, all else as it was; as it was, if it is no record. */
function withDelivered(metadata: string | null): string | null {
  if (metadata === null) return null;
  try {
    parseRecordOfAnySchema(metadata);
  } catch (error) {
    if (PersistenceError.is(error)) return metadata;
    throw error;
  }
  const value = jsonMembers(metadata).find(({ key }) => key === 'completion_delivered');
  if (value === undefined) return metadata;
  return `${metadata.slice(0, value.start)}true${metadata.slice(value.end)}`;
}

/** SQLite would make a missing file; a URI can forbid that. */
function existingFile(path: string, mode: 'rw' | 'ro'): URL {
  const url = pathToFileURL(path);
  url.searchParams.set('mode', mode);
  return url;
}

/** SQLITE_BUSY and SQLITE_LOCKED, with their extended codes. */
function isBusy(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error)) return false;
  if (typeof error.errcode !== 'number') return false;
  const code = error.errcode & 0xff;
  return code === 5 || code === 6;
}
