import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAftStorage } from './aftStorage.ts';
import { aftPackage } from './cache.ts';
import { generateStorage } from './generateStorage.ts';
import type { Sample } from './sampleTasks.ts';

/** An empty folder; the scope removes it. */
export function temporaryDirectory(scope: AsyncDisposableStack): string {
  const directory = mkdtempSync(join(tmpdir(), 'aft-tasks-'));
  scope.defer(() => {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  return directory;
}

/** Fills a storage with the sample's tasks: by a real AFT where there is one for this platform. */
export async function startSample(scope: AsyncDisposableStack, directory: string): Promise<Sample> {
  const { sample } =
    aftPackage() === undefined
      ? await generateStorage(scope, directory)
      : await startAftStorage(scope, { directory });
  return sample;
}

/** What tells the tests, in their own processes, about the sample: see `readSample`. */
export function sampleVariables(directory: string, sample: Sample): { SAMPLE_FILE: string } {
  const file = join(directory, 'sample.json');
  writeFileSync(file, JSON.stringify(sample));
  return { SAMPLE_FILE: file };
}
