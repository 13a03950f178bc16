/** A session in the tree: the tasks of one session directory. */
export interface SessionNode {
  readonly kind: 'session';
  /** `<storage id>/<harness or _>/<session hash>` */
  readonly id: string;
  /** The keys of its tasks that are shown. */
  readonly tasks: Map<string, TaskNode>;
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

/** The id of the session that a task's key belongs to. */
export function sessionOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}
