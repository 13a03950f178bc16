import type { BirpcReturn } from 'birpc';
import type { Candidate } from '../store/candidates.ts';
import { StorageDiscovery, type Place, type Storage } from '../store/discovery.ts';
import type { StorageState } from '../store/task.ts';
import { TaskIndex } from '../store/taskIndex.ts';
import type { StorageCalls, StorageEvents } from './calls.ts';
import { StorageThread } from './storageThread.ts';

export interface StoragesOptions {
  /** Where storages may be, best first. */
  readonly candidates: () => readonly Candidate[];
  /** The bundled `worker/main.ts`. */
  readonly workerScript: string;
  /** A directory of the extension's own, where actions under way are noted. */
  readonly journalDirectory: string;
  /** How long deleted tasks are kept in the trash; 0: not at all. */
  readonly keepHours: () => number;
  readonly log: StorageEvents['onLog'];
}

/** Each storage costs a thread; nobody has this many. */
const mostStorages = 32;

interface Reading {
  readonly thread: StorageThread;
  state: StorageState;
}

const beginning: StorageState = {
  scanning: true,
  ready: false,
  watching: 'none',
  problem: undefined,
};

/**
 * Every storage that was found, one worker thread each, and the index of all their tasks.
 * This is what the explorer, the documents and the commands see of the disk.
 */
export class Storages {
  readonly index = new TaskIndex();
  private readonly options: StoragesOptions;
  private readonly discovery: StorageDiscovery;
  private readonly readings = new Map<string, Reading>();
  private readonly stateListeners = new Set<() => void>();
  private readonly stepListeners = new Set<StorageEvents['onStep']>();
  private readonly unfinishedKillListeners = new Set<StorageEvents['onUnfinishedKill']>();
  private readonly waiting = new Set<() => void>();
  /** Why storages that were found are not read, by id; the next refresh tries again. */
  private readonly broken = new Map<string, string>();
  /** What was last said of the places where storages may be. */
  private logged: ReadonlySet<string> = new Set();
  private discovered = false;
  private visible = false;

  constructor(options: StoragesOptions) {
    this.options = options;
    this.discovery = new StorageDiscovery(options.candidates, (error) => {
      options.log('error', `looking for storages: ${String(error)}`);
    });
    this.discovery.onDidChange((storages) => {
      this.adopt(storages);
    });
  }

  /** Looks for storages and starts to read them; resolves when the first scan of each is done. */
  async start(): Promise<void> {
    await this.discovery.refresh();
    this.discovered = true;
    this.adopt(this.discovery.storages);
    await this.settled();
  }

  /** Where storages were looked for, found or not. */
  get places(): readonly Place[] {
    return this.discovery.places;
  }

  get storages(): readonly Storage[] {
    return [...this.readings.values()].map(({ thread }) => thread.storage);
  }

  /** All storages' states as one. `ready`: every storage that was found has been read once. */
  get state(): StorageState {
    const states = [...this.readings.values()].map((reading) => reading.state);
    const problems = [...this.discovery.places, ...states].flatMap(({ problem }) => problem ?? []);
    problems.push(...this.broken.values());
    return {
      scanning: !this.discovered || states.some(({ scanning }) => scanning),
      ready: this.discovered && states.every(({ ready }) => ready),
      watching: states.some(({ watching }) => watching === 'polling') ? 'polling' : 'native',
      problem: problems.length > 0 ? problems.join('\n') : undefined,
    };
  }

  /** Calls `listener` after each change of `state` or `storages`; returns the way to stop that. */
  onDidChangeState(listener: () => void): () => void {
    this.stateListeners.add(listener);
    return () => this.stateListeners.delete(listener);
  }

  /** Calls `listener` with what actions on tasks are doing; returns the way to stop that. */
  onStep(listener: StorageEvents['onStep']): () => void {
    this.stepListeners.add(listener);
    return () => this.stepListeners.delete(listener);
  }

  /** Calls `listener` with kills that were cut off and need the user; returns the way to stop that. */
  onUnfinishedKill(listener: StorageEvents['onUnfinishedKill']): () => void {
    this.unfinishedKillListeners.add(listener);
    return () => this.unfinishedKillListeners.delete(listener);
  }

  /** Resolves when every storage has been read once. */
  async settled(): Promise<void> {
    if (this.state.ready) return;
    await new Promise<void>((resolve) => this.waiting.add(resolve));
  }

  /** The worker of the storage that a task's key names; absent where that storage is not shown. */
  callsFor(key: string): BirpcReturn<StorageCalls, StorageEvents> | undefined {
    return this.readings.get(key.split('/', 1)[0] ?? '')?.thread.calls;
  }

  /** Looks for storages and reads all of them anew. */
  async refresh(): Promise<void> {
    await this.discovery.refresh();
    this.adopt(this.discovery.storages);
    await Promise.all([...this.readings.values()].map(({ thread }) => this.reread(thread)));
  }

  private async reread(thread: StorageThread): Promise<void> {
    try {
      await thread.calls.refresh();
    } catch (error) {
      // A storage that is shown no more, or whose thread has died: `state` tells the latter.
      if (this.readings.get(thread.storage.id)?.thread === thread) throw error;
    }
  }

  setVisible(visible: boolean): void {
    this.visible = visible;
    for (const { thread } of this.readings.values()) void thread.calls.setVisible(visible);
  }

  /** Tells every storage how long deleted tasks are kept from now on. */
  updateKeepHours(): void {
    const hours = this.options.keepHours();
    for (const { thread } of this.readings.values()) void thread.calls.setKeepHours(hours);
  }

  /** The storages that are shown, each with its worker. */
  get opened(): readonly Pick<StorageThread, 'storage' | 'calls'>[] {
    return Array.from(this.readings.values(), ({ thread }) => thread);
  }

  async dispose(): Promise<void> {
    this.discovery.dispose();
    const threads = [...this.readings.values()].map(({ thread }) => thread);
    this.readings.clear();
    await Promise.all(threads.map((thread) => thread.close()));
  }

  private adopt(storages: readonly Storage[]): void {
    const wanted = new Map(storages.map((storage) => [storage.id, storage]));
    for (const [id, { thread }] of this.readings) {
      if (!wanted.has(id)) this.drop(id, thread);
    }
    this.index.setStorages(storages);
    this.broken.clear();
    this.logProblems();
    for (const storage of wanted.values()) {
      if (this.readings.has(storage.id)) continue;
      if (this.readings.size < mostStorages) this.open(storage);
      else
        this.broken.set(
          storage.id,
          `${storage.directory} is not read: ${mostStorages} storages are.`,
        );
    }
    this.announce();
  }

  private logProblems(): void {
    const problems = this.places.flatMap(({ problem }) => problem ?? []);
    for (const problem of problems) {
      if (!this.logged.has(problem)) this.options.log('warn', problem);
    }
    this.logged = new Set(problems);
  }

  private open(storage: Storage): void {
    const { log, workerScript, journalDirectory } = this.options;
    log('info', `reading the storage ${storage.directory}`);
    const thread = new StorageThread(
      workerScript,
      { storage, journalDirectory },
      {
        onChanges: (changes) => {
          if (this.readings.has(storage.id)) this.index.apply(changes);
        },
        onState: (state) => {
          const reading = this.readings.get(storage.id);
          if (reading === undefined) return;
          const { problem } = state;
          if (problem !== undefined && problem !== reading.state.problem) {
            log('warn', problem);
            // The storage may be gone altogether.
            void this.discovery.refresh();
          }
          if (state.ready && !reading.state.ready) {
            const tasks = this.index.tasks().filter(({ storageId }) => storageId === storage.id);
            log('info', `${storage.directory}: ${tasks.length} tasks`);
          }
          reading.state = state;
          this.announce();
        },
        onStep: (key, step) => {
          for (const listener of this.stepListeners) listener(key, step);
        },
        onUnfinishedKill: (key, message) => {
          for (const listener of this.unfinishedKillListeners) listener(key, message);
        },
        onLog: log,
      },
      (error) => {
        log('error', `reading ${storage.directory} stopped: ${error.stack ?? error.message}`);
        if (this.readings.get(storage.id)?.thread !== thread) return;
        // The next refresh or discovery opens it again; until then its tasks are not to be trusted.
        this.drop(storage.id, thread);
        this.broken.set(
          storage.id,
          `Reading ${storage.directory} broke off (${error.message}). Refresh to try again.`,
        );
        this.announce();
      },
    );
    this.readings.set(storage.id, { thread, state: beginning });
    void thread.calls.setKeepHours(this.options.keepHours());
    void thread.calls.start();
    void thread.calls.setVisible(this.visible);
  }

  private drop(id: string, thread: StorageThread): void {
    this.readings.delete(id);
    this.index.removeStorage(id);
    void thread.close();
  }

  private announce(): void {
    if (this.state.ready) {
      for (const resolve of this.waiting) resolve();
      this.waiting.clear();
    }
    for (const listener of this.stateListeners) listener();
  }
}
