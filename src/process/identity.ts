import { isProcessNumber, leaderPid, liveMembers } from './processTable.ts';
import type { ProcessInfo, ProcessSnapshot, RecordedProcess } from './processTable.ts';
import type { Ties } from './ties.ts';

/** AFT writes `started_at` just before it starts the process: 30 s is schema 7's own allowance. */
const startToleranceMs = 30_000;

/**
 * Is the process (or group) that a record names the task's?
 * - `same`: it is, and it is ours. `leader`: its first process lives; else others of its group do.
 * - `other-user`: it is, and it is another user's.
 * - `gone`: neither the process nor a live member of its group is there.
 * - `stranger`: the number belongs to another process now.
 * - `unknown`: it can't be told.
 */
export type Identity = { readonly reason: string } & (
  | { readonly kind: 'same'; readonly leader: boolean }
  | { readonly kind: 'other-user'; readonly leader: boolean }
  | { readonly kind: 'gone' | 'stranger' | 'unknown' }
);

/**
 * Decides from what the process table said (`lookUp`).
 * @param ownUid who we are; undefined where the system has no user numbers.
 * @param ties asked only where the group has lost its leader
 */
export function identify(
  recorded: RecordedProcess,
  snapshot: ProcessSnapshot,
  ownUid: number | undefined,
  ties: Ties,
): Identity {
  const identity = identifyHere(recorded, snapshot, ownUid, ties);
  if (identity.kind !== 'gone' && identity.kind !== 'stranger') return identity;
  const number = leaderPid(recorded);
  const nested = number === undefined ? [] : (snapshot.nested?.get(number) ?? []);
  // A container has numbers of its own: one that is free here, or another process's, is its there.
  const leader = nested.find((found) => found.leader);
  const fits = leader
    ? Math.abs(leader.startedAt - recorded.startedAt) <= startToleranceMs
    : nested.some((found) => isYounger(found, recorded));
  if (!fits) return identity;
  return {
    kind: 'unknown',
    reason: `process ${String(number)} of another process namespace (a container or sandbox) seems to be its, and that has to be looked at from inside`,
  };
}

/**
 * Has a task that has ended left processes of its group behind? As `identify`, and a leader must
 * have begun before the end, too.
 */
export function identifySurvivors(
  ended: RecordedProcess,
  snapshot: ProcessSnapshot,
  ownUid: number | undefined,
  ties: Ties,
): Identity {
  const identity = identifyHere(ended, snapshot, ownUid, ties);
  if (identity.kind !== 'same' && identity.kind !== 'other-user') return identity;
  const leader = snapshot.processes.get(leaderPid(ended) ?? 0);
  if (!identity.leader || leader?.state !== 'found') return identity;
  const { endedAt } = ties;
  return endedAt !== undefined && leader.process.startedAt <= endedAt
    ? identity
    : anotherOne(ended);
}

function anotherOne(ended: RecordedProcess): Identity {
  return {
    kind: 'stranger',
    reason: `group ${String(leaderPid(ended))} is another one now: it began after the end`,
  };
}

function identifyHere(
  recorded: RecordedProcess,
  snapshot: ProcessSnapshot,
  ownUid: number | undefined,
  ties: Ties,
): Identity {
  const pid = leaderPid(recorded);
  const pgid = recorded.pgid ?? pid;
  if (pid === undefined) return { kind: 'gone', reason: 'its record names no process' };
  if (!isProcessNumber(pid)) {
    return {
      kind: 'unknown',
      reason: 'its record names a number that no process of a task can have',
    };
  }
  if (pgid !== pid) {
    return {
      kind: 'unknown',
      reason: `its record names process ${pid} and group ${String(pgid)}, which AFT never writes`,
    };
  }

  const found = snapshot.processes.get(pid);
  switch (found?.state) {
    case undefined:
      return { kind: 'unknown', reason: `process ${pid} was not looked up` };
    case 'hidden':
      return { kind: 'unknown', reason: found.reason };
    case 'found': {
      const leader = identifyLeader(recorded, found.process, ownUid);
      if (!found.process.zombie) return leader;
      // Until somebody collects it, its number is its own.
      const isOwn = leader.kind === 'same' || leader.kind === 'other-user';
      return identifyGroup(recorded, pid, snapshot, ownUid, isOwn ? held : ties);
    }
    case 'gone':
      return identifyGroup(recorded, pid, snapshot, ownUid, ties);
  }
}

const held: Ties = { endedAt: undefined, has: () => true };

function identifyLeader(
  recorded: RecordedProcess,
  leader: ProcessInfo,
  ownUid: number | undefined,
): Identity {
  const { pid } = leader;
  // Without groups (Windows) the start is all there is.
  if (leader.pgid !== undefined && (leader.pgid !== pid || leader.sid !== pid)) {
    return {
      kind: 'stranger',
      reason: `process ${pid} is another one now: it does not lead a session of its own`,
    };
  }
  const late = leader.startedAt - recorded.startedAt;
  if (Math.abs(late) > startToleranceMs) {
    const words = `process ${pid} began ${duration(late)} the task`;
    return leader.pgid === undefined
      ? { kind: 'stranger', reason: `${words}, so it is another one` }
      : { kind: 'unknown', reason: `${words}: it is another one, or the clock was changed` };
  }
  return ownedBy([leader], ownUid, true);
}

function identifyGroup(
  recorded: RecordedProcess,
  pgid: number,
  snapshot: ProcessSnapshot,
  ownUid: number | undefined,
  ties: Ties,
): Identity {
  const group = snapshot.groups.get(pgid);
  if (group?.state === 'hidden') return { kind: 'unknown', reason: group.reason };
  const members = liveMembers(group).filter((member) => member.pgid !== undefined);
  if (members.length === 0) return { kind: 'gone', reason: `process ${pgid} has ended` };
  const { bootedAt } = snapshot;
  if (bootedAt !== undefined && bootedAt > recorded.startedAt + startToleranceMs) {
    // Without the leader only the group's number is left, and that has been free since.
    return {
      kind: 'stranger',
      reason: `group ${pgid} is another one now: the machine was started after the task`,
    };
  }
  const belongs = (member: ProcessInfo): boolean =>
    (member.sid === undefined || member.sid === pgid) && isYounger(member, recorded);
  if (!members.every(belongs)) {
    return { kind: 'stranger', reason: `group ${pgid} has processes that are not the task's` };
  }
  const { endedAt } = ties;
  const isOlderThanEnd = ({ startedAt }: ProcessInfo): boolean =>
    endedAt !== undefined && startedAt <= endedAt;
  if (!members.some(isOlderThanEnd) && !members.some((member) => ties.has(member))) {
    return endedAt === undefined
      ? {
          kind: 'unknown',
          reason: `process ${pgid} has ended, and nothing shows that the processes which have its number as their group are the task's: none of them writes to its captures`,
        }
      : anotherOne(recorded);
  }
  return ownedBy(members, ownUid, false);
}

/** Did the process begin after the task's record was made? */
function isYounger(
  { startedAt, startPrecisionMs }: Pick<ProcessInfo, 'startedAt' | 'startPrecisionMs'>,
  recorded: RecordedProcess,
): boolean {
  return startedAt + startPrecisionMs >= recorded.startedAt;
}

function ownedBy(
  members: readonly ProcessInfo[],
  ownUid: number | undefined,
  leader: boolean,
): Identity {
  const numbers = members.map((member) => member.pid).join(', ');
  const others = members.filter((member) => member.uid !== ownUid);
  if (others.length === members.length && ownUid !== undefined) {
    const users = [...new Set(others.map((member) => String(member.uid)))].join(', ');
    return { kind: 'other-user', leader, reason: `process ${numbers} belongs to user ${users}` };
  }
  return { kind: 'same', leader, reason: `process ${numbers} is the task's` };
}

function duration(late: number): string {
  const seconds = Math.round(Math.abs(late) / 1000);
  return `${seconds} s ${late < 0 ? 'before' : 'after'}`;
}
