/**
 * Runs test/host in a real VS Code extension host: that of a headless VS Code server, or with
 * `--desktop` that of a desktop VS Code, which is downloaded. `--bundle-only` leaves the running to F5,
 * `--grep WORDS` runs the tests with these words in their name.
 */
import { runTests, TestRunFailedError } from '@vscode/test-electron';
import { build } from 'esbuild';
import { globSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheDirectory, vscodeServerDirectory } from './cache.ts';
import { runProcess } from './childProcess.ts';
import { isolatedEnvironment } from './environment.ts';
import { out, root } from './root.ts';
import { sampleVariables, startSample, temporaryDirectory } from './sample.ts';
import { runInScope } from './scope.ts';

const bundles = join(out, 'host');

async function bundle(scope: AsyncDisposableStack): Promise<void> {
  const args = [join(root, 'esbuild.mjs')];
  const { code, output } = await runProcess(scope, process.execPath, args, { cwd: root });
  if (code !== 0) throw new Error(`The extension could not be built:\n${output}`);
  rmSync(bundles, { recursive: true, force: true });
  await build({
    entryPoints: globSync('test/host/{index,**/*.test}.ts', { cwd: root }),
    absWorkingDir: root,
    outbase: 'test/host',
    outdir: bundles,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node22',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
}

await runInScope(async (scope) => {
  const { values } = parseArgs({
    options: {
      desktop: { type: 'boolean' },
      'bundle-only': { type: 'boolean' },
      grep: { type: 'string' },
    },
  });
  await bundle(scope);
  if (values['bundle-only'] === true) return 0;

  // The editor under test has no environment to fetch it in: it is without npm's settings.
  if (values.desktop !== true) await vscodeServerDirectory();

  const directory = temporaryDirectory(scope);
  const sample = await startSample(scope, directory);

  const userData = values.desktop === true ? join(directory, 'window') : join(out, 'host-window');
  rmSync(userData, { recursive: true, force: true });
  mkdirSync(userData, { recursive: true });
  const profile = [`--user-data-dir=${userData}`, `--extensions-dir=${join(userData, 'none')}`];
  const headless = join(import.meta.dirname, 'headlessVscode.ts');
  const tests = runTests({
    extensionDevelopmentPath: root,
    extensionTestsPath: join(bundles, 'index.js'),
    extensionTestsEnv: isolatedEnvironment(sample.homeDirectory, {
      AFT_STORAGE_DIR: sample.storageDirectory,
      ...sampleVariables(directory, sample),
      ...(values.grep !== undefined && { HOST_TESTS_GREP: values.grep }),
    }),
    ...(values.desktop === true
      ? { cachePath: cacheDirectory(), launchArgs: [sample.projectDirectory, ...profile] }
      : {
          vscodeExecutablePath: process.execPath,
          launchArgs: [headless, sample.projectDirectory, ...profile],
        }),
  });
  return tests.catch((error: unknown) => {
    if (error instanceof TestRunFailedError) return error.code ?? 1;
    throw error;
  });
});
