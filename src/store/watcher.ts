/** What a watcher tells. */
export interface WatcherEvents {
  /** `name` in `directory` came, went or changed; without a name, anything in it may have. */
  readonly onEvent: (directory: string, name: string | undefined) => void;
  /** Watching does not work, or not any more: a limit of the system, mostly. */
  readonly onError: (error: Error) => void;
}

/**
 * Watches single directories, not what is below them. A directory may be missing: its coming is
 * told. Each watch tells of a nameless event once it works, since what happened before went unseen.
 */
export interface StoreWatcher {
  /** @param identity tells the directory from another one that takes its path later */
  watch(directory: string, identity: number): void;
  unwatch(directory: string): void;
  /** Ends all watches. */
  dispose(): Promise<void>;
}

export type WatcherFactory = (root: string, events: WatcherEvents) => StoreWatcher;
