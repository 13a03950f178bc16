import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { writeTaskFixture } from '../support/taskFixture.ts';
import { held, running, showStorage, taskWhere, until } from './fixture.ts';

describe('openInTerminal', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;

  beforeEach(async () => {
    storage = await showStorage();
  });

  afterEach(async () => {
    await storage.remove();
    for (const terminal of vscode.window.terminals) terminal.dispose();
    await until(
      () => (vscode.window.terminals.length === 0 ? true : undefined),
      vscode.window.onDidCloseTerminal,
    );
  });

  async function open(key: string): Promise<vscode.Terminal> {
    await vscode.commands.executeCommand('aftTasks.openInTerminal', key);
    return await until(
      () => vscode.window.activeTerminal,
      vscode.window.onDidChangeActiveTerminal,
      vscode.window.onDidOpenTerminal,
    );
  }

  it('opens one terminal a task, and shows it again', async () => {
    const task = writeTaskFixture({
      storage: storage.directory,
      record: { command: 'make all' },
      stdout: 'out\n',
    });
    await taskWhere(task.key);
    const first = await open(task.key);
    assert.equal(first.name, 'make all');
    const again = await open(task.key);
    assert.equal(again, first);
    assert.equal(vscode.window.terminals.length, 1);
  });

  it('follows while the task runs, and lets go when its terminal is closed', async () => {
    const task = writeTaskFixture({
      storage: storage.directory,
      record: { ...running, mode: 'pty', ptyRows: 30, ptyCols: 100 },
      pty: '\x1b[31mred\x1b[0m\r\n',
    });
    await taskWhere(task.key);
    const terminal = await open(task.key);
    terminal.dispose();
    await until(
      () => (vscode.window.terminals.includes(terminal) ? undefined : true),
      vscode.window.onDidCloseTerminal,
    );
    const { terminals } = await held();
    assert.deepEqual(terminals, { terminals: 0, timers: 0 });
    // The task itself goes on.
    assert.equal((await taskWhere(task.key)).status, 'running');
  });
});
