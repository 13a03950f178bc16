import { bundleSize, deleteTaskBundle } from './bundle.ts';
import { deleteRow } from './database.ts';
import type { Outcome } from './outcome.ts';
import { refuseTwoLayouts, type TaskPaths } from './paths.ts';
import { isTerminal, type PersistedTask } from './record.ts';
import { requireSafeParents } from './safeFile.ts';
import { readTask, requireOwnSession } from './taskFile.ts';
import { busy, done, doneButRow, notTerminal, refused } from './taskOutcome.ts';
import {
  createEntry,
  discard,
  finishDelete,
  hasRecord,
  moveIn,
  moveOut,
  systemTrash,
  type NewEntry,
  type TrashSystem,
} from './trash.ts';
import { modeOf, trashParts } from './trashPlace.ts';

/** What became of a deletion, and where in the trash the task is. */
export type DeleteOutcome = Outcome & {
  /** For `undoDelete`; absent where the task was not deleted, or for good. */
  readonly trashEntry: string | undefined;
};

export interface DeleteOptions {
  /** Into the trash, or for good? */
  readonly keep?: boolean;
  readonly system?: TrashSystem;
}

/**
 * Deletes a task that has ended: its files go into the storage's trash, then its row in AFT's
 * database. Refuses a task that goes on, and one whose record can't be read, since it may be one.
 * Never throws for what can be expected. `harness`: the harness directory's name; absent for tasks
 * at the storage's root level.
 */
export async function deleteTask(
  storageDirectory: string,
  harness: string | undefined,
  paths: TaskPaths,
  { keep = true, system = systemTrash }: DeleteOptions = {},
): Promise<DeleteOutcome> {
  const { taskId } = paths;
  let task: PersistedTask;
  try {
    task = readTask(paths);
    if (!isTerminal(task)) return inNoTrash(notTerminal(task, 'deleted'));
    requireOwnSession(paths, task);
    refuseTwoLayouts(paths);
  } catch (error) {
    return inNoTrash(refused(taskId, 'was not deleted', error));
  }
  return keep
    ? await moveToTrash(storageDirectory, harness, paths, task, system)
    : inNoTrash(await deleteForGood(storageDirectory, harness, paths, task.sessionId, system));
}

async function moveToTrash(
  storageDirectory: string,
  harness: string | undefined,
  paths: TaskPaths,
  task: PersistedTask,
  system: TrashSystem,
): Promise<DeleteOutcome> {
  const { layout, taskId } = paths;
  let created: NewEntry | 'busy';
  try {
    requireSafeParents(storageDirectory, paths.json);
    const facts = {
      layout,
      sessionId: task.sessionId,
      sessionMode: modeOf(paths.sessionDir) ?? 0o700,
      command: task.command.slice(0, 1000),
      status: task.status,
      ...bundleSize(paths),
    };
    created = createEntry(storageDirectory, harness, paths, facts, system);
  } catch (error) {
    return inNoTrash(refused(taskId, 'was not deleted', error));
  }
  if (created === 'busy') return inNoTrash(busy(taskId));
  try {
    return await moveClaimed(created, paths, system);
  } finally {
    created.release();
  }
}

async function moveClaimed(
  { journal, place }: NewEntry,
  paths: TaskPaths,
  system: TrashSystem,
): Promise<DeleteOutcome> {
  const { layout, taskId } = paths;
  try {
    moveIn(place, layout, system);
    // Another window, or AFT, has been faster.
    if (!hasRecord(place, layout)) readTask(paths);
  } catch (error) {
    const outcome = refused(taskId, 'could not be deleted', error);
    try {
      moveOut(place, trashParts(place, layout), system);
      discard(place, system);
    } catch (failure) {
      // The journal stays, and the next start tries to bring it back.
      return inNoTrash(refused(taskId, 'could not be deleted, or not completely', failure));
    }
    return inNoTrash(outcome);
  }
  const row = await finishDelete(place, journal, system);
  const outcome =
    row.problem === undefined
      ? done(taskId, 'is deleted')
      : doneButRow(
          taskId,
          'is deleted',
          row,
          'AFT may go on answering for it. Its row is tried again at the next start.',
        );
  return { ...outcome, trashEntry: place.entry };
}

async function deleteForGood(
  storageDirectory: string,
  harness: string | undefined,
  paths: TaskPaths,
  sessionId: string,
  system: TrashSystem,
): Promise<Outcome> {
  const { taskId } = paths;
  try {
    deleteTaskBundle(paths);
  } catch (error) {
    return refused(taskId, 'could not be deleted, or not completely', error);
  }
  const row = await deleteRow(storageDirectory, { harness, sessionId, taskId }, system.database);
  if (row.problem === undefined) return done(taskId, 'is deleted');
  return doneButRow(taskId, 'is deleted', row, 'AFT may go on answering for it.');
}

function inNoTrash(outcome: Outcome): DeleteOutcome {
  return { ...outcome, trashEntry: undefined };
}
