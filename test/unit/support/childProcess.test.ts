import assert from 'node:assert/strict';
import { once } from 'node:events';
import { runProcess, startProcess } from '../../support/childProcess.ts';

describe('processes that the tests start', () => {
  it('are ended with their scope, and so is what they have started', async () => {
    const scope = new AsyncDisposableStack();
    const program = `
      const { spawn } = require('node:child_process');
      spawn(process.execPath, ['-e', 'console.log("there"); setInterval(() => {}, 1e6)'], {
        stdio: 'inherit',
      });
      setInterval(() => {}, 1e6);
    `;
    const child = startProcess(scope, process.execPath, ['-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout!, 'data');
    // The pipe is closed when the last of them is gone.
    const closed = once(child, 'close');
    await scope.disposeAsync();
    await closed;
  });

  it('answer with their exit code and all that they print', async () => {
    await using scope = new AsyncDisposableStack();
    const program = 'console.log("out"); console.error("err"); process.exitCode = 3';
    const { code, output } = await runProcess(scope, process.execPath, ['-e', program], {});
    assert.equal(code, 3);
    assert.match(output, /out/);
    assert.match(output, /err/);
  });

  it('that can’t be started are an error', async () => {
    await using scope = new AsyncDisposableStack();
    await assert.rejects(runProcess(scope, '/no/such/program', [], {}), { code: 'ENOENT' });
  });
});
