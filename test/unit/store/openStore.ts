import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storageId } from '../../../src/store/discovery.ts';
import { Store, type StoreParts } from '../../../src/store/store.ts';
import type { StorageState, Task, TaskChanges } from '../../../src/store/task.ts';
import type { StoreWatcher } from '../../../src/store/watcher.ts';

/** A directory that is removed after the test; its path is real. */
export function temporaryDirectory(scope: AsyncDisposableStack): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'aft-store-')));
  scope.defer(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** Sees nothing: for tests of reading alone. */
export function blindWatcher(): StoreWatcher {
  return { watch: () => undefined, unwatch: () => undefined, dispose: () => Promise.resolve() };
}

/** A store with all that it told, and a picture of the tasks made from that alone. */
export interface OpenStore {
  readonly store: Store;
  readonly changes: TaskChanges[];
  readonly states: StorageState[];
  readonly logs: string[];
  /** By task id. */
  readonly tasks: ReadonlyMap<string, Task>;
  /** Resolves once this holds, looked at after each event. */
  readonly until: (holds: () => boolean) => Promise<void>;
}

export function openStore(
  scope: AsyncDisposableStack,
  directory: string,
  parts: StoreParts = {},
): OpenStore {
  const changes: TaskChanges[] = [];
  const states: StorageState[] = [];
  const logs: string[] = [];
  const tasks = new Map<string, Task>();
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const check of waiting) check();
  };
  const store = new Store(
    { id: storageId(directory), directory },
    {
      onChanges: (change) => {
        changes.push(change);
        for (const task of change.removed) tasks.delete(task.taskId);
        for (const task of [...change.added, ...change.changed]) tasks.set(task.taskId, task);
        look();
      },
      onState: (state) => {
        states.push(state);
        look();
      },
      onLog: (level, message) => {
        logs.push(`${level}: ${message}`);
        look();
      },
    },
    parts,
  );
  scope.defer(() => store.dispose());
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!holds()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { store, changes, states, logs, tasks, until };
}

/** Reads a storage once, watching nothing. */
export async function readStorage(
  scope: AsyncDisposableStack,
  directory: string,
  parts: StoreParts = {},
): Promise<OpenStore> {
  const open = openStore(scope, directory, { createWatcher: blindWatcher, ...parts });
  await open.store.refresh();
  return open;
}
