import { updateRow } from '../persistence/database.ts';
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

/**
 * Gives AFT its time to record the end of a task whose processes have ended; where none does, the
 * record and the row are written here.
 * @param words what has happened to the task; comes after "Task <id> "
 * @param end the record of the end
 */
export async function recordEnd(
  request: TaskRequest,
  words: string,
  end: (task: PersistedTask) => PersistedTask,
): Promise<Ending> {
  const { storageDirectory, harness, paths, onStep } = request;
  try {
    onStep('Giving AFT time to record the end');
    const recorded = await recordedByAft(request);
    if (recorded) return byAft(recorded, words);
    onStep('Recording the end: no AFT did');
    const before = readTask(paths);
    if (isTerminal(before)) return byAft(before, words);
    const written = updateTask(paths, (task) => (isTerminal(task) ? task : end(task)));
    requireOwnSession(paths, written);
    onStep("Bringing AFT's database into agreement");
    const row = await updateRow(storageDirectory, harness, paths, written);
    const recordedHere = `${words}. No AFT recorded that, so it was recorded from here (${howItEnded(written)})`;
    return row.problem === undefined
      ? { done: true, reason: undefined, words: `${recordedHere}.` }
      : {
          done: true,
          reason: 'row-not-updated',
          words: `${recordedHere}, but ${row.problem}. AFT looks at the task itself at its next start, and may record another reason or time.`,
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

export function byAft(task: PersistedTask, words: string): Ending {
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
