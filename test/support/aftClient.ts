import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';

/** One message of AFT: an answer (it has the request's `id`) or an event frame (it has a `type`). */
export interface AftFrame {
  readonly id?: string;
  readonly type?: string;
  readonly success?: boolean;
  readonly message?: string;
  readonly [key: string]: unknown;
}

export interface AftOptions {
  readonly cwd: string;
  /** HOME of the process: an empty folder keeps the machine's AFT configuration out. */
  readonly home: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface AftConfiguration {
  readonly sessionId: string;
  readonly projectRoot: string;
  readonly storageDirectory: string;
  /** `opencode`, `pi`, `runner`, `mcp:<client>`. Default `opencode`; 0.19.6 ignores it. */
  readonly harness?: string;
}

export interface AftCommand {
  readonly sessionId: string;
  readonly command: string;
  readonly pty?: { readonly rows: number; readonly cols: number };
  readonly timeoutMs?: number;
  readonly notifyOnCompletion?: boolean;
  readonly compressed?: boolean;
  readonly workdir?: string;
}

export interface AftRequest {
  readonly sessionId?: string;
  /** Arguments of the tool; those beside `params` are the envelope's own. */
  readonly params?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

const answerTimeoutMs = 30_000;

/** Speaks with a real `aft` binary: one JSON message a line over its standard streams. */
export class AftClient {
  /** What AFT sent unasked, oldest first. */
  readonly frames: AftFrame[] = [];
  readonly pid: number;
  /** Settles when the process is gone. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  private readonly child: ChildProcessWithoutNullStreams;
  private readonly pending = new Map<string, (answer: AftFrame | Error) => void>();
  private nextId = 1;
  private log = '';

  constructor(binary: string, { cwd, home, env = {} }: AftOptions) {
    this.child = spawn(binary, [], {
      cwd,
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        LANG: 'C.UTF-8',
        TERM: 'xterm-256color',
        ...env,
      },
    });
    this.pid = this.child.pid ?? 0;
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        resolve({ code, signal });
      });
    });
    const fail = (error: Error): void => {
      for (const settle of this.pending.values()) settle(error);
      this.pending.clear();
    };
    this.child.once('error', fail);
    this.child.once('exit', (code, signal) => {
      fail(new Error(`aft has ended (${code ?? signal ?? ''}):\n${this.log}`));
    });
    // A write to a process that is just ending fails here too; its exit says it better.
    this.child.stdin.on('error', () => undefined);
    this.child.stderr.on('data', (data: Buffer) => (this.log += data.toString()));
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.receive(line);
    });
  }

  private receive(line: string): void {
    if (!line.startsWith('{')) return;
    const frame = JSON.parse(line) as AftFrame;
    const settle = frame.id === undefined ? undefined : this.pending.get(frame.id);
    if (frame.id === undefined || settle === undefined) {
      this.frames.push(frame);
      return;
    }
    this.pending.delete(frame.id);
    settle(frame);
  }

  /** Sends one request; resolves with its answer, also with one that says `success: false`. */
  send(command: string, { sessionId, ...rest }: AftRequest = {}): Promise<AftFrame> {
    const id = String(this.nextId++);
    const session = sessionId === undefined ? {} : { session_id: sessionId };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(new Error(`aft gave no answer to ${command} in ${answerTimeoutMs} ms.`));
      }, answerTimeoutMs);
      this.pending.set(id, (answer) => {
        clearTimeout(timer);
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      });
      this.child.stdin.write(`${JSON.stringify({ id, command, ...session, ...rest })}\n`);
    });
  }

  /** Sends one request and rejects where AFT refuses it. */
  private async demand(command: string, request: AftRequest): Promise<AftFrame> {
    const answer = await this.send(command, request);
    if (answer.success !== true) {
      throw new Error(`aft refused ${command}: ${answer.message ?? JSON.stringify(answer)}`);
    }
    return answer;
  }

  async configure(configuration: AftConfiguration): Promise<void> {
    await this.demand('configure', {
      sessionId: configuration.sessionId,
      project_root: configuration.projectRoot,
      storage_dir: configuration.storageDirectory,
      harness: configuration.harness ?? 'opencode',
      experimental_bash_background: true,
      bash_permissions: false,
    });
  }

  /** Starts a background task and resolves with its id. */
  async start(task: AftCommand): Promise<string> {
    const params = {
      command: task.command,
      background: true,
      ...(task.pty && { pty: true, pty_rows: task.pty.rows, pty_cols: task.pty.cols }),
      ...(task.timeoutMs !== undefined && { timeout: task.timeoutMs }),
      ...(task.notifyOnCompletion === false && { notify_on_completion: false }),
      ...(task.compressed === false && { compressed: false }),
      ...(task.workdir !== undefined && { workdir: task.workdir }),
    };
    const answer = await this.demand('bash', { sessionId: task.sessionId, params });
    return String(answer['task_id']);
  }

  /** AFT's own view of a task: `status`, `exit_code`, `output_preview` … */
  async status(sessionId: string, taskId: string): Promise<AftFrame> {
    return this.send('bash_status', { sessionId, task_id: taskId, params: { task_id: taskId } });
  }

  /** Resolves when AFT says that the task has ended, with its last status. */
  async ended(sessionId: string, taskId: string): Promise<AftFrame> {
    const deadline = Date.now() + answerTimeoutMs;
    for (;;) {
      const answer = await this.status(sessionId, taskId);
      if (!['starting', 'running', 'killing'].includes(String(answer['status']))) return answer;
      if (Date.now() > deadline) throw new Error(`Task ${taskId} has not ended.`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Asks AFT to kill a task and resolves when it has ended. */
  async kill(sessionId: string, taskId: string): Promise<AftFrame> {
    await this.demand('bash_kill', { sessionId, task_id: taskId, params: { task_id: taskId } });
    return this.ended(sessionId, taskId);
  }

  /** Tells AFT that the agent has seen the end of these tasks (0.57.2). */
  async acknowledge(sessionId: string, taskIds: readonly string[]): Promise<AftFrame> {
    return this.send('bash_ack_completions', {
      sessionId,
      task_ids: taskIds,
      params: { task_ids: taskIds },
    });
  }

  /** Ends the process and resolves when it is gone. `SIGKILL` leaves its tasks to be adopted. */
  async close(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.child.kill(signal);
    await this.exited;
  }
}
