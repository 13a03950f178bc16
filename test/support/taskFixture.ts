import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundlePaths, hashSession, type TaskPaths } from '../../src/persistence/paths.ts';
import {
  isTerminalStatus,
  starting,
  type Layout,
  type PersistedTask,
} from '../../src/persistence/record.ts';
import { writeTask } from '../../src/persistence/taskFile.ts';
import { storageId } from '../../src/store/discovery.ts';

/** What a test wants to say about a task; the rest is as AFT would have it. */
export interface TaskFixture {
  readonly storage: string;
  /** Default `opencode`; `undefined` for the storage's root level. */
  readonly harness?: string | undefined;
  readonly sessionId?: string;
  readonly taskId?: string;
  readonly layout?: Layout;
  readonly record?: Partial<PersistedTask>;
  readonly stdout?: string | Uint8Array;
  readonly stderr?: string | Uint8Array;
  readonly pty?: string | Uint8Array;
  /** The exit marker's content. */
  readonly exit?: string;
}

export interface FixtureTask {
  readonly key: string;
  readonly taskId: string;
  readonly paths: TaskPaths;
  readonly record: PersistedTask;
}

export function newTaskId(): string {
  return `bash-${randomBytes(8).toString('hex')}`;
}

/** Writes a task into a storage: a finished one of schema 6 in the directory layout, if not told otherwise. */
export function writeTaskFixture(fixture: TaskFixture): FixtureTask {
  const {
    storage,
    sessionId = 'ses_fixture',
    taskId = newTaskId(),
    layout = 'directory',
  } = fixture;
  const harness = 'harness' in fixture ? fixture.harness : 'opencode';
  const sessionHash = hashSession(sessionId);
  const sessionDir = join(storage, harness ?? '', 'bash-tasks', sessionHash);
  const paths = bundlePaths(sessionDir, taskId, layout);
  const record = fixtureRecord(fixture, sessionId, taskId, layout);
  mkdirSync(dirname(paths.exit), { recursive: true, mode: 0o700 });
  const captures =
    record.mode === 'pty'
      ? { [paths.pty]: fixture.pty ?? '' }
      : { [paths.stdout]: fixture.stdout ?? '', [paths.stderr]: fixture.stderr ?? '' };
  for (const [path, content] of Object.entries(captures)) {
    writeFileSync(path, content, { mode: 0o600 });
  }
  const marker =
    fixture.exit ?? (isTerminalStatus(record.status) ? String(record.exitCode ?? 0) : '');
  if (layout === 'directory' || marker !== '') writeFileSync(paths.exit, marker, { mode: 0o600 });
  writeTask(paths, record);
  const key = `${storageId(storage)}/${harness ?? '_'}/${sessionHash}/${taskId}`;
  return { key, taskId, paths, record };
}

function fixtureRecord(
  { record = {} }: TaskFixture,
  sessionId: string,
  taskId: string,
  layout: Layout,
): PersistedTask {
  const finishedAt = Date.now() - 60_000;
  const base: PersistedTask = {
    ...starting({
      taskId,
      sessionId,
      command: 'echo fixture',
      workdir: '/tmp',
      projectRoot: '/tmp',
      notifyOnCompletion: true,
      compressed: true,
    }),
    schemaVersion: layout === 'directory' ? 6 : 4,
    status: 'completed',
    startedAt: finishedAt - 2000,
    finishedAt,
    durationMs: 2000,
    exitCode: 0,
    pgid: 99_999_999,
  };
  return { ...base, ...record };
}
