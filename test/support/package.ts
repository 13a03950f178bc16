import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runProcess } from './childProcess.ts';
import { out, root } from './root.ts';

/** Builds the extension's package, as `npm run package` does, and answers with its path. */
export async function packageExtension(scope: AsyncDisposableStack): Promise<string> {
  mkdirSync(out, { recursive: true });
  const vsix = join(out, 'aft-task-explorer.vsix');
  const { code, output } = await runProcess(
    scope,
    'npm',
    ['run', '--silent', 'package', '--', '--out', vsix],
    { cwd: root, shell: process.platform === 'win32' },
  );
  if (code !== 0) throw new Error(`The extension could not be packaged:\n${output}`);
  return vsix;
}
