/** What a session's row says of its tasks. */
export interface SessionSummary {
  readonly sessionId: string | undefined;
  /** The directory that its tasks work for. */
  readonly project: string | undefined;
  readonly count: number;
  /** How many go on, with a process that is not known to be gone. */
  readonly running: number;
  /** Is there one of whose end the agent has not been told? */
  readonly undelivered: boolean;
  /** When the newest task was started, epoch milliseconds; 0 where no record says. */
  readonly newest: number;
}

/** A session in the tree: the tasks of one session directory. */
export interface SessionNode {
  readonly kind: 'session';
  /** `<storage id>/<harness or _>/<session hash>` */
  readonly id: string;
  /** Its tasks that are shown, by key. */
  readonly tasks: Map<string, TaskNode>;
  /** What its row says of them; absent since one of them has changed. */
  summary: SessionSummary | undefined;
}

/** A task in the tree. What it looks like comes from the index, by its key. */
export interface TaskNode {
  readonly kind: 'task';
  readonly key: string;
  readonly session: SessionNode;
  /** Does it stand among those that go on, which come first? */
  active: boolean;
}

export type TreeNode = SessionNode | TaskNode;
