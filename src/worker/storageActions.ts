import { bundleSize, removeTempFiles } from '../persistence/bundle.ts';
import type { Outcome } from '../persistence/outcome.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import { stopNotifying } from '../persistence/stopNotifying.ts';
import { notDone } from '../persistence/taskOutcome.ts';
import { unlessRefused } from '../persistence/trash.ts';
import {
  isOver,
  type ActionJournal,
  type Mark,
  type UnfinishedAction,
} from '../process/actionJournal.ts';
import { storageFacts } from '../process/host.ts';
import { killTask, resumeKill } from '../process/kill.ts';
import { markDelivered } from '../process/markDelivered.ts';
import type { ProcessTable } from '../process/processTable.ts';
import { recordEnded } from '../process/recordEnded.ts';
import { systemClock, type TaskRequest } from '../process/taskRequest.ts';
import type { Storage } from '../store/discovery.ts';
import type { Store } from '../store/store.ts';
import type { Task } from '../store/task.ts';
import type { ActionQueue } from './actionQueue.ts';
import type { StorageCalls, StorageEvents } from './calls.ts';

type ActionCalls = Pick<
  StorageCalls,
  'kill' | 'markDelivered' | 'stopNotifying' | 'recordEnded' | 'bundleSize' | 'finishActions'
> & {
  /** Looks after what of ours was cut off, once the storage has been read. */
  readonly resumeActions: () => Promise<void>;
};

/** The calls that change tasks. After each, the task is read anew without waiting for a watch. */
export function storageActions(
  { id, directory }: Storage,
  store: Store,
  queue: ActionQueue,
  table: ProcessTable,
  journal: ActionJournal,
  { onStep, onUnfinishedKill, onLog }: StorageEvents,
): ActionCalls {
  const act = (
    key: string,
    action: (task: Task, paths: TaskPaths) => Promise<Outcome>,
  ): Promise<Outcome> => queue.act(key, () => actNow(key, action));

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

  const requestFor = ({ key, harness }: Task, paths: TaskPaths): TaskRequest => ({
    storageDirectory: directory,
    harness,
    paths,
    table,
    facts: storageFacts(directory),
    uid: process.getuid?.(),
    clock: systemClock,
    onStep: (step) => {
      onStep(key, step);
    },
  });

  const markings: Readonly<Record<Mark, (request: TaskRequest) => Promise<Outcome>>> = {
    delivered: markDelivered,
    notNotified: ({ harness, paths }) => stopNotifying(directory, harness, paths),
    ended: recordEnded,
  };
  const make = (key: string, mark: Mark): Promise<Outcome> =>
    act(key, (task, paths) =>
      journal.during(key, mark, () => markings[mark](requestFor(task, paths))),
    );

  /** Goes on with what was cut off; answers whether nothing of it is left. */
  const resume = async ({ key, action, writer }: UnfinishedAction): Promise<boolean> => {
    if (store.get(key) === undefined) return true;
    const outcome = await act(key, async (task, paths) => {
      unlessRefused(() => {
        removeTempFiles(paths, writer);
      });
      const goOn = action === 'kill' ? resumeKill : markings[action];
      return (await goOn(requestFor(task, paths))) ?? nothingLeft;
    });
    const isForUser = action === 'kill' && !outcome.done;
    const isFinished = !isForUser && isOver(outcome);
    if (outcome.message !== '') {
      onLog(isFinished ? 'info' : 'warn', `${key}: cut off before. ${outcome.message}`);
    }
    if (isForUser) onUnfinishedKill(key, outcome.message);
    return isFinished;
  };

  return {
    kill: (key) =>
      act(key, (task, paths) =>
        killTask({ ...requestFor(task, paths), note: journal.note(key, 'kill') }),
      ),
    recordEnded: (key) =>
      act(key, async (task, paths) => {
        // What was on screen may be of some seconds ago.
        await store.reread(key);
        const { liveness = 'unknown' } = store.get(key) ?? {};
        if (liveness === 'unknown') return undecided(task);
        return journal.during(key, 'ended', () => recordEnded(requestFor(task, paths)));
      }),
    stopNotifying: (key) => make(key, 'notNotified'),
    resumeActions: async () => {
      for (const unfinished of journal.unfinished(id)) {
        if (await resume(unfinished)) unfinished.forget();
      }
    },
    markDelivered: (key) => make(key, 'delivered'),
    finishActions: () => queue.finish(),
    bundleSize: (key) => {
      const paths = store.pathsOf(key);
      return paths === undefined ? { files: 0, bytes: 0 } : bundleSize(paths);
    },
  };
}

const nothingLeft: Outcome = { done: true, reason: undefined, message: '', details: undefined };

function undecided({ taskId }: Task): Outcome {
  return notDone(
    'unknown-process',
    `Task ${taskId} was not recorded as ended: it can’t be told from here whether it lives.`,
  );
}

/** The task has gone since the caller saw it. */
export function gone(key: string): Outcome {
  const taskId = key.slice(key.lastIndexOf('/') + 1);
  return notDone('not-found', `Task ${taskId} is not there any more. It may have been deleted.`);
}
