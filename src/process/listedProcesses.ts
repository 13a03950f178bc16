import { errorText } from '../persistence/errors.ts';
import type { GroupLookup, ProcessInfo, ProcessLookup, ProcessSnapshot } from './processTable.ts';
import { sendSignal } from './signal.ts';

/** A system whose processes are listed, all at once, by running a program. */
export interface ProcessLister {
  /** Throws where the program fails. */
  list(): readonly ProcessInfo[];
  isGroupGone(pgid: number): boolean;
  membersAmong(all: readonly ProcessInfo[], pgid: number): readonly ProcessInfo[];
}

/** A snapshot that runs the program once, and not at all if everything asked for is gone. */
export function listedSnapshot(
  lister: ProcessLister,
  pids: Iterable<number>,
  pgids: Iterable<number>,
): ProcessSnapshot {
  let listed: ReadonlyMap<number, ProcessInfo> | string | undefined;
  const list = (): ReadonlyMap<number, ProcessInfo> | string => {
    try {
      return (listed ??= new Map(lister.list().map((process) => [process.pid, process])));
    } catch (error) {
      return (listed = errorText(error));
    }
  };
  const isGone = (pid: number): boolean => pid < 1 || sendSignal(pid, 0) === 'gone';

  const processLookup = (pid: number): ProcessLookup => {
    if (isGone(pid)) return { state: 'gone' };
    const all = list();
    if (typeof all === 'string') return { state: 'hidden', reason: all };
    const process = all.get(pid);
    if (process) return { state: 'found', process };
    // Ended since, or in a line that could not be understood, which is no proof of absence.
    if (isGone(pid)) return { state: 'gone' };
    return { state: 'hidden', reason: `process ${pid} is not in the system's list` };
  };

  const groupLookup = (pgid: number): GroupLookup => {
    if (lister.isGroupGone(pgid)) return { state: 'listed', members: [] };
    const all = list();
    if (typeof all === 'string') return { state: 'hidden', reason: all };
    return { state: 'listed', members: lister.membersAmong([...all.values()], pgid) };
  };

  return {
    processes: new Map([...new Set(pids)].map((pid) => [pid, processLookup(pid)])),
    groups: new Map([...new Set(pgids)].map((pgid) => [pgid, groupLookup(pgid)])),
  };
}

/**
 * This process and its ancestors, nearest first; empty where the list can't be had. Asked for once:
 * no process gets other ancestors, at most it loses some.
 */
export function listedLineage(lister: ProcessLister): () => readonly ProcessInfo[] {
  let known: readonly ProcessInfo[] = [];
  return () => {
    if (known.length === 0) known = findLineage(lister);
    return known;
  };
}

function findLineage(lister: ProcessLister): readonly ProcessInfo[] {
  let byPid: ReadonlyMap<number, ProcessInfo>;
  try {
    byPid = new Map(lister.list().map((info) => [info.pid, info]));
  } catch {
    return [];
  }
  const lineage = new Set<ProcessInfo>();
  let ancestor = byPid.get(process.pid);
  while (ancestor && !lineage.has(ancestor)) {
    lineage.add(ancestor);
    ancestor = byPid.get(ancestor.ppid);
  }
  return [...lineage];
}
