import type { PersistedTask } from '../persistence/record.ts';
import type { Identity } from './identity.ts';
import { leaderPid, liveMembers, type GroupSignal, type ProcessInfo } from './processTable.ts';
import type { SignalResult } from './processTable.ts';
import { poll, refusal, type Ending, type Refusal, type TaskRequest } from './taskRequest.ts';

/** How long a group has to end after each signal: AFT's own time. */
const graceMs = 2000;

/** A task's group, and the question whether it still is the task's. It is asked before each signal. */
export interface TaskGroup {
  readonly task: PersistedTask;
  readonly pgid: number;
  readonly identity: () => Identity;
}

/** The group of a task whose identity is known. */
export function taskGroup(task: PersistedTask, identity: () => Identity): TaskGroup {
  const pgid = leaderPid(task);
  if (pgid === undefined) throw new Error(`task ${task.taskId} has no process`);
  return { task, pgid, identity };
}

/**
 * Signals a group, and again by force after the time that it has to end. The first signal is sent
 * before this gives way to anything else.
 * @returns absent: all of it has ended. `unsignalled`: nothing was sent.
 */
export async function endGroup(
  request: TaskRequest,
  group: TaskGroup,
): Promise<{ readonly unsignalled: Refusal } | { readonly outlived: Ending } | undefined> {
  const { table, onStep } = request;
  const unsignalled = signalTask(request, group, table.hasGroups ? 'SIGTERM' : 'SIGKILL');
  if (unsignalled) return { unsignalled };
  onStep('Waiting for its processes to end');
  let left = await waitForEnd(request, group);
  if (left !== 'none' && table.hasGroups) {
    onStep('Ending by force the processes that did not end when asked');
    const failure = signalTask(request, group, 'SIGKILL');
    if (failure) return { outlived: outlived(left, failure) };
    left = await waitForEnd(request, group);
  }
  return left === 'none' ? undefined : { outlived: outlived(left) };
}

/** Signals the group if it still is the task's. Answers why it was not, and live processes are there. */
function signalTask(
  request: TaskRequest,
  group: TaskGroup,
  signal: GroupSignal,
): Refusal | undefined {
  const identity = group.identity();
  if (identity.kind === 'gone') return undefined;
  if (identity.kind !== 'same') return refusal(request, group.task, identity);
  const result = request.table.signalGroup(group.pgid, signal);
  request.onStep(`${signal} to group ${group.pgid}: ${result}`);
  if (result === 'sent' || result === 'gone') return undefined;
  // macOS does not permit to signal zombies.
  return processesLeft(request, group) === 'none' ? undefined : notSignalled(result);
}

export function notSignalled(result: Exclude<SignalResult, 'sent' | 'gone'>): Refusal {
  return result === 'forbidden'
    ? { reason: 'not-same-process', why: 'its record names a group that this program itself is in' }
    : { reason: 'other-user', why: 'the system does not let this user signal its processes' };
}

/** Live processes of the task's group; `hidden`: there are some, and the system doesn't say which. */
type Left = 'none' | 'hidden' | readonly ProcessInfo[];

function processesLeft({ table }: TaskRequest, { task, pgid }: TaskGroup): Left {
  const group = table.snapshot([], [pgid]).groups.get(pgid);
  if (group?.state === 'hidden') return 'hidden';
  const members = liveMembers(group).filter(
    // Without groups, a child of an earlier process with this number looks like one of the task's.
    (member) =>
      member.pgid !== undefined || member.startedAt + member.startPrecisionMs >= task.startedAt,
  );
  return members.length === 0 ? 'none' : members;
}

async function waitForEnd(request: TaskRequest, group: TaskGroup): Promise<Left> {
  const ended = await poll(request.clock, graceMs, () =>
    processesLeft(request, group) === 'none' ? true : undefined,
  );
  return ended ? 'none' : processesLeft(request, group);
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
