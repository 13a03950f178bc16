import { updateRow } from './database.ts';
import type { Outcome } from './outcome.ts';
import type { TaskPaths } from './paths.ts';
import { isTerminal, type PersistedTask } from './record.ts';
import { alreadyEnded, done, doneButRow, refused } from './taskOutcome.ts';
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
): Promise<Outcome> {
  const { taskId } = paths;
  let written: PersistedTask;
  try {
    const task = readTask(paths);
    if (isTerminal(task)) return ended(task);
    requireOwnSession(paths, task);
    if (task.schemaVersion === 1) return tooOld(taskId);
    written = updateTask(paths, (current) =>
      isTerminal(current)
        ? current
        : { ...current, completionDelivered: true, notifyOnCompletion: false },
    );
    if (isTerminal(written)) return ended(written);
  } catch (error) {
    return refused(taskId, 'was not changed', error);
  }
  const words = 'ends without a message to its agent, unless AFT itself kills it';
  const row = await updateRow(storageDirectory, harness, paths, written);
  if (row.problem === undefined) return done(taskId, words);
  return doneButRow(taskId, words, row, 'An AFT that starts before the end may tell its agent.');
}

function ended(task: PersistedTask): Outcome {
  return alreadyEnded(task, 'If its agent has not been told yet, mark it delivered.');
}

function tooOld(taskId: string): Outcome {
  return {
    done: false,
    reason: 'unsupported-schema',
    message: `Task ${taskId} was not changed: the AFT that wrote its record (schema_version 1) always tells its agent. Mark it delivered when it has ended.`,
    details: undefined,
  };
}
