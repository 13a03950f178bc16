import * as assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { readTask } from '../../src/persistence/taskFile.ts';
import { newTaskId, writeTaskFixture, type FixtureTask } from '../support/taskFixture.ts';
import { api, setSetting, showStorage, taskGone, taskWhere, until } from './fixture.ts';

describe('commands', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    storage = await showStorage();
    await setSetting('confirm.kill', false);
    await setSetting('confirm.delete', false);
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await setSetting('confirm.kill', undefined);
    await setSetting('confirm.delete', undefined);
    await storage.remove();
  });

  /** A task whose process this test starts, in a session of its own, as AFT does. */
  function startTask(): { task: FixtureTask; child: ChildProcess } {
    const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    children.push(child);
    const task = writeTaskFixture({
      storage: storage.directory,
      record: {
        command: 'sleep 300',
        status: 'running',
        startedAt: Date.now(),
        finishedAt: undefined,
        durationMs: undefined,
        exitCode: undefined,
        childPid: child.pid,
        pgid: child.pid,
      },
    });
    return { task, child };
  }

  function run(id: string, argument?: unknown): Thenable<unknown> {
    return vscode.commands.executeCommand(`aftTasks.${id}`, argument);
  }

  function activeText(): string | undefined {
    return vscode.window.activeTextEditor?.document.getText();
  }

  it('kill ends the processes and records it', async () => {
    const { task, child } = startTask();
    await taskWhere(task.key, ({ liveness }) => liveness === 'alive');
    const exited = once(child, 'exit');
    await run('kill', task.key);
    await exited;
    assert.equal(readTask(task.paths).status, 'killed');
    assert.equal((await taskWhere(task.key, ({ liveness }) => liveness === 'ended')).exitCode, 137);
  });

  it('kill signals nobody where the record’s pid is another process’s', async () => {
    const { task, child } = startTask();
    const text = JSON.stringify({
      ...JSON.parse(await readText(task.paths.json)),
      started_at: Date.now() - 86_400_000,
    });
    writeFileSync(task.paths.json, text);
    await taskWhere(task.key, ({ startedAt = 0 }) => startedAt < Date.now() - 80_000_000);
    const outcome = await (await api()).killTask(task.key);
    assert.equal(outcome.done, false);
    assert.equal(child.exitCode, null);
    assert.equal(child.signalCode, null);
    assert.equal(readTask(task.paths).status, 'running');
  });

  it('markDelivered changes nothing but that', async () => {
    const { key, paths } = writeTaskFixture({ storage: storage.directory });
    await taskWhere(key);
    const before = await readText(paths.json);
    await run('markDelivered', key);
    await taskWhere(key, ({ delivered }) => delivered);
    const after = await readText(paths.json);
    assert.equal(
      after,
      before.replace('"completion_delivered": false', '"completion_delivered": true'),
    );
  });

  it('openOutput, openStdout, openStderr and openPty show their document', async () => {
    const pipes = writeTaskFixture({ storage: storage.directory, stdout: 'out', stderr: 'err' });
    const pty = writeTaskFixture({
      storage: storage.directory,
      record: { mode: 'pty' },
      pty: 'terminal',
    });
    await taskWhere(pipes.key);
    await taskWhere(pty.key);
    await run('openStdout', pipes.key);
    assert.equal(activeText(), 'out');
    await run('openStderr', pipes.key);
    assert.equal(activeText(), 'err');
    await run('openPty', pty.key);
    assert.equal(activeText(), 'terminal');
    await run('openOutput', { kind: 'task', key: pipes.key });
    assert.match(activeText() ?? '', /out[^]*err/);
  });

  it('openRaw opens the file itself', async () => {
    const { key, paths } = writeTaskFixture({ storage: storage.directory, stdout: '\x1b[1mx' });
    await taskWhere(key);
    await run('openRaw', key);
    assert.equal(vscode.window.activeTextEditor?.document.uri.fsPath, paths.stdout);
    assert.equal(activeText(), '\x1b[1mx');
  });

  it('take a task id that only one task has', async () => {
    const { key, taskId } = writeTaskFixture({ storage: storage.directory, stdout: 'by id' });
    await taskWhere(key);
    await run('openStdout', taskId);
    assert.equal(activeText(), 'by id');
  });

  it('copyTaskId and copyCommand put it on the clipboard', async () => {
    const { key, taskId } = writeTaskFixture({
      storage: storage.directory,
      record: { command: 'make -j2\nmake test' },
    });
    await taskWhere(key);
    await run('copyTaskId', key);
    assert.equal(await vscode.env.clipboard.readText(), taskId);
    await run('copyCommand', key);
    assert.equal(await vscode.env.clipboard.readText(), 'make -j2\nmake test');
  });

  it('revealInFileManager gives the path where there is no file manager', async () => {
    const { key, paths } = writeTaskFixture({ storage: storage.directory });
    await taskWhere(key);
    await run('revealInFileManager', key);
    assert.equal(await vscode.env.clipboard.readText(), paths.stdout);
  });

  it('open a document on a tab that says what ran and when, and which stream it is', async () => {
    const startedAt = Date.now() - 5000;
    const { key } = writeTaskFixture({
      storage: storage.directory,
      record: { command: 'make $(nproc)\u202e\nmake install', startedAt },
      stderr: 'x\n',
    });
    await taskWhere(key);
    const time = new Date(startedAt).toLocaleTimeString(vscode.env.language);
    const shown = async (): Promise<string> =>
      await until(
        () => vscode.window.tabGroups.activeTabGroup.activeTab?.label.replaceAll('\u200b', ''),
        vscode.window.tabGroups.onDidChangeTabs,
      );
    await run('openOutput', key);
    assert.equal(await shown(), `make $(nproc) · ${time}`);
    await run('openStderr', key);
    assert.equal(await shown(), `make $(nproc) (stderr) · ${time}`);
  });

  it('refresh finds what no watch has told', async () => {
    const { key } = writeTaskFixture({ storage: storage.directory });
    await run('refresh');
    assert.ok((await api()).tasks().some((task) => task.key === key));
  });

  it('openSettings and showLog open what they say', async () => {
    await run('openSettings');
    const labels = (): string[] =>
      vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.map(({ label }) => label));
    await until(
      () => (labels().some((label) => label.startsWith('Settings')) ? true : undefined),
      vscode.window.tabGroups.onDidChangeTabs,
    );
    const logs = (): true | undefined =>
      vscode.workspace.textDocuments.some(({ uri }) => uri.scheme === 'output') ? true : undefined;
    await run('showLog');
    await until(logs, vscode.workspace.onDidOpenTextDocument);
  });

  it('answer with a reason where the task is not there', async () => {
    const { killTask, deleteTasks, markDelivered } = await api();
    const name = newTaskId();
    assert.equal((await killTask(name)).reason, 'not-found');
    assert.equal((await deleteTasks([name]))[0]?.reason, 'not-found');
    assert.equal((await markDelivered([name]))[0]?.reason, 'not-found');
  });
});

describe('addStorageDirectory', () => {
  let scope: AsyncDisposableStack;
  let directory: string;
  let told: string[];

  beforeEach(async () => {
    scope = new AsyncDisposableStack();
    scope.defer(() => setSetting('storageDirectories', undefined));
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'aft-added-')));
    scope.defer(() => {
      rmSync(directory, { recursive: true });
    });
    told = [];
    await (await api()).refresh();
  });

  afterEach(() => scope.disposeAsync());

  /** Has the user pick a directory; notes what is told. */
  async function add(path: string): Promise<void> {
    const { showOpenDialog, showInformationMessage } = vscode.window;
    const answers = {
      showOpenDialog: () => Promise.resolve([vscode.Uri.file(path)]),
      showInformationMessage: (message: string) => {
        told.push(message);
        return Promise.resolve(undefined);
      },
    };
    Object.assign(vscode.window, answers);
    try {
      await vscode.commands.executeCommand('aftTasks.addStorageDirectory');
    } finally {
      Object.assign(vscode.window, { showOpenDialog, showInformationMessage });
    }
  }

  function configured(): readonly string[] | undefined {
    return vscode.workspace.getConfiguration('aftTasks').get('storageDirectories');
  }

  it('keeps what discovery has found, and says that it looks no further', async () => {
    const { tasks } = await api();
    const [found] = new Set(tasks().map(({ storageDirectory }) => storageDirectory));
    await add(directory);
    const directories = configured() ?? [];
    assert.ok(directories.includes(found!));
    assert.equal(directories.at(-1), directory);
    const words = `From now on only the ${directories.length} storages in the setting`;
    assert.ok(told.join().startsWith(words), told.join());
  });

  it('says nothing more where the setting already replaces discovery', async () => {
    const before = join(directory, 'before');
    mkdirSync(before);
    await setSetting('storageDirectories', [before]);
    await add(directory);
    assert.deepEqual(configured(), [before, directory]);
    assert.deepEqual(told, []);
  });

  it('changes no setting for a storage that is shown already', async () => {
    const { tasks } = await api();
    const [found] = new Set(tasks().map(({ storageDirectory }) => storageDirectory));
    await add(found!);
    assert.deepEqual(configured(), []);
    assert.deepEqual(told, [`${found} is shown already.`]);
  });
});

describe('storageDirectories', () => {
  it('shows the storages that it names, and no others, as soon as it changes', async () => {
    const first = await showStorage();
    const a = writeTaskFixture({ storage: first.directory });
    await taskWhere(a.key);
    const second = await showStorage();
    const b = writeTaskFixture({ storage: second.directory });
    await taskWhere(b.key);
    await taskGone(a.key);
    await first.remove();
    await second.remove();
  });

  it('waits for a storage that does not exist yet', async () => {
    const storage = await showStorage();
    const directory = `${storage.directory}/later/storage`;
    await setSetting('storageDirectories', [directory]);
    await (await api()).refresh();
    mkdirSync(directory, { recursive: true });
    const { key } = writeTaskFixture({ storage: directory });
    await taskWhere(key);
    await storage.remove();
  });
});

async function readText(path: string): Promise<string> {
  const { readFileSync } = await import('node:fs');
  return readFileSync(path, 'utf8');
}
