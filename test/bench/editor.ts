import { runTests } from '@vscode/test-electron';
import { build } from 'esbuild';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vscodeServerDirectory } from '../support/cache.ts';
import { isolatedEnvironment } from '../support/environment.ts';
import { root } from '../support/root.ts';
import { median, row, type Row } from './row.ts';

/** What `editor/index.ts` measures in the extension host. */
export interface EditorFigures {
  /** The longest stall of each round. */
  readonly stallsMs: readonly number[];
  /** The same while nothing comes in. */
  readonly idleStallsMs: readonly number[];
  readonly appendMs: readonly number[];
  readonly behindMs: readonly number[];
  readonly writtenMiB: number;
  /** What the extension host's process, its storage threads among it, has grown by meanwhile. */
  readonly memoryMiB: number;
}

/** Live documents in a real VS Code, headless; beside what the figures are to reach. */
export async function benchEditor(): Promise<Row[]> {
  await vscodeServerDirectory();
  // Below the checkout: VS Code loads the extension's tests from its own folder only.
  mkdirSync(join(root, 'out'), { recursive: true });
  const directory = mkdtempSync(join(root, 'out', 'bench-'));
  const home = mkdtempSync(join(tmpdir(), 'aft-bench-home-'));
  try {
    await build({
      entryPoints: [join(root, 'test/bench/editor/index.ts')],
      outfile: join(directory, 'index.js'),
      bundle: true,
      format: 'cjs',
      platform: 'node',
      target: 'node22',
      packages: 'external',
      logLevel: 'warning',
    });
    const result = join(directory, 'result.json');
    await runTests({
      extensionDevelopmentPath: root,
      extensionTestsPath: join(directory, 'index.js'),
      extensionTestsEnv: isolatedEnvironment(home, { BENCH_RESULT: result }),
      vscodeExecutablePath: process.execPath,
      launchArgs: [
        join(root, 'test/support/headlessVscode.ts'),
        home,
        `--user-data-dir=${join(directory, 'window')}`,
        `--extensions-dir=${join(directory, 'none')}`,
      ],
    });
    const figures = JSON.parse(readFileSync(result, 'utf8')) as EditorFigures;
    const { stallsMs, idleStallsMs, appendMs, behindMs, writtenMiB, memoryMiB } = figures;
    const written = `floor: what is to be reached; ${Math.round(writtenMiB)} MiB written`;
    return [
      row(
        "extension host's longest stall while 10,000 tasks come in",
        median(stallsMs),
        30,
        'ms',
        `the view on screen; median of ${stallsMs.length}, longest ${percentile(stallsMs, 100).toFixed(1)} ms; ` +
          `with no tasks ${median(idleStallsMs).toFixed(1)} and ${percentile(idleStallsMs, 100).toFixed(1)} ms`,
      ),
      row(
        'append to text in the editor, p95',
        percentile(appendMs, 95),
        250,
        'ms',
        'floor: what is to be reached; live window 256 to 512 KiB, cuts among them',
      ),
      row('follow a writer of 32 MiB/s, p95 behind', percentile(behindMs, 95), 1000, 'ms', written),
      row(
        'follow a writer of 32 MiB/s, most behind',
        percentile(behindMs, 100),
        2000,
        'ms',
        written,
      ),
      row(
        'memory gained meanwhile',
        memoryMiB,
        40,
        'MiB',
        'floor: what is to be reached; resident, not collected',
      ),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? NaN;
}
