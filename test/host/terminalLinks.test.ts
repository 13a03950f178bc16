import * as assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { ReplayTerminals } from '../../src/documents/replayTerminals.ts';
import { TerminalLinks } from '../../src/documents/terminalLinks.ts';
import { deleteTaskBundle } from '../../src/persistence/bundle.ts';
import { outputUri } from '../../src/vscode/uris.ts';
import type { Storages } from '../../src/worker/storages.ts';
import { newTaskId, writeTaskFixture, type FixtureTask } from '../support/taskFixture.ts';
import { storagesAt, until } from './fixture.ts';

describe('links in terminals', () => {
  const scope = new AsyncDisposableStack();
  let links: TerminalLinks;
  let storages: Storages;
  let task: FixtureTask;
  let directory: string;

  before(async () => {
    const storage = realpathSync(mkdtempSync(join(tmpdir(), 'aft-terminal-')));
    scope.defer(() => {
      rmSync(storage, { recursive: true });
    });
    directory = storage;
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
          links.provideTerminalLinks({ line: paths.stdout }).map((link) => link.key),
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

  it('of the terminal that shows a task lead to files, from the task’s directory, with a range', async () => {
    const workdir = mkdtempSync(join(tmpdir(), 'aft-terminal-'));
    await using own = new AsyncDisposableStack();
    own.defer(() => {
      rmSync(workdir, { recursive: true });
    });
    writeFileSync(join(workdir, 'a.ts'), 'one\ntwo three\n');
    const { key } = writeTaskFixture({ storage: directory, record: { workdir }, stdout: 'x\n' });
    await storages.refresh();
    const terminals = new ReplayTerminals(storages, () => 'completed');
    own.defer(() => {
      terminals.dispose();
    });
    const opened = vscode.window.terminals.length;
    terminals.show(storages.index.get(key)!);
    const terminal = await until(
      () => vscode.window.terminals[opened],
      vscode.window.onDidOpenTerminal,
    );
    const line = 'error in a.ts:1-2, see https://example.org/a.ts';
    const found = terminals.provideTerminalLinks({ line, terminal });
    assert.deepEqual(
      found.map(({ startIndex, length }) => line.slice(startIndex, startIndex + length)),
      ['a.ts:1-2'],
    );
    await terminals.handleTerminalLink(found[0]!);
    const editor = await until(
      () =>
        vscode.window.visibleTextEditors.find(
          ({ document }) => document.uri.fsPath === join(workdir, 'a.ts'),
        ),
      vscode.window.onDidChangeVisibleTextEditors,
    );
    assert.equal(editor.document.getText(editor.selection), 'one\ntwo three');
    const other = vscode.window.createTerminal({ name: 'other', hideFromUser: true });
    assert.deepEqual(terminals.provideTerminalLinks({ line, terminal: other }), []);
    other.dispose();
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });
});
