import { bundleSize, deleteTaskBundle } from './bundle.ts';
import { deleteRow, type RowOutcome } from './database.ts';
import { PersistenceError } from './errors.ts';
import type { Outcome } from './outcome.ts';
import { refuseTwoLayouts, type TaskPaths } from './paths.ts';
import { isTerminal } from './record.ts';
import { requireSafeParents } from './safeFile.ts';
import { readTask, requireOwnSession } from './taskFile.ts';
import { busy, done, doneButRow, notTerminal, refused } from './taskOutcome.ts';
import {
  createEntry,
  discard,
  finishDelete,
  hasRecord,
  isOtherFileSystem,
  moveIn,
  systemTrash,
  takeBack,
  unlessRefused,
  type NewEntry,
  type TrashSystem,
} from './trash.ts';
import type { Journal } from './trashJournal.ts';
import { modeOf, type TrashPlace } from './trashPlace.ts';

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
 * Deletes a task that has ended: its files go into the storage's trash, then its row goes from
 * AFT's database; for good, its entry then goes from the trash, so that a crash leaves no half of
 * it. Refuses a task that goes on, and one whose record can't be read, since it may be one. Never
 * throws for what can be expected. `harness`: the harness directory's name; absent for tasks at the
 * storage's root level.
 */
export async function deleteTask(
  storageDirectory: string,
  harness: string | undefined,
  paths: TaskPaths,
  { keep = true, system = systemTrash }: DeleteOptions = {},
): Promise<DeleteOutcome> {
  const { layout, taskId } = paths;
  let created: NewEntry | 'busy';
  try {
    const task = readTask(paths);
    if (!isTerminal(task)) return inNoTrash(notTerminal(task, 'deleted'));
    requireOwnSession(paths, task);
    refuseTwoLayouts(paths);
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
    return await moveClaimed(created, paths, keep, system);
  } finally {
    created.release();
  }
}

async function moveClaimed(
  { journal, place }: NewEntry,
  paths: TaskPaths,
  keep: boolean,
  system: TrashSystem,
): Promise<DeleteOutcome> {
  const { layout, taskId } = paths;
  try {
    moveIn(place, layout, system);
    // AFT has been faster.
    if (!hasRecord(place, layout)) throw PersistenceError.gone(paths.json);
  } catch (error) {
    const outcome = refused(taskId, 'could not be deleted', error);
    try {
      await takeBack(place, journal, system);
    } catch (failure) {
      // The journal stays, and the next start tries to bring it back.
      return inNoTrash(refused(taskId, 'could not be deleted, or not completely', failure));
    }
    if (keep || !isOtherFileSystem(error)) return inNoTrash(outcome);
    return inNoTrash(await deleteInPlace(place, journal, paths, system));
  }
  const row = await finishDelete(place, journal, system);
  const isWaiting = row.result === 'locked';
  // Where it can't be done now, the next look at the trash does it.
  if (!keep && !isWaiting) {
    unlessRefused(() => {
      discard(place, system);
    });
  }
  const outcome = deletedBut(taskId, row, keep || isWaiting);
  return keep ? { ...outcome, trashEntry: place.entry } : inNoTrash(outcome);
}

/** For bundles on another file system than the trash: the record goes last. */
async function deleteInPlace(
  { harness, storageDirectory }: TrashPlace,
  { sessionId }: Journal,
  paths: TaskPaths,
  { database }: TrashSystem,
): Promise<Outcome> {
  const { taskId } = paths;
  try {
    deleteTaskBundle(paths);
  } catch (error) {
    return refused(taskId, 'could not be deleted, or not completely', error);
  }
  const row = await deleteRow(storageDirectory, { harness, sessionId, taskId }, database);
  return deletedBut(taskId, row, false);
}

function deletedBut(taskId: string, row: RowOutcome, isTriedAgain: boolean): Outcome {
  if (row.problem === undefined) return done(taskId, 'is deleted');
  const consequence = 'AFT may go on answering for it.';
  const again = ' Its row is tried again every hour, and at the next start.';
  return doneButRow(taskId, 'is deleted', row, isTriedAgain ? consequence + again : consequence);
}

function inNoTrash(outcome: Outcome): DeleteOutcome {
  return { ...outcome, trashEntry: undefined };
}
