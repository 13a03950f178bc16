import assert from 'node:assert/strict';
import {
  fstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemWrites, type WriteSystem } from '../../../src/persistence/atomicWrite.ts';
import { PersistenceError, type PersistenceReason } from '../../../src/persistence/errors.ts';
import { bundlePaths, hashSession, type TaskPaths } from '../../../src/persistence/paths.ts';
import type { Layout } from '../../../src/persistence/record.ts';

export const taskId = 'bash-0123456789abcdef';
export const sessionId = 'ses_alpha';
/** The name of the usual task's entry in the trash. */
export const trashEntry = `opencode.761e48ac259824c0.${taskId}`;

/** A fresh directory for each test of the surrounding `describe`. */
export function temporaryDirectory(): () => string {
  let directory = '';
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'persistence-')));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return () => directory;
}

/** The paths of the usual task in a storage, harness `opencode`. */
export function pathsIn(storage: string, layout: Layout, id = taskId): TaskPaths {
  const sessionDir = join(storage, 'opencode', 'bash-tasks', hashSession(sessionId));
  return bundlePaths(sessionDir, id, layout);
}

/** Writes a file and the directories above it. */
export function put(path: string, content: string | Uint8Array = ''): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** A record of schema 4 as AFT has it on disk, some keys replaced, added, or (undefined) left out. */
export function recordJson(changes: Readonly<Record<string, unknown>> = {}): string {
  const record = {
    schema_version: 4,
    task_id: taskId,
    session_id: sessionId,
    command: 'echo hello',
    mode: 'pipes',
    workdir: '/home/dev/project',
    project_root: '/home/dev/project',
    status: 'completed',
    started_at: 1795379393720,
    finished_at: 1795379393819,
    duration_ms: 99,
    timeout_ms: 1800000,
    exit_code: 0,
    child_pid: null,
    pgid: 8922,
    completion_delivered: false,
    notify_on_completion: true,
    compressed: true,
    pty_rows: null,
    pty_cols: null,
    status_reason: null,
    ...changes,
  };
  return JSON.stringify(record, null, 2);
}

/** The PersistenceError that a call throws. */
export function failure(work: () => unknown): PersistenceError {
  try {
    work();
  } catch (error) {
    assert.ok(PersistenceError.is(error), String(error));
    return error;
  }
  assert.fail('nothing was thrown');
}

export function assertFails(work: () => unknown, reason: PersistenceReason): PersistenceError {
  const error = failure(work);
  assert.equal(error.reason, reason, error.message);
  return error;
}

/**
 * Writes as the system does, and does something as another program would when a new content is on
 * the disk and nothing has its name yet: the first time, or so many times.
 */
export function interrupted(work: (time: number) => void, times = 1): WriteSystem {
  let time = 0;
  return {
    ...systemWrites,
    sync: (fd) => {
      systemWrites.sync(fd);
      if (fstatSync(fd).isDirectory() || time === times) return;
      time += 1;
      work(time);
    },
  };
}

/** Every file and directory below a directory, by relative path. */
export function tree(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
}
