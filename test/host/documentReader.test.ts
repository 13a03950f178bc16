import * as assert from 'node:assert/strict';
import { appendFileSync, utimesSync } from 'node:fs';
import * as vscode from 'vscode';
import { updateTask } from '../../src/persistence/taskFile.ts';
import { outputUri } from '../../src/vscode/uris.ts';
import { writeTaskFixture, type FixtureTask, type TaskFixture } from '../support/taskFixture.ts';
import { running, setSetting, showStorage, taskWhere, textWhere, until } from './fixture.ts';

describe('the reader of an output document', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;

  beforeEach(async () => {
    storage = await showStorage();
  });

  afterEach(async () => {
    await setSetting('output.window', undefined);
    await setSetting('output.liveWindow', undefined);
    await storage.remove();
  });

  async function open(
    fixture: Omit<TaskFixture, 'storage'>,
  ): Promise<{ task: FixtureTask; uri: vscode.Uri; editor: vscode.TextEditor }> {
    const task = writeTaskFixture({ storage: storage.directory, ...fixture });
    await taskWhere(task.key);
    const uri = outputUri(task.key, 'output');
    return { task, uri, editor: await vscode.window.showTextDocument(uri) };
  }

  function lines(from: number, to: number, name = 'line'): string {
    let text = '';
    for (let at = from; at < to; at += 1) text += `${name} ${at}\n`;
    return text;
  }

  function top({ visibleRanges }: vscode.TextEditor): number {
    return visibleRanges[0]!.start.line;
  }

  function bottom({ visibleRanges }: vscode.TextEditor): number {
    return visibleRanges.at(-1)!.end.line;
  }

  function isAtEnd(editor: vscode.TextEditor): boolean {
    return bottom(editor) >= editor.document.lineCount - 1;
  }

  /** VS Code leaves room behind a line that it scrolls to. */
  const isNear =
    (line: number) =>
    (editor: vscode.TextEditor): boolean =>
      bottom(editor) >= line && bottom(editor) <= line + 7;

  /** Resolves when what an editor shows fits. */
  async function shows(
    editor: vscode.TextEditor,
    fits: (editor: vscode.TextEditor) => boolean,
  ): Promise<void> {
    await until(
      () => (fits(editor) ? true : undefined),
      vscode.window.onDidChangeTextEditorVisibleRanges,
    );
  }

  async function scrollTo(editor: vscode.TextEditor, line: number): Promise<number> {
    const range = new vscode.Range(line, 0, line, 0);
    editor.revealRange(range, vscode.TextEditorRevealType.AtTop);
    // VS Code leaves room for the lines that stick to the top.
    await shows(editor, () => top(editor) <= line && top(editor) >= line - 6);
    return top(editor);
  }

  it('starts at the end of a task that runs, and stays there', async () => {
    const { task, uri, editor } = await open({ record: running, stdout: lines(0, 300) });
    await shows(editor, isAtEnd);
    appendFileSync(task.paths.stdout, lines(300, 400));
    await textWhere(uri, (text) => text.includes('line 399'));
    await shows(editor, isAtEnd);
  });

  it('starts at the beginning of a task that has ended', async () => {
    const { editor } = await open({ stdout: lines(0, 300) });
    assert.equal(top(editor), 0);
  });

  it('stays where they scrolled up to, and goes on at the end when back there', async () => {
    const { task, uri, editor } = await open({ record: running, stdout: lines(0, 300) });
    await shows(editor, isAtEnd);
    const place = await scrollTo(editor, 100);
    appendFileSync(task.paths.stdout, lines(300, 400));
    await textWhere(uri, (text) => text.includes('line 399'));
    assert.equal(top(editor), place);
    const end = new vscode.Range(400, 0, 400, 0);
    editor.revealRange(end);
    await shows(editor, isAtEnd);
    appendFileSync(task.paths.stdout, lines(400, 500));
    await textWhere(uri, (text) => text.includes('line 499'));
    await shows(editor, isAtEnd);
  });

  it('starts at the end again in a tab that is opened anew', async () => {
    const { uri, editor } = await open({ record: running, stdout: lines(0, 300) });
    await shows(editor, isAtEnd);
    await scrollTo(editor, 100);
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
    await shows(await vscode.window.showTextDocument(uri), isAtEnd);
  });

  it('stays where they are when the task ends', async () => {
    const { task, uri, editor } = await open({ record: running, stdout: lines(0, 300) });
    await shows(editor, isAtEnd);
    const place = await scrollTo(editor, 100);
    appendFileSync(task.paths.stdout, lines(300, 310));
    updateTask(task.paths, (record) => ({ ...record, status: 'completed', exitCode: 0 }));
    await textWhere(uri, (text) => text.includes('line 309'));
    assert.equal(top(editor), place);
  });

  it('follows and ceases to by toggleFollow', async () => {
    const { task, uri, editor } = await open({ record: running, stdout: lines(0, 300) });
    await shows(editor, isAtEnd);
    await vscode.commands.executeCommand('aftTasks.toggleFollow');
    appendFileSync(task.paths.stdout, lines(300, 400));
    await textWhere(uri, (text) => text.includes('line 399'));
    assert.ok(!isAtEnd(editor));
    await vscode.commands.executeCommand('aftTasks.toggleFollow');
    await shows(editor, isAtEnd);
  });

  it('does not follow again by itself when the text comes to fill the screen', async () => {
    const { task, uri, editor } = await open({ record: running, stdout: 'a\nb\n' });
    await until(
      () => (vscode.window.activeTextEditor === editor ? true : undefined),
      vscode.window.onDidChangeActiveTextEditor,
    );
    await vscode.commands.executeCommand('aftTasks.toggleFollow');
    // The text comes to fill the screen: nobody scrolls.
    for (const text of ['c', 'd', 'e']) {
      const { lineCount } = editor.document;
      appendFileSync(task.paths.stdout, `${text}\n`);
      await textWhere(uri, (shown) => shown.includes(text));
      await shows(editor, () => bottom(editor) >= lineCount);
    }
    appendFileSync(task.paths.stdout, lines(0, 100));
    await textWhere(uri, (text) => text.includes('line 99'));
    appendFileSync(task.paths.stdout, 'last\n');
    await textWhere(uri, (text) => text.includes('last'));
    assert.equal(top(editor), 0);
  });

  it('is not moved to the end where a screen reader is in use', async () => {
    const configuration = vscode.workspace.getConfiguration('editor');
    await configuration.update('accessibilitySupport', 'on', vscode.ConfigurationTarget.Global);
    try {
      const { editor } = await open({ record: running, stdout: lines(0, 300) });
      assert.equal(top(editor), 0);
      await vscode.commands.executeCommand('aftTasks.toggleFollow');
      await shows(editor, isAtEnd);
    } finally {
      const target = vscode.ConfigurationTarget.Global;
      await configuration.update('accessibilitySupport', undefined, target);
    }
  });

  describe('of which lines are to be cut', () => {
    let task: FixtureTask;
    let editor: vscode.TextEditor;
    let written: number;

    beforeEach(async () => {
      // Half for each stream.
      await setSetting('output.liveWindow', 128);
      written = 12_000;
      ({ task, editor } = await open({ record: running, stdout: lines(0, written) }));
      await shows(editor, isAtEnd);
    });

    /** Of the window of 64 KiB and of a document that waits, 1,000 lines are some 11 KiB. */
    async function grow(count: number): Promise<void> {
      const { version } = editor.document;
      appendFileSync(task.paths.stdout, lines(written, written + count));
      written += count;
      await until(
        () => (editor.document.version === version ? undefined : true),
        vscode.workspace.onDidChangeTextDocument,
      );
    }

    const head = (): string => editor.document.lineAt(0).text;

    it('keeps them while they read elsewhere, and no longer', async () => {
      const before = head();
      await scrollTo(editor, 100);
      const shown = editor.document.lineAt(top(editor)).text;
      for (let round = 0; round < 8; round += 1) await grow(4000);
      assert.equal(head(), before);
      assert.equal(editor.document.lineAt(top(editor)).text, shown);
      editor.revealRange(new vscode.Range(editor.document.lineCount, 0, 1e6, 0));
      await shows(editor, isAtEnd);
      await grow(10);
      assert.notEqual(head(), before);
      await shows(editor, isAtEnd);
    });

    it('stays at the end, with a full screen', async () => {
      const height = bottom(editor) - top(editor);
      for (let cuts = 0; cuts < 2;) {
        const before = head();
        await grow(3000);
        if (head() !== before) cuts += 1;
        await shows(editor, () => isAtEnd(editor) && bottom(editor) - top(editor) >= height - 1);
      }
    });

    it('is left at the cut where the document would grow too large', async () => {
      await scrollTo(editor, 100);
      const before = head();
      while (head() === before) await grow(20_000);
      assert.ok(editor.document.getText().length < 100_000);
      await shows(editor, () => top(editor) === 0);
      await grow(10);
      assert.equal(top(editor), 0);
    });

    it('finds those that are left in their place', async () => {
      await scrollTo(editor, 100);
      const before = head();
      // Up to just before the cut, at 12 bytes a line.
      for (let room; (room = 2_045_000 - editor.document.getText().length) > 0;) {
        await grow(Math.ceil(room / 12));
      }
      await scrollTo(editor, editor.document.lineCount - 100);
      const shown = editor.document.lineAt(top(editor)).text;
      editor.selection = new vscode.Selection(top(editor) + 3, 0, top(editor) + 3, 4);
      const selected = editor.document.lineAt(editor.selection.start.line).text;
      assert.equal(head(), before);
      while (head() === before) await grow(1000);
      await shows(editor, () => editor.document.lineAt(top(editor)).text === shown);
      assert.equal(editor.document.lineAt(editor.selection.start.line).text, selected);
    });
  });

  it('keeps their place when earlier output is loaded', async () => {
    await setSetting('output.window', 64);
    const { uri, editor } = await open({ stdout: lines(0, 20_000) });
    const before = editor.document.lineCount;
    await scrollTo(editor, 50);
    const shown = editor.document.lineAt(top(editor)).text;
    const line = top(editor) + 2;
    editor.selection = new vscode.Selection(line, 1, line, 4);
    const selected = editor.document.lineAt(line).text;
    await vscode.commands.executeCommand('aftTasks.loadEarlier', uri);
    await until(
      () => (editor.document.lineCount > before ? true : undefined),
      vscode.workspace.onDidChangeTextDocument,
    );
    await shows(editor, () => editor.document.lineAt(top(editor)).text === shown);
    await until(
      () =>
        editor.document.lineAt(editor.selection.start.line).text === selected ? true : undefined,
      vscode.window.onDidChangeTextEditorSelection,
    );
    assert.match(editor.document.lineAt(0).text, /before this are not shown/);
  });

  it('gets all of the capture by loading earlier output again and again', async () => {
    await setSetting('output.window', 64);
    const { uri, editor } = await open({ stdout: lines(0, 20_000) });
    for (let round = 0; round < 10; round += 1) {
      const before = editor.document.lineCount;
      if (editor.document.lineAt(0).text === 'line 0') break;
      await vscode.commands.executeCommand('aftTasks.loadEarlier', uri.toString(), 'stdout');
      await until(
        () => (editor.document.lineCount > before ? true : undefined),
        vscode.workspace.onDidChangeTextDocument,
      );
    }
    assert.equal(editor.document.getText(), lines(0, 20_000));
  });

  it('at the end of one stream stays there while the other one grows', async () => {
    const { task, uri, editor } = await open({
      record: running,
      stdout: lines(0, 300, 'out'),
      stderr: lines(0, 300, 'err'),
    });
    await shows(editor, isAtEnd);
    const shown = editor.document.lineAt(top(editor)).text;
    appendFileSync(task.paths.stdout, lines(300, 340, 'out'));
    appendFileSync(task.paths.stderr, 'err last\n');
    const document = await textWhere(uri, (text) => text.includes('err last'));
    // What the other stream gained would push away what is read: it waits.
    assert.ok(!document.getText().includes('out 339'));
    await shows(editor, isAtEnd);
    assert.notEqual(shown, '');
    await scrollTo(editor, 280);
    await textWhere(uri, (text) => text.includes('out 339'));
  });

  it('is kept at the end of the stream whose end they scrolled to', async () => {
    const { task, uri, editor } = await open({
      record: running,
      stdout: lines(0, 300, 'out'),
      stderr: lines(0, 300, 'err'),
    });
    await shows(editor, isAtEnd);
    await scrollTo(editor, 100);
    editor.revealRange(new vscode.Range(300, 0, 300, 0));
    await shows(editor, isNear(300));
    appendFileSync(task.paths.stdout, lines(300, 340, 'out'));
    await textWhere(uri, (text) => text.includes('out 339'));
    await shows(editor, isNear(340));
  });

  it('starts at the end of the stream that was written last, and stays there', async () => {
    const task = writeTaskFixture({
      storage: storage.directory,
      record: running,
      stdout: lines(0, 300, 'out'),
      stderr: lines(0, 300, 'err'),
    });
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(task.paths.stderr, longAgo, longAgo);
    await taskWhere(task.key);
    const uri = outputUri(task.key, 'output');
    const editor = await vscode.window.showTextDocument(uri);
    await shows(editor, isNear(300));
    appendFileSync(task.paths.stderr, 'err last\n');
    await textWhere(uri, (text) => text.includes('err last'));
    appendFileSync(task.paths.stdout, lines(300, 340, 'out'));
    await textWhere(uri, (text) => text.includes('out 339'));
    await shows(editor, isNear(340));
    // Past it to the other one's end.
    editor.revealRange(new vscode.Range(editor.document.lineCount, 0, 1e6, 0));
    await shows(editor, isAtEnd);
    appendFileSync(task.paths.stderr, lines(0, 100, 'more'));
    await textWhere(uri, (text) => text.includes('more 99'));
    await shows(editor, isAtEnd);
  });

  it('stays at the end of a stream when the other one begins to write', async () => {
    const { task, uri, editor } = await open({ record: running, stdout: lines(0, 300, 'out') });
    await shows(editor, isAtEnd);
    appendFileSync(task.paths.stderr, lines(0, 100, 'err'));
    await textWhere(uri, (text) => text.includes('err 99'));
    appendFileSync(task.paths.stdout, lines(300, 340, 'out'));
    await textWhere(uri, (text) => text.includes('out 339'));
    await shows(editor, isNear(340));
  });

  it('sees all of both streams when the task has ended', async () => {
    const { task, uri, editor } = await open({
      record: running,
      stdout: lines(0, 300, 'out'),
      stderr: lines(0, 300, 'err'),
    });
    await shows(editor, isAtEnd);
    appendFileSync(task.paths.stdout, lines(300, 340, 'out'));
    updateTask(task.paths, (record) => ({ ...record, status: 'completed', exitCode: 0 }));
    await textWhere(uri, (text) => text.includes('out 339'));
    await shows(editor, isAtEnd);
  });
});
