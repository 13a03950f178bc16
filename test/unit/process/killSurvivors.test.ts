import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '../../../src/persistence/outcome.ts';
import type { LiveDescendant, PersistedTask } from '../../../src/persistence/record.ts';
import { readTask } from '../../../src/persistence/taskFile.ts';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import type { ProcessTable } from '../../../src/process/processTable.ts';
import { killTask } from '../../../src/process/kill.ts';
import { liveMembers } from '../../../src/process/processTable.ts';
import { writeTaskFixture, type FixtureTask } from '../../support/taskFixture.ts';
import { hurrying, requestFor } from './actionSupport.ts';
import type { TaskRequest } from '../../../src/process/taskRequest.ts';
import { tiesOf } from '../../../src/process/ties.ts';
import { ProcessGroups, until } from './processGroups.ts';

describe('killing what a task that has ended left behind', () => {
  let storage: string;
  const table = hostProcessTable();
  const groups = new ProcessGroups();
  beforeEach(() => {
    storage = mkdtempSync(join(tmpdir(), 'aft-survivors-'));
  });
  afterEach(() => {
    groups.endAll();
    rmSync(storage, { recursive: true });
  });

  const write = (
    pgid: number,
    record: Partial<PersistedTask>,
    options: { exit?: string; taskId?: string } = {},
  ): FixtureTask => writeTaskFixture({ storage, ...options, record: { pgid, ...record } });
  const kill = (task: FixtureTask): Promise<Outcome> =>
    killTask({
      ...requestFor(storage, task.paths),
      clock: hurrying,
      note: { begin: () => undefined, end: () => undefined },
    });
  const live = (pgid: number): number =>
    liveMembers(table.snapshot([], [pgid]).groups.get(pgid)).length;

  it('ends it, and changes nothing of the record but AFT’s list of it', async () => {
    const startedAt = Date.now();
    const { pid, survivor } = await groups.startLeaderless();
    const task = write(pid, { startedAt, finishedAt: Date.now() });
    const text = readFileSync(task.paths.json, 'utf8').replace(
      '"completion_delivered"',
      `"live_descendants": [{"pid": ${survivor}, "comm": "sleep", "argv0": "sleep"}],\n  "live_descendants_omitted": 3,\n  "completion_delivered"`,
    );
    writeFileSync(task.paths.json, text);
    const outcome = await kill(task);
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert.equal(live(pid), 0);
    const { live_descendants: list, ...left } = JSON.parse(
      readFileSync(task.paths.json, 'utf8'),
    ) as Record<string, unknown>;
    assert.deepEqual(list, []);
    const {
      live_descendants: was,
      live_descendants_omitted: omitted,
      ...before
    } = JSON.parse(text) as Record<string, unknown>;
    assert.deepEqual(left, before, String([was, omitted]));
  });

  it('ends a command that goes on although its record says that it has ended', async () => {
    const startedAt = Date.now();
    const { pid } = await groups.start('echo ready; sleep 300');
    const task = write(pid, { status: 'killed', startedAt, finishedAt: Date.now() + 1000 });
    const outcome = await kill(task);
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert.equal(live(pid), 0);
  });

  it('leaves a group alone that began after the end: the number is another one’s now', async () => {
    const { pid } = await groups.startLeaderless();
    const leader = await groups.start('echo ready; sleep 300');
    const ended = { startedAt: Date.now() - 20_000, finishedAt: Date.now() - 10_000 };
    for (const pgid of [pid, leader.pid]) {
      const outcome = await kill(write(pgid, ended));
      assert.deepEqual([outcome.done, outcome.reason], [false, 'already-ended'], outcome.message);
      assert(live(pgid) > 0);
    }
  });

  it('leaves a group alone where the end is not known', async () => {
    const startedAt = Date.now();
    const { pid } = await groups.startLeaderless();
    const task = write(pid, { startedAt, finishedAt: undefined }, { exit: '' });
    const outcome = await kill(task);
    assert.deepEqual([outcome.done, outcome.reason], [false, 'unknown-process'], outcome.message);
    assert(live(pid) > 0);
  });

  it('goes by the exit marker’s time where the record’s end was noted later', async () => {
    const startedAt = Date.now() - 60_000;
    const { pid } = await groups.startLeaderless();
    const task = write(pid, { startedAt, finishedAt: Date.now() + 1000 });
    const end = (Date.now() - 30_000) / 1000;
    utimesSync(task.paths.exit, end, end);
    const outcome = await kill(task);
    assert.deepEqual([outcome.done, outcome.reason], [false, 'already-ended'], outcome.message);
    assert(live(pid) > 0);
  });

  it('knows of no end that is to come', () => {
    const hence = Date.now() + 3_600_000;
    const { paths } = write(99_999_999, { finishedAt: hence });
    utimesSync(paths.exit, hence / 1000, hence / 1000);
    const { endedAt = 0 } = tiesOf(table, paths, hence);
    assert(endedAt > 0 && endedAt <= Date.now());
  });

  it('ends a group that began later and writes to the task’s captures', async () => {
    const ended = { startedAt: Date.now() - 20_000, finishedAt: Date.now() - 10_000 };
    const { taskId, paths } = write(99_999_999, ended);
    const { pid } = await groups.startLeaderless(paths.stderr);
    const outcome = await kill(write(pid, ended, { taskId }));
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert.equal(live(pid), 0);
  });
});

describe('killing what has left the group of a task that has ended', () => {
  let storage: string;
  const table = hostProcessTable();
  const groups = new ProcessGroups();
  beforeEach(() => {
    storage = mkdtempSync(join(tmpdir(), 'aft-survivors-'));
  });
  afterEach(() => {
    groups.endAll();
    rmSync(storage, { recursive: true });
  });

  const window = (): Partial<PersistedTask> => ({
    startedAt: Date.now() - 5000,
    finishedAt: Date.now() + 1000,
  });
  /** A task that has ended, and AFT's list of what it left behind. */
  const write = async (
    list: readonly LiveDescendant[],
    record: Partial<PersistedTask> = window(),
    taskId?: string,
  ): Promise<FixtureTask> => {
    const task = writeTaskFixture({
      storage,
      ...(taskId !== undefined && { taskId }),
      record: { pgid: await groups.ended(), ...record },
    });
    const { finishedAt = 0 } = task.record;
    utimesSync(task.paths.exit, finishedAt / 1000, finishedAt / 1000);
    const text = readFileSync(task.paths.json, 'utf8').replace(
      '"completion_delivered"',
      `"live_descendants": ${JSON.stringify(list)},\n  "completion_delivered"`,
    );
    writeFileSync(task.paths.json, text);
    return task;
  };
  const kill = (task: FixtureTask, request: Partial<TaskRequest> = {}): Promise<Outcome> =>
    killTask({
      ...requestFor(storage, task.paths),
      ...{ clock: hurrying, note: { begin: () => undefined, end: () => undefined } },
      ...request,
    });
  const lives = (pid: number): boolean => {
    const found = table.snapshot([pid], []).processes.get(pid);
    return found?.state === 'found' && !found.process.zombie;
  };
  const listOf = ({ paths }: FixtureTask): unknown => readTask(paths).liveDescendants;
  /** A process in a session of its own, as `setsid` makes it. */
  const start = async (capture = '/dev/null'): Promise<LiveDescendant> => {
    const { pid } = await groups.start(`echo ready; exec sleep 300 >>${capture}`);
    await until(() => table.names?.(pid)?.comm === 'sleep');
    return { pid, comm: 'sleep', argv0: 'sleep' };
  };

  it('ends what AFT has listed, and takes it off the list', async () => {
    const [first, second] = [await start(), await start()];
    const task = await write([first, second]);
    const outcome = await kill(task);
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert(!lives(first.pid) && !lives(second.pid));
    assert.deepEqual(listOf(task), []);
  });

  it('ends it by force where it does not end when asked', async () => {
    const { pid } = await groups.start("trap '' TERM; echo ready; while :; do sleep 1; done");
    const outcome = await kill(await write([{ pid, comm: 'sh', argv0: '/bin/sh' }]));
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert(!lives(pid));
  });

  it('waits for what is ending and has no name any more', async () => {
    const survivor = await start();
    let isSignalled = false;
    const nameless: ProcessTable = {
      ...table,
      signalProcess: (pid, signal) => {
        if (isSignalled) return table.signalProcess(pid, signal);
        isSignalled = true;
        return 'sent';
      },
      names: (pid) => (isSignalled ? { comm: 'sleep', argv0: '' } : table.names?.(pid)),
    };
    const outcome = await kill(await write([survivor]), { table: nameless });
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert(!lives(survivor.pid));
  });

  it('keeps what is not proven on the list, and says why', async () => {
    const [known, other] = [await start(), await start()];
    const task = await write([known, { ...other, comm: 'daemon' }]);
    const outcome = await kill(task);
    assert.deepEqual([outcome.done, outcome.reason], [false, 'unknown-process'], outcome.message);
    assert.match(outcome.message, new RegExp(`not all: process ${other.pid} was listed as daemon`));
    assert(!lives(known.pid) && lives(other.pid));
    assert.deepEqual(listOf(task), [{ ...other, comm: 'daemon' }]);
    const again = await kill(task);
    assert.deepEqual([again.done, again.reason], [false, 'unknown-process'], again.message);
    assert.match(again.message, /was not ended: process/);
  });

  it('takes writing to the task’s captures for a proof', async () => {
    const { taskId, paths } = await write([]);
    const { pid } = await start(paths.stdout);
    const outcome = await kill(await write([{ pid, comm: 'sh', argv0: 'sh' }], window(), taskId));
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert(!lives(pid));
  });

  it('signals no process that began after the end, or before the task', async () => {
    const other = await start();
    for (const shift of [-3_600_000, 3_600_000]) {
      const times = { startedAt: Date.now() + shift, finishedAt: Date.now() + shift + 1000 };
      const outcome = await kill(await write([other], times));
      assert.deepEqual([outcome.done, outcome.reason], [false, 'already-ended'], outcome.message);
    }
    assert(lives(other.pid));
  });

  it('signals no other user’s process, and none of our own ancestors', async () => {
    const other = await start();
    const outcome = await kill(await write([other]), { uid: (process.getuid?.() ?? 0) + 1 });
    assert.equal(outcome.reason, 'other-user', outcome.message);
    assert(lives(other.pid));
    const started = table.snapshot([process.pid], []).processes.get(process.pid);
    assert(started?.state === 'found');
    const startedAt = started.process.startedAt - 1000;
    const own = { pid: process.pid, ...table.names?.(process.pid) } as LiveDescendant;
    const refused = await kill(await write([own], { startedAt, finishedAt: Date.now() }));
    assert.deepEqual([refused.done, refused.reason], [false, 'not-same-process'], refused.message);
  });

  it('looks at no more of a list than AFT writes', async () => {
    const other = await start();
    const list = [...Array.from({ length: 16 }, () => ({ ...other, pid: 1 })), other];
    const outcome = await kill(await write(list));
    assert.deepEqual([outcome.done, outcome.reason], [false, 'already-ended'], outcome.message);
    assert(lives(other.pid));
  });

  it('signals no process of our own group or session, whatever names a record gives it', async () => {
    const sibling = spawn('sleep', ['300'], { stdio: 'ignore' });
    try {
      await once(sibling, 'spawn');
      const { pid = 0 } = sibling;
      await until(() => table.names?.(pid)?.comm === 'sleep');
      const outcome = await kill(await write([{ pid, comm: 'sleep', argv0: 'sleep' }]));
      assert.deepEqual([outcome.done, outcome.reason], [false, 'not-same-process']);
      assert(lives(pid));
    } finally {
      sibling.kill('SIGKILL');
    }
  });
});
