import type { Event, Uri } from 'vscode';

/** The streams of a task that have a document. `output` is the natural one. */
export type OutputStream = 'output' | 'stdout' | 'stderr' | 'pty';

/** A task as other extensions see it. Times are epoch milliseconds; absent is `undefined`. */
export interface TaskSummary {
  /** Unique: `<storage id>/<harness or _>/<session hash>/<task id>`. */
  readonly key: string;
  readonly taskId: string;
  readonly sessionId: string | undefined;
  readonly harness: string | undefined;
  readonly storageDirectory: string;
  readonly layout: 'flat' | 'directory';
  readonly schemaVersion: number | undefined;
  readonly command: string;
  readonly mode: 'pipes' | 'pty';
  readonly workdir: string | undefined;
  readonly projectRoot: string | undefined;
  readonly status:
    | 'starting'
    | 'running'
    | 'killing'
    | 'completed'
    | 'failed'
    | 'killed'
    | 'timed_out'
    | 'fate_unknown'
    | undefined;
  /** What the record alone can't tell: see the README's table of states. */
  readonly liveness: 'alive' | 'orphaned' | 'unknown' | 'ended';
  readonly exitCode: number | undefined;
  readonly statusReason: string | undefined;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly durationMs: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly pid: number | undefined;
  readonly pgid: number | undefined;
  /** Has the agent been told of the end? */
  readonly delivered: boolean;
  /** Size of the captures in bytes. */
  readonly outputBytes: number | undefined;
  /** Why the record can't be read, or can only be shown. */
  readonly problem: string | undefined;
}

/** What became of one task in a call. */
export interface TaskOutcome {
  /** The task's key, or the name that was given where it names no task. */
  readonly task: string;
  readonly done: boolean;
  /** Machine-readable; absent where all was done. Also set with `done: true` where a part is missing. */
  readonly reason: string | undefined;
  /** In words for the user. */
  readonly message: string;
}

/** A task's key, or a task id that only one task has. */
export type TaskName = string;

/** The public API, version 1: what `activate` returns. */
export interface AftTaskExplorerApi {
  readonly apiVersion: 1;
  /** The first scan of every storage is done. */
  readonly ready: Promise<void>;
  readonly tasks: () => readonly TaskSummary[];
  readonly onDidChangeTasks: Event<{
    readonly added: readonly TaskSummary[];
    readonly changed: readonly TaskSummary[];
    readonly removed: readonly TaskSummary[];
  }>;
  /** The document of a task's stream. Throws for a name that no task, or more than one, has. */
  readonly outputUri: (task: TaskName, stream: OutputStream) => Uri;
  /** Ends the task's processes, without asking. */
  readonly killTask: (task: TaskName) => Promise<TaskOutcome>;
  /** Moves the bundles of terminal tasks into the trash, without asking; with `aftTasks.trash.keepHours` 0, deletes them for good. */
  readonly deleteTasks: (tasks: readonly TaskName[]) => Promise<readonly TaskOutcome[]>;
  /** Records that the agent has been told of these tasks' end, without asking. */
  readonly markDelivered: (tasks: readonly TaskName[]) => Promise<readonly TaskOutcome[]>;
  /** Reads every storage anew; resolves when that is done. */
  readonly refresh: () => Promise<void>;
}
