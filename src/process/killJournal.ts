import { randomBytes } from 'node:crypto';
import { mkdirSync, readlinkSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { atomicWrite } from '../persistence/atomicWrite.ts';
import type { KillNote } from './kill.ts';
import { noteName, noteNames, readNote } from './notes.ts';
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
  /** The process that began it, when that started, and where its number has a meaning. */
  readonly pid: number;
  readonly startedAt: number;
  readonly place: string;
  /** When the kill was begun, epoch milliseconds. */
  readonly begunAt: number;
}

/** A kill waits for processes and for AFT, seven seconds in all. */
const longestKillMs = 60_000;

/**
 * Which kills are under way, in a directory of the extension's own: one small file each, written
 * before the exit marker and removed after the record. What is there and has no process any more
 * was cut off, and it was us who began it. Notes are named so that nobody takes another's for its
 * own: not another window, nor a later run whose process has the same number.
 */
export class KillJournal {
  private readonly directory: string;
  private readonly table: ProcessTable;
  private readonly token = randomBytes(8).toString('hex');
  private readonly place: string;
  /** Those that this object began. */
  private readonly underWay = new Set<string>();

  constructor(directory: string, table: ProcessTable, place = processPlace()) {
    this.directory = directory;
    this.table = table;
    this.place = place;
  }

  note(key: string): KillNote {
    const file = `${noteName(key)}-${this.token}.json`;
    const path = join(this.directory, file);
    return {
      begin: () => {
        this.underWay.add(file);
        const startedAt = this.table.lineage()[0]?.startedAt ?? 0;
        const { place } = this;
        const entry: Entry = { key, pid: process.pid, startedAt, place, begunAt: Date.now() };
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
    const files = noteNames(this.directory).filter((name) => name.endsWith('.json'));
    return files.flatMap((file) => {
      const entry = this.underWay.has(file) ? undefined : readEntry(this.directory, file);
      if (entry?.key.startsWith(`${storageId}/`) !== true || this.goesOn(entry)) return [];
      const forget = (): void => {
        rmSync(join(this.directory, file), { force: true });
      };
      return [{ key: entry.key, forget }];
    });
  }

  /** May whoever began it still be at it? What this very process began elsewhere has been ended. */
  private goesOn({ pid, startedAt, place, begunAt }: Entry): boolean {
    if (place !== this.place) return Math.abs(Date.now() - begunAt) < longestKillMs;
    if (pid === process.pid) return false;
    const found = this.table.snapshot([pid], []).processes.get(pid);
    if (found?.state !== 'found' || found.process.zombie) return false;
    return Math.abs(found.process.startedAt - startedAt) <= 2 * found.process.startPrecisionMs;
  }
}

/** Where process numbers mean the same: this machine, or this process namespace of it. */
function processPlace(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

function readEntry(directory: string, file: string): Entry | undefined {
  const { key, pid, startedAt, place, begunAt } = readNote(directory, file) ?? {};
  const isEntry =
    typeof key === 'string' &&
    typeof pid === 'number' &&
    typeof startedAt === 'number' &&
    typeof place === 'string' &&
    typeof begunAt === 'number';
  return isEntry ? { key, pid, startedAt, place, begunAt } : undefined;
}
