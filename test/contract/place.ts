import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { taskPaths, type TaskPaths } from '../../src/persistence/paths.ts';
import type { PersistedTask } from '../../src/persistence/record.ts';
import { readTask } from '../../src/persistence/taskFile.ts';
import type { StorageFacts } from '../../src/process/host.ts';
import { hostProcessTable } from '../../src/process/hostProcessTable.ts';
import { liveMembers } from '../../src/process/processTable.ts';
import { systemClock, type TaskRequest } from '../../src/process/taskRequest.ts';
import { AftClient } from '../support/aftClient.ts';
import { aftBinary, type AftVersion } from '../support/cache.ts';

export const sessionId = 'ses_contract';
/** Where these tests run may be a container; their storages are its own. */
export const here: StorageFacts = {
  container: undefined,
  network: undefined,
  mount: undefined,
  sandbox: false,
};
export const table = hostProcessTable();

export interface StartedTask {
  readonly taskId: string;
  readonly paths: TaskPaths;
  /** As it was when the task ran. */
  readonly record: PersistedTask;
}

export interface TaskCommand {
  readonly command: string;
  readonly pty?: boolean;
}

/** A storage, the AFT that serves it now, and the tasks that were started in it. */
export class Place {
  readonly version: AftVersion;
  private wrapper: string | undefined;
  private readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'aft-contract-')));
  readonly storage = this.folder('storage');
  readonly project = this.folder('project');
  private readonly groups = new Set<number>();
  private running: AftClient | undefined;

  constructor(version: AftVersion) {
    this.version = version;
  }

  /** Has AFT started by this program, which finds the binary in `AFT_BINARY`. */
  wrap(program: string): void {
    this.wrapper = program;
  }

  get aft(): AftClient {
    if (this.running === undefined) throw new Error('no AFT runs');
    return this.running;
  }

  get isServed(): boolean {
    return this.running !== undefined;
  }

  get harness(): string | undefined {
    return this.version === '0.57.2' ? 'opencode' : undefined;
  }

  async startAft(): Promise<AftClient> {
    const [cwd, home] = [this.project, this.folder('home')];
    const binary = await aftBinary(this.version);
    const env = { AFT_BINARY: binary };
    this.running = new AftClient(this.wrapper ?? binary, { cwd, home, env });
    await this.running.configure({ sessionId, projectRoot: cwd, storageDirectory: this.storage });
    return this.running;
  }

  /** Ends AFT so that its tasks live on. */
  async stopAft(): Promise<void> {
    await this.running?.close('SIGKILL');
    this.running = undefined;
  }

  /** Starts a task and resolves when it has printed something and its record says that it runs. */
  async start({ command, pty = false }: TaskCommand): Promise<StartedTask> {
    const taskId = await this.aft.start({
      sessionId,
      command,
      ...(pty && { pty: { rows: 24, cols: 80 } }),
    });
    const paths = this.pathsOf(taskId);
    await until(() => statSync(pty ? paths.pty : paths.stdout).size > 0);
    await until(() => readTask(paths).status !== 'starting');
    return this.adopt(paths);
  }

  /** Starts a task and resolves when AFT has recorded its end. */
  async finished({ command, pty = false }: TaskCommand): Promise<StartedTask> {
    const taskId = await this.aft.start({
      sessionId,
      command,
      ...(pty && { pty: { rows: 24, cols: 80 } }),
    });
    await this.aft.ended(sessionId, taskId);
    return this.adopt(this.pathsOf(taskId));
  }

  /** Takes charge of a task's processes: they end with the place. */
  adopt(paths: TaskPaths): StartedTask {
    const record = readTask(paths);
    if (record.pgid !== undefined) this.groups.add(record.pgid);
    return { taskId: paths.taskId, paths, record };
  }

  pathsOf(taskId: string): TaskPaths {
    return taskPaths(this.storage, sessionId, taskId);
  }

  request(paths: TaskPaths): TaskRequest {
    return requestFor(this.storage, this.harness, paths);
  }

  /** AFT's row of a task. 0.19.6 has no database, and 0.57.2 makes it at its first start. */
  row(taskId: string): Record<string, unknown> | undefined {
    const path = join(this.storage, 'aft.db');
    if (!existsSync(path)) return undefined;
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      return database.prepare('SELECT * FROM bash_tasks WHERE task_id = ?').get(taskId);
    } finally {
      database.close();
    }
  }

  /** The ids of the tasks whose end AFT has still to tell its agent. */
  async undelivered(): Promise<string[]> {
    const answer = await this.aft.send('bash_drain_completions', { sessionId, params: {} });
    const completions = (answer['bg_completions'] ?? []) as { task_id: string }[];
    return completions.map(({ task_id }) => task_id);
  }

  async end(): Promise<void> {
    await this.stopAft();
    for (const pgid of this.groups) if (live(pgid) > 0) endGroup(pgid);
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /** A folder of this place's own. */
  folder(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  }
}

/** What an action on a task needs. */
export function requestFor(
  storageDirectory: string,
  harness: string | undefined,
  paths: TaskPaths,
): TaskRequest {
  const uid = process.getuid?.();
  const onStep = (): undefined => undefined;
  return {
    ...{ storageDirectory, harness, paths },
    ...{ table, facts: here, uid, clock: systemClock, onStep },
  };
}

/** For what has no event: resolves when it has come true. */
export async function until(isTrue: () => boolean): Promise<void> {
  const limit = Date.now() + 60_000;
  while (!isTrue()) {
    if (Date.now() > limit) throw new Error(`it has not come true: ${isTrue.toString()}`);
    await sleep(20);
  }
}

/** How many processes of a group live. */
export function live(pgid: number): number {
  return liveMembers(table.snapshot([], [pgid]).groups.get(pgid)).length;
}

/** Ends a group that a test, or an AFT of the test, has started. */
export function endGroup(pgid: number): void {
  try {
    process.kill(-pgid, 'SIGKILL');
  } catch {
    // All of it has ended meanwhile.
  }
}

/** Asks AFT something else all the while; answers the longest wait in milliseconds. */
export async function longestWait<T>(aft: AftClient, during: Promise<T>): Promise<[T, number]> {
  let [isOver, longest] = [false, 0];
  const asking = (async () => {
    while (!isOver) {
      const asked = performance.now();
      await aft.send('version');
      longest = Math.max(longest, performance.now() - asked);
      await sleep(20);
    }
  })();
  const result = await during.finally(() => {
    isOver = true;
  });
  await asking;
  return [result, longest];
}
