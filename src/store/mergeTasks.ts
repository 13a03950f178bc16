import type { Storage } from './discovery.ts';
import type { Task } from './task.ts';

/**
 * Of the tasks that are in a legacy root and in a root that it was migrated to, only the new root's:
 * the old tree may stay where it was (AFT, `.migrated_from_legacy`). The migration puts a task below
 * a harness that it did not have before, so its session and id alone name it.
 */
export function mergeTasks(
  tasks: readonly Task[],
  storages: ReadonlyMap<string, Storage>,
): readonly Task[] {
  const identity = (task: Task): string => `${task.sessionHash}/${task.taskId}`;
  const migrated = new Set<string>();
  let legacy = false;
  for (const task of tasks) {
    const storage = storages.get(task.storageId);
    if (storage?.legacy === true) legacy = true;
    else if (storage?.migrated === true) migrated.add(identity(task));
  }
  if (!legacy || migrated.size === 0) return tasks;
  return tasks.filter(
    (task) => storages.get(task.storageId)?.legacy !== true || !migrated.has(identity(task)),
  );
}
