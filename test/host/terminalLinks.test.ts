import * as assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { ReplayTerminals } from '../../src/documents/replayTerminals.ts';
import { TerminalLinks } from '../../src/documents/terminalLinks.ts';
import { deleteTaskBundle } from '../../src/persistence/bundle.ts';
import { Settings } from '../../src/vscode/settings.ts';
import { outputUri } from '../../src/vscode/uris.ts';
import type { Storages } from '../../src/worker/storages.ts';
import {
  newTaskId,
  writeTaskFixture,
  type FixtureTask,
  type TaskFixture,
} from '../support/taskFixture.ts';
import { running, storagesAt, until } from './fixture.ts';

describe('links in terminals', () => {
  const scope = new AsyncDisposableStack();
  let links: TerminalLinks;
  let storages: Storages;
  let task: FixtureTask;

  before(async () => {
    const storage = realpathSync(mkdtempSync(join(tmpdir(), 'aft-terminal-')));
    scope.defer(() => {
      rmSync(storage, { recursive: true });
    });
    task = writeTaskFixture({ storage, stdout: 'out\n' });
    storages = storagesAt(storage);
    scope.defer(() => storages.dispose());
    links = new TerminalLinks(storages);
    scope.defer(() => {
      links.dispose();
    });
    await storages.start();
  });

  after(async () => {
    await scope.disposeAsync();
  });

  function linked(line: string): string[] {
    return links
      .provideTerminalLinks({ line })
      .map(({ startIndex, length }) => line.slice(startIndex, startIndex + length));
  }

  it('are made of the ids of tasks that the explorer knows', () => {
    assert.deepEqual(linked(`started ${task.taskId}, see there`), [task.taskId]);
    assert.deepEqual(linked(`started ${newTaskId()}`), []);
    assert.deepEqual(linked('no task here'), []);
  });

  it('are made of the paths of captures, as a whole', () => {
    assert.deepEqual(linked(`tail -f ${task.paths.stdout}`), [task.paths.stdout]);
  });

  it('of an id that two tasks have lead nowhere, but the path of a capture tells them apart', async () => {
    const again = writeTaskFixture({
      storage: task.paths.sessionDir.split('/opencode/')[0]!,
      harness: 'pi',
      taskId: task.taskId,
      stdout: 'again\n',
    });
    await storages.refresh();
    try {
      assert.deepEqual(linked(task.taskId), []);
      for (const { key, paths } of [task, again]) {
        assert.deepEqual(
          links.provideTerminalLinks({ line: paths.stdout }).map((link) => link.task.key),
          [key],
        );
      }
    } finally {
      deleteTaskBundle(again.paths);
      await storages.refresh();
    }
  });

  it('of a capture lead to its document', async () => {
    const [link] = links.provideTerminalLinks({ line: task.paths.stdout });
    await links.handleTerminalLink(link!);
    const uri = outputUri(task.key, 'stdout').toString();
    const tab = await until(
      () =>
        vscode.window.tabGroups.all
          .flatMap(({ tabs }) => tabs)
          .find(
            ({ input }) => input instanceof vscode.TabInputText && input.uri.toString() === uri,
          ),
      vscode.window.tabGroups.onDidChangeTabs,
    );
    await vscode.window.tabGroups.close(tab);
  });
});

describe('links in the terminal that shows a task', () => {
  const scope = new AsyncDisposableStack();
  let storage: string;
  let workdir: string;
  let storages: Storages;
  let terminals: ReplayTerminals;

  before(async () => {
    storage = realpathSync(mkdtempSync(join(tmpdir(), 'aft-terminal-')));
    workdir = realpathSync(mkdtempSync(join(tmpdir(), 'aft-terminal-')));
    scope.defer(() => {
      rmSync(storage, { recursive: true });
      rmSync(workdir, { recursive: true });
    });
    writeFileSync(join(workdir, 'a.ts'), 'one\ntwo three\n');
    writeFileSync(join(workdir, 'b.ts'), 'four\nfive\n');
    storages = storagesAt(storage);
    scope.defer(() => storages.dispose());
    await storages.start();
    const settings = scope.adopt(new Settings(), (own) => {
      own.dispose();
    });
    terminals = scope.adopt(new ReplayTerminals(storages, settings, () => 'completed'), (own) => {
      own.dispose();
    });
  });

  after(async () => {
    await scope.disposeAsync();
  });

  afterEach(async () => {
    for (const terminal of vscode.window.terminals) terminal.dispose();
    await until(
      () => (terminals.held.terminals === 0 ? true : undefined),
      vscode.window.onDidCloseTerminal,
    );
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  /** Answers as VS Code asks: with the text of a line that the terminal shows. */
  async function show(fixture: Omit<TaskFixture, 'storage'>) {
    const record = { workdir, projectRoot: workdir, ...fixture.record };
    const { key } = writeTaskFixture({ storage, ...fixture, record });
    await storages.refresh();
    terminals.show(storages.index.get(key)!);
    const terminal = await until(
      () => vscode.window.terminals.at(-1),
      vscode.window.onDidOpenTerminal,
    );
    const links = (line: string) => terminals.provideTerminalLinks({ line, terminal });
    return {
      links,
      linked: async (line: string) =>
        (await links(line)).map(({ startIndex, length }) =>
          line.slice(startIndex, startIndex + length),
        ),
      follow: async (line: string) => {
        await terminals.handleTerminalLink((await links(line))[0]!);
      },
    };
  }

  async function editorOf(name: string): Promise<vscode.TextEditor> {
    return await until(
      () =>
        vscode.window.visibleTextEditors.find(
          ({ document }) => document.uri.fsPath === join(workdir, name),
        ),
      vscode.window.onDidChangeVisibleTextEditors,
    );
  }

  const link = (target: string, text: string): string =>
    `\x1b]8;;${target}\x1b\\${text}\x1b]8;;\x1b\\`;

  it('lead to files, from the task’s directory, with a range', async () => {
    const line = 'error in a.ts:1-2, see https://example.org/a.ts';
    const { linked, follow } = await show({ stdout: 'x\n' });
    assert.deepEqual(await linked(line), ['a.ts:1-2']);
    await follow(line);
    const { document, selection } = await editorOf('a.ts');
    assert.equal(document.getText(selection), 'one\ntwo three');
    const other = vscode.window.createTerminal({ name: 'other', hideFromUser: true });
    assert.deepEqual(await terminals.provideTerminalLinks({ line, terminal: other }), []);
  });

  for (const mode of ['pipes', 'pty'] as const) {
    it(`lead to the file that a line before names (${mode})`, async () => {
      const words = 'a message that is longer than this terminal is wide';
      const written = `\x1b[4ma.ts\x1b[0m\r\n  2:5  error\t${words}\r\n`;
      const { linked, follow } = await show(
        mode === 'pty'
          ? { record: { mode, ptyRows: 10, ptyCols: 20 }, pty: written }
          : { stdout: written },
      );
      const line = `  2:5  error    ${words}`;
      assert.deepEqual(await linked(line), ['2:5']);
      await follow(line);
      assert.deepEqual((await editorOf('a.ts')).selection.active, new vscode.Position(1, 4));
      assert.deepEqual(await linked('  2:5  warning'), []);
    });
  }

  it('are found in what a running task wrote since', async () => {
    const { key, paths } = writeTaskFixture({
      storage,
      record: { ...running, workdir },
      stdout: 'a.ts\n',
    });
    await storages.refresh();
    terminals.show(storages.index.get(key)!);
    const terminal = await until(
      () => vscode.window.terminals.at(-1),
      vscode.window.onDidOpenTerminal,
    );
    const line = '2:two';
    assert.deepEqual(await terminals.provideTerminalLinks({ line, terminal }), []);
    appendFileSync(paths.stdout, `${line}\n`);
    assert.equal((await terminals.provideTerminalLinks({ line, terminal })).length, 1);
  });

  it('lead where a program’s own link does, if that is a file in the task’s folders', async () => {
    const uri = vscode.Uri.file(join(workdir, 'b.ts')).toString();
    const { links, follow } = await show({
      stdout: `see ${link(`${uri}#L2,3`, 'there')}\n`,
    });
    const [found] = await links('see there');
    assert.equal(found?.tooltip, vscode.Uri.parse(`${uri}#L2,3`).toString());
    await follow('see there');
    assert.deepEqual((await editorOf('b.ts')).selection.active, new vscode.Position(1, 2));
  });

  it('are none where a program’s own link leads elsewhere', async () => {
    const targets = [
      'file:///etc/passwd',
      `file://otherhost${workdir}/a.ts`,
      `file:////otherhost${workdir}/a.ts`,
      `file://${workdir}/../a.ts`,
      `file://${workdir}/%2e%2e/a.ts`,
      'command:workbench.action.quit',
      'vscode://file/etc/passwd',
      'data:text/html,x',
      `${workdir}/a.ts`,
    ];
    const { linked } = await show({
      stdout: targets.map((target, at) => `${link(target, `a.ts:${at + 1}`)} here\n`).join(''),
    });
    for (const at of targets.keys()) {
      // What is no link at all is text like other text.
      const expected = /^(?:command|vscode|data|\/)/.test(targets[at]!) ? [`a.ts:${at + 1}`] : [];
      assert.deepEqual(await linked(`a.ts:${at + 1} here`), expected, targets[at]);
    }
  });

  it('of a line that stands below several files ask which one is meant', async () => {
    const { follow } = await show({ stdout: 'a.ts\n2:x\n\nb.ts\n2:x\n' });
    const window = vscode.window as { showQuickPick: unknown };
    const own = window.showQuickPick;
    let offered: readonly string[] = [];
    window.showQuickPick = (items: readonly vscode.QuickPickItem[]) => {
      offered = items.map(({ label }) => label);
      return Promise.resolve(items[1]);
    };
    try {
      await follow('2:x');
    } finally {
      window.showQuickPick = own;
    }
    assert.deepEqual(offered, ['a.ts:2', 'b.ts:2']);
    assert.equal((await editorOf('b.ts')).selection.active.line, 1);
  });

  it('let go of what they were found in when the terminal closes', async () => {
    const { linked } = await show({ stdout: 'a.ts\n2:x\n' });
    assert.deepEqual(await linked('2:x'), ['2']);
    assert.equal(terminals.held.texts, 1);
    for (const terminal of vscode.window.terminals) terminal.dispose();
    await until(
      () => (terminals.held.terminals === 0 ? true : undefined),
      vscode.window.onDidCloseTerminal,
    );
    assert.equal(terminals.held.texts, 0);
  });
});
