import * as assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import * as vscode from 'vscode';
import { outputUri } from '../../src/vscode/uris.ts';
import { writeTaskFixture } from '../support/taskFixture.ts';
import { held, running, showStorage, taskWhere, until } from './fixture.ts';

const cycles = 100;

describe('a hundred times opened and closed, an output document', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;

  beforeEach(async () => {
    storage = await showStorage();
  });

  afterEach(async () => {
    await storage.remove();
  });

  it('leaves no document, editor, timer, handle or decoration type behind', async function () {
    this.timeout(180_000);
    const task = writeTaskFixture({
      storage: storage.directory,
      record: running,
      stdout: '\x1b[31mred\x1b[0m \x1b[38;2;1;2;3mrgb\x1b[0m\n'.repeat(200),
      stderr: '\x1b[1;32mgreen\x1b[0m\n',
    });
    await taskWhere(task.key);
    const uri = outputUri(task.key, 'output');
    await openAndClose(uri);
    const before = { ...(await held()), handles: openHandles() };
    for (let cycle = 1; cycle < cycles; cycle += 1) await openAndClose(uri);
    const after = { ...(await held()), handles: openHandles() };
    // What one cycle leaves behind would be there ninety-nine times.
    const few = 10;
    assert.ok(after.documents.documents - before.documents.documents < few);
    assert.ok(after.documents.timers - before.documents.timers < few);
    assert.ok(after.handles - before.handles < few);
    assert.ok(after.colors.decorationTypes - before.colors.decorationTypes < few);
    assert.ok(after.colors.editors - before.colors.editors < few);
    assert.ok(after.colors.timers - before.colors.timers < few);
    assert.ok(after.lenses.timers - before.lenses.timers < few);
  });
});

async function openAndClose(uri: vscode.Uri): Promise<void> {
  // By the command: a document that the API opens is kept open for minutes.
  await vscode.commands.executeCommand('vscode.open', uri, { preview: false });
  const document = await until(
    () => vscode.window.activeTextEditor?.document,
    vscode.window.onDidChangeActiveTextEditor,
  );
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  // VS Code keeps a document for a while after its last editor has closed.
  await until(
    () => (document.isClosed ? true : undefined),
    vscode.workspace.onDidCloseTextDocument,
  );
}

/** Files below a storage that this process has open: the storages' threads are part of it. */
function openHandles(): number {
  return existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0;
}
