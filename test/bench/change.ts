import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import type { TaskChanges } from '../../src/store/task.ts';
import { median, row, type Row } from './row.ts';
import { makeStorage, type FixtureTask } from './storageFixture.ts';
import type { StoreMessage } from './storeThread.ts';

const taskCount = 10_000;

/** From the change of one record among many until the extension host has the changed task. */
export async function benchChange(): Promise<Row[]> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'aft-bench-')));
  const fixture = makeStorage(root, taskCount);
  const thread = new Worker(new URL('storeThread.ts', import.meta.url), { workerData: root });
  try {
    const listener = new StoreListener(thread);
    await listener.next('scanned');
    const running = fixture.tasks.filter((task) => task.running);
    // Watching begins after the scan: until each of these is noticed, what is watched is unknown.
    for (const task of running) {
      do touch(task);
      while (!(await listener.changed(task.taskId, 200)));
    }
    const before = await listener.recordsRead();
    const times: number[] = [];
    for (const task of running) {
      const began = performance.now();
      touch(task);
      assert(await listener.changed(task.taskId, 10_000));
      times.push(performance.now() - began);
    }
    const reads = ((await listener.recordsRead()) - before) / running.length;
    const floors: number[] = [];
    for (const task of running) floors.push(await noticePlainly(task));
    return [
      row(
        "one task's change among 10,000 until its event",
        median(times),
        median(floors),
        'ms',
        `floor: fs.watch on its directory, read and parse; median of ${times.length}, longest ${Math.max(...times).toFixed(1)} ms; records read a change: ${reads}`,
      ),
    ];
  } finally {
    await thread.terminate();
    fixture.end();
    rmSync(root, { recursive: true, force: true });
  }
}

class StoreListener {
  private readonly thread: Worker;
  private readonly listeners = new Set<(message: StoreMessage) => void>();

  constructor(thread: Worker) {
    this.thread = thread;
    thread.on('message', (message: StoreMessage) => {
      for (const listener of this.listeners) listener(message);
    });
  }

  async next<K extends StoreMessage['kind']>(kind: K): Promise<Extract<StoreMessage, { kind: K }>> {
    return await new Promise((resolve) => {
      const listener = (message: StoreMessage): void => {
        if (message.kind !== kind) return;
        this.listeners.delete(listener);
        resolve(message as Extract<StoreMessage, { kind: K }>);
      };
      this.listeners.add(listener);
    });
  }

  /** Was the task's change told within this time? */
  async changed(taskId: string, milliseconds: number): Promise<boolean> {
    return await new Promise((resolve) => {
      const finish = (told: boolean): void => {
        clearTimeout(timer);
        this.listeners.delete(listener);
        resolve(told);
      };
      const timer = setTimeout(() => {
        finish(false);
      }, milliseconds);
      const listener = (message: StoreMessage): void => {
        if (message.kind === 'changes' && isIn(message.changes, taskId)) finish(true);
      };
      this.listeners.add(listener);
    });
  }

  async recordsRead(): Promise<number> {
    const answer = this.next('recordsRead');
    this.thread.postMessage('');
    return (await answer).recordsRead;
  }
}

function isIn({ changed }: TaskChanges, taskId: string): boolean {
  return changed.some((task) => task.taskId === taskId);
}

/** Changes the record, as AFT does: a new file, renamed into its place. */
function touch({ json }: FixtureTask): void {
  const record = JSON.parse(readFileSync(json, 'utf8')) as { timeout_ms: number };
  record.timeout_ms += 1;
  const temporary = join(dirname(json), `.aft-tmp-${'0'.repeat(32)}`);
  writeFileSync(temporary, JSON.stringify(record, undefined, 2));
  renameSync(temporary, json);
}

async function noticePlainly(task: FixtureTask): Promise<number> {
  const watcher = watch(dirname(task.json));
  const began = performance.now();
  await new Promise<void>((resolve) => {
    watcher.on('change', (_event, name) => {
      if (!task.json.endsWith(String(name))) return;
      JSON.parse(readFileSync(task.json, 'utf8'));
      resolve();
    });
    touch(task);
  });
  watcher.close();
  return performance.now() - began;
}
