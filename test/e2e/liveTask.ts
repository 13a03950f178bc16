import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, rmSync } from 'node:fs';
import { updateTask } from '../../src/persistence/taskFile.ts';
import { writeTaskFixture, type FixtureTask } from '../support/taskFixture.ts';

export interface LiveOutput {
  readonly stdout?: string;
  readonly stderr?: string;
  /** Of a task in a terminal, which has no other. */
  readonly pty?: string;
}

/**
 * A running task beside those of AFT, that writes and ends when the test says so. Its process is a
 * real one, so that it is alive as any other.
 */
export class LiveTask {
  private readonly process: ChildProcess;
  private readonly task: FixtureTask;

  constructor(storage: string, command: string, output: LiveOutput = {}, sessionId = 'ses_live') {
    this.process = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    const { pid } = this.process;
    this.task = writeTaskFixture({
      storage,
      sessionId,
      record: {
        command,
        mode: output.pty === undefined ? 'pipes' : 'pty',
        status: 'running',
        startedAt: Date.now(),
        finishedAt: undefined,
        durationMs: undefined,
        exitCode: undefined,
        childPid: pid,
        pgid: pid,
      },
      ...output,
    });
  }

  get taskId(): string {
    return this.task.taskId;
  }

  write({ stdout = '', stderr = '', pty = '' }: LiveOutput): void {
    if (stdout !== '') appendFileSync(this.task.paths.stdout, stdout);
    if (stderr !== '') appendFileSync(this.task.paths.stderr, stderr);
    if (pty !== '') appendFileSync(this.task.paths.pty, pty);
  }

  /** Records that it has ended. */
  end(exitCode: number): void {
    updateTask(this.task.paths, (record) => ({
      ...record,
      status: exitCode === 0 ? 'completed' : 'failed',
      exitCode,
      finishedAt: Date.now(),
      durationMs: 1000,
    }));
    this.process.kill('SIGKILL');
  }

  [Symbol.dispose](): void {
    this.process.kill('SIGKILL');
    rmSync(this.task.paths.sessionDir, { recursive: true, force: true });
  }
}
