import { createHash } from 'node:crypto';
import { access, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FSWatcher } from 'chokidar';
import { errorCode, errorText } from '../persistence/errors.ts';
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

/** What is at a candidate. */
export interface Found {
  readonly storage: Storage | undefined;
  /** Why that can't be told, in words for the user. */
  readonly problem?: string;
}

/** A candidate, and what was found there. */
export interface Place extends Candidate, Found {}

/** What tests replace. */
export interface DiscoveryParts {
  readonly clock?: Clock;
  readonly look?: (candidate: Candidate) => Promise<Found>;
}

/** A network drive that has gone may never answer; the other places don't wait for it any longer. */
const patienceMs = 3000;

/** A storage's id, from its root's real path. */
export function storageId(directory: string): string {
  return createHash('sha256').update(directory).digest('hex').slice(0, 8);
}

/** What is at each candidate now. Candidates with one real path get one and the same storage. */
export async function findStorages(
  candidates: readonly Candidate[],
  look: (candidate: Candidate) => Promise<Found> = lookAt,
): Promise<Place[]> {
  const storages = new Map<string, Storage>();
  const found = await Promise.all(candidates.map(look));
  return candidates.map((candidate, index) => {
    const { storage, ...rest } = found[index] ?? nothing;
    if (storage === undefined) return { ...candidate, ...rest, storage };
    const first = storages.get(storage.id) ?? storage;
    storages.set(first.id, first);
    return { ...candidate, ...rest, storage: first };
  });
}

async function lookAt({ path, legacy }: Candidate): Promise<Found> {
  try {
    const directory = await realpath(path);
    if (!(await stat(directory)).isDirectory()) return nothing;
    const migrated = await access(join(directory, '.migrated_from_legacy')).then(
      () => true,
      () => false,
    );
    return { storage: { id: storageId(directory), directory, legacy, migrated } };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return nothing;
    const reason = code === 'EACCES' ? 'permission denied' : errorText(error);
    return { storage: undefined, problem: `${path} can't be looked at: ${reason}.` };
  }
}

const nothing: Found = { storage: undefined };

/**
 * The storages that exist, looked for again on request and when a missing one may have come. This
 * runs beside the editor's own work, so its disk access is asynchronous, unlike the store's.
 */
export class StorageDiscovery {
  private readonly candidates: () => readonly Candidate[];
  private readonly onError: (error: unknown) => void;
  private readonly clock: Clock;
  private readonly lookAt: (candidate: Candidate) => Promise<Found>;
  private readonly scheduler: Scheduler;
  /** Looks that have no answer yet, by path: each one keeps a thread of Node's pool. */
  private readonly looks = new Map<string, Promise<Found>>();
  private readonly listeners = new Set<(storages: readonly Storage[]) => void>();
  private found: readonly Place[] = [];
  private watched = '';
  private watcher: FSWatcher | undefined;
  private disposed = false;

  /** @param onError is told why a look failed: the next one may not */
  constructor(
    candidates: () => readonly Candidate[],
    onError: (error: unknown) => void,
    parts: DiscoveryParts = {},
  ) {
    this.candidates = candidates;
    this.onError = onError;
    this.clock = parts.clock ?? systemClock;
    this.lookAt = parts.look ?? lookAt;
    this.scheduler = new Scheduler(() => this.look(), onError, this.clock);
  }

  /** Where storages were looked for, and what was there. */
  get places(): readonly Place[] {
    return this.found;
  }

  /** The storages that exist, each once. */
  get storages(): readonly Storage[] {
    return [...new Set(this.found.flatMap(({ storage }) => storage ?? []))];
  }

  /** Calls `listener` when the places have changed; returns the way to stop that. */
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
    const found = await findStorages(this.candidates(), (candidate) => this.patiently(candidate));
    if (this.disposed) return;
    const same = JSON.stringify(found) === JSON.stringify(this.found);
    this.found = found;
    this.awaitMissing();
    if (same) return;
    const { storages } = this;
    for (const listener of this.listeners) listener(storages);
  }

  /** Looks at a candidate. One that does not answer is as it was, and is looked at again when it does. */
  private async patiently(candidate: Candidate): Promise<Found> {
    const { path } = candidate;
    const look = this.looks.get(path) ?? this.lookAt(candidate);
    this.looks.set(path, look);
    let stopWaiting: (() => void) | undefined;
    const late = new Promise<Found>((resolve) => {
      stopWaiting = this.clock.after(patienceMs, () => {
        const before = this.found.find((place) => place.path === path);
        resolve({ storage: before?.storage, problem: `${path} does not answer.` });
        void look.then(() => {
          this.scheduler.request(0);
        });
      });
    });
    const found = await Promise.race([
      look.finally(() => {
        this.looks.delete(path);
      }),
      late,
    ]);
    stopWaiting?.();
    return found;
  }

  /** Watches for the candidates that are not there; chokidar waits in the nearest directory above. */
  private awaitMissing(): void {
    const missing = this.found.filter(
      ({ storage, problem }) => storage === undefined && problem === undefined,
    );
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
