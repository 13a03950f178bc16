import { basename, dirname, resolve } from 'node:path';
import { FSWatcher } from 'chokidar';
import type { StoreWatcher, WatcherEvents } from './watcher.ts';

/** A directory's first listing looks at every file in it: few at a time keep memory low. */
const openingsAtOnce = 4;

interface Watch {
  readonly identity: number;
  /** Absent while it waits for its turn. */
  chokidar: FSWatcher | undefined;
  /** Lets the next one have its turn. */
  opened: () => void;
}

/**
 * Watches with chokidar 6. On Linux each directory is one chokidar instance and one inotify watch;
 * chokidar is kept from looking into anything else (`ignored`), and its own `add`, `change` and
 * `unlink`, which it would work out from a picture of all files, are replaced by its `raw` events.
 * macOS and Windows watch the root recursively, in one handle: on Windows, a handle on a
 * directory would keep AFT from renaming it or what is above it.
 */
export class ChokidarWatcher implements StoreWatcher {
  private readonly root: string;
  private readonly events: WatcherEvents;
  private readonly recursive: boolean;
  private readonly watches = new Map<string, Watch>();
  private readonly queue: string[] = [];
  private opening = 0;
  private readonly closing = new Set<Promise<void>>();

  constructor(
    root: string,
    events: WatcherEvents,
    recursive = process.platform === 'darwin' || process.platform === 'win32',
  ) {
    this.root = root;
    this.events = events;
    this.recursive = recursive;
  }

  watch(directory: string, identity: number): void {
    if (this.recursive && directory !== this.root) return;
    if (this.watches.get(directory)?.identity === identity) return;
    this.unwatch(directory);
    this.watches.set(directory, { identity, chokidar: undefined, opened: nothing });
    this.queue.push(directory);
    this.openNext();
  }

  unwatch(directory: string): void {
    const watch = this.watches.get(directory);
    this.watches.delete(directory);
    if (watch?.chokidar === undefined) return;
    watch.opened();
    const closing: Promise<void> = watch.chokidar
      .close()
      .catch(nothing)
      .then(() => {
        this.closing.delete(closing);
      });
    this.closing.add(closing);
  }

  async dispose(): Promise<void> {
    this.queue.length = 0;
    for (const directory of [...this.watches.keys()]) this.unwatch(directory);
    await Promise.all(this.closing);
  }

  private openNext(): void {
    while (this.opening < openingsAtOnce) {
      const directory = this.queue.shift();
      if (directory === undefined) return;
      const watch = this.watches.get(directory);
      if (watch !== undefined && watch.chokidar === undefined) this.open(directory, watch);
    }
  }

  private open(directory: string, watch: Watch): void {
    const chokidar = new FSWatcher({
      backend: this.recursive ? 'native-recursive' : 'native',
      persistent: false,
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      // Chokidar's paths have slashes on Windows, too. Directories above stay watchable.
      ignored: (path) => resolve(path) !== directory,
    });
    watch.chokidar = chokidar;
    this.opening += 1;
    watch.opened = () => {
      watch.opened = nothing;
      this.opening -= 1;
      this.openNext();
    };
    const current = (): boolean => this.watches.get(directory)?.chokidar === chokidar;

    chokidar.on('raw', (event: string, name: unknown, details: unknown) => {
      if (current()) this.onRaw(directory, watch, event, name, details);
    });
    // The directory itself came or went. Chokidar tells so before it watches what came.
    chokidar.on('all', (_event, path) => {
      if (current() && resolve(path) === directory) this.reopen(directory, watch);
    });
    chokidar.on('error', (error) => {
      watch.opened();
      if (current()) this.events.onError(error instanceof Error ? error : new Error(String(error)));
    });
    chokidar.once('ready', () => {
      watch.opened();
      if (!current()) return;
      // The environment decides over us. It would see that files come and go, not that they change.
      if (chokidar.options.backend === 'polling') {
        this.events.onError(new Error('CHOKIDAR_USEPOLLING turns file watches off'));
      } else this.events.onEvent(directory, undefined);
    });
    chokidar.add(directory);
  }

  private onRaw(
    directory: string,
    watch: Watch,
    event: string,
    name: unknown,
    details: unknown,
  ): void {
    if (typeof name !== 'string' || resolve(directory, name) === directory) {
      this.events.onEvent(directory, undefined);
      return;
    }
    // While the directory is missing, chokidar waits in one above it.
    if (!isWatchOf(details, directory)) return;
    if (this.recursive) {
      const path = resolve(directory, name);
      this.events.onEvent(dirname(path), basename(path));
      return;
    }
    this.events.onEvent(directory, name);
    // A directory that is moved or removed tells so by its own name; its watch is blind from then
    // on, while chokidar, not being shown what is in it, does not notice.
    if (event === 'rename' && name === basename(directory)) this.reopen(directory, watch);
  }

  private reopen(directory: string, { identity }: Watch): void {
    this.unwatch(directory);
    this.watch(directory, identity);
  }
}

function nothing(): void {
  // Nobody waits.
}

function isWatchOf(details: unknown, directory: string): boolean {
  if (typeof details !== 'object' || details === null || !('watchedPath' in details)) return false;
  return typeof details.watchedPath === 'string' && resolve(details.watchedPath) === directory;
}
