import { randomBytes } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { aftTempName } from './atomicWrite.ts';
import { errorCode, PersistenceError } from './errors.ts';
import { processPlace } from './processPlace.ts';
import { modifiedAt, requireSafeParents } from './safeFile.ts';
import { parseObject, readTrashText } from './trashFile.ts';
import type { TrashPlace } from './trashPlace.ts';

/** Who is at work on an entry of the trash, and since when. */
interface Claim {
  /** Tells this claim from every other one. */
  readonly token: string;
  readonly pid: number;
  /** Tells one machine, or container, from another: its pids mean nothing here. */
  readonly host: string;
  /** Epoch milliseconds. */
  readonly since: number;
}

/** Nothing that is done to an entry takes this long: after it, even a process that lives has given up. */
const abandonedMs = 60_000;
/** A claim that can't be read is just being written, or its process has ended in the middle of that. */
const unreadableMs = 2000;
const largestClaim = 64 * 1024;

/** Gives an entry back; nothing happens where it has gone, or somebody else has it now. */
export type Release = () => void;

/**
 * Takes an entry for the caller alone; absent where another thread or process has it. What a
 * process that is gone had taken is taken over. Throws a PersistenceError.
 */
export function claimEntry(place: TrashPlace, now: number): Release | undefined {
  try {
    requireSafeParents(place.storageDirectory, claimPath(place));
    if (isClaimed(place, now)) return undefined;
    removeAbandoned(place, now);
    return releaseOf(place, writeClaim(place, now));
  } catch (error) {
    const failure = PersistenceError.from(error, claimPath(place));
    // Another process was faster: it has the claim, has taken an abandoned one away, or all of it.
    if (errorCode(error) === 'EEXIST' || failure.reason === 'not-found') return undefined;
    throw failure;
  }
}

/** As `claimEntry`, for an entry that is made in a directory of another name. Throws the system's errors. */
export function claimNewEntry(place: TrashPlace, madeIn: string, now: number): Release {
  return releaseOf(place, writeClaim({ ...place, directory: madeIn }, now));
}

/** Is somebody at work on this entry? */
export function isClaimed(place: TrashPlace, now: number): boolean {
  return isHeld(place, claimPath(place), now);
}

function claimPath({ directory }: TrashPlace): string {
  return join(directory, 'claim.json');
}

function writeClaim(place: TrashPlace, now: number): string {
  const token = randomBytes(16).toString('hex');
  const fd = openSync(claimPath(place), 'wx', 0o600);
  try {
    const claim: Claim = { token, pid: process.pid, host: processPlace(), since: now };
    writeSync(fd, JSON.stringify(claim));
  } finally {
    closeSync(fd);
  }
  return token;
}

function releaseOf(place: TrashPlace, token: string): Release {
  const path = claimPath(place);
  return () => {
    if (readClaim(place, path)?.token !== token) return;
    try {
      rmSync(path, { force: true });
    } catch {
      // It counts as given back when this process has ended, or a minute has passed.
    }
  };
}

function removeAbandoned(place: TrashPlace, now: number): void {
  const path = claimPath(place);
  if (modifiedAt(path) === undefined) return;
  const aside = join(place.directory, aftTempName());
  renameSync(path, aside);
  // Another process may have taken it over in this instant.
  if (isHeld(place, aside, now)) renameSync(aside, path);
  else rmSync(aside);
}

function isHeld(place: TrashPlace, path: string, now: number): boolean {
  const writtenAt = modifiedAt(path);
  if (writtenAt === undefined) return false;
  const claim = readClaim(place, path);
  if (claim === undefined) return Math.abs(now - writtenAt) < unreadableMs;
  if (Math.abs(now - claim.since) >= abandonedMs) return false;
  return claim.host !== processPlace() || isAlive(claim.pid);
}

/** Absent where it is gone, or not (yet) a claim. */
function readClaim(place: TrashPlace, path: string): Claim | undefined {
  try {
    const fields = parseObject(readTrashText(place, path, largestClaim)) ?? {};
    const { host, pid, since, token } = fields;
    if (typeof host !== 'string' || typeof token !== 'string') return undefined;
    if (typeof pid !== 'number' || typeof since !== 'number') return undefined;
    return Number.isSafeInteger(pid) && pid > 0 ? { token, pid, host, since } : undefined;
  } catch (error) {
    if (PersistenceError.is(error)) return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    // Signal 0 reaches nobody; it only asks.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}
