import { errorText, PersistenceError } from '../persistence/errors.ts';
import type { Outcome, OutcomeReason } from '../persistence/outcome.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import type { PersistedTask } from '../persistence/record.ts';
import type { StorageFacts } from './host.ts';
import { identify, type Identity } from './identity.ts';
import { isStarting } from './liveness.ts';
import { elsewhere, projectsOwnedElsewhere } from './owners.ts';
import { lookUp, type ProcessTable } from './processTable.ts';
import { KnownMembers, tiesOf } from './ties.ts';

export interface Clock {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

/** What an action on a task's processes, and on what is recorded of them, needs. */
export interface TaskRequest {
  readonly storageDirectory: string;
  /** The harness directory's name; absent for tasks at the storage's root level. */
  readonly harness: string | undefined;
  readonly paths: TaskPaths;
  readonly table: ProcessTable;
  readonly facts: StorageFacts;
  /** Who we are; undefined where the system has no user numbers. */
  readonly uid: number | undefined;
  readonly clock: Clock;
  /** Told what is being done, in words for the user. */
  readonly onStep: (step: string) => void;
}

/** Notes that an action is under way, for the start after one that was cut off. */
export interface Note {
  readonly begin: () => void;
  readonly end: () => void;
}

/** A request that ends processes. */
export interface KillRequest extends TaskRequest {
  readonly note: Note;
}

/** How an action ended. */
export interface Ending {
  readonly done: boolean;
  readonly reason: OutcomeReason | undefined;
  /** What comes after "Task <id> ". */
  readonly words: string;
}

/** Why an action was refused. */
export interface Refusal {
  readonly reason: OutcomeReason;
  /** A clause in words for the user. */
  readonly why: string;
}

export const untouched = 'Nothing was signalled and its record was not changed.';

/**
 * Makes an outcome of an action: its steps with their times are the details, and what files or
 * records said no to is a refusal. Rejects only for what nobody expected.
 * @param failed what comes before the error's message, after "Task <id> "
 */
export async function settle<R extends TaskRequest>(
  request: R,
  failed: string,
  act: (request: R) => Promise<Ending>,
): Promise<Outcome> {
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
    const ending = await act({ ...request, onStep });
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
      message: `Task ${taskId} ${failed}. ${error.message}`,
      details: [...steps, errorText(error)].join('\n'),
    };
  }
}

/** Is the process that the record names the task's, at this moment? */
export function identityOf(
  { paths, table, uid }: TaskRequest,
  task: PersistedTask,
  known = new KnownMembers(),
): Identity {
  return identify(task, lookUp(table, [task]), uid, known.and(tiesOf(table, paths, undefined)));
}

/** As `identityOf`, for a task of which nobody knows yet where it runs. */
export function placedIdentityOf(request: TaskRequest, task: PersistedTask): Identity {
  const { storageDirectory, table, clock } = request;
  const identity = identityOf(request, task);
  if (identity.kind !== 'gone' && identity.kind !== 'stranger') return identity;
  return elsewhere(identity, task, projectsOwnedElsewhere(storageDirectory, table, clock.now()));
}

/** Why a task's processes are not to be signalled. */
export function refusal(
  { clock }: TaskRequest,
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

export function howItEnded({ status, exitCode }: PersistedTask): string {
  const words = status.replace('_', ' ');
  return exitCode === undefined ? words : `${words}, exit code ${exitCode}`;
}

/** Asks again and again until there is an answer or the time is over, without trusting the clock. */
export async function poll<T>(
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
const pollMs = 50;
