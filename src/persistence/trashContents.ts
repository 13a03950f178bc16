import { join } from 'node:path';
import { removeTree, treeSize } from './bundle.ts';
import type { RowOutcome } from './database.ts';
import { errorText, PersistenceError } from './errors.ts';
import type { Outcome } from './outcome.ts';
import type { TaskStatus } from './record.ts';
import { exists, modifiedAt } from './safeFile.ts';
import { busy, done, doneButRow, notDone, refused } from './taskOutcome.ts';
import {
  discard,
  finishDelete,
  hasRecord,
  isFinal,
  moveIn,
  restore,
  setState,
  systemTrash,
  takeBack,
  type TrashSystem,
} from './trash.ts';
import { claimEntry, isClaimed, type Release } from './trashClaim.ts';
import { readJournal, type Journal } from './trashJournal.ts';
import {
  namesInTrash,
  placePaths,
  recordPart,
  trashDirectory,
  trashParts,
  trashPlace,
  trashPlaces,
  type TrashPlace,
} from './trashPlace.ts';

/** A task in the trash. */
export interface TrashedTask {
  readonly entry: string;
  readonly harness: string | undefined;
  readonly sessionHash: string;
  readonly taskId: string;
  readonly sessionId: string;
  /** At most its first thousand characters. */
  readonly command: string;
  readonly status: TaskStatus;
  /** Epoch milliseconds. */
  readonly deletedAt: number;
  readonly files: number;
  readonly bytes: number;
}

/** An entry that can't be brought back as it is, and stays in the trash. */
export interface StuckEntry extends Pick<
  TrashedTask,
  'entry' | 'harness' | 'sessionHash' | 'taskId' | 'bytes'
> {
  /** Where it lies. */
  readonly directory: string;
  /** Why, as a sentence in words for the user. */
  readonly problem: string;
  /** Does `emptyTrash` remove it? What is half-done is finished first. */
  readonly isRemovable: boolean;
}

/** What became of the trash as a whole. */
export interface TrashReport {
  /** Tasks that are in their place (again): what an ended window had half deleted or half restored. */
  readonly returned: readonly TrashPlace[];
  /** What could not be done, in words for the log. */
  readonly problems: readonly string[];
}

/** What was removed for good. */
export interface EmptiedTrash {
  readonly entries: number;
  readonly bytes: number;
  /** What is still there, and why, in words for the user. */
  readonly problems: readonly string[];
}

/** The tasks in the trash that can be brought back, the latest first. Throws a PersistenceError. */
export function listTrash(storageDirectory: string): TrashedTask[] {
  return trashPlaces(storageDirectory)
    .flatMap((place) => {
      const journal = readQuietly(place);
      if (journal === undefined || !canReturn(place, journal)) return [];
      const { entry, harness, sessionHash, taskId } = place;
      const { bytes, command, deletedAt, files, sessionId, status } = journal;
      const facts = { sessionId, command, status, deletedAt, files, bytes };
      return [{ entry, harness, sessionHash, taskId, ...facts }];
    })
    .sort((left, right) => right.deletedAt - left.deletedAt);
}

/**
 * The entries that nobody can bring back, and that nobody is at work on: without a journal that can
 * be read, or with a return that was cut off and could not be finished. Throws a PersistenceError.
 */
export function listStuck(storageDirectory: string, { now } = systemTrash): StuckEntry[] {
  return trashPlaces(storageDirectory).flatMap((place): StuckEntry[] => {
    if (isClaimed(place, now())) return [];
    const { directory, entry, harness, sessionHash, taskId } = place;
    const facts = { entry, harness, sessionHash, taskId, directory };
    try {
      const journal = readJournal(place);
      if (journal.state !== 'restoring' || !hasRecord(place, journal.layout)) return [];
      const problem = 'Its return was cut off, and is tried again every hour.';
      return [{ ...facts, bytes: journal.bytes, problem, isRemovable: false }];
    } catch (error) {
      if (!PersistenceError.is(error)) throw error;
      // Gone since it was listed.
      if (!exists(directory)) return [];
      const { message: problem } = error;
      return [{ ...facts, bytes: treeSize(directory).bytes, problem, isRemovable: true }];
    }
  });
}

/**
 * Brings a deleted task back as it was: its files with their times and modes, and its row with its
 * pattern watches. Refused where there is something of its id. Never throws for what can be expected.
 */
export async function undoDelete(
  storageDirectory: string,
  entry: string,
  system: TrashSystem = systemTrash,
): Promise<Outcome> {
  const place = trashPlace(storageDirectory, entry);
  if (place === undefined) return notInTrash('That task');
  const { taskId } = place;
  let release: Release | undefined;
  try {
    if (!exists(place.directory)) return notInTrash(`Task ${taskId}`);
    release = claimEntry(place, system.now());
  } catch (error) {
    return refused(taskId, 'was not brought back', error);
  }
  if (release === undefined) return busy(taskId);
  system.step('claimed');
  try {
    return await undoClaimed(place, system);
  } finally {
    release();
  }
}

/**
 * Finishes what an ended window left half-done: a deletion whose record is still in place is taken
 * back, every other one and every return is finished, rows included. Then removes what has been in
 * the trash for `keepMs` and longer. Never throws for what can be expected.
 */
export async function tendTrash(
  storageDirectory: string,
  keepMs: number,
  system: TrashSystem = systemTrash,
): Promise<TrashReport> {
  const returned: TrashPlace[] = [];
  const problems: string[] = [];
  let current = system;
  const attempt = async (what: string, work: () => Promise<void> | void): Promise<void> => {
    try {
      await work();
    } catch (error) {
      problems.push(`${what}: ${errorText(error)}`);
    }
  };
  await attempt(trashDirectory(storageDirectory), () => {
    removeLeftovers(storageDirectory, system);
  });
  for (const place of placesQuietly(storageDirectory)) {
    await attempt(place.directory, async () => {
      const isExpired = ({ deletedAt }: Journal): boolean => system.now() - deletedAt >= keepMs;
      const seen = readJournal(place);
      if (seen.state === 'deleted' && !isExpired(seen)) return;
      const release = claimEntry(place, system.now());
      if (release === undefined) return;
      try {
        const journal = readJournal(place);
        if (journal.state !== 'deleted') {
          const { isBack, isLocked, isNeeded, problem } = await recover(place, journal, current);
          if (isLocked) current = withoutWaiting(system);
          if (isBack) returned.push(place);
          if (problem !== undefined) problems.push(`${place.directory}: ${problem}`);
          // However old it is.
          if (isNeeded) return;
        }
        if (isExpired(journal) && exists(place.directory)) discard(place, system);
      } finally {
        release();
      }
    });
  }
  return { returned, problems };
}

/**
 * Removes everything in the trash for good, but for what another window is working on. What is
 * half-done is no part of it: `tendTrash` finishes that. Throws a PersistenceError.
 * @param entries those that the user was asked about; default: all
 */
export async function emptyTrash(
  storageDirectory: string,
  system: TrashSystem = systemTrash,
  entries?: readonly string[],
): Promise<EmptiedTrash> {
  const asked = entries && new Set(entries);
  let removed = 0;
  let bytes = 0;
  const problems: string[] = [];
  let current = system;
  for (const place of trashPlaces(storageDirectory)) {
    if (asked?.has(place.entry) === false) continue;
    const stays = (why: string, advice: string): void => {
      problems.push(`Task ${place.taskId} is still in the trash: ${why}. ${advice}`);
    };
    try {
      const release = claimEntry(place, system.now());
      if (release === undefined) {
        if (!exists(place.directory)) continue;
        stays('another window is at work on it', 'Empty the trash again in a moment.');
        continue;
      }
      try {
        const journal = readQuietly(place);
        if (journal !== undefined && !canReturn(place, journal)) continue;
        if (journal?.state === 'deleting') {
          const { isLocked, isNeeded, problem = '' } = await recover(place, journal, current);
          if (isLocked) current = withoutWaiting(system);
          if (isNeeded) {
            stays(`${problem}, with its row in it`, 'Empty the trash again later.');
            continue;
          }
        }
        const size = journal?.bytes ?? treeSize(place.directory).bytes;
        discard(place, system);
        removed += 1;
        bytes += size;
      } finally {
        release();
      }
    } catch (error) {
      if (!PersistenceError.is(error)) throw error;
      stays(error.message.replace(/\.$/, ''), 'Then empty the trash again.');
    }
  }
  return { entries: removed, bytes, problems };
}

async function undoClaimed(place: TrashPlace, system: TrashSystem): Promise<Outcome> {
  const { taskId } = place;
  let journal: Journal;
  try {
    journal = readJournal(place);
    if (!canReturn(place, journal)) return notInTrash(`Task ${taskId}`);
    const inTheWay = somethingInPlace(place);
    if (inTheWay !== undefined) return alreadyThere(taskId, inTheWay);
    journal = setState(place, journal, 'restoring', system);
  } catch (error) {
    return refused(taskId, 'was not brought back', error);
  }
  try {
    const row = await restore(place, journal, system);
    if (row.problem === undefined) return done(taskId, 'is back');
    return doneButRow(taskId, 'is back', row, consequenceOf(row));
  } catch (error) {
    const cause = await backInTrash(place, journal, error, system);
    return refused(taskId, 'was not brought back', cause);
  }
}

function consequenceOf(row: RowOutcome): string {
  if (row.result === 'present') return 'AFT answers from that one.';
  const unknown = 'AFT may not know it.';
  if (isFinal(row)) return unknown;
  return `${unknown} Its row is tried again every hour, and at the next start.`;
}

interface Recovery {
  readonly isBack: boolean;
  /** Did another process keep the database locked? */
  readonly isLocked: boolean;
  /** Is what the entry keeps needed for what is still to be done? */
  readonly isNeeded: boolean;
  /** Why it is not done yet. */
  readonly problem: string | undefined;
}

async function recover(
  place: TrashPlace,
  journal: Journal,
  system: TrashSystem,
): Promise<Recovery> {
  const { layout, state } = journal;
  const isInTrash = hasRecord(place, layout);
  if (!isInTrash || state === 'restoring') {
    const bringBack = isInTrash ? restore : takeBack;
    const row = await bringBack(place, journal, system);
    const problem = row.result === 'present' ? undefined : row.problem;
    const isNeeded = problem !== undefined && !isFinal(row);
    const isBack = exists(recordPart(place, layout).inPlace);
    return { isBack, isLocked: row.result === 'locked', isNeeded, problem };
  }
  const inTheWay = somethingInPlace(place);
  if (inTheWay !== undefined) {
    const problem = `${inTheWay} is there again`;
    return { isBack: false, isLocked: false, isNeeded: false, problem };
  }
  const { problem, result } = await finishDelete(place, journal, system);
  const isLocked = result === 'locked';
  return { isBack: false, isLocked, isNeeded: isLocked, problem };
}

/** For the entries after one whose row was locked: the database has been waited for. */
function withoutWaiting(system: TrashSystem): TrashSystem {
  return { ...system, database: { ...system.database, attempts: 1 } };
}

/** After a return that failed: all of it in the trash again. Answers the error to tell. */
async function backInTrash(
  place: TrashPlace,
  journal: Journal,
  error: unknown,
  system: TrashSystem,
): Promise<unknown> {
  if (!PersistenceError.is(error)) return error;
  try {
    moveIn(place, journal.layout, system);
    await finishDelete(place, setState(place, journal, 'deleting', system), system);
  } catch {
    // The journal says that it is on its way back; the next start tries again.
  }
  return error;
}

/** Is the whole bundle in the trash, and nobody bringing it back? */
function canReturn(place: TrashPlace, { layout, state }: Journal): boolean {
  return state !== 'restoring' && hasRecord(place, layout);
}

/** A path of the task's id that is taken, in either layout. */
function somethingInPlace(place: TrashPlace): string | undefined {
  const parts = (['directory', 'flat'] as const).flatMap((layout) => {
    const { taskDir } = placePaths(place, layout);
    return taskDir === undefined ? trashParts(place, layout) : [{ inPlace: taskDir }];
  });
  return parts.map(({ inPlace }) => inPlace).find(exists);
}

/** Removes what an ended window had begun to make, or to remove. */
function removeLeftovers(storageDirectory: string, { now }: TrashSystem): void {
  for (const name of namesInTrash(storageDirectory)) {
    if (!/^\.aft-tmp-[0-9a-f]{32}$/.test(name)) continue;
    const directory = join(trashDirectory(storageDirectory), name);
    // A younger one may be another window's work.
    if (now() - (modifiedAt(directory) ?? 0) >= leftoverMs) removeTree(directory);
  }
}

const leftoverMs = 60_000;

function readQuietly(place: TrashPlace): Journal | undefined {
  try {
    return readJournal(place);
  } catch (error) {
    if (PersistenceError.is(error)) return undefined;
    throw error;
  }
}

function placesQuietly(storageDirectory: string): TrashPlace[] {
  try {
    return trashPlaces(storageDirectory);
  } catch (error) {
    if (PersistenceError.is(error)) return [];
    throw error;
  }
}

function notInTrash(subject: string): Outcome {
  return notDone(
    'not-found',
    `${subject} is not in the trash. It may be back already, or removed for good.`,
  );
}

function alreadyThere(taskId: string, path: string): Outcome {
  return notDone(
    'already-there',
    `Task ${taskId} was not brought back: ${path} is there again. Move it away, or delete that task first.`,
  );
}
