import { deleteTaskBundle } from './bundle.ts';
import { deleteRow } from './database.ts';
import type { Outcome } from './outcome.ts';
import { refuseTwoLayouts, type TaskPaths } from './paths.ts';
import { isTerminal } from './record.ts';
import { readTask, requireOwnSession } from './taskFile.ts';
import { done, doneButRow, notTerminal, refused } from './taskOutcome.ts';

/**
 * Deletes a task that has ended: its files, then its row in AFT's database. Refuses a task that
 * goes on, and one whose record can't be read, since it may be one. Never throws for what can be
 * expected. `harness`: the harness directory's name; absent for tasks at the storage's root level.
 */
export async function deleteTask(
  storageDirectory: string,
  harness: string | undefined,
  paths: TaskPaths,
): Promise<Outcome> {
  const { taskId } = paths;
  let sessionId: string;
  try {
    const task = readTask(paths);
    if (!isTerminal(task)) return notTerminal(task, 'deleted');
    requireOwnSession(paths, task);
    refuseTwoLayouts(paths);
    sessionId = task.sessionId;
  } catch (error) {
    return refused(taskId, 'was not deleted', error);
  }
  try {
    deleteTaskBundle(paths);
  } catch (error) {
    return refused(taskId, 'could not be deleted, or not completely', error);
  }
  const row = await deleteRow(storageDirectory, { harness, sessionId, taskId });
  if (row.problem === undefined) return done(taskId, 'is deleted');
  return doneButRow(taskId, 'is deleted', row, 'AFT may go on answering for it.');
}
