import { lstatSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { taskBundleFiles } from './bundle.ts';
import { PersistenceError } from './errors.ts';
import { bundlePaths, isTaskId, type TaskPaths } from './paths.ts';
import type { Layout } from './record.ts';
import { exists, makeSafeParents, requireSafeParents } from './safeFile.ts';

/**
 * A place in the trash, `<storage>/.aft-task-explorer/trash/<entry>`, and whose it is: that is in the
 * entry's name, so that nothing that a file says becomes part of a path. AFT and the explorer
 * take no directory for a harness's that has no `bash-tasks` in it.
 */
export interface TrashPlace {
  readonly storageDirectory: string;
  /** `<harness or _>.<session hash>.<task id>`, with a number after it for a second of that name. */
  readonly entry: string;
  readonly directory: string;
  readonly harness: string | undefined;
  readonly sessionHash: string;
  readonly taskId: string;
}

/** One part of a bundle, in its place and in the trash. */
export interface TrashPart {
  readonly inPlace: string;
  readonly inTrash: string;
}

/** A storage's trash: on the same file system as the tasks, if no harness is on one of its own. */
export function trashDirectory(storageDirectory: string): string {
  return join(storageDirectory, '.aft-task-explorer', 'trash');
}

/** The place that an entry's name speaks of; absent for a name that is none. */
export function trashPlace(storageDirectory: string, entry: string): TrashPlace | undefined {
  const match =
    /^(_|[A-Za-z0-9][A-Za-z0-9._-]{0,127})\.([0-9a-f]{16})\.([a-z]+-[0-9a-f]+)(?:\.\d{1,3})?$/.exec(
      entry,
    );
  const [, harness = '', sessionHash = '', taskId = ''] = match ?? [];
  if (!isTaskId(taskId)) return undefined;
  return {
    storageDirectory,
    entry,
    directory: join(trashDirectory(storageDirectory), entry),
    harness: harness === '_' ? undefined : harness,
    sessionHash,
    taskId,
  };
}

/** The name that a task's entry gets; `number` tells it from earlier ones of the same task. */
export function trashEntryName(
  harness: string | undefined,
  { sessionDir, taskId }: TaskPaths,
  number: number,
): string {
  const name = `${harness ?? '_'}.${basename(sessionDir)}.${taskId}`;
  return number === 0 ? name : `${name}.${number}`;
}

/** Every entry of the trash: real directories with an entry's name. Others are not ours. */
export function trashPlaces(storageDirectory: string): TrashPlace[] {
  return namesInTrash(storageDirectory).flatMap((name) => trashPlace(storageDirectory, name) ?? []);
}

/** The names of the directories in the trash; none where there is no trash. */
export function namesInTrash(storageDirectory: string): string[] {
  const trash = trashDirectory(storageDirectory);
  try {
    if (!exists(trash)) return [];
    requireSafeParents(storageDirectory, join(trash, 'any'));
    return readdirSync(trash, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    throw PersistenceError.from(error, trash);
  }
}

/** Where the task's parts belong. */
export function placePaths(place: TrashPlace, layout: Layout): TaskPaths {
  const { harness = '', sessionHash, storageDirectory, taskId } = place;
  const sessionDir = join(storageDirectory, harness, 'bash-tasks', sessionHash);
  return bundlePaths(sessionDir, taskId, layout);
}

/** Everything that is moved, the record last: in the directory layout, all of it in one. */
export function trashParts(place: TrashPlace, layout: Layout): TrashPart[] {
  const paths = placePaths(place, layout);
  const parts = paths.taskDir === undefined ? taskBundleFiles(paths) : [paths.taskDir];
  return parts.map((inPlace) => ({ inPlace, inTrash: join(place.directory, basename(inPlace)) }));
}

/** The part that has the record. */
export function recordPart(place: TrashPlace, layout: Layout): TrashPart {
  const { json, taskDir = json } = placePaths(place, layout);
  return { inPlace: taskDir, inTrash: join(place.directory, basename(taskDir)) };
}

/** Makes the trash where there is none, 0700; throws where something else is in its place. */
export function makeTrash(storageDirectory: string): void {
  makeSafeParents(storageDirectory, join(trashDirectory(storageDirectory), 'any'));
}

/** Permission bits; absent where there is no such directory. */
export function modeOf(directory: string): number | undefined {
  const mode = lstatSync(directory, { throwIfNoEntry: false })?.mode;
  return mode === undefined ? undefined : mode & 0o7777;
}
