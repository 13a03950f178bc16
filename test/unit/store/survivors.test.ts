import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import { liveMembers } from '../../../src/process/processTable.ts';
import { writeTaskFixture } from '../../support/taskFixture.ts';
import { ProcessGroups, until } from '../process/processGroups.ts';
import { readStorage, temporaryDirectory } from './openStore.ts';

describe('what finished tasks have left behind', () => {
  let scope: AsyncDisposableStack;
  const groups = new ProcessGroups();
  beforeEach(() => {
    scope = new AsyncDisposableStack();
  });
  afterEach(async () => {
    groups.endAll();
    await scope.disposeAsync();
  });

  /** A finished task whose record lists what it left behind. */
  const write = (storage: string, pgid: number, startedAt: number): string => {
    const { taskId, paths } = writeTaskFixture({
      storage,
      record: { pgid, startedAt, finishedAt: Date.now() },
    });
    const list = '"live_descendants": [{"pid": 5, "comm": "sleep", "argv0": "sleep"}],\n  ';
    const text = readFileSync(paths.json, 'utf8');
    writeFileSync(paths.json, text.replace('"completion_delivered"', `${list}$&`));
    return taskId;
  };

  const table = hostProcessTable();

  it('is seen, and seen to go', async () => {
    const storage = temporaryDirectory(scope);
    const startedAt = Date.now();
    const { pid } = await groups.startLeaderless();
    const left = write(storage, pid, startedAt);
    const gone = write(storage, await groups.ended(), startedAt);
    const { store, tasks } = await readStorage(scope, storage);
    assert.deepEqual(
      [left, gone].map((taskId) => [tasks.get(taskId)?.liveness, tasks.get(taskId)?.survivors]),
      [
        ['ended', true],
        ['ended', false],
      ],
    );
    groups.endAll();
    await until(() => liveMembers(table.snapshot([], [pid]).groups.get(pid)).length === 0);
    await store.refresh();
    assert.equal(tasks.get(left)?.survivors, false);
  });

  it('is not taken for what a number’s next owner runs', async () => {
    const storage = temporaryDirectory(scope);
    const { pid } = await groups.startLeaderless();
    const taskId = write(storage, pid, Date.now() + 3_600_000);
    const { tasks } = await readStorage(scope, storage);
    assert.equal(tasks.get(taskId)?.survivors, false);
  });
});
