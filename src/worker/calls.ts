import type { CaptureStream } from '../persistence/record.ts';
import type { Outcome } from '../persistence/outcome.ts';
import type { OutputChange, OutputText, OutputWindow } from '../output/outputText.ts';
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
  /** Opens a rendered view of a capture under a number that the caller chose. */
  openOutput(view: number, key: string, stream: CaptureStream, window: OutputWindow): OutputText;
  /** What came since the last call; absent where nothing did. */
  readOutput(view: number): OutputChange | undefined;
  closeOutput(view: number): void;
}

/** What a storage's worker thread tells the extension host, unasked. */
export interface StorageEvents {
  readonly onChanges: (changes: TaskChanges) => void;
  readonly onState: (state: StorageState) => void;
  /** What an action on a task is doing, in words for the user. */
  readonly onStep: (key: string, step: string) => void;
  readonly onLog: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
}
