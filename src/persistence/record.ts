/** What a task is doing, in the record's own words (`fate_unknown`: schema 6, and late 4 and 5). */
export type TaskStatus =
  | 'starting'
  | 'running'
  | 'killing'
  | 'completed'
  | 'failed'
  | 'killed'
  | 'timed_out'
  | 'fate_unknown';

/** `pipes`: stdout and stderr are captured apart. `pty`: one terminal stream. */
export type TaskMode = 'pipes' | 'pty';

/** `flat`: `<id>.json` beside its captures (schema 1 to 5). `directory`: `<id>/control` and `<id>/io`. */
export type Layout = 'flat' | 'directory';

/** The streams that AFT captures into files. */
export type CaptureStream = 'stdout' | 'stderr' | 'pty';

/** The schema that `starting` makes, and that records of schema 2 and 3 become when written (seed). */
export const SCHEMA_VERSION = 4;
/** The newest schema that is written; newer ones are only shown. */
export const NEWEST_WRITTEN_SCHEMA = 6;

/** A process that outlived its task's command (schema 6). */
export interface LiveDescendant {
  readonly pid: number;
  readonly comm: string;
  readonly argv0: string;
}

/** The record's fields that the seed (schema 4) knows. Times are epoch milliseconds. */
export interface RecordFields {
  readonly schemaVersion: number;
  readonly taskId: string;
  readonly sessionId: string;
  readonly command: string;
  readonly mode: TaskMode;
  readonly workdir: string;
  readonly projectRoot: string | undefined;
  readonly status: TaskStatus;
  readonly startedAt: number;
  readonly finishedAt: number | undefined;
  readonly durationMs: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly exitCode: number | undefined;
  readonly childPid: number | undefined;
  readonly pgid: number | undefined;
  /** Has the agent been told of the end? */
  readonly completionDelivered: boolean;
  readonly notifyOnCompletion: boolean;
  /** About the agent's reply only: captures are always raw. */
  readonly compressed: boolean;
  readonly ptyRows: number | undefined;
  readonly ptyCols: number | undefined;
  readonly statusReason: string | undefined;
}

/** One task's record (`PersistedTask` of the seed), schema 1 to 7. */
export interface PersistedTask extends RecordFields {
  /** Schema 6: absent before the end and where nobody looked; empty where none was found. */
  readonly liveDescendants: readonly LiveDescendant[] | undefined;
  /** Schema 7: the task runs on another machine. */
  readonly remote: boolean;
  /** Schema 7: the harness directory's name. */
  readonly harness: string | undefined;
  /** The JSON text that it was read from: it holds the keys unknown here, and every number's digits. */
  readonly source: string | undefined;
}

/** A record that can't be used as a whole: `undefined` where a field can't be read. */
export type PartialTask = {
  readonly [Name in keyof PersistedTask]: PersistedTask[Name] | undefined;
};

export interface NewTask {
  readonly taskId: string;
  readonly sessionId: string;
  readonly command: string;
  readonly workdir: string;
  readonly projectRoot?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly notifyOnCompletion: boolean;
  readonly compressed: boolean;
}

/** A new record, before its process (seed: `PersistedTask::starting`). */
export function starting(task: NewTask, now: number = unixMillis()): PersistedTask {
  return {
    schemaVersion: SCHEMA_VERSION,
    taskId: task.taskId,
    sessionId: task.sessionId,
    command: task.command,
    mode: 'pipes',
    workdir: task.workdir,
    projectRoot: task.projectRoot,
    status: 'starting',
    startedAt: now,
    finishedAt: undefined,
    durationMs: undefined,
    timeoutMs: task.timeoutMs,
    exitCode: undefined,
    childPid: undefined,
    pgid: undefined,
    completionDelivered: !task.notifyOnCompletion,
    notifyOnCompletion: task.notifyOnCompletion,
    compressed: task.compressed,
    ptyRows: undefined,
    ptyCols: undefined,
    statusReason: undefined,
    liveDescendants: undefined,
    remote: false,
    harness: undefined,
    source: undefined,
  };
}

/** The record with its process (seed: `mark_running`). */
export function markRunning(task: PersistedTask, childPid: number, pgid: number): PersistedTask {
  return { ...task, status: 'running', childPid, pgid };
}

/** The record of the task's end (seed: `mark_terminal`); `pgid` stays, `childPid` goes. */
export function markTerminal(
  task: PersistedTask,
  status: TaskStatus,
  exitCode: number | undefined,
  reason: string | undefined,
  now: number = unixMillis(),
): PersistedTask {
  return {
    ...task,
    status,
    exitCode,
    finishedAt: now,
    durationMs: saturatingSub(now, task.startedAt),
    childPid: undefined,
    statusReason: reason,
    completionDelivered: !task.notifyOnCompletion,
  };
}

const terminalByStatus: Readonly<Record<TaskStatus, boolean>> = {
  starting: false,
  running: false,
  killing: false,
  completed: true,
  failed: true,
  killed: true,
  timed_out: true,
  fate_unknown: true,
};

export function isTaskStatus(text: unknown): text is TaskStatus {
  return typeof text === 'string' && Object.hasOwn(terminalByStatus, text);
}

/** Has a task of this status ended for good? */
export function isTerminalStatus(status: TaskStatus): boolean {
  return terminalByStatus[status];
}

export function isTerminal(task: { readonly status: TaskStatus }): boolean {
  return isTerminalStatus(task.status);
}

/** Now in epoch milliseconds; 0 for a clock set before 1970. */
export function unixMillis(): number {
  return Math.max(0, Date.now());
}

/** Unsigned subtraction that stops at 0, as the seed's durations do. */
export function saturatingSub(left: number, right: number): number {
  return Math.max(0, left - right);
}
