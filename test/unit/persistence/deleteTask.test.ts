import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemWrites } from '../../../src/persistence/atomicWrite.ts';
import { systemDatabase } from '../../../src/persistence/database.ts';
import { deleteTask } from '../../../src/persistence/deleteTask.ts';
import type { TaskPaths } from '../../../src/persistence/paths.ts';
import { systemTrash, type TrashSystem } from '../../../src/persistence/trash.ts';
import { tendTrash } from '../../../src/persistence/trashContents.ts';
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
      assert.deepEqual(readdirSync(join(directory(), '.aft-task-explorer', 'trash')), []);
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

  it('keeps the files until a locked database lets the row go', async () => {
    const paths = pathsIn(directory(), 'flat');
    put(paths.json, recordJson());
    const database = createDatabase(directory());
    insertRow(database);
    database.exec('BEGIN IMMEDIATE');
    const impatient = { ...systemDatabase, sleep: () => Promise.resolve() };
    const system = { ...systemTrash, database: impatient };
    const outcome = await deleteTask(directory(), 'opencode', paths, { keep: false, system });
    assert.deepEqual([outcome.done, outcome.reason], [true, 'row-not-updated']);
    assert.match(outcome.message, /locked.*Its row is tried again every hour/);
    assert.ok(!existsSync(paths.json) && outcome.trashEntry === undefined);
    database.exec('ROLLBACK');
    database.close();
    await tendTrash(directory(), 0);
    assert.deepEqual(readRows(directory()), []);
    assert.deepEqual(readdirSync(join(directory(), '.aft-task-explorer', 'trash')), []);
  });

  describe('of a bundle on another file system than the trash', () => {
    const system: TrashSystem = {
      ...systemTrash,
      writes: {
        ...systemWrites,
        rename: () => {
          throw Object.assign(new Error('cross-device link'), { code: 'EXDEV' });
        },
      },
    };
    let paths: TaskPaths;
    beforeEach(() => {
      paths = pathsIn(directory(), 'flat');
      put(paths.json, recordJson());
    });

    it('deletes it where it is', async () => {
      const database = createDatabase(directory());
      insertRow(database);
      database.close();
      const outcome = await deleteTask(directory(), 'opencode', paths, { keep: false, system });
      assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
      assert.ok(!existsSync(paths.sessionDir));
      assert.deepEqual(readRows(directory()), []);
    });

    it('tells of a file that could not be deleted', async () => {
      put(join(paths.stdout, 'not a file'));
      const outcome = await deleteTask(directory(), 'opencode', paths, { keep: false, system });
      assert.deepEqual([outcome.done, outcome.reason], [false, 'io']);
      assert.ok(outcome.message.includes(paths.stdout));
    });

    it('refuses to keep it, and says what to do', async () => {
      const outcome = await deleteTask(directory(), 'opencode', paths, { system });
      assert.deepEqual([outcome.done, outcome.reason], [false, 'io']);
      assert.match(outcome.message, /another file system.*keepHours to 0/);
      assert.equal(readFileSync(paths.json, 'utf8'), recordJson());
      assert.deepEqual(readdirSync(join(directory(), '.aft-task-explorer', 'trash')), []);
    });
  });
});
