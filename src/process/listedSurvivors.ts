import type { LiveDescendant, PersistedTask } from '../persistence/record.ts';
import { isProcessNumber, type ProcessInfo, type ProcessTable } from './processTable.ts';
import { notSignalled } from './endGroup.ts';
import { poll, type Refusal, type TaskRequest } from './taskRequest.ts';
import type { Ties } from './ties.ts';

/** A process that the record lists as left behind, that lives, and that has left the task's group. */
export interface ListedSurvivor {
  readonly listed: LiveDescendant;
  /** Why it is not to be signalled; absent: it is the task's, and ours. */
  readonly refusal: Refusal | undefined;
}

/**
 * The processes that AFT found in the group of a task at its end and that have left it since
 * (`setsid`). AFT lists a number and two names: the number's process is the one that was seen if it
 * had begun by then, and for the signal it has to have the names still, or to write to the
 * captures. What began later is somebody else's, and is not answered.
 * @param signalled those that had their names when they were signalled: one that is ending has none
 */
export function listedSurvivors(
  table: ProcessTable,
  task: PersistedTask,
  ownUid: number | undefined,
  ties: Ties,
  signalled: ReadonlySet<number> = new Set(),
): ListedSurvivor[] {
  const { liveDescendants = [], finishedAt, startedAt, pgid } = task;
  const listed = liveDescendants.slice(0, mostListed).filter(({ pid }) => isProcessNumber(pid));
  if (listed.length === 0 || !table.hasGroups || finishedAt === undefined) return [];
  const { processes } = table.snapshot(
    listed.map(({ pid }) => pid),
    [],
  );
  return listed.flatMap((entry): ListedSurvivor[] => {
    const found = processes.get(entry.pid);
    if (found?.state === 'hidden') {
      return [{ listed: entry, refusal: { reason: 'unknown-process', why: found.reason } }];
    }
    if (found?.state !== 'found') return [];
    const { process } = found;
    const wasSeen =
      process.startedAt <= finishedAt && process.startedAt + process.startPrecisionMs >= startedAt;
    if (process.zombie || process.pgid === pgid || !wasSeen) return [];
    const isKnown = signalled.has(entry.pid);
    return [{ listed: entry, refusal: whyNot(table, entry, process, ownUid, ties, isKnown) }];
  });
}

/** AFT lists no more, and counts the others: a longer list is not AFT's, and takes long to look up. */
const mostListed = 16;

function whyNot(
  table: ProcessTable,
  { pid, comm, argv0 }: LiveDescendant,
  process: ProcessInfo,
  ownUid: number | undefined,
  ties: Ties,
  isKnown: boolean,
): Refusal | undefined {
  if (process.uid !== ownUid) {
    return { reason: 'other-user', why: `process ${pid} belongs to user ${String(process.uid)}` };
  }
  if (isBesideUs(table, process)) return notSignalled('forbidden');
  if (isKnown) return undefined;
  const names = table.names?.(pid);
  if (names?.comm === comm && names.argv0 === argv0) return undefined;
  if (ties.has(process)) return undefined;
  return {
    reason: 'unknown-process',
    why: `process ${pid} was listed as ${comm}, has another name now and does not write to the task’s captures, so it can’t be told whether it is the task’s`,
  };
}

/** Is a process in our own group or session, or in an ancestor's? No task's can get in there. */
function isBesideUs(table: ProcessTable, { pgid, sid }: ProcessInfo): boolean {
  return table
    .lineage()
    .some((known) => known.pgid === pgid || (sid !== undefined && known.sid === sid));
}

/**
 * Ends what is known to be the task's among them, each identified again before each signal.
 * @returns those that live on, with the reason
 */
export async function endListed(
  { table, clock, onStep }: TaskRequest,
  look: (signalled: ReadonlySet<number>) => readonly ListedSurvivor[],
): Promise<readonly ListedSurvivor[]> {
  const denied = new Map<number, Refusal>();
  const signalled = new Set<number>();
  const left = (): ListedSurvivor[] =>
    look(signalled).map(({ listed, refusal }) => ({
      listed,
      refusal: refusal ?? denied.get(listed.pid),
    }));
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (const { listed } of left().filter(({ refusal }) => refusal === undefined)) {
      const now = left().find((other) => other.listed.pid === listed.pid);
      if (now === undefined || now.refusal !== undefined) continue;
      const result = table.signalProcess(listed.pid, signal);
      onStep(`${signal} to process ${listed.pid}: ${result}`);
      if (result === 'sent') signalled.add(listed.pid);
      else if (result !== 'gone') denied.set(listed.pid, notSignalled(result));
    }
    const isOver = (): true | undefined =>
      left().some(({ refusal }) => refusal === undefined) ? undefined : true;
    if ((await poll(clock, graceMs, isOver)) === true) break;
  }
  return left();
}
/** How long each has to end after each signal: AFT's own time for a group. */
const graceMs = 2000;
