import * as assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { OutputDocument } from '../../src/documents/outputDocument.ts';
import { Settings } from '../../src/vscode/settings.ts';
import { outputUri, parseOutputUri } from '../../src/vscode/uris.ts';
import { writeTaskFixture } from '../support/taskFixture.ts';
import { colored, setSetting, showStorage, storagesAt, textWhere } from './fixture.ts';

const streams = {
  stdout: '\x1b[31mred\x1b[0m in a.ts:3:7\n',
  stderr: '\x1b[31mred\x1b[0m too\n',
};
const text = '=== stdout ===\nred in a.ts:3:7\n=== stderr ===\nred too\n';

describe('an output document whose tab comes back with the window', () => {
  it('has all that it had, though it is asked for before its storage is known', async () => {
    const storage = await showStorage();
    const elsewhere = realpathSync(mkdtempSync(join(tmpdir(), 'aft-host-')));
    try {
      const file = join(elsewhere, 'a.ts');
      writeFileSync(file, '\n'.repeat(9));
      const record = { workdir: elsewhere, projectRoot: elsewhere };
      const { key } = writeTaskFixture({ storage: elsewhere, record, ...streams });
      const uri = outputUri(key, 'output');
      const known = setSetting('storageDirectories', [elsewhere]);
      await vscode.window.showTextDocument(uri);
      await vscode.window.showTextDocument(uri, { viewColumn: vscode.ViewColumn.Beside });
      await known;
      await textWhere(uri, (shown) => shown === text);
      await isWhole(uri, file);
      await vscode.commands.executeCommand('workbench.action.files.revert');
      await textWhere(uri, (shown) => shown === text);
      await isWhole(uri, file);
    } finally {
      await storage.remove();
      rmSync(elsewhere, { recursive: true });
    }
  });

  it('is read once the storages are found, where they are still looked for', async () => {
    await using scope = new AsyncDisposableStack();
    const directory = mkdtempSync(join(tmpdir(), 'aft-host-'));
    scope.defer(() => {
      rmSync(directory, { recursive: true, force: true });
    });
    const { key } = writeTaskFixture({ storage: directory, ...streams });
    const storages = storagesAt(directory);
    scope.defer(() => storages.dispose());
    const settings = scope.adopt(new Settings(), (own) => {
      own.dispose();
    });
    const document = new OutputDocument(
      parseOutputUri(outputUri(key, 'output'))!,
      storages,
      settings,
    );
    const reading = document.read();
    await storages.start();
    await reading;
    assert.equal(document.layout.text, text);
    document.close();
  });
});

/** Colours, links, folding and outline. */
async function isWhole(uri: vscode.Uri, file: string): Promise<void> {
  await colored(2);
  const [link] = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
    'vscode.executeLinkProvider',
    uri,
    1,
  );
  assert.deepEqual([link?.target?.fsPath, link?.target?.fragment], [file, 'L3,7']);
  const folds = await vscode.commands.executeCommand<vscode.FoldingRange[]>(
    'vscode.executeFoldingRangeProvider',
    uri,
  );
  assert.deepEqual(
    folds.map(({ start, end }) => [start, end]),
    [
      [0, 1],
      [2, 3],
    ],
  );
  const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[]>(
    'vscode.executeDocumentSymbolProvider',
    uri,
  );
  assert.deepEqual(
    symbols.map(({ name }) => name),
    ['stdout', 'stderr'],
  );
}
