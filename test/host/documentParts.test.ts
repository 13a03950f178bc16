import * as assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as vscode from 'vscode';
import { updateTask } from '../../src/persistence/taskFile.ts';
import { outputUri } from '../../src/vscode/uris.ts';
import { writeTaskFixture, type FixtureTask, type TaskFixture } from '../support/taskFixture.ts';
import { colored, running, setSetting, showStorage, taskWhere } from './fixture.ts';

describe('the parts of an output document', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;
  let workdir: string;
  const { showWarningMessage } = vscode.window;

  beforeEach(async () => {
    storage = await showStorage();
    workdir = mkdtempSync(join(tmpdir(), 'aft-parts-'));
  });

  afterEach(async () => {
    vscode.window.showWarningMessage = showWarningMessage;
    await storage.remove();
    rmSync(workdir, { recursive: true, force: true });
  });

  async function open(
    fixture: Omit<TaskFixture, 'storage'>,
  ): Promise<{ task: FixtureTask; uri: vscode.Uri; editor: vscode.TextEditor }> {
    const task = writeTaskFixture({ storage: storage.directory, ...fixture });
    await taskWhere(task.key);
    const uri = outputUri(task.key, 'output');
    return { task, uri, editor: await vscode.window.showTextDocument(uri) };
  }

  async function lensTitles(uri: vscode.Uri): Promise<string[]> {
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      uri,
      100,
    );
    for (const { range } of lenses) assert.equal(range.start.line, 0);
    return lenses.map(({ command }) => command?.title.replace(/^\$\([\w-]+\) /, '') ?? '');
  }

  /** The warnings that are shown from now on. */
  function warnings(): string[] {
    const told: string[] = [];
    vscode.window.showWarningMessage = (message: string): Promise<undefined> => {
      told.push(message);
      return Promise.resolve(undefined);
    };
    return told;
  }

  it('fold at the heading of each stream', async () => {
    const { uri } = await open({ stdout: 'a\nb\n', stderr: 'c\n' });
    const ranges = await vscode.commands.executeCommand<vscode.FoldingRange[]>(
      'vscode.executeFoldingRangeProvider',
      uri,
    );
    assert.deepEqual(
      ranges.map(({ start, end }) => [start, end]),
      [
        [0, 2],
        [3, 4],
      ],
    );
  });

  it('have the streams as their outline', async () => {
    const { uri } = await open({ stdout: 'a\nb\n', stderr: 'c\n' });
    const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[]>(
      'vscode.executeDocumentSymbolProvider',
      uri,
    );
    assert.deepEqual(
      symbols.map(({ name, range }) => [name, range.start.line, range.end.line]),
      [
        ['stdout', 0, 2],
        ['stderr', 3, 4],
      ],
    );
  });

  it('have no outline and nothing to fold where one stream is shown', async () => {
    const { uri } = await open({ stdout: 'a\nb\n' });
    for (const provider of ['Folding' + 'Range', 'DocumentSymbol']) {
      const found = await vscode.commands.executeCommand<unknown[] | undefined>(
        `vscode.execute${provider}Provider`,
        uri,
      );
      assert.deepEqual(found ?? [], [], provider);
    }
  });

  it('say above the text how the task went, and what can be done', async () => {
    const { uri } = await open({
      record: { status: 'failed', exitCode: 3, durationMs: 125_000 },
      stdout: 'x'.repeat(2048),
    });
    assert.deepEqual(await lensTitles(uri), [
      'exit 3 · 2 min · 2 KB',
      'Open raw',
      'Open in terminal',
    ]);
  });

  it('offer to kill and to follow a task that runs, until it has ended', async () => {
    const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    const { pid } = child;
    const record = { ...running, startedAt: Date.now(), childPid: pid, pgid: pid };
    const { task, uri } = await open({ record, stdout: 'a\n' });
    const titles = await lensTitles(uri);
    assert.match(titles[0]!, /^running/);
    assert.deepEqual(titles.slice(1), ['Kill', 'Stop following', 'Open raw', 'Open in terminal']);
    updateTask(task.paths, (record) => ({ ...record, status: 'completed', exitCode: 0 }));
    await taskWhere(task.key, ({ status }) => status === 'completed');
    const ended = await lensTitles(uri);
    assert.match(ended[0]!, /^completed · exit 0/);
    assert.deepEqual(ended.slice(1), ['Open raw', 'Open in terminal']);
    child.kill('SIGKILL');
  });

  it('offer to record the end of a task whose process is gone, and not to follow it', async () => {
    const gone = 2 ** 22 + 1;
    const startedAt = Date.now() - 3_600_000;
    const record = { ...running, startedAt, childPid: gone, pgid: gone };
    const { task, uri } = await open({ record, stdout: 'a\n' });
    await taskWhere(task.key, ({ liveness }) => liveness === 'orphaned');
    assert.deepEqual((await lensTitles(uri)).slice(1), [
      'Record as ended',
      'Open raw',
      'Open in terminal',
    ]);
  });

  it('offer to load earlier output where there is some', async () => {
    await setSetting('output.window', 64);
    const { uri } = await open({ stdout: `${'x'.repeat(99)}\n`.repeat(2000) });
    await setSetting('output.window', undefined);
    assert.ok((await lensTitles(uri)).includes('Load earlier'));
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
      'vscode.executeLinkProvider',
      uri,
    );
    assert.equal(links[0]?.range.start.line, 0);
    assert.equal(links[0].target?.scheme, 'command');
    assert.ok(links[0].target.path.endsWith('loadEarlier'));
  });

  describe('that the program linked', () => {
    const osc8 = (target: string, text: string): string =>
      `\x1b]8;;${target}\x1b\\${text}\x1b]8;;\x1b\\\n`;

    async function linksOf(stdout: string, resolve = 10): Promise<vscode.DocumentLink[]> {
      const { uri } = await open({ record: { workdir, projectRoot: workdir }, stdout });
      return await vscode.commands.executeCommand('vscode.executeLinkProvider', uri, resolve);
    }

    it('lead to the web', async () => {
      const [link] = await linksOf(osc8('https://example.org/a?b=1', 'the words'));
      assert.equal(link?.target?.toString(true), 'https://example.org/a?b=1');
      assert.deepEqual([link.range.start.character, link.range.end.character], [0, 9]);
      assert.equal(link.tooltip, 'https://example.org/a?b=1');
    });

    it('lead to an address in percent signs as it was written', async () => {
      const address = 'https://example.org/a%26b%2Fc?q=%20%2B&u=http%3A%2F%2Fx%2F#%2F';
      const [link] = await linksOf(osc8(address, 'the words'));
      // A URI would be opened decoded.
      assert.deepEqual([link?.target?.scheme, link?.target?.path], ['command', 'vscode.open']);
      // VS Code decodes what it gives to the command once more.
      assert.deepEqual(JSON.parse(decodeURIComponent(link!.target!.query)), [address]);
      assert.equal(link?.tooltip, address);
    });

    it('are one link where the colour changes within', async () => {
      const links = await linksOf(osc8('https://example.org/', 'the \x1b[31mred\x1b[0m words'));
      assert.deepEqual(
        links.map(({ range }) => [range.start.character, range.end.character]),
        [[0, 13]],
      );
    });

    it('lead to a file of the task’s directory', async () => {
      mkdirSync(join(workdir, 'a b'));
      const file = join(workdir, 'a b', 'x.ts');
      writeFileSync(file, '');
      const [link] = await linksOf(osc8(pathToFileURL(file).href, 'x'));
      assert.equal(link?.target?.fsPath, file);
    });

    it('lead to the line and column behind the address', async () => {
      const file = join(workdir, 'x.ts');
      writeFileSync(file, '\n'.repeat(20));
      writeFileSync(`${file}:7`, '');
      const address = pathToFileURL(file).href;
      const targets = {
        [`${address}:10:5`]: 'L10,5',
        [`${address}:10`]: 'L10',
        [`${address}(10,5)`]: 'L10,5',
        [`${address}#L10`]: 'L10',
        [`${address}#10,5`]: '10,5',
        [`${address}#L10C5-L12C3`]: 'L10,5-L12,3',
        [`${address}#other`]: 'other',
      };
      const links = await linksOf(
        Object.keys(targets)
          .map((target) => osc8(target, 'x'))
          .join(''),
      );
      assert.deepEqual(
        links.map(({ target }) => [target?.fsPath, target?.fragment]),
        Object.values(targets).map((fragment) => [file, fragment]),
      );
      // A file may have such a name.
      const [named] = await linksOf(osc8(`${address}:7`, 'x'));
      assert.deepEqual([named?.target?.fsPath, named?.target?.fragment], [`${file}:7`, '']);
    });

    it('lead to no other file, and to nothing else', async () => {
      const targets = [
        'file:///etc/passwd',
        `${pathToFileURL(workdir).href}/../../etc/passwd`,
        'file://other.example/etc/passwd',
        'command:workbench.action.quit',
        'vscode://publisher.extension/do',
        'javascript:alert(1)',
        'file:////server/share/x.ts',
        'file:///proc/self/environ',
        'file:///dev/zero',
        `${pathToFileURL(workdir).href}/a%00b`,
        'data:text/html,x',
      ];
      assert.deepEqual(await linksOf(targets.map((target) => osc8(target, 'words')).join('')), []);
    });

    it('lead out of the task’s directory through no symbolic link', async () => {
      const outside = `${workdir}-outside`;
      mkdirSync(outside);
      writeFileSync(join(outside, 'x.ts'), '');
      writeFileSync(join(workdir, 'y.ts'), '');
      try {
        symlinkSync(join(outside, 'x.ts'), join(workdir, 'x.ts'));
        symlinkSync(outside, join(workdir, 'folder'));
        symlinkSync(join(workdir, 'y.ts'), join(workdir, 'inside.ts'));
        const linkTo = (name: string): Promise<vscode.DocumentLink[]> =>
          linksOf(osc8(pathToFileURL(join(workdir, name)).href, 'x'));
        const [link] = await linkTo('inside.ts');
        assert.equal(link?.target?.fsPath, join(workdir, 'inside.ts'));
        // The reader is told by us, and VS Code to say nothing.
        for (const name of ['x.ts', 'folder/x.ts', 'x.ts:3', '..:3']) {
          const told = warnings();
          await assert.rejects(linkTo(name), /Canceled/);
          assert.match(
            told.join(),
            name === '..:3' ? /^There is no file/ : /leads out of the task/,
          );
        }
      } finally {
        rmSync(outside, { recursive: true });
      }
    });

    it('say so where the file does not exist', async () => {
      const missing = join(workdir, 'missing.ts');
      const stdout = osc8(pathToFileURL(missing).href, 'words');
      const told = warnings();
      // Nobody asks before it is followed.
      assert.equal((await linksOf(stdout, 0)).length, 1);
      assert.deepEqual(told, []);
      await assert.rejects(linksOf(stdout), /Canceled/);
      assert.deepEqual(told, [`There is no file ${missing}. It may have been deleted.`]);
    });
  });

  it('select the range that a link names', async () => {
    writeFileSync(join(workdir, 'a.ts'), '\n'.repeat(30));
    const { uri } = await open({
      record: { workdir, projectRoot: workdir },
      stdout: 'error in a.ts:3:7-12 and a.ts:3-9 here\n',
    });
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
      'vscode.executeLinkProvider',
      uri,
      10,
    );
    const fragments = links.map(({ target }) => target?.fragment);
    assert.equal(fragments[0], 'L3,7-L3,12');
    assert.match(fragments[1] ?? '', /^L3-L9,\d+$/);
  });

  it('are coloured in each of two editors side by side, where it shows them', async () => {
    const stdout = `${'\x1b[31mred\x1b[0m\n'.repeat(100)}${'plain\n'.repeat(1000)}`;
    const { uri, editor } = await open({ stdout });
    await colored(1);
    const beside = await vscode.window.showTextDocument(uri, {
      viewColumn: vscode.ViewColumn.Beside,
    });
    assert.equal(beside.document, editor.document);
    await colored(2);
    const end = new vscode.Range(1000, 0, 1000, 0);
    beside.revealRange(end);
    await colored(1);
    editor.revealRange(end);
    await colored(0);
    beside.revealRange(new vscode.Range(0, 0, 0, 0));
    await colored(1);
  });
});
