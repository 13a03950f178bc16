import { lstatSync } from 'node:fs';

/** When one of these files last changed, in whole epoch milliseconds, as our clock tells them. */
export function changedAt(files: readonly string[]): number | undefined {
  const times = files.flatMap((path) => {
    try {
      return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? [];
    } catch {
      return [];
    }
  });
  return times.length === 0 ? undefined : Math.floor(Math.max(...times));
}
