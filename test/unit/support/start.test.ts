import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { runProcess } from '../../support/childProcess.ts';
import { root } from '../../support/root.ts';

describe('npm start', () => {
  const script = join(root, 'test', 'support', 'start.ts');

  it('explains its options to who asks for help', async () => {
    await using scope = new AsyncDisposableStack();
    for (const option of ['--help', '-h']) {
      const { code, output } = await runProcess(scope, process.execPath, [script, option], {});
      assert.equal(code, 0);
      for (const name of ['--storage DIR', '--port N', '--desktop', '--help']) {
        assert.ok(output.includes(name), output);
      }
    }
  });

  it('says at once that a port is in use', async () => {
    await using scope = new AsyncDisposableStack();
    const server = createServer().listen(0, '127.0.0.1');
    scope.defer(() => void server.close());
    await once(server, 'listening');
    const port = String((server.address() as AddressInfo).port);
    const args = [script, '--port', port];
    const { code, output } = await runProcess(scope, process.execPath, args, {});
    assert.equal(code, 1);
    assert.equal(output.trim(), `Port ${port} is in use.`);
  });
});
