import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemWrites, type WriteSystem } from '../../../src/persistence/atomicWrite.ts';
import { markTerminal, type Layout, type PersistedTask } from '../../../src/persistence/record.ts';
import { serializeRecordOnOneLine } from '../../../src/persistence/recordCodec.ts';
import { stopNotifying } from '../../../src/persistence/stopNotifying.ts';
import { readTask, writeTask } from '../../../src/persistence/taskFile.ts';
import { writeTaskFixture, type FixtureTask } from '../../support/taskFixture.ts';
import { createDatabase, insertRow, readRows } from './aftDatabase.ts';
import { interrupted } from './support.ts';

describe('asking AFT not to tell the agent', () => {
  let storage: string;
  beforeEach(() => {
    storage = mkdtempSync(join(tmpdir(), 'aft-notify-'));
  });
  afterEach(() => {
    rmSync(storage, { recursive: true });
  });

  const write = (
    record: Partial<PersistedTask>,
    rowStatus?: string,
    layout: Layout = 'directory',
  ): FixtureTask => {
    const task = writeTaskFixture({
      storage,
      layout,
      record: { status: 'running', finishedAt: undefined, exitCode: undefined, ...record },
    });
    if (rowStatus === undefined) return task;
    const database = createDatabase(storage);
    const { taskId, sessionId } = task.record;
    const metadata = serializeRecordOnOneLine(task.record);
    insertRow(database, { taskId, sessionId, status: rowStatus, metadata });
    database.close();
    return task;
  };

  const setRowStatus = (status: string): void => {
    const database = new DatabaseSync(join(storage, 'aft.db'));
    database.prepare('UPDATE bash_tasks SET status = ?').run(status);
    database.close();
  };

  const readRowStatus = (): unknown => {
    const database = new DatabaseSync(join(storage, 'aft.db'), { readOnly: true });
    try {
      return database.prepare('SELECT status FROM bash_tasks').get()?.['status'];
    } finally {
      database.close();
    }
  };

  it('sets both fields of the record, and then of the row', async () => {
    const { paths } = write({}, 'running');
    const outcome = await stopNotifying(storage, 'opencode', paths);
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    const record = readTask(paths);
    const { status, completionDelivered, notifyOnCompletion } = record;
    assert.deepEqual([status, completionDelivered, notifyOnCompletion], ['running', true, false]);
    const [row] = readRows(storage);
    assert.equal(row?.completion_delivered, 1);
    assert.equal(row.metadata, serializeRecordOnOneLine(record));
  });

  it('is not done, and changes nothing, where the row says that the task has ended', async () => {
    const { paths } = write({}, 'completed');
    const before = readFileSync(paths.json, 'utf8');
    const outcome = await stopNotifying(storage, 'opencode', paths);
    assert.deepEqual([outcome.done, outcome.reason], [false, 'already-ended']);
    assert.match(
      outcome.message,
      /had ended before: .*\(completed\).* AFT tells its agent of the end/,
    );
    assert.equal(readRows(storage)[0]?.completion_delivered, 0);
    assert.equal(readFileSync(paths.json, 'utf8'), before);
  });

  for (const layout of ['flat', 'directory'] as const) {
    it(`does not bring back a task that ends meanwhile, and says that its agent is told (${layout})`, async () => {
      const { paths, record } = write({}, 'running', layout);
      const end = interrupted(() => {
        writeTask(paths, markTerminal(record, 'failed', 3, undefined));
        setRowStatus('failed');
      });
      const outcome = await stopNotifying(storage, 'opencode', paths, end);
      assert.deepEqual([outcome.done, outcome.reason], [false, 'already-ended']);
      assert.match(outcome.message, /already ended \(failed\).*AFT tells its agent.*delivered/);
      const { status, exitCode, completionDelivered, notifyOnCompletion } = readTask(paths);
      assert.deepEqual([status, exitCode], ['failed', 3]);
      assert.deepEqual([completionDelivered, notifyOnCompletion], [false, true]);
      assert.equal(readRows(storage)[0]?.completion_delivered, 0);
    });
  }

  /** Ends the task as AFT does after the record has been written, and before the row is looked at. */
  const endingAfterwards = (end: () => void): WriteSystem => ({
    ...systemWrites,
    rename: (from, to) => {
      renameSync(from, to);
      if (readRowStatus() === 'running') end();
    },
  });

  it('is done where AFT has taken it over at the end', async () => {
    const { paths } = write({}, 'running');
    const system = endingAfterwards(() => {
      setRowStatus('completed');
      writeTask(paths, markTerminal(readTask(paths), 'completed', 0, undefined));
    });
    const outcome = await stopNotifying(storage, 'opencode', paths, system);
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert.match(outcome.message, /has just ended, without a message to its agent/);
    assert.equal(readTask(paths).status, 'completed');
  });

  it('is not done where AFT writes the end of a kill from its memory', async () => {
    const { paths, record } = write({}, 'running');
    const system = endingAfterwards(() => {
      setRowStatus('killed');
      writeTask(paths, markTerminal(record, 'killed', 137, undefined));
    });
    const outcome = await stopNotifying(storage, 'opencode', paths, system);
    assert.deepEqual([outcome.done, outcome.reason], [false, 'already-ended']);
    assert.match(outcome.message, /already ended \(killed\).*AFT tells its agent/);
    assert.equal(readTask(paths).completionDelivered, false);
  });

  it('is refused for a task that has ended, and for one of schema 1', async () => {
    for (const [record, reason] of [
      [{ status: 'completed' }, 'already-ended'],
      [{ schemaVersion: 1 }, 'unsupported-schema'],
    ] as const) {
      const { paths } = write(record);
      const before = readFileSync(paths.json, 'utf8');
      const outcome = await stopNotifying(storage, 'opencode', paths);
      assert.deepEqual([outcome.done, outcome.reason], [false, reason]);
      assert.equal(readFileSync(paths.json, 'utf8'), before);
    }
  });
});
