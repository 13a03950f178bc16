import * as assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { listFiles, PackageManager } from '@vscode/vsce';
import { storageId } from '../../src/store/discovery.ts';
import { StorageThread } from '../../src/worker/storageThread.ts';
import { writeTaskFixture } from '../support/taskFixture.ts';

const root = vscode.extensions.getExtension('aft-task-explorer.aft-task-explorer')!.extensionPath;
const dist = join(root, 'dist');
const bundles = ['extension.js', 'search.js', 'worker.js', 'xterm.js'];

describe('the bundles', () => {
  it('are all in the package', async () => {
    const files = await listFiles({ cwd: root, packageManager: PackageManager.None });
    const packaged = files.filter((file) => /^dist.*\.js$/.test(file));
    assert.deepEqual(
      packaged.sort(),
      bundles.map((file) => `dist/${file}`),
    );
  });

  it('have the terminal in a file of its own', () => {
    const message = 'You must set the allowProposedApi option to true to use proposed API';
    const having = bundles.filter((file) => readFileSync(join(dist, file)).includes(message));
    assert.deepEqual(having, ['xterm.js']);
  });

  it('have it loaded by a worker for its first capture of a terminal', async () => {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), 'aft-bundles-')));
    const [storage, journalDirectory] = [join(directory, 'storage'), join(directory, 'actions')];
    mkdirSync(storage);
    mkdirSync(journalDirectory);
    const script = join(directory, 'worker.js');
    copyFileSync(join(dist, 'worker.js'), script);
    const pipes = writeTaskFixture({ storage, stdout: '\x1b[31mred\x1b[m\n' });
    const record = { mode: 'pty', ptyRows: 24, ptyCols: 80 } as const;
    const pty = writeTaskFixture({ storage, record, pty: '\x1b[31mred\x1b[m\r\n' });
    const failures: Error[] = [];
    const nothing = (): void => undefined;
    const thread = new StorageThread(
      script,
      {
        storage: { id: storageId(storage), directory: storage, legacy: false, migrated: false },
        journalDirectory,
      },
      {
        onChanges: nothing,
        onState: nothing,
        onStep: nothing,
        onLog: nothing,
        onUnfinishedKill: nothing,
      },
      (error) => failures.push(error),
    );
    try {
      await thread.calls.start();
      await thread.calls.refresh();
      const window = { size: 1024, limit: 2048 };
      const { text } = await thread.calls.openOutput(1, pipes.key, 'stdout', window);
      assert.equal(text, 'red\n');
      // There is none beside this worker: it is only now that it looks for it.
      await assert.rejects(
        thread.calls.openOutput(2, pty.key, 'pty', window),
        /Cannot find module .*xterm\.js/,
      );
      copyFileSync(join(dist, 'xterm.js'), join(directory, 'xterm.js'));
      assert.equal((await thread.calls.openOutput(3, pty.key, 'pty', window)).text, 'red\n');
      assert.deepEqual(failures, []);
    } finally {
      await thread.close();
      rmSync(directory, { recursive: true });
    }
  });
});
