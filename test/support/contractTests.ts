/**
 * `npm run test:contract`: the contract tests, against real `aft` binaries. `--full` runs all of the
 * matrix instead of a third; other arguments are mocha's.
 */
import { runProcess } from './childProcess.ts';
import { root } from './root.ts';
import { runInScope } from './scope.ts';

const [full, ...args] = process.argv.includes('--full')
  ? [true, ...process.argv.slice(2).filter((argument) => argument !== '--full')]
  : [false, ...process.argv.slice(2)];

await runInScope(async (scope) => {
  const { code } = await runProcess(scope, 'mocha', ['test/contract/**/*.test.ts', ...args], {
    cwd: root,
    echo: true,
    shell: process.platform === 'win32',
    env: { ...process.env, AFT_TASKS_MATRIX: full ? 'full' : 'third' },
  });
  return code;
});
