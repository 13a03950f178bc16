import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let compileCache: string | undefined;

/**
 * Has the Node processes of the surrounding `describe` start in a fraction of the time. `fill` starts
 * one, in a folder that is not there, and waits for its end: one that is killed leaves nothing in
 * the cache.
 */
export function quickChildren(fill: (nowhere: string) => unknown): void {
  before(async () => {
    compileCache = mkdtempSync(join(tmpdir(), 'compile-cache-'));
    await fill(join(compileCache, 'nowhere'));
  });
  after(() => {
    rmSync(compileCache ?? '', { recursive: true });
    compileCache = undefined;
  });
}

/** What to start such a process with. */
export function childEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...(compileCache !== undefined && { NODE_COMPILE_CACHE: compileCache }),
  };
}
