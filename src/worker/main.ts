import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { createBirpc } from 'birpc';
import { hostProcessTable } from '../process/hostProcessTable.ts';
import { Store } from '../store/store.ts';
import type { StorageCalls, StorageEvents } from './calls.ts';
import { storageActions } from './storageActions.ts';
import { storageExports } from './storageExports.ts';
import type { StorageThreadData } from './storageThread.ts';
import { storageViews } from './storageViews.ts';

/** The composition root of a storage's worker thread. */
function serve(port: MessagePort, { storage }: StorageThreadData): void {
  const processes = hostProcessTable();
  const tell: StorageEvents = {
    onChanges: (changes) => void rpc.onChanges(changes),
    onState: (state) => void rpc.onState(state),
    onLog: (level, message) => void rpc.onLog(level, message),
    onStep: (key, step) => void rpc.onStep(key, step),
  };
  const store = new Store(storage, tell, { processes });
  const calls: StorageCalls = {
    start: () => {
      store.start();
    },
    refresh: () => store.refresh(),
    setVisible: (visible) => {
      store.setVisible(visible);
    },
    ...storageActions(storage, store, processes, tell.onStep),
    ...storageViews(store),
    ...storageExports(store),
  };
  const rpc = createBirpc<StorageEvents, StorageCalls>(calls, {
    post: (message) => {
      port.postMessage(message);
    },
    on: (listener) => port.on('message', listener),
    bind: 'functions',
    eventNames: ['onChanges', 'onState', 'onLog', 'onStep'],
  });
}

if (parentPort !== null) serve(parentPort, workerData as StorageThreadData);
