/**
 * Runs test/e2e: the packaged extension in an empty VS Code server, on the tasks of a real AFT that
 * goes on running; Chromium clicks. Pictures are kept in out/screenshots.
 */
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAftStorage } from './aftStorage.ts';
import { aftPackage, vscodeServerDirectory } from './cache.ts';
import { runProcess } from './childProcess.ts';
import { isolatedEnvironment } from './environment.ts';
import { generateStorage } from './generateStorage.ts';
import { packageExtension } from './package.ts';
import { out, root } from './root.ts';
import { runInScope } from './scope.ts';
import {
  installExtension,
  quietSettings,
  startVscodeServer,
  userSettingsFile,
} from './vscodeServer.ts';

await runInScope(async (scope) => {
  await vscodeServerDirectory();
  rmSync(join(out, '3b-shots'), { recursive: true, force: true });
  const directory = mkdtempSync(join(tmpdir(), 'aft-tasks-e2e-'));
  scope.defer(() => {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  const dataDirectory = join(directory, 'server');
  await installExtension(scope, dataDirectory, await packageExtension(scope));
  const { sample } =
    aftPackage() === undefined
      ? await generateStorage(scope, directory)
      : await startAftStorage(scope, { directory });
  const sampleFile = join(directory, 'sample.json');
  writeFileSync(sampleFile, JSON.stringify(sample));
  const server = await startVscodeServer(scope, {
    dataDirectory,
    environment: isolatedEnvironment(sample.homeDirectory, {
      AFT_STORAGE_DIR: sample.storageDirectory,
    }),
    settings: quietSettings,
  });
  const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
  const suites = globSync('test/e2e/**/*.e2e.test.ts', { cwd: root });
  if (suites.length === 0) throw new Error('There is no test/e2e/**/*.e2e.test.ts.');
  const args = [mocha, '--timeout=120000', ...process.argv.slice(2), ...suites];
  const { code } = await runProcess(scope, process.execPath, args, {
    cwd: root,
    echo: true,
    env: {
      ...process.env,
      SAMPLE_FILE: sampleFile,
      WORKBENCH_ADDRESS: server.address(sample.projectDirectory),
      WORKBENCH_SETTINGS: userSettingsFile(dataDirectory),
    },
  });
  return code;
});
