import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { noteName, noteNames, readNote } from '../process/notes.ts';

/** What is noted in a record, and then in its row. */
export type Mark = (typeof marks)[number];
const marks = ['delivered', 'notNotified', 'ended'] as const;

/** A mark that was begun and did not come to its end. */
export interface UnfinishedMark {
  /** The task's key. */
  readonly key: string;
  readonly mark: Mark;
  /** Forgets it. */
  readonly forget: () => void;
}

/**
 * Which marks are under way, in a directory of the extension's own: one small file each. What is
 * there at a start was cut off, perhaps between the record and the row, and is made once more;
 * where another window is just making it, that changes nothing.
 */
export class MarkJournal {
  private readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Notes a mark while it is made. */
  async during<Made>(key: string, mark: Mark, make: () => Promise<Made>): Promise<Made> {
    const path = join(this.directory, `${noteName(key)}-${mark}.json`);
    try {
      mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      writeFileSync(path, JSON.stringify({ key, mark }), { mode: 0o600 });
    } catch {
      // Without it, a mark that is cut off can be made again by hand.
    }
    try {
      return await make();
    } finally {
      rmSync(path, { force: true });
    }
  }

  /** The marks of a storage's tasks that were cut off. */
  unfinished(storageId: string): UnfinishedMark[] {
    return noteNames(this.directory).flatMap((file) => {
      const forget = (): void => {
        rmSync(join(this.directory, file), { force: true, recursive: true });
      };
      const entry = readEntry(this.directory, file);
      // Cut off while it was noted: the mark was not begun.
      if (entry === undefined) forget();
      return entry?.key.startsWith(`${storageId}/`) === true ? [{ ...entry, forget }] : [];
    });
  }
}

function readEntry(directory: string, file: string): { key: string; mark: Mark } | undefined {
  const { key, mark } = readNote(directory, file) ?? {};
  const known = marks.find((name) => name === mark);
  return typeof key === 'string' && known !== undefined ? { key, mark: known } : undefined;
}
