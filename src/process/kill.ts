import { rmSync } from 'node:fs';
import { atomicWrite } from '../persistence/atomicWrite.ts';
import { errorText, PersistenceError } from '../persistence/errors.ts';
import { readExitMarker, writeKillMarkerIfAbsent } from '../persistence/exitMarker.ts';
import type { ExitMarker } from '../persistence/exitMarker.ts';
import type { Outcome, OutcomeReason } from '../persistence/outcome.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import { isTerminal, markTerminal } from '../persistence/record.ts';
import type { PersistedTask } from '../persistence/record.ts';
import { readTask, updateTask } from '../persistence/taskFile.ts';
import { foreignStorage } from './host.ts';
import type { StorageFacts } from './host.ts';
import { identify } from './identity.ts';
import type { Identity } from './identity.ts';
import { isStarting } from './liveness.ts';
import { leaderPid, liveMembers, lookUp } from './processTable.ts';
import type { GroupSignal, ProcessInfo, ProcessTable, SignalResult } from './processTable.ts';

export interface Clock {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

export interface KillRequest {
  readonly paths: TaskPaths;
  readonly table: ProcessTable;
  readonly facts: StorageFacts;
  /** Who we are; undefined where the system has no user numbers. */
  readonly uid: number | undefined;
  readonly clock: Clock;
  /** Told what is being done, in words for the user. */
  readonly onStep: (step: string) => void;
}

/** How long a group has to end after each signal: AFT's own time. */
const graceMs = 2000;
/** How long AFT has to record the end. It looks every 500 ms, and took up to 2.1 s. */
const recordingMs = 2500;
const pollMs = 50;
/** 128 + SIGKILL, which is what AFT writes. */
const killedExitCode = 137;
const statusReason = 'killed from AFT Task Explorer';

/**
 * Ends a task's processes and sees to it that the end is recorded: by AFT where one runs, else by
 * us, in a way that the AFT started next agrees with. Never rejects for an expected refusal.
 *
 * The order is the one that was tried with AFT 0.19.6 and 0.57.2: identity, exit marker, SIGTERM
 * at once (an AFT that sees the marker waits for the process, and answers nobody meanwhile),
 * SIGKILL, AFT's time to record, and only then our own record. Identity is checked before each
 * signal. A kill that was begun by someone (a `killing` record, or a marker that says `killed`)
 * and got stuck is carried on.
 */
export async function killTask(request: KillRequest): Promise<Outcome> {
  const { taskId } = request.paths;
  const started = request.clock.now();
  const steps: string[] = [];
  const onStep = (step: string): void => {
    steps.push(`${request.clock.now() - started} ms: ${step}`);
    try {
      request.onStep(step);
    } catch {
      // Whoever watches may be gone; between marker and signal nothing may stop us.
    }
  };
  try {
    const ending = await kill({ ...request, onStep });
    return {
      done: ending.done,
      reason: ending.reason,
      message: `Task ${taskId} ${ending.words}`,
      details: steps.join('\n') || undefined,
    };
  } catch (error) {
    if (!PersistenceError.is(error)) throw error;
    return {
      done: false,
      reason: error.partial?.remote === true ? 'remote' : error.reason,
      message: `Task ${taskId} was not killed. ${error.message}`,
      details: [...steps, errorText(error)].join('\n'),
    };
  }
}

interface Ending {
  readonly done: boolean;
  readonly reason: OutcomeReason | undefined;
  /** What comes after "Task <id> ". */
  readonly words: string;
}

const untouched = 'Nothing was signalled and its record was not changed.';

interface Refusal {
  readonly reason: OutcomeReason;
  /** A clause in words for the user. */
  readonly why: string;
}

function refused({ reason, why }: Refusal): Ending {
  return { done: false, reason, words: `was not killed: ${why}. ${untouched}` };
}

async function kill(request: KillRequest): Promise<Ending> {
  const { paths } = request;
  const task = readTask(paths);
  if (isTerminal(task)) return alreadyEnded(task);
  if (task.remote) return refused({ reason: 'remote', why: 'it runs on another machine' });
  const foreign = foreignStorage(request.facts);
  if (foreign !== undefined) return refused({ reason: 'unknown-process', why: foreign });
  const marker = readExitMarker(paths);
  if (marker?.kind === 'code') return endedByItself(marker.code);

  const identity = identityOf(request, task);
  const begun = task.status === 'killing' || marker?.kind === 'killed';
  if (identity.kind === 'same') return endGroup(request, task, marker !== undefined);
  if (identity.kind === 'gone' && begun) return finishKill(request, marker !== undefined);
  return refused(refusal(request, task, identity));
}

function alreadyEnded(task: PersistedTask): Ending {
  return {
    done: false,
    reason: 'already-ended',
    words: `has already ended (${howItEnded(task)}). Nothing was signalled.`,
  };
}

function endedByItself(code: number): Ending {
  return {
    done: false,
    reason: 'already-ended',
    words: `has already ended, with exit code ${code}. AFT records that when it runs. ${untouched}`,
  };
}

function howItEnded({ status, exitCode }: PersistedTask): string {
  const words = status.replace('_', ' ');
  return exitCode === undefined ? words : `${words}, exit code ${exitCode}`;
}

function refusal(
  { clock }: KillRequest,
  task: PersistedTask,
  identity: Exclude<Identity, { kind: 'same' }>,
): Refusal {
  switch (identity.kind) {
    case 'other-user':
      return { reason: 'other-user', why: `${identity.reason}, so only that user can kill it` };
    case 'stranger':
      return { reason: 'not-same-process', why: identity.reason };
    case 'unknown':
      return { reason: 'unknown-process', why: identity.reason };
    case 'gone':
      return isStarting(task, clock.now())
        ? { reason: 'unknown-process', why: 'it is just being started; try again in a moment' }
        : {
            reason: 'process-gone',
            why: `${identity.reason}, so there is nothing to kill`,
          };
  }
}

/** Signals the group, from the exit marker to the record of the end. */
async function endGroup(
  request: KillRequest,
  task: PersistedTask,
  isMarked: boolean,
): Promise<Ending> {
  const { paths, table, onStep } = request;
  // Asked first, so that no marker is written for processes that can't be signalled.
  const permission = table.signalGroup(groupOf(task), 0);
  if (permission === 'gone' && !isMarked) return refused(refusal(request, task, processGone));
  if (permission === 'not-permitted' || permission === 'forbidden') {
    return refused(notSignalled(permission));
  }

  if (!isMarked) {
    const marker = mark(paths);
    if (marker.kind === 'code') return endedByItself(marker.code);
  }
  // No pause between the marker and the signal.
  const failure = signalTask(request, task, table.hasGroups ? 'SIGTERM' : 'SIGKILL');
  if (failure) {
    if (!isMarked) takeBackMarker(paths);
    return refused(failure);
  }
  onStep('Waiting for its processes to end');
  let left = await waitForEnd(request, task);
  if (left !== 'none' && table.hasGroups) {
    onStep('Ending by force the processes that did not end when asked');
    const failure = signalTask(request, task, 'SIGKILL');
    if (failure) return outlived(left, failure);
    left = await waitForEnd(request, task);
  }
  if (left !== 'none') return outlived(left);
  return recordEnd(request, 'was killed');
}

/** Carries on a kill whose processes have ended and whose record has not been written. */
async function finishKill(request: KillRequest, isMarked: boolean): Promise<Ending> {
  const { paths, clock, onStep } = request;
  const words = 'was being killed, and its processes have ended';
  if (!isMarked) {
    onStep('Its processes have ended: giving AFT time to record that');
    const ended = await poll(clock, recordingMs, () => readEnded(paths));
    if (ended) return recordedByAft(ended, words);
    // AFT 0.57.2 can't finish the kill of a task that it took over after a restart: it fails to
    // write the marker. All that was seen above may have changed meanwhile.
    const task = readTask(paths);
    const identity = identityOf(request, task);
    if (identity.kind === 'same') return endGroup(request, task, false);
    if (identity.kind !== 'gone') return refused(refusal(request, task, identity));
    const marker = mark(paths);
    if (marker.kind === 'code') return endedByItself(marker.code);
  }
  return recordEnd(request, words);
}

/** Gives AFT its time to record the end, then records it. The processes have ended. */
async function recordEnd(request: KillRequest, words: string): Promise<Ending> {
  const { paths, clock, onStep } = request;
  try {
    onStep('Giving AFT time to record the end');
    const recorded = await poll(clock, recordingMs, () => readEnded(paths));
    if (recorded) return recordedByAft(recorded, words);
    onStep('Recording the end: no AFT did');
    const written = updateTask(paths, (task) =>
      isTerminal(task)
        ? task
        : markTerminal(task, 'killed', killedExitCode, statusReason, clock.now()),
    );
    return {
      done: true,
      reason: undefined,
      words: `${words}. No AFT recorded that, so it was recorded from here (${howItEnded(written)}).`,
    };
  } catch (error) {
    if (!PersistenceError.is(error)) throw error;
    const what =
      error.reason === 'not-found'
        ? 'Its record has been deleted meanwhile.'
        : `That could not be recorded; AFT does at its next start. ${error.message}`;
    return { done: true, reason: error.reason, words: `${words}. ${what}` };
  }
}

function recordedByAft(task: PersistedTask, words: string): Ending {
  return {
    done: true,
    reason: undefined,
    words: `${words}. AFT has recorded that (${howItEnded(task)}).`,
  };
}

/** The record, once it is terminal. Throws `not-found` when it has been deleted. */
function readEnded(paths: TaskPaths): PersistedTask | undefined {
  try {
    const task = readTask(paths);
    return isTerminal(task) ? task : undefined;
  } catch (error) {
    if (!PersistenceError.is(error) || error.reason === 'not-found') throw error;
    // Whatever it is, it counts only if it lasts.
    return undefined;
  }
}

const processGone = { kind: 'gone', reason: 'its process has just ended by itself' } as const;

function identityOf({ table, uid }: KillRequest, task: PersistedTask): Identity {
  return identify(task, lookUp(table, [task]), uid);
}

/** The group of a task whose identity is known. */
function groupOf(task: PersistedTask): number {
  const group = leaderPid(task);
  if (group === undefined) throw new Error(`task ${task.taskId} has no process`);
  return group;
}

/** Puts `killed` into the exit marker unless the command's end is there. Answers what is there now. */
function mark(paths: TaskPaths): ExitMarker {
  writeKillMarkerIfAbsent(paths);
  const marker = readExitMarker(paths);
  if (marker) return marker;
  throw new PersistenceError(
    'corrupt',
    `The exit marker ${paths.exit} holds something that AFT never writes. Remove it and try again. ${untouched}`,
    { path: paths.exit },
  );
}

/** An AFT that sees `killed` waits for the process to end: it must not stay if nothing was signalled. */
function takeBackMarker(paths: TaskPaths): void {
  if (paths.layout === 'flat') rmSync(paths.exit);
  else atomicWrite(paths.exit, '', paths.taskId, 'aft');
}

/** Signals the task's group if it still is the task's. Answers why it was not, and live processes are there. */
function signalTask(
  request: KillRequest,
  task: PersistedTask,
  signal: GroupSignal,
): Refusal | undefined {
  const identity = identityOf(request, task);
  if (identity.kind === 'gone') return undefined;
  if (identity.kind !== 'same') return refusal(request, task, identity);
  const result = request.table.signalGroup(groupOf(task), signal);
  request.onStep(`${signal} to group ${groupOf(task)}: ${result}`);
  if (result === 'sent' || result === 'gone') return undefined;
  // macOS does not permit to signal zombies.
  return processesLeft(request, task) === 'none' ? undefined : notSignalled(result);
}

function notSignalled(result: Exclude<SignalResult, 'sent' | 'gone'>): Refusal {
  return result === 'forbidden'
    ? { reason: 'not-same-process', why: 'its record names a group that this program itself is in' }
    : { reason: 'other-user', why: 'the system does not let this user signal its processes' };
}

/** Live processes of the task's group; `hidden`: there are some, and the system doesn't say which. */
type Left = 'none' | 'hidden' | readonly ProcessInfo[];

function processesLeft({ table }: KillRequest, task: PersistedTask): Left {
  const group = table.snapshot([], [groupOf(task)]).groups.get(groupOf(task));
  if (group?.state === 'hidden') return 'hidden';
  const members = liveMembers(group).filter(
    // Without groups, a child of an earlier process with this number looks like one of the task's.
    (member) =>
      member.pgid !== undefined || member.startedAt + member.startPrecisionMs >= task.startedAt,
  );
  return members.length === 0 ? 'none' : members;
}

async function waitForEnd(request: KillRequest, task: PersistedTask): Promise<Left> {
  const ended = await poll(request.clock, graceMs, () =>
    processesLeft(request, task) === 'none' ? true : undefined,
  );
  return ended ? 'none' : processesLeft(request, task);
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

/** Asks again and again until there is an answer or the time is over, without trusting the clock. */
async function poll<T>(
  clock: Clock,
  limitMs: number,
  ask: () => T | undefined,
): Promise<T | undefined> {
  for (let waited = 0; ; waited += pollMs) {
    const answer = ask();
    if (answer !== undefined || waited >= limitMs) return answer;
    await clock.sleep(pollMs);
  }
}
