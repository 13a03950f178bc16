/**
 * Runs test/e2e: the packaged extension in an empty VS Code server, on the tasks of a real AFT that
 * goes on running; Chromium clicks. Pictures are kept in out/screenshots.
 */
import { globSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { vscodeServerDirectory } from './cache.ts';
import { runProcess } from './childProcess.ts';
import { isolatedEnvironment } from './environment.ts';
import { packageExtension } from './package.ts';
import { out, root } from './root.ts';
import { sampleVariables, startSample, temporaryDirectory } from './sample.ts';
import { runInScope } from './scope.ts';
import {
  installExtension,
  quietSettings,
  startVscodeServer,
  userSettingsFile,
} from './vscodeServer.ts';

await runInScope(async (scope) => {
  await vscodeServerDirectory();
  rmSync(join(out, 'screenshots'), { recursive: true, force: true });
  const directory = temporaryDirectory(scope);
  const dataDirectory = join(directory, 'server');
  await installExtension(scope, dataDirectory, await packageExtension(scope));
  const sample = await startSample(scope, directory);
  const server = await startVscodeServer(scope, {
    dataDirectory,
    environment: isolatedEnvironment(sample.homeDirectory, {
      AFT_STORAGE_DIR: sample.storageDirectory,
    }),
    // Drawn without the GPU, a terminal's text is in the page.
    settings: { ...quietSettings, 'terminal.integrated.gpuAcceleration': 'off' },
  });
  const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
  const suites = globSync('test/e2e/**/*.e2e.test.ts', { cwd: root });
  if (suites.length === 0) throw new Error('There is no test/e2e/**/*.e2e.test.ts.');
  // A click can come between two frames of a busy browser: a test that fails once is tried again.
  const reporter = join(root, 'test', 'e2e', 'retryReporter.ts');
  const args = [mocha, '--timeout=120000', '--retries=1', `--reporter=${reporter}`];
  args.push(...process.argv.slice(2), ...suites);
  const { code } = await runProcess(scope, process.execPath, args, {
    cwd: root,
    echo: true,
    env: {
      ...process.env,
      ...sampleVariables(directory, sample),
      WORKBENCH_ADDRESS: server.address(sample.projectDirectory),
      WORKBENCH_SETTINGS: userSettingsFile(dataDirectory),
    },
  });
  return code;
});
