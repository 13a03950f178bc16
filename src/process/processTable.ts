/** A process as the system's table has it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly ppid: number;
  /** Absent where the system has no process groups (Windows). */
  readonly pgid: number | undefined;
  /** Absent where it can't be told: Windows; on macOS, for all but session leaders. */
  readonly sid: number | undefined;
  /** The real user id, which decides who may signal. Absent on Windows. */
  readonly uid: number | undefined;
  /** Dead, but not yet collected by its parent. */
  readonly zombie: boolean;
  /** Epoch milliseconds by the clock as it stands now: a stepped clock moves it. */
  readonly startedAt: number;
  /** The true start lies between `startedAt` and this many milliseconds later. */
  readonly startPrecisionMs: number;
}

/** `hidden`: the system doesn't say (permission, `hidepid`, no process table). */
export type ProcessLookup =
  | { readonly state: 'found'; readonly process: ProcessInfo }
  | { readonly state: 'gone' }
  | { readonly state: 'hidden'; readonly reason: string };

/** `members` may be empty, and has zombies too. */
export type GroupLookup =
  | { readonly state: 'listed'; readonly members: readonly ProcessInfo[] }
  | { readonly state: 'hidden'; readonly reason: string };

/** What was asked of a process table, at one moment. */
export interface ProcessSnapshot {
  readonly processes: ReadonlyMap<number, ProcessLookup>;
  readonly groups: ReadonlyMap<number, GroupLookup>;
  /** See `ProcessTable.nested`. Absent where nobody looked. */
  readonly nested?: NestedGroups;
  /** When the system was started, epoch milliseconds by the clock as it stands now; absent: not known. */
  readonly bootedAt?: number;
}

/** Live processes of namespaces inside ours, by the group's number there. */
export type NestedGroups = ReadonlyMap<number, readonly NestedProcess[]>;

export interface NestedProcess extends Pick<ProcessInfo, 'pid' | 'startedAt' | 'startPrecisionMs'> {
  /** Does it lead its group? */
  readonly leader: boolean;
}

export type GroupSignal = 'SIGTERM' | 'SIGKILL';

/** What became of a signal. `forbidden`: not a group that a task can have; see `isForbiddenGroup`. */
export type SignalResult = 'sent' | 'gone' | 'not-permitted' | 'forbidden';

export interface ProcessTable {
  /**
   * False on Windows: a "group" is a process and its descendants there, nothing ties descendants to
   * a process that is gone, and there is no mild signal.
   */
  readonly hasGroups: boolean;
  /** Listing groups costs a walk over all processes, so they are listed only when asked for. */
  snapshot(pids: Iterable<number>, pgids: Iterable<number>): ProcessSnapshot;
  /**
   * Processes of namespaces inside ours (Linux) whose group has one of these numbers there. It costs
   * a walk over all processes.
   */
  nested?(pgids: Iterable<number>): NestedGroups;
  /** This process and its ancestors, nearest first, as far as the system shows them. */
  lineage(): readonly ProcessInfo[];
  /** How a process calls itself; absent where it is gone or can't be examined. */
  names?(pid: number): ProcessNames | undefined;
  /** Does a process have one of these files open for writing? False where that can't be told. */
  writesTo?(pid: number, files: readonly string[]): boolean;
  /** Sends a signal to every process of a group; 0 only asks whether that would be possible. */
  signalGroup(pgid: number, signal: GroupSignal | 0): SignalResult;
  /** Sends a signal to one process. */
  signalProcess(pid: number, signal: GroupSignal): SignalResult;
}

/** The kernel's name for a process, and the first of its arguments, as AFT lists them. */
export interface ProcessNames {
  readonly comm: string;
  readonly argv0: string;
}

/** The process that a record names. Absent: the record does not say. */
export interface RecordedProcess {
  readonly childPid: number | undefined;
  readonly pgid: number | undefined;
  /** Epoch milliseconds: when the record was made, just before its process. */
  readonly startedAt: number;
}

/** The pid of the task's first process, which leads its group: AFT writes the same number as both. */
export function leaderPid(recorded: RecordedProcess): number | undefined {
  return recorded.childPid ?? recorded.pgid;
}

/** What a record can name as a process or a group: 0 and 1 have a meaning of their own in signals. */
export function isProcessNumber(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value > 1 && value <= 0x7fff_ffff;
}

/**
 * Looks up the leaders of many tasks, the groups of those whose leader is dead, and the namespaces
 * inside ours for those that seem to be gone.
 */
export function lookUp(table: ProcessTable, recorded: Iterable<RecordedProcess>): ProcessSnapshot {
  const pids = [...recorded].map(leaderPid).filter(isProcessNumber);
  const { processes } = table.snapshot(pids, []);
  const leaderless = new Set(
    pids.filter((pid) => {
      const leader = processes.get(pid);
      return leader?.state === 'gone' || (leader?.state === 'found' && leader.process.zombie);
    }),
  );
  const { groups, bootedAt } = table.snapshot([], table.hasGroups ? leaderless : []);
  const found = bootedAt === undefined ? { processes, groups } : { processes, groups, bootedAt };
  const absent = pids.filter((pid) => {
    const leader = processes.get(pid);
    if (leader?.state === 'found' && !leader.process.zombie) {
      return leader.process.pgid !== pid || leader.process.sid !== pid;
    }
    return leaderless.has(pid) && liveMembers(groups.get(pid)).length === 0;
  });
  if (absent.length === 0 || table.nested === undefined) return found;
  return { ...found, nested: table.nested(absent) };
}

/** The members of a group that still run. */
export function liveMembers(group: GroupLookup | undefined): readonly ProcessInfo[] {
  return group?.state === 'listed' ? group.members.filter((member) => !member.zombie) : [];
}

/** The answer of a system that doesn't say anything. */
export function hiddenSnapshot(
  pids: Iterable<number>,
  pgids: Iterable<number>,
  reason: string,
): ProcessSnapshot {
  const hidden = { state: 'hidden', reason } as const;
  return {
    processes: new Map([...pids].map((pid) => [pid, hidden])),
    groups: new Map([...pgids].map((pgid) => [pgid, hidden])),
  };
}
