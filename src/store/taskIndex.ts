import type { Storage } from './discovery.ts';
import { mergeTasks } from './mergeTasks.ts';
import type { Task, TaskChanges } from './task.ts';

/** The tasks of one task id: nearly always one, of which nothing is hidden. */
interface Namesakes {
  /** By key. */
  readonly all: Map<string, Task>;
  shown: readonly Task[];
}

/** All storages' tasks in one map, kept up to date from each storage's differences. */
export class TaskIndex {
  private storages: ReadonlyMap<string, Storage> = new Map();
  private readonly byTaskId = new Map<string, Namesakes>();
  private readonly byKey = new Map<string, Task>();
  private list: readonly Task[] | undefined;
  private readonly listeners = new Set<(changes: TaskChanges) => void>();

  /** The task of this key. */
  get(key: string): Task | undefined {
    return this.byKey.get(key);
  }

  /** The task of this key, or the only one of this task id. */
  find(name: string): Task | 'none' | 'ambiguous' {
    const task = this.byKey.get(name);
    if (task !== undefined) return task;
    const [first, ...others] = this.byTaskId.get(name)?.shown ?? [];
    if (first === undefined) return 'none';
    return others.length === 0 ? first : 'ambiguous';
  }

  /** All tasks, in no particular order. The same array until something changes. */
  tasks(): readonly Task[] {
    this.list ??= [...this.byKey.values()];
    return this.list;
  }

  /** Calls `listener` after each change; returns the way to stop that. */
  onDidChange(listener: (changes: TaskChanges) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Tells which storages there are, and so which are legacy roots. Adds and removes no storage's tasks. */
  setStorages(storages: readonly Storage[]): void {
    this.storages = new Map(storages.map((storage) => [storage.id, storage]));
    this.show(this.byTaskId.keys());
  }

  /** Takes in what changed in a storage. */
  apply(changes: TaskChanges): void {
    const touched = new Set<string>();
    for (const task of changes.removed) {
      this.namesakesOf(task).all.delete(task.key);
      touched.add(task.taskId);
    }
    for (const tasks of [changes.added, changes.changed]) {
      for (const task of tasks) {
        this.namesakesOf(task).all.set(task.key, task);
        touched.add(task.taskId);
      }
    }
    this.show(touched);
  }

  /** Removes all tasks of a storage. */
  removeStorage(storageId: string): void {
    const touched: string[] = [];
    for (const [taskId, { all }] of this.byTaskId) {
      for (const task of all.values()) {
        if (task.storageId !== storageId) continue;
        all.delete(task.key);
        touched.push(taskId);
      }
    }
    this.show(touched);
  }

  private namesakesOf({ taskId }: Task): Namesakes {
    let namesakes = this.byTaskId.get(taskId);
    if (namesakes === undefined) {
      namesakes = { all: new Map(), shown: [] };
      this.byTaskId.set(taskId, namesakes);
    }
    return namesakes;
  }

  /** Works out what these task ids show now, and tells the difference. */
  private show(taskIds: Iterable<string>): void {
    const added: Task[] = [];
    const changed: Task[] = [];
    const removed: Task[] = [];
    for (const taskId of taskIds) {
      const namesakes = this.byTaskId.get(taskId);
      if (namesakes === undefined) continue;
      const before = namesakes.shown;
      const after = mergeTasks([...namesakes.all.values()], this.storages);
      namesakes.shown = after;
      const kept = new Set(after.map(({ key }) => key));
      for (const task of before) {
        if (kept.has(task.key)) continue;
        this.byKey.delete(task.key);
        removed.push(task);
      }
      for (const task of after) {
        const known = this.byKey.get(task.key);
        if (known === task) continue;
        this.byKey.set(task.key, task);
        (known === undefined ? added : changed).push(task);
      }
      if (namesakes.all.size === 0) this.byTaskId.delete(taskId);
    }
    if (added.length + changed.length + removed.length === 0) return;
    this.list = undefined;
    for (const listener of this.listeners) listener({ added, changed, removed });
  }
}
