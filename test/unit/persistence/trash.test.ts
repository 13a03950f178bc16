import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemDatabase } from '../../../src/persistence/database.ts';
import { deleteTask } from '../../../src/persistence/deleteTask.ts';
import { bundlePaths, hashSession, type TaskPaths } from '../../../src/persistence/paths.ts';
import type { Outcome } from '../../../src/persistence/outcome.ts';
import { systemTrash, type TrashSystem } from '../../../src/persistence/trash.ts';
import {
  emptyTrash,
  listStuck,
  listTrash,
  tendTrash,
  undoDelete,
} from '../../../src/persistence/trashContents.ts';
import {
  pathsIn,
  put,
  recordJson,
  sessionId,
  taskId,
  temporaryDirectory,
  trashEntry,
  tree,
} from './support.ts';
import { databaseContent, makeBundle, makeRichDatabase, tasksContent } from './trashSupport.ts';

const hour = 60 * 60 * 1000;
const impatient = { ...systemDatabase, sleep: () => Promise.resolve() };
const noSqlite = { ...impatient, sqlite: () => undefined };

/** Everything as the system has it, but for the time. */
function at(time: number): TrashSystem {
  return { ...systemTrash, now: () => time };
}

function chownAll(directory: string, user: number): void {
  for (const path of ['', ...tree(directory)]) chownSync(join(directory, path), user, user);
}

async function deleted(storage: string, paths: TaskPaths): Promise<string> {
  const outcome = await deleteTask(storage, 'opencode', paths);
  assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
  assert.ok(outcome.trashEntry !== undefined);
  return outcome.trashEntry;
}

async function restored(storage: string, entry: string): Promise<void> {
  const outcome = await undoDelete(storage, entry);
  assert.deepEqual(outcome, {
    done: true,
    reason: undefined,
    message: `Task ${taskId} is back.`,
    details: undefined,
  });
}

for (const layout of ['flat', 'directory'] as const) {
  describe(`the trash, ${layout} layout`, () => {
    const directory = temporaryDirectory();
    const trash = (): string => join(directory(), '.aft-task-explorer', 'trash');
    let paths: TaskPaths;
    beforeEach(() => {
      paths = makeBundle(directory(), layout);
    });

    it('takes the whole bundle, the row and its watches, and no other', async () => {
      makeRichDatabase(directory());
      const other = pathsIn(directory(), layout, 'bash-ffffffffffffffff');
      put(other.json, recordJson({ task_id: other.taskId }));
      assert.equal(await deleted(directory(), paths), trashEntry);
      const left = [...tasksContent(directory()).keys()];
      assert.ok(left.every((name) => !name.includes(taskId)) && existsSync(other.json));
      assert.equal(databaseContent(directory()).length, 3);
      assert.ok(existsSync(join(trash(), trashEntry, 'row.json')));
    });

    it('gives back bytes, modes, times, the session’s directory, the row and the watches', async () => {
      makeRichDatabase(directory());
      const files = tasksContent(directory());
      const rows = databaseContent(directory());
      const entry = await deleted(directory(), paths);
      assert.ok(!existsSync(paths.sessionDir));
      await restored(directory(), entry);
      assert.deepEqual(tasksContent(directory()), files);
      assert.deepEqual(databaseContent(directory()), rows);
      assert.deepEqual(readdirSync(trash()), []);
      assert.deepEqual(listTrash(directory()), []);
    });

    it('does so again and again', async () => {
      makeRichDatabase(directory());
      const before = [tasksContent(directory()), databaseContent(directory())];
      for (let time = 0; time < 3; time += 1) {
        await restored(directory(), await deleted(directory(), paths));
      }
      assert.deepEqual([tasksContent(directory()), databaseContent(directory())], before);
    });

    it('is private: directories 0700, its own files 0600', async () => {
      makeRichDatabase(directory());
      const entry = join(trash(), await deleted(directory(), paths));
      for (const path of [join(directory(), '.aft-task-explorer'), trash(), entry]) {
        assert.equal(statSync(path).mode & 0o777, 0o700, path);
      }
      for (const name of ['journal.json', 'row.json']) {
        assert.equal(statSync(join(entry, name)).mode & 0o777, 0o600, name);
      }
    });

    it('tells what is in it, the latest first', async () => {
      const other = pathsIn(directory(), layout, 'bash-ffffffffffffffff');
      put(other.json, recordJson({ task_id: other.taskId, command: 'x'.repeat(5000) }));
      await deleteTask(directory(), 'opencode', other, { system: at(1000) });
      await deleteTask(directory(), 'opencode', paths, { system: at(2000) });
      const [first, second, ...more] = listTrash(directory());
      assert.deepEqual(more, []);
      assert.deepEqual(
        { ...first, files: 0, bytes: 0 },
        {
          entry: trashEntry,
          harness: 'opencode',
          sessionHash: '761e48ac259824c0',
          taskId,
          sessionId,
          command: 'echo hello',
          status: 'completed',
          deletedAt: 2000,
          files: 0,
          bytes: 0,
        },
      );
      assert.equal(first?.files, layout === 'flat' ? 5 : 6);
      assert.equal(second?.command.length, 1000);
    });

    it('refuses to give back where the task is there again, in either layout', async () => {
      makeRichDatabase(directory());
      const entry = await deleted(directory(), paths);
      const before = tree(trash());
      for (const there of ['flat', 'directory'] as const) {
        const again = pathsIn(directory(), there);
        put(again.json, 'again');
        const outcome = await undoDelete(directory(), entry);
        assert.equal(outcome.reason, 'already-there');
        assert.match(outcome.message, /was not brought back: .* is there again/);
        assert.equal(readFileSync(again.json, 'utf8'), 'again');
        rmSync(again.sessionDir, { recursive: true });
      }
      assert.deepEqual(tree(trash()), before);
      await restored(directory(), entry);
    });

    it('keeps an earlier task of the same id apart', async () => {
      const first = await deleted(directory(), paths);
      put(pathsIn(directory(), layout).json, recordJson({ command: 'second' }));
      const second = await deleted(directory(), pathsIn(directory(), layout));
      assert.notEqual(first, second);
      assert.deepEqual(
        new Set(listTrash(directory()).map(({ command }) => command)),
        new Set(['echo hello', 'second']),
      );
      await restored(directory(), second);
      assert.match(readFileSync(paths.json, 'utf8'), /"command": "second"/);
    });

    it('loses what has been in it for long enough, and only that', async () => {
      const other = pathsIn(directory(), layout, 'bash-ffffffffffffffff');
      put(other.json, recordJson({ task_id: other.taskId }));
      await deleteTask(directory(), 'opencode', other, { system: at(10 * hour) });
      await deleteTask(directory(), 'opencode', paths, { system: at(11 * hour) });
      const report = await tendTrash(directory(), 24 * hour, at(34 * hour));
      assert.deepEqual(report, { returned: [], problems: [] });
      assert.deepEqual(readdirSync(trash()), [trashEntry]);
      await tendTrash(directory(), 0, at(34 * hour));
      assert.deepEqual(readdirSync(trash()), []);
    });

    it('can be emptied, with a count of tasks and bytes', async () => {
      await deleted(directory(), paths);
      const [item] = listTrash(directory());
      assert.deepEqual(await emptyTrash(directory()), {
        entries: 1,
        bytes: item?.bytes,
        problems: [],
      });
      assert.deepEqual(readdirSync(trash()), []);
      const outcome = await undoDelete(directory(), trashEntry);
      assert.equal(outcome.reason, 'not-found');
      assert.match(outcome.message, /is not in the trash/);
    });

    for (const [why, version, database] of [
      ['the database is newer', 14, undefined],
      ['the host has no SQLite', 13, noSqlite],
    ] as const) {
      it(`takes and gives back the files where ${why}, and says what is missing`, async () => {
        makeRichDatabase(directory(), version);
        const files = tasksContent(directory());
        const rows = databaseContent(directory());
        const system = { ...systemTrash, ...(database && { database }) };
        const outcome = await deleteTask(directory(), 'opencode', paths, { system });
        assert.deepEqual([outcome.done, outcome.reason], [true, 'row-not-updated']);
        assert.match(
          outcome.message,
          /is deleted, but .*AFT may go on answering for it\. .*next start/,
        );
        assert.ok(outcome.trashEntry !== undefined && !existsSync(paths.json));
        assert.equal(listTrash(directory()).length, 1);
        const back = await undoDelete(directory(), outcome.trashEntry, system);
        assert.deepEqual([back.done, back.reason], [true, undefined], back.message);
        assert.deepEqual(tasksContent(directory()), files);
        assert.deepEqual(databaseContent(directory()), rows);
        assert.deepEqual(readdirSync(trash()), []);
      });
    }

    it('deletes the row later where the database was locked', async () => {
      makeRichDatabase(directory());
      const rows = databaseContent(directory());
      const locker = new DatabaseSync(join(directory(), 'aft.db'));
      locker.exec('BEGIN IMMEDIATE');
      const system = { ...systemTrash, database: impatient };
      const outcome = await deleteTask(directory(), 'opencode', paths, { system });
      assert.equal(outcome.reason, 'row-not-updated');
      assert.match(outcome.message, /locked/);
      locker.exec('ROLLBACK');
      locker.close();
      const later = { ...systemTrash, now: () => Date.now() + hour };
      assert.deepEqual(await tendTrash(directory(), 24 * hour, later), {
        returned: [],
        problems: [],
      });
      assert.equal(databaseContent(directory()).length, 3);
      await restored(directory(), trashEntry);
      assert.deepEqual(databaseContent(directory()), rows);
    });

    it('restores the row later where the database was locked', async () => {
      makeRichDatabase(directory());
      const rows = databaseContent(directory());
      const entry = await deleted(directory(), paths);
      const locker = new DatabaseSync(join(directory(), 'aft.db'));
      locker.exec('BEGIN IMMEDIATE');
      const system = { ...systemTrash, database: impatient };
      const outcome = await undoDelete(directory(), entry, system);
      assert.deepEqual([outcome.done, outcome.reason], [true, 'row-not-updated']);
      assert.match(outcome.message, /is back, but .*locked.*AFT may not know it/);
      assert.ok(existsSync(paths.json));
      assert.deepEqual(listTrash(directory()), []);
      locker.exec('ROLLBACK');
      locker.close();
      const later = { ...systemTrash, now: () => Date.now() + hour };
      const { problems } = await tendTrash(directory(), 24 * hour, later);
      assert.deepEqual(problems, []);
      assert.deepEqual(databaseContent(directory()), rows);
      assert.deepEqual(readdirSync(trash()), []);
    });

    /** Something done while AFT keeps its database locked, without waiting for it. */
    async function whileLocked<T>(work: (system: TrashSystem) => Promise<T>): Promise<T> {
      const locker = new DatabaseSync(join(directory(), 'aft.db'));
      locker.exec('BEGIN IMMEDIATE');
      try {
        return await work({ ...systemTrash, database: impatient });
      } finally {
        locker.exec('ROLLBACK');
        locker.close();
      }
    }

    it('keeps the row of a task that is deleted again before the row could be restored', async () => {
      makeRichDatabase(directory());
      const [files, rows] = [tasksContent(directory()), databaseContent(directory())];
      const entry = await deleted(directory(), paths);
      await whileLocked(async (system) => {
        assert.ok((await undoDelete(directory(), entry, system)).done);
        const again = await deleteTask(directory(), 'opencode', paths, { system });
        assert.deepEqual([again.done, again.trashEntry], [true, entry], again.message);
      });
      assert.deepEqual(await tendTrash(directory(), 24 * hour), { returned: [], problems: [] });
      assert.deepEqual(readdirSync(trash()), [entry]);
      await restored(directory(), entry);
      assert.deepEqual(tasksContent(directory()), files);
      assert.deepEqual(databaseContent(directory()), rows);
      assert.deepEqual(readdirSync(trash()), []);
    });

    it('counts its hours from the later deletion of a task', async () => {
      makeRichDatabase(directory());
      const earlier = at(Date.now() - hour);
      const first = await deleteTask(directory(), 'opencode', paths, { system: earlier });
      const entry = first.trashEntry ?? '';
      await whileLocked((system) => undoDelete(directory(), entry, system));
      await deleted(directory(), paths);
      assert.ok((listTrash(directory())[0]?.deletedAt ?? 0) > Date.now() - hour / 2);
    });

    it('says busy where another window is at work on a row that is still to come', async () => {
      makeRichDatabase(directory());
      const entry = await deleted(directory(), paths);
      await whileLocked((system) => undoDelete(directory(), entry, system));
      const before = tree(directory());
      const other: Promise<Outcome>[] = [];
      const step = (name: string): void => {
        if (name === 'row restored') other.push(deleteTask(directory(), 'opencode', paths));
      };
      await tendTrash(directory(), 24 * hour, { ...systemTrash, step });
      assert.deepEqual((await other[0])?.reason, 'busy');
      assert.ok(before.includes('aft.db') && existsSync(paths.json));
      assert.deepEqual(readdirSync(trash()), []);
    });

    it('keeps a row that is still to be restored, however old it is', async () => {
      makeRichDatabase(directory());
      const rows = databaseContent(directory());
      const entry = await deleted(directory(), paths);
      await whileLocked(async (system) => {
        await undoDelete(directory(), entry, system);
        const { problems } = await tendTrash(directory(), 0, system);
        assert.match(problems.join(), /locked/);
        const report = await emptyTrash(directory(), system);
        assert.deepEqual(report, { entries: 0, bytes: 0, problems: [] });
      });
      assert.ok(existsSync(join(trash(), entry, 'row.json')));
      await tendTrash(directory(), 0);
      assert.deepEqual(databaseContent(directory()), rows);
      assert.deepEqual(readdirSync(trash()), []);
    });

    it('waits with the end of a task whose row can’t be deleted now, and says so', async () => {
      makeRichDatabase(directory());
      await whileLocked(async (system) => {
        await deleteTask(directory(), 'opencode', paths, { system });
        assert.match((await tendTrash(directory(), 0, system)).problems.join(), /locked/);
        const { entries, problems } = await emptyTrash(directory(), system);
        assert.deepEqual([entries, problems.length], [0, 1]);
        const words = `^Task ${taskId} is still in the trash: .* locked.* Empty the trash again`;
        assert.match(problems[0] ?? '', new RegExp(words));
        assert.equal(listTrash(directory()).length, 1);
      });
      assert.equal((await emptyTrash(directory())).entries, 1);
      assert.equal(databaseContent(directory()).length, 3);
      assert.deepEqual(readdirSync(trash()), []);
    });

    it('waits once for a locked database, however many rows are to be deleted', async () => {
      makeRichDatabase(directory());
      const other = pathsIn(directory(), layout, 'bash-ffffffffffffffff');
      put(other.json, recordJson({ task_id: other.taskId }));
      await whileLocked(async (system) => {
        let pauses = 0;
        const sleep = (): Promise<void> => Promise.resolve(void (pauses += 1));
        const counting = { ...system, database: { ...impatient, sleep } };
        for (const task of [paths, other]) {
          await deleteTask(directory(), 'opencode', task, { system });
        }
        const { problems } = await tendTrash(directory(), hour, counting);
        assert.deepEqual([problems.length, pauses], [2, impatient.attempts - 1]);
        for (const problem of problems) assert.match(problem, /locked/);
        pauses = 0;
        const emptied = await emptyTrash(directory(), counting);
        assert.deepEqual([emptied.entries, emptied.problems.length], [0, 2]);
        assert.equal(pauses, impatient.attempts - 1);
      });
      assert.equal((await emptyTrash(directory())).entries, 2);
      assert.deepEqual(databaseContent(directory()), []);
    });

    it('does not wait for ever for a row that can’t be deleted from here', async () => {
      makeRichDatabase(directory(), 14);
      const rows = databaseContent(directory());
      await deleteTask(directory(), 'opencode', paths);
      await tendTrash(directory(), hour);
      assert.equal(listTrash(directory()).length, 1);
      const { problems } = await tendTrash(directory(), 0);
      assert.match(problems.join(), /version 14/);
      assert.deepEqual(readdirSync(trash()), []);
      makeBundle(directory(), layout);
      await deleteTask(directory(), 'opencode', paths);
      const { entries } = await emptyTrash(directory());
      assert.equal(entries, 1);
      assert.deepEqual(readdirSync(trash()), []);
      assert.deepEqual(databaseContent(directory()), rows);
    });

    it('finishes the delivery that a deletion came into', async () => {
      makeRichDatabase(directory());
      put(paths.json, recordJson({ completion_delivered: true }));
      await restored(directory(), await deleted(directory(), paths));
      const database = new DatabaseSync(join(directory(), 'aft.db'), { readOnly: true });
      const sql = 'SELECT completion_delivered FROM bash_tasks WHERE task_id = ?';
      const row = database.prepare(sql).get(taskId);
      database.close();
      assert.equal(row?.['completion_delivered'], 1);
    });

    it('goes on with what an ended window had half deleted', async () => {
      const files = tasksContent(directory());
      await crashed(layout === 'flat' ? `moved ${taskId}.stdout` : 'entry', (system) =>
        deleteTask(directory(), 'opencode', paths, { system }),
      );
      rmSync(join(trash(), trashEntry, 'claim.json'), { force: true });
      const entry = await deleted(directory(), paths);
      assert.deepEqual(readdirSync(trash()), [entry]);
      await restored(directory(), entry);
      assert.deepEqual(tasksContent(directory()), files);
    });

    /** Ends an action as a crash would, with its work left as it is. */
    async function crashed(
      after: string,
      action: (system: TrashSystem) => Promise<unknown>,
    ): Promise<void> {
      const step = (name: string): void => {
        if (name === after) throw new Error('crash');
      };
      await assert.rejects(action({ ...systemTrash, step }), /crash/);
    }

    it('keeps a row that AFT has written meanwhile', async () => {
      makeRichDatabase(directory());
      const entry = await deleted(directory(), paths);
      const aft = new DatabaseSync(join(directory(), 'aft.db'));
      aft
        .prepare(
          `INSERT INTO bash_tasks (harness, session_id, task_id, status, started_at)
           VALUES ('opencode', ?, ?, 'completed', 1)`,
        )
        .run(sessionId, taskId);
      aft.close();
      const rows = databaseContent(directory());
      const outcome = await undoDelete(directory(), entry);
      assert.deepEqual([outcome.done, outcome.reason], [true, 'row-not-updated']);
      assert.match(outcome.message, /newer row of it, which was kept/);
      assert.deepEqual(databaseContent(directory()), rows);
      assert.deepEqual(readdirSync(trash()), []);
    });

    it('works where there is no database', async () => {
      const files = tasksContent(directory());
      await restored(directory(), await deleted(directory(), paths));
      assert.deepEqual(tasksContent(directory()), files);
      assert.ok(!existsSync(join(directory(), 'aft.db')));
    });

    it('takes links with the bundle, and follows none', async () => {
      const outside = join(directory(), 'outside');
      put(join(outside, 'file'), 'kept');
      rmSync(paths.stderr);
      symlinkSync(join(outside, 'file'), paths.stderr);
      const entry = await deleted(directory(), paths);
      await restored(directory(), entry);
      assert.ok(lstatSync(paths.stderr).isSymbolicLink());
      await deleted(directory(), paths);
      await emptyTrash(directory());
      assert.equal(readFileSync(join(outside, 'file'), 'utf8'), 'kept');
    });

    it('is not used where a link stands in its place', async () => {
      const outside = join(directory(), 'outside');
      mkdirSync(outside);
      for (const link of ['.aft-task-explorer', '.aft-task-explorer/trash']) {
        mkdirSync(join(directory(), link, '..'), { recursive: true });
        symlinkSync(outside, join(directory(), link));
        const outcome = await deleteTask(directory(), 'opencode', paths);
        assert.deepEqual([outcome.done, outcome.reason], [false, 'unsafe-path'], outcome.message);
        assert.ok(existsSync(paths.json) && existsSync(paths.stdout));
        assert.deepEqual(readdirSync(outside), []);
        const { problems } = await tendTrash(directory(), 0);
        assert.ok(problems.every((problem) => problem.includes('symbolic link')));
        rmSync(join(directory(), link));
      }
    });

    it('leaves alone what is not its own, whatever it is called', async () => {
      const entry = await deleted(directory(), paths);
      const outside = join(directory(), 'outside');
      put(join(outside, 'journal.json'), readFileSync(join(trash(), entry, 'journal.json')));
      symlinkSync(outside, join(trash(), `pi.761e48ac259824c0.${taskId}`));
      symlinkSync(outside, join(trash(), `.aft-tmp-${'0'.repeat(32)}`));
      put(join(trash(), 'note.txt'), 'x');
      put(join(trash(), '..%2f..', 'x'), 'x');
      put(join(trash(), `opencode.761e48ac259824c0.${taskId}.x`, 'journal.json'), '{}');
      assert.deepEqual(
        listTrash(directory()).map((item) => item.entry),
        [entry],
      );
      const names = readdirSync(trash());
      await tendTrash(directory(), 0, at(Date.now() + hour));
      assert.equal((await emptyTrash(directory())).entries, 0);
      assert.deepEqual(
        readdirSync(trash()),
        names.filter((name) => name !== entry),
      );
      assert.deepEqual(readdirSync(outside), ['journal.json']);
      for (const name of ['..', '../trash', 'a/b', '', `../../opencode/bash-tasks/x.${taskId}`]) {
        assert.equal((await undoDelete(directory(), name)).reason, 'not-found', name);
      }
    });

    for (const [what, breakJournal] of Object.entries({
      'is no JSON': (journal: string) => {
        writeFileSync(journal, '{');
      },
      'names another session, and paths': (journal: string) => {
        const fields = JSON.parse(readFileSync(journal, 'utf8')) as object;
        const led = { sessionId: '../../..', taskId: '../../outside', directory: directory() };
        writeFileSync(journal, JSON.stringify({ ...fields, ...led }));
      },
      'is a link out of the trash': (journal: string) => {
        renameSync(journal, join(directory(), 'outside', 'journal.json'));
        symlinkSync(join(directory(), 'outside', 'journal.json'), journal);
      },
      'is a hard link': (journal: string) => {
        linkSync(journal, join(directory(), 'outside', 'journal.json'));
      },
      'is gone': (journal: string) => {
        rmSync(journal);
      },
    })) {
      it(`tells of an entry whose journal ${what}, and can be emptied of it alone`, async () => {
        const entry = await deleted(directory(), paths);
        const outside = join(directory(), 'outside');
        put(join(outside, 'file'), 'x');
        symlinkSync(outside, join(trash(), entry, 'link'));
        breakJournal(join(trash(), entry, 'journal.json'));
        const before = tree(outside);

        const [stuck, ...others] = listStuck(directory());
        assert.deepEqual([stuck?.entry, stuck?.taskId, others], [entry, taskId, []]);
        assert.equal(stuck?.directory, join(trash(), entry));
        assert.ok(stuck.isRemovable && stuck.bytes > 0);
        assert.match(stuck.problem, /journal\.json.*\.$/);
        assert.deepEqual(listTrash(directory()), []);
        assert.equal((await undoDelete(directory(), entry)).done, false);

        const { entries, bytes, problems } = await emptyTrash(directory());
        assert.deepEqual([entries, problems], [1, []]);
        // With the claim in it.
        assert.ok(bytes >= stuck.bytes);
        assert.deepEqual(readdirSync(trash()), []);
        assert.deepEqual(tree(outside), before);
        assert.equal(readFileSync(join(outside, 'file'), 'utf8'), 'x');
        assert.deepEqual(listStuck(directory()), []);
      });
    }

    it('touches nothing where a link, or a file, stands in an entry’s place', async () => {
      const entry = await deleted(directory(), paths);
      const outside = join(directory(), 'outside');
      put(join(outside, 'file'), 'x');
      for (const target of [outside, join(outside, 'file')]) {
        rmSync(join(trash(), entry), { recursive: true });
        symlinkSync(target, join(trash(), entry));
        const before = tree(outside).map((name) => [name, lstatSync(join(outside, name)).mtimeMs]);
        const outcome = await undoDelete(directory(), entry);
        assert.deepEqual([outcome.done, outcome.reason], [false, 'unsafe-path']);
        assert.match(outcome.message, /was not brought back: .* is a symbolic link/);
        assert.deepEqual((await tendTrash(directory(), 0)).problems, []);
        assert.equal((await emptyTrash(directory())).entries, 0);
        // The next one of that id goes beside it.
        makeBundle(directory(), layout);
        const again = await deleteTask(directory(), 'opencode', paths);
        assert.equal(again.trashEntry, `${entry}.1`, again.message);
        assert.equal((await emptyTrash(directory())).entries, 1);
        const after = tree(outside).map((name) => [name, lstatSync(join(outside, name)).mtimeMs]);
        assert.deepEqual(after, before);
      }
    });

    it('tells of a return that was cut off, and keeps it', async () => {
      const entry = await deleted(directory(), paths);
      const journal = join(trash(), entry, 'journal.json');
      const fields = JSON.parse(readFileSync(journal, 'utf8')) as object;
      writeFileSync(journal, JSON.stringify({ ...fields, state: 'restoring' }));
      assert.deepEqual(
        listStuck(directory()).map((stuck) => [stuck.entry, stuck.isRemovable]),
        [[entry, false]],
      );
      assert.equal((await emptyTrash(directory())).entries, 0);
      await tendTrash(directory(), hour);
      assert.ok(existsSync(paths.json));
      assert.deepEqual(listStuck(directory()), []);
    });

    it('keeps its hands off what another window is working on, for as long as that lives', async () => {
      let host = '';
      const step = (name: string): void => {
        if (name !== 'entry') return;
        const text = readFileSync(join(trash(), trashEntry, 'claim.json'), 'utf8');
        ({ host } = JSON.parse(text) as { host: string });
      };
      await deleteTask(directory(), 'opencode', paths, { system: { ...systemTrash, step } });
      const entry = trashEntry;
      const claim = join(trash(), entry, 'claim.json');
      const write = (changes: object): void => {
        const since = Date.now();
        writeFileSync(
          claim,
          JSON.stringify({ token: 't', pid: process.ppid, host, since, ...changes }),
        );
      };
      const before = [...tree(trash()), `${entry}/claim.json`].sort();
      for (const held of [{}, { pid: 0x7fff_fff0, host: 'another' }, { pid: 'x' }]) {
        write(held);
        const outcome = await undoDelete(directory(), entry);
        assert.equal(outcome.reason, 'busy');
        assert.match(outcome.message, /Another window is at work/);
        assert.deepEqual(await tendTrash(directory(), 0), { returned: [], problems: [] });
        const { entries, problems } = await emptyTrash(directory());
        assert.deepEqual([entries, problems.length], [0, 1]);
        const words = `^Task ${taskId} is still in the trash: another window.* Empty the trash again`;
        assert.match(problems[0] ?? '', new RegExp(words));
        assert.deepEqual(tree(trash()), before);
      }
      for (const abandoned of [{ pid: 0x7fff_fff0 }, { since: Date.now() - 60_000 }]) {
        write(abandoned);
        await restored(directory(), entry);
        await deleted(directory(), paths);
      }
    });

    it('has one entry at a time that is being made of a task', async () => {
      const outcomes: Outcome[] = [];
      const other = new Promise<void>((resolve) => {
        const system: TrashSystem = {
          ...systemTrash,
          step: (name) => {
            if (name !== 'entry') return;
            void deleteTask(directory(), 'opencode', paths).then((outcome) => {
              outcomes.push(outcome);
              resolve();
            });
          },
        };
        void deleteTask(directory(), 'opencode', paths, { system }).then((outcome) => {
          outcomes.push(outcome);
        });
      });
      await other;
      assert.equal(outcomes[0]?.reason, 'busy');
      assert.deepEqual(readdirSync(trash()), [trashEntry]);
    });

    it('gives the session’s directory permissions only, whatever the journal says', async () => {
      const entry = await deleted(directory(), paths);
      const journal = join(trash(), entry, 'journal.json');
      const text = readFileSync(journal, 'utf8');
      writeFileSync(journal, text.replace(/"sessionMode": \d+/, '"sessionMode": 4072'));
      assert.ok((await undoDelete(directory(), entry)).done);
      assert.equal(statSync(paths.sessionDir).mode & 0o7777, 0o750);
    });

    for (const [what, change] of [
      ['no JSON', () => '{'],
      ['another session’s', (text: string) => text.replace(`"${sessionId}"`, '"ses_other"')],
      ['of a later version', (text: string) => text.replace('"version": 1', '"version": 2')],
      ['one with a wrong type', (text: string) => text.replace(/"files": \d+/, '"files": "1"')],
    ] as const) {
      it(`touches nothing where the journal is ${what}`, async () => {
        const entry = await deleted(directory(), paths);
        const journal = join(trash(), entry, 'journal.json');
        writeFileSync(journal, change(readFileSync(journal, 'utf8')));
        const before = tree(directory());
        const outcome = await undoDelete(directory(), entry);
        assert.equal(outcome.reason, 'corrupt');
        assert.match(outcome.message, /not the journal/);
        const { problems } = await tendTrash(directory(), 0);
        assert.equal(problems.length, 1);
        assert.deepEqual(listTrash(directory()), []);
        assert.deepEqual(tree(directory()), before);
      });
    }

    it('brings back the files, and says once where the row’s copy is another task’s', async () => {
      makeRichDatabase(directory());
      const entry = await deleted(directory(), paths);
      const row = join(trash(), entry, 'row.json');
      const other = Buffer.from('bash-eeeeeeeeeeeeeeee').toString('base64');
      const own = Buffer.from(taskId).toString('base64');
      writeFileSync(row, readFileSync(row, 'utf8').replaceAll(own, other));
      const rows = databaseContent(directory());
      const outcome = await undoDelete(directory(), entry);
      assert.deepEqual([outcome.done, outcome.reason], [true, 'row-not-updated']);
      assert.match(outcome.message, /not the saved row/);
      assert.doesNotMatch(outcome.message, /tried again/);
      assert.ok(existsSync(paths.json));
      assert.deepEqual(databaseContent(directory()), rows);
      assert.deepEqual((await tendTrash(directory(), 3_600_000)).problems, []);
      assert.deepEqual(readdirSync(trash()), []);
    });

    it('says so, and leaves or puts everything where it was, where a directory can’t be written', async () => {
      if (process.getuid?.() === 0) chownAll(directory(), 65534);
      const files = tasksContent(directory());
      chmodSync(paths.sessionDir, 0o500);
      const refused = await child('delete', 65534);
      assert.deepEqual([refused.done, refused.reason], [false, 'io']);
      assert.match(refused.message, /could not be deleted: Permission denied/);
      assert.deepEqual(readdirSync(trash()), []);
      chmodSync(paths.sessionDir, 0o710);
      assert.deepEqual(tasksContent(directory()), files);
      assert.ok((await child('delete', 65534)).done);
      chmodSync(join(paths.sessionDir, '..'), 0o500);
      const again = await child('undo', 65534);
      assert.deepEqual([again.done, again.reason], [false, 'io']);
      assert.match(again.message, /was not brought back: Permission denied/);
      assert.equal(listTrash(directory()).length, 1);
      chmodSync(join(paths.sessionDir, '..'), 0o755);
      assert.ok((await child('undo', 65534)).done);
      assert.deepEqual(tasksContent(directory()), files);
    });

    it('has one of two processes that delete at once; the other says so', async () => {
      for (let round = 0; round < 2; round += 1) {
        const files = tasksContent(directory());
        const outcomes = await Promise.all([child('delete'), child('delete')]);
        assert.deepEqual(outcomes.map(({ done }) => done).sort(), [false, true]);
        const reason = outcomes.find(({ done }) => !done)?.reason ?? '';
        assert.ok(['busy', 'not-found'].includes(reason), reason);
        assert.deepEqual(readdirSync(trash()), [trashEntry]);
        assert.ok(!existsSync(paths.sessionDir));
        const undone = await Promise.all([child('undo'), child('undo')]);
        assert.ok(undone.some(({ done }) => done));
        assert.deepEqual(tasksContent(directory()), files);
        assert.deepEqual(readdirSync(trash()), []);
      }
    });

    /** Runs an action in a process of its own. */
    async function child(action: string, user?: number): Promise<Outcome> {
      const script = join(import.meta.dirname, 'trashChild.ts');
      const run = spawn(process.execPath, [script, directory(), layout, action], {
        stdio: ['ignore', 'pipe', 'inherit'],
        ...(process.getuid?.() === 0 && user !== undefined && { uid: user, gid: user }),
      });
      let text = '';
      run.stdout.on('data', (data: Buffer) => (text += data.toString()));
      await once(run, 'close');
      return JSON.parse(text) as Outcome;
    }
  });
}

describe('a deletion', () => {
  const directory = temporaryDirectory();

  it('leaves no part of a task that AFT removes meanwhile', async () => {
    const paths = makeBundle(directory(), 'flat');
    const step = (name: string): void => {
      if (name.startsWith('moved')) rmSync(paths.json, { force: true });
    };
    const system = { ...systemTrash, step };
    const outcome = await deleteTask(directory(), 'opencode', paths, { system });
    assert.deepEqual([outcome.done, outcome.reason], [false, 'not-found']);
    assert.deepEqual(readdirSync(join(directory(), '.aft-task-explorer', 'trash')), []);
    assert.deepEqual(
      tree(paths.sessionDir).filter((name) => name.includes(taskId)),
      [],
    );
  });
});

describe('the trash of a task at the storage’s root level', () => {
  const directory = temporaryDirectory();

  it('knows it as such', async () => {
    const sessionDir = join(directory(), 'bash-tasks', hashSession(sessionId));
    const own = bundlePaths(sessionDir, taskId, 'flat');
    put(own.json, recordJson());
    const outcome = await deleteTask(directory(), undefined, own);
    assert.equal(outcome.trashEntry, `_.761e48ac259824c0.${taskId}`);
    assert.equal(listTrash(directory())[0]?.harness, undefined);
    await restored(directory(), outcome.trashEntry);
    assert.equal(readFileSync(own.json, 'utf8'), recordJson());
  });
});
