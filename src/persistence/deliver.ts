import { systemWrites, type WriteSystem } from './atomicWrite.ts';
import { markRowDelivered } from './database.ts';
import type { Outcome } from './outcome.ts';
import type { TaskPaths } from './paths.ts';
import { isTerminal, type PersistedTask } from './record.ts';
import { done, doneButRow, notTerminal, refused } from './taskOutcome.ts';
import { readTask, requireOwnSession, updateTask } from './taskFile.ts';

const untilThen = 'Until then, “Don’t Notify the Agent” keeps its agent from being told.';

/**
 * Notes that a task's agent has been told of its end, in the record and then in AFT's database,
 * and changes nothing else. Tasks that have not ended are refused. Never throws for what can be
 * expected. `harness`: the harness directory's name; absent for tasks at the storage's root level.
 */
export async function markTaskDelivered(
  storageDirectory: string,
  harness: string | undefined,
  paths: TaskPaths,
  system: WriteSystem = systemWrites,
): Promise<Outcome> {
  const { taskId } = paths;
  let sessionId: string;
  let already: boolean;
  try {
    const task = readTask(paths);
    if (!isTerminal(task)) return notTerminal(task, 'marked delivered', untilThen);
    requireOwnSession(paths, task);
    sessionId = task.sessionId;
    already = task.completionDelivered;
    if (!already) {
      const deliver = (current: PersistedTask): PersistedTask =>
        isTerminal(current) ? { ...current, completionDelivered: true } : current;
      const written = updateTask(paths, deliver, system);
      if (!isTerminal(written)) return notTerminal(written, 'marked delivered');
    }
  } catch (error) {
    return refused(taskId, 'was not marked delivered', error);
  }
  const row = await markRowDelivered(storageDirectory, { harness, sessionId, taskId });
  const words = already ? 'was marked delivered already' : 'is marked delivered';
  if (row.problem === undefined) return done(taskId, words);
  return doneButRow(
    taskId,
    words,
    row,
    'AFT may tell its agent of the end once more. Mark it delivered again to try anew.',
  );
}
