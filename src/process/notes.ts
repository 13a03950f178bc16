import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readSafely } from '../persistence/safeFile.ts';

/**
 * Notes of what is under way: small JSON files in a directory of the extension's own, one each. What
 * is there at a start was cut off.
 */

const largestNote = 64 * 1024;

/** How the names of a task's notes begin: a key is no name for a file. */
export function noteName(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 16);
}

/** The names in a directory of notes; none where there is no such directory yet. */
export function noteNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** What a note says; absent for what is none, or was cut off while it was written. */
export function readNote(directory: string, name: string): Record<string, unknown> | undefined {
  try {
    const text = readSafely(directory, join(directory, name), largestNote).toString();
    const note: unknown = JSON.parse(text);
    return typeof note === 'object' && note !== null ? { ...note } : undefined;
  } catch {
    return undefined;
  }
}
