import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemDatabase } from '../../../src/persistence/database.ts';
import { deleteTask } from '../../../src/persistence/deleteTask.ts';
import { markTaskDelivered } from '../../../src/persistence/deliver.ts';
import { writeKillMarkerIfAbsent } from '../../../src/persistence/exitMarker.ts';
import type { Outcome } from '../../../src/persistence/outcome.ts';
import type { TaskPaths } from '../../../src/persistence/paths.ts';
import { markTerminal, type Layout } from '../../../src/persistence/record.ts';
import { serializeRecordOnOneLine } from '../../../src/persistence/recordCodec.ts';
import { readTask, writeTask } from '../../../src/persistence/taskFile.ts';
import { systemTrash } from '../../../src/persistence/trash.ts';
import { listTrash, tendTrash, undoDelete } from '../../../src/persistence/trashContents.ts';
import { quickChildren } from '../../support/compileCache.ts';
import { createDatabase, insertRow, readRows } from './aftDatabase.ts';
import { startChild } from './children.ts';
import { pathsIn, put, recordJson, taskId, temporaryDirectory, trashEntry } from './support.ts';
import { databaseContent, makeBundle, makeRichDatabase, tasksContent } from './trashSupport.ts';

/** More calls than any action makes. */
const manyCalls = 60;
/** Waits for nobody: the other window is stopped. */
const system = {
  ...systemTrash,
  database: { ...systemDatabase, sleep: () => Promise.resolve() },
};
const layouts = ['flat', 'directory'] as const satisfies readonly Layout[];

/** What a window does is stopped in its middle, another one acts, and the first goes on. */
for (const layout of layouts) {
  describe(`two windows that act on one task at once, ${layout} layout`, () => {
    const directory = temporaryDirectory();
    quickChildren((nowhere) => startChild(nowhere, layout, 'tend').outcome);

    interface Turn {
      readonly storage: string;
      readonly paths: TaskPaths;
    }

    /** Stops an action before each of its calls of these names in turn; answers how often. */
    async function interleave<Theirs>(
      prepare: (turn: Turn) => Promise<unknown>,
      action: string,
      calls: readonly string[],
      meanwhile: (turn: Turn) => Promise<Theirs>,
      check: (turn: Turn, first: Outcome | undefined, second: Theirs) => Promise<unknown>,
    ): Promise<void> {
      for (let call = 1; call < manyCalls; call += 1) {
        const storage = join(directory(), String(call));
        mkdirSync(storage);
        const turn = { storage, paths: pathsIn(storage, layout) };
        await prepare(turn);
        const child = startChild(storage, layout, action, 'pause', call, calls);
        await child.paused;
        const hasEnded = child.process.exitCode !== null;
        const second = await meanwhile(turn);
        child.resume();
        const first = await child.outcome;
        if (hasEnded) {
          assert.ok(call > 2, 'it was stopped once at most');
          return;
        }
        await check(turn, first, second);
      }
      assert.fail('it has not come to an end');
    }

    const changes = ['renameSync', 'rmSync', 'exec'];

    const bundle = ({ storage }: Turn): Promise<void> => {
      makeBundle(storage, layout);
      makeRichDatabase(storage);
      return Promise.resolve();
    };
    const deletedBundle = async (turn: Turn): Promise<void> => {
      await bundle(turn);
      await deleteTask(turn.storage, 'opencode', turn.paths);
    };
    const doDelete = ({ paths, storage }: Turn): Promise<Outcome> =>
      deleteTask(storage, 'opencode', paths, { system });
    const doUndo = ({ storage }: Turn): Promise<Outcome> => undoDelete(storage, trashEntry, system);
    const doDeliver = ({ paths, storage }: Turn): Promise<Outcome> =>
      markTaskDelivered(storage, 'opencode', paths);

    function deliveredRow(storage: string): unknown {
      const database = new DatabaseSync(join(storage, 'aft.db'), { readOnly: true });
      try {
        const sql = 'SELECT completion_delivered AS delivered FROM bash_tasks WHERE task_id = ?';
        return database.prepare(sql).get(taskId)?.['delivered'];
      } finally {
        database.close();
      }
    }

    /** All of it is in its place, or in the trash and can come back; record and row agree. */
    async function assertWhole({ paths, storage }: Turn): Promise<'there' | 'in the trash'> {
      const { problems } = await tendTrash(storage, Number.POSITIVE_INFINITY);
      assert.deepEqual(problems, []);
      const isThere = existsSync(paths.json);
      if (!isThere) {
        const left = [...tasksContent(storage).keys()];
        assert.ok(left.every((name) => !name.includes(taskId)));
        assert.equal(databaseContent(storage).length, 3);
        assert.equal(listTrash(storage).length, 1);
        const { done, reason, message } = await undoDelete(storage, trashEntry);
        assert.deepEqual([done, reason], [true, undefined], message);
      }
      // A directory takes along what another window was writing in it; it goes with the bundle.
      const own = [...tasksContent(storage).keys()].filter(
        (name) => name.includes(taskId) && !name.includes('.aft-tmp-'),
      );
      assert.equal(own.length, layout === 'flat' ? 5 : 10, own.join());
      assert.equal(databaseContent(storage).length, 6);
      assert.deepEqual(listTrash(storage), []);
      assert.equal(deliveredRow(storage), Number(readTask(paths).completionDelivered));
      return isThere ? 'there' : 'in the trash';
    }

    const isRefused = (outcome: Outcome | undefined, reasons: readonly string[]): boolean =>
      outcome?.done === false && reasons.includes(outcome.reason ?? '');

    it('delete × deliver: it is deleted, and delivered as far as that was said', async () => {
      await interleave(bundle, 'delete', changes, doDeliver, async (turn, deleted, delivered) => {
        assert.equal(deleted?.done, true, deleted?.message);
        assert.ok(delivered.done || isRefused(delivered, ['not-found']), delivered.message);
        assert.equal(await assertWhole(turn), 'in the trash');
        assert.equal(readTask(turn.paths).completionDelivered, delivered.done);
      });
    }).timeout(120_000);

    it('deliver × delete: it is deleted, and delivered as far as that was said', async () => {
      const calls = ['openSync', 'fsyncSync', 'exec', 'run'];
      await interleave(bundle, 'deliver', calls, doDelete, async (turn, delivered, deleted) => {
        assert.equal(deleted.done, true, deleted.message);
        assert.ok(delivered?.done === true || isRefused(delivered, ['not-found']));
        assert.equal(await assertWhole(turn), 'in the trash');
        assert.equal(readTask(turn.paths).completionDelivered, delivered?.done);
      });
    }).timeout(120_000);

    it('delete × delete: one does, the other says so', async () => {
      await interleave(bundle, 'delete', changes, doDelete, async (turn, first, second) => {
        const winners = [first, second].filter((outcome) => outcome?.done);
        assert.equal(winners.length, 1, JSON.stringify([first, second]));
        const loser = winners[0] === first ? second : first;
        assert.ok(isRefused(loser, ['busy', 'not-found']), loser?.message);
        assert.equal(await assertWhole(turn), 'in the trash');
      });
    }).timeout(120_000);

    it('delete × undo: it is deleted, or back', async () => {
      await interleave(bundle, 'delete', changes, doUndo, async (turn, deleted, undone) => {
        assert.equal(deleted?.done, true, deleted?.message);
        assert.ok(undone.done || isRefused(undone, ['busy', 'not-found']), undone.message);
        assert.equal(await assertWhole(turn), undone.done ? 'there' : 'in the trash');
      });
    }).timeout(120_000);

    it('undo × undo: one does, the other says so', async () => {
      await interleave(deletedBundle, 'undo', changes, doUndo, async (turn, first, second) => {
        assert.ok(first?.done === true || second.done, JSON.stringify([first, second]));
        for (const outcome of [first, second]) {
          assert.ok(outcome?.done === true || isRefused(outcome, ['busy', 'not-found']));
        }
        assert.equal(await assertWhole(turn), 'there');
      });
    }).timeout(120_000);

    it('undo × delete: it is back, or deleted again', async () => {
      await interleave(deletedBundle, 'undo', changes, doDelete, async (turn, undone, deleted) => {
        assert.equal(undone?.done, true, undone?.message);
        assert.ok(deleted.done || isRefused(deleted, ['busy', 'not-found']), deleted.message);
        assert.equal(await assertWhole(turn), deleted.done ? 'in the trash' : 'there');
      });
    }).timeout(120_000);

    it('tend × undo of what an ended window has left: it is back', async () => {
      const prepare = async (turn: Turn): Promise<void> => {
        await bundle(turn);
        const child = startChild(turn.storage, layout, 'delete', 'kill', 2, ['exec']);
        assert.equal(await child.outcome, undefined);
      };
      await interleave(prepare, 'tend', changes, doUndo, async (turn, _, undone) => {
        assert.ok(undone.done || isRefused(undone, ['busy']), undone.message);
        assert.equal(await assertWhole(turn), undone.done ? 'there' : 'in the trash');
      });
    }).timeout(120_000);

    it('stopNotifying × the end: the task stays ended, and what is said of the message holds', async () => {
      const running = { status: 'running', finished_at: null, duration_ms: null, exit_code: null };
      const prepare = ({ paths, storage }: Turn): Promise<void> => {
        const json = recordJson({ schema_version: layout === 'flat' ? 4 : 6, ...running });
        put(paths.json, json);
        const database = createDatabase(storage);
        insertRow(database, { status: 'running', metadata: JSON.stringify(JSON.parse(json)) });
        database.close();
        return Promise.resolve();
      };
      /** As AFT does: from the record as it is now, and the row after it, if the database is free. */
      const end = ({ paths, storage }: Turn): Promise<boolean> => {
        const ended = markTerminal(readTask(paths), 'completed', 0, undefined);
        writeTask(paths, ended);
        const database = new DatabaseSync(join(storage, 'aft.db'), { timeout: 0 });
        try {
          const sql = 'UPDATE bash_tasks SET status = ?, completion_delivered = ?, metadata = ?';
          const metadata = serializeRecordOnOneLine(ended);
          database.prepare(sql).run('completed', Number(ended.completionDelivered), metadata);
          return Promise.resolve(true);
        } catch (error) {
          assert.match(String(error), /locked/);
          return Promise.resolve(false);
        } finally {
          database.close();
        }
      };
      const calls = ['openSync', 'fsyncSync', 'exec', 'run'];
      await interleave(prepare, 'stopNotifying', calls, end, (turn, outcome, hasRow) => {
        assert.ok(outcome?.done === true || isRefused(outcome, ['already-ended']));
        const { completionDelivered, notifyOnCompletion, status } = readTask(turn.paths);
        const { done } = outcome ?? {};
        assert.deepEqual(
          [status, completionDelivered, notifyOnCompletion],
          ['completed', done, !done],
        );
        if (hasRow) assert.equal(readRows(turn.storage)[0]?.completion_delivered, Number(done));
        return Promise.resolve();
      });
    }).timeout(120_000);

    for (const [what, marker, theirs] of [
      [
        'the end of the command',
        '0',
        ({ paths }: Turn) => {
          replace(paths.exit, '0');
        },
      ],
      [
        'another kill',
        'killed',
        ({ paths }: Turn) => {
          writeKillMarkerIfAbsent(paths);
        },
      ],
    ] as const) {
      it(`kill marker × ${what}: the first to be there stays`, async () => {
        const prepare = ({ paths }: Turn): Promise<void> => {
          put(paths.json, recordJson({ status: 'running' }));
          if (layout === 'directory') put(paths.exit);
          return Promise.resolve();
        };
        const meanwhile = (turn: Turn): Promise<void> => {
          theirs(turn);
          return Promise.resolve();
        };
        const calls = ['openSync', 'fsyncSync'];
        await interleave(prepare, 'killMarker', calls, meanwhile, ({ paths }, first) => {
          assert.equal(first, null);
          // Before the directory is synced, the kill's own is there already.
          assert.ok([marker, 'killed'].includes(readFileSync(paths.exit, 'utf8')));
          return Promise.resolve();
        });
      });
    }
  });
}

/** As AFT does: another file in its place. */
function replace(path: string, content: string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}
