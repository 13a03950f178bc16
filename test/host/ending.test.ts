import * as assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { taskItem } from '../../src/explorer/items.ts';
import type { TaskNode } from '../../src/explorer/nodes.ts';
import { taskTooltip } from '../../src/explorer/taskTooltip.ts';
import type { PersistedTask } from '../../src/persistence/record.ts';
import { readTask } from '../../src/persistence/taskFile.ts';
import type { Task } from '../../src/store/task.ts';
import { writeTaskFixture, type FixtureTask } from '../support/taskFixture.ts';
import { api, setSetting, showStorage, taskWhere } from './fixture.ts';

describe('ending tasks', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    storage = await showStorage();
    await setSetting('confirm.kill', false);
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await setSetting('confirm.kill', undefined);
    await storage.remove();
  });

  function run(id: string, argument?: unknown, selected?: unknown): Thenable<unknown> {
    return vscode.commands.executeCommand(`aftTasks.${id}`, argument, selected);
  }

  /** A running task of this process, or one whose process has gone a while ago. */
  async function shown(
    sessionId: string,
    pid: number | undefined,
    record: Partial<PersistedTask> = {},
    exit?: string,
  ): Promise<FixtureTask> {
    const task = writeTaskFixture({
      storage: storage.directory,
      sessionId,
      ...(exit !== undefined && { exit }),
      record: {
        ...{ status: 'running', startedAt: Date.now(), finishedAt: undefined },
        ...{ durationMs: undefined, exitCode: undefined, childPid: pid, pgid: pid },
        ...record,
      },
    });
    await taskWhere(task.key);
    return task;
  }

  function sleeping(): ChildProcess {
    const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    children.push(child);
    return child;
  }

  const goneNumber = 2 ** 22 + 1;
  const session = ({ key }: FixtureTask): object => ({
    kind: 'session',
    id: key.slice(0, key.lastIndexOf('/')),
    tasks: new Map(),
  });

  it('killAllRunning kills a session’s running tasks, asking once with a count', async () => {
    await setSetting('confirm.kill', true);
    const [first, second, other] = [sleeping(), sleeping(), sleeping()];
    const tasks = [await shown('ses_a', first.pid), await shown('ses_a', second.pid)];
    const orphan = await shown('ses_a', goneNumber, { startedAt: Date.now() - 3_600_000 });
    const elsewhere = await shown('ses_b', other.pid);
    for (const { key } of [...tasks, elsewhere]) {
      await taskWhere(key, ({ liveness }) => liveness === 'alive');
    }
    const exits = Promise.all([once(first, 'exit'), once(second, 'exit')]);
    const asked: string[] = [];
    const window = vscode.window as { showWarningMessage: unknown };
    const own = window.showWarningMessage;
    window.showWarningMessage = (message: string, options: vscode.MessageOptions) => {
      asked.push(`${message} ${options.detail ?? ''}`);
      return Promise.resolve(options.modal === true ? 'Kill' : undefined);
    };
    try {
      await run('killAllRunning', session(tasks[0]!));
    } finally {
      window.showWarningMessage = own;
    }
    await exits;
    assert.equal(asked.length, 1, asked.join('\n'));
    assert.match(asked[0] ?? '', /Kill 2 running tasks\? They are of 1 session\. Their processes/);
    for (const { paths } of tasks) assert.equal(readTask(paths).status, 'killed');
    assert.equal(readTask(orphan.paths).status, 'running');
    assert.equal(readTask(elsewhere.paths).status, 'running');
    assert.equal(other.exitCode ?? other.signalCode, null);
  });

  it('recordEnded records what the exit marker tells of a task whose process is gone', async () => {
    const old = { startedAt: Date.now() - 3_600_000 };
    const orphan = await shown('ses_a', goneNumber, old, '3');
    await taskWhere(orphan.key, ({ liveness }) => liveness === 'orphaned');
    await run('recordEnded', orphan.key);
    const ended = await taskWhere(orphan.key, ({ liveness }) => liveness === 'ended');
    assert.deepEqual([ended.status, ended.exitCode], ['failed', 3]);
  });

  it('recordEnded leaves a task that lives', async () => {
    const child = sleeping();
    const task = await shown('ses_a', child.pid);
    await taskWhere(task.key, ({ liveness }) => liveness === 'alive');
    const before = readFileSync(task.paths.json, 'utf8');
    await run('recordEnded', task.key);
    assert.equal(readFileSync(task.paths.json, 'utf8'), before);
    assert.equal(child.exitCode ?? child.signalCode, null);
  });

  it('stopNotifying writes both fields together, and nothing else', async () => {
    const task = await shown('ses_a', sleeping().pid);
    const before = readFileSync(task.paths.json, 'utf8');
    await run('stopNotifying', task.key);
    await taskWhere(task.key, ({ delivered }) => delivered);
    assert.equal(
      readFileSync(task.paths.json, 'utf8'),
      before
        .replace('"completion_delivered": false', '"completion_delivered": true')
        .replace('"notify_on_completion": true', '"notify_on_completion": false'),
    );
  });

  it('markAllDelivered takes a session, a selection, or everything', async () => {
    const ended = { status: 'completed', exitCode: 0, finishedAt: Date.now() } as const;
    const tasks: FixtureTask[] = [];
    for (const name of ['ses_a', 'ses_a', 'ses_b', 'ses_c']) {
      tasks.push(await shown(name, undefined, ended));
    }
    const delivered = (): boolean[] =>
      tasks.map(({ paths }) => readTask(paths).completionDelivered);
    await run('markAllDelivered', session(tasks[0]!));
    assert.deepEqual(delivered(), [true, true, false, false]);
    const rows = [session(tasks[0]!), { kind: 'task', key: tasks[2]!.key }];
    await run('markAllDelivered', rows[1], rows);
    assert.deepEqual(delivered(), [true, true, true, false]);
  });

  it('markAllDelivered says once of all that an AFT which runs goes by its memory', async () => {
    const owner = join(storage.directory, 'artifact-owners', 'project');
    mkdirSync(owner, { recursive: true });
    const now = Date.now();
    const lives = { pid: process.pid, created_at_ms: now, heartbeat_at_ms: now };
    const text = JSON.stringify({ checkout_path: '/tmp', ...lives });
    writeFileSync(join(owner, 'owner.json'), text);
    const ended = { status: 'completed', exitCode: 0, finishedAt: now } as const;
    const task = await shown('ses_a', undefined, ended);
    await shown('ses_a', undefined, ended);
    const told: string[] = [];
    const window = vscode.window as { showInformationMessage: unknown };
    const own = window.showInformationMessage;
    window.showInformationMessage = (message: string) => {
      told.push(message);
      return Promise.resolve(undefined);
    };
    try {
      await run('markAllDelivered', session(task));
    } finally {
      window.showInformationMessage = own;
    }
    assert.match(
      told.join('\n'),
      /^2 tasks marked as delivered\. The AFT that runs may tell[^.]*\.$/,
    );
  });

  it('kill ends what a finished task has left behind', async () => {
    const startedAt = Date.now();
    const child = sleeping();
    const ended = { status: 'completed', exitCode: 0, startedAt, finishedAt: startedAt + 5000 };
    const task = await shown('ses_a', undefined, { ...(ended as object), pgid: child.pid });
    const listed = `"live_descendants": [{"pid": ${child.pid ?? 0}, "comm": "sleep", "argv0": "sleep"}],\n  `;
    const text = readFileSync(task.paths.json, 'utf8');
    writeFileSync(task.paths.json, text.replace('"completion_delivered"', `${listed}$&`));
    const exited = once(child, 'exit');
    await run('kill', task.key);
    await exited;
    assert.deepEqual(readTask(task.paths).liveDescendants, []);
    assert.equal(readTask(task.paths).status, 'completed');
    assert.equal((await api()).tasks().find(({ key }) => key === task.key)?.exitCode, 0);
  });
});

describe('a task’s row and tooltip', () => {
  const day = 86_400_000;
  const ended: Task = {
    ...{ key: '00000000/_/0000000000000000/bash-00000001', taskId: 'bash-00000001' },
    ...{ storageId: '00000000', storageDirectory: '/tmp', harness: undefined },
    ...{ sessionHash: '0000000000000000', layout: 'directory', schemaVersion: 6, sessionId: 's' },
    ...{ command: 'make', mode: 'pipes', workdir: '/tmp', projectRoot: '/tmp' },
    ...{ status: 'completed', statusReason: undefined, liveness: 'ended', exitCode: 0 },
    ...{ startedAt: 1, finishedAt: day, durationMs: 1, timeoutMs: undefined, pid: undefined },
    ...{ pgid: 12, survivors: false, delivered: true, notifyOnCompletion: true },
    ...{ ptyRows: undefined, ptyCols: undefined, captures: {}, outputBytes: undefined },
    problem: undefined,
  };
  const running: Partial<Task> = { status: 'running', liveness: 'alive', delivered: false };

  function flags(fields: Partial<Task>): string[] {
    const task = { ...ended, ...fields };
    const node = { kind: 'task', key: task.key } as TaskNode;
    return taskItem(node, task, day).contextValue?.split(' ').slice(1) ?? [];
  }

  it('offer what can be done with the task, and no more', () => {
    assert.deepEqual(flags({}), ['deletable']);
    assert.deepEqual(flags({ delivered: false }), ['deletable', 'deliverable']);
    assert.deepEqual(flags({ survivors: true }), ['killable', 'deletable']);
    assert.deepEqual(flags(running), ['killable', 'notifying']);
    assert.deepEqual(flags({ ...running, notifyOnCompletion: false }), ['killable']);
    assert.deepEqual(flags({ ...running, schemaVersion: 1 }), ['killable']);
    assert.deepEqual(flags({ ...running, liveness: 'orphaned' }), ['notifying', 'orphan']);
    assert.deepEqual(flags({ ...running, liveness: 'unknown' }), ['killable', 'notifying']);
    assert.deepEqual(flags({ ...running, problem: 'newer' }), []);
  });

  it('say what AFT will remove by itself, and when', () => {
    const until = new Date(2 * day).toLocaleString(vscode.env.language);
    const kept = (fields: Partial<Task>): string =>
      taskTooltip({ ...ended, ...fields }, []).value.replaceAll('&nbsp;', ' ');
    assert.ok(kept({}).replaceAll('\\', '').includes(`until ${until}, then AFT removes it`));
    assert.match(kept({ delivered: false }), /until its agent has been told/);
    assert.doesNotMatch(kept(running), /Kept/);
  });
});
