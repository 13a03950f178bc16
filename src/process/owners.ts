import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readSafely } from '../persistence/safeFile.ts';
import type { Identity } from './identity.ts';
import type { ProcessTable } from './processTable.ts';

/**
 * AFT 0.57.2 says every 5 seconds that it lives; one time may be missed. For as long after its death
 * it can't be told whether it died here or lives elsewhere.
 */
const freshMs = 11_000;
const largestOwner = 64 * 1024;

/** What a running AFT 0.57.2 says of itself in `artifact-owners/<project>/owner.json`. */
interface Owner {
  readonly checkoutPath: string;
  readonly pid: number;
  readonly createdAt: number;
}

/**
 * The projects that an AFT works in whose process is not one of ours: it lives in another process
 * namespace or on another machine, and the numbers in its records mean nothing here. Answers the
 * reason in words, by the project's root.
 */
export function projectsOwnedElsewhere(
  storageDirectory: string,
  table: ProcessTable,
  now: number,
): ReadonlyMap<string, string> {
  const owners = freshOwners(storageDirectory, now);
  const { processes } = table.snapshot(
    owners.map(({ pid }) => pid),
    [],
  );
  const elsewhere = owners.filter(({ pid, createdAt }) => {
    const found = processes.get(pid);
    if (found?.state === 'hidden') return false;
    return found?.state !== 'found' || found.process.startedAt > createdAt;
  });
  return new Map(
    elsewhere.map(({ pid, checkoutPath }) => [
      checkoutPath,
      `its AFT, process ${pid}, said some seconds ago that it runs, and is not there: it has just ended, or runs in another process namespace or on another machine`,
    ]),
  );
}

/** Does an AFT say that it lives and works in a task's project, wherever it runs? */
export function isServed(
  storageDirectory: string,
  { projectRoot }: { readonly projectRoot: string | undefined },
  now: number,
): boolean {
  return freshOwners(storageDirectory, now).some((owner) => owner.checkoutPath === projectRoot);
}

/** What is gone here may live where its AFT does. */
export function elsewhere(
  identity: Identity,
  { projectRoot }: { readonly projectRoot: string | undefined },
  owned: ReadonlyMap<string, string>,
): Identity {
  const reason = projectRoot === undefined ? undefined : owned.get(projectRoot);
  if (reason === undefined || (identity.kind !== 'gone' && identity.kind !== 'stranger')) {
    return identity;
  }
  return { kind: 'unknown', reason };
}

function freshOwners(storageDirectory: string, now: number): Owner[] {
  const directory = join(storageDirectory, 'artifact-owners');
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    // Other versions of AFT say nothing of themselves.
    return [];
  }
  return names.flatMap((name) => {
    try {
      const path = join(directory, name, 'owner.json');
      return (
        parseOwner(readSafely(storageDirectory, path, largestOwner).toString('utf8'), now) ?? []
      );
    } catch {
      return [];
    }
  });
}

function parseOwner(text: string, now: number): Owner | undefined {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const owner = parsed as Readonly<Record<string, unknown>>;
  const { checkout_path: checkoutPath, pid } = owner;
  const { created_at_ms: createdAt, heartbeat_at_ms: heartbeat } = owner;
  if (typeof checkoutPath !== 'string' || typeof pid !== 'number') return undefined;
  if (typeof createdAt !== 'number' || typeof heartbeat !== 'number') return undefined;
  return Math.abs(now - heartbeat) < freshMs ? { checkoutPath, pid, createdAt } : undefined;
}
