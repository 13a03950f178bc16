import { Worker } from 'node:worker_threads';
import { createBirpc, type BirpcReturn } from 'birpc';
import type { Storage } from '../store/discovery.ts';
import type { StorageCalls, StorageEvents } from './calls.ts';

/** What a storage's worker thread is started with. */
export interface StorageThreadData {
  readonly storage: Storage;
  /** Where actions under way are noted, outside the storage. */
  readonly journalDirectory: string;
}

/** A kill takes this long at most until the processes have ended; VS Code waits for as long. */
const longestActionMs = 5000;

/**
 * A storage's worker thread, seen from the extension host. All of a storage's disk access happens
 * in its thread: a hanging disk or a long scan stalls neither the editor nor other storages.
 */
export class StorageThread {
  readonly storage: Storage;
  private readonly worker: Worker;
  private readonly rpc: BirpcReturn<StorageCalls, StorageEvents>;
  private closing = false;

  /**
   * @param script the bundled `worker/main.ts`
   * @param data what it is started with
   * @param onDied is told when the thread ends by itself; calls under way are rejected
   */
  constructor(
    script: string,
    data: StorageThreadData,
    events: StorageEvents,
    onDied: (error: Error) => void,
  ) {
    this.storage = data.storage;
    const name = `aft-storage-${data.storage.id}`;
    this.worker = new Worker(script, { workerData: data, name });
    this.rpc = createBirpc<StorageCalls, StorageEvents>(events, {
      post: (message) => {
        this.worker.postMessage(message);
      },
      on: (listener) => this.worker.on('message', listener),
      // Some calls wait for processes, or for a slow disk; the user can cancel, a clock can't.
      timeout: -1,
      eventNames: ['start', 'setVisible', 'setKeepHours', 'closeOutput'],
    });
    let failure: Error | undefined;
    this.worker.on('error', (error: unknown) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    this.worker.once('exit', (code) => {
      const error = failure ?? new Error(`the storage's worker thread exited with code ${code}`);
      this.rpc.$close(error);
      if (!this.closing) onDied(error);
    });
  }

  get calls(): BirpcReturn<StorageCalls, StorageEvents> {
    return this.rpc;
  }

  /**
   * Ends the thread, but not in the middle of an action: a kill that has written the exit marker
   * and not yet made the processes end would leave an AFT waiting for them.
   */
  async close(): Promise<void> {
    this.closing = true;
    const actions = this.rpc.finishActions().catch(() => undefined);
    const limit = new Promise((resolve) => setTimeout(resolve, longestActionMs).unref());
    await Promise.race([actions, limit]);
    await this.worker.terminate();
  }
}
