import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { PersistenceError } from './errors.ts';
import type { Layout } from './record.ts';
import { exists } from './safeFile.ts';

/** Where the parts of one task are. */
export interface TaskPaths {
  readonly layout: Layout;
  /** The session's directory: 16 hex digits below `bash-tasks`. */
  readonly sessionDir: string;
  readonly taskId: string;
  /** The record. */
  readonly json: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly pty: string;
  /** The exit marker. */
  readonly exit: string;
  /** The task's own directory; absent in the flat layout. */
  readonly taskDir: string | undefined;
}

/** Is this a task id of any AFT version? Nothing else may become part of a path. */
export function isTaskId(text: string): boolean {
  return /^(?:bash|bgb)-[0-9a-f]{8}(?:[0-9a-f]{8})?$/.test(text);
}

/** The name of a session's directory: the first 16 hex digits of SHA-256 of its id. */
export function hashSession(sessionId: string): string {
  return shortHash(sessionId);
}

/**
 * The `project_key` of AFT's database rows, as 0.57.2 makes it: the first 16 hex digits of SHA-256
 * of the root's canonical path. Git is not asked (older versions did).
 */
export function projectCacheKey(projectRoot: string): string {
  let canonical: string;
  try {
    canonical = realpathSync.native(projectRoot);
  } catch {
    // A root that can't be looked at still has a key: its path without `.` and `..`.
    canonical = resolve(projectRoot);
  }
  return shortHash(canonical);
}

/**
 * A session's directory below a storage root, as the seed finds it: the direct one if it exists;
 * else that of `opencode` or `pi` if exactly one of them has it; else the direct one.
 */
export function sessionTasksDir(storageDir: string, sessionId: string): string {
  const session = hashSession(sessionId);
  const direct = join(storageDir, 'bash-tasks', session);
  if (existsSync(direct)) return direct;
  const [match, ...others] = ['opencode', 'pi']
    .map((harness) => join(storageDir, harness, 'bash-tasks', session))
    .filter((directory) => existsSync(directory));
  return match !== undefined && others.length === 0 ? match : direct;
}

/**
 * A task's paths below a storage root; the layout is the one found on disk, or else flat.
 * Throws `unsafe-path` for an id that is not one, `corrupt` where both layouts are there.
 */
export function taskPaths(storageDir: string, sessionId: string, taskId: string): TaskPaths {
  const sessionDir = sessionTasksDir(storageDir, sessionId);
  const paths = bundlePaths(sessionDir, taskId, 'directory');
  const directory = exists(join(sessionDir, taskId));
  if (!directory) return bundlePaths(sessionDir, taskId, 'flat');
  refuseTwoLayouts(paths);
  return paths;
}

/** The paths of a task whose layout is known. Throws `unsafe-path` for an id that is not one. */
export function bundlePaths(sessionDir: string, taskId: string, layout: Layout): TaskPaths {
  if (!isTaskId(taskId)) {
    throw new PersistenceError('unsafe-path', `${JSON.stringify(taskId)} is not a task id.`);
  }
  // Put together by hand: a scan does this for every task, and `join` would cost as much as a system call.
  const taskPath = `${sessionDir}${sep}${taskId}`;
  if (layout === 'directory') {
    const io = `${taskPath}${sep}io${sep}`;
    return {
      layout,
      sessionDir,
      taskId,
      json: `${taskPath}${sep}control${sep}metadata.json`,
      stdout: `${io}stdout`,
      stderr: `${io}stderr`,
      pty: `${io}pty`,
      exit: `${io}exit`,
      taskDir: taskPath,
    };
  }
  return {
    layout,
    sessionDir,
    taskId,
    json: `${taskPath}.json`,
    stdout: `${taskPath}.stdout`,
    stderr: `${taskPath}.stderr`,
    pty: `${taskPath}.pty`,
    exit: `${taskPath}.exit`,
    taskDir: undefined,
  };
}

/**
 * Throws `corrupt` where the task is there in the other layout (too): which of the two is meant
 * can't be known. AFT 0.57.2 refuses it as well.
 */
export function refuseTwoLayouts(paths: TaskPaths): void {
  const flat = join(paths.sessionDir, `${paths.taskId}.json`);
  const directory = join(paths.sessionDir, paths.taskId);
  const [own, other] = paths.layout === 'flat' ? [flat, directory] : [directory, flat];
  if (!exists(other)) return;
  throw new PersistenceError(
    'corrupt',
    `The bundle is ambiguous: ${other} belongs to the same task as ${own}. Move one of them away.`,
    { path: paths.json },
  );
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
