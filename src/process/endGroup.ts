import type { KillMarker } from '../persistence/exitMarker.ts';
import type { PersistedTask } from '../persistence/record.ts';
import type { Identity } from './identity.ts';
import { leaderPid, liveMembers, type GroupSignal, type ProcessInfo } from './processTable.ts';
import type { SignalResult } from './processTable.ts';
import { poll, refusal, type Ending, type Refusal, type TaskRequest } from './taskRequest.ts';
import { KnownMembers } from './ties.ts';

/** How long a group has to end after each signal: AFT's own time. */
const graceMs = 2000;

/** A task's group, and the question whether it still is the task's. It is asked before each signal. */
export interface TaskGroup {
  readonly task: PersistedTask;
  readonly pgid: number;
  readonly identity: (known: KnownMembers) => Identity;
}

/** The group of a task whose identity is known. */
export function taskGroup(task: PersistedTask, identity: TaskGroup['identity']): TaskGroup {
  const pgid = leaderPid(task);
  if (pgid === undefined) throw new Error(`task ${task.taskId} has no process`);
  return { task, pgid, identity };
}

/**
 * Signals a group, and again by force after the time that it has to end. The first signal is sent
 * before this gives way to anything else.
 * @param marker put in place right before the first signal, once the identity is known
 * @returns absent: all of it has ended. `unsignalled`: nothing was sent.
 */
export async function endGroup(
  request: TaskRequest,
  group: TaskGroup,
  marker?: KillMarker,
): Promise<{ readonly unsignalled: Refusal } | { readonly outlived: Ending } | undefined> {
  const { table, onStep } = request;
  const known = new KnownMembers();
  const unsignalled = signalTask(
    request,
    group,
    table.hasGroups ? 'SIGTERM' : 'SIGKILL',
    known,
    marker,
  );
  if (unsignalled) return { unsignalled };
  onStep('Waiting for its processes to end');
  let left = await waitForEnd(request, group, known);
  if (left !== 'none' && table.hasGroups) {
    onStep('Ending by force the processes that did not end when asked');
    const failure = signalTask(request, group, 'SIGKILL', known);
    if (failure) return { outlived: outlived(left, failure) };
    left = await waitForEnd(request, group, known);
  }
  return left === 'none' ? undefined : { outlived: outlived(left) };
}

/** Signals the group if it still is the task's. Answers why it was not, and live processes are there. */
function signalTask(
  request: TaskRequest,
  group: TaskGroup,
  signal: GroupSignal,
  known: KnownMembers,
  marker?: KillMarker,
): Refusal | undefined {
  const { task, pgid } = group;
  const members = membersOf(request, group);
  const identity = group.identity(known);
  if (identity.kind !== 'same') {
    if (identity.kind === 'gone' && marker === undefined) return undefined;
    return refusal(request, task, identity);
  }
  if (members !== 'hidden') known.add(members);
  // From here to the signal nothing may take its time: an AFT that sees the marker waits for the
  // process, and answers nobody meanwhile.
  const placed = marker?.place();
  if (placed?.kind === 'code') return endedByItself(placed.code);
  const result = request.table.signalGroup(pgid, signal);
  marker?.sync();
  request.onStep(`${signal} to group ${pgid}: ${result}`);
  if (result === 'sent' || result === 'gone') return undefined;
  // macOS does not permit to signal zombies.
  return processesLeft(request, group, known) === 'none' ? undefined : notSignalled(result);
}

export function endedByItself(code: number): Refusal {
  return {
    reason: 'already-ended',
    why: `its command has ended by itself, with exit code ${code}, and AFT records that when it runs`,
  };
}

export function notSignalled(result: Exclude<SignalResult, 'sent' | 'gone'>): Refusal {
  return result === 'forbidden'
    ? { reason: 'not-same-process', why: 'its record names a group that this program itself is in' }
    : { reason: 'other-user', why: 'the system does not let this user signal its processes' };
}

/** Live processes of the task's group; `hidden`: there are some, and the system doesn't say which. */
type Left = 'none' | 'hidden' | readonly ProcessInfo[];

function processesLeft(request: TaskRequest, group: TaskGroup, known: KnownMembers): Left {
  const members = membersOf(request, group);
  if (members === 'hidden') return 'hidden';
  known.look(members);
  return members.length === 0 ? 'none' : members;
}

function membersOf(
  { table }: TaskRequest,
  { task, pgid }: TaskGroup,
): 'hidden' | readonly ProcessInfo[] {
  const group = table.snapshot([], [pgid]).groups.get(pgid);
  if (group?.state === 'hidden') return 'hidden';
  return liveMembers(group).filter(
    // Without groups, a child of an earlier process with this number looks like one of the task's.
    (member) =>
      member.pgid !== undefined || member.startedAt + member.startPrecisionMs >= task.startedAt,
  );
}

async function waitForEnd(
  request: TaskRequest,
  group: TaskGroup,
  known: KnownMembers,
): Promise<Left> {
  const ended = await poll(request.clock, graceMs, () =>
    processesLeft(request, group, known) === 'none' ? true : undefined,
  );
  return ended ? 'none' : processesLeft(request, group, known);
}

function outlived(left: Left, failure?: Refusal): Ending {
  const which =
    typeof left === 'string' ? 'some of them' : left.map((member) => member.pid).join(', ');
  const why = failure
    ? `SIGKILL was not sent, because ${failure.why}`
    : 'they belong to another user, or wait for a device';
  return {
    done: false,
    reason: 'survivors',
    words: `was signalled, but processes are still there (${which}): ${why}. Look at them with ps, and kill the task again.`,
  };
}
