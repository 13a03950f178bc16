import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { storageId } from '../../src/store/discovery.ts';
import { Store } from '../../src/store/store.ts';
import { TaskIndex } from '../../src/store/taskIndex.ts';
import { median, row, type Row } from './row.ts';
import { makeStorage } from './storageFixture.ts';
import type { StoreMessage } from './storeThread.ts';

const taskCount = 10_000;
const rounds = 15;

/** The first scan of a large storage, and what it does to the thread that receives it. */
export async function benchScan(): Promise<Row[]> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'aft-bench-')));
  // The store's timers don't keep the process alive.
  const alive = setInterval(() => undefined, 1000);
  const fixture = makeStorage(root, taskCount);
  try {
    const floors: number[] = [];
    const scans: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      floors.push(readPlainly(root));
      scans.push(await scan(root));
    }
    const cold = `${Math.round(scans[0] ?? 0)} ms, floor ${Math.round(floors[0] ?? 0)} ms`;
    return [
      row(
        'first scan of 10,000 tasks, both layouts',
        median(scans),
        median(floors),
        'ms',
        `floor: one loop with the same system calls; median of ${rounds}; the first, not yet compiled: ${cold}`,
      ),
      ...(await longestStall(root)),
    ];
  } finally {
    clearInterval(alive);
    fixture.end();
    rmSync(root, { recursive: true, force: true });
  }
}

async function scan(directory: string): Promise<number> {
  let tasks = 0;
  const store = new Store(
    { id: storageId(directory), directory },
    {
      onChanges: (changes) => {
        tasks += changes.added.length;
      },
      onState: () => undefined,
      onLog: () => undefined,
    },
    // Watching begins after the scan.
    {
      createWatcher: () => ({
        watch: () => undefined,
        unwatch: () => undefined,
        dispose: () => Promise.resolve(),
      }),
    },
  );
  const began = performance.now();
  await store.refresh();
  const milliseconds = performance.now() - began;
  assert.equal(tasks, taskCount);
  await store.dispose();
  return milliseconds;
}

/** The floor: `readdir`, open without following links, `fstat`, read, parse, `lstat` of the captures. */
function readPlainly(root: string): number {
  let tasks = 0;
  const read = (path: string): void => {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const buffer = Buffer.allocUnsafe(fstatSync(descriptor).size);
    readSync(descriptor, buffer, 0, buffer.length, 0);
    closeSync(descriptor);
    JSON.parse(buffer.toString('utf8'));
    tasks += 1;
  };
  const began = performance.now();
  for (const harness of readdirSync(root)) {
    const tasksDirectory = join(root, harness, 'bash-tasks');
    for (const session of readdirSync(tasksDirectory)) {
      const directory = join(tasksDirectory, session);
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        const path = `${directory}/${entry.name}`;
        if (entry.isDirectory()) {
          // Nothing but a look at each directory on the way keeps an opening from following links.
          for (const step of [path, `${path}/control`, `${path}/io`]) lstatSync(step);
          read(`${path}/control/metadata.json`);
          for (const name of ['stdout', 'stderr']) lstatSync(`${path}/io/${name}`);
        } else if (entry.name.endsWith('.json')) {
          read(path);
          for (const name of ['stdout', 'stderr']) lstatSync(`${path.slice(0, -4)}${name}`);
        }
      }
    }
  }
  assert.equal(tasks, taskCount);
  return performance.now() - began;
}

/** How long the receiving thread is kept from anything else, at most, while a storage is scanned. */
async function longestStall(root: string): Promise<Row[]> {
  const idle = monitorEventLoopDelay({ resolution: 1 });
  idle.enable();
  await sleep(500);
  idle.disable();

  const index = new TaskIndex();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const thread = new Worker(new URL('storeThread.ts', import.meta.url), { workerData: root });
  const milliseconds = await new Promise<number>((resolve, reject) => {
    thread.on('error', reject);
    thread.on('message', (message: StoreMessage) => {
      if (message.kind === 'changes') index.apply(message.changes);
      if (message.kind === 'scanned') resolve(message.milliseconds);
    });
    delay.enable();
  });
  await sleep(50);
  delay.disable();
  await thread.terminate();
  assert.equal(index.tasks().length, taskCount);
  return [
    row(
      "receiving thread's longest stall during that scan",
      delay.max / 1e6,
      idle.max / 1e6,
      'ms',
      `floor: the same thread doing nothing; the scan, in a fresh thread: ${Math.round(milliseconds)} ms`,
    ),
  ];
}
