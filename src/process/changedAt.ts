import { lstatSync } from 'node:fs';
import type { TaskPaths } from '../persistence/paths.ts';

/** When the record or a capture last changed, in whole epoch milliseconds, as our clock tells them. */
export function changedAt({ json, stdout, stderr, pty }: TaskPaths): number | undefined {
  const times = [json, stdout, stderr, pty].flatMap((path) => {
    try {
      return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? [];
    } catch {
      return [];
    }
  });
  return times.length === 0 ? undefined : Math.floor(Math.max(...times));
}
