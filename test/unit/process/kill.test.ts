import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeKillMarkerIfAbsent } from '../../../src/persistence/exitMarker.ts';
import type { Outcome } from '../../../src/persistence/outcome.ts';
import type { Layout, PersistedTask } from '../../../src/persistence/record.ts';
import { markTerminal } from '../../../src/persistence/record.ts';
import { readTask, updateTask } from '../../../src/persistence/taskFile.ts';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import { killTask, resumeKill } from '../../../src/process/kill.ts';
import {
  liveMembers,
  type GroupSignal,
  type ProcessTable,
} from '../../../src/process/processTable.ts';
import { systemClock, type KillRequest } from '../../../src/process/taskRequest.ts';
import { writeTaskFixture, type FixtureTask } from '../../support/taskFixture.ts';
import { hurrying, requestFor } from './actionSupport.ts';
import { ProcessGroups } from './processGroups.ts';

const sleeping = 'echo ready; sleep 300';
const deaf = "trap '' TERM; echo ready; while :; do sleep 1; done";
const here = { container: undefined, network: undefined, mount: undefined, sandbox: false };

describe('killing a task', () => {
  let storage: string;
  let steps: string[];
  const table = hostProcessTable();
  const groups = new ProcessGroups();
  beforeEach(() => {
    storage = mkdtempSync(join(tmpdir(), 'aft-kill-'));
    steps = [];
  });
  afterEach(() => {
    groups.endAll();
    rmSync(storage, { recursive: true });
  });

  /** Writes a running task's bundle. */
  const write = (
    pid: number | undefined,
    record: Partial<PersistedTask> = {},
    options: { layout?: Layout; exit?: string; taskId?: string } = {},
  ): FixtureTask =>
    writeTaskFixture({
      storage,
      ...options,
      record: {
        status: 'running',
        startedAt: Date.now(),
        finishedAt: undefined,
        durationMs: undefined,
        exitCode: undefined,
        childPid: pid,
        pgid: pid,
        ...record,
      },
    });

  /** Kills with a clock that hurries only where AFT is waited for: processes take their own time. */
  const kill = (task: FixtureTask, request: Partial<KillRequest> = {}): Promise<Outcome> => {
    const clock = {
      now: systemClock.now,
      sleep: (milliseconds: number) =>
        systemClock.sleep(steps.at(-1)?.includes('AFT') ? 0 : milliseconds),
    };
    return killTask({
      storageDirectory: storage,
      harness: 'opencode',
      note: { begin: () => undefined, end: () => undefined },
      paths: task.paths,
      table,
      facts: here,
      uid: process.getuid?.(),
      clock,
      onStep: (step) => steps.push(step),
      ...request,
    });
  };

  /** The system's process table, which notes each signal and can answer another result. */
  const spying = (
    answer: (signal: GroupSignal | 0) => ReturnType<ProcessTable['signalGroup']> | undefined = () =>
      undefined,
  ): ProcessTable & { signals: (GroupSignal | 0)[] } => {
    const signals: (GroupSignal | 0)[] = [];
    return {
      ...table,
      signals,
      signalGroup: (pgid, signal) => {
        signals.push(signal);
        return answer(signal) ?? table.signalGroup(pgid, signal);
      },
    };
  };

  const live = (pid: number): number =>
    liveMembers(table.snapshot([], [pid]).groups.get(pid)).length;
  const marker = (task: FixtureTask): string | undefined =>
    existsSync(task.paths.exit) ? readFileSync(task.paths.exit, 'utf8') : undefined;
  const text = (task: FixtureTask): string => readFileSync(task.paths.json, 'utf8');

  /** Nothing was signalled and nothing was written. */
  const assertRefused = async (
    task: FixtureTask,
    reason: Outcome['reason'],
    request: Partial<KillRequest> = {},
  ): Promise<Outcome> => {
    const spy = spying();
    const before = { marker: marker(task), record: text(task) };
    const outcome = await kill(task, { table: spy, ...request });
    assert.equal(outcome.reason, reason, outcome.message);
    assert.equal(outcome.done, false);
    assert.match(outcome.message, new RegExp(task.taskId));
    assert.deepEqual({ marker: marker(task), record: text(task) }, before);
    assert.deepEqual(
      spy.signals.filter((signal) => signal !== 0),
      [],
    );
    return outcome;
  };

  for (const layout of ['flat', 'directory'] as const) {
    describe(`in the ${layout} layout`, () => {
      it('ends the processes, writes the marker, and records the end where no AFT does', async () => {
        const { pid } = await groups.start(sleeping);
        const task = write(pid, {}, { layout });
        const outcome = await kill(task);
        assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
        assert.match(outcome.message, /No AFT recorded/);
        assert.equal(live(pid), 0);
        assert.equal(marker(task), 'killed');
        const record = readTask(task.paths);
        assert.equal(record.status, 'killed');
        assert.equal(record.exitCode, 137);
        assert.equal(record.childPid, undefined);
        assert.equal(record.pgid, pid);
        assert.equal(record.statusReason, 'killed from AFT Task Explorer');
        assert.equal(record.schemaVersion, task.record.schemaVersion);
        assert.equal(record.completionDelivered, false);
        assert.equal(record.durationMs, record.finishedAt! - record.startedAt);
        assert.equal(statSync(task.paths.exit).mode & 0o777, 0o600);
      });

      it('keeps keys that it does not know, in their place', async () => {
        const { pid } = await groups.start(sleeping);
        const task = write(pid, {}, { layout });
        const before = text(task).replace('"session_id"', '"from_later": [1, {}],\n  "session_id"');
        writeFileSync(task.paths.json, before);
        await kill(task);
        const keys = (record: string) => Object.keys(JSON.parse(record) as object);
        assert.deepEqual(keys(text(task)), keys(before));
      });

      it('takes its marker back where nothing can be signalled', async () => {
        const { pid } = await groups.start(sleeping);
        const task = write(pid, {}, { layout });
        const before = { marker: marker(task), record: text(task) };
        const spy = spying((signal) => (signal === 0 ? 'sent' : 'not-permitted'));
        const outcome = await kill(task, { table: spy });
        assert.deepEqual([outcome.done, outcome.reason], [false, 'other-user']);
        assert.deepEqual({ marker: marker(task), record: text(task) }, before);
        assert.notEqual(live(pid), 0);
      });

      it('carries on a kill that got stuck with its processes dead', async () => {
        const pid = await groups.ended();
        const task = write(pid, { status: 'killing' }, { layout });
        const spy = spying();
        const outcome = await kill(task, { table: spy });
        assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
        assert.equal(marker(task), 'killed');
        assert.equal(readTask(task.paths).status, 'killed');
        assert.deepEqual(spy.signals, []);
      });
    });
  }

  it('ends a whole tree of processes', async () => {
    const { pid } = await groups.start(
      '(sleep 300 & sleep 300 & wait) & sleep 300 & echo ready; wait',
    );
    const outcome = await kill(write(pid));
    assert.equal(outcome.done, true, outcome.message);
    assert.equal(live(pid), 0);
  });

  it('sends SIGKILL only to what is left after SIGTERM and two seconds', async () => {
    const plain = await groups.start(sleeping);
    const stubborn = await groups.start(deaf);
    const spies = [spying(), spying()] as const;
    await kill(write(plain.pid), { table: spies[0] });
    const outcome = await kill(write(stubborn.pid), { table: spies[1] });
    assert.equal(outcome.done, true, outcome.message);
    assert.deepEqual(spies[0].signals, [0, 'SIGTERM']);
    assert.deepEqual(spies[1].signals, [0, 'SIGTERM', 'SIGKILL']);
    assert.equal(live(stubborn.pid), 0);
  });

  it('ends the survivors of a group whose leader has ended', async () => {
    const startedAt = Date.now();
    const { taskId, paths } = write(undefined);
    const { pid } = await groups.startLeaderless(paths.stdout);
    const outcome = await kill(write(pid, { startedAt }, { taskId }));
    assert.equal(outcome.done, true, outcome.message);
    assert.equal(live(pid), 0);
  });

  it('ends by force what it saw in the group while the leader lived', async () => {
    const child = "trap '' TERM; echo ready; exec >/dev/null 2>&1; while :; do sleep 1; done";
    const { pid } = await groups.start(`sh -c "${child}" & exec sleep 300`);
    const spy = spying();
    const outcome = await kill(write(pid), { table: spy });
    assert.equal(outcome.done, true, outcome.message);
    assert.deepEqual(spy.signals, [0, 'SIGTERM', 'SIGKILL']);
    assert.equal(live(pid), 0);
  });

  it('writes the marker before it signals, and signals at once', async () => {
    const { pid } = await groups.start(sleeping);
    const task = write(pid);
    const atSignal: (string | undefined)[] = [];
    const spy = spying((signal) => {
      if (signal === 'SIGTERM') atSignal.push(marker(task));
      return undefined;
    });
    const killed = kill(task, { table: spy });
    // What runs before the first pause has run now.
    assert.deepEqual(atSignal, ['killed']);
    await killed;
  });

  it('leaves the record to an AFT that writes it', async () => {
    const { pid } = await groups.start(sleeping);
    const task = write(pid);
    let byAft = '';
    const clock = {
      now: systemClock.now,
      sleep: () => {
        if (byAft === '' && live(pid) === 0) {
          updateTask(task.paths, (record) => markTerminal(record, 'killed', 137, undefined));
          byAft = text(task);
        }
        return systemClock.sleep(1);
      },
    };
    const outcome = await kill(task, { clock });
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined]);
    assert.match(outcome.message, /was killed. AFT has recorded its end: killed, exit code 137/);
    assert.equal(text(task), byAft);
  });

  it('says what AFT has recorded, where that is no kill', async () => {
    const { pid } = await groups.start(sleeping);
    const task = write(pid);
    const clock = {
      now: systemClock.now,
      sleep: () => {
        if (live(pid) === 0)
          updateTask(task.paths, (r) => markTerminal(r, 'completed', 0, undefined));
        return systemClock.sleep(1);
      },
    };
    const { done, message } = await kill(task, { clock });
    assert.equal(done, true);
    assert.match(
      message,
      /was signalled, and has ended. AFT has recorded its end: completed, exit/,
    );
    assert.doesNotMatch(message, /killed/);
  });

  it('leaves the marker of another window in place where it signals nothing itself', async () => {
    const { pid } = await groups.start(sleeping);
    const task = write(pid);
    const outcome = await kill(task, {
      note: {
        begin: () => {
          writeKillMarkerIfAbsent(task.paths);
        },
        end: () => undefined,
      },
      table: spying((signal) => (signal === 0 ? 'sent' : 'not-permitted')),
    });
    assert.equal(outcome.done, false);
    assert.equal(marker(task), 'killed');
  });

  it('follows notify_on_completion in what it records as delivered', async () => {
    const { pid } = await groups.start(sleeping);
    const task = write(pid, { notifyOnCompletion: false, completionDelivered: false });
    await kill(task);
    assert.equal(readTask(task.paths).completionDelivered, true);
  });

  it('goes on when whoever is told of its steps fails', async () => {
    const { pid } = await groups.start(sleeping);
    const task = write(pid);
    const outcome = await kill(task, {
      onStep: (step) => {
        steps.push(step);
        throw new Error('the caller is gone');
      },
    });
    assert.equal(outcome.done, true, outcome.message);
    assert.equal(readTask(task.paths).status, 'killed');
  });

  it('says so where the record is deleted meanwhile', async () => {
    const { pid } = await groups.start(sleeping);
    const task = write(pid);
    const outcome = await kill(task, {
      onStep: (step) => {
        steps.push(step);
        if (step.includes('AFT')) rmSync(task.paths.taskDir!, { recursive: true });
      },
    });
    assert.deepEqual([outcome.done, outcome.reason], [true, 'not-found']);
    assert.match(outcome.message, /deleted meanwhile/);
    assert.equal(live(pid), 0);
  });

  it('says so where processes outlive SIGKILL, and records nothing', async () => {
    const { pid } = await groups.start(sleeping);
    const task = write(pid);
    const before = text(task);
    const outcome = await kill(task, {
      table: spying((signal) => (signal === 0 ? undefined : 'sent')),
      clock: { now: systemClock.now, sleep: () => systemClock.sleep(0) },
    });
    assert.deepEqual([outcome.done, outcome.reason], [false, 'survivors']);
    assert.match(outcome.message, new RegExp(`\\b${pid}\\b`));
    assert.equal(text(task), before);
  });

  it('does not send SIGKILL to a group that is not the task’s any more', async () => {
    const { pid } = await groups.start(deaf);
    const task = write(pid);
    const spy = spying();
    let clockStepped = false;
    const outcome = await kill(task, {
      table: {
        ...spy,
        snapshot: (pids, pgids) => {
          const { processes, groups: found } = table.snapshot(pids, pgids);
          if (!clockStepped) return { processes, groups: found };
          const stepped = [...processes].map(
            ([number, lookup]) =>
              [
                number,
                lookup.state === 'found'
                  ? { ...lookup, process: { ...lookup.process, startedAt: 0 } }
                  : lookup,
              ] as const,
          );
          return { processes: new Map(stepped), groups: found };
        },
      },
      clock: {
        now: systemClock.now,
        sleep: () => {
          clockStepped = true;
          return systemClock.sleep(0);
        },
      },
    });
    assert.deepEqual([outcome.done, outcome.reason], [false, 'survivors']);
    assert.deepEqual(spy.signals, [0, 'SIGTERM']);
    assert.match(outcome.message, /SIGKILL was not sent/);
  });

  it('finishes a kill whose marker is there and whose processes live', async () => {
    const { pid } = await groups.start(sleeping);
    const task = write(pid, {}, { exit: 'killed' });
    const outcome = await kill(task);
    assert.equal(outcome.done, true, outcome.message);
    assert.equal(live(pid), 0);
    assert.equal(readTask(task.paths).status, 'killed');
  });

  it('records a kill whose marker is there and whose processes are dead', async () => {
    const task = write(await groups.ended(), {}, { exit: 'killed\n' });
    const outcome = await kill(task);
    assert.equal(outcome.done, true, outcome.message);
    assert.equal(readTask(task.paths).status, 'killed');
  });

  it('leaves a stuck kill to an AFT that records it after all', async () => {
    const task = write(await groups.ended(), { status: 'killing' });
    let polls = 0;
    const clock = {
      now: systemClock.now,
      sleep: () => {
        polls += 1;
        if (polls === 3) {
          updateTask(task.paths, (record) => markTerminal(record, 'timed_out', 124, undefined));
        }
        return systemClock.sleep(0);
      },
    };
    const outcome = await kill(task, { clock });
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined]);
    assert.match(outcome.message, /timed out, exit code 124/);
    assert.equal(marker(task), '');
  });

  it('that was cut off is recorded where another process has its number now', async () => {
    const { firstLine } = await groups.start('sleep 300 & echo $!; sleep 300');
    const pid = Number(firstLine);
    const task = write(pid, {}, { exit: 'killed' });
    const spy = spying();
    const outcome = await resumeKill({
      ...requestFor(storage, task.paths),
      ...{ table: spy, clock: hurrying },
    });
    assert.equal(outcome?.done, true, outcome?.message);
    assert.match(outcome.message, /cut off, and its processes have ended/);
    assert.equal(readTask(task.paths).status, 'killed');
    assert.deepEqual(spy.signals, []);
  });

  describe('is refused, and nothing is touched', () => {
    it('for a task that has ended', async () => {
      for (const status of [
        'completed',
        'failed',
        'killed',
        'timed_out',
        'fate_unknown',
      ] as const) {
        const outcome = await assertRefused(write(undefined, { status }), 'already-ended');
        assert.match(outcome.message, /has already ended/);
      }
    });

    it('for a task whose command has ended and whose end is not recorded yet', async () => {
      const { pid } = await groups.start(sleeping);
      for (const layout of ['flat', 'directory'] as const) {
        const task = write(pid, {}, { layout, exit: '3\n' });
        const outcome = await assertRefused(task, 'already-ended');
        assert.match(outcome.message, /exit code 3/);
      }
    });

    it('for a process that is gone', async () => {
      const outcome = await assertRefused(write(await groups.ended()), 'process-gone');
      assert.match(outcome.message, /has ended, so there is nothing to kill/);
    });

    it('for a zombie', async () => {
      await assertRefused(write((await groups.startZombie(table)).pid), 'process-gone');
    });

    it('for a record that names no process, if it is not just being started', async () => {
      await assertRefused(write(undefined), 'process-gone');
      const starting = { status: 'starting', startedAt: Date.now() } as const;
      const outcome = await assertRefused(write(undefined, starting), 'unknown-process');
      assert.match(outcome.message, /try again in a moment/);
    });

    it('for a process that was started long before or after the task', async () => {
      const { pid } = await groups.start(sleeping);
      for (const minutes of [-60, -1, 1, 60]) {
        const startedAt = Date.now() + minutes * 60_000;
        await assertRefused(write(pid, { startedAt }), 'unknown-process');
      }
      assert.notEqual(live(pid), 0);
    });

    it('for a process inside another group', async () => {
      const { firstLine } = await groups.start('sleep 300 & echo $!; sleep 300');
      await assertRefused(write(Number(firstLine)), 'not-same-process');
    });

    it('for a group without its first process that nothing ties to the task', async () => {
      const startedAt = Date.now();
      const { pid } = await groups.startLeaderless();
      const outcome = await assertRefused(write(pid, { startedAt }), 'unknown-process');
      assert.match(outcome.message, /none of them writes to its captures/);
      assert.notEqual(live(pid), 0);
    });

    it('for a group that only reads the task’s captures', async () => {
      const startedAt = Date.now();
      const { taskId, paths } = write(undefined);
      const { pid } = await groups.startLeaderless('/dev/null', paths.stdout);
      await assertRefused(write(pid, { startedAt }, { taskId }), 'unknown-process');
    });

    it('for a group number that others have now', async () => {
      const { pid } = await groups.startLeaderless();
      await assertRefused(write(pid, { startedAt: Date.now() + 3_600_000 }), 'not-same-process');
    });

    it('for another user’s process, for root too', async () => {
      // Root can have another user's process; anyone else takes its own for another's.
      const isRoot = process.getuid?.() === 0;
      const { pid } = await groups.start(sleeping, isRoot ? 65534 : undefined);
      const uid = isRoot ? 0 : (process.getuid?.() ?? 0) + 1;
      await assertRefused(write(pid), 'other-user', { uid });
      assert.notEqual(live(pid), 0);
    });

    it('for processes that may not be signalled', async () => {
      const { pid } = await groups.start(sleeping);
      const task = write(pid);
      await assertRefused(task, 'other-user', { table: spying(() => 'not-permitted') });
      await assertRefused(task, 'not-same-process', { table: spying(() => 'forbidden') });
    });

    it('for our own process', async () => {
      await assertRefused(write(process.pid), 'not-same-process');
    });

    it('for numbers that no task’s process can have', async () => {
      for (const pid of [0, 1, 2 ** 31 - 1]) {
        const outcome = await kill(write(pid));
        assert.equal(outcome.done, false);
      }
      await assertRefused(write(4242, { pgid: -1 }), 'unknown-process');
    });

    it('for a storage whose processes may be elsewhere', async () => {
      const { pid } = await groups.start(sleeping);
      const task = write(pid);
      const network = await assertRefused(task, 'unknown-process', {
        facts: { ...here, network: 'nfs4' },
      });
      assert.match(network.message, /nfs4/);
      await assertRefused(task, 'unknown-process', {
        facts: { ...here, container: '/.dockerenv', mount: '/data' },
      });
      assert.notEqual(live(pid), 0);
    });

    it('for a record of a newer AFT, and for a task on another machine', async () => {
      const { pid } = await groups.start(sleeping);
      const task = write(pid);
      const newer = text(task).replace('"schema_version": 6', '"schema_version": 7');
      writeFileSync(task.paths.json, newer);
      const outcome = await assertRefused(task, 'unsupported-schema');
      assert.match(outcome.message, /schema_version 7 \(expected 1 to 6\)/);
      writeFileSync(task.paths.json, newer.replace('"task_id"', '"remote": {},\n  "task_id"'));
      await assertRefused(task, 'remote');
    });

    it('for a record that was copied from another session', async () => {
      const { pid } = await groups.start(sleeping);
      const outcome = await assertRefused(write(pid, { sessionId: 'ses_other' }), 'mismatch');
      assert.match(outcome.message, /was not killed.*another session/);
      assert.notEqual(live(pid), 0);
    });

    it('for a marker that AFT does not write', async () => {
      const { pid } = await groups.start(sleeping);
      const task = write(pid, {}, { exit: '0illed' });
      const outcome = await assertRefused(task, 'corrupt');
      assert.match(outcome.message, /exit marker/);
      assert.notEqual(live(pid), 0);
    });

    it('for a record that is not there, or broken', async () => {
      const { pid } = await groups.start(sleeping);
      const task = write(pid);
      writeFileSync(task.paths.json, text(task).slice(0, 40));
      await assertRefused(task, 'corrupt');
      rmSync(task.paths.json);
      const outcome = await kill(task);
      assert.deepEqual([outcome.done, outcome.reason], [false, 'not-found']);
    });
  });
});
