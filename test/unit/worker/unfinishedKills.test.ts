import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTask } from '../../../src/persistence/taskFile.ts';
import { storageId } from '../../../src/store/discovery.ts';
import { StorageThread } from '../../../src/worker/storageThread.ts';
import { root } from '../../support/root.ts';
import { writeTaskFixture, type FixtureTask } from '../../support/taskFixture.ts';
import { ProcessGroups, until } from '../process/processGroups.ts';

describe('the start after a kill that was cut off', () => {
  let directory: string;
  let storage: string;
  let journal: string;
  let thread: StorageThread | undefined;
  const groups = new ProcessGroups();
  const told: [string, string][] = [];
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'aft-unfinished-')));
    [storage, journal] = [join(directory, 'storage'), join(directory, 'kills')];
    mkdirSync(storage);
    mkdirSync(journal);
    told.length = 0;
  });
  afterEach(async () => {
    await thread?.close();
    groups.endAll();
    rmSync(directory, { recursive: true });
  });

  /** A task that an earlier window was killing when it was closed. */
  const cutOff = async (pid: number): Promise<FixtureTask> => {
    const running = { status: 'running', finishedAt: undefined, exitCode: undefined } as const;
    const task = writeTaskFixture({
      storage,
      exit: 'killed',
      record: { ...running, startedAt: Date.now(), childPid: pid, pgid: pid },
    });
    const pidOfOther = await groups.ended();
    const entry = {
      ...{ key: task.key, action: 'kill', token: '0'.repeat(16) },
      ...{ pid: pidOfOther, startedAt: 1, place: '', begunAt: 1 },
    };
    writeFileSync(join(journal, 'entry.json'), JSON.stringify(entry));
    return task;
  };

  const start = (): void => {
    const nothing = (): void => undefined;
    thread = new StorageThread(
      join(root, 'src/worker/main.ts'),
      {
        storage: { id: storageId(storage), directory: storage, legacy: false, migrated: false },
        journalDirectory: journal,
      },
      {
        onChanges: nothing,
        onState: nothing,
        onStep: nothing,
        onLog: nothing,
        onUnfinishedKill: (key, message) => told.push([key, message]),
      },
      (error) => {
        throw error;
      },
    );
    void thread.calls.start();
  };

  it('records the end where the processes have ended', async () => {
    const task = await cutOff(await groups.ended());
    start();
    await until(() => readTask(task.paths).status === 'killed');
    await until(() => readdirSync(journal).length === 0);
    assert.deepEqual(told, []);
  });

  it('tells the user where they live, and signals nobody', async () => {
    const { pid, child } = await groups.start('echo ready; sleep 300');
    const task = await cutOff(pid);
    start();
    await until(() => told.length > 0);
    assert.equal(told[0]![0], task.key);
    assert.match(told[0]![1], /cut off.*still run.*Kill it again/);
    assert.equal(readTask(task.paths).status, 'running');
    assert.equal(child.exitCode ?? child.signalCode, null);
    const outcome = await thread?.calls.kill(task.key);
    assert.equal(outcome?.done, true, outcome?.message);
    assert.equal(readTask(task.paths).status, 'killed');
  });
});
