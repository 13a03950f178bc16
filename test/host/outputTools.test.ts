import * as assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import * as vscode from 'vscode';
import { outputUri } from '../../src/vscode/uris.ts';
import { writeTaskFixture, type FixtureTask, type TaskFixture } from '../support/taskFixture.ts';
import { api, running, setSetting, showStorage, taskWhere, textWhere, until } from './fixture.ts';

type QuickPick = vscode.QuickPick<vscode.QuickPickItem>;

describe('commands on outputs', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;
  let directory: string;
  const restore: (() => void)[] = [];

  beforeEach(async () => {
    storage = await showStorage();
    directory = mkdtempSync(join(tmpdir(), 'aft-tools-'));
  });

  afterEach(async () => {
    for (const undo of restore.splice(0)) undo();
    rmSync(directory, { recursive: true, force: true });
    await storage.remove();
  });

  async function task(fixture: Omit<TaskFixture, 'storage'> = {}): Promise<FixtureTask> {
    const written = writeTaskFixture({ storage: storage.directory, ...fixture });
    await taskWhere(written.key);
    return written;
  }

  function run(id: string, ...args: unknown[]): Thenable<unknown> {
    return vscode.commands.executeCommand(`aftTasks.${id}`, ...args);
  }

  /** Puts an answer in the place of a dialog that no test can click. */
  function answer(name: keyof typeof vscode.window, by: (...args: never[]) => unknown): void {
    const window = vscode.window as Record<typeof name, unknown>;
    const before = window[name];
    window[name] = by;
    restore.push(() => {
      window[name] = before;
    });
  }

  const sessionRow = (key: string): object => ({
    kind: 'session',
    id: key.slice(0, key.lastIndexOf('/')),
  });

  function saveTo(name: string): string {
    const path = join(directory, name);
    answer('showSaveDialog', () => Promise.resolve(vscode.Uri.file(path)));
    return path;
  }

  /** Chooses the item of the next quick picks whose label has this text. */
  function choose(text: string): void {
    answer('showQuickPick', (items: readonly vscode.QuickPickItem[]) => {
      const item = items.find(({ label }) => label.includes(text));
      assert.ok(item, `${text} in ${items.map(({ label }) => label).join(', ')}`);
      return Promise.resolve(item);
    });
  }

  /** The errors that are shown from now on. */
  function messages(): string[] {
    const shown: string[] = [];
    for (const name of [
      'showErrorMessage',
      'showWarningMessage',
      'showInformationMessage',
    ] as const) {
      answer(name, (message: string) => {
        shown.push(message);
        return Promise.resolve(undefined);
      });
    }
    return shown;
  }

  /** The search's list, a real one, as soon as it is shown; and what types and clicks in it. */
  function nextList(): Promise<{
    list: QuickPick;
    type: (text: string) => void;
    press: (button: string) => void;
  }> {
    return new Promise((resolve) => {
      const create = vscode.window.createQuickPick.bind(vscode.window);
      answer('createQuickPick', () => {
        const list = create();
        const typed = new vscode.EventEmitter<string>();
        const pressed = new vscode.EventEmitter<vscode.QuickInputButton>();
        Object.defineProperty(list, 'onDidChangeValue', { value: typed.event });
        Object.defineProperty(list, 'onDidTriggerButton', { value: pressed.event });
        const show = list.show.bind(list);
        list.show = () => {
          show();
          resolve({
            list,
            type: (text) => {
              typed.fire(text);
            },
            press: (name) => {
              pressed.fire(list.buttons.find(({ tooltip }) => tooltip?.startsWith(name))!);
            },
          });
        };
        return list;
      });
    });
  }

  describe('searchOutputs', () => {
    async function search(
      text: string,
      argument?: unknown,
      selected?: unknown,
    ): Promise<{
      list: QuickPick;
      items: readonly vscode.QuickPickItem[];
      done: Thenable<unknown>;
    }> {
      const made = nextList();
      const done = run('searchOutputs', argument, selected);
      const { list, type } = await made;
      type(text);
      while (list.busy || list.items.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return { list, items: list.items, done };
    }

    const shown = ({ items }: { items: readonly vscode.QuickPickItem[] }): string[] =>
      items.map(({ label }) => label);

    it('finds in the outputs of all tasks, colours or not, and opens at the match', async () => {
      const first = await task({ stdout: 'one\n\x1b[31mnee\x1b[1mdle\x1b[0m in red\nthree\n' });
      await task({ stderr: 'a needle\n', stdout: 'other\n' });
      const result = await search('needle');
      assert.deepEqual(shown(result).sort(), ['a needle', 'needle in red']);
      result.list.hide();
      await result.done;
      const one = await search('needle IN');
      assert.deepEqual(shown(one), ['needle in red']);
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      await one.done;
      const editor = vscode.window.activeTextEditor!;
      assert.equal(editor.document.uri.toString(), outputUri(first.key, 'output').toString());
      assert.equal(editor.document.getText(editor.selection), 'needle in');
      assert.equal(editor.selection.start.line, 1);
    });

    it('searches only the tasks that it was called on', async () => {
      const tasks = [
        await task({ stdout: 'needle 1' }),
        await task({ stdout: 'needle 2' }),
        await task({ stdout: 'needle 3' }),
      ];
      const rows = tasks.slice(1).map(({ key }) => ({ kind: 'task', key }));
      const two = await search('needle', rows[0], rows);
      assert.deepEqual(shown(two).sort(), ['needle 2', 'needle 3']);
      two.list.hide();
      await two.done;
      const one = await search('needle', tasks[0]!.key);
      assert.deepEqual(shown(one), ['needle 1']);
      one.list.hide();
      await one.done;
    });

    it('opens at a match before the document’s window', async () => {
      await setSetting('output.window', 64);
      restore.push(() => void setSetting('output.window', undefined));
      const lines = Array.from({ length: 40_000 }, (_, index) => `line ${index} of the log`);
      lines[3] = 'the only needle';
      const { key } = await task({ stdout: `${lines.join('\n')}\n` });
      const result = await search('only needle', key);
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      await result.done;
      const editor = vscode.window.activeTextEditor!;
      const start = lines.slice(0, 3).join('\n').length + 1 + 'the '.length;
      assert.equal(editor.document.uri.query, `at=${start}-${start + 'only needle'.length}`);
      assert.equal(editor.document.getText(editor.selection), 'only needle');
      assert.equal(editor.document.lineAt(editor.selection.start).text, 'the only needle');
      const { label } = vscode.window.tabGroups.activeTabGroup.activeTab!;
      assert.match(label, /^echo fixture \(stdout, line 4\) · /);
    });

    it('opens at a match on a screen that a program has left', async () => {
      const frame = (text: string): string =>
        `\x1b[H\x1b[2Jtitle\x1b[3;9H${text}\x1b[3;30Hbeside\x1b[5;1Hkeys`;
      const screens = ['one', 'the \x1b[1mneedle\x1b[0m', 'three'].map(frame).join('');
      const { key } = await task({
        record: { mode: 'pty', ptyRows: 6, ptyCols: 40 },
        pty: `\x1b[?1049h${screens}\x1b[?1049lleft\r\n`,
      });
      const result = await search('the needle', key);
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      await result.done;
      const { document, selection } = vscode.window.activeTextEditor!;
      assert.match(document.getText(), /^title\n\n {8}the needle +beside\n\nkeys\n/);
      assert.equal(document.getText(selection), 'the needle');
      assert.equal(selection.start.line, 2);
    });

    it('opens at a match behind a long row of blanks', async () => {
      await task({ stdout: `x${' '.repeat(300_000)}y${' '.repeat(70)}x\n` });
      const result = await search(' x');
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      await result.done;
      const { document, selection } = vscode.window.activeTextEditor!;
      assert.equal(document.getText(selection).trim(), 'x');
      assert.equal(selection.end.character, 300_073);
    });

    it('leaves its reader at a match in a task that goes on', async () => {
      const lines = Array.from({ length: 300 }, (_, index) => `line ${index}`);
      for (const place of [150, 297]) {
        const stdout = `${lines.with(place, 'the needle').join('\n')}\n`;
        const { key, paths } = await task({ record: running, stdout });
        const result = await search('needle', key);
        await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
        await result.done;
        const editor = vscode.window.activeTextEditor!;
        for (let round = 0; round < 3; round += 1) {
          appendFileSync(paths.stdout, `${lines.join('\n')}\nround ${round}\n`);
          await textWhere(editor.document.uri, (text) => text.includes(`round ${round}`));
        }
        const { start, end } = editor.visibleRanges[0]!;
        assert.equal(editor.document.getText(editor.selection), 'needle');
        const { line } = editor.selection.start;
        assert.ok(start.line <= line && line <= end.line, `${line} in ${start.line}–${end.line}`);
      }
    });

    it('shows what it finds and how far it is while it searches on, until it is hidden', async () => {
      const found = await task({ stdout: 'a needle\n' });
      const endless = await task({ stdout: 'hay' });
      // It takes no room on the disk, and minutes to search.
      truncateSync(endless.paths.stdout, 1024 ** 4);
      await vscode.commands.executeCommand('aftTasks.refresh');
      const { tasks } = await api();
      const sizes = [found, endless].map(
        ({ key }) => tasks().find((known) => known.key === key)?.outputBytes,
      );
      assert.deepEqual(sizes, [9, 1024 ** 4]);
      const threads: Worker[] = [];
      const onWorker = (thread: Worker): void => void threads.push(thread);
      process.on('worker', onWorker);
      restore.push(() => process.off('worker', onWorker));
      const made = nextList();
      const rows = [found, endless].map(({ key }) => ({ kind: 'task', key }));
      const done = run('searchOutputs', rows[0], rows);
      const { list, type } = await made;
      type('needle');
      while (list.items.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual(
        list.items.map(({ label }) => label),
        ['a needle'],
      );
      assert.ok(list.busy);
      assert.match(list.title ?? '', /· 1 lines in \S+ [KMG]B of 1 TB$/);
      const ends = threads
        .filter(({ threadId }) => threadId !== -1)
        .map((thread) => once(thread, 'exit'));
      assert.ok(ends.length > 0);
      list.hide();
      await done;
      await Promise.all(ends);
    });

    it('stops a pattern that runs away, says so, and keeps what it found', async () => {
      const found = await task({ stdout: 'a needle\n' });
      const evil = await task({ stdout: `${'a'.repeat(60)}b\n` });
      const made = nextList();
      const rows = [found, evil].map(({ key }) => ({ kind: 'task', key }));
      const done = run('searchOutputs', rows[0], rows);
      const { list, type, press } = await made;
      press('Regular Expression');
      type('needle|^(a+)+$');
      while (list.items.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual(
        list.items.map(({ label }) => label),
        ['$(warning) Stopped: the pattern took more than 5 s in one place', 'a needle'],
      );
      assert.match(
        list.items[0]?.detail ?? '',
        new RegExp(`stdout of “echo fixture” \\(${evil.taskId}\\)`),
      );
      assert.ok(!list.busy);
      press('Regular Expression');
      list.hide();
      await done;
    });

    it('says so where nothing matches', async () => {
      await task({ stdout: 'hay' });
      const result = await search('needle');
      assert.match(shown(result).join(), /No match/);
      result.list.hide();
      await result.done;
    });

    it('says so where no task has written anything', async () => {
      const shownMessages = messages();
      const tasks = [await task(), await task()];
      const rows = tasks.map(({ key }) => ({ kind: 'task', key }));
      await run('searchOutputs', rows[0], rows);
      await run('searchOutputs', rows[0]);
      assert.deepEqual(shownMessages, [
        'None of these tasks has written anything yet.',
        '“echo fixture” has written nothing.',
      ]);
    });
  });

  describe('compareOutputs', () => {
    const diffTab = async (): Promise<vscode.TabInputTextDiff> =>
      await until(() => {
        const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
        return input instanceof vscode.TabInputTextDiff ? input : undefined;
      }, vscode.window.tabGroups.onDidChangeTabs);

    it('compares two selected tasks, the older one on the left', async () => {
      const now = Date.now();
      const newer = await task({ record: { startedAt: now }, stdout: 'b' });
      const older = await task({ record: { startedAt: now - 5000 }, stdout: 'a' });
      const rows = [newer, older].map(({ key }) => ({ kind: 'task', key }));
      choose('Compare');
      await run('compareOutputs', rows[0], rows);
      const { original, modified } = await diffTab();
      assert.equal(original.toString(), outputUri(older.key, 'output').toString());
      assert.equal(modified.toString(), outputUri(newer.key, 'output').toString());
    });

    it('compares a task with the previous run of its command, without times if asked', async () => {
      const now = Date.now();
      const record = { command: 'make test', workdir: '/tmp' };
      await task({ record: { ...record, startedAt: now - 9000 }, stdout: 'old' });
      const before = await task({
        record: { ...record, startedAt: now - 5000 },
        stdout: 'in 5 ms',
      });
      await task({ record: { ...record, workdir: '/', startedAt: now - 1000 }, stdout: 'else' });
      const last = await task({ record: { ...record, startedAt: now }, stdout: 'in 71 ms' });
      choose('Without Times');
      await run('compareOutputs', last.key);
      const { original, modified } = await diffTab();
      assert.equal(
        original.with({ query: '' }).toString(),
        outputUri(before.key, 'output').toString(),
      );
      assert.equal(
        modified.with({ query: '' }).toString(),
        outputUri(last.key, 'output').toString(),
      );
      for (const uri of [original, modified]) {
        const document = await vscode.workspace.openTextDocument(uri);
        assert.equal(document.getText(), 'in <duration>');
      }
    });

    it('goes on with tasks that do, without times too', async () => {
      const record = { command: 'make live', workdir: '/tmp' };
      const startedAt = running.startedAt - 5000;
      const stdout = 'in 5 ms\n';
      const before = await task({ record: { ...running, ...record, startedAt }, stdout });
      const now = await task({ record: { ...running, ...record }, stdout });
      choose('Without Times');
      await run('compareOutputs', now.key);
      const { original, modified } = await diffTab();
      for (const [uri, { paths }] of [
        [original, before],
        [modified, now],
      ] as const) {
        for (const milliseconds of [6, 7]) {
          appendFileSync(paths.stdout, `then in ${milliseconds} ms\n`);
          const lines = `then in <duration>\n`.repeat(milliseconds - 5);
          await textWhere(uri, (text) => text === `in <duration>\n${lines}`);
        }
      }
    });

    it('leaves its reader at the beginning of a task that goes on', async () => {
      const lines = Array.from({ length: 300 }, (_, index) => `line ${index}\n`).join('');
      const startedAt = running.startedAt - 5000;
      const before = await task({ record: { startedAt }, stdout: lines });
      const now = await task({ record: running, stdout: lines });
      const rows = [before, now].map(({ key }) => ({ kind: 'task', key }));
      choose('Compare');
      await run('compareOutputs', rows[0], rows);
      const { modified } = await diffTab();
      const editor = await until(
        () =>
          vscode.window.visibleTextEditors.find(
            ({ document }) => document.uri.toString() === modified.toString(),
          ),
        vscode.window.onDidChangeVisibleTextEditors,
      );
      appendFileSync(now.paths.stdout, 'last\n');
      await textWhere(modified, (text) => text.includes('last'));
      assert.equal(editor.visibleRanges[0]?.start.line, 0);
    });

    it('tells two runs of the same age apart by the time of day', async () => {
      const now = Date.now();
      const record = { command: 'make twice', workdir: '/tmp' };
      await task({ record: { ...record, startedAt: now - 5000 }, stdout: 'a' });
      const last = await task({ record: { ...record, startedAt: now }, stdout: 'b' });
      choose('Compare');
      await run('compareOutputs', last.key);
      await diffTab();
      const { label } = vscode.window.tabGroups.activeTabGroup.activeTab!;
      const [left, right] = label.split(' ↔ ');
      assert.notEqual(left, right);
      assert.match(label, /make twice \(.*\d:\d\d.*\) ↔ make twice \(.*\d:\d\d.*\)/);
    });

    it('says without an alarm that three are too many', async () => {
      const shown = messages();
      const tasks = [await task(), await task(), await task()];
      const rows = tasks.map(({ key }) => ({ kind: 'task', key }));
      await run('compareOutputs', rows[0], rows);
      assert.deepEqual(shown, [
        '3 tasks are selected. Select two, or one to compare it with its previous run.',
      ]);
    });

    it('says without an alarm that no task has a previous run', async () => {
      // What the storage before this one had is gone.
      const { tasks, onDidChangeTasks } = await api();
      await until(() => (tasks().length === 0 ? true : undefined), onDidChangeTasks);
      const errors: string[] = [];
      answer('showErrorMessage', (message: string) => void errors.push(message));
      const told: string[][] = [];
      answer('showInformationMessage', (...words: string[]) => {
        told.push(words);
        return Promise.resolve(undefined);
      });
      await run('compareOutputs');
      await run('killAllRunning');
      await run('kill');
      assert.deepEqual(errors, []);
      assert.deepEqual(told, [
        ['No task has an earlier run of the same command. Select two tasks to compare them.'],
        ['No task runs.'],
        ['No task runs.'],
      ]);
    });

    it('says so where there is no previous run', async () => {
      const shown = messages();
      const { key } = await task({
        record: { command: 'only once', workdir: '/tmp' },
        stdout: 'x',
      });
      await run('compareOutputs', key);
      assert.match(shown.join(), /no earlier run of “only once” in \/tmp/);
    });
  });

  it('loadEarlier says that a document has no room for more, and offers the file', async () => {
    await setSetting('output.window', 16 * 1024);
    restore.push(() => void setSetting('output.window', undefined));
    const { key, taskId } = await task({ stdout: `${'x'.repeat(999)}\n`.repeat(17 * 1100) });
    let shown = '';
    answer('showInformationMessage', (message: string, ...buttons: string[]) => {
      shown = message;
      return Promise.resolve(buttons.find((button) => button === 'Open Raw File'));
    });
    const raw = until(() => {
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return input instanceof vscode.TabInputText && input.uri.scheme === 'file'
        ? input.uri
        : undefined;
    }, vscode.window.tabGroups.onDidChangeTabs);
    await run('loadEarlier', outputUri(key, 'output'));
    assert.match(shown, new RegExp(`as much of the output of ${taskId} as it can`));
    assert.match((await raw).path, /stdout$/);
  });

  it('copyOutput copies what is shown', async () => {
    const { key } = await task({ stdout: '\x1b[31mred\x1b[0m\n', stderr: 'err\n' });
    await run('copyOutput', key);
    assert.equal(
      await vscode.env.clipboard.readText(),
      '=== stdout ===\nred\n=== stderr ===\nerr\n',
    );
  });

  it('copyOutput copies the end of a long output, and says so', async () => {
    const shown = messages();
    const { key } = await task({ stdout: 'a line of the log\n'.repeat(400_000) });
    await run('copyOutput', key);
    const text = await vscode.env.clipboard.readText();
    assert.ok(text.length > 3_000_000 && text.length < 5_000_000, String(text.length));
    assert.match(shown.join(), /^The end of the output of “echo fixture” .* before it are not/);
  });

  it('copyOutput offers to export what does not fit on the clipboard', async () => {
    const stdout = 'a line of the log\n'.repeat(400_000);
    const { key } = await task({ stdout });
    answer('showInformationMessage', (_message: string, ...buttons: string[]) =>
      Promise.resolve(buttons.find((button) => button === 'Export All…')),
    );
    choose('As shown');
    const path = saveTo('all.log');
    await run('copyOutput', key);
    assert.ok(readFileSync(path, 'utf8') === stdout);
  });

  it('exportOutput writes what is shown, or every byte', async () => {
    const { key } = await task({ stdout: '\x1b[31mred\x1b[0m\n' });
    choose('As shown');
    const shown = saveTo('shown.log');
    await run('exportOutput', key);
    assert.equal(readFileSync(shown, 'utf8'), 'red\n');
    choose('As written');
    const raw = saveTo('raw.log');
    const told = messages();
    await run('exportOutput', key);
    assert.deepEqual(told, [`The output of “echo fixture” was exported to ${raw}.`]);
    assert.equal(readFileSync(raw, 'utf8'), '\x1b[31mred\x1b[0m\n');
    assert.deepEqual(readdirSync(directory).sort(), ['raw.log', 'shown.log']);
  });

  it('exportOutput writes both streams under their names, or one of them', async () => {
    const { key } = await task({ stdout: '\x1b[31mout', stderr: '1%\r2%\n' });
    choose('As shown');
    const path = saveTo('exported.log');
    await run('exportOutput', key);
    assert.equal(readFileSync(path, 'utf8'), '=== stdout ===\nout\n=== stderr ===\n2%\n');
    choose('As written: stderr');
    await run('exportOutput', key);
    assert.equal(readFileSync(path, 'utf8'), '1%\r2%\n');
  });

  it('exportOutput and copyOutput take of a terminal what one of its size shows', async () => {
    const { key } = await task({
      record: { mode: 'pty', ptyCols: 10, ptyRows: 5 },
      pty: 'abcdefghijKLM\x1b[2;1HX\r\nend',
    });
    choose('As shown');
    const path = saveTo('exported.log');
    await run('exportOutput', key);
    assert.equal(readFileSync(path, 'utf8').trimEnd(), 'abcdefghijXLM\nend');
    await run('copyOutput', key);
    assert.equal((await vscode.env.clipboard.readText()).trimEnd(), 'abcdefghijXLM\nend');
  });

  it('exportOutput refuses a place that is not on the machine', async () => {
    const shown = messages();
    const { key } = await task({ stdout: 'x' });
    choose('As shown');
    answer('showSaveDialog', () => Promise.resolve(vscode.Uri.parse('aft-test:/exported.log')));
    await run('exportOutput', key);
    assert.deepEqual(shown, [
      '/exported.log is not on the machine that has the tasks. Choose a file there.',
    ]);
  });

  /** Has the user cancel what is under way as soon as it tells how far it is. */
  function cancelProgress(): void {
    type Work = Parameters<typeof vscode.window.withProgress<unknown>>[1];
    answer('withProgress', async (_options: unknown, work: Work) => {
      const source = new vscode.CancellationTokenSource();
      const report = (): void => {
        source.cancel();
      };
      return await work({ report }, source.token);
    });
  }

  for (const form of ['As shown', 'As written']) {
    it(`exportOutput (${form}) leaves what was there when it is cancelled`, async () => {
      const shown = messages();
      const { key, paths } = await task({ stdout: 'a line of the log\n' });
      // As no machine copies it in one step; all but the line takes no room on the disk.
      truncateSync(paths.stdout, 64 * 1024 ** 3);
      choose(form);
      const path = saveTo('exported.log');
      writeFileSync(path, 'before');
      cancelProgress();
      await run('exportOutput', key);
      assert.equal(readFileSync(path, 'utf8').slice(0, 80), 'before');
      assert.deepEqual(readdirSync(directory), ['exported.log']);
      assert.deepEqual(shown, []);
    });
  }

  it('exportSession leaves nothing when it is cancelled', async () => {
    const sessionId = 'ses_cancelled';
    const { key } = await task({ sessionId, stdout: 'x' });
    const path = saveTo('session.md');
    writeFileSync(path, 'before');
    cancelProgress();
    await run('exportSession', sessionRow(key));
    assert.equal(readFileSync(path, 'utf8'), 'before');
    assert.deepEqual(readdirSync(directory), ['session.md']);
  });

  it('exportSession writes while it reads, so that memory holds one task at a time', async () => {
    const sessionId = 'ses_long';
    const stdout = `${'x'.repeat(900)}\n`.repeat(100);
    const written: FixtureTask[] = [];
    for (let number = 0; number < 8; number += 1) {
      const record = { startedAt: Date.now() + number };
      written.push(await task({ sessionId, record, stdout }));
    }
    saveTo('session.md');
    const sizes: number[] = [];
    const reported: { message?: string; increment?: number }[] = [];
    type Work = Parameters<typeof vscode.window.withProgress<unknown>>[1];
    answer('withProgress', async ({ cancellable }: vscode.ProgressOptions, work: Work) => {
      assert.ok(cancellable);
      const report = (part: { message?: string; increment?: number }): void => {
        const [name] = readdirSync(directory);
        sizes.push(name === undefined ? 0 : statSync(join(directory, name)).size);
        reported.push(part);
      };
      return await work({ report }, new vscode.CancellationTokenSource().token);
    });
    await run('exportSession', sessionRow(written[0]!.key));
    // A part is 36 KB; of those before, two may be on their way to the disk.
    sizes.forEach((size, at) => {
      assert.ok(size > (at - 2) * 36_000, `${size} bytes before task ${at}`);
    });
    assert.deepEqual(
      reported,
      written.map(() => ({ message: 'echo fixture', increment: 100 / 8 })),
    );
  });

  it('exports write the file that a link leads to, and leave the link', async () => {
    const { key } = await task({ sessionId: 'ses_link', stdout: 'new' });
    const real = join(directory, 'real');
    const link = saveTo('link');
    symlinkSync('real', link);
    for (const [command, content] of [
      ['exportOutput', /^new$/],
      ['exportSession', /^# Session `ses_link`/],
    ] as const) {
      writeFileSync(real, 'before');
      choose('As shown');
      await run(command, key);
      assert.match(readFileSync(real, 'utf8'), content);
      assert.equal(readlinkSync(link), 'real');
      assert.deepEqual(readdirSync(directory).sort(), ['link', 'real']);
    }
  });

  it('exportSession writes to other file systems, too', async () => {
    const files = new Map<string, string>();
    const provider = memoryFiles(files);
    const registered = vscode.workspace.registerFileSystemProvider('aft-test', provider);
    restore.push(() => void registered.dispose());
    const { key } = await task({ sessionId: 'ses_virtual', stdout: 'out' });
    const destination = vscode.Uri.parse('aft-test:/session.md');
    answer('showSaveDialog', () => Promise.resolve(destination));
    await run('exportSession', key);
    assert.deepEqual([...files.keys()], ['/session.md']);
    assert.match(files.get('/session.md') ?? '', /^# Session `ses_virtual`\n[^]*```text\nout\n```/);
  });

  it('exportOutput says why it could not write', async () => {
    const shown = messages();
    const { key } = await task({ stdout: 'x' });
    choose('As shown');
    const path = saveTo('nowhere/shown.log');
    await run('exportOutput', key);
    assert.equal(
      shown.join(),
      `The output of “echo fixture” was not exported to ${path}: no such file or directory (ENOENT)`,
    );
    assert.equal(existsSync(path), false);
  });

  it('exportOutput says so where the storage is not shown any more', async () => {
    const shown = messages();
    const { key } = await task({ stdout: 'x' });
    choose('As shown');
    const { onDidChangeTasks, tasks } = await api();
    const path = join(directory, 'shown.log');
    answer('showSaveDialog', async () => {
      await setSetting('storageDirectories', [directory]);
      await until(
        () => (tasks().some((each) => each.key === key) ? undefined : true),
        onDidChangeTasks,
      );
      return vscode.Uri.file(path);
    });
    await run('exportOutput', key);
    assert.equal(shown.join(), 'The storage of “echo fixture” is not open. Refresh and try again.');
    assert.equal(existsSync(path), false);
  });

  it('exportSession says why it could not write', async () => {
    const shown = messages();
    const { key } = await task({ stdout: 'x' });
    const path = saveTo('x'.repeat(300));
    await run('exportSession', key);
    const words = `The session was not exported to ${path}: ENAMETOOLONG: name too long`;
    assert.ok(shown.join().startsWith(words), shown.join());
    assert.doesNotMatch(shown.join(), /\.tmp/);
  });

  it('exportSession writes a report that no task can break', async () => {
    const startedAt = Date.UTC(2026, 10, 23, 5, 48, 27);
    const sessionId = 'ses_report';
    await task({
      sessionId,
      record: { command: 'second', startedAt, workdir: '/a `b`' },
      stdout: '```\n# not a heading\n',
    });
    const first = await task({
      sessionId,
      record: {
        command: 'first `x`\n````\n# none either',
        startedAt: startedAt - 9000,
        finishedAt: startedAt - 5000,
        durationMs: 4000,
        status: 'timed_out',
        statusReason: 'too `slow`',
        exitCode: 3,
      },
    });
    await task({
      sessionId,
      record: { ...running, command: 'third', startedAt: startedAt + 1000 },
      stderr: '~~~~\n</code>\n`',
    });
    const path = saveTo('session.md');
    await run('exportSession', sessionRow(first.key));
    const report = readFileSync(path, 'utf8');
    assert.equal(vscode.window.activeTextEditor?.document.uri.fsPath, path);
    const outside = report.replace(/^(`{3,})\w+\n[^]*?\n\1$/gm, '');
    const headings = outside.split('\n').filter((line) => line.startsWith('#'));
    assert.deepEqual(headings, [
      '# Session `ses_report`',
      '## 1. `` first `x` ``',
      '## 2. `second`',
      '## 3. `third`',
    ]);
    assert.match(outside, /- Tasks: 3\n/);
    const [, one = '', two = '', three = ''] = report.split(/^## \d\. /m);
    assert.match(one, /\n`````sh\nfirst `x`\n````\n# none either\n`````\n/);
    assert.match(
      one,
      /\n- Status: `` timed out, too `slow` ``\n- Exit code: `3`\n- Duration: `4 s`\n- Started: `2026-11-23T05:48:18\.000Z`\n- Ended: `2026-11-23T05:48:22\.000Z`\n- Directory: `\/tmp`\n/,
    );
    assert.match(one, /\nNo output\.\n/);
    assert.match(two, /\n- Status: `completed`\n- Exit code: `0`\n/);
    assert.match(two, /\n- Directory: `` \/a `b` ``\n/);
    assert.match(two, /\nThe last lines of stdout:\n\n````text\n```\n# not a heading\n````\n/);
    assert.match(three, /\n- Status: `running`\n- Started: /);
    assert.match(three, /\nThe last lines of stderr:\n\n```text\n~~~~\n<\/code>\n`\n```\n/);
    assert.deepEqual(readdirSync(directory), ['session.md']);
  });

  it('exportSession cuts lines that are too long, and says so', async () => {
    const { key } = await task({ stdout: `${'x'.repeat(999)}🚀${'y'.repeat(4000)}\nshort\n` });
    const path = saveTo('session.md');
    await run('exportSession', key);
    assert.match(
      readFileSync(path, 'utf8'),
      /\n```text\nx{999}… \[4,002 more characters\]\nshort\n```\n/,
    );
  });

  it('exportSession has the last lines of each stream, and of a terminal what it shows', async () => {
    const lines = (name: string): string =>
      Array.from({ length: 60 }, (_, at) => `${name} ${at}\n`).join('');
    const { key } = await task({
      sessionId: 'ses_streams',
      record: { command: 'a\u202eb', startedAt: Date.now() },
      stdout: lines('out'),
      stderr: lines('err'),
    });
    await task({
      sessionId: 'ses_streams',
      record: { mode: 'pty', ptyCols: 10, ptyRows: 5, startedAt: Date.now() + 1 },
      pty: 'abcdefghijKLM\x1b[2;1HX',
    });
    const path = saveTo('session.md');
    await run('exportSession', sessionRow(key));
    const report = readFileSync(path, 'utf8');
    for (const [stream, name] of [
      ['stdout', 'out'],
      ['stderr', 'err'],
    ]) {
      const fence = report.split(`The last lines of ${stream}:\n\n\`\`\`text\n`)[1] ?? '';
      assert.ok(fence.startsWith(`${name} 20\n${name} 21\n`), report);
      assert.match(fence, new RegExp(`^[^\`]*\\n${name} 59\\n\`\`\``));
    }
    assert.match(report, /The last lines of pty:\n\n```text\nabcdefghijXLM\n```/);
    assert.match(report, /```sh\na\ufffdb\n```/);
  });

  describe('rerunInTerminal', () => {
    /** What is typed into new terminals. */
    function terminals(): { options: vscode.TerminalOptions; typed: [string, boolean?][] }[] {
      const made: { options: vscode.TerminalOptions; typed: [string, boolean?][] }[] = [];
      answer('createTerminal', (options: vscode.TerminalOptions) => {
        const typed: [string, boolean?][] = [];
        made.push({ options, typed });
        return {
          shellIntegration: {},
          show: () => undefined,
          sendText: (...args: [string, boolean?]) => typed.push(args),
        };
      });
      return made;
    }

    it('types the command in its directory, and does not send it', async () => {
      const made = terminals();
      const { key } = await task({ record: { command: 'echo "ünï"', workdir: directory } });
      await run('rerunInTerminal', key);
      assert.deepEqual(
        made.map(({ typed }) => typed),
        [[['echo "ünï"', false]]],
      );
      assert.equal((made[0]?.options.cwd as vscode.Uri).fsPath, directory);
    });

    it('makes no icon of what the command says', async () => {
      const made = terminals();
      const { key } = await task({ record: { command: 'make $(check)', workdir: directory } });
      await run('rerunInTerminal', key);
      assert.doesNotMatch(made[0]?.options.name ?? '', /\$\(/);
    });

    for (const command of [
      'echo a\nrm b',
      'echo a\rrm b',
      'echo \x03',
      'a\u2028b',
      'echo \u202eabc',
    ]) {
      it(`never types ${JSON.stringify(command)}`, async () => {
        const made = terminals();
        const shown = messages();
        const { key } = await task({ record: { command, workdir: directory } });
        await run('rerunInTerminal', key);
        assert.deepEqual(
          made.flatMap(({ typed }) => typed),
          [],
        );
        assert.equal(await vscode.env.clipboard.readText(), command);
        assert.match(shown.join(), /clipboard/);
      });
    }

    it('is refused in a workspace that is not trusted', async () => {
      const made = terminals();
      const shown = messages();
      const before = Object.getOwnPropertyDescriptor(vscode.workspace, 'isTrusted')!;
      Object.defineProperty(vscode.workspace, 'isTrusted', { value: false, configurable: true });
      restore.push(() => Object.defineProperty(vscode.workspace, 'isTrusted', before));
      const { key } = await task({ record: { command: 'ls', workdir: directory } });
      await run('rerunInTerminal', key);
      assert.deepEqual(made, []);
      assert.match(shown.join(), /not trusted/);
    });

    it('says so where the directory is not there any more', async () => {
      const made = terminals();
      const shown = messages();
      const { key } = await task({ record: { command: 'ls', workdir: join(directory, 'gone') } });
      await run('rerunInTerminal', key);
      assert.deepEqual(made, []);
      assert.match(shown.join(), /not there any more/);
    });
  });
});

/** A file system of files without directories, that can't write a part of one. */
function memoryFiles(files: Map<string, string>): vscode.FileSystemProvider {
  const read = (uri: vscode.Uri): string => {
    const text = files.get(uri.path);
    if (text === undefined) throw vscode.FileSystemError.FileNotFound(uri);
    return text;
  };
  const refuse = (): never => {
    throw vscode.FileSystemError.NoPermissions();
  };
  return {
    onDidChangeFile: new vscode.EventEmitter<vscode.FileChangeEvent[]>().event,
    watch: () => new vscode.Disposable(() => undefined),
    stat: (uri) =>
      uri.path === '/'
        ? { type: vscode.FileType.Directory, ctime: 0, mtime: 0, size: 0 }
        : { type: vscode.FileType.File, ctime: 0, mtime: 0, size: read(uri).length },
    readFile: (uri) => Buffer.from(read(uri)),
    writeFile: (uri, content) => void files.set(uri.path, Buffer.from(content).toString()),
    delete: (uri) => void files.delete(uri.path),
    rename: (from, to) => {
      files.set(to.path, read(from));
      files.delete(from.path);
    },
    readDirectory: refuse,
    createDirectory: refuse,
  };
}
