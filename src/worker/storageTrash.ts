import { deleteTask } from '../persistence/deleteTask.ts';
import { systemTrash } from '../persistence/trash.ts';
import {
  emptyTrash,
  listStuck,
  listTrash,
  tendTrash,
  undoDelete,
} from '../persistence/trashContents.ts';
import { placePaths, trashPlace, type TrashPlace } from '../persistence/trashPlace.ts';
import type { Storage } from '../store/discovery.ts';
import type { Store } from '../store/store.ts';
import type { ActionQueue } from './actionQueue.ts';
import type { StorageCalls, StorageEvents } from './calls.ts';
import { gone } from './storageActions.ts';

type TrashCalls = Pick<
  StorageCalls,
  'deleteBundle' | 'setKeepHours' | 'trash' | 'stuckInTrash' | 'undoDelete' | 'emptyTrash'
>;

const hourMs = 60 * 60 * 1000;
const tendMs = hourMs;

/** The calls that delete tasks and bring them back. Begins to tend the trash when told how long to keep. */
export function storageTrash(
  { directory, id }: Storage,
  store: Store,
  queue: ActionQueue,
  onLog: StorageEvents['onLog'],
): TrashCalls {
  let keepMs = 24 * hourMs;
  let timer: NodeJS.Timeout | undefined;
  /** The last look at the trash. What it may be finishing, nobody else touches meanwhile. */
  let tending: Promise<void> = Promise.resolve();

  const tend = async (): Promise<void> => {
    const { problems, returned } = await tendTrash(directory, keepMs);
    for (const problem of problems) onLog('warn', `trash: ${problem}`);
    if (returned.length > 0) await store.refresh();
  };
  const tendNext = (): void => {
    tending = tending.then(tend).catch((error: unknown) => {
      onLog('error', `trash of ${directory}: ${String(error)}`);
    });
  };

  const withKey = <T extends Pick<TrashPlace, 'harness' | 'sessionHash' | 'taskId'>>({
    harness,
    sessionHash,
    ...task
  }: T): Omit<T, 'harness' | 'sessionHash'> & { readonly key: string } => ({
    ...task,
    key: `${id}/${harness ?? '_'}/${sessionHash}/${task.taskId}`,
  });

  return {
    setKeepHours: (hours) => {
      keepMs = hours * hourMs;
      timer ??= setInterval(tendNext, tendMs).unref();
      tendNext();
    },
    deleteBundle: (key) =>
      queue.act(key, async () => {
        const task = store.get(key);
        const paths = store.pathsOf(key);
        if (task === undefined || paths === undefined) {
          return { ...gone(key), trashEntry: undefined };
        }
        try {
          return await deleteTask(directory, task.harness, paths, { keep: keepMs > 0 });
        } finally {
          await store.reread(key);
        }
      }),
    trash: () => listTrash(directory).map(withKey),
    stuckInTrash: () => listStuck(directory).map(withKey),
    undoDelete: async (entry) => {
      const place = trashPlace(directory, entry);
      if (place === undefined) return undoDelete(directory, entry);
      const { key } = withKey(place);
      return queue.act(key, async () => {
        await tending;
        try {
          return await undoDelete(directory, entry);
        } finally {
          await store.readAt(placePaths(place, 'flat'));
        }
      });
    },
    emptyTrash: async (entries) => {
      await Promise.all([tending, queue.finish()]);
      return await emptyTrash(directory, systemTrash, entries);
    },
  };
}
