import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { createBirpc } from 'birpc';
import { errorText } from '../persistence/errors.ts';
import { ActionJournal } from '../process/actionJournal.ts';
import { hostProcessTable } from '../process/hostProcessTable.ts';
import { Store } from '../store/store.ts';
import { ActionQueue } from './actionQueue.ts';
import type { StorageCalls, StorageEvents } from './calls.ts';
import { storageActions } from './storageActions.ts';
import { storageExports } from './storageExports.ts';
import type { StorageThreadData } from './storageThread.ts';
import { storageTrash } from './storageTrash.ts';
import { storageViews } from './storageViews.ts';

/** The composition root of a storage's worker thread. */
function serve(port: MessagePort, { storage, journalDirectory }: StorageThreadData): void {
  const processes = hostProcessTable();
  const tell: StorageEvents = {
    onChanges: (changes) => void rpc.onChanges(changes),
    onState: (state) => void rpc.onState(state),
    onLog: (level, message) => void rpc.onLog(level, message),
    onStep: (key, step) => void rpc.onStep(key, step),
    onUnfinishedKill: (key, message) => void rpc.onUnfinishedKill(key, message),
  };
  const store = new Store(storage, tell, { processes });
  const queue = new ActionQueue();
  const journal = new ActionJournal(journalDirectory, processes);
  const { resumeActions, ...actions } = storageActions(
    storage,
    store,
    queue,
    processes,
    journal,
    tell,
  );
  const calls: StorageCalls = {
    start: () => {
      store
        .refresh()
        .then(resumeActions)
        .catch((error: unknown) => {
          tell.onLog('error', `what was cut off: ${errorText(error)}`);
        });
    },
    refresh: () => store.refresh(),
    setVisible: (visible) => {
      store.setVisible(visible);
    },
    ...actions,
    ...storageTrash(storage, store, queue, tell.onLog),
    ...storageViews(store),
    ...storageExports(store),
  };
  const rpc = createBirpc<StorageEvents, StorageCalls>(calls, {
    post: (message) => {
      port.postMessage(message);
    },
    on: (listener) => port.on('message', listener),
    bind: 'functions',
    eventNames: ['onChanges', 'onState', 'onLog', 'onStep', 'onUnfinishedKill'],
  });
}

if (parentPort !== null) serve(parentPort, workerData as StorageThreadData);
