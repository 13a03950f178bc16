import { readExitMarker } from '../persistence/exitMarker.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import type { PersistedTask } from '../persistence/record.ts';
import { changedAt } from '../process/changedAt.ts';
import { foreignStorage, storageFacts } from '../process/host.ts';
import { identify, type Identity } from '../process/identity.ts';
import { hasSurvivors } from '../process/killSurvivors.ts';
import { liveness } from '../process/liveness.ts';
import { elsewhere, projectsOwnedElsewhere } from '../process/owners.ts';
import { lookUp, type ProcessTable } from '../process/processTable.ts';
import { tiesOf } from '../process/ties.ts';
import type { Clock } from './clock.ts';
import type { Liveness } from '../process/liveness.ts';

/** A task that goes on, by its record. */
export interface RunningTask {
  readonly key: string;
  readonly record: PersistedTask;
  readonly paths: TaskPaths;
  /** As last judged. */
  readonly liveness: Liveness;
}

/** A running AFT looks for ended tasks every 500 ms (0.57.2), and then writes their record. */
export const recordingGraceMs = 1500;

/** Judges whether tasks live, and remembers since when their processes are gone. */
export class Judge {
  private readonly directory: string;
  private readonly processes: ProcessTable;
  private readonly clock: Clock;
  private foreign: { readonly reason: string | undefined } | undefined;
  private readonly goneSince = new Map<string, number>();

  constructor(storageDirectory: string, processes: ProcessTable, clock: Clock) {
    this.directory = storageDirectory;
    this.processes = processes;
    this.clock = clock;
  }

  /** The liveness of these tasks, in their order. The process table is read once. */
  judge(tasks: readonly RunningTask[]): Liveness[] {
    if (tasks.length === 0) return [];
    const snapshot = lookUp(
      this.processes,
      tasks.map(({ record }) => record),
    );
    const uid = process.getuid?.();
    const owned = projectsOwnedElsewhere(this.directory, this.processes, this.clock.now());
    return tasks.map((task) => {
      const { record, paths } = task;
      const ties = tiesOf(this.processes, paths, undefined);
      return this.judgeOne(task, elsewhere(identify(record, snapshot, uid, ties), record, owned));
    });
  }

  /** Which of these tasks, which have ended, left processes behind? */
  survivors(ended: readonly Pick<RunningTask, 'record' | 'paths'>[]): boolean[] {
    if (ended.length === 0 || this.foreignStorage !== undefined) return ended.map(() => false);
    const { processes } = this;
    const snapshot = lookUp(
      processes,
      ended.map(({ record }) => record),
    );
    const uid = process.getuid?.();
    return ended.map(({ record, paths }) => hasSurvivors(processes, record, paths, snapshot, uid));
  }

  /** Has a process gone so recently that its task is to be looked at again soon? */
  get undecided(): boolean {
    const now = this.clock.now();
    for (const since of this.goneSince.values()) if (now - since < recordingGraceMs) return true;
    return false;
  }

  forget(key: string): void {
    this.goneSince.delete(key);
  }

  private get foreignStorage(): string | undefined {
    this.foreign ??= { reason: foreignStorage(storageFacts(this.directory)) };
    return this.foreign.reason;
  }

  private judgeOne(task: RunningTask, identity: Identity): Liveness {
    const now = this.clock.now();
    const goneBefore = this.goneSince.get(task.key);
    const gone = identity.kind === 'gone' || identity.kind === 'stranger';
    if (!gone) this.goneSince.delete(task.key);
    else if (goneBefore === undefined) this.goneSince.set(task.key, now);
    const { json, stdout, stderr, pty } = task.paths;
    const changed = gone ? changedAt([json, stdout, stderr, pty]) : undefined;
    const judged = liveness(task.record, identity, {
      now,
      foreign: this.foreignStorage,
      exitMarker: exitMarker(task.paths),
      goneSince: goneBefore,
      changedAt: changed,
    });
    if (judged !== 'orphaned' || now - (goneBefore ?? now) >= recordingGraceMs) return judged;
    // An end that AFT is about to record makes no orphan.
    const lived = task.liveness === 'alive';
    if (!lived && now - (changed ?? 0) >= recordingGraceMs) return judged;
    return lived ? 'alive' : 'unknown';
  }
}

function exitMarker(paths: TaskPaths): ReturnType<typeof readExitMarker> {
  try {
    return readExitMarker(paths);
  } catch {
    // A marker that can't be read says nothing.
    return undefined;
  }
}
