import type { RowOutcome } from './database.ts';
import { PersistenceError, type PersistenceReason } from './errors.ts';
import type { Outcome, OutcomeReason } from './outcome.ts';
import type { PersistedTask } from './record.ts';

/** All of an action is done. */
export function done(taskId: string, words: string): Outcome {
  return { done: true, reason: undefined, message: `Task ${taskId} ${words}.`, details: undefined };
}

/** Nothing is done. */
export function notDone(reason: OutcomeReason, message: string): Outcome {
  return { done: false, reason, message, details: undefined };
}

/** The files are done, the row in AFT's database is not. */
export function doneButRow(
  taskId: string,
  words: string,
  row: RowOutcome,
  consequence: string,
): Outcome {
  return {
    done: true,
    reason: 'row-not-updated',
    message: `Task ${taskId} ${words}, but ${row.problem ?? row.result}. ${consequence}`,
    details: `database row: ${row.result}`,
  };
}

/** The action needs a task that has ended. */
export function notTerminal(
  task: PersistedTask,
  action: string,
  advice = 'Kill it first, or wait for its end.',
): Outcome {
  return notDone(
    'not-terminal',
    `Task ${task.taskId} is ${task.status}; only a task that has ended can be ${action}. ${advice}`,
  );
}

/** The action needs a task that goes on. */
export function alreadyEnded(task: PersistedTask, consequence: string): Outcome {
  const { taskId, status } = task;
  return notDone(
    'already-ended',
    `Task ${taskId} has already ended (${status.replace('_', ' ')}). ${consequence}`,
  );
}

const untouched = ' Its files were left as they are.';
const advice: Readonly<Record<PersistenceReason, string>> = {
  'not-found': ' It may be gone already: refresh the explorer.',
  'unsupported-schema': '',
  corrupt: untouched,
  mismatch: untouched,
  'unsafe-path': untouched,
  io: '',
};

/** The files said no. Throws what is no PersistenceError. */
export function refused(taskId: string, words: string, error: unknown): Outcome {
  if (!PersistenceError.is(error)) throw error;
  const { cause, reason } = error;
  return {
    done: false,
    reason,
    message: `Task ${taskId} ${words}: ${error.message}${advice[reason]}`,
    details: cause instanceof Error ? (cause.stack ?? cause.message) : undefined,
  };
}

/** Another window has begun something with the task. */
export function busy(taskId: string): Outcome {
  return notDone(
    'busy',
    `Another window is at work on task ${taskId}. Look at it again in a moment.`,
  );
}
