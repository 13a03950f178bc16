import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafely } from '../persistence/safeFile.ts';

/** What is noted in a record, and then in its row. */
export type Mark = (typeof marks)[number];
const marks = ['delivered', 'notNotified', 'ended'] as const;

const largestEntry = 64 * 1024;

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
    const hash = createHash('sha256').update(key).digest('hex').slice(0, 16);
    const path = join(this.directory, `${hash}-${mark}.json`);
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
    let files: string[];
    try {
      files = readdirSync(this.directory);
    } catch {
      return [];
    }
    return files.flatMap((file) => {
      const path = join(this.directory, file);
      const forget = (): void => {
        rmSync(path, { force: true, recursive: true });
      };
      const entry = readEntry(this.directory, path);
      // Cut off while it was noted: the mark was not begun.
      if (entry === undefined) forget();
      return entry?.key.startsWith(`${storageId}/`) === true ? [{ ...entry, forget }] : [];
    });
  }
}

function readEntry(directory: string, path: string): { key: string; mark: Mark } | undefined {
  try {
    const { key, mark } = JSON.parse(
      readSafely(directory, path, largestEntry).toString(),
    ) as Record<string, unknown>;
    const known = marks.find((name) => name === mark);
    return typeof key === 'string' && known !== undefined ? { key, mark: known } : undefined;
  } catch {
    return undefined;
  }
}
