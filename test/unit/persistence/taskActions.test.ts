import assert from 'node:assert/strict';
import { existsSync, linkSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { deleteTask, type DeleteOutcome } from '../../../src/persistence/deleteTask.ts';
import { markTaskDelivered } from '../../../src/persistence/deliver.ts';
import { bundlePaths, hashSession, type TaskPaths } from '../../../src/persistence/paths.ts';
import { undoDelete } from '../../../src/persistence/trashContents.ts';
import { createDatabase, insertRow, readRows } from './aftDatabase.ts';
import {
  interrupted,
  pathsIn,
  put,
  recordJson,
  taskId,
  temporaryDirectory,
  tree,
} from './support.ts';

const oneLine = (json: string): string => JSON.stringify(JSON.parse(json));

const actions = { markTaskDelivered, deleteTask };

for (const [action, act] of Object.entries(actions)) {
  for (const layout of ['flat', 'directory'] as const) {
    describe(`${action}, ${layout} layout`, () => {
      const directory = temporaryDirectory();
      let paths: TaskPaths;
      beforeEach(() => {
        paths = pathsIn(directory(), layout);
      });

      /** Whatever is refused changes nothing and says so about this task. */
      async function assertRefused(reason: string, words: RegExp): Promise<void> {
        const before = new Map(tree(directory()).map((path) => [path, contentOf(path)]));
        const outcome = await act(directory(), 'opencode', paths);
        assert.equal(outcome.done, false);
        assert.equal(outcome.reason, reason, outcome.message);
        assert.match(outcome.message, words);
        assert.ok(outcome.message.includes(taskId));
        assert.deepEqual(new Map(tree(directory()).map((path) => [path, contentOf(path)])), before);
      }
      function contentOf(path: string): string {
        try {
          return readFileSync(join(directory(), path), 'utf8');
        } catch {
          return 'directory';
        }
      }

      for (const status of ['starting', 'running', 'killing']) {
        it(`refuses a task that is ${status}`, async () => {
          put(paths.json, recordJson({ status }));
          put(paths.stdout, 'x');
          await assertRefused('not-terminal', new RegExp(`is ${status}`));
        });
      }

      it('refuses schema 7', async () => {
        put(paths.json, recordJson({ schema_version: 7 }));
        await assertRefused('unsupported-schema', /schema_version 7 \(expected 1 to 6\)/);
      });

      it('refuses a corrupt record and keeps the captures', async () => {
        put(paths.json, recordJson().slice(0, 100));
        put(paths.stdout, 'x');
        await assertRefused('corrupt', /left as they are/);
      });

      it('refuses a bundle without a record', async () => {
        put(paths.stdout, 'x');
        await assertRefused('not-found', /refresh/);
      });

      it('refuses a record that names another task, or belongs to another session', async () => {
        put(paths.json, recordJson({ task_id: 'bash-ffffffffffffffff' }));
        await assertRefused('mismatch', /names another task/);
        put(paths.json, recordJson({ session_id: 'ses_other' }));
        await assertRefused('mismatch', /another session/);
      });

      it('refuses a hard-linked record', async () => {
        put(paths.json, recordJson());
        linkSync(paths.json, join(directory(), 'second'));
        await assertRefused('unsafe-path', /hard link/);
      });

      it('refuses a task that is there in both layouts', async () => {
        put(pathsIn(directory(), 'flat').json, recordJson());
        put(pathsIn(directory(), 'directory').json, recordJson());
        await assertRefused('corrupt', /was not (deleted|marked delivered): .*ambiguous/);
      });
    });
  }
}

describe('markTaskDelivered', () => {
  const directory = temporaryDirectory();

  for (const layout of ['flat', 'directory'] as const) {
    it(`changes nothing but completion_delivered, in the record and in the row (${layout})`, async () => {
      const paths = pathsIn(directory(), layout);
      const json = recordJson({ schema_version: 6, zzz: [1] });
      put(paths.json, json);
      const database = createDatabase(directory());
      insertRow(database, { metadata: oneLine(json) });
      database.close();
      const outcome = await markTaskDelivered(directory(), 'opencode', paths);
      assert.deepEqual(outcome, {
        done: true,
        reason: undefined,
        message: `Task ${taskId} is marked delivered.`,
        details: undefined,
      });
      const delivered = recordJson({ schema_version: 6, zzz: [1], completion_delivered: true });
      assert.equal(readFileSync(paths.json, 'utf8'), delivered);
      const [row] = readRows(directory());
      assert.equal(row?.completion_delivered, 1);
      assert.equal(row.metadata, oneLine(delivered));
    });
  }

  it('does not bring back a record that another window deletes meanwhile', async () => {
    const paths = pathsIn(directory(), 'flat');
    put(paths.json, recordJson());
    put(paths.stdout, 'x');
    const deletion: Promise<DeleteOutcome>[] = [];
    const system = interrupted(() => {
      deletion.push(deleteTask(directory(), 'opencode', paths));
    });
    const outcome = await markTaskDelivered(directory(), 'opencode', paths, system);
    assert.deepEqual([outcome.done, outcome.reason], [false, 'not-found'], outcome.message);
    assert.match(outcome.message, /may be gone already/);
    const [deleted] = await Promise.all(deletion);
    assert.ok(deleted?.done && deleted.trashEntry !== undefined);
    assert.ok(!existsSync(paths.json));
    assert.equal((await undoDelete(directory(), deleted.trashEntry)).done, true);
    assert.equal(readFileSync(paths.json, 'utf8'), recordJson());
  });

  it('leaves a task alone that has come to run meanwhile', async () => {
    const paths = pathsIn(directory(), 'flat');
    put(paths.json, recordJson());
    const running = recordJson({ status: 'running' });
    const system = interrupted(() => {
      rmSync(paths.json);
      put(paths.json, running);
    });
    const outcome = await markTaskDelivered(directory(), 'opencode', paths, system);
    assert.deepEqual([outcome.done, outcome.reason], [false, 'not-terminal']);
    assert.equal(readFileSync(paths.json, 'utf8'), running);
  });

  it('is done, with nothing to add, where there is no database or no row', async () => {
    const paths = pathsIn(directory(), 'flat');
    put(paths.json, recordJson());
    const outcome = await markTaskDelivered(directory(), 'opencode', paths);
    assert.equal(outcome.reason, undefined);
    createDatabase(directory()).close();
    const again = await markTaskDelivered(directory(), 'opencode', paths);
    assert.deepEqual([again.done, again.reason], [true, undefined]);
    assert.match(again.message, /already/);
  });

  it('brings the row into line with a record that is delivered already', async () => {
    const paths = pathsIn(directory(), 'directory');
    put(paths.json, recordJson({ completion_delivered: true }));
    const database = createDatabase(directory());
    insertRow(database, { metadata: oneLine(recordJson()) });
    database.close();
    const { ino } = statSync(paths.json);
    const outcome = await markTaskDelivered(directory(), 'opencode', paths);
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined]);
    assert.equal(readRows(directory())[0]?.completion_delivered, 1);
    assert.equal(statSync(paths.json).ino, ino);
  });

  it('says so where the row can’t be changed', async () => {
    const paths = pathsIn(directory(), 'directory');
    put(paths.json, recordJson());
    const database = createDatabase(directory(), 14);
    insertRow(database);
    database.close();
    const outcome = await markTaskDelivered(directory(), 'opencode', paths);
    assert.deepEqual([outcome.done, outcome.reason], [true, 'row-not-updated']);
    assert.match(outcome.message, /is marked delivered, but AFT's database has version 14/);
    assert.equal(readFileSync(paths.json, 'utf8'), recordJson({ completion_delivered: true }));
  });

  it('finds the row of a task at the root level', async () => {
    const { sessionDir } = pathsIn(directory(), 'flat');
    const root = join(directory(), 'bash-tasks', hashSession('ses_alpha'));
    const paths = bundlePaths(root, taskId, 'flat');
    assert.notEqual(root, sessionDir);
    put(paths.json, recordJson());
    const database = createDatabase(directory());
    insertRow(database, { stdoutPath: paths.stdout });
    database.close();
    await markTaskDelivered(directory(), undefined, paths);
    assert.equal(readRows(directory())[0]?.completion_delivered, 1);
  });
});
