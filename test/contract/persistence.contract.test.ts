import assert from 'node:assert/strict';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { captureOutputBytes, createCaptureFile } from '../../src/persistence/capture.ts';
import { deleteTask } from '../../src/persistence/deleteTask.ts';
import { markTaskDelivered } from '../../src/persistence/deliver.ts';
import {
  parseExitMarker,
  readExitMarker,
  writeKillMarkerIfAbsent,
} from '../../src/persistence/exitMarker.ts';
import {
  bundlePaths,
  hashSession,
  taskPaths,
  type TaskPaths,
} from '../../src/persistence/paths.ts';
import { isTerminal, markRunning, markTerminal, starting } from '../../src/persistence/record.ts';
import { serializeRecord } from '../../src/persistence/recordCodec.ts';
import { toBashTaskRow } from '../../src/persistence/row.ts';
import { readTask, updateTask, writeTask } from '../../src/persistence/taskFile.ts';
import { AftClient } from '../support/aftClient.ts';
import { startAftStorage, type AftStorage } from '../support/aftStorage.ts';
import { aftBinary } from '../support/cache.ts';

function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'aft-contract-'));
}

for (const version of ['0.57.2', '0.19.6'] as const) {
  describe(`a storage of aft ${version}, read`, () => {
    const scope = new AsyncDisposableStack();
    const directory = temporaryDirectory();
    let storage: AftStorage;
    before(async () => {
      scope.defer(() => {
        rmSync(directory, { recursive: true, force: true });
      });
      storage = await startAftStorage(scope, { directory, version });
    });
    after(() => scope.disposeAsync());

    const tasks = (): { sessionId: string; taskId: string; paths: TaskPaths }[] =>
      Object.values(storage.sample.tasks).map(({ sessionId, taskId }) => ({
        sessionId,
        taskId,
        paths: taskPaths(storage.sample.storageDirectory, sessionId, taskId),
      }));

    it('has every task, with the status and exit code that AFT answers', async () => {
      assert.ok(tasks().length > 10);
      for (const { sessionId, taskId, paths } of tasks()) {
        const task = readTask(paths);
        const answer = await storage.aft.status(sessionId, taskId);
        assert.equal(task.sessionId, sessionId);
        assert.equal(task.status, answer['status'], task.command);
        assert.equal(task.exitCode ?? null, answer['exit_code'] ?? null, task.command);
      }
    });

    it('has no other task', () => {
      const known = new Set(tasks().map(({ taskId }) => taskId));
      const sessions = new Set(tasks().map(({ paths }) => paths.sessionDir));
      for (const sessionDir of sessions) {
        for (const name of readdirSync(sessionDir)) {
          assert.ok(known.has(name.split('.')[0] ?? ''), name);
        }
      }
    });

    it('has exit markers that fit the records', () => {
      for (const { paths } of tasks()) {
        const task = readTask(paths);
        const marker = readExitMarker(paths);
        if (!isTerminal(task)) assert.equal(marker, undefined, task.command);
        else if (task.status === 'completed' || task.status === 'failed') {
          assert.deepEqual(marker, { kind: 'code', code: task.exitCode }, task.command);
        } else assert.deepEqual(marker, { kind: 'killed' }, task.command);
      }
    });

    it('has records that are written back to the byte', () => {
      for (const { paths } of tasks()) {
        assert.equal(serializeRecord(readTask(paths)), readFileSync(paths.json, 'utf8'));
      }
    });

    if (version === '0.19.6') return;

    it('has the rows that we would make', () => {
      const { storageDirectory, harness } = storage.sample;
      const database = new DatabaseSync(join(storageDirectory, 'aft.db'), { readOnly: true });
      const found = database.prepare('SELECT * FROM bash_tasks WHERE task_id = ?');
      for (const { taskId, paths } of tasks()) {
        const task = readTask(paths);
        if (!isTerminal(task)) continue;
        const row = toBashTaskRow(task, harness ?? '', paths);
        const columns = Object.entries(row as object).map(([name, value]: [string, unknown]) => [
          name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
          typeof value === 'boolean' ? Number(value) : (value ?? null),
        ]);
        assert.deepEqual({ ...found.get(taskId) }, Object.fromEntries(columns), task.command);
        assert.equal(row.outputBytes, captureOutputBytes(task.mode, paths));
      }
      database.close();
    });
  });
}

describe('what is written, read by aft 0.57.2', () => {
  const sessionId = 'ses_contract';
  let directory: string;
  let client: AftClient | undefined;
  const storage = (): string => join(directory, 'storage');
  const project = (): string => join(directory, 'project');

  beforeEach(() => {
    directory = temporaryDirectory();
    for (const name of ['storage', 'project', 'home']) mkdirSync(join(directory, name));
  });
  afterEach(async () => {
    await client?.close('SIGKILL');
    client = undefined;
    rmSync(directory, { recursive: true, force: true });
  });

  /** Starts AFT on the storage, in place of the one that ran there. */
  async function startAft(): Promise<AftClient> {
    await client?.close('SIGKILL');
    const binary = await aftBinary('0.57.2');
    client = new AftClient(binary, { cwd: project(), home: join(directory, 'home') });
    await client.configure({
      sessionId,
      projectRoot: project(),
      storageDirectory: storage(),
      harness: 'opencode',
    });
    return client;
  }

  async function stopAft(): Promise<void> {
    await client?.close('SIGKILL');
    client = undefined;
  }

  async function run(aft: AftClient, command: string): Promise<string> {
    const taskId = await aft.start({ sessionId, command });
    await aft.ended(sessionId, taskId);
    return taskId;
  }

  /** The ids of the tasks whose end AFT has still to tell its agent. */
  async function undelivered(aft: AftClient): Promise<string[]> {
    const answer = await aft.send('bash_drain_completions', { sessionId, params: {} });
    const completions = answer['bg_completions'] as { task_id: string }[];
    return completions.map(({ task_id }) => task_id).sort();
  }

  const pathsOf = (taskId: string): TaskPaths => taskPaths(storage(), sessionId, taskId);

  it('is the delivery of a task: it is not delivered again after a restart', async () => {
    const first = await startAft();
    const [told, untold] = [await run(first, 'echo told'), await run(first, 'echo untold')];
    await stopAft();
    const outcome = await markTaskDelivered(storage(), 'opencode', pathsOf(told));
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    const second = await startAft();
    assert.deepEqual(await undelivered(second), [untold]);
    assert.equal((await second.status(sessionId, told))['status'], 'completed');
    assert.equal(readTask(pathsOf(told)).completionDelivered, true);
  });

  it('is the delivery of a task while AFT runs', async () => {
    const first = await startAft();
    const [told, untold] = [await run(first, 'echo told'), await run(first, 'echo untold')];
    const outcome = await markTaskDelivered(storage(), 'opencode', pathsOf(told));
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    const third = await run(first, 'echo AFT still writes its database');
    const second = await startAft();
    assert.deepEqual(await undelivered(second), [untold, third].sort());
  });

  it('is the deletion of a task with its row: AFT does not know it after a restart', async () => {
    const first = await startAft();
    const [doomed, kept] = [await run(first, 'echo doomed'), await run(first, 'echo kept')];
    const paths = pathsOf(doomed);
    const outcome = await deleteTask(storage(), 'opencode', paths);
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    const second = await startAft();
    const answer = await second.status(sessionId, doomed);
    assert.equal(answer.success, false);
    assert.match(JSON.stringify(answer), /task_not_found/);
    assert.equal((await second.status(sessionId, kept))['output_preview'], 'kept\n');
    assert.deepEqual(await undelivered(second), [kept]);
  });

  it('is a kill marker and a terminal record, in the directory layout', async () => {
    const first = await startAft();
    const taskId = await first.start({ sessionId, command: 'sleep 300' });
    const paths = pathsOf(taskId);
    assert.equal(paths.layout, 'directory');
    await stopAft();
    writeKillMarkerIfAbsent(paths);
    const { pgid } = readTask(paths);
    assert.ok(pgid !== undefined && pgid > 1);
    process.kill(-pgid, 'SIGKILL');
    updateTask(paths, (task) => markTerminal(task, 'killed', 137, 'killed by hand'));
    const second = await startAft();
    const answer = await second.status(sessionId, taskId);
    assert.deepEqual([answer['status'], answer['exit_code']], ['killed', 137]);
    assert.deepEqual(parseExitMarker(readFileSync(paths.exit, 'utf8')), { kind: 'killed' });
    const record = readTask(paths);
    assert.deepEqual([record.status, record.exitCode, record.schemaVersion], ['killed', 137, 6]);
  });

  describe('flat records of schema 4', () => {
    /** A bundle that no AFT has made. */
    function makeFlatTask(taskId: string, output: string): TaskPaths {
      const sessionDir = join(storage(), 'opencode', 'bash-tasks', hashSession(sessionId));
      const paths = bundlePaths(sessionDir, taskId, 'flat');
      for (const path of [paths.stdout, paths.stderr]) {
        const fd = createCaptureFile(path);
        if (path === paths.stdout) writeSync(fd, output);
        closeSync(fd);
      }
      const task = starting({
        taskId,
        sessionId,
        command: `printf ${output}`,
        workdir: project(),
        projectRoot: project(),
        notifyOnCompletion: true,
        compressed: true,
      });
      // A process id beyond what any system gives: nobody is there to be signalled.
      writeTask(paths, markRunning(task, 0x7fff_fff0, 0x7fff_fff0));
      return paths;
    }

    it('are what they say: completed, killed by the marker, delivered or not', async () => {
      const ended = makeFlatTask('bash-00000000000000e1', 'ended');
      updateTask(ended, (task) => markTerminal(task, 'completed', 0, undefined));
      const told = makeFlatTask('bash-00000000000000e2', 'told');
      updateTask(told, (task) => markTerminal(task, 'failed', 3, undefined));
      await markTaskDelivered(storage(), 'opencode', told);
      const killed = makeFlatTask('bash-00000000000000e3', 'killed');
      writeKillMarkerIfAbsent(killed);
      const aft = await startAft();
      const answers = await Promise.all(
        [ended, told, killed].map(({ taskId }) => aft.status(sessionId, taskId)),
      );
      assert.deepEqual(
        answers.map((answer) => [answer['status'], answer['output_preview']]),
        [
          ['completed', 'ended'],
          ['failed', 'told'],
          ['killed', 'killed'],
        ],
      );
      assert.deepEqual(await undelivered(aft), [ended.taskId, killed.taskId]);
      const { schemaVersion, status, completionDelivered } = readTask(ended);
      assert.deepEqual([schemaVersion, status, completionDelivered], [4, 'completed', false]);
    });

    it('are gone when deleted', async () => {
      const doomed = makeFlatTask('bash-00000000000000e1', 'doomed');
      const kept = makeFlatTask('bash-00000000000000e2', 'kept');
      for (const paths of [doomed, kept]) {
        updateTask(paths, (task) => markTerminal(task, 'completed', 0, undefined));
      }
      const outcome = await deleteTask(storage(), 'opencode', doomed);
      assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
      const aft = await startAft();
      assert.equal((await aft.status(sessionId, doomed.taskId)).success, false);
      assert.equal((await aft.status(sessionId, kept.taskId))['status'], 'completed');
    });
  });
});
