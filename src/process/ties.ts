import { exitMarkerTime } from '../persistence/exitMarker.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import type { ProcessInfo, ProcessTable } from './processTable.ts';

/**
 * What ties the processes of a group that has lost its leader to a task. A group's number is not
 * given away while a process of the group lives: one that is known to be the task's speaks for all.
 */
export interface Ties {
  /**
   * When the task's command ended, epoch milliseconds: until then the number was the task's.
   * Absent where nothing tells.
   */
  readonly endedAt: number | undefined;
  /** Is a process known to be the task's, by what it does or because it was seen before? */
  readonly has: (process: ProcessInfo) => boolean;
}

/**
 * A task's ties: its exit marker's time, and its captures, which it alone writes to.
 * An end that is to come tells only that it was before now.
 * @param finishedAt the end by the record, which may have been noted long after the end
 */
export function tiesOf(
  table: ProcessTable,
  paths: TaskPaths,
  finishedAt: number | undefined,
): Ties {
  const now = Date.now();
  const captures = [paths.stdout, paths.stderr, paths.pty];
  return {
    get endedAt() {
      const times = [exitMarkerTime(paths), finishedAt].filter((time) => time !== undefined);
      return times.length === 0 ? undefined : Math.min(now, ...times);
    },
    has: ({ pid }) => table.writesTo?.(pid, captures) === true,
  };
}

/**
 * The members of a group that are known to be a task's. Whoever joins the group while one of them
 * is in it is the task's too.
 */
export class KnownMembers {
  private readonly startedAt = new Map<number, number>();

  /** These are the group's members at a moment at which it is the task's for certain. */
  add(members: readonly ProcessInfo[]): void {
    for (const { pid, startedAt } of members) this.startedAt.set(pid, startedAt);
  }

  /** These are the group's members now. */
  look(members: readonly ProcessInfo[]): void {
    if (members.some((member) => this.has(member))) this.add(members);
  }

  has({ pid, startedAt, startPrecisionMs }: ProcessInfo): boolean {
    const known = this.startedAt.get(pid);
    return known !== undefined && Math.abs(startedAt - known) <= 2 * startPrecisionMs;
  }

  /** A task's ties with these added. */
  and(ties: Ties): Ties {
    return {
      get endedAt() {
        return ties.endedAt;
      },
      has: (process) => this.has(process) || ties.has(process),
    };
  }
}
