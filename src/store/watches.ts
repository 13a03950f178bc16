import { join } from 'node:path';
import type { Directory } from './layout.ts';
import type { StoreWatcher } from './watcher.ts';

/**
 * How many tasks get watches of their own, two each: a storage may hold thousands of undelivered
 * ones, and the system's watches are shared by all programs. The others wait for the reconciling.
 */
const watchedTasks = 512;

interface WatchedTask {
  readonly directory: string;
  readonly goesOn: boolean;
}

/** Which directories are watched: those above the tasks, and the insides of tasks that may change. */
export class Watches {
  private readonly watcher: StoreWatcher;
  private directories = new Map<string, number>();
  private readonly tasks = new Map<string, WatchedTask>();

  constructor(watcher: StoreWatcher) {
    this.watcher = watcher;
  }

  /** Watches these directories, beside the tasks' insides, and no others. */
  setDirectories(directories: Iterable<Directory>): void {
    const wanted = new Map<string, number>();
    for (const { path, identity } of directories) wanted.set(path, identity);
    for (const path of this.directories.keys()) {
      if (!wanted.has(path)) this.watcher.unwatch(path);
    }
    for (const [path, identity] of wanted) this.watcher.watch(path, identity);
    this.directories = wanted;
  }

  /** Watches a task's `control` and `io`; a task that goes on takes the place of one that does not. */
  addTask(key: string, task: WatchedTask): void {
    const known = this.tasks.has(key);
    if (!known && this.tasks.size >= watchedTasks && !(task.goesOn && this.makeRoom())) return;
    this.tasks.set(key, task);
    if (!known) for (const path of insides(task)) this.watcher.watch(path, 0);
  }

  removeTask(key: string): void {
    const task = this.tasks.get(key);
    if (task === undefined) return;
    this.tasks.delete(key);
    for (const path of insides(task)) this.watcher.unwatch(path);
  }

  async dispose(): Promise<void> {
    await this.watcher.dispose();
  }

  private makeRoom(): boolean {
    for (const [key, { goesOn }] of this.tasks) {
      if (goesOn) continue;
      this.removeTask(key);
      return true;
    }
    return false;
  }
}

function insides({ directory }: WatchedTask): string[] {
  return [join(directory, 'control'), join(directory, 'io')];
}
