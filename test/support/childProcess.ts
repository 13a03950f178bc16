import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostProcessTable } from '../../src/process/hostProcessTable.ts';
import { liveMembers } from '../../src/process/processTable.ts';

const graceMs = 10_000;

/** Starts a process in a group of its own; the scope ends the whole group and waits for it. */
export function startProcess(
  scope: AsyncDisposableStack,
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const child = spawn(command, args, { ...options, detached: process.platform !== 'win32' });
  const { pid } = child;
  if (pid !== undefined) scope.defer(() => endGroup(pid));
  return child;
}

/**
 * Ends a group that we have started. Its members get their time: the leader may be gone long before
 * those that have something of their own to end. Zombies don't count: who collects them is not ours.
 */
async function endGroup(leader: number): Promise<void> {
  const table = hostProcessTable();
  const lives = (): boolean =>
    liveMembers(table.snapshot([], [leader]).groups.get(leader)).length > 0;
  const deadline = Date.now() + graceMs;
  signalGroup(leader, 'SIGTERM');
  while (lives() && Date.now() < deadline) await sleep(50);
  signalGroup(leader, 'SIGKILL');
}

/** Signals every process of a group that we have started; one that is gone is no error. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  if (process.platform === 'win32') {
    spawnSync('taskkill', ['/PID', String(leader), '/T', '/F']);
    return;
  }
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export interface Finished {
  readonly code: number;
  /** stdout and stderr, as they came. */
  readonly output: string;
}

/** Runs a process to its end. With `echo`, what it prints is shown too. */
export function runProcess(
  scope: AsyncDisposableStack,
  command: string,
  args: readonly string[],
  options: SpawnOptions & { readonly echo?: boolean },
): Promise<Finished> {
  const { echo = false, ...rest } = options;
  const child = startProcess(scope, command, args, { ...rest, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const collect = (target: NodeJS.WriteStream) => (data: Buffer) => {
    output += data.toString();
    if (echo) target.write(data);
  };
  child.stdout?.on('data', collect(process.stdout));
  child.stderr?.on('data', collect(process.stderr));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code: code ?? 1, output });
    });
  });
}
