import { bundleSize } from '../persistence/bundle.ts';
import { deleteTask } from '../persistence/deleteTask.ts';
import { markTaskDelivered } from '../persistence/deliver.ts';
import type { Outcome } from '../persistence/outcome.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import { storageFacts } from '../process/host.ts';
import { killTask, systemClock } from '../process/kill.ts';
import type { ProcessTable } from '../process/processTable.ts';
import type { Storage } from '../store/discovery.ts';
import type { Store } from '../store/store.ts';
import type { Task } from '../store/task.ts';
import type { StorageCalls, StorageEvents } from './calls.ts';

type ActionCalls = Pick<
  StorageCalls,
  'kill' | 'deleteBundle' | 'markDelivered' | 'bundleSize' | 'finishActions'
>;

/** The calls that change tasks. After each, the task is read anew without waiting for a watch. */
export function storageActions(
  { directory }: Storage,
  store: Store,
  table: ProcessTable,
  onStep: StorageEvents['onStep'],
): ActionCalls {
  /** The last action on each task that is under way: the next one on that task waits for it. */
  const underWay = new Map<string, Promise<Outcome>>();

  const act = (
    key: string,
    action: (task: Task, paths: TaskPaths) => Promise<Outcome>,
  ): Promise<Outcome> => {
    const before = underWay.get(key) ?? Promise.resolve();
    const outcome = before.then(
      () => actNow(key, action),
      () => actNow(key, action),
    );
    underWay.set(key, outcome);
    const settled = (): void => {
      if (underWay.get(key) === outcome) underWay.delete(key);
    };
    outcome.then(settled, settled);
    return outcome;
  };

  const actNow = async (
    key: string,
    action: (task: Task, paths: TaskPaths) => Promise<Outcome>,
  ): Promise<Outcome> => {
    const task = store.get(key);
    const paths = store.pathsOf(key);
    if (task === undefined || paths === undefined) return gone(key);
    try {
      return await action(task, paths);
    } finally {
      await store.reread(key);
    }
  };
  return {
    kill: (key) =>
      act(key, (_task, paths) =>
        killTask({
          paths,
          table,
          facts: storageFacts(directory),
          uid: process.getuid?.(),
          clock: systemClock,
          onStep: (step) => {
            onStep(key, step);
          },
        }),
      ),
    deleteBundle: (key) => act(key, ({ harness }, paths) => deleteTask(directory, harness, paths)),
    markDelivered: (key) =>
      act(key, ({ harness }, paths) => markTaskDelivered(directory, harness, paths)),
    finishActions: async () => {
      await Promise.allSettled(underWay.values());
    },
    bundleSize: (key) => {
      const paths = store.pathsOf(key);
      return paths === undefined ? { files: 0, bytes: 0 } : bundleSize(paths);
    },
  };
}

function gone(key: string): Outcome {
  const taskId = key.slice(key.lastIndexOf('/') + 1);
  return {
    done: false,
    reason: 'not-found',
    message: `Task ${taskId} is not there any more. It may have been deleted.`,
    details: undefined,
  };
}
