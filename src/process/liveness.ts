import type { ExitMarker } from '../persistence/exitMarker.ts';
import { isTerminalStatus } from '../persistence/record.ts';
import type { TaskStatus } from '../persistence/record.ts';
import type { Identity } from './identity.ts';
import { leaderPid } from './processTable.ts';
import type { RecordedProcess } from './processTable.ts';

/**
 * What the record alone can't tell.
 * - `alive`: the process that the record names lives.
 * - `orphaned`: the record says that the task runs, but its process is gone or is another one.
 * - `unknown`: it can't be told from here.
 * - `ended`: the record is terminal.
 */
export type Liveness = 'alive' | 'orphaned' | 'unknown' | 'ended';

export interface LivenessRecord extends RecordedProcess {
  readonly status: TaskStatus;
  /** The task runs on another machine (schema 7). */
  readonly remote: boolean;
}

/** What is known beside the record and its process. Times are epoch milliseconds. */
export interface LivenessContext {
  readonly now: number;
  /** Why processes of this storage can't be told from here (`foreignStorage`); absent: they can. */
  readonly foreign: string | undefined;
  readonly exitMarker: ExitMarker | undefined;
  /** When its process was first found gone; absent: not before now. */
  readonly goneSince: number | undefined;
  /** The newest modification of the record and its captures. */
  readonly changedAt: number | undefined;
}

/** How long AFT may take from a `starting` record to the process's number in it. */
const startingGraceMs = 30_000;

/** Decides a task's liveness from its record, its process's identity and the circumstances. */
export function liveness(
  record: LivenessRecord,
  identity: Identity,
  context: LivenessContext,
): Liveness {
  if (isTerminalStatus(record.status)) return 'ended';
  if (record.remote || context.foreign !== undefined) return 'unknown';
  switch (identity.kind) {
    case 'unknown':
      return 'unknown';
    case 'same':
    case 'other-user':
      // The command has ended by itself and left processes behind: its end is not recorded yet, and
      // never will be if no AFT runs.
      return !identity.leader && context.exitMarker?.kind === 'code' ? 'orphaned' : 'alive';
    case 'gone':
    case 'stranger':
      return isStarting(record, context.now) || wroteSince(context) ? 'unknown' : 'orphaned';
  }
}

/** Is AFT about to start the process, and to put its number into the record? */
export function isStarting(record: LivenessRecord, now: number): boolean {
  return (
    record.status === 'starting' &&
    leaderPid(record) === undefined &&
    // A clock that was put back makes it begin in the future.
    Math.abs(now - record.startedAt) < startingGraceMs
  );
}

/** Someone still writes: the process lives where we can't see it, or AFT is about to record the end. */
function wroteSince({ now, goneSince, changedAt }: LivenessContext): boolean {
  if (goneSince === undefined || changedAt === undefined) return false;
  // Whoever writes can also set a time that is still to come.
  return changedAt > goneSince && changedAt <= now + startingGraceMs;
}
