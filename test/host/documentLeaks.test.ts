import * as assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { OutputDocument } from '../../src/documents/outputDocument.ts';
import { ReplayTerminals } from '../../src/documents/replayTerminals.ts';
import { Settings } from '../../src/vscode/settings.ts';
import { outputUri, withForm } from '../../src/vscode/uris.ts';
import type { Storages } from '../../src/worker/storages.ts';
import { writeTaskFixture } from '../support/taskFixture.ts';
import { held, running, showStorage, storagesAt, taskWhere, until, type Held } from './fixture.ts';

const cycles = 100;
/** In the captures: red, an RGB colour, and bold green. */
const styles = 3;

describe('a hundred times opened and closed, an output document', () => {
  let storage: Awaited<ReturnType<typeof showStorage>>;
  let made: Made;

  beforeEach(async () => {
    storage = await showStorage();
    made = countMade();
  });

  afterEach(async () => {
    made.restore();
    await storage.remove();
  });

  it('leaves no document, listener, timer, file or decoration type behind', async function () {
    this.timeout(180_000);
    const task = writeTaskFixture({
      storage: storage.directory,
      record: running,
      stdout: '\x1b[31mred\x1b[0m \x1b[38;2;1;2;3mrgb\x1b[0m\n'.repeat(5),
      stderr: '\x1b[1;32mgreen\x1b[0m\n',
    });
    await taskWhere(task.key);
    const uri = outputUri(task.key, 'output');
    // Decoration types are kept for the next document: each style has to have been on screen once.
    await openAndClose(uri, async () => {
      while ((await held()).colors.decorationTypes < styles) await moment();
    });
    for (let cycle = 0; cycle < 5; cycle += 1) await openAndClose(uri);
    // What there was before, such as the documents of other tests, is none of these cycles'.
    const before = await quiet();
    const madeBefore = made.alive();
    const filesBefore = openFiles(storage.directory);
    for (let cycle = 1; cycle < cycles; cycle += 1) await openAndClose(uri);
    assert.deepEqual(await quiet(), before);
    assert.deepEqual(made.alive(), madeBefore);
    assert.deepEqual(openFiles(storage.directory), filesBefore);
  });
});

describe('a hundred times opened and closed, a terminal that shows a task', () => {
  it('leaves no view, text, listener, timer or file behind', async function () {
    this.timeout(180_000);
    await using scope = new AsyncDisposableStack();
    const { directory, key, storages, views, settings } = await ownStorage(scope, {
      record: running,
      stdout: 'a.ts\n2:x\n',
      stderr: 'y\n',
    });
    const terminals = scope.adopt(new ReplayTerminals(storages, settings, () => ''), (own) => {
      own.dispose();
    });
    const made = countMade();
    scope.defer(made.restore);
    const cycle = async (isAsked: boolean): Promise<void> => {
      const before = vscode.window.terminals.length;
      terminals.show(storages.index.get(key)!);
      const terminal = await until(
        () => vscode.window.terminals[before],
        vscode.window.onDidOpenTerminal,
      );
      const asking = terminals.provideTerminalLinks({ line: '2:x', terminal });
      // The other ones are closed while their links are being looked for.
      if (isAsked) assert.equal((await asking).length, 1);
      terminal.dispose();
      await until(
        () => (vscode.window.terminals.includes(terminal) ? undefined : true),
        vscode.window.onDidCloseTerminal,
      );
      await asking;
    };
    await cycle(true);
    const alive = made.alive();
    for (let count = 1; count < cycles; count += 1) await cycle(count % 2 === 0);
    // Two of the replay and two of its links in every other cycle, at the least.
    assert.ok(views.opened() >= 2 * cycles, String(views.opened()));
    const deadline = Date.now() + 10_000;
    while (views.open() > 0 && Date.now() < deadline) await moment();
    assert.equal(views.open(), 0);
    assert.deepEqual(terminals.held, { terminals: 0, timers: 0, texts: 0 });
    assert.deepEqual(made.alive(), alive);
    assert.deepEqual(openFiles(directory), []);
  });
});

describe('output documents of a storage that are opened and closed', () => {
  it('leave no view behind in its thread', async function () {
    this.timeout(60_000);
    await using scope = new AsyncDisposableStack();
    const { key, taskId, storages, views, settings } = await ownStorage(scope, {
      stdout: 'x\n',
      stderr: 'y\n',
    });
    const target = { key, taskId, stream: 'output' } as const;
    for (let count = 0; count < cycles; count += 1) {
      const document = new OutputDocument(target, storages, settings);
      const reading = document.read();
      if (count % 2 === 0) await reading;
      document.close();
      await reading.catch(() => undefined);
    }
    assert.ok(views.opened() >= cycles, String(views.opened()));
    assert.equal(views.open(), 0);
  });
});

describe('an output document whose tab is closed while it is being opened', () => {
  it('is forgotten, and read no further', async function () {
    this.timeout(60_000);
    const storage = await showStorage();
    try {
      // Each clears a screen of 500 × 200 cells: minutes of work.
      const task = writeTaskFixture({
        storage: storage.directory,
        record: { mode: 'pty', ptyCols: 500, ptyRows: 200 },
        pty: '\x1b[2J'.repeat(200_000),
      });
      await taskWhere(task.key);
      const before = (await held()).documents.documents;
      void vscode.commands.executeCommand('vscode.open', outputUri(task.key, 'output'));
      await heldDocuments(before + 1);
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
      await heldDocuments(before);
    } finally {
      await storage.remove();
    }
  });
});

describe('output documents that no tab shows', function () {
  this.timeout(60_000);
  let storage: Awaited<ReturnType<typeof showStorage>>;
  let keys: string[];

  beforeEach(async () => {
    storage = await showStorage();
    const tasks = [1, 2].map((run) =>
      writeTaskFixture({
        storage: storage.directory,
        record: { ...running, startedAt: running.startedAt + run },
        stdout: `run ${run} took 12 ms\n`,
      }),
    );
    for (const { key } of tasks) await taskWhere(key);
    keys = tasks.map(({ key }) => key);
    await letGo();
  });

  afterEach(() => storage.remove());

  it('are forgotten with the documents that VS Code keeps for extensions for a while', async () => {
    for (const key of keys) await vscode.workspace.openTextDocument(outputUri(key, 'output'));
    assert.equal((await held()).documents.documents, keys.length);
    await letGo();
  });

  it('are forgotten when the comparison without times that they are read for is closed', async () => {
    const text = await compare((uri) => withForm(uri, { kind: 'normalised' }));
    assert.equal(text, 'run 2 took <duration>\n');
    await closed();
  });

  it('are forgotten when their comparison is closed', async () => {
    assert.equal(await compare((uri) => uri), 'run 2 took 12 ms\n');
    await closed();
  });

  async function closed(): Promise<void> {
    assert.equal((await held()).documents.documents, keys.length);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await heldDocuments(0);
    assert.equal((await held()).documents.timers, 0);
  }

  /**
   * Has VS Code close what extensions have opened, of which it keeps each for three minutes, and some
   * fifty in all; resolves when no output document is held.
   */
  async function letGo(): Promise<void> {
    for (let file = 0; file < 120; file += 1) {
      const path = join(storage.directory, `${file}.txt`);
      writeFileSync(path, '');
      await vscode.workspace.openTextDocument(path);
    }
    await heldDocuments(0);
  }

  /** The text on the right of the comparison of both tasks. */
  async function compare(form: (uri: vscode.Uri) => vscode.Uri): Promise<string> {
    const [left, right] = keys.map((key) => form(outputUri(key, 'output')));
    await vscode.commands.executeCommand('vscode.diff', left, right, 'Comparison');
    const shown = await until(
      () =>
        vscode.window.visibleTextEditors.find(
          ({ document }) => document.uri.toString() === right?.toString(),
        ),
      vscode.window.onDidChangeVisibleTextEditors,
    );
    return shown.document.getText();
  }
});

async function heldDocuments(count: number): Promise<void> {
  while ((await held()).documents.documents !== count) {
    await moment();
  }
}

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}

async function openAndClose(
  uri: vscode.Uri,
  whileOpen: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  // By the command: a document that the API opens is kept open for minutes.
  await vscode.commands.executeCommand('vscode.open', uri, { preview: false });
  const document = await until(
    () => vscode.window.activeTextEditor?.document,
    vscode.window.onDidChangeActiveTextEditor,
  );
  await whileOpen();
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  // VS Code keeps a document for a while after its last editor has closed.
  await until(
    () => (document.isClosed ? true : undefined),
    vscode.workspace.onDidCloseTextDocument,
  );
}

/** What is held once the timers that end by themselves have ended: they wait for a second at most. */
async function quiet(): Promise<Held> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const now = await held();
    const isQuiet = now.colors.timers + now.lenses.timers + now.documents.timers === 0;
    if (isQuiet || Date.now() > deadline) return now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Files of a storage that this process has open: its storages' threads are part of it. */
function openFiles(directory: string): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(directory) ? [target] : [];
    } catch {
      // The one that reads the directory has gone with it.
      return [];
    }
  });
}

/** A storage with one task, read by storages of the test's own whose views are counted, until the scope ends. */
async function ownStorage(
  scope: AsyncDisposableStack,
  task: Omit<Parameters<typeof writeTaskFixture>[0], 'storage'>,
): Promise<{
  directory: string;
  key: string;
  taskId: string;
  storages: Storages;
  views: ReturnType<typeof countViews>;
  settings: Settings;
}> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'aft-leaks-')));
  scope.defer(() => {
    rmSync(directory, { recursive: true });
  });
  const { key, taskId } = writeTaskFixture({ storage: directory, ...task });
  const storages = storagesAt(directory);
  scope.defer(() => storages.dispose());
  await storages.start();
  const views = countViews(storages);
  const settings = scope.adopt(new Settings(), (own) => {
    own.dispose();
  });
  return { directory, key, taskId, storages, views, settings };
}

/** Counts the views of captures that are opened in storages' threads, and those that are not closed. */
function countViews(storages: Storages): { opened: () => number; open: () => number } {
  const open = new Set<number>();
  let opened = 0;
  const note = (name: 'openOutput' | 'openReplay' | 'closeOutput', view: number): void => {
    if (name === 'closeOutput') {
      open.delete(view);
    } else {
      opened += 1;
      open.add(view);
    }
  };
  const callsFor = storages.callsFor.bind(storages);
  storages.callsFor = (key) => {
    const calls = callsFor(key);
    if (calls === undefined) return undefined;
    return new Proxy(calls, {
      get: (_, name) => {
        const call = Reflect.get(calls, name) as (view: number, ...rest: unknown[]) => unknown;
        if (name !== 'openOutput' && name !== 'openReplay' && name !== 'closeOutput') return call;
        return (view: number, ...rest: unknown[]) => {
          note(name, view);
          return call(view, ...rest);
        };
      },
    });
  };
  return { opened: () => opened, open: () => open.size };
}

/** What was made over the API since, and not disposed. */
interface Made {
  /** How many, by the function that made them. */
  readonly alive: () => Readonly<Record<string, number>>;
  readonly restore: () => void;
}

/** Counts the listeners, decoration types and providers that the extension makes and disposes. */
function countMade(): Made {
  const counts = new Map<string, number>();
  const restore: (() => void)[] = [];
  for (const room of ['window', 'workspace', 'languages', 'commands'] as const) {
    const functions = vscode[room] as unknown as Record<string, unknown>;
    for (const [name, { value: make, writable }] of Object.entries(
      Object.getOwnPropertyDescriptors(functions),
    )) {
      if (typeof make !== 'function' || writable !== true) continue;
      // A terminal has to be the one that the API has in its list.
      if (!/^(?:on|register|create)[A-Z]/.test(name) || name === 'createTerminal') continue;
      const key = `${room}.${name}`;
      functions[name] = (...args: unknown[]): unknown => {
        const disposable = (make as (...args: unknown[]) => vscode.Disposable)(...args);
        counts.set(key, (counts.get(key) ?? 0) + 1);
        let isDisposed = false;
        const dispose = (): void => {
          if (!isDisposed) counts.set(key, (counts.get(key) ?? 0) - 1);
          isDisposed = true;
          disposable.dispose();
        };
        // What is handed over must do for the API: some of it is frozen.
        return Object.create(disposable, { dispose: { value: dispose } }) as vscode.Disposable;
      };
      restore.push(() => {
        functions[name] = make;
      });
    }
  }
  return {
    alive: () => Object.fromEntries([...counts].filter(([, count]) => count !== 0)),
    restore: () => {
      for (const undo of restore) undo();
    },
  };
}
