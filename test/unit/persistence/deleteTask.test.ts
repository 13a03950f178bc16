import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { deleteTask } from '../../../src/persistence/deleteTask.ts';
import { createDatabase, insertRow, readRows } from './aftDatabase.ts';
import { pathsIn, put, recordJson, taskId, temporaryDirectory } from './support.ts';

describe('deleteTask for good', () => {
  const directory = temporaryDirectory();

  for (const layout of ['flat', 'directory'] as const) {
    it(`deletes the bundle and the row, and no other (${layout})`, async () => {
      const paths = pathsIn(directory(), layout);
      const other = pathsIn(directory(), layout, 'bash-ffffffffffffffff');
      for (const { json, stdout } of [paths, other]) {
        put(json, recordJson());
        put(stdout, 'x');
      }
      const database = createDatabase(directory());
      insertRow(database);
      insertRow(database, { taskId: other.taskId });
      database.close();
      const outcome = await deleteTask(directory(), 'opencode', paths, { keep: false });
      assert.deepEqual(outcome, {
        done: true,
        reason: undefined,
        message: `Task ${taskId} is deleted.`,
        details: undefined,
        trashEntry: undefined,
      });
      assert.ok(!existsSync(paths.json) && !existsSync(paths.stdout));
      assert.ok(existsSync(other.json) && existsSync(other.stdout));
      assert.ok(!existsSync(join(directory(), '.aft-task-explorer')));
      assert.deepEqual(
        readRows(directory()).map((row) => row.task_id),
        [other.taskId],
      );
    });
  }

  it('is done where there is no database', async () => {
    const paths = pathsIn(directory(), 'directory');
    put(paths.json, recordJson());
    const outcome = await deleteTask(directory(), 'opencode', paths, { keep: false });
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined]);
    assert.ok(!existsSync(paths.sessionDir));
  });

  it('says so where the row can’t be deleted', async () => {
    const paths = pathsIn(directory(), 'flat');
    put(paths.json, recordJson());
    const database = createDatabase(directory(), 14);
    insertRow(database);
    database.close();
    const outcome = await deleteTask(directory(), 'opencode', paths, { keep: false });
    assert.deepEqual([outcome.done, outcome.reason], [true, 'row-not-updated']);
    assert.match(outcome.message, /is deleted, but AFT's database has version 14/);
    assert.ok(!existsSync(paths.json));
  });

  it('tells of a file that could not be deleted', async () => {
    const paths = pathsIn(directory(), 'flat');
    put(paths.json, recordJson());
    put(join(paths.stdout, 'not a file'));
    const outcome = await deleteTask(directory(), 'opencode', paths, { keep: false });
    assert.equal(outcome.done, false);
    assert.equal(outcome.reason, 'io');
    assert.ok(outcome.message.includes(paths.stdout));
  });
});
