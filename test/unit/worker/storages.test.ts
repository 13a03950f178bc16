import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskChanges } from '../../../src/store/task.ts';
import { Storages } from '../../../src/worker/storages.ts';
import { writeTaskFixture } from '../../support/taskFixture.ts';

const workerScript = join(import.meta.dirname, '../../../src/worker/main.ts');

describe('storages in their threads', () => {
  let directory: string;
  let paths: string[];
  let script: string;
  let storages: Storages;
  const logged: string[] = [];

  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'aft-storages-')));
    const storage = join(directory, 'storage');
    mkdirSync(storage);
    paths = [storage];
    script = workerScript;
    logged.length = 0;
    storages = new Storages({
      candidates: () => paths.map((path) => ({ path, origin: 'test', legacy: false })),
      get workerScript() {
        return script;
      },
      journalDirectory: join(directory, 'journal'),
      keepHours: () => 0,
      log: (level, message) => {
        logged.push(`${level}: ${message}`);
      },
    });
  });

  afterEach(async () => {
    await storages.dispose();
    rmSync(directory, { recursive: true, force: true });
  });

  async function nextChange(): Promise<TaskChanges> {
    return await new Promise((resolve) => {
      const stop = storages.index.onDidChange((changes) => {
        stop();
        resolve(changes);
      });
    });
  }

  it('hand over what is there, then what comes', async () => {
    const first = writeTaskFixture({ storage: paths[0]! });
    await storages.start();
    assert.deepEqual(
      storages.index.tasks().map(({ key }) => key),
      [first.key],
    );
    const change = nextChange();
    const second = writeTaskFixture({ storage: paths[0]! });
    assert.deepEqual(
      (await change).added.map(({ key }) => key),
      [second.key],
    );
  });

  it('are ready at once where there are none', async () => {
    paths = [join(directory, 'missing')];
    await storages.start();
    assert.equal(storages.state.ready, true);
    assert.deepEqual(storages.storages, []);
    assert.deepEqual(
      storages.places.map(({ storage }) => storage),
      [undefined],
    );
  });

  it('have a problem, told once in the log, where a place can’t be looked at', async () => {
    const loop = join(directory, 'loop');
    symlinkSync(loop, loop);
    paths = [loop];
    await storages.start();
    await storages.refresh();
    assert.match(storages.state.problem ?? '', /loop can't be looked at: /);
    assert.equal(logged.filter((line) => line.includes("loop can't be looked at")).length, 1);
  });

  it('take their tasks along when they are shown no more', async () => {
    const other = join(directory, 'other');
    mkdirSync(other);
    paths.push(other);
    const kept = writeTaskFixture({ storage: paths[0]! });
    writeTaskFixture({ storage: other });
    await storages.start();
    assert.equal(storages.index.tasks().length, 2);
    paths.pop();
    await storages.refresh();
    assert.deepEqual(
      storages.index.tasks().map(({ key }) => key),
      [kept.key],
    );
  });

  it('end what they render for a view that is closed, and the calls that wait for it', async () => {
    // Each clears a screen of 500 × 200 cells: minutes of work.
    const { key } = writeTaskFixture({
      storage: paths[0]!,
      record: { mode: 'pty', ptyCols: 500, ptyRows: 200 },
      pty: '\x1b[2J'.repeat(1_000_000),
    });
    await storages.start();
    const calls = storages.callsFor(key)!;
    const window = { size: 8 * 1024 * 1024, limit: 16 * 1024 * 1024 };
    for (const view of [1, 2]) {
      const opening = calls.openOutput(view, key, 'pty', window);
      const reading = calls.readOutput(view, 0);
      const widening = calls.loadEarlier(view);
      // The first is being rendered by then; the second is closed before it is open.
      if (view === 1) for (let asked = 0; asked < 20; asked++) await calls.trash();
      void calls.closeOutput(view);
      await assert.rejects(opening, /aborted/);
      assert.equal(await reading, undefined);
      assert.equal(await widening, undefined);
    }
    for (const view of [3, 4]) {
      const reading = calls.readExcerpt(view, key, 'pty', { start: 400_000, end: 400_001 });
      if (view === 3) for (let asked = 0; asked < 20; asked++) await calls.trash();
      void calls.closeOutput(view);
      await assert.rejects(reading, /aborted/);
    }
  });

  it('find a place in a capture, and show what is around it as the task’s terminal did', async () => {
    const { key } = writeTaskFixture({
      storage: paths[0]!,
      record: { mode: 'pty', ptyCols: 10, ptyRows: 4 },
      pty: 'twelve chars\x1b[2;1H\x1b[31mneedle\r\n',
    });
    await storages.start();
    const calls = storages.callsFor(key)!;
    const place = await calls.findPlace(key, 'pty', 0, 'needle');
    const { text, spans, excerpt } = await calls.readExcerpt(1, key, 'pty', place);
    assert.equal(text, 'twelve chaneedle\n');
    assert.equal(spans.styles[0]?.foreground, 1);
    assert.deepEqual(excerpt, { line: 0, restBytes: 0 });
    await assert.rejects(calls.readExcerpt(2, key, 'stdout', place), /There is no .*stdout/);
    await assert.rejects(async () => await calls.findPlace(key, 'stdout', 0, 'x'));
  });

  it('whose thread dies are dropped, with a line in the log, and read again at the next refresh', async () => {
    script = join(directory, 'dies.mjs');
    writeFileSync(script, 'throw new Error("no thread");');
    const { key } = writeTaskFixture({ storage: paths[0]! });
    await storages.start();
    assert.deepEqual(storages.storages, []);
    assert.ok(logged.some((line) => line.startsWith('error:') && line.includes('no thread')));
    script = workerScript;
    await storages.refresh();
    await storages.settled();
    assert.ok(storages.index.get(key));
  });

  it('delete, deliver and measure in their thread', async () => {
    const task = writeTaskFixture({ storage: paths[0]!, stdout: 'out' });
    await storages.start();
    const calls = storages.callsFor(task.key)!;
    const size = await calls.bundleSize(task.key);
    assert.equal(size.files, 4);
    const delivered = nextChange();
    assert.equal((await calls.markDelivered(task.key)).done, true);
    assert.equal((await delivered).changed[0]?.delivered, true);
    const removed = nextChange();
    assert.equal((await calls.deleteBundle(task.key)).done, true);
    assert.equal((await removed).removed[0]?.key, task.key);
    assert.equal(existsSync(task.paths.json), false);
    assert.equal((await calls.deleteBundle(task.key)).reason, 'not-found');
  });

  it('answer with the last lines of each stream, and of a terminal with those that it shows', async () => {
    const storage = paths[0]!;
    const stderr = 'err\n'.repeat(20);
    const pipes = writeTaskFixture({ storage, stdout: 'one\ntwo\nthree\n', stderr });
    const quiet = writeTaskFixture({ storage, taskId: 'bash-00000002', stderr });
    const pty = writeTaskFixture({
      storage,
      taskId: 'bash-00000003',
      record: { mode: 'pty', ptyCols: 20, ptyRows: 4 },
      pty: 'old\r\n\x1b[2J\x1b[1;1Htitle\x1b[3;1Hrow\x1b[1;1HTITLE',
    });
    await storages.start();
    const linesOf = async (key: string) => await storages.callsFor(key)!.lastLines(key, 4);
    assert.deepEqual(await linesOf(pipes.key), [
      ...['=== stdout ===', 'two', 'three'],
      ...['=== stderr ===', 'err', 'err'],
    ]);
    assert.deepEqual(await linesOf(quiet.key), ['err', 'err', 'err', 'err']);
    assert.deepEqual((await linesOf(pty.key)).slice(-2), ['TITLE', 'row']);
  });

  it('finish a kill that is under way before they go', async () => {
    const child = spawn('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exited = once(child, 'exit');
    try {
      await once(child.stdout, 'data');
      const task = writeTaskFixture({
        storage: paths[0]!,
        record: {
          status: 'running',
          startedAt: Date.now(),
          finishedAt: undefined,
          exitCode: undefined,
          childPid: child.pid,
          pgid: child.pid,
        },
      });
      await storages.start();
      const started = new Promise<void>((resolve) => {
        storages.onStep(() => {
          resolve();
        });
      });
      // Whether the end is recorded too depends on how long VS Code waits; the processes must end.
      const outcome = storages.callsFor(task.key)!.kill(task.key);
      const settled = Promise.allSettled([outcome]);
      await started;
      await storages.dispose();
      const [, signal] = (await exited) as [unknown, NodeJS.Signals];
      assert.equal(signal, 'SIGKILL');
      await settled;
    } finally {
      child.kill('SIGKILL');
    }
  });
});
