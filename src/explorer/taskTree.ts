import * as vscode from 'vscode';
import type { Task, TaskChanges } from '../store/task.ts';
import type { TaskIndex } from '../store/taskIndex.ts';
import { isActive, sessionOf } from '../store/taskTraits.ts';
import { Disposable } from '../vscode/disposable.ts';
import { sessionItem, summarize, taskItem } from './items.ts';
import { type SessionNode, type SessionSummary, type TaskNode, type TreeNode } from './nodes.ts';

/** Of the sessions with a running task so many start expanded: VS Code asks for all their rows. */
const expandedSessions = 5;
/** Sessions with more tasks than this start collapsed even where one of them runs. */
const expandedTasks = 200;

/**
 * The tree: sessions, and their tasks beneath. Node objects live as long as what they stand for, so
 * VS Code keeps expansion and selection; a change refreshes the rows that it touches and no others.
 */
export class TaskTree extends Disposable implements vscode.TreeDataProvider<TreeNode> {
  private readonly index: TaskIndex;
  private readonly describe: (task: Task) => Promise<vscode.MarkdownString>;
  private readonly sessions = new Map<string, SessionNode>();
  private filter: ((task: Task) => boolean) | undefined;
  /** What was last handed to VS Code, to know whether a row or an order has changed. */
  private sessionOrder: readonly SessionNode[] = [];
  private readonly drawn = new Map<TreeNode, string>();
  private readonly changed = this.register(
    new vscode.EventEmitter<undefined | TreeNode | TreeNode[]>(),
  );
  readonly onDidChangeTreeData = this.changed.event;

  /** @param describe makes a task's tooltip when the pointer rests on it */
  constructor(index: TaskIndex, describe: (task: Task) => Promise<vscode.MarkdownString>) {
    super();
    this.index = index;
    this.describe = describe;
    for (const task of index.tasks()) this.insert(task);
    this.register({
      dispose: index.onDidChange((changes) => {
        this.apply(changes);
      }),
    });
  }

  /** How many tasks are shown. */
  get size(): number {
    let size = 0;
    for (const session of this.sessions.values()) size += session.tasks.size;
    return size;
  }

  setFilter(filter: ((task: Task) => boolean) | undefined): void {
    this.filter = filter;
    this.drawn.clear();
    for (const session of this.sessions.values()) {
      session.tasks.clear();
      session.summary = undefined;
    }
    for (const task of this.index.tasks()) this.insert(task);
    for (const session of [...this.sessions.values()]) this.dropIfEmpty(session);
    this.changed.fire(undefined);
  }

  /** The node of a task that is shown. */
  nodeOf(key: string): TaskNode | undefined {
    return this.sessions.get(sessionOf(key))?.tasks.get(key);
  }

  /** Redraws the rows whose words have changed because time has passed. */
  tick(): void {
    const now = Date.now();
    const stale = [...this.drawn.keys()].filter((node) => this.isStale(node, now));
    if (stale.length > 0) this.changed.fire(stale);
  }

  getChildren(node?: TreeNode): TreeNode[] {
    if (node === undefined) {
      this.sessionOrder = this.sortedSessions();
      return [...this.sessionOrder];
    }
    return node.kind === 'session' ? this.sortedTasks(node).map(({ node: task }) => task) : [];
  }

  getParent(node: TreeNode): TreeNode | undefined {
    return node.kind === 'task' ? node.session : undefined;
  }

  getTreeItem(node: TreeNode): vscode.TreeItem {
    const item = this.itemOf(node, Date.now());
    // VS Code may ask for a row that has just gone; it drops it with the refresh under way.
    if (item === undefined) return new vscode.TreeItem('');
    this.drawn.set(node, looks(item));
    return item;
  }

  async resolveTreeItem(item: vscode.TreeItem, node: TreeNode): Promise<vscode.TreeItem> {
    const task = node.kind === 'task' ? this.index.get(node.key) : undefined;
    if (task !== undefined) item.tooltip = await this.describe(task);
    return item;
  }

  private itemOf(node: TreeNode, now: number): vscode.TreeItem | undefined {
    if (node.kind === 'task') {
      const task = this.index.get(node.key);
      return task && taskItem(node, task, now);
    }
    const summary = this.summaryOf(node);
    if (summary.count === 0) return undefined;
    const expanded =
      summary.running > 0 &&
      summary.count <= expandedTasks &&
      this.sessionOrder.indexOf(node) < expandedSessions;
    return sessionItem(node, summary, expanded, now);
  }

  /** Does a row that VS Code has look different now? */
  private isStale(node: TreeNode, now: number): boolean {
    const drawn = this.drawn.get(node);
    const item = drawn === undefined ? undefined : this.itemOf(node, now);
    return item !== undefined && looks(item) !== drawn;
  }

  private apply({ added, changed, removed }: TaskChanges): void {
    /** Sessions whose list of rows is another one now. */
    const restructured = new Set<SessionNode>();
    const touched = new Set<TaskNode>();
    for (const task of removed) {
      const session = this.remove(task.key);
      if (session !== undefined) restructured.add(session);
    }
    for (const task of added) {
      const session = this.insert(task);
      if (session !== undefined) restructured.add(session);
    }
    for (const task of changed) {
      const before = this.nodeOf(task.key);
      if (before !== undefined) before.session.summary = undefined;
      if (before !== undefined && this.filter?.(task) !== false) {
        touched.add(before);
        // A task that has just ended moves below those that go on.
        if (before.active !== isActive(task)) restructured.add(before.session);
        before.active = isActive(task);
        continue;
      }
      const session = before === undefined ? this.insert(task) : this.remove(task.key);
      if (session !== undefined) restructured.add(session);
    }
    for (const session of restructured) this.dropIfEmpty(session);
    if (!this.sameOrder(this.sortedSessions())) {
      this.changed.fire(undefined);
      return;
    }
    // A session's refresh redraws all its rows, so it is asked for only where its own words or its
    // list of rows have changed.
    const now = Date.now();
    for (const { session } of touched) {
      if (this.isStale(session, now)) restructured.add(session);
    }
    // A row that looks as it did is left alone: a refresh would take its tooltip away.
    const rows = [...touched].filter(
      (node) => !restructured.has(node.session) && this.isStale(node, now),
    );
    const nodes = [...restructured, ...rows];
    if (nodes.length > 0) this.changed.fire(nodes);
  }

  private sameOrder(order: readonly SessionNode[]): boolean {
    return (
      order.length === this.sessionOrder.length &&
      order.every((session, at) => session === this.sessionOrder[at])
    );
  }

  private insert(task: Task): SessionNode | undefined {
    if (this.filter?.(task) === false) return undefined;
    const id = sessionOf(task.key);
    let session = this.sessions.get(id);
    if (session === undefined) {
      session = { kind: 'session', id, tasks: new Map(), summary: undefined };
      this.sessions.set(id, session);
    }
    session.summary = undefined;
    if (!session.tasks.has(task.key)) {
      session.tasks.set(task.key, {
        kind: 'task',
        key: task.key,
        session,
        active: isActive(task),
      });
    }
    return session;
  }

  private remove(key: string): SessionNode | undefined {
    const node = this.nodeOf(key);
    if (node === undefined) return undefined;
    node.session.tasks.delete(key);
    node.session.summary = undefined;
    this.drawn.delete(node);
    return node.session;
  }

  private dropIfEmpty(session: SessionNode): void {
    if (session.tasks.size > 0) return;
    this.sessions.delete(session.id);
    this.drawn.delete(session);
  }

  private summaryOf(session: SessionNode): SessionSummary {
    session.summary ??= summarize(
      [...session.tasks.keys()].flatMap((key) => this.index.get(key) ?? []),
    );
    return session.summary;
  }

  /** Those with a running task first, then by the newest task. */
  private sortedSessions(): SessionNode[] {
    return [...this.sessions.values()]
      .map((session) => ({ session, ...this.summaryOf(session) }))
      .sort(
        (a, b) =>
          Number(b.running > 0) - Number(a.running > 0) ||
          b.newest - a.newest ||
          (a.session.id < b.session.id ? -1 : 1),
      )
      .map(({ session }) => session);
  }

  /** Those that go on first, then the newest first. */
  private sortedTasks(session: SessionNode): { node: TaskNode; task: Task }[] {
    return [...session.tasks.values()]
      .flatMap((node) => {
        const task = this.index.get(node.key);
        return task === undefined ? [] : [{ node, task }];
      })
      .sort(
        (a, b) =>
          Number(isActive(b.task)) - Number(isActive(a.task)) ||
          (b.task.startedAt ?? 0) - (a.task.startedAt ?? 0) ||
          (a.node.key < b.node.key ? -1 : 1),
      );
  }
}

/** All of an item that a user, or a menu, sees; its tooltip is made anew with it. */
function looks({ label, description, iconPath, contextValue }: vscode.TreeItem): string {
  return JSON.stringify([label, description, iconPath, contextValue]);
}
