import { errorCode } from '../persistence/errors.ts';
import { isProcessNumber } from './processTable.ts';
import type { ProcessInfo, ProcessTable, SignalResult } from './processTable.ts';

/**
 * Sends a signal to a process (or, negative, to a group) through the system call, never through a
 * `kill` program: procps 4.0.4 reads `kill -9 -1234` as "every process of the user".
 * 0 only asks whether there is one that may be signalled.
 */
export function sendSignal(target: number, signal: NodeJS.Signals | 0): SignalResult {
  try {
    process.kill(target, signal);
    return 'sent';
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ESRCH') return 'gone';
    if (code === 'EPERM' || code === 'EACCES') return 'not-permitted';
    throw error;
  }
}

/** Has a group no member at all, not even a zombie or another user's process? */
export function isGroupGone(pgid: number): boolean {
  return !isProcessNumber(pgid) || sendSignal(-pgid, 0) === 'gone';
}

/**
 * Groups that no record may make us signal: what is no group number, our own, our ancestors'; and
 * all of them where the system doesn't even show us ourselves.
 */
export function isForbiddenGroup(pgid: number, lineage: readonly ProcessInfo[]): boolean {
  return (
    !isProcessNumber(pgid) ||
    lineage.length === 0 ||
    pgid === process.pid ||
    lineage.some((ancestor) => ancestor.pid === pgid || ancestor.pgid === pgid)
  );
}

/** `signalProcess` of the systems that have process groups. */
export function signalOneProcess(
  table: Pick<ProcessTable, 'lineage'>,
  pid: number,
  signal: NodeJS.Signals,
): SignalResult {
  const lineage = table.lineage();
  const isForbidden =
    !isProcessNumber(pid) || lineage.length === 0 || lineage.some((known) => known.pid === pid);
  return isForbidden ? 'forbidden' : sendSignal(pid, signal);
}

/** `signalGroup` of the systems that have process groups. */
export function signalProcessGroup(
  table: Pick<ProcessTable, 'lineage'>,
  pgid: number,
  signal: NodeJS.Signals | 0,
): SignalResult {
  if (isForbiddenGroup(pgid, table.lineage())) return 'forbidden';
  return sendSignal(-pgid, signal);
}
