import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { hashSession } from '../../../src/persistence/paths.ts';
import type { TaskStatus } from '../../../src/persistence/record.ts';
import { newTaskId, writeTaskFixture } from '../../support/taskFixture.ts';
import { readStorage, temporaryDirectory } from './openStore.ts';
import { rewrite } from './rewrite.ts';

const session = hashSession('ses_fixture');
const longAgo = new Date(Date.now() - 10 * 60_000);

describe('reading a storage', () => {
  let scope: AsyncDisposableStack;
  let storage: string;
  beforeEach(() => {
    scope = new AsyncDisposableStack();
    storage = temporaryDirectory(scope);
  });
  afterEach(() => scope.disposeAsync());

  /** Writes a task, then damages it. Answers its id. */
  function damaged(
    damage: (record: string) => void,
    layout: 'flat' | 'directory' = 'flat',
  ): string {
    const { taskId, paths } = writeTaskFixture({ storage, layout });
    damage(paths.json);
    return taskId;
  }

  async function problemOf(taskId: string): Promise<string | undefined> {
    const { tasks } = await readStorage(scope, storage);
    const task = tasks.get(taskId);
    assert(task !== undefined, 'the task is listed');
    return task.problem;
  }

  describe('what is in it', () => {
    it('finds both layouts, under any harness and at the root level', async () => {
      const written = [undefined, 'opencode', 'mcp--claude-code--b0deb2ca83f40515f2f23d13bfe131c1']
        .map((harness) => [
          writeTaskFixture({ storage, harness, layout: 'flat' }),
          writeTaskFixture({ storage, harness, layout: 'directory' }),
        ])
        .flat();
      const { store } = await readStorage(scope, storage);
      const keys = store.tasks().map(({ key }) => key);
      assert.deepEqual(keys.sort(), written.map(({ key }) => key).sort());
      for (const { key, paths } of written) assert.deepEqual(store.pathsOf(key), paths);
    });

    it('shows what the record says, and the captures', async () => {
      const { taskId, key, record } = writeTaskFixture({
        storage,
        stdout: 'hello',
        stderr: 'no',
        record: { command: 'make\nall', exitCode: 3, status: 'failed', projectRoot: '/work/shop' },
      });
      const { tasks } = await readStorage(scope, storage);
      const task = tasks.get(taskId);
      assert.deepEqual(task, {
        key,
        taskId,
        storageId: key.slice(0, 8),
        storageDirectory: storage,
        harness: 'opencode',
        sessionHash: session,
        layout: 'directory',
        schemaVersion: 6,
        sessionId: 'ses_fixture',
        command: 'make\nall',
        mode: 'pipes',
        workdir: '/tmp',
        projectRoot: '/work/shop',
        status: 'failed',
        statusReason: undefined,
        liveness: 'ended',
        exitCode: 3,
        startedAt: record.startedAt,
        finishedAt: record.finishedAt,
        durationMs: 2000,
        timeoutMs: undefined,
        pid: undefined,
        pgid: record.pgid,
        survivors: false,
        delivered: false,
        notifyOnCompletion: true,
        ptyRows: undefined,
        ptyCols: undefined,
        captures: { stdout: 5, stderr: 2 },
        outputBytes: 7,
        problem: undefined,
      });
    });

    it('has only the pty capture of a pty task', async () => {
      const { taskId } = writeTaskFixture({ storage, pty: 'screen', record: { mode: 'pty' } });
      const { tasks } = await readStorage(scope, storage);
      assert.deepEqual(tasks.get(taskId)?.captures, { pty: 6 });
    });

    it('has no output where there is no capture', async () => {
      const { taskId, paths } = writeTaskFixture({ storage });
      rmSync(dirname(paths.stdout), { recursive: true });
      const { tasks } = await readStorage(scope, storage);
      assert.deepEqual(tasks.get(taskId)?.captures, {});
      assert.equal(tasks.get(taskId)?.outputBytes, undefined);
    });

    const statuses: readonly TaskStatus[] = [
      'starting',
      'running',
      'killing',
      'completed',
      'failed',
      'killed',
      'timed_out',
      'fate_unknown',
    ];
    for (const status of statuses) {
      it(`reads the status ${status}`, async () => {
        const { taskId } = writeTaskFixture({ storage, record: { status } });
        const { tasks } = await readStorage(scope, storage);
        assert.equal(tasks.get(taskId)?.status, status);
        const goesOn = ['starting', 'running', 'killing'].includes(status);
        assert.equal(tasks.get(taskId)?.liveness !== 'ended', goesOn);
      });
    }

    for (const version of [1, 2, 3, 4, 5, 6]) {
      it(`reads schema ${version}`, async () => {
        const { taskId, paths } = writeTaskFixture({
          storage,
          layout: version < 5 ? 'flat' : 'directory',
        });
        rewrite(paths.json, { schema_version: version });
        const { tasks } = await readStorage(scope, storage);
        assert.equal(tasks.get(taskId)?.schemaVersion, version);
        assert.equal(tasks.get(taskId)?.problem, undefined);
      });
    }

    for (const version of [7, 99]) {
      it(`shows what can be read of schema ${version}, and says that it is unknown`, async () => {
        const taskId = damaged((path) => {
          rewrite(path, { schema_version: version, command: 'echo later' });
        });
        const { tasks } = await readStorage(scope, storage);
        const task = tasks.get(taskId);
        assert(task !== undefined);
        assert.equal(task.schemaVersion, version);
        assert.equal(task.command, 'echo later');
        assert.equal(task.status, 'completed');
        assert.equal(task.liveness, 'ended');
        assert.match(task.problem ?? '', new RegExp(String(version)));
      });
    }

    it('accepts the task ids of every version', async () => {
      const ids = ['bgb-0600a52e', 'bgb-0600a52e0600a52e', 'bash-0600a52e', newTaskId()];
      for (const taskId of ids) writeTaskFixture({ storage, taskId, layout: 'flat' });
      const { tasks } = await readStorage(scope, storage);
      assert.deepEqual([...tasks.keys()].sort(), ids.sort());
    });
  });

  describe('what is not a task', () => {
    it('is passed over: temporary names, tombstones, quarantine and foreign names', async () => {
      const { taskId, paths } = writeTaskFixture({ storage, layout: 'flat' });
      const { sessionDir } = paths;
      const record = '{}';
      for (const name of [
        `.${taskId}.json.tmp.123.${taskId}`,
        '.aft-tmp-0123456789abcdef0123456789abcdef',
        'notes.txt',
        'bash-notes.json',
        'bash-0123456789ABCDEF.json',
        'bash-0123.json',
        `${taskId}.json.bak`,
      ]) {
        writeFileSync(join(sessionDir, name), record);
      }
      mkdirSync(join(sessionDir, '.aft-tmp-fedcba9876543210fedcba9876543210', 'control'), {
        recursive: true,
      });
      mkdirSync(join(sessionDir, 'bash-notes'));
      const tasksDirectory = dirname(sessionDir);
      for (const name of ['not-a-hash', session.toUpperCase(), `${session}0`]) {
        mkdirSync(join(tasksDirectory, name));
        writeFileSync(join(tasksDirectory, name, `${newTaskId()}.json`), record);
      }
      const quarantine = join(storage, 'opencode', 'bash-tasks-quarantine', session);
      mkdirSync(quarantine, { recursive: true });
      writeFileSync(join(quarantine, `${newTaskId()}.json`), record);
      for (const harness of ['.hidden', 'with space', '_']) {
        writeTaskFixture({ storage, harness });
      }
      const { store, states } = await readStorage(scope, storage);
      assert.deepEqual(
        store.tasks().map((task) => task.taskId),
        [taskId],
      );
      assert.equal(states.at(-1)?.problem, undefined);
    });

    it('is a bundle that is being started, for five minutes', async () => {
      const { taskId, paths } = writeTaskFixture({ storage });
      rmSync(paths.json);
      const before = await readStorage(scope, storage);
      assert.equal(before.tasks.size, 0);
      utimesSync(join(paths.sessionDir, taskId), longAgo, longAgo);
      assert.match((await problemOf(taskId)) ?? '', /no record/);
    });

    it('is what captures without a record leave in the flat layout', async () => {
      const { paths } = writeTaskFixture({ storage, layout: 'flat' });
      rmSync(paths.json);
      const { tasks } = await readStorage(scope, storage);
      assert.equal(tasks.size, 0);
    });

    it('is whatever a symbolic link leads to: harness, session and task directories', async () => {
      const elsewhere = temporaryDirectory(scope);
      const { paths } = writeTaskFixture({ storage: elsewhere });
      mkdirSync(join(storage, 'pi', 'bash-tasks', session), { recursive: true });
      symlinkSync(join(elsewhere, 'opencode'), join(storage, 'linked'));
      symlinkSync(paths.sessionDir, join(storage, 'pi', 'bash-tasks', hashSession('other')));
      symlinkSync(paths.taskDir!, join(storage, 'pi', 'bash-tasks', session, newTaskId()));
      symlinkSync(join(elsewhere, 'opencode', 'bash-tasks'), join(storage, 'bash-tasks'));
      const { store } = await readStorage(scope, storage);
      assert.deepEqual(store.tasks(), []);
    });
  });

  describe('a task that cannot be read is listed with its problem', () => {
    const cases: readonly [string, (path: string) => void][] = [
      [
        'corrupt',
        (path) => {
          writeFileSync(path, 'no JSON');
        },
      ],
      [
        'empty',
        (path) => {
          writeFileSync(path, '');
        },
      ],
      [
        'half-written',
        (path) => {
          truncateSync(path, 100);
        },
      ],
      [
        'of 20 MiB',
        (path) => {
          writeFileSync(path, ' '.repeat(20 * 1024 * 1024));
        },
      ],
      [
        'of another task',
        (path) => {
          rewrite(path, { task_id: 'bash-00000000ffffffff' });
        },
      ],
      [
        'hard-linked',
        (path) => {
          linkSync(path, join(dirname(path), 'second-link'));
        },
      ],
      [
        'a symbolic link',
        (path) => {
          renameSync(path, `${path}.real`);
          symlinkSync(`${path}.real`, path);
        },
      ],
      [
        'without a status',
        (path) => {
          rewrite(path, { status: undefined });
        },
      ],
      [
        'of an unknown status',
        (path) => {
          rewrite(path, { status: 'melted' });
        },
      ],
    ];
    for (const layout of ['flat', 'directory'] as const) {
      for (const [name, damage] of cases) {
        it(`where its record is ${name} (${layout})`, async () => {
          const whole = writeTaskFixture({ storage, layout });
          const taskId = damaged(damage, layout);
          const { tasks } = await readStorage(scope, storage);
          assert.notEqual(tasks.get(taskId)?.problem ?? '', '');
          assert.notEqual(tasks.get(taskId)?.liveness, 'alive');
          assert.equal(tasks.get(whole.taskId)?.problem, undefined);
        });
      }
    }

    it('with what could be read of it', async () => {
      const taskId = damaged((path) => {
        rewrite(path, { status: 'melted', command: 'echo still here' });
      });
      const { tasks } = await readStorage(scope, storage);
      assert.equal(tasks.get(taskId)?.command, 'echo still here');
      assert.equal(tasks.get(taskId)?.status, undefined);
    });

    it('where it is there in both layouts', async () => {
      const { taskId } = writeTaskFixture({ storage, layout: 'flat' });
      const other = join(storage, 'other');
      const { paths } = writeTaskFixture({ storage: other, taskId });
      renameSync(paths.taskDir!, join(storage, 'opencode', 'bash-tasks', session, taskId));
      assert.match((await problemOf(taskId)) ?? '', /ambiguous/);
    });

    it('where a part of its directory is a symbolic link', async () => {
      const { taskId, paths } = writeTaskFixture({ storage, stdout: 'secret' });
      const control = dirname(paths.json);
      const elsewhere = temporaryDirectory(scope);
      renameSync(control, join(elsewhere, 'control'));
      symlinkSync(join(elsewhere, 'control'), control);
      const io = dirname(paths.stdout);
      renameSync(io, join(elsewhere, 'io'));
      symlinkSync(join(elsewhere, 'io'), io);
      const { tasks } = await readStorage(scope, storage);
      assert.notEqual(tasks.get(taskId)?.problem ?? '', '');
      assert.deepEqual(tasks.get(taskId)?.captures, {});
    });

    it('until it can be read', async () => {
      const { taskId, paths, record } = writeTaskFixture({ storage });
      writeFileSync(paths.json, 'no JSON');
      const { store, tasks } = await readStorage(scope, storage);
      assert.notEqual(tasks.get(taskId)?.problem, undefined);
      writeTaskFixture({ storage, taskId, record });
      await store.refresh();
      assert.equal(tasks.get(taskId)?.problem, undefined);
    });
  });

  describe('a directory that cannot be read', () => {
    it('is a problem of the storage, and the rest is shown', () => {
      const unreadable = writeTaskFixture({ storage, sessionId: 'ses_locked' });
      const readable = writeTaskFixture({ storage, sessionId: 'ses_open' });
      const unreadableRecord = writeTaskFixture({ storage, sessionId: 'ses_open' });
      const answer = readAsNobody(storage, () => {
        chmodSync(unreadable.paths.sessionDir, 0);
        chmodSync(unreadableRecord.paths.json, 0);
      });
      assert.match(answer.problem ?? '', /permission denied/);
      assert(answer.problem?.includes(unreadable.paths.sessionDir));
      assert.deepEqual(
        new Map(answer.tasks.map(({ taskId, problem }) => [taskId, problem !== null])),
        new Map([
          [readable.taskId, false],
          [unreadableRecord.taskId, true],
        ]),
      );
    });

    it('is a problem also where it is a harness', () => {
      writeTaskFixture({ storage, harness: 'pi' });
      const readable = writeTaskFixture({ storage });
      const answer = readAsNobody(storage, () => {
        chmodSync(join(storage, 'pi'), 0);
      });
      chmodSync(join(storage, 'pi'), 0o700);
      assert(answer.problem?.includes(join(storage, 'pi')));
      assert.deepEqual(answer.tasks, [{ taskId: readable.taskId, problem: null }]);
    });

    it('is a problem also where it is the storage itself', () => {
      writeTaskFixture({ storage });
      const answer = readAsNobody(storage, () => {
        chmodSync(storage, 0);
      });
      assert.match(answer.problem ?? '', /permission denied/);
      assert.deepEqual(answer.tasks, []);
    });

    it('is told where the storage is gone, and nothing is left of its tasks', async () => {
      writeTaskFixture({ storage });
      const { store, states, tasks } = await readStorage(scope, storage);
      renameSync(storage, `${storage}-away`);
      await store.refresh();
      assert.match(states.at(-1)?.problem ?? '', /not there any more/);
      assert.equal(tasks.size, 0);
      renameSync(`${storage}-away`, storage);
      await store.refresh();
      assert.equal(states.at(-1)?.problem, undefined);
      assert.equal(tasks.size, 1);
    });

    it('is not followed where a symbolic link took the place of the storage', async () => {
      writeTaskFixture({ storage });
      const { store, tasks } = await readStorage(scope, storage);
      renameSync(storage, `${storage}-away`);
      scope.defer(() => {
        rmSync(`${storage}-away`, { recursive: true, force: true });
      });
      symlinkSync(`${storage}-away`, storage);
      await store.refresh();
      assert.equal(tasks.size, 0);
    });
  });

  describe('how much it reads', () => {
    it('reads each record once, and after that only what changed', async () => {
      const written = Array.from({ length: 20 }, (_, index) =>
        writeTaskFixture({ storage, layout: index % 2 === 0 ? 'flat' : 'directory' }),
      );
      const { store, changes } = await readStorage(scope, storage);
      assert.equal(store.statistics.recordsRead, 20);
      await store.refresh();
      assert.equal(store.statistics.recordsRead, 20);
      assert.equal(changes.length, 1);
      const [first] = written;
      rewrite(first!.paths.json, { completion_delivered: true });
      await store.refresh();
      assert.equal(store.statistics.recordsRead, 21);
      assert.deepEqual(
        changes.at(-1)?.changed.map(({ taskId }) => taskId),
        [first!.taskId],
      );
    });

    it('hands over a large storage in pieces, the newest session first', async () => {
      for (let index = 0; index < 300; index += 1) {
        writeTaskFixture({ storage, layout: 'flat', sessionId: `ses_${index % 3}` });
      }
      const newest = hashSession('ses_1');
      for (const [index, name] of ['ses_0', 'ses_2'].entries()) {
        const before = new Date(Date.now() - (index + 1) * 60_000);
        utimesSync(join(storage, 'opencode', 'bash-tasks', hashSession(name)), before, before);
      }
      const { changes } = await readStorage(scope, storage);
      const added = changes.map((change) => change.added);
      assert.deepEqual(
        added.map(({ length }) => length),
        [250, 50],
      );
      assert(added[0]?.slice(0, 100).every(({ sessionHash }) => sessionHash === newest));
    });
  });
});

interface Answer {
  readonly problem: string | undefined;
  readonly tasks: readonly { readonly taskId: string; readonly problem: string | null }[];
}

/** Reads a storage in a process of a user who may not do everything, as root may. */
function readAsNobody(storage: string, lock: () => void): Answer {
  const root = process.getuid?.() === 0;
  if (root) spawnSync('chown', ['-R', '65534:65534', storage]);
  lock();
  const script = join(import.meta.dirname, 'readStorage.ts');
  const result = spawnSync(process.execPath, [script, storage], {
    encoding: 'utf8',
    ...(root && { uid: 65534, gid: 65534 }),
  });
  chmodSync(storage, 0o700);
  assert.equal(result.status, 0, result.stderr);
  return JSON.parse(result.stdout) as Answer;
}
