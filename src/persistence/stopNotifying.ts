import { systemWrites, type WriteSystem } from './atomicWrite.ts';
import { updateRow, type RowOutcome } from './database.ts';
import type { Outcome } from './outcome.ts';
import type { TaskPaths } from './paths.ts';
import { isTerminal, type PersistedTask } from './record.ts';
import { alreadyEnded, done, doneButRow, notDone, refused } from './taskOutcome.ts';
import { readTask, requireOwnSession, updateTask } from './taskFile.ts';

/**
 * Notes in a running task's record, and then in its row, that the agent need not be told of the
 * end. AFT 0.57.2 reads the record again when the command ends by itself, whether it started the
 * task or took it over; where AFT kills the task, it goes by its memory, or by the row that it read
 * when it started. So both are written. 0.19.6 (schema 1) writes its own memory back: refused.
 */
export async function stopNotifying(
  storageDirectory: string,
  harness: string | undefined,
  paths: TaskPaths,
  system: WriteSystem = systemWrites,
): Promise<Outcome> {
  const { taskId } = paths;
  let task: PersistedTask;
  let written: PersistedTask;
  try {
    task = readTask(paths);
    if (isTerminal(task)) return ended(task);
    requireOwnSession(paths, task);
    if (task.schemaVersion === 1) return tooOld(taskId);
    written = notify(paths, { completionDelivered: true, notifyOnCompletion: false }, system);
    if (isTerminal(written)) return ended(written);
  } catch (error) {
    return refused(taskId, 'was not changed', error);
  }
  const row = await updateRow(storageDirectory, harness, paths, written);
  if (row.result === 'terminal') return endedMeanwhile(paths, task, row, system);
  const words = 'ends without a message to its agent, unless AFT itself kills it';
  if (row.problem === undefined) return done(taskId, words);
  return doneButRow(taskId, words, row, 'An AFT that starts before the end may tell its agent.');
}

/** Changes a record while its task goes on. Answers what is there then. */
function notify(
  paths: TaskPaths,
  wish: Pick<PersistedTask, 'completionDelivered' | 'notifyOnCompletion'>,
  system: WriteSystem,
): PersistedTask {
  return updateTask(
    paths,
    (current) => (isTerminal(current) ? current : { ...current, ...wish }),
    system,
  );
}

/** AFT had the end in its database when the record was changed: what is in the record now counts. */
function endedMeanwhile(
  paths: TaskPaths,
  { taskId, completionDelivered, notifyOnCompletion }: PersistedTask,
  { problem = '' }: RowOutcome,
  system: WriteSystem,
): Outcome {
  let record: PersistedTask;
  try {
    // AFT did not take this over, and will not: a record that says otherwise would be wrong.
    record = notify(paths, { completionDelivered, notifyOnCompletion }, system);
  } catch (error) {
    return refused(taskId, 'had ended before, and its record could not be put back', error);
  }
  if (isTerminal(record)) {
    return record.notifyOnCompletion
      ? ended(record)
      : done(taskId, 'has just ended, without a message to its agent');
  }
  return notDone(
    'already-ended',
    `Task ${taskId} had ended before: ${problem}. Its record was left as it was. AFT tells its agent of the end, if it has not done so yet.`,
  );
}

function ended(task: PersistedTask): Outcome {
  return alreadyEnded(
    task,
    task.completionDelivered
      ? 'Its agent has been told, or need not be.'
      : 'AFT tells its agent of the end. Mark it delivered to prevent that.',
  );
}

function tooOld(taskId: string): Outcome {
  return notDone(
    'unsupported-schema',
    `Task ${taskId} was not changed: the AFT that wrote its record (schema_version 1) always tells its agent. Mark it delivered when it has ended.`,
  );
}
