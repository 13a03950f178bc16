import { parentPort, workerData } from 'node:worker_threads';
import { storageId } from '../../src/store/discovery.ts';
import { Store } from '../../src/store/store.ts';
import type { TaskChanges } from '../../src/store/task.ts';

/** What the thread tells. */
export type StoreMessage =
  | { readonly kind: 'changes'; readonly changes: TaskChanges }
  | { readonly kind: 'scanned'; readonly milliseconds: number }
  | { readonly kind: 'recordsRead'; readonly recordsRead: number };

/** Reads and watches a storage, as its thread in the extension does; any message asks for figures. */
async function main(port: NonNullable<typeof parentPort>, directory: string): Promise<void> {
  const tell = (message: StoreMessage): void => {
    port.postMessage(message);
  };
  const store = new Store(
    { id: storageId(directory), directory },
    {
      onChanges: (changes) => {
        tell({ kind: 'changes', changes });
      },
      onState: () => undefined,
      onLog: () => undefined,
    },
  );
  port.on('message', () => {
    tell({ kind: 'recordsRead', recordsRead: store.statistics.recordsRead });
  });
  const began = performance.now();
  await store.refresh();
  tell({ kind: 'scanned', milliseconds: performance.now() - began });
}

if (parentPort !== null) await main(parentPort, workerData as string);
