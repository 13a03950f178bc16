import { isUtf8 } from 'node:buffer';
import { closeSync } from 'node:fs';
import { PersistenceError } from './errors.ts';
import { openSafely, readWhole } from './safeFile.ts';
import type { TrashPlace } from './trashPlace.ts';

/** Reads one of our own files in the trash; no other program has a reason to link to it. */
export function readTrashText(place: TrashPlace, path: string, limit: number): string {
  const file = openSafely(place.storageDirectory, path);
  try {
    if (file.stats.nlink !== 1) {
      throw new PersistenceError(
        'unsafe-path',
        `${path} has a second hard link; it is not trusted.`,
      );
    }
    const bytes = readWhole(file, path, limit);
    if (!isUtf8(bytes))
      throw new PersistenceError('corrupt', `${path} is not UTF-8 text.`, { path });
    return bytes.toString('utf8');
  } catch (error) {
    throw PersistenceError.from(error, path);
  } finally {
    closeSync(file.fd);
  }
}

/** The fields of a JSON object; absent for a text that is none. */
export function parseObject(text: string): Partial<Record<string, unknown>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return { ...value };
}
