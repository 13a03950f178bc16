import { chmodSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  aftTempName,
  atomicWrite,
  rename,
  syncDirectory,
  systemWrites,
  type WriteSystem,
} from './atomicWrite.ts';
import { removeIfEmpty, removeTree } from './bundle.ts';
import {
  deleteRow,
  markRowDelivered,
  restoreRow,
  systemDatabase,
  type DatabaseSystem,
  type RowOutcome,
} from './database.ts';
import { errorCode, errorText, PersistenceError } from './errors.ts';
import type { TaskPaths } from './paths.ts';
import type { Layout, PersistedTask } from './record.ts';
import { exists, makeSafeParents, requireSafeParents } from './safeFile.ts';
import { parseSavedRow, serializeSavedRow } from './savedRow.ts';
import { readTask } from './taskFile.ts';
import { claimEntry, claimNewEntry, isClaimed, type Release } from './trashClaim.ts';
import { readTrashText } from './trashFile.ts';
import { readJournal, writeJournal, type Journal } from './trashJournal.ts';
import {
  makeTrash,
  modeOf,
  placePaths,
  recordPart,
  trashDirectory,
  trashEntryName,
  trashParts,
  trashPlace,
  type TrashPart,
  type TrashPlace,
} from './trashPlace.ts';

/** What tests replace. */
export interface TrashSystem {
  readonly now: () => number;
  /** Called after each step that a crash could follow. */
  readonly step: (name: string) => void;
  readonly writes: WriteSystem;
  readonly database: DatabaseSystem;
}

export const systemTrash: TrashSystem = {
  now: Date.now,
  step: () => undefined,
  writes: systemWrites,
  database: systemDatabase,
};

/** What a new entry's journal says of its task. */
export type TrashFacts = Omit<Journal, 'state' | 'deletedAt'>;

const largestRow = 64 * 1024 * 1024;

/** An entry that is being made; whoever made it gives it back. */
export interface NewEntry {
  readonly place: TrashPlace;
  readonly journal: Journal;
  readonly release: Release;
}

/**
 * Makes a task's entry, with its journal in it, and claimed, from the beginning. Where there is one
 * of the same task already, it is used again. `busy` where another window is at work on it. Throws a
 * PersistenceError.
 */
export function createEntry(
  storageDirectory: string,
  harness: string | undefined,
  paths: TaskPaths,
  facts: TrashFacts,
  system: TrashSystem,
): NewEntry | 'busy' {
  makeTrash(storageDirectory);
  const now = system.now();
  const journal: Journal = { state: 'deleting', deletedAt: now, ...facts };
  for (let number = 0; ; number += 1) {
    const place = trashPlace(storageDirectory, trashEntryName(harness, paths, number));
    if (place === undefined) {
      throw new PersistenceError('unsafe-path', `${paths.json} can't be named in the trash.`);
    }
    if (exists(place.directory)) {
      if (isClaimed(place, now)) return 'busy';
      if (isOfTaskInPlace(place, paths.layout)) return reopenEntry(place, paths.layout, system);
      continue;
    }
    const directory = join(trashDirectory(storageDirectory), aftTempName());
    let release: Release;
    try {
      mkdirSync(directory, { mode: 0o700 });
      release = claimNewEntry(place, directory, now);
      writeJournal({ ...place, directory }, journal);
      system.step('journal');
      renameSync(directory, place.directory);
    } catch (error) {
      if (exists(directory)) removeTree(directory);
      if (exists(place.directory)) return 'busy';
      throw PersistenceError.from(error, place.directory);
    }
    syncDirectory(trashDirectory(storageDirectory));
    system.step('entry');
    return { place, journal, release };
  }
}

/**
 * Is the entry one of the task that is in its place now: half deleted, or brought back but for its
 * row? An entry that has a record is of an earlier task of the same id.
 */
function isOfTaskInPlace(place: TrashPlace, layout: Layout): boolean {
  try {
    const journal = readJournal(place);
    return (
      journal.layout === layout && journal.state !== 'deleted' && !hasRecord(place, journal.layout)
    );
  } catch (error) {
    if (PersistenceError.is(error)) return false;
    throw error;
  }
}

/** The deletion goes on in the entry that is there: it may keep parts of the bundle, or its row. */
function reopenEntry(place: TrashPlace, layout: Layout, system: TrashSystem): NewEntry | 'busy' {
  const now = system.now();
  const release = claimEntry(place, now);
  if (release === undefined) return 'busy';
  try {
    if (!isOfTaskInPlace(place, layout)) {
      release();
      return 'busy';
    }
    const journal = { ...readJournal(place), deletedAt: now };
    return { place, journal: setState(place, journal, 'deleting', system), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Is the record, and with it the whole bundle, in the trash? */
export function hasRecord(place: TrashPlace, layout: Layout): boolean {
  return exists(recordPart(place, layout).inTrash);
}

/** Notes a new state. */
export function setState(
  place: TrashPlace,
  journal: Journal,
  state: Journal['state'],
  system: TrashSystem,
): Journal {
  const next = { ...journal, state };
  writeJournal(place, next);
  system.step(state);
  return next;
}

/** Moves what is in place into the trash, the record last. Throws a PersistenceError. */
export function moveIn(place: TrashPlace, layout: Layout, system: TrashSystem): void {
  for (const part of trashParts(place, layout)) move(place, part, 'inTrash', system);
}

/** Moves parts back into their place, where they are in the trash. Throws a PersistenceError. */
export function moveOut(place: TrashPlace, parts: readonly TrashPart[], system: TrashSystem): void {
  for (const part of parts) move(place, part, 'inPlace', system);
}

/** The last steps of a deletion, when the whole bundle is in the trash. */
export async function finishDelete(
  place: TrashPlace,
  journal: Journal,
  system: TrashSystem,
): Promise<RowOutcome> {
  const { sessionDir } = placePaths(place, journal.layout);
  syncDirectory(place.directory);
  syncDirectory(sessionDir);
  unlessRefused(() => {
    removeIfEmpty(sessionDir);
  });
  system.step('session directory');
  const { harness, storageDirectory, taskId } = place;
  const name = { harness, sessionId: journal.sessionId, taskId };
  const row = await deleteRow(storageDirectory, name, system.database, (saved) => {
    atomicWrite(rowPath(place), serializeSavedRow(saved), taskId, 'aft');
    system.step('row saved');
  });
  system.step('row deleted');
  // Until its row is deleted, the deletion goes on, and is tried again.
  if (row.problem === undefined) {
    unlessRefused(() => {
      setState(place, journal, 'deleted', system);
    });
  }
  return row;
}

/**
 * Brings a bundle back: its session's directory, its captures, its row, its record; then its
 * entry goes. Each step may have been taken before. Throws a PersistenceError.
 */
export async function restore(
  place: TrashPlace,
  journal: Journal,
  system: TrashSystem,
): Promise<RowOutcome> {
  const { layout, sessionMode } = journal;
  const { sessionDir } = placePaths(place, layout);
  const record = recordPart(place, layout);
  const others = trashParts(place, layout).filter(({ inPlace }) => inPlace !== record.inPlace);
  makeSessionDirectory(place, sessionDir, sessionMode, system);
  moveOut(place, others, system);
  const row = await restoreSavedRow(place, journal, system);
  system.step('row restored');
  moveOut(place, [record], system);
  syncDirectory(sessionDir);
  if (row.problem === undefined) await finishDelivery(place, journal, system);
  // Where its row could not be written, the entry keeps it, and it is tried again.
  if (row.problem === undefined || isFinal(row)) {
    unlessRefused(() => {
      discard(place, system);
    });
  }
  return row;
}

/** Would a row that could not be written be no other the next time? */
export function isFinal({ result }: RowOutcome): boolean {
  return result === 'present' || result === 'unusable';
}

/**
 * Takes a deletion back whose record is not in the trash. Where it is not in its place either, AFT
 * has removed the task meanwhile: its captures alone are nobody's. Throws a PersistenceError.
 */
export async function takeBack(
  place: TrashPlace,
  journal: Journal,
  system: TrashSystem,
): Promise<RowOutcome> {
  if (exists(recordPart(place, journal.layout).inPlace)) {
    return await restore(place, journal, system);
  }
  discard(place, system);
  return { result: 'absent', problem: undefined };
}

/**
 * Another window may have marked the task delivered, or been cut off in that, when it was deleted:
 * the record says so then, and the row that was kept does not yet.
 */
async function finishDelivery(
  place: TrashPlace,
  { layout, sessionId }: Journal,
  { database }: TrashSystem,
): Promise<void> {
  const { harness, storageDirectory, taskId } = place;
  let task: PersistedTask | undefined;
  unlessRefused(() => {
    task = readTask(placePaths(place, layout));
  });
  if (task?.completionDelivered !== true) return;
  await markRowDelivered(storageDirectory, { harness, sessionId, taskId }, database);
}

/** Removes an entry and all in it: out of the way in one step, under a name that is no entry's. */
export function discard(place: TrashPlace, system: TrashSystem): void {
  const doomed = join(trashDirectory(place.storageDirectory), aftTempName());
  try {
    requireSafeParents(place.storageDirectory, join(place.directory, 'any'));
    rename(place.directory, doomed);
  } catch (error) {
    throw PersistenceError.from(error, place.directory);
  }
  system.step('entry put aside');
  removeTree(doomed);
}

/** For what the next look at the trash does again, and what is no reason to fail now. */
export function unlessRefused(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!PersistenceError.is(error)) throw error;
  }
}

function move(
  place: TrashPlace,
  part: TrashPart,
  to: keyof TrashPart,
  { step, writes }: TrashSystem,
): void {
  const target = part[to];
  const source = to === 'inTrash' ? part.inPlace : part.inTrash;
  if (!exists(source)) return;
  if (exists(target)) {
    throw new PersistenceError(
      'mismatch',
      `there is something at ${target}, and it would be overwritten.`,
      { path: target },
    );
  }
  try {
    requireSafeParents(place.storageDirectory, source);
    requireSafeParents(place.storageDirectory, target);
    rename(source, target, writes);
  } catch (error) {
    if (isOtherFileSystem(error)) {
      throw new PersistenceError(
        'io',
        `${source} is on another file system than the trash of its storage. Set aftTasks.trash.keepHours to 0 to delete it for good.`,
        { path: source, cause: error },
      );
    }
    throw PersistenceError.from(error, source);
  }
  step(`moved ${basename(source)}`);
}

/** Can't the bundle be moved into the trash, since that is on another file system? */
export function isOtherFileSystem(error: unknown): boolean {
  const cause = PersistenceError.is(error) ? error.cause : error;
  return errorCode(cause) === 'EXDEV';
}

function makeSessionDirectory(
  { storageDirectory }: TrashPlace,
  sessionDir: string,
  mode: number,
  { step }: TrashSystem,
): void {
  makeSafeParents(storageDirectory, join(sessionDir, 'any'));
  step('session directory');
  // The journal may be anybody's work: what is not a permission comes from the directory above.
  const made = modeOf(sessionDir) ?? 0;
  const wanted = (made & 0o7000) | (mode & 0o777);
  // An empty one is ours: AFT keeps none.
  if (made === wanted || readdirSync(sessionDir).length > 0) return;
  try {
    chmodSync(sessionDir, wanted);
  } catch (error) {
    throw PersistenceError.from(error, sessionDir);
  }
  step('session mode');
}

async function restoreSavedRow(
  place: TrashPlace,
  { sessionId }: Journal,
  { database }: TrashSystem,
): Promise<RowOutcome> {
  const path = rowPath(place);
  const { harness, storageDirectory, taskId } = place;
  try {
    if (!exists(path)) return { result: 'absent', problem: undefined };
    const text = readTrashText(place, path, largestRow);
    const row = parseSavedRow(text, { harness, sessionId, taskId }, path);
    return await restoreRow(storageDirectory, row, database);
  } catch (error) {
    const isUnusable = PersistenceError.is(error) && error.reason === 'corrupt';
    return { result: isUnusable ? 'unusable' : 'failed', problem: errorText(error) };
  }
}

function rowPath({ directory }: TrashPlace): string {
  return join(directory, 'row.json');
}
