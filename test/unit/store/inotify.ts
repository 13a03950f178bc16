import { readdirSync, readFileSync } from 'node:fs';

/** How many inotify watches this process has. */
export function inotifyWatches(): number {
  let watches = 0;
  for (const descriptor of readdirSync('/proc/self/fdinfo')) {
    try {
      const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8');
      watches += info.match(/^inotify /gm)?.length ?? 0;
    } catch {
      // Closed since it was listed.
    }
  }
  return watches;
}
