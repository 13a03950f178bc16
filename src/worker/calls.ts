import type { CaptureStream } from '../persistence/record.ts';
import type { Outcome } from '../persistence/outcome.ts';
import type { Excerpt } from '../output/excerpt.ts';
import type {
  OutputChange,
  OutputText,
  OutputWindow,
  Replay,
  ReplayChange,
} from '../output/outputText.ts';
import type { StorageState, TaskChanges } from '../store/task.ts';

/** What the extension host asks of a storage's worker thread. Tasks are named by their key. */
export interface StorageCalls {
  /** Starts the first scan and the watching; returns at once. */
  start(): void;
  /** Reads the whole storage anew; resolves when that is done. */
  refresh(): Promise<void>;
  /** The explorer is (not) on screen: liveness and reconciliation run often (seldom). */
  setVisible(visible: boolean): void;
  kill(key: string): Promise<Outcome>;
  deleteBundle(key: string): Promise<Outcome>;
  markDelivered(key: string): Promise<Outcome>;
  /** Resolves when no action is under way. */
  finishActions(): Promise<void>;
  /** The files of a bundle as they are now: how many, and their bytes. */
  bundleSize(key: string): { files: number; bytes: number };
  /** The absolute path of a capture that exists and is safe to open. Throws a PersistenceError. */
  capturePath(key: string, stream: CaptureStream): string;
  /** The last rendered lines of a task's natural output. */
  lastLines(key: string, lines: number): readonly string[];
  /**
   * Opens a rendered view of a capture under a number that the caller chose. Views and replays have
   * their numbers in common. A pty capture is what a terminal of the task's size shows.
   */
  openOutput(
    view: number,
    key: string,
    stream: CaptureStream,
    window: OutputWindow,
  ): Promise<OutputText>;
  /** What came since the last call; absent where nothing did. */
  readOutput(view: number): Promise<OutputChange | undefined>;
  /**
   * Adds the window before a view to its start, and answers the whole text; the view follows on.
   * Absent where all is shown, or 16 MiB of the capture are.
   */
  loadEarlier(view: number): Promise<OutputText | undefined>;
  /** Opens the last 2 MiB of a capture as they are. Closed with `closeOutput`. */
  openReplay(view: number, key: string, stream: CaptureStream): Replay;
  /** What came since the last call; absent where nothing did. */
  readReplay(view: number): ReplayChange | undefined;
  closeOutput(view: number): void;
  /** What a capture has around a byte. Throws a PersistenceError. */
  readExcerpt(key: string, stream: CaptureStream, offset: number): Excerpt;
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
  closeExport(id: number, keep: boolean): void;
}

/** What a storage's worker thread tells the extension host, unasked. */
export interface StorageEvents {
  readonly onChanges: (changes: TaskChanges) => void;
  readonly onState: (state: StorageState) => void;
  /** What an action on a task is doing, in words for the user. */
  readonly onStep: (key: string, step: string) => void;
  readonly onLog: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
}
