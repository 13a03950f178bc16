import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { deleteTask } from '../../../src/persistence/deleteTask.ts';
import { systemTrash } from '../../../src/persistence/trash.ts';
import { storageId } from '../../../src/store/discovery.ts';
import { ActionQueue } from '../../../src/worker/actionQueue.ts';
import { storageTrash } from '../../../src/worker/storageTrash.ts';
import { writeTaskFixture, type FixtureTask } from '../../support/taskFixture.ts';
import { openStore, readStorage, temporaryDirectory, type OpenStore } from '../store/openStore.ts';

describe('a storage’s trash', () => {
  let scope: AsyncDisposableStack;
  let storage: string;
  let task: FixtureTask;
  let open: OpenStore;
  let trash: ReturnType<typeof storageTrash>;
  let logs: string[];
  const inTrash = (): string[] => readdirSync(join(storage, '.aft-task-explorer', 'trash'));

  beforeEach(async () => {
    scope = new AsyncDisposableStack();
    storage = temporaryDirectory(scope);
    task = writeTaskFixture({ storage, stdout: 'out', record: { command: 'echo fixture' } });
    open = await readStorage(scope, storage);
    logs = [];
    trash = openTrash(open);
  });
  afterEach(() => scope.disposeAsync());

  function openTrash({ store }: OpenStore): ReturnType<typeof storageTrash> {
    const found = { id: storageId(storage), directory: storage, legacy: false, migrated: false };
    return storageTrash(found, store, new ActionQueue(), (level, message) => {
      logs.push(`${level}: ${message}`);
    });
  }

  it('tells the store of what goes and of what comes back', async () => {
    const { done, trashEntry } = await trash.deleteBundle(task.key);
    assert.ok(done && trashEntry !== undefined);
    assert.equal(open.tasks.size, 0);
    const [item, ...others] = trash.trash();
    assert.deepEqual([item?.key, item?.entry, others], [task.key, trashEntry, []]);
    const outcome = await trash.undoDelete(trashEntry);
    assert.ok(outcome.done, outcome.message);
    assert.equal(open.tasks.get(task.taskId)?.outputBytes, 3);
    assert.equal(open.changes.at(-1)?.added.length, 1);
    assert.deepEqual(trash.trash(), []);
  });

  it('tells of a task that comes back into a session with others', async () => {
    const other = writeTaskFixture({ storage });
    await open.store.refresh();
    const { trashEntry = '' } = await trash.deleteBundle(task.key);
    await trash.undoDelete(trashEntry);
    assert.deepEqual(new Set(open.tasks.keys()), new Set([task.taskId, other.taskId]));
  });

  it('does not show what is in it as tasks, nor anything else of ours', async () => {
    await trash.deleteBundle(task.key);
    writeTaskFixture({ storage, harness: '.aft-task-explorer' });
    await open.store.refresh();
    assert.equal(open.tasks.size, 0);
  });

  it('keeps nothing where nothing is to be kept', async () => {
    trash.setKeepHours(0);
    const outcome = await trash.deleteBundle(task.key);
    assert.deepEqual([outcome.done, outcome.trashEntry], [true, undefined]);
    assert.ok(!existsSync(task.paths.sessionDir));
    assert.deepEqual(inTrash(), []);
  });

  it('is emptied of what is older, as soon as that is said', async () => {
    const hourAgo = { ...systemTrash, now: () => Date.now() - 3_600_000 };
    await deleteTask(storage, 'opencode', task.paths, { system: hourAgo });
    trash.setKeepHours(2);
    assert.equal((await trash.emptyTrash(inTrash())).entries, 1);
    const next = writeTaskFixture({ storage });
    await deleteTask(storage, 'opencode', next.paths, { system: hourAgo });
    assert.equal(inTrash().length, 1);
    trash.setKeepHours(1);
    assert.deepEqual(await trash.emptyTrash([]), { entries: 0, bytes: 0, problems: [] });
    assert.deepEqual(inTrash(), []);
  });

  it('keeps what came into it after the question whether to empty it', async () => {
    const later = writeTaskFixture({ storage });
    await open.store.refresh();
    const { trashEntry = '' } = await trash.deleteBundle(task.key);
    const asked = trash.trash().map(({ entry }) => entry);
    const { trashEntry: kept } = await trash.deleteBundle(later.key);
    assert.equal((await trash.emptyTrash(asked)).entries, 1);
    assert.deepEqual([asked, inTrash()], [[trashEntry], [kept]]);
  });

  it('shows again what an ended window had half deleted', async () => {
    // Ends it as a crash would, with its work left as it is.
    const crash = new Error('crash');
    const system = {
      ...systemTrash,
      now: () => Date.now() - 3_600_000,
      step: (name: string) => {
        if (name === 'entry') throw crash;
      },
    };
    await deleteTask(storage, 'opencode', task.paths, { system }).catch(() => undefined);
    const live = openStore(scope, storage);
    const restarted = openTrash(live);
    restarted.setKeepHours(24);
    await live.until(() => live.tasks.has(task.taskId));
    await restarted.emptyTrash(inTrash());
    assert.deepEqual(inTrash(), []);
    assert.ok(existsSync(task.paths.json));
  });

  it('says that a task is gone, and that one is not in it', async () => {
    await trash.deleteBundle(task.key);
    assert.equal((await trash.deleteBundle(task.key)).reason, 'not-found');
    assert.equal((await trash.undoDelete('nonsense')).reason, 'not-found');
  });

  it('deletes and brings back one after the other where both are asked for at once', async () => {
    const [first, second] = await Promise.all([
      trash.deleteBundle(task.key),
      trash.undoDelete(`opencode.${task.key.split('/')[2] ?? ''}.${task.taskId}`),
    ]);
    assert.ok(first.done && second.done, second.message);
    assert.ok(open.tasks.has(task.taskId));
    assert.deepEqual(logs, []);
  });
});
