import * as assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { TreeNode } from '../../src/explorer/nodes.ts';
import { TaskTree } from '../../src/explorer/taskTree.ts';
import { taskFilter } from '../../src/explorer/filter.ts';
import { taskTooltip } from '../../src/explorer/taskTooltip.ts';
import { deleteTaskBundle } from '../../src/persistence/bundle.ts';
import { updateTask } from '../../src/persistence/taskFile.ts';
import type { Storages } from '../../src/worker/storages.ts';
import { aTask } from '../support/aTask.ts';
import { newTaskId, writeTaskFixture } from '../support/taskFixture.ts';
import { storagesAt, until } from './fixture.ts';

describe('tree', () => {
  let storage: string;
  let storages: Storages;
  let tree: TaskTree;

  /** Reads the storage, as the extension does, with a tree of the test's own. */
  async function show(): Promise<void> {
    storages = storagesAt(storage, 24);
    tree = new TaskTree(storages.index, (task) => Promise.resolve(taskTooltip(task, [])));
    await storages.start();
  }

  function rows(node?: TreeNode): vscode.TreeItem[] {
    return tree.getChildren(node).map((child) => tree.getTreeItem(child));
  }

  function sessionNamed(label: string): TreeNode {
    return tree.getChildren().find((node) => tree.getTreeItem(node).label === label)!;
  }

  beforeEach(() => {
    storage = realpathSync(mkdtempSync(join(tmpdir(), 'aft-tree-')));
  });

  afterEach(async () => {
    tree.dispose();
    await storages.dispose();
    rmSync(storage, { recursive: true, force: true });
  });

  it('shows sessions, and their tasks beneath, newest first', async () => {
    const now = Date.now();
    const write = (sessionId: string, command: string, startedAt: number): void => {
      writeTaskFixture({ storage, sessionId, record: { command, startedAt } });
    };
    write('ses_old', 'echo old', now - 7_200_000);
    write('ses_new', 'echo first', now - 3_600_000);
    write('ses_new', 'echo second', now - 60_000);
    await show();
    assert.deepEqual(
      rows().map(({ label }) => label),
      ['ses_new', 'ses_old'],
    );
    assert.deepEqual(
      rows(sessionNamed('ses_new')).map(({ label }) => label),
      ['echo second', 'echo first'],
    );
  });

  it('shows sessions with a running task first', async () => {
    const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    after(() => child.kill('SIGKILL'));
    writeTaskFixture({
      storage,
      sessionId: 'ses_recent',
      record: { startedAt: Date.now() + 1000 },
    });
    writeTaskFixture({
      storage,
      sessionId: 'ses_running',
      record: {
        status: 'running',
        startedAt: Date.now(),
        finishedAt: undefined,
        exitCode: undefined,
        childPid: child.pid,
        pgid: child.pid,
      },
    });
    await show();
    const [first] = rows();
    assert.equal(first?.label, 'ses_running');
  });

  it('says how a task went: state, exit code, duration and age', async () => {
    const finishedAt = Date.now() - 5 * 60_000 - 1000;
    writeTaskFixture({
      storage,
      record: { status: 'failed', exitCode: 3, finishedAt, durationMs: 12_000 },
    });
    await show();
    const [row] = rows(tree.getChildren()[0]);
    assert.equal(row?.description, '● exit 3 · 12 s · 5 min ago');
  });

  it('marks the tasks whose end the agent has not been told', async () => {
    const told = newTaskId();
    const untold = newTaskId();
    writeTaskFixture({ storage, taskId: told, record: { completionDelivered: true } });
    writeTaskFixture({ storage, taskId: untold, record: { completionDelivered: false } });
    await show();
    const descriptions = new Map(
      rows(tree.getChildren()[0]).map(({ id, description }) => [
        id?.split('/').at(-1),
        String(description),
      ]),
    );
    assert.match(descriptions.get(untold)!, /^● /);
    assert.doesNotMatch(descriptions.get(told)!, /^●/);
  });

  it('never shows a dead process as running', async () => {
    writeTaskFixture({
      storage,
      record: {
        status: 'running',
        startedAt: Date.now() - 3_600_000,
        finishedAt: undefined,
        exitCode: undefined,
        childPid: 2 ** 22 + 1,
        pgid: 2 ** 22 + 1,
      },
    });
    await show();
    // Just written: an AFT may be about to record the end.
    await until(() => {
      const description = String(rows(tree.getChildren()[0])[0]?.description);
      assert.doesNotMatch(description, /^running ·/);
      return description.startsWith('process gone') ? true : undefined;
    }, tree.onDidChangeTreeData);
  });

  it('keeps the nodes of tasks that a change does not touch', async () => {
    const kept = writeTaskFixture({ storage });
    await show();
    const before = tree.nodeOf(kept.key);
    const added = until(
      () => (storages.index.tasks().length === 2 ? true : undefined),
      (listener) => new vscode.Disposable(storages.index.onDidChange(listener)),
    );
    writeTaskFixture({ storage });
    await added;
    assert.equal(tree.nodeOf(kept.key), before);
    assert.notEqual(before, undefined);
  });

  it('redraws one row for a change that only that row shows', async () => {
    const task = writeTaskFixture({ storage, record: { completionDelivered: false } });
    writeTaskFixture({ storage });
    await show();
    rows();
    rows(tree.getChildren()[0]);
    const refreshed = new Promise<unknown>((resolve) => {
      tree.onDidChangeTreeData(resolve);
    });
    updateTask(task.paths, (record) => ({ ...record, completionDelivered: true }));
    assert.deepEqual(await refreshed, [tree.nodeOf(task.key)]);
  });

  it('drops a deleted task, and a session with its last one', async () => {
    const task = writeTaskFixture({ storage });
    await show();
    assert.equal(tree.getChildren().length, 1);
    const refreshed = new Promise<unknown>((resolve) => {
      tree.onDidChangeTreeData(resolve);
    });
    deleteTaskBundle(task.paths);
    assert.equal(await refreshed, undefined);
    assert.deepEqual(tree.getChildren(), []);
  });

  it('shows a task that can’t be read with its problem, and offers no change of it', async () => {
    writeTaskFixture({ storage, record: { command: 'echo fine' } });
    const newer = writeTaskFixture({ storage, record: { command: 'echo from the future' } });
    const { readFileSync, writeFileSync } = await import('node:fs');
    const text = readFileSync(newer.paths.json, 'utf8');
    writeFileSync(newer.paths.json, text.replace('"schema_version": 6', '"schema_version": 7'));
    await show();
    const children = rows(tree.getChildren()[0]);
    assert.equal(children.length, 2);
    const row = children.find(({ label }) => label === 'echo from the future');
    assert.ok(row !== undefined);
    assert.doesNotMatch(row.contextValue ?? '', /killable|deletable|deliverable/);
    const tooltip = (await tree.resolveTreeItem(row, tree.nodeOf(newer.key)!)).tooltip;
    assert.match((tooltip as vscode.MarkdownString).value, /Problem/);
  });

  it('filters by words that must and must not be there', async () => {
    writeTaskFixture({ storage, record: { command: 'npm test' } });
    writeTaskFixture({ storage, record: { command: 'npm run lint' } });
    await show();
    tree.setFilter(taskFilter('npm !lint'));
    assert.deepEqual(
      rows(tree.getChildren()[0]).map(({ label }) => label),
      ['npm test'],
    );
    tree.setFilter(taskFilter('nothing'));
    assert.deepEqual(tree.getChildren(), []);
    tree.setFilter(undefined);
    assert.equal(tree.size, 2);
  });
});

describe('the filter', () => {
  const fits = (text: string, parts: Parameters<typeof aTask>[0]): boolean =>
    taskFilter(text)!(aTask(parts));
  const exit = (exitCode: number): Parameters<typeof aTask>[0] => ({ status: 'failed', exitCode });

  it('finds what a row says of its task', () => {
    assert.ok(fits('process gone', { status: 'running', liveness: 'orphaned' }));
    assert.ok(fits('timed out', { status: 'timed_out' }));
    assert.ok(fits('not recorded', { status: 'fate_unknown' }));
    assert.ok(fits('processes left', { survivors: true }));
    assert.ok(fits('Exit 1', exit(1)));
  });

  it('tells one exit code from another, and from a number in an id', () => {
    assert.ok(!fits('exit 1', exit(127)));
    assert.ok(!fits('exit 1', exit(3)));
    assert.ok(fits('!exit 1', exit(3)));
    assert.ok(!fits('!exit 1', exit(1)));
  });

  it('finds the words of the record too, but no task that only its record calls running', () => {
    assert.ok(fits('timed_out', { status: 'timed_out' }));
    assert.ok(!fits('running', { status: 'running', liveness: 'orphaned' }));
  });
});

describe('task tooltip', () => {
  it('keeps a command inside its fence, whatever backticks it has', () => {
    const command = 'echo "````\n[click](command:workbench.action.quit)"';
    const { value } = taskTooltip(aTask({ command }), []);
    const [fence] = /^`+/.exec(value)!;
    assert.ok(fence.length > 4);
    assert.equal(value.split(fence).length, 3);
  });

  it('is not trusted to run commands, and renders no HTML', () => {
    const tooltip = taskTooltip(aTask({}), []);
    assert.notEqual(tooltip.isTrusted, true);
    assert.notEqual(tooltip.supportHtml, true);
  });

  it('shows what the agent chose as code, which has no links', () => {
    for (const sessionId of ['[x](https://example.com)', 'https://example.com', '`` ` https://a']) {
      const { value } = taskTooltip(aTask({ sessionId }), []);
      const [, fence = '', shown] = /\*\*Session:\*\* (`+) (.*) \1(?!`)/.exec(value) ?? [];
      assert.equal(shown, sessionId);
      assert.ok(!sessionId.includes(fence));
    }
  });

  it('explains a process that is gone, and names what can be done about it', () => {
    const orphan = aTask({ status: 'running', liveness: 'orphaned', pid: 4711 });
    assert.match(taskTooltip(orphan, []).value, /pid 4711 is gone.*Record as Ended/);
  });

  it('says what the agent knows', () => {
    const { value } = taskTooltip(aTask({ delivered: false }), []);
    assert.match(value, /\*\*Agent:\*\* ` has not been told of the end yet `/);
  });

  it('shows nothing for a time that no calendar has', () => {
    const { value } = taskTooltip(aTask({ startedAt: 2 ** 63 }), []);
    assert.doesNotMatch(value, /Invalid/);
  });
});
