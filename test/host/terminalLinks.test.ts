import * as assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { TerminalLinks } from '../../src/documents/terminalLinks.ts';
import { deleteTaskBundle } from '../../src/persistence/bundle.ts';
import { outputUri } from '../../src/vscode/uris.ts';
import { Storages } from '../../src/worker/storages.ts';
import { newTaskId, writeTaskFixture, type FixtureTask } from '../support/taskFixture.ts';
import { until } from './fixture.ts';

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
    const extension = vscode.extensions.getExtension('aft-task-explorer.aft-task-explorer')!;
    storages = new Storages({
      candidates: () => [{ path: storage, origin: 'test', legacy: false }],
      workerScript: join(extension.extensionPath, 'dist', 'worker.js'),
      journalDirectory: join(storage, 'journal'),
      keepHours: () => 0,
      log: () => undefined,
    });
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
});
