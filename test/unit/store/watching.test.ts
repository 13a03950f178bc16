import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ChokidarWatcher } from '../../../src/store/chokidarWatcher.ts';
import { hashSession } from '../../../src/persistence/paths.ts';
import { newTaskId, writeTaskFixture, type TaskFixture } from '../../support/taskFixture.ts';
import { inotifyWatches } from './inotify.ts';
import { openStore, temporaryDirectory, type OpenStore } from './openStore.ts';
import { rewrite } from './rewrite.ts';

describe('watching a storage', () => {
  let scope: AsyncDisposableStack;
  let storage: string;
  beforeEach(() => {
    scope = new AsyncDisposableStack();
    storage = temporaryDirectory(scope);
  });
  afterEach(() => scope.disposeAsync());

  /** Opens the storage; resolves when every watch that belongs to what is there works. */
  async function watched(): Promise<OpenStore> {
    const asked = new Map<string, number>();
    const waiting = new Set<string>();
    let told = (): void => undefined;
    const open = openStore(scope, storage, {
      createWatcher: (root, events) => {
        const watcher = new ChokidarWatcher(root, {
          onError: events.onError,
          onEvent: (directory, name) => {
            if (name === undefined) waiting.delete(directory);
            events.onEvent(directory, name);
            told();
          },
        });
        return {
          watch: (directory, identity) => {
            if (asked.get(directory) !== identity) waiting.add(directory);
            asked.set(directory, identity);
            watcher.watch(directory, identity);
          },
          unwatch: (directory) => {
            asked.delete(directory);
            waiting.delete(directory);
            watcher.unwatch(directory);
          },
          dispose: () => watcher.dispose(),
        };
      },
    });
    await open.store.refresh();
    await new Promise<void>((resolve) => {
      told = () => {
        if (waiting.size === 0) resolve();
      };
      told();
    });
    // What their beginning asked for is read, too.
    await open.store.refresh();
    return open;
  }

  const running: Partial<TaskFixture> = { record: { status: 'running', finishedAt: undefined } };

  for (const layout of ['flat', 'directory'] as const) {
    describe(`in the ${layout} layout`, () => {
      it('notices a new task', async () => {
        writeTaskFixture({ storage, layout });
        const { tasks, until } = await watched();
        const { taskId } = writeTaskFixture({ storage, layout });
        await until(() => tasks.has(taskId));
      });

      it('notices a new session, a new harness and a first one', async () => {
        const { tasks, until } = await watched();
        for (const place of [
          { sessionId: 'ses_1' },
          { sessionId: 'ses_2' },
          { harness: 'pi' },
          { harness: undefined },
        ]) {
          const { taskId } = writeTaskFixture({ storage, layout, ...place });
          await until(() => tasks.has(taskId));
        }
      });

      it('notices an end, and then the delivery, reading at most two records each', async () => {
        for (let index = 0; index < 30; index += 1) writeTaskFixture({ storage, layout });
        const { taskId, paths } = writeTaskFixture({ storage, layout, ...running });
        const { store, tasks, until } = await watched();
        let before = store.statistics.recordsRead;
        rewrite(paths.json, { status: 'completed', finished_at: Date.now(), exit_code: 0 });
        await until(() => tasks.get(taskId)?.status === 'completed');
        assert(store.statistics.recordsRead - before <= 2);
        before = store.statistics.recordsRead;
        rewrite(paths.json, { completion_delivered: true });
        await until(() => tasks.get(taskId)?.delivered === true);
        assert(store.statistics.recordsRead - before <= 2);
      });

      it('notices that output comes, without reading a record or listing a session', async () => {
        const { taskId, paths } = writeTaskFixture({ storage, layout, ...running });
        const { store, tasks, until } = await watched();
        const before = { ...store.statistics };
        for (let index = 0; index < 200; index += 1) appendFileSync(paths.stdout, 'line\n');
        await until(() => tasks.get(taskId)?.captures.stdout === 1000);
        assert.deepEqual(store.statistics, before);
      });

      it('notices the deletion of a bundle', async () => {
        const { taskId, paths } = writeTaskFixture({ storage, layout });
        const kept = writeTaskFixture({ storage, layout });
        const { tasks, changes, until } = await watched();
        if (paths.taskDir === undefined) {
          for (const path of [paths.stdout, paths.stderr, paths.exit, paths.json]) rmSync(path);
        } else {
          const tombstone = join(paths.sessionDir, '.aft-tmp-0123456789abcdef0123456789abcdef');
          renameSync(paths.taskDir, tombstone);
          rmSync(tombstone, { recursive: true });
        }
        await until(() => !tasks.has(taskId));
        assert.deepEqual([...tasks.keys()], [kept.taskId]);
        assert.deepEqual(
          changes.at(-1)?.removed.map((task) => task.taskId),
          [taskId],
        );
      });

      it('notices that a broken record is replaced by a whole one', async () => {
        const { taskId, paths, record } = writeTaskFixture({ storage, layout });
        writeFileSync(paths.json, '{"schema_version": 4,');
        const { tasks, until } = await watched();
        assert.notEqual(tasks.get(taskId)?.problem, undefined);
        writeTaskFixture({ storage, layout, taskId, record });
        await until(() => tasks.get(taskId)?.problem === undefined);
      });
    });
  }

  it('notices the record of a task that was being started', async () => {
    const { taskId, paths, record } = writeTaskFixture({ storage });
    rmSync(dirname(paths.json), { recursive: true });
    const { tasks, until } = await watched();
    assert.equal(tasks.size, 0);
    mkdirSync(dirname(paths.json));
    writeTaskFixture({ storage, taskId, record });
    await until(() => tasks.has(taskId));
  });

  it('finds the tasks again when the root level is renamed below a harness', async () => {
    const { taskId } = writeTaskFixture({ storage, harness: undefined });
    const { tasks, until } = await watched();
    mkdirSync(join(storage, 'opencode'));
    renameSync(join(storage, 'bash-tasks'), join(storage, 'opencode', 'bash-tasks'));
    await until(() => tasks.get(taskId)?.harness === 'opencode');
    const later = writeTaskFixture({ storage });
    await until(() => tasks.has(later.taskId));
  });

  it('notices that a session, a harness or the storage goes, and comes again', async () => {
    const { tasks, until, states } = await watched();
    const tasksDirectory = join(storage, 'opencode', 'bash-tasks');
    for (const directory of [
      join(tasksDirectory, hashSession('ses_fixture')),
      tasksDirectory,
      storage,
    ]) {
      const { taskId } = writeTaskFixture({ storage });
      await until(() => tasks.has(taskId));
      rmSync(directory, { recursive: true });
      await until(() => tasks.size === 0);
    }
    await until(() => states.at(-1)?.problem !== undefined);
    const { taskId } = writeTaskFixture({ storage });
    await until(() => tasks.has(taskId) && states.at(-1)?.problem === undefined);
  });

  it('notices that the storage is moved away, and that another takes its place', async () => {
    const { taskId } = writeTaskFixture({ storage });
    const { tasks, until } = await watched();
    const away = `${storage}-away`;
    scope.defer(() => {
      rmSync(away, { recursive: true, force: true });
    });
    renameSync(storage, away);
    await until(() => !tasks.has(taskId));
    const other = writeTaskFixture({ storage });
    await until(() => tasks.has(other.taskId));
    const later = writeTaskFixture({ storage });
    await until(() => tasks.has(later.taskId));
  });

  it('is not disturbed by temporary names and by AFT writing its database', async () => {
    const { paths } = writeTaskFixture({ storage });
    writeFileSync(join(storage, 'aft.db-wal'), '');
    const { store, tasks, until } = await watched();
    const before = { ...store.statistics };
    for (let index = 0; index < 20; index += 1) {
      appendFileSync(join(storage, 'aft.db-wal'), 'page');
      const temporary = join(paths.sessionDir, `.aft-tmp-${String(index).padStart(32, '0')}`);
      writeFileSync(temporary, '');
      rmSync(temporary);
      writeFileSync(join(paths.sessionDir, 'bash-notes.txt'), '');
    }
    const { taskId } = writeTaskFixture({ storage });
    await until(() => tasks.has(taskId));
    assert.equal(store.statistics.sessionsListed, before.sessionsListed);
  });

  it('notices that the process of a running task has died, with nothing written', async () => {
    const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    scope.defer(() => {
      child.kill('SIGKILL');
    });
    await once(child, 'spawn');
    const pid = child.pid!;
    const { taskId, paths } = writeTaskFixture({
      storage,
      record: { status: 'running', startedAt: Date.now(), childPid: pid, pgid: pid },
    });
    const { store, tasks, until } = await watched();
    assert.equal(tasks.get(taskId)?.liveness, 'alive');
    child.kill('SIGKILL');
    await once(child, 'exit');
    store.setVisible(true);
    await until(() => tasks.get(taskId)?.liveness === 'orphaned');
    rewrite(paths.json, { status: 'killed', exit_code: 137, child_pid: null });
    await until(() => tasks.get(taskId)?.liveness === 'ended');
  });

  it('takes about one watch a directory, none a file and none a finished task', async function () {
    if (process.platform !== 'linux') return;
    for (let index = 0; index < 200; index += 1) {
      writeTaskFixture({
        storage,
        layout: index % 2 === 0 ? 'flat' : 'directory',
        sessionId: `ses_${index % 4}`,
        record: { completionDelivered: true },
      });
    }
    writeTaskFixture({ storage, sessionId: 'ses_0', ...running, taskId: newTaskId() });
    const before = inotifyWatches();
    const { tasks } = await watched();
    assert.equal(tasks.size, 201);
    // The storage, a harness, its `bash-tasks`, four sessions, `control` and `io` of one task.
    assert.equal(inotifyWatches() - before, 9);
  });
});
