import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Outcome } from '../../../src/persistence/outcome.ts';
import type { PersistedTask } from '../../../src/persistence/record.ts';
import { serializeRecordOnOneLine } from '../../../src/persistence/recordCodec.ts';
import { readTask } from '../../../src/persistence/taskFile.ts';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import { ActionJournal, type Mark } from '../../../src/process/actionJournal.ts';
import { storageId } from '../../../src/store/discovery.ts';
import type { Store } from '../../../src/store/store.ts';
import { ActionQueue } from '../../../src/worker/actionQueue.ts';
import { storageActions } from '../../../src/worker/storageActions.ts';
import { childEnvironment, quickChildren } from '../../support/compileCache.ts';
import { writeTaskFixture, type FixtureTask } from '../../support/taskFixture.ts';
import { createDatabase, insertRow } from '../persistence/aftDatabase.ts';
import { readStorage, temporaryDirectory } from '../store/openStore.ts';

/** More calls than any mark makes. */
const manyCalls = 40;
const running = {
  ...({ status: 'running', finishedAt: undefined } as const),
  ...{ durationMs: undefined, exitCode: undefined },
};

for (const layout of ['flat', 'directory'] as const) {
  for (const mark of ['delivered', 'notNotified'] as const satisfies readonly Mark[]) {
    describe(`the start after a mark that was cut off: ${mark}, ${layout} layout`, () => {
      let scope: AsyncDisposableStack;
      beforeEach(() => {
        scope = new AsyncDisposableStack();
      });
      afterEach(() => scope.disposeAsync());

      /** What the record, the row's column and the row's copy of the record say. */
      function marked(storage: string, { paths }: FixtureTask): unknown[] {
        const record = readTask(paths);
        const database = new DatabaseSync(join(storage, 'aft.db'), { readOnly: true });
        const row = database.prepare('SELECT * FROM bash_tasks').get() ?? {};
        database.close();
        const copy = JSON.parse(String(row['metadata'])) as Record<string, unknown>;
        return [
          [record.completionDelivered, record.notifyOnCompletion],
          [row['completion_delivered'] === 1, row['status']],
          [copy['completion_delivered'], copy['notify_on_completion']],
        ];
      }

      /** Marks the task in a process of its own, which is killed before that call. */
      function markElsewhere(
        storage: string,
        key: string,
        journal: string,
        call: number,
      ): SpawnSyncReturns<Buffer> {
        const script = join(import.meta.dirname, 'markChild.ts');
        const args = [script, storage, key, layout, journal, mark, String(call)];
        return spawnSync(process.execPath, args, { env: childEnvironment() });
      }

      quickChildren((nowhere) =>
        markElsewhere(nowhere, '00000000/opencode/0000000000000000/none', nowhere, manyCalls),
      );

      /** Answers whether the mark was cut off before that call. */
      async function isFinished(call: number): Promise<boolean> {
        const storage = temporaryDirectory(scope);
        const journal = join(temporaryDirectory(scope), 'marks');
        const record = mark === 'delivered' ? {} : running;
        const task = writeTaskFixture({ storage, layout, record });
        const { sessionId, status } = task.record;
        const database = createDatabase(storage);
        const metadata = serializeRecordOnOneLine(task.record);
        insertRow(database, { taskId: task.taskId, sessionId, status, metadata });
        database.close();
        const before = marked(storage, task);

        const { signal, stderr } = markElsewhere(storage, task.key, journal, call);
        if (signal !== 'SIGKILL') assert.equal(String(stderr), '');
        const isNoted = notesIn(journal).length > 0;
        // What an AFT, or another window, is just writing.
        const others = [
          join(dirname(task.paths.json), `.aft-tmp-${'0'.repeat(32)}`),
          `${join(dirname(task.paths.json), `.${task.taskId}.json.tmp.`)}1.${task.taskId}`,
        ];
        for (const path of others) writeFileSync(path, '{');

        const { store } = await readStorage(scope, storage);
        await actionsOn(storage, store, journal).resumeActions();
        const notify = mark === 'delivered';
        const after = [
          [true, notify],
          [true, status],
          [true, notify],
        ];
        const now = marked(storage, task);
        // Cut off before it was noted, it is not begun.
        if (isNoted || signal === null) assert.deepEqual(now, after);
        else
          assert.ok(
            [before, after].some((whole) => isSame(whole, now)),
            JSON.stringify(now),
          );
        assert.deepEqual(notesIn(journal), []);
        const temporary = readdirSync(storage, { recursive: true }).map(String);
        assert.deepEqual(
          temporary.filter((name) => name.includes('tmp')).map((name) => join(storage, name)),
          others,
        );
        return signal === null;
      }

      it('has made it in the record and in the row', async () => {
        let call = 1;
        while (!(await isFinished(call))) call += 1;
        assert.ok(call > 8 && call < manyCalls, String(call));
      }).timeout(120_000);
    });
  }
}

describe('the start after an end was recorded and not its row', () => {
  it('brings the row into agreement', async () => {
    await using scope = new AsyncDisposableStack();
    const storage = temporaryDirectory(scope);
    const journal = temporaryDirectory(scope);
    const task = writeTaskFixture({ storage, record: { status: 'failed', exitCode: 3 } });
    const { sessionId } = task.record;
    const database = createDatabase(storage);
    const metadata = serializeRecordOnOneLine({ ...task.record, status: 'running' });
    insertRow(database, { taskId: task.taskId, sessionId, status: 'running', metadata });
    const marks = new ActionJournal(journal, hostProcessTable());
    // As a window leaves it that ends in the middle.
    void marks.during(task.key, 'ended', () => new Promise(() => undefined));
    const { store } = await readStorage(scope, storage);
    await actionsOn(storage, store, journal).resumeActions();
    const row = database.prepare('SELECT status, exit_code FROM bash_tasks').get();
    database.close();
    assert.deepEqual({ ...row }, { status: 'failed', exit_code: 3 });
    assert.deepEqual(readdirSync(journal), []);
  });
});

for (const action of ['kill', 'delivered', 'ended'] as const) {
  describe(`the start after a row could not be changed: ${action}`, () => {
    it('keeps the note and says so, until the row agrees', async () => {
      await using scope = new AsyncDisposableStack();
      const storage = temporaryDirectory(scope);
      const journal = temporaryDirectory(scope);
      const record: Partial<PersistedTask> =
        action === 'kill'
          ? { status: 'killed', exitCode: 137, statusReason: 'killed from AFT Task Explorer' }
          : { status: 'failed', exitCode: 3, completionDelivered: action === 'delivered' };
      const task = writeTaskFixture({ storage, record });
      const { taskId, sessionId, status } = task.record;
      using database = createDatabase(storage);
      const metadata = serializeRecordOnOneLine({ ...task.record, completionDelivered: false });
      const inRow = action === 'delivered' ? status : 'running';
      insertRow(database, { taskId, sessionId, status: inRow, metadata });
      database.exec('CREATE TRIGGER stranger DELETE ON bash_tasks BEGIN SELECT 1; END');
      const never = new Promise<Outcome>(() => undefined);
      void new ActionJournal(journal, hostProcessTable()).during(task.key, action, () => never);
      const { store } = await readStorage(scope, storage);
      const logged: string[] = [];
      const resume = (): Promise<void> =>
        actionsOn(storage, store, journal, logged).resumeActions();

      await resume();
      assert.equal(notesIn(journal).length, 1);
      assert.match(logged.join('\n'), /^warn: .*cut off before.*trigger/);

      database.exec('DROP TRIGGER stranger');
      await resume();
      assert.deepEqual(notesIn(journal), []);
      const row = database.prepare('SELECT status, completion_delivered FROM bash_tasks').get();
      assert.deepEqual(
        { ...row },
        { status, completion_delivered: Number(action === 'delivered') },
      );
    });
  });
}

function actionsOn(
  storage: string,
  store: Store,
  journal: string,
  logged: string[] = [],
): ReturnType<typeof storageActions> {
  const table = hostProcessTable();
  const nothing = (): void => undefined;
  return storageActions(
    { id: storageId(storage), directory: storage, legacy: false, migrated: false },
    store,
    new ActionQueue(),
    table,
    new ActionJournal(journal, table),
    {
      onChanges: nothing,
      onState: nothing,
      onStep: nothing,
      onUnfinishedKill: nothing,
      onLog: (level, message) => logged.push(`${level}: ${message}`),
    },
  );
}

function notesIn(journal: string): string[] {
  if (!existsSync(journal)) return [];
  return readdirSync(journal).filter((name) => name.endsWith('.json'));
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
