import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessTable } from '../../../src/process/processTable.ts';

/** Processes that a test starts, each leading a session and group of its own, as AFT's tasks do. */
export class ProcessGroups {
  private readonly leaders = new Set<number>();

  /** Starts a shell and resolves, with its pid, when the script has printed its first line. */
  async start(
    script: string,
    user?: number,
  ): Promise<{ pid: number; firstLine: string; child: ChildProcess }> {
    const child = spawn('/bin/sh', ['-c', script], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: '/',
      ...(user !== undefined && { uid: user, gid: user }),
    });
    await once(child, 'spawn');
    const pid = child.pid!;
    this.leaders.add(pid);
    const [firstLine] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    return { pid, firstLine, child };
  }

  /**
   * A group whose leader has ended, while another process of it runs on.
   * @param written a file that this writes to, as a task's processes do
   */
  async startLeaderless(
    written = '/dev/null',
    read = '/dev/null',
  ): Promise<{ pid: number; survivor: number }> {
    const script = `sleep 300 >>${written} <${read} & echo $!`;
    const { pid, firstLine, child } = await this.start(script);
    if (child.exitCode === null) await once(child, 'exit');
    return { pid, survivor: Number(firstLine) };
  }

  /** A process that has ended and that its parent does not collect, alone in its group. */
  async startZombie(table: ProcessTable): Promise<{ pid: number }> {
    const { firstLine } = await this.start("setsid sh -c 'echo $$' & exec sleep 300");
    const pid = Number(firstLine);
    this.leaders.add(pid);
    await until(() => {
      const found = table.snapshot([pid], []).processes.get(pid);
      return found?.state === 'found' && found.process.zombie;
    });
    return { pid };
  }

  /** A number that a process had a moment ago. */
  async ended(): Promise<number> {
    const { pid, child } = await this.start('echo ready');
    if (child.exitCode === null) await once(child, 'exit');
    this.leaders.delete(pid);
    return pid;
  }

  endAll(): void {
    for (const pid of this.leaders) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // All of its processes have ended.
      }
    }
    this.leaders.clear();
  }
}

/**
 * For what has no event: resolves when it has come true, and gives up some time after the test has,
 * so that one which fails does not keep the others' process from ending.
 */
export async function until(isTrue: () => boolean): Promise<void> {
  const limit = performance.now() + 60_000;
  while (!isTrue()) {
    if (performance.now() > limit) {
      throw new Error(`it has not come true: ${isTrue.toString()}`);
    }
    await sleep(5);
  }
}
