import type { CaptureStream, Layout, TaskMode, TaskStatus } from '../persistence/record.ts';
import type { Liveness } from '../process/liveness.ts';

/** A task as the explorer knows it: one record on disk, checked, with what was found beside it. */
export interface Task {
  /** Unique: `<storage id>/<harness or _>/<session hash>/<task id>`. */
  readonly key: string;
  readonly taskId: string;
  /** 8 hex digits of SHA-256 of the storage root's real path. */
  readonly storageId: string;
  /** The storage root's real path. */
  readonly storageDirectory: string;
  /** The harness directory's name; absent for tasks at the root level. */
  readonly harness: string | undefined;
  /** The session directory's name: 16 hex digits. */
  readonly sessionHash: string;
  readonly layout: Layout;
  /** Absent where the record can't be read. */
  readonly schemaVersion: number | undefined;
  readonly sessionId: string | undefined;
  /** Empty where the record can't be read. */
  readonly command: string;
  readonly mode: TaskMode;
  readonly workdir: string | undefined;
  readonly projectRoot: string | undefined;
  readonly status: TaskStatus | undefined;
  readonly statusReason: string | undefined;
  readonly liveness: Liveness;
  readonly exitCode: number | undefined;
  /** Times are epoch milliseconds. */
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly durationMs: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly pid: number | undefined;
  readonly pgid: number | undefined;
  /** Is something left in its group although it has ended? Looked for where it is likely. */
  readonly survivors: boolean;
  /** Has the agent been told of the end (`completion_delivered`)? */
  readonly delivered: boolean;
  readonly notifyOnCompletion: boolean;
  readonly ptyRows: number | undefined;
  readonly ptyCols: number | undefined;
  /** Size in bytes of each capture that exists. */
  readonly captures: Readonly<Partial<Record<CaptureStream, number>>>;
  /** Their sum; absent where there is no capture. */
  readonly outputBytes: number | undefined;
  /** Why the record can't be read, or can only be shown, in words for the user. */
  readonly problem: string | undefined;
}

/** A difference between two states of a storage. */
export interface TaskChanges {
  readonly added: readonly Task[];
  readonly changed: readonly Task[];
  readonly removed: readonly Task[];
}

/** How a storage's reading goes, for the view's message and welcome. */
export interface StorageState {
  /** A whole scan is under way. */
  readonly scanning: boolean;
  /** Has a scan been completed? */
  readonly ready: boolean;
  /** `polling`: the system's watches ran out or fail here. `none`: nothing to watch yet. */
  readonly watching: 'native' | 'polling' | 'none';
  /** Why the storage can't be read (or not all of it), in words for the user. */
  readonly problem: string | undefined;
}
