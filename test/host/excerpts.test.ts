import * as assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { OutputColors } from '../../src/documents/outputColors.ts';
import { OutputDocuments } from '../../src/documents/outputDocuments.ts';
import { Settings } from '../../src/vscode/settings.ts';
import { outputUri, withForm } from '../../src/vscode/uris.ts';
import { writeTaskFixture, type FixtureTask, type TaskFixture } from '../support/taskFixture.ts';
import { held, running, showStorage, storagesAt, taskWhere, textWhere } from './fixture.ts';

/** More than an excerpt shows on either side of its place. */
const filling = `${'x'.repeat(98)}\r\n`.repeat(4000);

describe('an excerpt of an output', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;
  let workdir: string;

  beforeEach(async () => {
    storage = await showStorage();
    workdir = mkdtempSync(join(tmpdir(), 'aft-excerpt-'));
  });

  afterEach(async () => {
    await storage.remove();
    rmSync(workdir, { recursive: true, force: true });
  });

  type Capture = 'stdout' | 'pty';

  /** A task whose capture has these lines amid others, and the URI of the excerpt around them. */
  async function written(
    lines: string,
    fixture: Omit<TaskFixture, 'storage' | Capture> = {},
    stream: Capture = 'stdout',
  ): Promise<{ task: FixtureTask; uri: vscode.Uri }> {
    const task = writeTaskFixture({
      storage: storage.directory,
      ...fixture,
      [stream]: filling + lines + filling,
    });
    await taskWhere(task.key);
    const start = filling.length;
    const uri = withForm(outputUri(task.key, stream), { kind: 'at', start, end: start + 1 });
    return { task, uri };
  }

  async function lensesOf(uri: vscode.Uri): Promise<(vscode.Command | undefined)[]> {
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      uri,
      100,
    );
    return lenses.map(({ command }) => command);
  }

  async function linksOf(uri: vscode.Uri): Promise<vscode.DocumentLink[]> {
    return await vscode.commands.executeCommand('vscode.executeLinkProvider', uri, 100);
  }

  const titles = (lenses: readonly (vscode.Command | undefined)[]): string[] =>
    lenses.map((command) => command?.title.replace(/^\$\([\w-]+\) /, '') ?? '');

  const isLine = (text: string, line: string): boolean => text.split('\n').includes(line);

  it('says in its first and last lines what it does not show', async () => {
    const { uri } = await written('needle\n');
    const document = await vscode.workspace.openTextDocument(uri);
    const last = document.lineAt(document.lineCount - 2).text;
    assert.match(document.lineAt(0).text, /^\[13\d KB before this are not shown\]$/);
    assert.match(last, /^\[13\d KB after this are not shown\]$/);
    assert.ok(isLine(document.getText(), 'needle'));
  });

  it('has links to files, and those that the program made', async () => {
    const file = join(workdir, 'a.ts');
    writeFileSync(file, '\n'.repeat(9));
    const web = '\x1b]8;;https://example.org/\x1b\\words\x1b]8;;\x1b\\';
    const { uri } = await written(`needle a.ts:3 ${web}\n`, { record: { workdir } });
    const document = await vscode.workspace.openTextDocument(uri);
    const links = await linksOf(uri);
    const shown = links.map(({ range, target }) => [document.getText(range), String(target)]);
    assert.deepEqual(shown.sort(), [
      ['a.ts:3', vscode.Uri.file(file).with({ fragment: 'L3' }).toString()],
      ['words', 'https://example.org/'],
    ]);
  });

  it('leads from the line above to the whole output', async () => {
    const { task, uri } = await written('needle\n');
    await vscode.window.showTextDocument(uri);
    const lenses = await lensesOf(uri);
    assert.deepEqual(titles(lenses), [
      'completed · exit 0 · 2 s · 781 KB',
      'Open whole output',
      'Open raw',
      'Open in terminal',
    ]);
    const { command, arguments: given = [] } = lenses[1]!;
    await vscode.commands.executeCommand(command, ...(given as unknown[]));
    const active = vscode.window.activeTextEditor?.document.uri.toString();
    assert.equal(active, outputUri(task.key, 'output').toString());
  });

  it('has its colours', async () => {
    const { uri } = await written('\x1b[31mneedle\x1b[0m \x1b[1;38;2;1;2;3mbold\x1b[0m\n');
    await using scope = new AsyncDisposableStack();
    const storages = storagesAt(storage.directory);
    scope.defer(() => storages.dispose());
    await storages.start();
    const settings = new Settings();
    const log = vscode.window.createOutputChannel('excerpts', { log: true });
    const documents = new OutputDocuments(storages, settings, log);
    const colors = new OutputColors(documents);
    for (const part of [settings, log, documents, colors]) {
      scope.defer(() => {
        part.dispose();
      });
    }
    await documents.handOver(uri);
    const line = documents.get(uri)!.placeLine!;
    const selection = new vscode.Range(line, 0, line, 6);
    const editor = await vscode.window.showTextDocument(uri, { selection });
    assert.equal(editor.document.getText(selection), 'needle');
    while (colors.held.decorationTypes < 2) await new Promise((done) => setTimeout(done, 20));
    assert.equal(colors.held.decorationTypes, 2);
  });

  it('does not grow, and is not followed', async () => {
    const { task, uri } = await written('needle\n', { record: running });
    const editor = await vscode.window.showTextDocument(uri);
    const before = editor.document.getText();
    assert.deepEqual(titles(await lensesOf(uri)).slice(2), [
      'Open whole output',
      'Open raw',
      'Open in terminal',
    ]);
    await vscode.commands.executeCommand('aftTasks.toggleFollow');
    appendFileSync(task.paths.stdout, 'more\n');
    await textWhere(outputUri(task.key, 'output'), (text) => text.endsWith('more\n'));
    assert.equal(editor.document.getText(), before);
    assert.equal(editor.visibleRanges[0]?.start.line, 0);
    // That of the sweep is left: the task goes on, and nobody looks at it.
    while ((await held()).documents.timers > 1) await new Promise((done) => setTimeout(done, 20));
  });

  it('shows the rows of a terminal of the task’s size', async () => {
    const record = { mode: 'pty', ptyRows: 5, ptyCols: 10 } as const;
    // A line of the filling has ten rows, and the cursor goes to the last of them.
    const lines = 'needle\x1b[1A\x1b[2Gbeside\r\n\r\n';
    const { uri } = await written(lines, { record }, 'pty');
    const document = await vscode.workspace.openTextDocument(uri);
    const shown = document.getText().split('\n');
    assert.equal(shown[shown.indexOf('needle') - 1], `${'x'.repeat(91)}besidex`);
  });

  it('keeps its text when its task is deleted, and says so', async () => {
    const { task, uri } = await written('needle\n');
    await vscode.window.showTextDocument(uri);
    rmSync(join(task.paths.sessionDir, task.taskId), { recursive: true });
    const { lineCount, ...document } = await textWhere(uri, (text) => text.includes('was deleted'));
    assert.match(document.lineAt(lineCount - 3).text, /after this are not shown/);
    assert.match(document.lineAt(lineCount - 2).text, /was deleted: this is what was read before/);
  });

  it('can’t be opened of a capture that is gone, or of two at once', async () => {
    const { task, uri } = await written('needle\n');
    const before = (await held()).documents.documents;
    rmSync(task.paths.stdout);
    await assert.rejects(async () => await vscode.workspace.openTextDocument(uri));
    const both = withForm(outputUri(task.key, 'output'), { kind: 'at', start: 0, end: 1 });
    await assert.rejects(async () => await vscode.workspace.openTextDocument(both));
    assert.equal((await held()).documents.documents, before);
  });
});
