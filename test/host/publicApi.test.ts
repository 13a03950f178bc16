import * as assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TaskSummary } from '../../src/api.ts';
import { readTask } from '../../src/persistence/taskFile.ts';
import { newTaskId, writeTaskFixture, type FixtureTask } from '../support/taskFixture.ts';
import { api, running, showStorage, taskGone, taskWhere } from './fixture.ts';

/** What `activate` returns, as another extension calls it. */
describe('the public API', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;

  beforeEach(async () => {
    storage = await showStorage();
  });

  afterEach(async () => {
    await storage.remove();
  });

  async function shownTask(
    fixture: Omit<Parameters<typeof writeTaskFixture>[0], 'storage'> = {},
  ): Promise<FixtureTask> {
    const task = writeTaskFixture({ storage: storage.directory, ...fixture });
    await taskWhere(task.key);
    return task;
  }

  it('tells everything about a task, in fields of a fixed name', async () => {
    const { key, taskId } = await shownTask({ stdout: 'four', exit: '0' });
    const { tasks } = await api();
    const task = tasks().find((summary) => summary.key === key)!;
    assert.match(key, /^[0-9a-f]{8}\/opencode\/[0-9a-f]{16}\/bash-[0-9a-f]{16}$/);
    assert.deepEqual(
      Object.keys(task).sort(),
      (
        'key taskId sessionId harness storageDirectory layout schemaVersion command mode workdir ' +
        'projectRoot status liveness exitCode statusReason startedAt finishedAt durationMs ' +
        'timeoutMs pid pgid delivered outputBytes problem'
      )
        .split(' ')
        .sort(),
    );
    const { sessionId, harness, storageDirectory, layout, schemaVersion, mode } = task;
    assert.deepEqual(
      { taskId: task.taskId, sessionId, harness, storageDirectory, layout, schemaVersion, mode },
      {
        taskId,
        sessionId: 'ses_fixture',
        harness: 'opencode',
        storageDirectory: storage.directory,
        layout: 'directory',
        schemaVersion: 6,
        mode: 'pipes',
      },
    );
    const { status, liveness, exitCode, durationMs, timeoutMs, delivered, outputBytes } = task;
    assert.deepEqual(
      { status, liveness, exitCode, durationMs, timeoutMs, delivered, outputBytes },
      {
        status: 'completed',
        liveness: 'ended',
        exitCode: 0,
        durationMs: 2000,
        timeoutMs: undefined,
        delivered: false,
        outputBytes: 4,
      },
    );
  });

  it('has _ in the key of a task without a harness, and tells it as flat', async () => {
    const { key } = await shownTask({ harness: undefined, layout: 'flat' });
    const { harness, layout } = await taskWhere(key);
    assert.match(key, /^[0-9a-f]{8}\/_\//);
    assert.deepEqual({ harness, layout }, { harness: undefined, layout: 'flat' });
  });

  it('tells what was added, changed and removed', async () => {
    const { onDidChangeTasks, deleteTasks, markDelivered } = await api();
    const told: string[] = [];
    const note = (what: string, tasks: readonly TaskSummary[]): void => {
      for (const { key } of tasks) told.push(`${what} ${key}`);
    };
    const listening = onDidChangeTasks(({ added, changed, removed }) => {
      note('added', added);
      note('changed', changed);
      note('removed', removed);
    });
    const { key } = await shownTask();
    await markDelivered([key]);
    await taskWhere(key, ({ delivered }) => delivered);
    await deleteTasks([key]);
    await taskGone(key);
    listening.dispose();
    const ofTask = told.filter((line) => line.endsWith(key));
    assert.deepEqual([...new Set(ofTask)], [`added ${key}`, `changed ${key}`, `removed ${key}`]);
  });

  it('gives the address of a task’s stream, by its key or its id', async () => {
    const { key, taskId } = await shownTask();
    const { outputUri } = await api();
    const address = `aft-output://${key}.stderr.log`;
    assert.equal(outputUri(key, 'stderr').toString(), address);
    assert.equal(outputUri(taskId, 'stderr').toString(), address);
    assert.throws(() => outputUri(newTaskId(), 'output'), /There is no task/);
  });

  it('kills a task without asking, and answers when it has', async () => {
    const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    const ended = once(child, 'exit');
    try {
      const record = { ...running, startedAt: Date.now(), childPid: child.pid, pgid: child.pid };
      const { key, taskId, paths } = await shownTask({ record });
      const { killTask } = await api();
      const { task, done, reason } = await killTask(taskId);
      assert.deepEqual({ task, done, reason }, { task: key, done: true, reason: undefined });
      await ended;
      assert.equal(readTask(paths).status, 'killed');
      const again = await killTask(key);
      assert.equal(again.done, false);
      assert.notEqual(again.reason, undefined);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('answers for each task why it was not acted on, and throws for none', async () => {
    const goesOn = await shownTask({ record: running });
    const ended = await shownTask();
    const twice = await shownTask({ sessionId: 'ses_one' });
    await shownTask({ sessionId: 'ses_two', taskId: twice.taskId });
    const nobody = newTaskId();
    const { deleteTasks, markDelivered } = await api();
    const names = [goesOn.key, nobody, twice.taskId, ended.taskId, '../../etc/passwd'];
    for (const act of [markDelivered, deleteTasks]) {
      const outcomes = await act(names);
      assert.deepEqual(
        outcomes.map(({ task, done, reason }) => ({ task, done, reason })),
        [
          { task: goesOn.key, done: false, reason: 'not-terminal' },
          { task: nobody, done: false, reason: 'not-found' },
          { task: twice.taskId, done: false, reason: 'ambiguous' },
          { task: ended.key, done: true, reason: undefined },
          { task: '../../etc/passwd', done: false, reason: 'not-found' },
        ],
      );
      for (const { message } of outcomes) assert.notEqual(message, '');
    }
    assert.equal(readTask(goesOn.paths).status, 'running');
  });

  it('has read the storage anew when refresh has resolved', async () => {
    const { refresh, tasks } = await api();
    const { key } = writeTaskFixture({ storage: storage.directory });
    await refresh();
    assert.ok(tasks().some((task) => task.key === key));
  });
});
