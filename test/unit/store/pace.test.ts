import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ProcessTable } from '../../../src/process/processTable.ts';
import type { StoreParts } from '../../../src/store/store.ts';
import type { StoreWatcher, WatcherEvents } from '../../../src/store/watcher.ts';
import { writeTaskFixture } from '../../support/taskFixture.ts';
import { ManualClock } from './manualClock.ts';
import { openStore, temporaryDirectory, type OpenStore } from './openStore.ts';
import { rewrite } from './rewrite.ts';

const pid = 4242;

/** A process table with one process, which can be ended. */
class OneProcess implements ProcessTable {
  readonly hasGroups = true;
  readonly startedAt: number;
  lives = true;
  looks = 0;

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  snapshot(pids: Iterable<number>, pgids: Iterable<number>): ReturnType<ProcessTable['snapshot']> {
    this.looks += 1;
    const process = {
      pid,
      ppid: 1,
      pgid: pid,
      sid: pid,
      uid: globalThis.process.getuid?.(),
      zombie: false,
      startedAt: this.startedAt,
      startPrecisionMs: 10,
    };
    return {
      processes: new Map(
        [...pids].map((number) => [
          number,
          number === pid && this.lives ? { state: 'found', process } : { state: 'gone' },
        ]),
      ),
      groups: new Map([...pgids].map((number) => [number, { state: 'listed', members: [] }])),
    };
  }

  lineage(): [] {
    return [];
  }

  signalProcess(): 'forbidden' {
    return 'forbidden';
  }

  signalGroup(): 'forbidden' {
    return 'forbidden';
  }
}

/** A watcher that the test speaks for. */
class SpokenFor implements StoreWatcher {
  readonly watched = new Set<string>();
  readonly events: WatcherEvents;
  disposed = false;

  constructor(events: WatcherEvents) {
    this.events = events;
  }

  watch(directory: string): void {
    this.watched.add(directory);
  }

  unwatch(directory: string): void {
    this.watched.delete(directory);
  }

  dispose(): Promise<void> {
    this.disposed = true;
    return Promise.resolve();
  }
}

describe('the pace of a store', () => {
  let scope: AsyncDisposableStack;
  let storage: string;
  let clock: ManualClock;
  let processes: OneProcess;
  let watchers: SpokenFor[];
  let parts: StoreParts;
  beforeEach(() => {
    scope = new AsyncDisposableStack();
    storage = temporaryDirectory(scope);
    clock = new ManualClock();
    processes = new OneProcess(clock.now());
    watchers = [];
    parts = {
      clock,
      processes,
      createWatcher: (_root, events) => {
        const watcher = new SpokenFor(events);
        watchers.push(watcher);
        return watcher;
      },
    };
  });
  afterEach(() => scope.disposeAsync());

  async function opened(visible: boolean): Promise<OpenStore> {
    const open = openStore(scope, storage, parts);
    open.store.setVisible(visible);
    const read = open.store.refresh();
    await clock.advance(0);
    await read;
    return open;
  }

  function writeRunning(): ReturnType<typeof writeTaskFixture> {
    return writeTaskFixture({
      storage,
      record: {
        status: 'running',
        startedAt: clock.now(),
        finishedAt: undefined,
        childPid: pid,
        pgid: pid,
      },
    });
  }

  it('looks after running tasks every 3 s while visible, and takes a death for an orphan', async () => {
    const { taskId } = writeRunning();
    const { tasks } = await opened(true);
    assert.equal(tasks.get(taskId)?.liveness, 'alive');
    processes.lives = false;
    await clock.advance(2999);
    assert.equal(tasks.get(taskId)?.liveness, 'alive');
    // At first sight AFT may be about to record the end.
    await clock.advance(1);
    assert.equal(tasks.get(taskId)?.liveness, 'alive');
    await clock.advance(1500);
    assert.equal(tasks.get(taskId)?.liveness, 'orphaned');
  });

  it('takes no short task for an orphan while its end is about to be recorded', async () => {
    processes.lives = false;
    const { taskId, paths } = writeRunning();
    const { tasks, changes } = await opened(false);
    assert.equal(tasks.get(taskId)?.liveness, 'unknown');
    rewrite(paths.json, { status: 'completed', exit_code: 0, child_pid: null });
    await clock.advance(1500);
    assert.equal(tasks.get(taskId)?.liveness, 'ended');
    const told = changes.flatMap((change) => [...change.added, ...change.changed]);
    assert(!told.some(({ liveness }) => liveness === 'orphaned'));
  });

  it('takes a task whose process is gone for an orphan soon, also while hidden', async () => {
    processes.lives = false;
    const { taskId } = writeRunning();
    // The record's time is the system's.
    await clock.advance(500);
    const { tasks } = await opened(false);
    assert.equal(tasks.get(taskId)?.liveness, 'unknown');
    await clock.advance(1500);
    assert.equal(tasks.get(taskId)?.liveness, 'orphaned');
  });

  it('looks after running tasks every 30 s while hidden', async () => {
    writeRunning();
    await opened(false);
    const { looks } = processes;
    await clock.advance(29_000);
    assert.equal(processes.looks, looks);
    await clock.advance(1000);
    assert.notEqual(processes.looks, looks);
  });

  it('looks at the processes of a large storage at its beginning and end, not with every piece', async () => {
    for (let index = 0; index < 1500; index += 1) {
      const taskId = `bash-${index.toString(16).padStart(16, '0')}`;
      const path = join(storage, 'bash-tasks', '761e48ac259824c0', `${taskId}.json`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, recordOf(taskId, index % 2 === 0 ? 'running' : 'failed'));
    }
    const looksAtOne = 3;
    const { tasks, changes } = await opened(false);
    assert.equal(tasks.size, 1500);
    assert(changes.length >= 3);
    assert(processes.looks <= 2 * looksAtOne, `${processes.looks} looks`);
    const told = changes.flatMap(({ changed }) => changed);
    assert.deepEqual(told, [], 'each is told once, judged');
  });

  it('looks at once when it becomes visible', async () => {
    writeRunning();
    const { store } = await opened(false);
    const { looks } = processes;
    store.setVisible(true);
    await clock.advance(0);
    assert.notEqual(processes.looks, looks);
  });

  it('finds what no watch told every 60 s while visible', async () => {
    const { paths, taskId } = writeTaskFixture({ storage });
    const { tasks } = await opened(true);
    rewrite(paths.json, { completion_delivered: true });
    await clock.advance(59_000);
    assert.equal(tasks.get(taskId)?.delivered, false);
    await clock.advance(1000);
    assert.equal(tasks.get(taskId)?.delivered, true);
  });

  it('sets no timer where there is nothing to look after and nobody looks', async () => {
    writeTaskFixture({ storage });
    await opened(false);
    assert.equal(clock.pending, 0);
  });

  it('sets no timer after its end', async () => {
    writeRunning();
    const { store } = await opened(true);
    await store.dispose();
    await clock.advance(100_000);
    assert.equal(clock.pending, 0);
  });

  it('polls, and says so, when the watches run out; a refresh tries them again', async () => {
    const { paths, taskId } = writeTaskFixture({ storage });
    const { store, states, logs, tasks } = await opened(true);
    assert.equal(states.at(-1)?.watching, 'native');
    watchers[0]!.events.onError(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
    assert.equal(states.at(-1)?.watching, 'polling');
    assert(watchers[0]!.disposed);
    assert.match(logs.join('\n'), /warn: .*polled/);
    await clock.advance(0);
    rewrite(paths.json, { completion_delivered: true });
    await clock.advance(5000);
    assert.equal(tasks.get(taskId)?.delivered, true);
    store.setVisible(false);
    rmSync(paths.taskDir!, { recursive: true });
    await clock.advance(29_000);
    assert(tasks.has(taskId));
    await clock.advance(1000);
    assert(!tasks.has(taskId));
    const refreshed = store.refresh();
    await clock.advance(0);
    await refreshed;
    assert.equal(watchers.length, 2);
    assert.equal(states.at(-1)?.watching, 'native');
  });

  it('goes on watching where a single directory may not be watched', async () => {
    const { states } = { ...(await opened(true)) };
    watchers[0]!.events.onError(Object.assign(new Error('denied'), { code: 'EACCES' }));
    assert.equal(states.at(-1)?.watching, 'native');
  });

  it('reads a capture that is written to all the time twice a second', async () => {
    const { paths } = writeRunning();
    const { store, changes } = await opened(true);
    const told = changes.length;
    const [watcher] = watchers;
    for (let moment = 0; moment < 100; moment += 1) {
      writeTaskOutput(paths.stdout, moment);
      watcher!.events.onEvent(`${paths.taskDir!}/io`, 'stdout');
      await clock.advance(10);
    }
    assert(changes.length - told <= 3, `${changes.length - told} changes`);
    assert.equal(store.statistics.recordsRead, 1);
  });

  it('watches at most 512 tasks, running ones first', async () => {
    for (let index = 0; index < 520; index += 1) {
      const taskId = `bash-${index.toString(16).padStart(16, '0')}`;
      const taskDirectory = join(storage, 'bash-tasks', '761e48ac259824c0', taskId);
      mkdirSync(join(taskDirectory, 'control'), { recursive: true });
      writeFileSync(join(taskDirectory, 'control', 'metadata.json'), recordOf(taskId, 'failed'));
    }
    await opened(true);
    const count = (): number =>
      [...watchers[0]!.watched].filter((path) => path.endsWith('/io')).length;
    assert.equal(count(), 512);
    const { paths } = writeRunning();
    watchers[0]!.events.onEvent(storage, undefined);
    await clock.advance(100);
    assert.equal(count(), 512);
    assert(watchers[0]!.watched.has(join(paths.taskDir!, 'io')));
  });

  it('tells when it scans: at first and on a refresh, not when it reconciles', async () => {
    const { states } = await opened(true);
    assert.deepEqual(
      states.map(({ scanning, ready }) => [scanning, ready]),
      [
        [true, false],
        [true, false],
        [true, true],
        [false, true],
      ],
    );
    await clock.advance(120_000);
    assert.equal(states.length, 4);
  });
});

function writeTaskOutput(path: string, size: number): void {
  writeFileSync(path, 'x'.repeat(size));
}

function recordOf(taskId: string, status: string): string {
  return JSON.stringify({
    schema_version: 6,
    task_id: taskId,
    session_id: 'ses_alpha',
    command: 'true',
    workdir: '/tmp',
    status,
    started_at: 1,
    completion_delivered: false,
  });
}
