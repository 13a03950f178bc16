import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Outcome } from '../../../src/persistence/outcome.ts';
import type { PersistedTask } from '../../../src/persistence/record.ts';
import { markTerminal } from '../../../src/persistence/record.ts';
import { serializeRecordOnOneLine } from '../../../src/persistence/recordCodec.ts';
import { readTask, updateTask, writeTask } from '../../../src/persistence/taskFile.ts';
import { recordEnded } from '../../../src/process/recordEnded.ts';
import type { ProcessTable } from '../../../src/process/processTable.ts';
import type { TaskRequest } from '../../../src/process/taskRequest.ts';
import { writeTaskFixture, type FixtureTask, type TaskFixture } from '../../support/taskFixture.ts';
import { createDatabase, insertRow } from '../persistence/aftDatabase.ts';
import { hurrying, requestFor } from './actionSupport.ts';
import { ProcessGroups } from './processGroups.ts';

describe('recording the end of a task whose process is gone', () => {
  let storage: string;
  const groups = new ProcessGroups();
  beforeEach(() => {
    storage = mkdtempSync(join(tmpdir(), 'aft-ended-'));
  });
  afterEach(() => {
    groups.endAll();
    rmSync(storage, { recursive: true });
  });

  const write = async (
    record: Partial<PersistedTask> = {},
    options: Partial<TaskFixture> = {},
  ): Promise<FixtureTask> => {
    const pid = await groups.ended();
    return writeTaskFixture({
      storage,
      ...options,
      record: {
        ...{ status: 'running', startedAt: Date.now() - 60_000, finishedAt: undefined },
        ...{ durationMs: undefined, exitCode: undefined, childPid: pid, pgid: pid },
        ...record,
      },
    });
  };
  const record = (task: FixtureTask, request: Partial<TaskRequest> = {}): Promise<Outcome> =>
    recordEnded({ ...requestFor(storage, task.paths), clock: hurrying, ...request });

  const ends: readonly [string, Partial<PersistedTask>, Partial<TaskFixture>, unknown[]][] = [
    ['with exit code 0', {}, { exit: '0\n' }, ['completed', 0, undefined]],
    ['with another exit code', {}, { exit: '3' }, ['failed', 3, undefined]],
    ['by a kill that the marker tells of', {}, { exit: 'killed' }, ['killed', 137, undefined]],
    [
      'before schema 6',
      {},
      { layout: 'flat' },
      ['failed', undefined, 'process exited without exit marker'],
    ],
    ['with its terminal', { mode: 'pty' }, {}, ['killed', undefined, 'pty_lost_on_bridge_restart']],
    [
      'while it was being killed',
      { status: 'killing' },
      {},
      ['killed', undefined, 'recovered from inconsistent killing state on replay'],
    ],
    [
      'before it was started',
      { status: 'starting', childPid: undefined, pgid: undefined },
      {},
      ['failed', undefined, 'spawn aborted'],
    ],
  ];
  for (const [how, fields, options, expected] of ends) {
    it(`says what AFT would: it ended ${how}`, async () => {
      const task = await write(fields, options);
      const outcome = await record(task);
      assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
      const { status, exitCode, statusReason, childPid, schemaVersion } = readTask(task.paths);
      assert.deepEqual([status, exitCode, statusReason], expected);
      assert.equal(childPid, undefined);
      assert.equal(schemaVersion, task.record.schemaVersion);
    });
  }

  it('says that its fate is unknown, where nothing tells', async () => {
    const task = await write();
    const before = Date.now();
    await record(task);
    const { status, statusReason, finishedAt, completionDelivered } = readTask(task.paths);
    assert.equal(status, 'fate_unknown');
    assert.match(statusReason ?? '', /^task bash-\w+: daemon restarted, process fate unknown/);
    assert((finishedAt ?? 0) >= before);
    assert.equal(completionDelivered, false);
  });

  it('takes the time at which the marker was written for the end', async () => {
    const task = await write({}, { exit: '0' });
    const end = Math.trunc(Date.now() / 1000) - 20;
    utimesSync(task.paths.exit, end, end);
    await record(task);
    const { finishedAt, durationMs } = readTask(task.paths);
    assert.equal(finishedAt, end * 1000);
    assert.equal(durationMs, end * 1000 - task.record.startedAt);
  });

  it('brings the row into agreement, in its columns and its copy of the record', async () => {
    const task = await write({}, { exit: '3' });
    const database = createDatabase(storage);
    const { taskId, sessionId, status } = task.record;
    const metadata = serializeRecordOnOneLine(task.record);
    insertRow(database, { taskId, sessionId, status, metadata });
    database.close();
    await record(task);
    const reader = new DatabaseSync(join(storage, 'aft.db'), { readOnly: true });
    const row = { ...reader.prepare('SELECT * FROM bash_tasks').get() };
    reader.close();
    const written = readTask(task.paths);
    assert.deepEqual(
      [row['status'], row['exit_code'], row['pid'], row['completed_at']],
      ['failed', 3, null, written.finishedAt],
    );
    assert.equal(row['metadata'], serializeRecordOnOneLine(written));
  });

  it('brings the row into agreement with the record that another window wrote at the same time', async () => {
    const task = await write({}, { exit: '3' });
    const database = createDatabase(storage);
    const { taskId, sessionId, status } = task.record;
    const metadata = serializeRecordOnOneLine(task.record);
    insertRow(database, { taskId, sessionId, status, metadata });
    const finishedAt = Date.now() + 1234;
    let isWritten = false;
    const outcome = await record(task, {
      onStep: () => {
        const current = readTask(task.paths);
        if (isWritten || current.status === 'running') return;
        isWritten = true;
        writeTask(task.paths, { ...current, finishedAt });
      },
    });
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    const row = database.prepare('SELECT completed_at FROM bash_tasks').get();
    database.close();
    assert.deepEqual([isWritten, row?.['completed_at']], [true, finishedAt]);
  });

  it('says so where the row can’t be written', async () => {
    const task = await write();
    const database = createDatabase(storage, 99);
    database.close();
    const outcome = await record(task);
    assert.deepEqual([outcome.done, outcome.reason], [true, 'row-not-updated']);
    assert.match(outcome.message, /version 99/);
    assert.equal(readTask(task.paths).status, 'fate_unknown');
  });

  it('leaves it to an AFT that records it after all', async () => {
    const task = await write();
    const clock = {
      ...hurrying,
      sleep: () => {
        updateTask(task.paths, (current) => markTerminal(current, 'failed', 1, 'by AFT', 1));
        return hurrying.sleep(0);
      },
    };
    const outcome = await record(task, { clock });
    assert.match(outcome.message, /AFT has recorded its end: failed, exit code 1/);
    assert.equal(readTask(task.paths).statusReason, 'by AFT');
  });

  describe('is refused, and nothing is touched', () => {
    const assertRefused = async (
      task: FixtureTask,
      reason: Outcome['reason'],
      request: Partial<TaskRequest> = {},
    ): Promise<void> => {
      const before = readFileSync(task.paths.json, 'utf8');
      const outcome = await record(task, request);
      assert.deepEqual([outcome.done, outcome.reason], [false, reason], outcome.message);
      assert.equal(readFileSync(task.paths.json, 'utf8'), before);
    };

    it('for a task that lives', async () => {
      const { pid } = await groups.start('echo ready; sleep 300');
      await assertRefused(
        await write({ childPid: pid, pgid: pid, startedAt: Date.now() }),
        'not-terminal',
      );
    });

    it('for a task of which it can’t be told', async () => {
      const { pid } = await groups.start('echo ready; sleep 300');
      await assertRefused(await write({ childPid: pid, pgid: pid }), 'unknown-process');
      const facts = { container: undefined, network: 'nfs4', mount: undefined, sandbox: false };
      await assertRefused(await write(), 'unknown-process', { facts });
    });

    it('for a task whose process is there when the record would be written', async () => {
      const task = await write();
      const { pgid = 0, startedAt } = task.record;
      const request = requestFor(storage, task.paths);
      let isBack = false;
      const process = {
        ...{ pid: pgid, ppid: 1, pgid, sid: pgid, uid: request.uid, zombie: false, startedAt },
        startPrecisionMs: 10,
      };
      const snapshot: ProcessTable['snapshot'] = (pids, pgids) =>
        isBack
          ? { processes: new Map([[pgid, { state: 'found', process }]]), groups: new Map() }
          : request.table.snapshot(pids, pgids);
      const sleep = (): Promise<void> => {
        isBack = true;
        return hurrying.sleep(0);
      };
      const clock = { ...hurrying, sleep };
      await assertRefused(task, 'not-terminal', { table: { ...request.table, snapshot }, clock });
    });

    it('for a task that writes while AFT is given its time', async () => {
      const task = await write();
      const sleep = (): Promise<void> => {
        const now = Date.now() / 1000;
        utimesSync(task.paths.stdout, now + 1, now + 1);
        return hurrying.sleep(0);
      };
      await assertRefused(task, 'unknown-process', { clock: { ...hurrying, sleep } });
    });

    it('for a task that is just being started', async () => {
      const fields = { status: 'starting', childPid: undefined, pgid: undefined } as const;
      await assertRefused(await write({ ...fields, startedAt: Date.now() }), 'unknown-process');
    });

    it('for a record that was copied from another session', async () => {
      await assertRefused(await write({ sessionId: 'ses_other' }), 'mismatch');
    });

    it('for a task that has ended', async () => {
      await assertRefused(await write({ status: 'completed' }), 'already-ended');
    });
  });
});
