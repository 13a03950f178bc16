import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { deleteTask } from '../../src/persistence/deleteTask.ts';
import {
  bundlePaths,
  hashSession,
  taskPaths,
  type TaskPaths,
} from '../../src/persistence/paths.ts';
import { markTerminal, starting } from '../../src/persistence/record.ts';
import { writeTask } from '../../src/persistence/taskFile.ts';
import { undoDelete } from '../../src/persistence/trashContents.ts';
import { AftClient } from '../support/aftClient.ts';
import { aftBinary } from '../support/cache.ts';
import { Place, sessionId as placeSession } from './place.ts';

const sessionId = 'ses_trash';

describe('the trash, beside aft 0.57.2', () => {
  let directory: string;
  let aft: AftClient | undefined;
  const storage = (): string => join(directory, 'storage');
  const project = (): string => join(directory, 'project');
  const trash = (): string => join(storage(), '.aft-task-explorer');

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'aft-contract-'));
    for (const name of ['storage', 'project', 'home']) mkdirSync(join(directory, name));
  });
  afterEach(async () => {
    await stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Starts AFT on the storage, in place of the one that ran there. */
  async function start(harness = 'opencode'): Promise<AftClient> {
    await stop();
    const home = join(directory, 'home');
    aft = new AftClient(await aftBinary('0.57.2'), { cwd: project(), home });
    await aft.configure({
      sessionId,
      projectRoot: project(),
      storageDirectory: storage(),
      harness,
    });
    return aft;
  }

  async function stop(): Promise<void> {
    await aft?.close('SIGKILL');
    aft = undefined;
  }

  /** A task that has printed its word and ended; with a pattern watch whose match is not told yet. */
  async function run(client: AftClient, word: string, watched = false): Promise<string> {
    const command = watched ? `sleep 0.5; echo ${word}` : `echo ${word}`;
    const taskId = await client.start({ sessionId, command });
    if (watched) {
      const params = { task_id: taskId, pattern: word };
      const answer = await client.send('bash_notify', { sessionId, task_id: taskId, params });
      assert.equal(answer.success, true, answer.message);
    }
    await client.ended(sessionId, taskId);
    return taskId;
  }

  const pathsOf = (taskId: string): TaskPaths => taskPaths(storage(), sessionId, taskId);

  async function deleted(taskId: string): Promise<string> {
    const outcome = await deleteTask(storage(), 'opencode', pathsOf(taskId));
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert.ok(outcome.trashEntry !== undefined);
    return outcome.trashEntry;
  }

  async function restored(entry: string): Promise<void> {
    const outcome = await undoDelete(storage(), entry);
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
  }

  /** AFT's answer about a task in few words. */
  async function answer(client: AftClient, taskId: string): Promise<unknown> {
    const { code, exit_code, output_preview, status, success } = await client.status(
      sessionId,
      taskId,
    );
    return success === true ? [status, exit_code, output_preview] : code;
  }

  /** The tasks whose end AFT has still to tell its agent. */
  async function undelivered(client: AftClient): Promise<string[]> {
    const drained = await client.send('bash_drain_completions', { sessionId, params: {} });
    const completions = drained['bg_completions'] as { task_id: string }[];
    return completions.map(({ task_id }) => task_id).sort();
  }

  /** The tasks of which AFT has told since its start: ends to drain, and matches of watches. */
  async function told(client: AftClient): Promise<Set<string>> {
    const drained = await undelivered(client);
    const matches = client.frames.filter(({ type }) => type === 'bash_pattern_match');
    return new Set([...drained, ...matches.map((frame) => String(frame['task_id']))]);
  }

  function rowsOf(taskId: string): unknown[] {
    const database = new DatabaseSync(join(storage(), 'aft.db'), { readOnly: true });
    try {
      return ['bash_tasks', 'bash_pattern_watches'].flatMap((table) => {
        const statement = database.prepare(`SELECT * FROM ${table} WHERE task_id = ?`);
        statement.setReadBigInts(true);
        return statement.all(taskId);
      });
    } finally {
      database.close();
    }
  }

  /** What is below a directory: names, modes, times, sizes. */
  function picture(top: string): string[] {
    return readdirSync(top, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => {
        const { ino, mode, mtimeMs, size } = lstatSync(join(top, name));
        return `${name} ${ino} ${mode} ${mtimeMs} ${size}`;
      });
  }

  function assertQuietLogs(): void {
    const logs = join(storage(), 'logs');
    const lines = readdirSync(logs).flatMap((name) =>
      readFileSync(join(logs, name), 'utf8').split('\n'),
    );
    assert.ok(lines.length > 1);
    for (const line of lines) assert.doesNotMatch(line, /aft-task-explorer|quarantin/i);
    for (const top of ['', 'opencode']) {
      assert.ok(!existsSync(join(storage(), top, 'bash-tasks-quarantine')));
    }
  }

  it('makes AFT forget a task and know it again, watches included', async () => {
    const first = await start();
    const [gone, kept] = [await run(first, 'gone', true), await run(first, 'kept', true)];
    await stop();
    const rows = rowsOf(gone);
    assert.equal(rows.length, 2);
    const bundle = picture(join(pathsOf(gone).sessionDir, gone));
    const entry = await deleted(gone);
    const inTrash = picture(trash());

    const second = await start();
    assert.equal(await answer(second, gone), 'task_not_found');
    assert.deepEqual(await answer(second, kept), ['completed', 0, 'kept\n']);
    assert.deepEqual(await told(second), new Set([kept]));
    await stop();
    assert.deepEqual(rowsOf(gone), []);
    assert.deepEqual(picture(trash()), inTrash);

    await restored(entry);
    assert.deepEqual(rowsOf(gone), rows);
    assert.deepEqual(picture(join(pathsOf(gone).sessionDir, gone)), bundle);
    const third = await start();
    assert.deepEqual(await answer(third, gone), ['completed', 0, 'gone\n']);
    assert.deepEqual(await told(third), new Set([gone, kept]));
    assert.equal(rowsOf(gone).length, rowsOf(kept).length);
    assertQuietLogs();
  });

  it('is used while AFT runs: it goes on, and agrees after its restart', async () => {
    const first = await start();
    const [gone, kept] = [await run(first, 'gone', true), await run(first, 'kept', true)];
    const rows = rowsOf(gone);
    const entry = await deleted(gone);
    const later = await run(first, 'AFT goes on');
    assert.deepEqual(await answer(first, kept), ['completed', 0, 'kept\n']);
    await restored(entry);
    assert.deepEqual(rowsOf(gone), rows);
    assert.deepEqual(await answer(first, gone), ['completed', 0, 'gone\n']);
    const second = await start();
    assert.deepEqual(await answer(second, gone), ['completed', 0, 'gone\n']);
    assert.deepEqual(await told(second), new Set([gone, kept, later]));
    assertQuietLogs();
  });

  it('gives a task back to an AFT that was started while it was in the trash', async () => {
    const gone = await run(await start(), 'gone');
    await stop();
    const entry = await deleted(gone);
    const second = await start();
    assert.equal(await answer(second, gone), 'task_not_found');
    await restored(entry);
    assert.deepEqual(await answer(second, gone), ['completed', 0, 'gone\n']);
    const third = await start();
    assert.deepEqual(await answer(third, gone), ['completed', 0, 'gone\n']);
    assert.deepEqual(await undelivered(third), [gone]);
    assertQuietLogs();
  });

  it('does not make AFT deliver twice', async () => {
    const first = await start();
    const [told, untold] = [await run(first, 'told'), await run(first, 'untold')];
    await first.acknowledge(sessionId, [told]);
    await stop();
    const entries = [await deleted(told), await deleted(untold)];
    assert.deepEqual(await undelivered(await start()), []);
    for (const entry of entries) await restored(entry);
    const third = await start();
    assert.deepEqual(await undelivered(third), [untold]);
    assert.deepEqual(await answer(third, told), ['completed', 0, 'told\n']);
    assertQuietLogs();
  });

  it('keeps a flat record of schema 4, which has no row', async () => {
    const taskId = 'bash-00000000000000e1';
    const sessionDir = join(storage(), 'opencode', 'bash-tasks', hashSession(sessionId));
    const paths = bundlePaths(sessionDir, taskId, 'flat');
    const record = starting({
      taskId,
      sessionId,
      command: 'echo flat',
      workdir: project(),
      projectRoot: project(),
      notifyOnCompletion: true,
      compressed: true,
    });
    writeTask(paths, markTerminal(record, 'completed', 0, undefined));
    const text = readFileSync(paths.json, 'utf8');
    const entry = await deleted(taskId);
    assert.equal(await answer(await start(), taskId), 'task_not_found');
    await stop();
    await restored(entry);
    assert.equal(readFileSync(paths.json, 'utf8'), text);
    assert.deepEqual(await answer(await start(), taskId), ['completed', 0, '']);
    assertQuietLogs();
  });

  it('is left alone by the AFT of another harness', async () => {
    const gone = await run(await start(), 'gone');
    await stop();
    await deleted(gone);
    const inTrash = picture(trash());
    const other = await start('pi');
    await run(other, 'other');
    await start('mcp:claude-code');
    await stop();
    assert.deepEqual(picture(trash()), inTrash);
    assertQuietLogs();
  });
});

for (const version of ['0.57.2', '0.19.6'] as const) {
  for (const pty of version === '0.57.2' ? [false, true] : [false]) {
    describe(`a session whose only task was deleted, beside aft ${version}, ${pty ? 'pty' : 'pipes'}`, () => {
      let place: Place;
      beforeEach(() => {
        place = new Place(version);
      });
      afterEach(() => place.end());

      it('gets its directory again with its next task, and with the one that comes back', async () => {
        await place.startAft();
        const first = await place.finished({ command: 'echo first', pty });
        const { done, message, trashEntry } = await deleteTask(
          place.storage,
          place.harness,
          first.paths,
        );
        assert.ok(done && trashEntry !== undefined, message);
        assert.ok(!existsSync(first.paths.sessionDir));
        const next = await place.finished({ command: 'echo next', pty });
        assert.equal(next.record.status, 'completed');
        assert.match(readFileSync(pty ? next.paths.pty : next.paths.stdout, 'utf8'), /^next\r?\n$/);
        assert.equal((await undoDelete(place.storage, trashEntry)).done, true);
        const shown = await place.aft.status(placeSession, first.taskId);
        assert.equal(shown['status'], 'completed');
      });
    });
  }
}
