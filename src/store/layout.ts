import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { isTaskId } from '../persistence/paths.ts';

/** AFT's name for the directory that holds the sessions. */
export const tasksDirectoryName = 'bash-tasks';

/** The directories beside the harnesses that AFT fills with other things, and often. */
const otherDirectories = new Set([
  'artifact-owners',
  'bash-tasks-quarantine',
  'callgraph',
  'index',
  'logs',
  'semantic',
  'shims',
  'symbols',
]);

/** A directory, as it was when it was listed. */
export interface Directory {
  readonly path: string;
  /** Tells it from another directory that takes its path later. */
  readonly identity: number;
  readonly modifiedAt: number;
}

/** A directory of sessions: `bash-tasks` below the root or below a harness. */
export interface TasksDirectory extends Directory {
  readonly harness: string | undefined;
}

/** A session's directory. */
export interface SessionDirectory extends Directory {
  readonly harness: string | undefined;
  readonly hash: string;
}

/** In which layouts a session's directory has a task. */
export interface FoundLayouts {
  readonly flat: boolean;
  readonly directory: boolean;
}

/** What is directly below a storage root. */
export interface RootListing {
  readonly root: Directory;
  readonly tasksDirectories: readonly TasksDirectory[];
  /** The root's child directories, which are harnesses, or may become some. */
  readonly harnesses: readonly Directory[];
  /** Those of them that can't be looked into, with the system's error. */
  readonly locked: readonly { readonly path: string; readonly error: unknown }[];
}

/**
 * Lists a storage root: every child directory that has `bash-tasks`, and the root itself. Harness
 * names are found, not known. Symbolic links are not followed. Throws the system's errors.
 */
export function listRoot(path: string): RootListing | 'missing' {
  const tasksDirectories: TasksDirectory[] = [];
  const harnesses: Directory[] = [];
  const locked: { path: string; error: unknown }[] = [];
  const take = (harness: string | undefined, parent: string): boolean => {
    const tasks = join(parent, tasksDirectoryName);
    const stats = lstatSync(tasks, { throwIfNoEntry: false });
    if (stats?.isDirectory() !== true) return false;
    tasksDirectories.push({ ...asDirectory(tasks, stats), harness });
    return true;
  };
  // It was a real path when it was found: a link there now leads elsewhere.
  const stats = lstatSync(path);
  if (!stats.isDirectory()) return 'missing';
  take(undefined, path);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (!entry.isDirectory() || !isHarnessName(entry.name)) continue;
    const child = join(path, entry.name);
    try {
      if (!take(entry.name, child) && otherDirectories.has(entry.name)) continue;
    } catch (error) {
      locked.push({ path: child, error });
    }
    const directory = directoryAt(child);
    if (directory !== undefined) harnesses.push(directory);
  }
  return { root: asDirectory(path, stats), tasksDirectories, harnesses, locked };
}

/** Lists the sessions of a `bash-tasks` directory. Throws the system's errors. */
export function listSessions(tasks: TasksDirectory): SessionDirectory[] {
  const sessions: SessionDirectory[] = [];
  for (const entry of readdirSync(tasks.path, { withFileTypes: true })) {
    if (!entry.isDirectory() || !isSessionHash(entry.name)) continue;
    const directory = directoryAt(join(tasks.path, entry.name));
    if (directory === undefined) continue;
    sessions.push({ ...directory, harness: tasks.harness, hash: entry.name });
  }
  return sessions;
}

/**
 * Lists the tasks of a session's directory. A record that is a link counts: it is one with a
 * problem. Temporary names, tombstones and foreign names don't. Throws the system's errors.
 */
export function listTasks(session: string): Map<string, FoundLayouts> {
  const tasks = new Map<string, FoundLayouts>();
  for (const entry of readdirSync(session, { withFileTypes: true })) {
    const { name } = entry;
    // Most names are captures' and markers'.
    const directory = entry.isDirectory();
    if (!directory && !name.endsWith(recordSuffix)) continue;
    const taskId = directory ? name : name.slice(0, -recordSuffix.length);
    if (!isTaskId(taskId)) continue;
    const other = tasks.get(taskId);
    if (other === undefined) tasks.set(taskId, directory ? onlyDirectory : onlyFlat);
    else tasks.set(taskId, { flat: true, directory: true });
  }
  return tasks;
}

/** In which layouts a session's directory has this task now. */
export function findTask(session: string, taskId: string): FoundLayouts {
  const directory = lstatQuietly(join(session, taskId));
  const flat = lstatQuietly(join(session, taskId + recordSuffix));
  return { flat: flat?.isDirectory() === false, directory: directory?.isDirectory() === true };
}

/** Is this the name of a session's directory: 16 hex digits? */
export function isSessionHash(name: string): boolean {
  return /^[0-9a-f]{16}$/.test(name);
}

/** The id of the task that a file or directory of this name in a session's directory belongs to. */
export function taskOf(name: string): string | undefined {
  const end = name.indexOf('.');
  const taskId = end < 0 ? name : name.slice(0, end);
  return isTaskId(taskId) ? taskId : undefined;
}

const recordSuffix = '.json';

const onlyFlat: FoundLayouts = { flat: true, directory: false };
const onlyDirectory: FoundLayouts = { flat: false, directory: true };

/** Harness names become part of keys and addresses, where `_` stands for none. */
function isHarnessName(name: string): boolean {
  return name !== tasksDirectoryName && /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name);
}

function directoryAt(path: string): Directory | undefined {
  const stats = lstatQuietly(path);
  return stats?.isDirectory() === true ? asDirectory(path, stats) : undefined;
}

function asDirectory(path: string, stats: Stats): Directory {
  return { path, identity: stats.ino, modifiedAt: stats.mtimeMs };
}

function lstatQuietly(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
