import * as assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { writeTaskFixture, type FixtureTask, type TaskFixture } from '../support/taskFixture.ts';
import { api, setSetting, showStorage, taskGone, taskWhere, textWhere } from './fixture.ts';

describe('deleting', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;
  const hour = 3_600_000;

  beforeEach(async () => {
    storage = await showStorage();
    await setSetting('confirm.delete', false);
  });

  afterEach(async () => {
    await setSetting('confirm.delete', undefined);
    await setSetting('trash.keepHours', undefined);
    await storage.remove();
  });

  async function shownTask(fixture: Omit<TaskFixture, 'storage'> = {}): Promise<FixtureTask> {
    const task = writeTaskFixture({ storage: storage.directory, ...fixture });
    await taskWhere(task.key);
    return task;
  }

  function run(id: string, argument?: unknown, selected?: unknown): Thenable<unknown> {
    return vscode.commands.executeCommand(`aftTasks.${id}`, argument, selected);
  }

  function inTrash(): string[] {
    const trash = join(storage.directory, '.aft-task-explorer', 'trash');
    return existsSync(trash) ? readdirSync(trash) : [];
  }

  /** The warnings shown meanwhile, with their buttons. */
  async function shownWarnings(work: () => Thenable<unknown>): Promise<string[]> {
    const shown: string[] = [];
    const window = vscode.window as { showWarningMessage: unknown };
    const own = window.showWarningMessage;
    window.showWarningMessage = (message: string, ...buttons: string[]) => {
      shown.push(`${message} [${buttons.join(', ')}]`);
      return Promise.resolve(undefined);
    };
    try {
      await work();
    } finally {
      window.showWarningMessage = own;
    }
    return shown;
  }

  /** All messages shown meanwhile but modal questions, with their kind and buttons. */
  async function shownMessages(work: () => Thenable<unknown>): Promise<string[]> {
    const shown: string[] = [];
    const window = vscode.window as unknown as Record<string, unknown>;
    const kinds = ['Information', 'Warning', 'Error'];
    const own = kinds.map((kind) => [`show${kind}Message`, window[`show${kind}Message`]] as const);
    for (const kind of kinds) {
      window[`show${kind}Message`] = (message: string, ...buttons: string[]) => {
        shown.push(`${kind}: ${message} [${buttons.join(', ')}]`);
        return Promise.resolve(undefined);
      };
    }
    try {
      await work();
    } finally {
      Object.assign(window, Object.fromEntries(own));
    }
    return shown;
  }

  /** Answers the modal questions asked meanwhile with this button; resolves with what was asked. */
  async function answering(button: string, work: () => Thenable<unknown>): Promise<string[]> {
    const asked: string[] = [];
    const window = vscode.window as { showWarningMessage: unknown };
    const own = window.showWarningMessage;
    window.showWarningMessage = (
      message: string,
      options: vscode.MessageOptions,
      ...buttons: string[]
    ) => {
      asked.push(`${message}\n${options.detail ?? ''}`);
      assert.ok(options.modal === true && buttons.includes(button), buttons.join(', '));
      return Promise.resolve(button);
    };
    try {
      await work();
    } finally {
      window.showWarningMessage = own;
    }
    return asked;
  }

  it('delete takes a task that has ended away, undoDelete brings it back', async () => {
    const { key, paths } = await shownTask();
    await run('delete', key);
    await taskGone(key);
    assert.equal(existsSync(paths.json), false);
    await run('undoDelete', key);
    await taskWhere(key);
    assert.ok(existsSync(paths.json));
    assert.deepEqual(inTrash(), []);
  });

  it('undoDelete says of a deleted task what its row said', async () => {
    const { key } = await shownTask({ record: { status: 'timed_out' } });
    await run('delete', key);
    await taskGone(key);
    const window = vscode.window as { showQuickPick: unknown };
    const own = window.showQuickPick;
    const offered: (string | undefined)[] = [];
    window.showQuickPick = (items: readonly vscode.QuickPickItem[]) => {
      offered.push(...items.map(({ detail }) => detail));
      return Promise.resolve(undefined);
    };
    try {
      await run('undoDelete');
    } finally {
      window.showQuickPick = own;
    }
    assert.match(offered.join(), /· timed out ·/);
  });

  it('undoDelete takes a task’s id, and a row', async () => {
    const [first, second] = [await shownTask(), await shownTask()];
    await (await api()).deleteTasks([first.key, second.key]);
    await run('undoDelete', first.taskId);
    await taskWhere(first.key);
    await run('undoDelete', { kind: 'task', key: second.key });
    await taskWhere(second.key);
  });

  it('delete leaves a task that goes on', async () => {
    const running = { status: 'running', finishedAt: undefined, exitCode: undefined } as const;
    const { key, paths } = await shownTask({ record: running });
    const [outcome] = await (await api()).deleteTasks([key]);
    assert.equal(outcome?.reason, 'not-terminal');
    assert.ok(existsSync(paths.json));
  });

  it('delete acts on every selected row', async () => {
    const tasks = [await shownTask(), await shownTask(), await shownTask()];
    const rows = tasks.map(({ key }) => ({ kind: 'task', key }));
    await run('delete', rows[0], rows);
    for (const { key } of tasks) await taskGone(key);
    assert.equal(inTrash().length, 3);
  });

  it('delete is final where nothing is to be kept, and the question says so', async () => {
    await setSetting('trash.keepHours', 0);
    await setSetting('confirm.delete', true);
    const { key, paths } = await shownTask();
    const asked = await answering('Delete', () => run('delete', key));
    assert.equal(asked.length, 1);
    assert.match(asked[0] ?? '', /\d+ files, .*\n.*This is final/);
    await taskGone(key);
    assert.ok(!existsSync(paths.json));
    assert.deepEqual(inTrash(), []);
  });

  it('delete says how long it can be undone, and that the agent has not been told', async () => {
    await setSetting('trash.keepHours', 7);
    await setSetting('confirm.delete', true);
    const { key } = await shownTask();
    const asked = await answering('Delete', () => run('delete', key));
    assert.match(asked[0] ?? '', /for 7 hours this can be undone\.\n.*has not been told yet/);
    assert.doesNotMatch(asked[0] ?? '', /final/);
    await taskGone(key);
  });

  it('delete without a question says afterwards that the agent has not been told', async () => {
    const [untold, told] = [
      await shownTask({ record: { completionDelivered: false } }),
      await shownTask({ record: { completionDelivered: true } }),
    ];
    const warned = await shownWarnings(() => run('delete', untold.key));
    assert.match(warned[0] ?? '', /is deleted\. Its agent has not been told yet.* \[Undo\]/);
    assert.deepEqual(await shownWarnings(() => run('delete', told.key)), []);
    await run('undoDelete', untold.key);
    await run('undoDelete', told.key);
    const rows = [untold, told].map(({ key }) => ({ kind: 'task', key }));
    for (const { key } of rows) await taskWhere(key);
    const both = await shownWarnings(() => run('delete', rows[0], rows));
    assert.match(
      both[0] ?? '',
      /^2 tasks are deleted\. Their agents .* of the end of 1 of them\. \[Undo\]/,
    );
  });

  it('trash.keepHours empties the trash of what is older at once', async () => {
    const { key } = await shownTask();
    await run('delete', key);
    await taskGone(key);
    assert.equal(inTrash().length, 1);
    await setSetting('trash.keepHours', 0);
    // The worker does it when it is told; nothing says so to anybody.
    while (inTrash().length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it('emptyTrash asks once, with a count, and removes all of it', async () => {
    const [first, second] = [await shownTask({ stdout: 'x'.repeat(3000) }), await shownTask()];
    await (await api()).deleteTasks([first.key, second.key]);
    assert.equal(inTrash().length, 2);
    const asked = await answering('Empty Trash', () => run('emptyTrash'));
    assert.equal(asked.length, 1);
    assert.match(asked[0] ?? '', /2 tasks in the trash for good\?\n\d.* KB\. This is final/);
    assert.deepEqual(inTrash(), []);
    const again = await answering('Empty Trash', () => run('emptyTrash'));
    assert.deepEqual(again, []);
  });

  it('what can’t be brought back is told, with why and where, and goes with the trash', async () => {
    const { key, taskId } = await shownTask();
    await run('delete', key);
    await taskGone(key);
    const [entry = ''] = inTrash();
    const directory = join(storage.directory, '.aft-task-explorer', 'trash', entry);
    writeFileSync(join(directory, 'journal.json'), '{');
    for (const argument of [undefined, key]) {
      const [told = '', ...others] = await shownMessages(() => run('undoDelete', argument));
      assert.deepEqual(others, []);
      assert.match(told, new RegExp(`${taskId} can’t be brought back: .*journal\\.json is not`));
      assert.ok(told.includes(`lies in ${directory}.`) && told.endsWith(' []'), told);
    }
    const asked = await answering('Empty Trash', () => run('emptyTrash'));
    assert.equal(asked.length, 1);
    assert.match(asked[0] ?? '', /the task in the trash for good\?\n\d.* final\.\n.*brought back/);
    assert.deepEqual(inTrash(), []);
  });

  it('a trash that can’t be read is not said to be empty', async () => {
    const outside = join(storage.directory, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, join(storage.directory, '.aft-task-explorer'));
    mkdirSync(join(outside, 'trash'));
    const told = await shownMessages(() => run('emptyTrash'));
    assert.match(told.join('\n'), /^Information: The trash of .* can’t be read: .*symbolic link/);
  });

  it('what is no error is told as information, and names the task by its command', async () => {
    const running = { status: 'running', finishedAt: undefined, exitCode: undefined } as const;
    const task = await shownTask({ record: { ...running, command: 'make $& [all](x)' } });
    const name = '“make \\$& \\[all\\] \\(x\\)”';
    const first = await shownMessages(() => run('delete', task.key));
    assert.match(first.join('\n'), new RegExp(`^Information: ${name} has not ended.* \\[\\]$`));
    const marked = await shownMessages(() => run('markDelivered', task.key));
    assert.match(marked.join('\n'), new RegExp(`^Information: ${name} is running;.* \\[\\]$`));
    // Another one of that name: now the id tells them apart.
    await shownTask({ record: { ...running, command: 'make $& [all](x)' } });
    const again = await shownMessages(() => run('delete', task.key));
    assert.match(again.join('\n'), new RegExp(`${name} \\(${task.taskId}\\) has not ended`));
  });

  it('an error that says all that there is to say has no button', async () => {
    const told = await shownMessages(() => run('kill', 'bash-00000000'));
    assert.match(told.join('\n'), /^Error: There is no task bash-00000000\..* \[\]$/);
  });

  it('deleteFinished takes a session’s finished tasks, asking once', async () => {
    await setSetting('confirm.delete', true);
    const ended = [
      await shownTask({ sessionId: 'ses_a' }),
      await shownTask({ sessionId: 'ses_a' }),
    ];
    const running = await shownTask({ sessionId: 'ses_a', record: { status: 'running' } });
    const other = await shownTask({ sessionId: 'ses_b' });
    const session = ended[0]!.key.slice(0, ended[0]!.key.lastIndexOf('/'));
    const asked = await answering('Delete', () =>
      run('deleteFinished', { kind: 'session', id: session, tasks: new Map() }),
    );
    assert.equal(asked.length, 1);
    assert.match(asked[0] ?? '', /Delete 2 tasks\?\n.*files.*\n.*\n.*end of 2 of them/);
    for (const { key } of ended) await taskGone(key);
    const left = (await api()).tasks().map(({ key }) => key);
    assert.deepEqual(new Set(left), new Set([running.key, other.key]));
    await answering('Delete', () => run('deleteFinished', 'ses_b'));
    await taskGone(other.key);
  });

  it('deleteFinished offers all, by age, by status and by session', async () => {
    await setSetting('confirm.delete', false);
    const old = { finishedAt: Date.now() - 26 * hour, startedAt: Date.now() - 27 * hour };
    const first = await shownTask({ sessionId: 'ses_a', record: { ...old, status: 'failed' } });
    await shownTask({ sessionId: 'ses_b' });
    let labels: string[] = [];
    const window = vscode.window as { showQuickPick: unknown };
    const own = window.showQuickPick;
    window.showQuickPick = (items: readonly vscode.QuickPickItem[]) => {
      labels = items.map(({ label }) => label);
      return Promise.resolve(items.find(({ label }) => label.includes('1 d')));
    };
    try {
      await run('deleteFinished');
    } finally {
      window.showQuickPick = own;
    }
    assert.deepEqual(labels, [
      'All finished tasks',
      'age',
      'Ended more than 1 h ago',
      'Ended more than 1 d ago',
      'status',
      'Completed',
      'Failed',
      'session',
      'ses_b',
      'ses_a',
    ]);
    await taskGone(first.key);
    assert.equal((await api()).tasks().length, 1);
  });

  it('deleteFinished that is called off leaves what is not begun, says so, and can be undone', async () => {
    const tasks = [await shownTask(), await shownTask(), await shownTask()];
    const window = vscode.window as { withProgress: unknown; showInformationMessage: unknown };
    const { withProgress, showInformationMessage } = window;
    type Work = Parameters<typeof vscode.window.withProgress<unknown>>[1];
    const cancellable: unknown[] = [];
    window.withProgress = async (options: vscode.ProgressOptions, work: Work) => {
      cancellable.push(options.cancellable);
      const source = new vscode.CancellationTokenSource();
      const report = ({ increment }: { increment?: number }): void => {
        if (increment !== undefined) source.cancel();
      };
      return await work({ report }, source.token);
    };
    const told: string[] = [];
    window.showInformationMessage = (message: string, ...buttons: string[]) => {
      told.push(`${message} [${buttons.join(', ')}]`);
      return Promise.resolve(undefined);
    };
    const warned = await shownWarnings(async () => {
      try {
        await run('deleteFinished', tasks[0]!.key);
      } finally {
        Object.assign(window, { withProgress, showInformationMessage });
      }
    });
    assert.deepEqual(cancellable, [true]);
    assert.match([...told, ...warned].join('\n'), /1 task is deleted; 2 not begun\. .*\[Undo\]/);
    assert.equal(inTrash().length, 1);
    assert.equal(tasks.filter(({ paths }) => existsSync(paths.json)).length, 2);
  });

  it('the document of a task that came back shows its output again', async () => {
    const { key } = await shownTask({ stdout: 'the output\n' });
    const uri = (await api()).outputUri(key, 'stdout');
    await vscode.window.showTextDocument(uri);
    await run('delete', key);
    await textWhere(uri, (text) => /the output\n[^]*deleted/.test(text));
    await run('undoDelete', key);
    await textWhere(uri, (text) => text === 'the output\n');
  });
});
