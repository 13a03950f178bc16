import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PersistedTask } from '../../../src/persistence/record.ts';
import { serializeRecordOnOneLine } from '../../../src/persistence/recordCodec.ts';
import { stopNotifying } from '../../../src/persistence/stopNotifying.ts';
import { readTask } from '../../../src/persistence/taskFile.ts';
import { writeTaskFixture, type FixtureTask } from '../../support/taskFixture.ts';
import { createDatabase, insertRow, readRows } from './aftDatabase.ts';

describe('asking AFT not to tell the agent', () => {
  let storage: string;
  beforeEach(() => {
    storage = mkdtempSync(join(tmpdir(), 'aft-notify-'));
  });
  afterEach(() => {
    rmSync(storage, { recursive: true });
  });

  const write = (record: Partial<PersistedTask>, rowStatus?: string): FixtureTask => {
    const task = writeTaskFixture({
      storage,
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

  it('leaves a row alone that says that the task has ended, and says so', async () => {
    const { paths } = write({}, 'completed');
    const outcome = await stopNotifying(storage, 'opencode', paths);
    assert.deepEqual([outcome.done, outcome.reason], [true, 'row-not-updated']);
    assert.equal(readRows(storage)[0]?.completion_delivered, 0);
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
