import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { atomicWrite, thisWriter, type Writer } from '../persistence/atomicWrite.ts';
import type { Outcome } from '../persistence/outcome.ts';
import { processPlace } from '../persistence/processPlace.ts';
import { modifiedAt, readSafely } from '../persistence/safeFile.ts';
import type { ProcessTable } from './processTable.ts';
import type { Note } from './taskRequest.ts';

/** What is noted in a record, and then in its row. */
export type Mark = 'delivered' | 'notNotified' | 'ended';

/** What is done in more than one step, so that it can be cut off between two. */
export type NotedAction = Mark | 'kill';
const actions: readonly NotedAction[] = ['kill', 'delivered', 'notNotified', 'ended'];

/** An action that was begun here and did not come to its end. */
export interface UnfinishedAction {
  /** The task's key. */
  readonly key: string;
  readonly action: NotedAction;
  /** Who wrote the files that it changed. */
  readonly writer: Writer;
  /** Forgets it. */
  readonly forget: () => void;
}

interface Entry {
  readonly key: string;
  readonly action: NotedAction;
  /** The process that began it, when that started, and where its number has a meaning. */
  readonly pid: number;
  readonly startedAt: number;
  readonly place: string;
  /** When the action was begun, epoch milliseconds. */
  readonly begunAt: number;
  /** What the process puts into the names of its temporary files. */
  readonly token: string;
}

/** A kill waits for processes, for AFT and for its database: twelve seconds in all. */
const longestActionMs = 60_000;
const largestNote = 64 * 1024;

/**
 * Which actions are under way, in a directory of the extension's own: one small file each, written
 * before anything is changed and removed after the row. What is there and has no process any more
 * was cut off, and it was us who began it. Notes are named so that nobody takes another's for its
 * own: not another window, nor a later run whose process has the same number.
 */
export class ActionJournal {
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

  note(key: string, action: NotedAction): Note {
    const file = `${nameOf(key)}-${this.token}-${action}.json`;
    const path = join(this.directory, file);
    return {
      begin: () => {
        this.underWay.add(file);
        const startedAt = this.table.lineage()[0]?.startedAt ?? 0;
        const here = { ...thisWriter, startedAt, place: this.place };
        const entry: Entry = { key, action, ...here, begunAt: Date.now() };
        try {
          mkdirSync(this.directory, { recursive: true, mode: 0o700 });
          atomicWrite(path, JSON.stringify(entry), 'note', 'aft');
        } catch {
          // Without it, a kill that is cut off shows as a task whose process is gone, and a mark
          // can be made again by hand.
        }
      },
      end: () => {
        this.underWay.delete(file);
        rmSync(path, { force: true });
      },
    };
  }

  /** Notes an action while it is done, and for the next start where that may finish it. */
  async during(key: string, action: NotedAction, act: () => Promise<Outcome>): Promise<Outcome> {
    const note = this.note(key, action);
    note.begin();
    const outcome = await act();
    if (isOver(outcome)) note.end();
    return outcome;
  }

  /** The actions on a storage's tasks that were cut off. */
  unfinished(storageId: string): UnfinishedAction[] {
    return namesIn(this.directory).flatMap((file) => {
      const path = join(this.directory, file);
      if (file.startsWith('.aft-tmp-')) removeAbandoned(path);
      if (!file.endsWith('.json') || this.underWay.has(file)) return [];
      const entry = readEntry(this.directory, file);
      if (entry?.key.startsWith(`${storageId}/`) !== true || this.goesOn(entry)) return [];
      const { key, action, pid, token } = entry;
      const forget = (): void => {
        rmSync(path, { force: true });
      };
      return [{ key, action, writer: { pid, token }, forget }];
    });
  }

  /** May whoever began it still be at it? What this very process began elsewhere has been ended. */
  private goesOn({ pid, startedAt, place, begunAt }: Entry): boolean {
    if (place !== this.place) return Math.abs(Date.now() - begunAt) < longestActionMs;
    if (pid === process.pid) return false;
    const found = this.table.snapshot([pid], []).processes.get(pid);
    if (found?.state !== 'found' || found.process.zombie) return false;
    return Math.abs(found.process.startedAt - startedAt) <= 2 * found.process.startPrecisionMs;
  }
}

/** Is nothing left for the next start? What outlived a kill may end yet, and a database be free. */
export function isOver({ reason }: Outcome): boolean {
  return reason !== 'survivors' && reason !== 'row-not-updated';
}

/** How the names of a task's notes begin: a key is no name for a file. */
function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 16);
}

/** The names in a directory of notes; none where there is no such directory yet. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Removes a note that was cut off while it was written: what it was to tell of was not begun. */
function removeAbandoned(path: string): void {
  // A younger one may be another window's.
  const isOld = Date.now() - (modifiedAt(path) ?? Infinity) >= longestActionMs;
  if (isOld) rmSync(path, { force: true, recursive: true });
}

/** Absent for what is no note. */
function readEntry(directory: string, name: string): Entry | undefined {
  let note: Partial<Record<keyof Entry, unknown>>;
  try {
    const text = readSafely(directory, join(directory, name), largestNote).toString();
    note = { ...(JSON.parse(text) as object) };
  } catch {
    return undefined;
  }
  const { key, pid, startedAt, place, begunAt, token } = note;
  const action = actions.find((known) => known === note.action);
  const isEntry =
    action !== undefined &&
    typeof key === 'string' &&
    typeof pid === 'number' &&
    typeof startedAt === 'number' &&
    typeof place === 'string' &&
    typeof begunAt === 'number' &&
    typeof token === 'string' &&
    /^[0-9a-f]{16}$/.test(token);
  return isEntry ? { key, action, pid, startedAt, place, begunAt, token } : undefined;
}
