import type { Storage } from './discovery.ts';
import { mergeTasks } from './mergeTasks.ts';
import type { Task, TaskChanges } from './task.ts';

/** All storages' tasks in one map, kept up to date from each storage's differences. */
export class TaskIndex {
  private storages: ReadonlyMap<string, Storage> = new Map();
  /** Each task id's tasks, hidden ones among them: nearly always one. */
  private readonly namesakes = new Map<string, readonly Task[]>();
  /** The tasks that are shown. */
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
    const [first, ...others] = this.of(name).filter(({ key }) => this.byKey.has(key));
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
    this.show(this.namesakes);
  }

  /** Takes in what changed in a storage. */
  apply(changes: TaskChanges): void {
    const before = new Map<string, readonly Task[]>();
    const others = ({ taskId, key }: Task): readonly Task[] => {
      const tasks = this.of(taskId);
      if (!before.has(taskId)) before.set(taskId, tasks);
      return tasks.filter((task) => task.key !== key);
    };
    for (const task of changes.removed) this.namesakes.set(task.taskId, others(task));
    for (const tasks of [changes.added, changes.changed]) {
      for (const task of tasks) this.namesakes.set(task.taskId, [...others(task), task]);
    }
    this.show(before);
  }

  /** Removes all tasks of a storage. */
  removeStorage(storageId: string): void {
    const before = new Map<string, readonly Task[]>();
    for (const [taskId, tasks] of this.namesakes) {
      const others = tasks.filter((task) => task.storageId !== storageId);
      if (others.length === tasks.length) continue;
      before.set(taskId, tasks);
      this.namesakes.set(taskId, others);
    }
    this.show(before);
  }

  private of(taskId: string): readonly Task[] {
    return this.namesakes.get(taskId) ?? [];
  }

  /** Works out what these task ids, with the tasks that they had, show now, and tells the difference. */
  private show(before: ReadonlyMap<string, readonly Task[]>): void {
    const added: Task[] = [];
    const changed: Task[] = [];
    const removed: Task[] = [];
    for (const [taskId, earlier] of before) {
      const all = this.of(taskId);
      const shown = mergeTasks(all, this.storages);
      // Hidden ones are not among those by key.
      for (const task of without(earlier, shown)) {
        if (this.byKey.delete(task.key)) removed.push(task);
      }
      for (const task of shown) {
        const known = this.byKey.get(task.key);
        if (known === task) continue;
        this.byKey.set(task.key, task);
        (known === undefined ? added : changed).push(task);
      }
      if (all.length === 0) this.namesakes.delete(taskId);
    }
    if (added.length + changed.length + removed.length === 0) return;
    this.list = undefined;
    for (const listener of this.listeners) listener({ added, changed, removed });
  }
}

/** Those of `tasks` that `others` has no task with the same key for. */
function without(tasks: readonly Task[], others: readonly Task[]): readonly Task[] {
  if (tasks.length === 0) return tasks;
  const keys = new Set(others.map(({ key }) => key));
  return tasks.filter(({ key }) => !keys.has(key));
}
