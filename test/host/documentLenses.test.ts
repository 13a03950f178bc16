import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { FollowOutput } from '../../src/documents/followOutput.ts';
import { OutputDocuments } from '../../src/documents/outputDocuments.ts';
import { OutputLenses } from '../../src/documents/outputLenses.ts';
import { Settings } from '../../src/vscode/settings.ts';
import { outputUri } from '../../src/vscode/uris.ts';
import type { Storages } from '../../src/worker/storages.ts';
import { writeTaskFixture } from '../support/taskFixture.ts';
import { showStorage, storagesAt, taskWhere, until } from './fixture.ts';

describe('the lenses of an output document', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;
  let storages: Storages;
  let parts: readonly { dispose(): void }[];
  let documents: OutputDocuments;
  let lenses: OutputLenses;
  let told: number;

  async function setLenses(shown: boolean | undefined): Promise<void> {
    const configuration = vscode.workspace.getConfiguration('editor');
    await configuration.update('codeLens', shown, vscode.ConfigurationTarget.Global);
  }

  beforeEach(async () => {
    storage = await showStorage();
    storages = storagesAt(storage.directory);
    await storages.start();
    const settings = new Settings();
    const log = vscode.window.createOutputChannel('lenses', { log: true });
    documents = new OutputDocuments(storages, settings, log);
    const memory: vscode.Memento = {
      keys: () => [],
      get: () => undefined,
      update: () => Promise.resolve(),
    };
    const follow = new FollowOutput(documents, settings, memory);
    lenses = new OutputLenses(documents, follow, () => 'completed');
    told = 0;
    lenses.onDidChangeCodeLenses(() => {
      told += 1;
    });
    parts = [lenses, follow, documents, log, settings];
  });

  afterEach(async () => {
    for (const part of parts) part.dispose();
    await storages.dispose();
    await setLenses(undefined);
    await storage.remove();
  });

  /** When all that an editor's appearance leads to is over. */
  async function quiet(): Promise<void> {
    while (lenses.held.timers > 0) await new Promise((done) => setTimeout(done, 20));
  }

  it('are offered again a little later where VS Code has not asked for them, and else not', async () => {
    // So it never asks.
    await setLenses(false);
    const { key } = writeTaskFixture({ storage: storage.directory, stdout: 'a\n' });
    await taskWhere(key);
    await storages.refresh();
    const uri = outputUri(key, 'stdout');
    await documents.read(uri);
    const { document } = await vscode.window.showTextDocument(uri);
    await until(
      () => (lenses.held.timers > 0 ? true : undefined),
      vscode.window.onDidChangeVisibleTextEditors,
    );
    const before = told;
    assert.ok(before > 0);
    await until(() => (told > before ? true : undefined), lenses.onDidChangeCodeLenses);

    await quiet();
    assert.match(lenses.provideCodeLenses(document)[0]!.command!.title, /^completed/);
    const after = told;
    await vscode.window.showTextDocument(uri, { viewColumn: vscode.ViewColumn.Beside });
    await until(
      () => (lenses.held.timers > 0 ? true : undefined),
      vscode.window.onDidChangeVisibleTextEditors,
    );
    await quiet();
    assert.equal(told, after);
  });
});
