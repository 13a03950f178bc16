import * as assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import * as vscode from 'vscode';
import { ReplayTerminal } from '../../src/documents/replayTerminal.ts';
import { updateTask } from '../../src/persistence/taskFile.ts';
import type { Storages } from '../../src/worker/storages.ts';
import { writeTaskFixture, type FixtureTask } from '../support/taskFixture.ts';
import {
  held,
  running,
  setSetting,
  showStorage,
  storagesAt,
  taskGone,
  taskWhere,
  until,
} from './fixture.ts';

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
      () => [vscode.window.activeTerminal].find(isReplay),
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
    assert.equal(vscode.window.terminals.filter(isReplay).length, 1);
  });

  it('opens another one where the first could not go on', async () => {
    const task = writeTaskFixture({ storage: storage.directory, record: running, stdout: 'out\n' });
    await taskWhere(task.key);
    const first = await open(task.key);
    await setSetting('storageDirectories', []);
    await taskGone(task.key);
    while ((await held()).terminals.timers > 0) await new Promise((done) => setTimeout(done, 20));
    await setSetting('storageDirectories', [storage.directory]);
    await taskWhere(task.key);
    await vscode.commands.executeCommand('aftTasks.openInTerminal', task.key);
    await until(
      () => vscode.window.terminals.find((found) => isReplay(found) && found !== first),
      vscode.window.onDidOpenTerminal,
    );
    await until(
      () => (vscode.window.terminals.includes(first) ? undefined : true),
      vscode.window.onDidCloseTerminal,
    );
    assert.equal((await held()).terminals.terminals, 1);
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
    assert.deepEqual(terminals, { terminals: 0, timers: 0, texts: 0 });
    // The task itself goes on.
    assert.equal((await taskWhere(task.key)).status, 'running');
  });
});

/** VS Code may open a shell of its own when its panel is shown for the first time. */
function isReplay(terminal: vscode.Terminal | undefined): boolean {
  return terminal !== undefined && 'pty' in terminal.creationOptions;
}

describe('a replay', () => {
  const scope = new AsyncDisposableStack();
  let storage: string;
  let storages: Storages;
  let isShown = true;

  before(async () => {
    storage = realpathSync(mkdtempSync(join(tmpdir(), 'aft-replay-')));
    scope.defer(() => {
      rmSync(storage, { recursive: true });
    });
    storages = storagesAt(storage, 0, () => isShown);
    scope.defer(() => storages.dispose());
    await storages.start();
  });

  after(async () => {
    await scope.disposeAsync();
  });

  /** What a terminal gets of a task's captures; `shows` resolves when that has a text. */
  async function replay(task: FixtureTask, isOpen = true) {
    await storages.refresh();
    const terminal = new ReplayTerminal(task.key, storages, ({ status }) => status ?? '');
    const got = { text: '', size: undefined as vscode.TerminalDimensions | undefined };
    terminal.onDidWrite((text) => (got.text += text));
    terminal.onDidOverrideDimensions((size) => (got.size = size));
    if (isOpen) terminal.open();
    async function shows(text: string): Promise<void> {
      await until(() => (got.text.includes(text) ? true : undefined), terminal.onDidWrite);
    }
    return { terminal, got, shows };
  }

  it('tells a storage that is not shown any more from a deletion', async () => {
    const task = writeTaskFixture({ storage, record: running, stdout: 'out 0\n' });
    const { terminal, got, shows } = await replay(task);
    try {
      await shows('out 0');
      isShown = false;
      await storages.refresh();
      await shows(']');
      await until(() => (terminal.isFollowing ? undefined : true), terminal.onDidWrite);
      assert.match(plain(got.text), /^out 0\n\n\[The storage of this task is not shown any more/);
      assert.ok(!terminal.canGoOn);
    } finally {
      terminal.dispose();
      isShown = true;
      await storages.refresh();
    }
  });

  it('tells a deletion', async () => {
    const task = writeTaskFixture({ storage, record: running, stdout: 'out 0\n' });
    const { terminal, got, shows } = await replay(task);
    try {
      await shows('out 0');
      assert.ok(terminal.canGoOn);
      rmSync(join(task.paths.sessionDir, task.taskId), { recursive: true });
      await storages.refresh();
      await shows(']');
      assert.equal(plain(got.text), 'out 0\n\n[The task was deleted]\n');
      assert.ok(!terminal.canGoOn);
    } finally {
      terminal.dispose();
    }
  });

  /** What a terminal shows of it. */
  const plain = (text: string): string =>
    stripVTControlCharacters(text.replaceAll('\x1b[!p', '')).replaceAll('\r\n', '\n');

  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, index) => `line ${from + index}\r\n`).join('');

  it('goes on when its capture is replaced by its own tail', async () => {
    const task = writeTaskFixture({
      storage,
      record: { ...running, mode: 'pty', ptyRows: 30, ptyCols: 100 },
      pty: lines(0, 50),
    });
    const { terminal, got, shows } = await replay(task);
    try {
      await shows('line 49\r\n');
      assert.deepEqual(got.size, { columns: 100, rows: 30 });
      got.text = '';
      writeFileSync(`${task.paths.pty}.tail`, lines(40, 50));
      renameSync(`${task.paths.pty}.tail`, task.paths.pty);
      await shows('line 49\r\n');
      // All that was shown before is erased, and the scrollback with it.
      assert.ok(
        got.text.endsWith(`\x1b[H\x1b[2J\x1b[3J${lines(40, 50)}`),
        JSON.stringify(got.text),
      );
      got.text = '';
      appendFileSync(task.paths.pty, 'line 50\x1b[6n\x1b]0;title\x07 end\r\n');
      await shows('end');
      assert.equal(got.text, 'line 50 end\r\n');
    } finally {
      terminal.dispose();
    }
  });

  it('begins at a line of a capture that is too long for it, and says so', async () => {
    const long = (end: string): string =>
      `${'x'.repeat(1022)}${end}`.repeat(3 * 1024) + `end${end}`;
    const pty = { ...running, mode: 'pty', ptyRows: 30, ptyCols: 100 } as const;
    for (const fixture of [
      { record: pty, pty: long('\r\n') },
      { record: running, stdout: long('\n'), stderr: '' },
    ]) {
      const { terminal, got, shows } = await replay(writeTaskFixture({ storage, ...fixture }));
      try {
        await shows('end\r\n');
        const isWhole = /^\[(?:1 MB|1,021 KB) before this are not shown\]\n(?:x{1022}\n)+end\n$/;
        const shown = plain(got.text);
        assert.ok(isWhole.test(shown), `${shown.slice(0, 200)} … ${shown.slice(-20)}`);
      } finally {
        terminal.dispose();
      }
    }
  });

  it('takes the size that the record says by now', async () => {
    const task = writeTaskFixture({
      storage,
      record: { ...running, mode: 'pty', ptyRows: 30, ptyCols: 100 },
      pty: 'start',
    });
    const { terminal, got, shows } = await replay(task);
    try {
      await shows('start');
      updateTask(task.paths, (record) => ({ ...record, ptyRows: 40, ptyCols: 120 }));
      await until(
        () => (got.size?.rows === 40 ? true : undefined),
        terminal.onDidOverrideDimensions,
      );
      assert.deepEqual(got.size, { columns: 120, rows: 40 });
    } finally {
      terminal.dispose();
    }
  });

  it('names the stream that goes on, which takes nothing of the other one', async () => {
    const task = writeTaskFixture({
      storage,
      record: running,
      stdout: 'out 0\n',
      stderr: 'err 0 \x1b[31mred',
    });
    const { terminal, got, shows } = await replay(task);
    try {
      await shows('red');
      assert.equal(plain(got.text), '=== stdout ===\nout 0\n=== stderr ===\nerr 0 red');
      got.text = '';
      appendFileSync(task.paths.stdout, '\x1b[32mout 1\n\x1b[0m');
      await shows('out 1');
      assert.ok(got.text.startsWith('\x1b]8;;\x1b\\\x1b[!p\r\n'), JSON.stringify(got.text));
      assert.equal(plain(got.text), '\n=== stdout ===\nout 1\n');
      got.text = '';
      appendFileSync(task.paths.stdout, 'out 2\n\x1b[0m');
      await shows('out 2');
      assert.equal(plain(got.text), 'out 2\n');
      got.text = '';
      // Its line has ended, whatever colours come after that.
      appendFileSync(task.paths.stderr, 'err 1\n');
      await shows('err 1');
      assert.equal(plain(got.text), '=== stderr ===\nerr 1\n');
    } finally {
      terminal.dispose();
    }
  });

  it('keeps the colours of each stream apart, and goes on with them', async () => {
    const task = writeTaskFixture({
      storage,
      record: running,
      stdout: '\x1b[1;38;5;208mout 0\n',
      stderr: '\x1b[31m\x1b]8;;https://a.example/\x07err 0\n',
    });
    const { terminal, got, shows } = await replay(task);
    const heading = (stream: string): string =>
      `\x1b]8;;\x1b\\\x1b[!p\x1b[0;2m=== ${stream} ===\x1b[0m\r\n`;
    try {
      await shows('err 0');
      assert.equal(
        got.text,
        `${heading('stdout')}\x1b[1;38;5;208mout 0\r\n${heading('stderr')}` +
          '\x1b[31m\x1b]8;;https://a.example/\x1b\\err 0\r\n',
      );
      got.text = '';
      appendFileSync(task.paths.stdout, 'out 1\x1b[m\n');
      await shows('out 1\x1b[m\r\n');
      assert.equal(got.text, `${heading('stdout')}\x1b[1;38:5:208mout 1\x1b[m\r\n`);
      got.text = '';
      appendFileSync(task.paths.stderr, 'err 1\n');
      await shows('err 1\r\n');
      const link = '\x1b]8;;https://a.example/\x1b\\';
      assert.equal(got.text, `${heading('stderr')}\x1b[38:5:1m${link}err 1\r\n`);
      got.text = '';
      appendFileSync(task.paths.stdout, 'out 2\n');
      await shows('out 2\r\n');
      assert.equal(got.text, `${heading('stdout')}out 2\r\n`);
    } finally {
      terminal.dispose();
    }
  });

  it('shows nothing twice when one of two captures is replaced by its own tail', async () => {
    const task = writeTaskFixture({
      storage,
      record: running,
      stdout: plain(lines(0, 50)),
      stderr: 'err 0\n',
    });
    const { terminal, got, shows } = await replay(task);
    try {
      await shows('err 0\r\n');
      appendFileSync(task.paths.stdout, plain(lines(50, 60)));
      await shows('line 59\r\n');
      writeFileSync(`${task.paths.stdout}.tail`, plain(lines(40, 60)));
      renameSync(`${task.paths.stdout}.tail`, task.paths.stdout);
      await shows('\x1b[2J\x1b[3J');
      const ends = `=== stdout ===\n${plain(lines(40, 60))}=== stderr ===\nerr 0\n`;
      const shown = (): string => plain(got.text.slice(got.text.indexOf('\x1b[3J')));
      await shows('err 0\r\n');
      await until(() => (shown() === ends ? true : undefined), terminal.onDidWrite);
      appendFileSync(task.paths.stderr, 'err 1\n');
      await shows('err 1\r\n');
      appendFileSync(task.paths.stdout, 'line 60\n');
      await shows('line 60\r\n');
      assert.equal(shown(), `${ends}err 1\n=== stdout ===\nline 60\n`);
    } finally {
      terminal.dispose();
    }
  });

  it('goes on beside the other stream where it was too slow, and says so', async () => {
    const task = writeTaskFixture({
      storage,
      record: running,
      stdout: 'out 0\n',
      stderr: 'err 0\n',
    });
    const { terminal, got, shows } = await replay(task);
    try {
      await shows('err 0\r\n');
      // In one step: what comes in several may be read in between.
      truncateSync(task.paths.stdout, 3 * 1024 * 1024);
      appendFileSync(task.paths.stdout, 'end\n');
      await shows('end\r\n');
      assert.match(
        plain(got.text),
        /^=== stdout ===\nout 0\n=== stderr ===\nerr 0\n=== stdout ===\n\[1 MB before this are not shown\]\nend/,
      );
    } finally {
      terminal.dispose();
    }
  });

  it('takes no input: what is sent is neither shown nor reaches the task', async () => {
    // What it is sent, the task would write.
    const echo = spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] });
    const task = writeTaskFixture({
      storage,
      record: { ...running, mode: 'pty', ptyRows: 30, ptyCols: 100, childPid: echo.pid! },
      pty: 'out 0\r\n',
    });
    echo.stdout.on('data', (bytes: Buffer) => {
      appendFileSync(task.paths.pty, bytes);
    });
    const { terminal: replayed, got } = await replay(task, false);
    const pty: vscode.Pseudoterminal = replayed;
    const inputs: string[] = [];
    const sent = new vscode.EventEmitter<void>();
    const terminal = vscode.window.createTerminal({
      name: 'input',
      pty: {
        onDidWrite: pty.onDidWrite,
        open: () => {
          pty.open(undefined);
        },
        close: () => {
          pty.close();
        },
        handleInput: (input: string) => {
          pty.handleInput?.(input);
          inputs.push(input);
          sent.fire();
        },
      },
    });
    try {
      terminal.show();
      await until(() => (got.text.includes('out 0') ? true : undefined), pty.onDidWrite);
      terminal.sendText('rm -rf everything');
      terminal.sendText('\x03\x04', false);
      await until(() => (inputs.join('').includes('\x04') ? true : undefined), sent.event);
      assert.equal(inputs.join('').replace(/[\r\n]+/, '\n'), 'rm -rf everything\n\x03\x04');
      echo.stdin.end('the end');
      await until(() => (got.text.includes('the end') ? true : undefined), pty.onDidWrite);
      assert.equal(got.text, 'out 0\r\nthe end');
      assert.equal(readFileSync(task.paths.pty, 'utf8'), 'out 0\r\nthe end');
    } finally {
      echo.kill();
      terminal.dispose();
      replayed.dispose();
    }
  });

  it('names no stream before another one is written, too', async () => {
    const task = writeTaskFixture({ storage, record: running, stdout: 'out 0', stderr: '' });
    const { terminal, got, shows } = await replay(task);
    try {
      await shows('out 0');
      assert.equal(plain(got.text), 'out 0');
      appendFileSync(task.paths.stderr, 'err 0\n');
      await shows('err 0');
      assert.equal(plain(got.text), 'out 0\n=== stderr ===\nerr 0\n');
    } finally {
      terminal.dispose();
    }
  });

  it('filters a sequence that comes in two pieces', async () => {
    const task = writeTaskFixture({
      storage,
      record: { ...running, mode: 'pty', ptyRows: 30, ptyCols: 100 },
      pty: 'start\x1b]0;tit',
    });
    const { terminal, got, shows } = await replay(task);
    try {
      await shows('start');
      appendFileSync(task.paths.pty, 'le\x07end');
      await shows('end');
      assert.equal(got.text, 'startend');
    } finally {
      terminal.dispose();
    }
  });
});
