import { join } from 'node:path';
import { atomicWrite } from './atomicWrite.ts';
import { PersistenceError } from './errors.ts';
import { hashSession } from './paths.ts';
import { isTaskStatus, type Layout, type TaskStatus } from './record.ts';
import { parseObject, readTrashText } from './trashFile.ts';
import type { TrashPlace } from './trashPlace.ts';

/**
 * What an entry of the trash is, written before anything is moved. `deleting`: into the trash, and
 * the row not deleted yet; `deleted`: all of it is in the trash; `restoring`: on the way back.
 */
export interface Journal {
  readonly state: (typeof states)[number];
  /** Epoch milliseconds. */
  readonly deletedAt: number;
  readonly layout: Layout;
  readonly sessionId: string;
  /** Permission bits of the session's directory, which goes when it is empty. */
  readonly sessionMode: number;
  /** At most its first thousand characters. */
  readonly command: string;
  readonly status: TaskStatus;
  readonly files: number;
  readonly bytes: number;
}

const version = 1;
const states = ['deleting', 'deleted', 'restoring'] as const;
const layouts = ['flat', 'directory'] as const;
const largestJournal = 1024 * 1024;

/** Writes an entry's journal, atomically and through to the disk. */
export function writeJournal(place: TrashPlace, journal: Journal): void {
  const text = JSON.stringify({ version, ...journal }, null, 2);
  atomicWrite(journalPath(place), text, place.taskId, 'aft');
}

/** Throws a PersistenceError: `corrupt` for a file that is no journal of this entry. */
export function readJournal(place: TrashPlace): Journal {
  const path = journalPath(place);
  const journal = parseJournal(readTrashText(place, path, largestJournal));
  if (journal !== undefined && hashSession(journal.sessionId) === place.sessionHash) return journal;
  throw new PersistenceError('corrupt', `${path} is not the journal of a deleted task.`, { path });
}

function journalPath({ directory }: TrashPlace): string {
  return join(directory, 'journal.json');
}

function parseJournal(text: string): Journal | undefined {
  const fields = parseObject(text);
  if (fields?.['version'] !== version) return undefined;
  const { sessionId, status, command, sessionMode, deletedAt, files, bytes } = fields;
  const state = states.find((known) => known === fields['state']);
  const layout = layouts.find((known) => known === fields['layout']);
  if (state === undefined || layout === undefined) return undefined;
  if (typeof sessionId !== 'string' || typeof command !== 'string') return undefined;
  if (typeof status !== 'string' || !isTaskStatus(status)) return undefined;
  if (!isCount(sessionMode) || sessionMode > 0o7777) return undefined;
  if (!isCount(deletedAt) || !isCount(files) || !isCount(bytes)) return undefined;
  return { state, layout, sessionId, status, command, sessionMode, deletedAt, files, bytes };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
