import { lstatSync, type Stats } from 'node:fs';
import { join, sep } from 'node:path';
import { captureSizes } from '../persistence/capture.ts';
import { PersistenceError } from '../persistence/errors.ts';
import { bundlePaths, refuseTwoLayouts, type TaskPaths } from '../persistence/paths.ts';
import {
  isTerminalStatus,
  type PartialTask,
  type PersistedTask,
  type TaskMode,
} from '../persistence/record.ts';
import { readTaskFile } from '../persistence/taskFile.ts';
import { tasksDirectoryName, type FoundLayouts, type SessionDirectory } from './layout.ts';
import type { Task } from './task.ts';

/** A task's directory without a record is this long taken for a task being started (AFT 0.57.2). */
const spawnGraceMs = 5 * 60 * 1000;

/** Which version of a record was read: atomic writes change at least one of these. */
interface Version {
  readonly inode: number;
  readonly size: number;
  readonly modifiedAt: number;
  readonly changedAt: number;
  readonly layouts: number;
}

/** What the store keeps of a task's files. */
export interface Bundle {
  readonly task: Task;
  /** The session's directory, by its path. */
  readonly sessionDir: string;
  /** Absent where the record can't be used: it is read again whenever it is looked at. */
  readonly version: Version | undefined;
  /** The record of a task that goes on; absent for others. */
  readonly running: PersistedTask | undefined;
  /** The record of a task that has ended and may have left processes behind; absent for others. */
  readonly leftBehind: PersistedTask | undefined;
}

/** The session that a bundle is read from. */
export interface BundlePlace {
  readonly storageId: string;
  readonly storageDirectory: string;
  readonly session: SessionDirectory;
}

/** Where the parts of a task are: made anew each time, as ten thousand of them would be much to keep. */
export function pathsOf({ task, sessionDir }: Bundle): TaskPaths {
  return bundlePaths(sessionDir, task.taskId, task.layout);
}

export function taskKey(place: BundlePlace, taskId: string): string {
  const { harness, hash } = place.session;
  return `${place.storageId}/${harness ?? '_'}/${hash}/${taskId}`;
}

/** Where the task of a key is, below its storage's root. */
export function placeOf(
  key: string,
  storageDirectory: string,
): { readonly sessionDir: string; readonly taskId: string } {
  const [, harness = '', hash = '', taskId = ''] = key.split('/');
  const parent = harness === '_' ? storageDirectory : join(storageDirectory, harness);
  return { sessionDir: join(parent, tasksDirectoryName, hash), taskId };
}

/**
 * Reads a task's files. The liveness of a task that goes on is left to be judged. Where the record
 * is the version that is known already, it is not read again.
 * @param onRead is called for each record that was read
 * @returns `absent`: there is no such task. `spawning`: AFT is about to write its record.
 */
export function readBundle(
  place: BundlePlace,
  taskId: string,
  found: FoundLayouts,
  known: Bundle | undefined,
  now: number,
  onRead: () => void,
): Bundle | 'absent' | 'spawning' {
  if (!found.flat && !found.directory) return 'absent';
  const layout = found.directory ? 'directory' : 'flat';
  const paths = bundlePaths(place.session.path, taskId, layout);
  if (known?.version !== undefined) {
    const now = versionOf(lookAt(paths.json), found);
    if (now !== undefined && isSame(known.version, now)) return withCaptures(known, paths);
  }

  let record: PersistedTask | undefined;
  let shown: PartialTask | undefined;
  let problem: string | undefined;
  let version: Version | undefined;
  try {
    const file = readTaskFile(paths);
    record = file.task;
    version = versionOf(file.stats, found);
    onRead();
    shown = record;
    // What it says can be shown, but which of the two records is meant can't be known.
    if (found.flat && found.directory) refuseTwoLayouts(paths);
  } catch (error) {
    const failure = PersistenceError.from(error, paths.json);
    problem = failure.message;
    if (failure.reason === 'not-found') {
      if (layout === 'flat') return 'absent';
      const directory = lookAt(join(place.session.path, taskId));
      if (directory === undefined) return 'absent';
      if (now - directory.mtimeMs < spawnGraceMs && !found.flat) return 'spawning';
      problem = `Its directory has no record (${paths.json}): AFT was stopped while it started the task, or the record was deleted.`;
    } else if (record === undefined) {
      onRead();
    }
    shown ??= failure.partial;
    record = undefined;
  }

  const mode = shown?.mode ?? 'pipes';
  const captures = sizes(mode, paths);
  const ended = shown?.status !== undefined && isTerminalStatus(shown.status);
  const { storageId, storageDirectory, session } = place;
  const task: Task = {
    key: taskKey(place, taskId),
    taskId,
    storageId,
    storageDirectory,
    harness: session.harness,
    sessionHash: session.hash,
    layout,
    schemaVersion: shown?.schemaVersion,
    sessionId: shown?.sessionId,
    command: shown?.command ?? '',
    mode,
    workdir: shown?.workdir,
    projectRoot: shown?.projectRoot,
    status: shown?.status,
    statusReason: shown?.statusReason,
    liveness: ended ? 'ended' : ((record && known?.running && known.task.liveness) ?? 'unknown'),
    exitCode: shown?.exitCode,
    startedAt: shown?.startedAt,
    finishedAt: shown?.finishedAt,
    durationMs: shown?.durationMs,
    timeoutMs: shown?.timeoutMs,
    pid: shown?.childPid,
    pgid: shown?.pgid,
    survivors: ended && (known?.task.survivors ?? false),
    delivered: shown?.completionDelivered ?? false,
    notifyOnCompletion: shown?.notifyOnCompletion ?? true,
    ptyRows: shown?.ptyRows,
    ptyCols: shown?.ptyCols,
    captures,
    outputBytes: sum(captures),
    problem,
  };
  return {
    task,
    sessionDir: paths.sessionDir,
    version,
    running: ended ? undefined : record,
    leftBehind: ended ? mayHaveSurvivors(record, known) : undefined,
  };
}

/** AFT lists survivors since schema 6; of others, the end must have been seen. */
function mayHaveSurvivors(
  record: PersistedTask | undefined,
  known: Bundle | undefined,
): PersistedTask | undefined {
  const listed = record?.liveDescendants;
  const likely = listed === undefined ? known?.running !== undefined : listed.length > 0;
  return likely ? record : undefined;
}

/** Would a user see a difference? */
export function isSameTask(left: Task, right: Task): boolean {
  if (left === right) return true;
  for (const name of Object.keys(left) as (keyof Task)[]) {
    if (name !== 'captures' && left[name] !== right[name]) return false;
  }
  return isSameSizes(left.captures, right.captures);
}

/** The bundle with the sizes that its captures have now. */
function withCaptures(bundle: Bundle, paths: TaskPaths): Bundle {
  const { task } = bundle;
  const captures = sizes(task.mode, paths);
  if (isSameSizes(task.captures, captures)) return bundle;
  return { ...bundle, task: { ...task, captures, outputBytes: sum(captures) } };
}

function sizes(mode: TaskMode, paths: TaskPaths): Task['captures'] {
  // A link in the place of `io` would show other files' sizes.
  if (paths.taskDir !== undefined && lookAt(`${paths.taskDir}${sep}io`)?.isDirectory() !== true)
    return {};
  return captureSizes(mode, paths);
}

function isSameSizes(left: Task['captures'], right: Task['captures']): boolean {
  return left.stdout === right.stdout && left.stderr === right.stderr && left.pty === right.pty;
}

function sum(captures: Task['captures']): number | undefined {
  const { stdout, stderr, pty } = captures;
  if (stdout === undefined && stderr === undefined && pty === undefined) return undefined;
  return (stdout ?? 0) + (stderr ?? 0) + (pty ?? 0);
}

function versionOf(stats: Stats | undefined, found: FoundLayouts): Version | undefined {
  if (stats === undefined) return undefined;
  return {
    inode: stats.ino,
    size: stats.size,
    modifiedAt: stats.mtimeMs,
    changedAt: stats.ctimeMs,
    layouts: Number(found.flat) + 2 * Number(found.directory),
  };
}

function isSame(left: Version, right: Version): boolean {
  return (
    left.inode === right.inode &&
    left.size === right.size &&
    left.modifiedAt === right.modifiedAt &&
    left.changedAt === right.changedAt &&
    left.layouts === right.layouts
  );
}

/** What is at a path, a link itself; absent also where that can't be found out. */
function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
