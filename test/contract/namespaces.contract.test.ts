import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readTask } from '../../src/persistence/taskFile.ts';
import { killTask } from '../../src/process/kill.ts';
import { recordEnded } from '../../src/process/recordEnded.ts';
import type { NestedProcess, ProcessTable } from '../../src/process/processTable.ts';
import { storageId } from '../../src/store/discovery.ts';
import { Store } from '../../src/store/store.ts';
import type { Liveness } from '../../src/process/liveness.ts';
import { notShown } from './notShown.ts';
import { endGroup, live, Place, table, until, type StartedTask } from './place.ts';

const unshare = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'] as const;
const isPermitted = spawnSync(unshare[0], [...unshare.slice(1), 'true']).status === 0;

/** What a store sees of a task, at several moments. */
async function livenesses(
  place: Place,
  taskId: string,
  processes: ProcessTable,
): Promise<Liveness[]> {
  const seen: Liveness[] = [];
  const { storage: directory } = place;
  const store = new Store(
    { id: storageId(directory), directory },
    {
      onChanges: ({ added, changed }) => {
        for (const task of [...added, ...changed]) {
          if (task.taskId === taskId) seen.push(task.liveness);
        }
      },
      onState: () => undefined,
      onLog: () => undefined,
    },
    { processes },
  );
  store.setVisible(true);
  for (let look = 0; look < 3; look += 1) {
    await store.refresh();
    await sleep(1600);
  }
  await store.dispose();
  return seen;
}

/** Signals that were sent through it are noted, and not sent. */
function watched(processes: ProcessTable): ProcessTable & { readonly signals: unknown[] } {
  const signals: unknown[] = [];
  const signalGroup: ProcessTable['signalGroup'] = (pgid, signal) => {
    if (signal !== 0) signals.push([pgid, signal]);
    return 'sent';
  };
  return { ...processes, signals, signalGroup };
}

async function assertUntouched(place: Place, task: StartedTask, processes = table): Promise<void> {
  const spy = watched(processes);
  const before = readFileSync(task.paths.json, 'utf8');
  const request = { ...place.request(task.paths), table: spy };
  const note = { begin: () => undefined, end: () => undefined };
  for (const outcome of [await killTask({ ...request, note }), await recordEnded(request)]) {
    assert.deepEqual([outcome.done, outcome.reason], [false, 'unknown-process'], outcome.message);
    assert.match(outcome.message, /namespace|sandbox/);
  }
  assert.deepEqual(spy.signals, []);
  assert.equal(readFileSync(task.paths.json, 'utf8'), before);
}

describe('a storage that is shared with another process namespace', function () {
  this.timeout(90_000);
  let place: Place;
  afterEach(() => place.end());

  if (isPermitted) {
    it('inside ours: its tasks are unknown, never orphaned, and nothing is signalled', async () => {
      place = new Place('0.57.2');
      const wrapper = join(place.folder('bin'), 'aft');
      writeFileSync(wrapper, `#!/bin/sh\nexec ${unshare.join(' ')} "$AFT_BINARY"\n`);
      chmodSync(wrapper, 0o755);
      place.wrap(wrapper);
      await place.startAft();
      const taskId = await place.aft.start({ sessionId: 'ses_contract', command: 'sleep 300' });
      const paths = place.pathsOf(taskId);
      await until(() => readTask(paths).status === 'running');
      const task = { taskId, paths, record: readTask(paths) };
      assert((task.record.pgid ?? 0) < 1000, 'the record has the number of the namespace');
      assert.deepEqual(new Set(await livenesses(place, taskId, table)), new Set(['unknown']));
      await assertUntouched(place, task);
      // Without the AFT's word for it: its process is found by the number that it has there.
      const owners = join(place.storage, 'artifact-owners');
      spawnSync('rm', ['-r', owners]);
      await assertUntouched(place, task);
    });

    it('around ours: the same', async () => {
      place = new Place('0.57.2');
      await place.startAft();
      const task = await place.start({ command: 'echo ready; sleep 300' });
      const script = join(import.meta.dirname, 'insideNamespace.ts');
      const args = [...unshare.slice(1), process.execPath, script, place.storage, task.taskId];
      const { stdout, stderr } = spawnSync(unshare[0], args, { encoding: 'utf8' });
      const seen = JSON.parse(stdout || JSON.stringify(stderr)) as Record<string, unknown>;
      assert.deepEqual(seen, {
        livenesses: ['unknown'],
        outcomes: ['unknown-process', 'unknown-process'],
      });
      assert.equal(readTask(task.paths).status, 'running');
      assert.equal(readFileSync(task.paths.exit, 'utf8'), '');
    });
  }

  if (!isPermitted) {
    notShown(
      'a real process namespace, inside ours and around ours (unshare --pid is refused). Run as root, or allow user namespaces.',
    );
  }

  it('as its process table would show it: the same', async () => {
    place = new Place('0.19.6');
    await place.startAft();
    const task = await place.start({ command: 'echo ready; sleep 300' });
    const { pgid = 0, startedAt } = task.record;
    await place.stopAft();
    endGroup(pgid);
    await until(() => live(pgid) === 0);
    const process: NestedProcess = { pid: 4242, startedAt, startPrecisionMs: 1000, leader: true };
    const nested = (): ReadonlyMap<number, NestedProcess[]> => new Map([[pgid, [process]]]);
    const elsewhere = { ...table, nested };
    assert.deepEqual(
      new Set(await livenesses(place, task.taskId, elsewhere)),
      new Set(['unknown']),
    );
    await assertUntouched(place, task, elsewhere);
  });
});
