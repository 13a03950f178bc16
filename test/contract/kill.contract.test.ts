import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../../src/persistence/outcome.ts';
import { readTask } from '../../src/persistence/taskFile.ts';
import { act } from './actions.ts';
import {
  live,
  longestWait,
  Place,
  sessionId,
  until,
  type StartedTask,
  type TaskCommand,
} from './place.ts';

const plain: TaskCommand = { command: 'echo ready; sleep 300' };
const deaf: TaskCommand = { command: "trap '' TERM; echo ready; while :; do sleep 1; done" };
const tree: TaskCommand = {
  command: '(sleep 300 & sleep 300) & sleep 300 & echo ready; wait',
};
const pipes = [plain, deaf, tree];
const pty = [plain, deaf].map(({ command }) => ({ command, pty: true }));

describe('killing tasks of a real AFT', () => {
  let place: Place;
  afterEach(() => place.end());

  const kill = async ({ paths }: StartedTask): Promise<Outcome> =>
    act('kill', place.request(paths));
  const askAft = (command: string, { taskId }: StartedTask) =>
    place.aft.send(command, { sessionId, task_id: taskId, params: { task_id: taskId } });

  const assertKilled = ({ paths, record }: StartedTask, outcome: Outcome): void => {
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert.equal(live(record.pgid ?? 0), 0);
    assert.equal(readFileSync(paths.exit, 'utf8'), 'killed');
    assert.equal(readTask(paths).status, 'killed');
  };

  // AFT waits for a process whose marker says `killed`, and answers nobody meanwhile. The wait is a
  // figure and no test: a machine that has other things to do makes everybody wait, also with
  // nothing to kill.
  for (const version of ['0.57.2', '0.19.6'] as const) {
    for (const situation of ['that runs', 'that was restarted'] as const) {
      it(`${version} ${situation}: AFT records it, and answers meanwhile`, async () => {
        place = new Place(version);
        await place.startAft();
        const isRestarted = situation === 'that was restarted';
        const commands = isRestarted || version === '0.19.6' ? pipes : [...pipes, ...pty];
        const tasks = await Promise.all(commands.map((command) => place.start(command)));
        if (isRestarted) {
          await place.stopAft();
          await place.startAft();
        }
        const killing = Promise.all(tasks.map(kill));
        const [outcomes, longest] = await longestWait(place.aft, killing);
        for (const [at, task] of tasks.entries()) {
          const outcome = outcomes[at];
          assert(outcome);
          assertKilled(task, outcome);
          assert.match(outcome.message, /AFT has recorded/);
        }
        const [, idle] = await longestWait(place.aft, sleep(2000));
        const [during, after] = [longest, idle].map(Math.round);
        console.log(
          `        longest wait for another answer of AFT: ${during} ms (idle: ${after} ms)`,
        );
      });
    }
  }

  it('0.57.2 that could not finish its own kill after a restart: we finish it', async () => {
    place = new Place('0.57.2');
    await place.startAft();
    const task = await place.start(plain);
    await place.stopAft();
    await place.startAft();
    await askAft('bash_kill', task);
    await until(() => live(task.record.pgid ?? 0) === 0);
    assert.equal(readTask(task.paths).status, 'killing');
    assert.equal(readFileSync(task.paths.exit, 'utf8'), '');
    assertKilled(task, await kill(task));
    await place.stopAft();
    await place.startAft();
    assert.equal((await askAft('bash_status', task))['status'], 'killed');
    assert.equal(readTask(task.paths).status, 'killed');
  });

  it('0.57.2: a pty task that lost its terminal with AFT is left for AFT to record', async () => {
    place = new Place('0.57.2');
    await place.startAft();
    const task = await place.start({ ...plain, pty: true });
    await place.stopAft();
    await until(() => live(task.record.pgid ?? 0) === 0);
    const { done, reason, message } = await kill(task);
    // For some seconds an AFT that has just ended may as well live elsewhere.
    assert(!done && (reason === 'unknown-process' || reason === 'process-gone'), message);
    assert.deepEqual(readTask(task.paths), task.record);
    await place.startAft();
    assert.equal((await askAft('bash_status', task))['status'], 'killed');
  });
});
