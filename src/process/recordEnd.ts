import { updateRow, type RowOutcome } from '../persistence/database.ts';
import { PersistenceError } from '../persistence/errors.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import { isTerminal, type PersistedTask } from '../persistence/record.ts';
import { readTask, requireOwnSession, updateTask } from '../persistence/taskFile.ts';
import { howItEnded, poll, type Ending, type TaskRequest } from './taskRequest.ts';

/** How long AFT has to record the end. It looks every 500 ms, and took up to 2.1 s. */
const recordingMs = 2500;

/** Waits until AFT has recorded the end. Absent: it did not, in its time. Throws `not-found`. */
export function recordedByAft({ paths, clock }: TaskRequest): Promise<PersistedTask | undefined> {
  return poll(clock, recordingMs, () => readEnded(paths));
}

/** An end that is to be recorded. */
export interface End {
  /** What has happened to the task, by the record of its end; comes after "Task <id> ". */
  readonly words: (ended: Pick<PersistedTask, 'status'>) => string;
  /** The record of the end, where no AFT writes one. */
  readonly record: (task: PersistedTask) => PersistedTask;
  /** Asked right before that is written: why it must not be, if so. */
  readonly obstacle?: (task: PersistedTask) => Ending | undefined;
}

/**
 * Gives AFT its time to record the end of a task whose processes have ended; where none does, the
 * record and the row are written here.
 */
export async function recordEnd(request: TaskRequest, end: End): Promise<Ending> {
  const { storageDirectory, harness, paths, onStep } = request;
  let words = end.words({ status: 'killed' });
  try {
    onStep('Giving AFT time to record the end');
    const recorded = await recordedByAft(request);
    if (recorded) return byAft(recorded, end);
    onStep('Recording the end: no AFT did');
    const before = readTask(paths);
    if (isTerminal(before)) return byAft(before, end);
    const obstacle = end.obstacle?.(before);
    if (obstacle !== undefined) return obstacle;
    let isOurs = false as boolean;
    const written = updateTask(paths, (task) => {
      isOurs = !isTerminal(task);
      if (!isOurs) return task;
      requireOwnSession(paths, task);
      return end.record(task);
    });
    if (!isOurs) return byAft(written, end);
    words = end.words(written);
    onStep("Bringing AFT's database into agreement");
    let row = await updateRow(storageDirectory, harness, paths, written);
    // Another window may have recorded the end at the same time: its record is there, and our row.
    const there = readTask(paths);
    if (there.finishedAt !== written.finishedAt || there.status !== written.status) {
      row = await updateRow(storageDirectory, harness, paths, there);
    }
    const recordedHere = `${words}. No AFT recorded that, so it was recorded from here (${howItEnded(written)})`;
    return row.problem === undefined
      ? { done: true, reason: undefined, words: `${recordedHere}.` }
      : {
          done: true,
          reason: 'row-not-updated',
          words: `${recordedHere}, but ${row.problem}. ${rowLater}`,
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

/** What becomes of a row that could not be written. */
export const rowLater =
  'AFT looks at the task itself at its next start, and may record another reason or time. When the editor starts next, the row is tried again.';

/** Finishes what was cut off between a record of ours and its row. Throws `mismatch`. */
export function agreeRow(
  { storageDirectory, harness, paths }: TaskRequest,
  task: PersistedTask,
): Promise<RowOutcome> {
  requireOwnSession(paths, task);
  return updateRow(storageDirectory, harness, paths, task);
}

export function byAft(task: PersistedTask, { words }: Pick<End, 'words'>): Ending {
  return {
    done: true,
    reason: undefined,
    words: `${words(task)}. AFT has recorded its end: ${howItEnded(task)}.`,
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
