import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { atomicWrite } from '../persistence/atomicWrite.ts';
import type { KillNote } from './kill.ts';
import type { ProcessTable } from './processTable.ts';

/** A kill that was begun here and did not come to its end. */
export interface UnfinishedKill {
  /** The task's key. */
  readonly key: string;
  /** Forgets it. */
  readonly forget: () => void;
}

interface Entry {
  readonly key: string;
  /** The process that began it, and when that started. */
  readonly pid: number;
  readonly startedAt: number;
}

/**
 * Which kills are under way, in a directory of the extension's own: one small file each, written
 * before the exit marker and removed after the record. What is there and has no process any more
 * was cut off, and it was us who began it.
 */
export class KillJournal {
  private readonly directory: string;
  private readonly table: ProcessTable;
  /** Those that this object began. */
  private readonly underWay = new Set<string>();

  constructor(directory: string, table: ProcessTable) {
    this.directory = directory;
    this.table = table;
  }

  note(key: string): KillNote {
    const hash = createHash('sha256').update(key).digest('hex').slice(0, 16);
    const file = `${hash}-${process.pid}.json`;
    const path = join(this.directory, file);
    return {
      begin: () => {
        this.underWay.add(file);
        const startedAt = this.table.lineage()[0]?.startedAt ?? 0;
        const entry: Entry = { key, pid: process.pid, startedAt };
        try {
          mkdirSync(this.directory, { recursive: true, mode: 0o700 });
          atomicWrite(path, JSON.stringify(entry), 'kill', 'aft');
        } catch {
          // Without it, a kill that is cut off shows as a task whose process is gone.
        }
      },
      end: () => {
        this.underWay.delete(file);
        rmSync(path, { force: true });
      },
    };
  }

  /** The kills of a storage's tasks that were cut off. */
  unfinished(storageId: string): UnfinishedKill[] {
    let files: string[];
    try {
      files = readdirSync(this.directory).filter((name) => name.endsWith('.json'));
    } catch {
      return [];
    }
    return files.flatMap((file) => {
      const path = join(this.directory, file);
      const entry = this.underWay.has(file) ? undefined : readEntry(path);
      if (entry?.key.startsWith(`${storageId}/`) !== true || this.goesOn(entry)) return [];
      const forget = (): void => {
        rmSync(path, { force: true });
      };
      return [{ key: entry.key, forget }];
    });
  }

  /** Is the process that began it, if it is another one than ours, still there? */
  private goesOn({ pid, startedAt }: Entry): boolean {
    if (pid === process.pid) return false;
    const found = this.table.snapshot([pid], []).processes.get(pid);
    if (found?.state !== 'found' || found.process.zombie) return false;
    return Math.abs(found.process.startedAt - startedAt) <= 2 * found.process.startPrecisionMs;
  }
}

function readEntry(path: string): Entry | undefined {
  try {
    const parsed = JSON.parse(readFileSync(path, 'utf8')) as Partial<Entry> | null;
    const { key, pid, startedAt } = parsed ?? {};
    if (typeof key !== 'string' || typeof pid !== 'number' || typeof startedAt !== 'number') {
      return undefined;
    }
    return { key, pid, startedAt };
  } catch {
    return undefined;
  }
}
