import assert from 'node:assert/strict';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import { identify, type Identity } from '../../../src/process/identity.ts';
import {
  lookUp,
  type GroupLookup,
  type ProcessInfo,
  type ProcessLookup,
  type RecordedProcess,
} from '../../../src/process/processTable.ts';
import type { Ties } from '../../../src/process/ties.ts';
import { ProcessGroups } from './processGroups.ts';

const startedAt = 1_795_409_400_000;
const recorded: RecordedProcess = { childPid: 4242, pgid: 4242, startedAt };
const leader: ProcessInfo = {
  pid: 4242,
  ppid: 1,
  pgid: 4242,
  sid: 4242,
  uid: 1000,
  zombie: false,
  startedAt,
  startPrecisionMs: 1000,
};
const member: ProcessInfo = { ...leader, pid: 4250, startedAt: startedAt + 60_000 };

const tied: Ties = { endedAt: undefined, has: () => true };
const untied: Ties = { endedAt: undefined, has: () => false };

const decide = (
  process: ProcessInfo | Exclude<ProcessLookup['state'], 'found'>,
  members: readonly ProcessInfo[] | 'hidden' = [],
  record = recorded,
  uid: number | 'none' = 1000,
  ties: Ties = tied,
): Identity =>
  identify(
    record,
    {
      processes: new Map<number, ProcessLookup>([
        [
          4242,
          process === 'hidden'
            ? { state: 'hidden', reason: 'process 4242 is hidden' }
            : process === 'gone'
              ? { state: 'gone' }
              : { state: 'found', process },
        ],
      ]),
      groups: new Map<number, GroupLookup>([
        [
          4242,
          members === 'hidden'
            ? { state: 'hidden', reason: 'group 4242 is hidden' }
            : { state: 'listed', members },
        ],
      ]),
    },
    uid === 'none' ? undefined : uid,
    ties,
  );

describe('the identity of a recorded process', () => {
  it('is the same where pid, group, session, start and user are', () => {
    const identity = decide(leader);
    assert(identity.kind === 'same' && identity.leader);
  });

  it('allows 30 seconds between the record and the process, both ways', () => {
    for (const late of [-30_000, 30_000]) {
      assert.equal(decide({ ...leader, startedAt: startedAt + late }).kind, 'same');
    }
  });

  it('can’t be told where only the start differs: clocks step', () => {
    for (const late of [-30_001, 30_001, -86_400_000, 86_400_000]) {
      const identity = decide({ ...leader, startedAt: startedAt + late });
      assert.equal(identity.kind, 'unknown');
      assert.match(identity.reason, /the clock was changed/);
    }
  });

  it('is a stranger’s where the group or the session is not the record’s', () => {
    assert.equal(decide({ ...leader, pgid: 4000 }).kind, 'stranger');
    assert.equal(decide({ ...leader, sid: 4000 }).kind, 'stranger');
    assert.equal(decide({ ...leader, sid: undefined }).kind, 'stranger');
  });

  it('is a stranger’s by its start alone where there are no groups', () => {
    const onWindows = { ...leader, pgid: undefined, sid: undefined, uid: undefined };
    const later = { ...onWindows, startedAt: startedAt + 60_000 };
    assert.equal(decide(onWindows, [], recorded, 'none').kind, 'same');
    assert.equal(decide(later, [], recorded, 'none').kind, 'stranger');
  });

  it('is another user’s by comparing users, for root too', () => {
    assert.equal(decide(leader, [], recorded, 0).kind, 'other-user');
    assert.equal(decide({ ...leader, uid: 0 }, [], recorded, 1000).kind, 'other-user');
    assert.equal(decide({ ...leader, uid: 0 }, [], recorded, 0).kind, 'same');
  });

  it('is gone with the process and every live member of its group', () => {
    assert.equal(decide('gone').kind, 'gone');
    assert.equal(decide({ ...leader, zombie: true }).kind, 'gone');
    assert.equal(decide('gone', [{ ...member, zombie: true }]).kind, 'gone');
  });

  it('is that of the survivors of the group, which all began after the task', () => {
    for (const first of ['gone', { ...leader, zombie: true }] as const) {
      const identity = decide(first, [member, { ...member, pid: 4251, sid: undefined }]);
      assert(identity.kind === 'same' && !identity.leader);
    }
  });

  it('can’t be told where nothing ties the survivors to the task: the number may be others’', () => {
    const identity = decide('gone', [member], recorded, 1000, untied);
    assert.equal(identity.kind, 'unknown');
    assert.match(identity.reason, /none of them writes to its captures/);
    const other = { ...member, pid: 4251 };
    const one: Ties = { endedAt: undefined, has: ({ pid }) => pid === 4251 };
    assert.equal(decide('gone', [member, other], recorded, 1000, one).kind, 'same');
  });

  it('is theirs where one began before the end, and a stranger’s where all began later', () => {
    const after = { ...untied, endedAt: member.startedAt + 1 };
    assert.equal(decide('gone', [member], recorded, 1000, after).kind, 'same');
    const before = { ...untied, endedAt: member.startedAt - 1 };
    assert.equal(decide('gone', [member], recorded, 1000, before).kind, 'stranger');
    assert.equal(
      decide('gone', [member], recorded, 1000, { ...before, has: tied.has }).kind,
      'same',
    );
  });

  it('needs no tie while the leader is not collected, and keeps the number', () => {
    const zombie = { ...leader, zombie: true };
    assert.equal(decide(zombie, [member], recorded, 1000, untied).kind, 'same');
    const stranger = { ...zombie, startedAt: startedAt + 3_600_000 };
    assert.equal(decide(stranger, [member], recorded, 1000, untied).kind, 'unknown');
  });

  it('allows survivors the precision of the clock, no more', () => {
    assert.equal(decide('gone', [{ ...member, startedAt: startedAt - 1000 }]).kind, 'same');
    assert.equal(decide('gone', [{ ...member, startedAt: startedAt - 1001 }]).kind, 'stranger');
  });

  it('is a stranger’s where one member is older than the task, or of another session', () => {
    const older = { ...member, pid: 4251, startedAt: startedAt - 3_600_000 };
    assert.equal(decide('gone', [member, older]).kind, 'stranger');
    assert.equal(decide('gone', [member, { ...member, sid: 77 }]).kind, 'stranger');
  });

  it('is another user’s where no survivor is ours', () => {
    const theirs = { ...member, uid: 7 };
    assert.equal(decide('gone', [theirs]).kind, 'other-user');
    assert.equal(decide('gone', [theirs, member]).kind, 'same');
  });

  it('is gone with the process where nothing ties its descendants to it', () => {
    const onWindows = { ...member, pgid: undefined, sid: undefined, uid: undefined };
    assert.equal(decide('gone', [onWindows], recorded, 'none').kind, 'gone');
  });

  it('can’t be told where the system hides the process or its group', () => {
    assert.deepEqual(decide('hidden'), { kind: 'unknown', reason: 'process 4242 is hidden' });
    assert.deepEqual(decide('gone', 'hidden'), { kind: 'unknown', reason: 'group 4242 is hidden' });
  });

  it('can’t be told from numbers that AFT never writes', () => {
    for (const number of [-1, 0, 1, 2 ** 31, 2 ** 32]) {
      const record = { childPid: number, pgid: number, startedAt };
      assert.equal(decide(leader, [], record).kind, 'unknown', String(number));
    }
    assert.equal(decide(leader, [], { ...recorded, pgid: 4000 }).kind, 'unknown');
    assert.equal(decide(leader, [], { ...recorded, pgid: -4242 }).kind, 'unknown');
  });

  it('is gone where the record names no process', () => {
    const record = { childPid: undefined, pgid: undefined, startedAt };
    assert.equal(decide(leader, [], record).kind, 'gone');
  });

  it('is found by the group alone, or the process alone', () => {
    assert.equal(decide(leader, [], { ...recorded, childPid: undefined }).kind, 'same');
    assert.equal(decide(leader, [], { ...recorded, pgid: undefined }).kind, 'same');
  });
});

describe('the identity of real processes', () => {
  const table = hostProcessTable();
  const groups = new ProcessGroups();
  afterEach(() => {
    groups.endAll();
  });
  const identityOf = (pid: number, start: number): Identity => {
    const record = { childPid: pid, pgid: pid, startedAt: start };
    return identify(record, lookUp(table, [record]), process.getuid?.(), tied);
  };

  it('is the same for a process that was just started', async () => {
    const start = Date.now();
    const { pid } = await groups.start('echo ready; sleep 300');
    assert.equal(identityOf(pid, start).kind, 'same');
  });

  it('is unknown for a process of another time', async () => {
    const { pid } = await groups.start('echo ready; sleep 300');
    for (const minutes of [-10, 10]) {
      assert.equal(identityOf(pid, Date.now() + minutes * 60_000).kind, 'unknown');
    }
  });

  it('is a stranger’s for a process inside another group', async () => {
    const { firstLine } = await groups.start('sleep 300 & echo $!; sleep 300');
    assert.equal(identityOf(Number(firstLine), Date.now()).kind, 'stranger');
  });

  it('is that of the survivors where the leader has ended', async () => {
    const start = Date.now();
    const { pid } = await groups.startLeaderless();
    const identity = identityOf(pid, start);
    assert(identity.kind === 'same' && !identity.leader);
    assert.equal(identityOf(pid, start + 600_000).kind, 'stranger');
  });

  it('is gone for a zombie', async () => {
    const { pid } = await groups.startZombie(table);
    assert.equal(identityOf(pid, Date.now()).kind, 'gone');
  });

  it('is looked up with no more than the groups of dead leaders', async () => {
    const live = await groups.start('echo ready; sleep 300');
    const leaderless = await groups.startLeaderless();
    const asked: number[] = [];
    const spying = {
      ...table,
      snapshot: (pids: Iterable<number>, pgids: Iterable<number>) => {
        asked.push(...pgids);
        return table.snapshot(pids, pgids);
      },
    };
    const records = [live.pid, leaderless.pid].map((pid) => ({
      childPid: pid,
      pgid: pid,
      startedAt: Date.now(),
    }));
    lookUp(spying, records);
    assert.deepEqual(asked, [leaderless.pid]);
  });
});

describe('a group whose leader is gone', () => {
  it('is not the task’s if the machine was started after the task', () => {
    const startedAt = 1_000_000;
    const recorded = { childPid: 100, pgid: 100, startedAt };
    const member = {
      pid: 101,
      ppid: 1,
      pgid: 100,
      sid: 100,
      uid: 1000,
      zombie: false,
      startedAt: startedAt + 600_000,
      startPrecisionMs: 10,
    };
    const found = {
      processes: new Map([[100, { state: 'gone' } as const]]),
      groups: new Map([[100, { state: 'listed', members: [member] } as const]]),
    };
    assert.equal(
      identify(recorded, { ...found, bootedAt: startedAt - 1 }, 1000, tied).kind,
      'same',
    );
    assert.equal(
      identify(recorded, { ...found, bootedAt: startedAt + 300_000 }, 1000, tied).kind,
      'stranger',
    );
  });
});
