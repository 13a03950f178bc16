import * as assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { OutputDocuments } from '../../src/documents/outputDocuments.ts';
import { deleteTaskBundle } from '../../src/persistence/bundle.ts';
import { updateTask } from '../../src/persistence/taskFile.ts';
import { Settings } from '../../src/vscode/settings.ts';
import { outputLanguage, outputUri, parseOutputUri, withForm } from '../../src/vscode/uris.ts';
import { newTaskId, writeTaskFixture, type TaskFixture } from '../support/taskFixture.ts';
import {
  colored,
  running,
  setSetting,
  showStorage,
  storagesAt,
  taskWhere,
  textWhere,
  until,
} from './fixture.ts';

describe('output documents', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;

  beforeEach(async () => {
    storage = await showStorage();
  });

  afterEach(async () => {
    await storage.remove();
  });

  async function textOf(uri: vscode.Uri): Promise<string> {
    return (await vscode.workspace.openTextDocument(uri)).getText();
  }

  it('show each stream as it was written', async () => {
    const { key } = writeTaskFixture({
      storage: storage.directory,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    await taskWhere(key);
    assert.equal(await textOf(outputUri(key, 'stdout')), 'out\n');
    assert.equal(await textOf(outputUri(key, 'stderr')), 'err\n');
  });

  it('show standard output and error one after the other, each under its heading', async () => {
    const { key } = writeTaskFixture({
      storage: storage.directory,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    await taskWhere(key);
    assert.equal(
      await textOf(outputUri(key, 'output')),
      '=== stdout ===\nout\n=== stderr ===\nerr\n',
    );
  });

  it('show one stream alone without a heading', async () => {
    const { key } = writeTaskFixture({ storage: storage.directory, stdout: 'only\n' });
    await taskWhere(key);
    assert.equal(await textOf(outputUri(key, 'output')), 'only\n');
  });

  it('show a terminal capture as the natural output of a pty task', async () => {
    const { key } = writeTaskFixture({
      storage: storage.directory,
      record: { mode: 'pty', ptyRows: 24, ptyCols: 80 },
      pty: '\x1b[32mgreen\x1b[0m\r\n10%\r100%\r\n',
    });
    await taskWhere(key);
    assert.equal(await textOf(outputUri(key, 'output')), 'green\n100%\n');
    assert.equal(await textOf(outputUri(key, 'pty')), 'green\n100%\n');
  });

  it('show a terminal anew when its record says another size', async () => {
    const { key, paths } = writeTaskFixture({
      storage: storage.directory,
      record: { ...running, mode: 'pty', ptyRows: 5, ptyCols: 10 },
      pty: 'abcdefghijKLM\x1b[2;1HX',
    });
    await taskWhere(key);
    const uri = outputUri(key, 'output');
    await vscode.window.showTextDocument(uri);
    await textWhere(uri, (text) => text === 'abcdefghijXLM');
    updateTask(paths, (record) => ({ ...record, ptyCols: 20 }));
    await textWhere(uri, (text) => text === 'abcdefghijKLM\nX');
    appendFileSync(paths.pty, '\r\nend');
    await textWhere(uri, (text) => text === 'abcdefghijKLM\nX\nend');
  });

  it('have a language of their own, in which the editor draws nothing into the text', async () => {
    const { key } = writeTaskFixture({
      storage: storage.directory,
      stdout: '2026-01-02 error "text"\n',
    });
    await taskWhere(key);
    const uris = (['output', 'stdout', 'stderr'] as const).map((stream) => outputUri(key, stream));
    const forms = [{ kind: 'at', start: 0, end: 4 }, { kind: 'normalised' }] as const;
    for (const uri of [...uris, ...forms.map((form) => withForm(uris[1]!, form))]) {
      const document = await vscode.workspace.openTextDocument(uri);
      assert.equal(document.languageId, outputLanguage, uri.toString());
    }
    const { contributes } = vscode.extensions.getExtension('aft-task-explorer.aft-task-explorer')!
      .packageJSON as {
      contributes: { configurationDefaults: Record<string, Record<string, unknown>> };
    };
    const document = await vscode.workspace.openTextDocument(uris[0]!);
    const configuration = vscode.workspace.getConfiguration(undefined, document);
    for (const [name, value] of Object.entries(
      contributes.configurationDefaults[`[${outputLanguage}]`]!,
    )) {
      assert.equal(configuration.get(name), value, name);
    }
  });

  it('are the only files of that language', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'aft-language-'));
    const file = join(directory, `${newTaskId()}.output.log`);
    writeFileSync(file, 'exported');
    const { languageId } = await vscode.workspace.openTextDocument(file);
    rmSync(directory, { recursive: true });
    assert.notEqual(languageId, outputLanguage);
  });

  it('hold no NUL, no escape character, and a replacement for what is not UTF-8', async () => {
    const stdout = Buffer.from('a\0b\x1b]0;title\x07c\x1b[31md\x1b[0m \xff\n', 'latin1');
    const { key } = writeTaskFixture({ storage: storage.directory, stdout });
    await taskWhere(key);
    const text = await textOf(outputUri(key, 'stdout'));
    assert.ok(!text.includes('\0') && !text.includes('\x1b'));
    assert.ok(text.includes('\ufffd'));
    assert.match(text, /cd/);
  });

  it('show the end of a large capture, and say in the first line how much is before it', async () => {
    await setSetting('output.window', 64);
    const line = `${'x'.repeat(99)}\n`;
    const { key } = writeTaskFixture({ storage: storage.directory, stdout: line.repeat(10_000) });
    await taskWhere(key);
    const document = await vscode.workspace.openTextDocument(outputUri(key, 'stdout'));
    await setSetting('output.window', undefined);
    assert.match(document.lineAt(0).text, /^\[913 KB before this are not shown\]$/);
    assert.ok(document.getText().length < 70_000);
    assert.equal(document.lineAt(1).text, 'x'.repeat(99));
  });

  it('share their window between two streams, of which each may have what the other leaves', async () => {
    await setSetting('output.window', 64);
    const line = `${'x'.repeat(99)}\n`;
    const both = writeTaskFixture({
      storage: storage.directory,
      stdout: line.repeat(1000),
      stderr: line.repeat(1000),
    });
    const one = writeTaskFixture({
      storage: storage.directory,
      stdout: line.repeat(1000),
      stderr: line.repeat(10),
    });
    await taskWhere(both.key);
    await taskWhere(one.key);
    const linesOf = async ({ key }: { key: string }): Promise<number[]> => {
      const parts = (await textOf(outputUri(key, 'output'))).split('=== stderr ===');
      return parts.map((part) => part.split(line).length - 1);
    };
    assert.deepEqual(await linesOf(both), [328, 328]);
    assert.deepEqual(await linesOf(one), [646, 10]);
    await setSetting('output.window', undefined);
  });

  it('have half of their window for each stream while the task runs, whatever was written first', async () => {
    await setSetting('output.liveWindow', 64);
    const { key, paths } = writeTaskFixture({
      storage: storage.directory,
      record: running,
      stdout: '',
      stderr: '',
    });
    await taskWhere(key);
    const uri = outputUri(key, 'output');
    const line = `${'x'.repeat(99)}\n`;
    const linesNow = async (): Promise<number[]> => {
      const text = Buffer.from(await vscode.workspace.fs.readFile(uri)).toString();
      return text.split('=== stderr ===').map((part) => part.split(line).length - 1);
    };
    await vscode.workspace.openTextDocument(uri);
    appendFileSync(paths.stdout, line.repeat(600));
    appendFileSync(paths.stderr, line.repeat(500));
    assert.deepEqual(await linesNow(), [600, 500]);
    appendFileSync(paths.stdout, line.repeat(100));
    appendFileSync(paths.stderr, line.repeat(100));
    assert.deepEqual(await linesNow(), [328, 600]);
    await setSetting('output.liveWindow', undefined);
  });

  it('are never longer than VS Code lets extensions have, whatever the captures hold', async function () {
    this.timeout(120_000);
    await setSetting('output.window', 16 * 1024);
    const mebibyte = 1024 * 1024;
    // Few bytes that show many characters: blanks that are saved up, three bytes for each broken one.
    const blanks = Buffer.alloc(mebibyte / 8, '\n\x1b[4095Gx');
    const last = Buffer.from('\n\x1b[31mred\x1b[0m in a.ts:3:7\n');
    const { key } = writeTaskFixture({
      storage: storage.directory,
      record: { workdir: storage.directory, projectRoot: storage.directory },
      stdout: Buffer.concat([Buffer.alloc(8 * mebibyte, `${'x'.repeat(99)}\n`), blanks, last]),
      stderr: Buffer.concat([Buffer.alloc(8 * mebibyte, 0xff), blanks, last]),
    });
    await taskWhere(key);
    const uri = outputUri(key, 'output');
    const { size } = await vscode.workspace.fs.stat(uri);
    assert.ok(size > 24 * mebibyte && size < 36 * mebibyte, String(size));
    const editor = await vscode.window.showTextDocument(uri);
    // VS Code takes more characters for a large file: colours and links are there all the same.
    assert.ok(editor.document.getText().length > 20 * mebibyte);
    editor.revealRange(
      new vscode.Range(editor.document.lineCount, 0, editor.document.lineCount, 0),
    );
    await colored(1);
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
      'vscode.executeLinkProvider',
      uri,
    );
    assert.equal(editor.document.getText(links.at(-1)?.range), 'a.ts:3:7');
    await setSetting('output.window', undefined);
  });

  it('say in the text what was skipped', async () => {
    const { key, paths } = writeTaskFixture({
      storage: storage.directory,
      record: running,
      stdout: 'first\n',
    });
    await taskWhere(key);
    const uri = outputUri(key, 'output');
    await vscode.window.showTextDocument(uri);
    appendFileSync(paths.stdout, `${'x'.repeat(1023)}\n`.repeat(1024));
    const document = await textWhere(uri, (text) => !text.startsWith('first'));
    assert.equal(
      document.lineAt(0).text,
      '[896 KB before this are not shown; 896 KB of them were skipped]',
    );
  });

  it('grow while the task writes, without losing the reader’s place', async () => {
    const { key, paths } = writeTaskFixture({
      storage: storage.directory,
      record: running,
      stdout: 'first\n',
    });
    await taskWhere(key);
    const uri = outputUri(key, 'output');
    await vscode.window.showTextDocument(uri);
    appendFileSync(paths.stdout, 'second\n');
    const document = await textWhere(uri, (text) => text === 'first\nsecond\n');
    const changes: readonly vscode.TextDocumentContentChangeEvent[][] = [];
    const listener = vscode.workspace.onDidChangeTextDocument((event) => {
      (changes as vscode.TextDocumentContentChangeEvent[][]).push([...event.contentChanges]);
    });
    appendFileSync(paths.stdout, 'third\n');
    await textWhere(uri, (text) => text === 'first\nsecond\nthird\n');
    listener.dispose();
    assert.equal(document.isDirty, false);
    // An edit at the end, not a replacement of the text.
    for (const { rangeOffset } of changes.flat()) assert.ok(rangeOffset >= 'first\n'.length);
  });

  it('grow in an editor that was there before the extension, as after a crash of its host', async () => {
    const { key, paths } = writeTaskFixture({
      storage: storage.directory,
      record: running,
      stdout: 'one\n',
    });
    await taskWhere(key);
    const uri = outputUri(key, 'output');
    await vscode.window.showTextDocument(uri);
    await using scope = new AsyncDisposableStack();
    const storages = storagesAt(storage.directory);
    scope.defer(() => storages.dispose());
    await storages.start();
    const settings = new Settings();
    const log = vscode.window.createOutputChannel('documents', { log: true });
    const documents = new OutputDocuments(storages, settings, log);
    for (const part of [settings, log, documents]) {
      scope.defer(() => {
        part.dispose();
      });
    }
    const shows = (text: string) => (): true | undefined =>
      documents.get(uri)?.layout.text === text ? true : undefined;
    await until(shows('one\n'), documents.onDidChange);
    appendFileSync(paths.stdout, 'two\n');
    await until(shows('one\ntwo\n'), documents.onDidChange);
  });

  it('show what came before the end, when a task that is on screen ends', async () => {
    const { key, paths } = writeTaskFixture({ storage: storage.directory, record: running });
    await taskWhere(key);
    const uri = outputUri(key, 'output');
    await vscode.window.showTextDocument(uri);
    appendFileSync(paths.stdout, 'last words\n');
    updateTask(paths, (record) => ({ ...record, status: 'completed', exitCode: 0 }));
    await taskWhere(key, ({ status }) => status === 'completed');
    await textWhere(uri, (text) => text === 'last words\n');
  });

  it('keep the text of a deleted task, with a last line that says so', async () => {
    const { key, paths, taskId } = writeTaskFixture({
      storage: storage.directory,
      stdout: 'kept\n',
    });
    await taskWhere(key);
    const uri = outputUri(key, 'output');
    await vscode.window.showTextDocument(uri);
    deleteTaskBundle(paths);
    const document = await textWhere(uri, (text) => text.includes('deleted'));
    assert.equal(document.lineAt(0).text, 'kept');
    assert.ok(document.lineAt(1).text.includes(taskId));
    assert.ok(vscode.window.visibleTextEditors.some((editor) => editor.document === document));
  });

  it('of a task that is gone say what was deleted', async () => {
    const { key } = writeTaskFixture({ storage: storage.directory });
    await taskWhere(key);
    const gone = newTaskId();
    const uri = outputUri(`${key.slice(0, key.lastIndexOf('/'))}/${gone}`, 'output');
    const text = await textOf(uri);
    assert.ok(text.includes(gone));
    assert.match(text, /deleted/);
    assert.equal(text.trim().split('\n').length, 1);
  });

  it('are UTF-8 whatever encoding the user’s files have', async () => {
    const files = vscode.workspace.getConfiguration('files');
    await files.update('encoding', 'iso88591', vscode.ConfigurationTarget.Global);
    const { key } = writeTaskFixture({ storage: storage.directory, stdout: 'café ✓\n' });
    await taskWhere(key);
    const text = await textOf(outputUri(key, 'stdout'));
    await files.update('encoding', undefined, vscode.ConfigurationTarget.Global);
    assert.equal(text, 'café ✓\n');
  });

  it('are read-only', async () => {
    const { key } = writeTaskFixture({ storage: storage.directory, stdout: 'x' });
    await taskWhere(key);
    const uri = outputUri(key, 'output');
    assert.equal(vscode.workspace.fs.isWritableFileSystem('aft-output'), false);
    await assert.rejects(async () => vscode.workspace.fs.writeFile(uri, new Uint8Array()));
    await assert.rejects(async () => vscode.workspace.fs.delete(uri));
    assert.equal((await vscode.workspace.fs.stat(uri)).permissions, vscode.FilePermission.Readonly);
  });

  it('change their time only with their text', async () => {
    const { key } = writeTaskFixture({ storage: storage.directory, stdout: 'x' });
    await taskWhere(key);
    const uri = outputUri(key, 'output');
    const { mtime, size } = await vscode.workspace.fs.stat(uri);
    const again = await vscode.workspace.fs.stat(uri);
    assert.deepEqual([again.mtime, again.size], [mtime, size]);
    assert.equal(size, 1);
  });

  it('are not served for addresses that no task can have', async () => {
    const { key } = writeTaskFixture({ storage: storage.directory });
    const { authority, path } = outputUri(key, 'output');
    for (const wrong of [
      path.replace('bash-', 'sh-'),
      path.replace('.output.log', '.json'),
      `/..${path}`,
      path.replace('.output.', '.exit.'),
    ]) {
      const uri = vscode.Uri.from({ scheme: 'aft-output', authority, path: wrong });
      assert.equal(parseOutputUri(uri), undefined, wrong);
      await assert.rejects(async () => vscode.workspace.fs.readFile(uri));
    }
  });

  it('never show another file through a link in the place of a capture', async () => {
    const secret = join(storage.directory, 'secret.txt');
    writeFileSync(secret, 'secret');
    const { key, paths } = writeTaskFixture({ storage: storage.directory, stdout: 'x' });
    const { symlinkSync } = await import('node:fs');
    rmSync(paths.stdout);
    symlinkSync(secret, paths.stdout);
    await taskWhere(key);
    let text = '';
    try {
      text = Buffer.from(await vscode.workspace.fs.readFile(outputUri(key, 'stdout'))).toString();
    } catch (error) {
      assert.ok(error instanceof vscode.FileSystemError);
    }
    assert.ok(!text.includes('secret'));
  });
});

describe('links in output documents', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;
  let workdir: string;

  beforeEach(async () => {
    storage = await showStorage();
    workdir = mkdtempSync(join(tmpdir(), 'aft-links-'));
  });

  afterEach(async () => {
    await storage.remove();
    rmSync(workdir, { recursive: true, force: true });
  });

  async function linksIn(
    stdout: string,
    resolve: number,
    record: NonNullable<TaskFixture['record']> = { workdir, projectRoot: workdir },
  ): Promise<vscode.DocumentLink[]> {
    const { key } = writeTaskFixture({
      storage: storage.directory,
      record,
      stdout,
    });
    await taskWhere(key);
    const uri = outputUri(key, 'stdout');
    await vscode.workspace.openTextDocument(uri);
    return await vscode.commands.executeCommand('vscode.executeLinkProvider', uri, resolve);
  }

  it('lead to the file, line and column, relative to the task’s directory', async () => {
    writeFileSync(join(workdir, 'app.ts'), 'export {};\n');
    const links = await linksIn('app.ts:3:7 - error\n', 10);
    assert.equal(links.length, 1);
    assert.equal(links[0]?.target?.fsPath, join(workdir, 'app.ts'));
    assert.equal(links[0].target.fragment, 'L3,7');
  });

  it('are there for files that may not exist, since nobody asks the disk until one is followed', async () => {
    const links = await linksIn('src/missing.ts:3:7 - error\n', 0);
    assert.equal(links.length, 1);
    assert.equal(links[0]?.target, undefined);
  });

  it('say themselves that a file does not exist, so VS Code does not', async () => {
    // It would for a link that was resolved to nothing, with `missing`.
    await assert.rejects(linksIn('src/missing.ts:3:7 - error\n', 10), /^(?!.*missing).*Canceled/);
  });

  it('lead to the task’s directory before its project, and there before the workspace', async () => {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    const app = join(workdir, 'app');
    mkdirSync(app);
    for (const file of ['app/a.ts', 'a.ts', 'b.ts', 'README.md']) {
      writeFileSync(join(workdir, file), '');
    }
    const links = await linksIn('a.ts:1 b.ts:1\nREADME.md:1\nsrc/cart.ts:1\n', 10, {
      workdir: app,
      projectRoot: workdir,
    });
    assert.deepEqual(
      links.map(({ target }) => target?.fsPath),
      [
        join(app, 'a.ts'),
        join(workdir, 'b.ts'),
        join(workdir, 'README.md'),
        join(folder.uri.fsPath, 'src', 'cart.ts'),
      ],
    );
  });

  it('lead to the file of the workspace that has the name which a stack trace gives', async () => {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    const [link] = await linksIn('\tat shop.Prices.priceOf(prices.ts:8)\n', 10);
    assert.equal(link?.target?.fsPath, join(folder.uri.fsPath, 'src', 'prices.ts'));
    assert.equal(link.target.fragment, 'L8');
  });

  it('lead to the file that a line before names', async () => {
    writeFileSync(join(workdir, 'app.ts'), '');
    const path = join(workdir, 'app.ts');
    const links = await linksIn(`${path}\n  3:7  error  no\n`, 10);
    assert.deepEqual(
      links.map(({ range, target }) => [range.start.line, target?.fsPath, target?.fragment]),
      [
        [0, path, ''],
        [1, path, 'L3,7'],
      ],
    );
  });

  it('lead to no other machine', async () => {
    const links = await linksIn('file://server.example/share/x.ts \\\\server\\share\\x.ts:3\n', 0);
    assert.deepEqual(
      links.map(({ target }) => target),
      [undefined],
    );
    await assert.rejects(linksIn('file://server.example/share/x.ts\n', 10), /Canceled/);
  });

  it('are not made of times, versions and ratios', async () => {
    assert.deepEqual(await linksIn('12:30:45 v1.2.3 ratio 3:4 [::1]:8080\n', 0), []);
  });
});
