import { updateRow } from '../persistence/database.ts';
import { PersistenceError } from '../persistence/errors.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import type { PersistedTask } from '../persistence/record.ts';
import { keepLiveDescendants, requireOwnSession } from '../persistence/taskFile.ts';
import { endGroup, taskGroup } from './endGroup.ts';
import { foreignStorage } from './host.ts';
import { identifySurvivors } from './identity.ts';
import { endListed, listedSurvivors, type ListedSurvivor } from './listedSurvivors.ts';
import { lookUp, type ProcessSnapshot, type ProcessTable } from './processTable.ts';
import { howItEnded, refusal, type Ending, type KillRequest, type Refusal } from './taskRequest.ts';
import { KnownMembers, tiesOf } from './ties.ts';

/** Has a task that has ended left processes behind that are to be ended? `snapshot`: its `lookUp`. */
export function hasSurvivors(
  table: ProcessTable,
  task: PersistedTask,
  paths: TaskPaths,
  snapshot: ProcessSnapshot,
  uid: number | undefined,
): boolean {
  const ties = tiesOf(table, paths, task.finishedAt);
  return (
    identifySurvivors(task, snapshot, uid, ties).kind === 'same' ||
    listedSurvivors(table, untilNow(task), uid, ties).some(
      (survivor) => survivor.refusal === undefined,
    )
  );
}

/**
 * Ends what a task that has ended left behind: its group, as AFT's kill of such a task does, and the
 * processes that AFT lists and that have left the group since. What has ended goes off the record's
 * `live_descendants`, in the row too; nothing else changes.
 */
export async function killSurvivors(request: KillRequest, task: PersistedTask): Promise<Ending> {
  const { table, uid } = request;
  if (foreignStorage(request.facts) !== undefined) return alreadyEnded(task);
  const ties = tiesOf(table, request.paths, task.finishedAt);
  const identify = (known: KnownMembers) =>
    identifySurvivors(task, lookUp(table, [task]), uid, known.and(ties));
  const ended = untilNow(task);
  const look = (signalled?: ReadonlySet<number>): ListedSurvivor[] =>
    listedSurvivors(table, ended, uid, ties, signalled);

  const before = look();
  const identity = identify(new KnownMembers());
  const isGroupOver = identity.kind === 'gone' || identity.kind === 'stranger';
  if (isGroupOver && before.length === 0) return alreadyEnded(task);
  const endOwnGroup = async (): Promise<Refusal | Ending | undefined> => {
    if (isGroupOver) return undefined;
    if (identity.kind !== 'same') return refusal(request, task, identity);
    const failure = await endGroup(request, taskGroup(task, identify));
    if (failure === undefined) return undefined;
    return 'outlived' in failure ? failure.outlived : failure.unsignalled;
  };
  const [failure, left] = await Promise.all([endOwnGroup(), endListed(request, look)]);
  if (failure !== undefined) return 'words' in failure ? failure : refused(task, [failure]);

  const whys = left.map((survivor) => survivor.refusal ?? outlived(survivor));
  if (isGroupOver && left.length === before.length) return refused(task, whys);
  const isLeft = new Set(left.map(({ listed }) => listed.pid));
  return recordLeft(request, (pid) => isLeft.has(pid), whys);
}

/** An end that is to come tells only that it was before now. */
function untilNow(task: PersistedTask): PersistedTask {
  const { finishedAt } = task;
  return { ...task, finishedAt: finishedAt && Math.min(finishedAt, Date.now()) };
}

export function alreadyEnded(task: PersistedTask): Ending {
  return {
    done: false,
    reason: 'already-ended',
    words: `has already ended (${howItEnded(task)}). Nothing was signalled.`,
  };
}

function refused(task: PersistedTask, refusals: readonly Refusal[]): Ending {
  return {
    done: false,
    reason: refusals[0]?.reason,
    words: `has already ended (${howItEnded(task)}), and what may be left of it was not ended: ${clauses(refusals)}.`,
  };
}

function outlived({ listed: { pid } }: ListedSurvivor): Refusal {
  return { reason: 'survivors', why: `process ${pid} was signalled, and is still there` };
}

function clauses(refusals: readonly Refusal[]): string {
  return refusals.map(({ why }) => why).join('; ');
}

/** Brings AFT's list into agreement with what is left. */
async function recordLeft(
  { storageDirectory, harness, paths, note }: KillRequest,
  isLeft: (pid: number) => boolean,
  refusals: readonly Refusal[],
): Promise<Ending> {
  const isDone = refusals.length === 0;
  const words = isDone
    ? 'had already ended; the processes that it left behind have ended now'
    : `had already ended; processes that it left behind have ended now, but not all: ${clauses(refusals)}`;
  const ending = (reason: Ending['reason'], end: string): Ending => ({
    done: isDone,
    reason: isDone ? reason : refusals[0]?.reason,
    words: `${words}${end}`,
  });
  note.begin();
  try {
    const written = keepLiveDescendants(paths, ({ pid }) => isLeft(pid));
    if (written === undefined) return ending(undefined, '.');
    requireOwnSession(paths, written);
    const row = await updateRow(storageDirectory, harness, paths, written);
    if (row.problem === undefined) return ending(undefined, '.');
    return ending('row-not-updated', `, but ${row.problem}. AFT may go on listing them.`);
  } catch (error) {
    if (!PersistenceError.is(error)) throw error;
    return ending(error.reason, `. That could not be recorded: ${error.message}`);
  }
}
