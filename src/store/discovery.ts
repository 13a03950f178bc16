import { createHash } from 'node:crypto';
import { access, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FSWatcher } from 'chokidar';
import type { Candidate } from './candidates.ts';
import { systemClock, type Clock } from './clock.ts';
import { Scheduler } from './scheduler.ts';

/** A storage root that exists. */
export interface Storage {
  /** The first 8 hex digits of SHA-256 of `directory`. */
  readonly id: string;
  /** The root's real path. */
  readonly directory: string;
  readonly legacy: boolean;
  /** Legacy roots' tasks have been copied here. */
  readonly migrated: boolean;
}

/** A candidate, and what was found there. */
export interface Place extends Candidate {
  readonly storage: Storage | undefined;
}

/** A storage's id, from its root's real path. */
export function storageId(directory: string): string {
  return createHash('sha256').update(directory).digest('hex').slice(0, 8);
}

/** What is at each candidate now. Candidates with one real path get one and the same storage. */
export async function findStorages(candidates: readonly Candidate[]): Promise<Place[]> {
  const found = new Map<string, Storage>();
  const places: Place[] = [];
  const storages = await Promise.all(candidates.map(storageAt));
  for (const [index, candidate] of candidates.entries()) {
    let storage = storages[index];
    if (storage !== undefined) {
      storage = found.get(storage.id) ?? storage;
      found.set(storage.id, storage);
    }
    places.push({ ...candidate, storage });
  }
  return places;
}

async function storageAt({ path, legacy }: Candidate): Promise<Storage | undefined> {
  try {
    const directory = await realpath(path);
    if (!(await stat(directory)).isDirectory()) return undefined;
    const migrated = await access(join(directory, '.migrated_from_legacy')).then(
      () => true,
      () => false,
    );
    return { id: storageId(directory), directory, legacy, migrated };
  } catch {
    // Missing, or behind a directory that we may not enter: nothing to show either way.
    return undefined;
  }
}

/**
 * The storages that exist, looked for again on request and when a missing one may have come. This
 * runs beside the editor's own work, so its disk access is asynchronous, unlike the store's.
 */
export class StorageDiscovery {
  private readonly candidates: () => readonly Candidate[];
  private readonly onError: (error: unknown) => void;
  private readonly scheduler: Scheduler;
  private readonly listeners = new Set<(storages: readonly Storage[]) => void>();
  private found: readonly Place[] = [];
  private watched = '';
  private watcher: FSWatcher | undefined;
  private disposed = false;

  /** @param onError is told why a look failed: the next one may not */
  constructor(
    candidates: () => readonly Candidate[],
    onError: (error: unknown) => void,
    clock: Clock = systemClock,
  ) {
    this.candidates = candidates;
    this.onError = onError;
    this.scheduler = new Scheduler(() => this.look(), onError, clock);
  }

  /** Where storages were looked for, and what was there. */
  get places(): readonly Place[] {
    return this.found;
  }

  /** The storages that exist, each once. */
  get storages(): readonly Storage[] {
    return [...new Set(this.found.flatMap(({ storage }) => storage ?? []))];
  }

  /** Calls `listener` when the storages have changed; returns the way to stop that. */
  onDidChange(listener: (storages: readonly Storage[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Looks again; resolves when that is done. */
  async refresh(): Promise<void> {
    await this.scheduler.run();
  }

  dispose(): void {
    this.disposed = true;
    this.scheduler.dispose();
    this.listeners.clear();
    void this.watcher?.close();
  }

  private async look(): Promise<void> {
    const before = JSON.stringify(this.storages);
    const found = await findStorages(this.candidates());
    if (this.disposed) return;
    this.found = found;
    this.awaitMissing();
    const { storages } = this;
    if (JSON.stringify(storages) === before) return;
    for (const listener of this.listeners) listener(storages);
  }

  /** Watches for the candidates that are not there; chokidar waits in the nearest directory above. */
  private awaitMissing(): void {
    const missing = this.found.filter(({ storage }) => storage === undefined);
    const paths = missing.map(({ path }) => path);
    const watched = paths.join('\n');
    if (watched === this.watched) return;
    this.watched = watched;
    void this.watcher?.close();
    this.watcher = undefined;
    if (paths.length === 0) return;
    const watcher = new FSWatcher({
      // Never `native-recursive`: the directory above may be the home directory.
      backend: 'native',
      persistent: false,
      ignoreInitial: true,
      ignorePermissionErrors: true,
      atomic: false,
      // Chokidar's paths have slashes on Windows, too. Directories above stay watchable.
      ignored: (path) => !paths.includes(resolve(path)),
    });
    this.watcher = watcher;
    watcher.on('addDir', (path) => {
      if (paths.includes(resolve(path))) this.scheduler.request(0);
    });
    // What came between looking and watching.
    watcher.once('ready', () => {
      this.scheduler.request(0);
    });
    watcher.on('error', (error) => {
      // Refreshing still finds what comes.
      void watcher.close();
      this.onError(error);
    });
    watcher.add(paths);
  }
}
