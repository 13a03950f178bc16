import * as assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { loadEarlier } from '../../src/documents/earlierOutput.ts';
import { OutputDocuments } from '../../src/documents/outputDocuments.ts';
import { Settings } from '../../src/vscode/settings.ts';
import { outputUri, withForm } from '../../src/vscode/uris.ts';
import { NothingToDo } from '../../src/vscode/userError.ts';
import type { Storages } from '../../src/worker/storages.ts';
import { writeTaskFixture } from '../support/taskFixture.ts';
import { setSetting, showStorage, storagesAt } from './fixture.ts';

describe('loading earlier output', () => {
  const cut = `${'x'.repeat(99)}\n`.repeat(2000);
  let storage: Awaited<ReturnType<typeof showStorage>>;
  let storages: Storages;
  let parts: readonly { dispose(): void }[];
  let documents: OutputDocuments;

  beforeEach(async () => {
    storage = await showStorage();
    await setSetting('output.window', 64);
    storages = storagesAt(storage.directory);
    await storages.start();
    const settings = new Settings();
    const log = vscode.window.createOutputChannel('earlier', { log: true });
    documents = new OutputDocuments(storages, settings, log);
    parts = [documents, log, settings];
  });

  afterEach(async () => {
    for (const part of parts) part.dispose();
    await storages.dispose();
    await setSetting('output.window', undefined);
    await storage.remove();
  });

  async function fixture(stdout: string) {
    const task = writeTaskFixture({ storage: storage.directory, stdout });
    await storages.refresh();
    return { task, uri: outputUri(task.key, 'output') };
  }

  async function refused(uri: vscode.Uri, words: RegExp): Promise<void> {
    await assert.rejects(loadEarlier(documents, uri), (error: unknown) => {
      assert.ok(error instanceof NothingToDo);
      assert.match(error.message, words);
      return true;
    });
  }

  it('is refused to an excerpt and to a text for comparing, which are not read again', async () => {
    const { uri } = await fixture(cut);
    for (const form of [
      { kind: 'at', start: 100_000, end: 100_004 },
      { kind: 'normalised' },
    ] as const) {
      await refused(withForm(uri, form), /Nothing can be added to this text/);
    }
    assert.equal(documents.held.documents, 0);
  });

  it('is refused where the files have no more', async () => {
    const { uri } = await fixture('all\n');
    await refused(uri, /the files hold no earlier output/);
  });

  it('is refused where the task was deleted', async () => {
    const { task, uri } = await fixture(cut);
    await documents.read(uri);
    rmSync(join(task.paths.sessionDir, task.taskId), { recursive: true });
    await storages.refresh();
    await refused(uri, /was deleted, or its storage is not shown/);
  });
});
