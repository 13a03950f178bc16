import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { readTask } from '../../src/persistence/taskFile.ts';
import { killTask } from '../../src/process/kill.ts';
import { live, Place, sessionId, until, type StartedTask } from './place.ts';

const note = { begin: () => undefined, end: () => undefined };
/** One of its processes outlives it in its group, another leaves that. */
const command = "sleep 300 & trap '' TERM; (while :; do sleep 1; done) & echo ready";

describe('what a finished task of a real AFT has left behind', () => {
  let place: Place;
  afterEach(() => place.end());

  const finish = async (): Promise<StartedTask> => {
    await place.startAft();
    const task = await place.finished({ command });
    assert.equal(readTask(task.paths).status, 'completed');
    assert(live(task.record.pgid ?? 0) > 0, 'nothing is left');
    return task;
  };

  for (const situation of ['alive', 'adopted', 'down'] as const) {
    it(`is ended and taken off AFT's list, ${situation}`, async () => {
      place = new Place('0.57.2');
      const task = await finish();
      const { paths, taskId, record } = task;
      await until(() => (readTask(paths).liveDescendants?.length ?? 0) > 0);
      if (situation !== 'alive') await place.stopAft();
      if (situation === 'adopted') await place.startAft();
      const outcome = await killTask({ ...place.request(paths), note });
      assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
      assert.equal(live(record.pgid ?? 0), 0);
      const check = (): void => {
        const now = readTask(paths);
        assert.deepEqual([now.status, now.exitCode, now.liveDescendants], ['completed', 0, []]);
        assert.equal(now.finishedAt, record.finishedAt);
        const metadata = JSON.parse(String(place.row(taskId)?.['metadata'])) as object;
        assert.deepEqual(metadata, JSON.parse(now.source ?? ''));
      };
      check();
      await place.stopAft();
      await place.startAft();
      const answer = await place.aft.status(sessionId, taskId);
      assert.deepEqual([answer['status'], answer['live_descendants']], ['completed', []]);
      check();
      assert((await place.undelivered()).includes(taskId));
      const again = await killTask({ ...place.request(paths), note });
      assert.equal(again.reason, 'already-ended', again.message);
    });
  }

  it('is ended where AFT 0.19.6 keeps no list', async () => {
    place = new Place('0.19.6');
    const { paths, record } = await finish();
    const before = readTask(paths);
    const outcome = await killTask({ ...place.request(paths), note });
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert.equal(live(record.pgid ?? 0), 0);
    assert.deepEqual(readTask(paths), before);
  });

  it('is a terminal command too, that 0.57.2 took for lost at its restart', async () => {
    place = new Place('0.57.2');
    await place.startAft();
    const task = await place.start({ command: "trap '' HUP; echo ready; sleep 300", pty: true });
    await place.stopAft();
    await place.startAft();
    await until(() => readTask(task.paths).status === 'killed');
    await sleep(100);
    assert(live(task.record.pgid ?? 0) > 0);
    const outcome = await killTask({ ...place.request(task.paths), note });
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert.equal(live(task.record.pgid ?? 0), 0);
  });
});
