import type { DeleteOutcome } from '../persistence/deleteTask.ts';
import type { CaptureStream } from '../persistence/record.ts';
import type { Outcome } from '../persistence/outcome.ts';
import type { EmptiedTrash, StuckEntry, TrashedTask } from '../persistence/trashContents.ts';
import type { FoundPlace } from '../output/captures/foundPlace.ts';
import type {
  CapturePlace,
  OpenedText,
  OutputChange,
  OutputWindow,
  Replay,
  ReplacingText,
  ReplayChange,
} from '../output/outputText.ts';
import type { StorageState, TaskChanges } from '../store/task.ts';

/** A task in the trash, with the key that it had. */
export type TrashItem = Omit<TrashedTask, 'harness' | 'sessionHash'> & { readonly key: string };

/** An entry of the trash that can't be brought back, with the key of its task. */
export type StuckItem = Omit<StuckEntry, 'harness' | 'sessionHash'> & { readonly key: string };

/** What the extension host asks of a storage's worker thread. Tasks are named by their key. */
export interface StorageCalls {
  /** Starts the first scan and the watching; returns at once. */
  start(): void;
  /** Reads the whole storage anew; resolves when that is done. */
  refresh(): Promise<void>;
  /** The explorer is (not) on screen: liveness and reconciliation run often (seldom). */
  setVisible(visible: boolean): void;
  kill(key: string): Promise<Outcome>;
  /** Into the trash, or for good where nothing is kept there. */
  deleteBundle(key: string): Promise<DeleteOutcome>;
  markDelivered(key: string): Promise<Outcome>;
  /** Notes in a running task's record that its agent need not be told of the end. */
  stopNotifying(key: string): Promise<Outcome>;
  /** Records the end of an orphaned task. */
  recordEnded(key: string): Promise<Outcome>;
  /**
   * How long deleted tasks are kept; 0: not at all. The first call finishes what an ended window has
   * left half-done; this one and then every hour remove what has been kept that long.
   */
  setKeepHours(hours: number): void;
  /** The tasks in the trash, the latest first. */
  trash(): readonly TrashItem[];
  /** What in the trash can't be brought back. */
  stuckInTrash(): readonly StuckItem[];
  /** Brings a task back from the trash. */
  undoDelete(entry: string): Promise<Outcome>;
  /** Removes these entries of the trash for good. */
  emptyTrash(entries: readonly string[]): Promise<EmptiedTrash>;
  /** Resolves when no action is under way. */
  finishActions(): Promise<void>;
  /** The files of a bundle as they are now: how many, and their bytes. */
  bundleSize(key: string): { files: number; bytes: number };
  /** The absolute path of a capture that exists and is safe to open. Throws a PersistenceError. */
  capturePath(key: string, stream: CaptureStream): string;
  /**
   * The last rendered lines of a task's natural output; where two streams have some, each has its
   * share below a heading.
   */
  lastLines(key: string, lines: number): Promise<readonly string[]>;
  /**
   * Opens a rendered view of a capture under a number that the caller chose. Views and replays have
   * their numbers in common. A pty capture is what a terminal of the task's size shows. Rejects where
   * it is closed meanwhile.
   */
  openOutput(
    view: number,
    key: string,
    stream: CaptureStream,
    window: OutputWindow,
  ): Promise<OpenedText>;
  /**
   * What came since the last call; absent where nothing did. A view is not cut before it has more
   * than `kept` bytes, even where its window is full.
   */
  readOutput(view: number, kept: number): Promise<OutputChange | undefined>;
  /**
   * Adds the window before a view to its start, and answers the whole text; the view follows on.
   * Absent where all is shown, or 16 MiB of the capture are, or the text has no room for more.
   */
  loadEarlier(view: number): Promise<ReplacingText | undefined>;
  /** Where a capture has a text that was found in the line from `offset` on. Throws a PersistenceError. */
  findPlace(key: string, stream: CaptureStream, offset: number, text: string): FoundPlace;
  /**
   * What a capture has around a place, rendered as `openOutput` does; it is no view, as it does not
   * grow. Rejects where `view` is closed meanwhile, or there is no such capture.
   */
  readExcerpt(
    view: number,
    key: string,
    stream: CaptureStream,
    place: CapturePlace,
  ): Promise<OpenedText>;
  /** Opens the last 2 MiB of a capture as they are. Closed with `closeOutput`. */
  openReplay(view: number, key: string, stream: CaptureStream): Replay;
  /** What came since the last call; absent where nothing did. */
  readReplay(view: number): ReplayChange | undefined;
  /** Closes a view, or a replay, and ends what is being done for it. */
  closeOutput(view: number): void;
  /**
   * Begins to write captures to a file outside the storage, as they are or as they are shown, under
   * a number that the caller chose; answers their bytes. Nothing is there under the file's name
   * until `closeExport`.
   */
  openExport(
    id: number,
    key: string,
    streams: readonly CaptureStream[],
    form: 'rendered' | 'raw',
    destination: string,
  ): Promise<number>;
  /** Goes on with an export for some milliseconds. */
  continueExport(id: number): Promise<{ readonly bytes: number; readonly done: boolean }>;
  /** Gives the file its name, or leaves nothing behind. */
  closeExport(id: number, keep: boolean): Promise<void>;
}

/** What a storage's worker thread tells the extension host, unasked. */
export interface StorageEvents {
  readonly onChanges: (changes: TaskChanges) => void;
  readonly onState: (state: StorageState) => void;
  /** What an action on a task is doing, in words for the user. */
  readonly onStep: (key: string, step: string) => void;
  /** A kill of ours was cut off, and what is left of it is the user's to decide. */
  readonly onUnfinishedKill: (key: string, message: string) => void;
  readonly onLog: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
}
