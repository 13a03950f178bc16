import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashSession } from '../../src/persistence/paths.ts';

/** A task of the fixture. */
export interface FixtureTask {
  readonly taskId: string;
  readonly layout: 'flat' | 'directory';
  readonly sessionDirectory: string;
  /** The record's path. */
  readonly json: string;
  readonly running: boolean;
}

/** The tasks, and the process that those that go on name. */
export interface StorageFixture {
  readonly tasks: readonly FixtureTask[];
  /** Ends that process; the files are the caller's. */
  end(): void;
}

const tasksInSession = 100;
const runningEvery = 500;
const commands = [
  'npm test -- --reporter dot',
  'git status --short && git log --oneline -n 20',
  'cargo build --release 2>&1 | tail -n 40',
  'for file in $(git ls-files "*.ts"); do\n  npx prettier --check "$file" || echo "not formatted: $file"\ndone',
  `python3 - <<'END'\nimport json, pathlib\n${'rows = [json.loads(line) for line in pathlib.Path("events.jsonl").read_text().splitlines()]\nprint(len(rows))\n'.repeat(6)}END`,
];

/**
 * Makes a storage of `count` tasks below `root`, in sessions of 100: every other session in the
 * flat layout (schema 4), the others in the directory layout (schema 6). One task in 500 goes on,
 * as a process that leads a session, as AFT's do; one in 50 is not delivered. Of the files that AFT
 * writes beside, those are left out that no reader of the list opens.
 */
export function makeStorage(root: string, count: number): StorageFixture {
  const sleeper = spawn('sleep', ['3600'], { detached: true, stdio: 'ignore' });
  const { pid } = sleeper;
  if (pid === undefined) throw new Error('`sleep` could not be started.');
  sleeper.unref();
  const tasks: FixtureTask[] = [];
  const now = Date.now();
  for (let index = 0; index < count; index += 1) {
    const sessionNumber = Math.floor(index / tasksInSession);
    const sessionId = `ses_${createHash('sha1').update(`s${sessionNumber}`).digest('hex').slice(0, 26)}`;
    const harness =
      sessionNumber % 5 === 0 ? 'mcp--claude-code--b0deb2ca83f40515f2f23d13bfe131c1' : 'opencode';
    const sessionDirectory = join(root, harness, 'bash-tasks', hashSession(sessionId));
    const layout = sessionNumber % 2 === 0 ? 'directory' : 'flat';
    const taskId = `bash-${createHash('sha1').update(`t${index}`).digest('hex').slice(0, 16)}`;
    const running = index % runningEvery === 0;
    const startedAt = running ? now : now - (count - index) * 90_000;
    const durationMs = 100 + ((index * 7919) % 120_000);
    const failed = index % 9 === 0;
    const project = `/home/user/projects/service-${sessionNumber % 12}`;
    const record = {
      schema_version: layout === 'flat' ? 4 : 6,
      task_id: taskId,
      session_id: sessionId,
      command: commands[index % commands.length],
      mode: 'pipes',
      workdir: project,
      project_root: project,
      status: running ? 'running' : failed ? 'failed' : 'completed',
      started_at: startedAt,
      finished_at: running ? null : startedAt + durationMs,
      duration_ms: running ? null : durationMs,
      timeout_ms: 1_800_000,
      exit_code: running ? null : Number(failed),
      child_pid: running ? pid : null,
      pgid: running ? pid : 100_000 + index,
      ...(layout === 'directory' && !running && { live_descendants: [] }),
      completion_delivered: !running && index % 50 !== 1,
      notify_on_completion: true,
      compressed: true,
      pty_rows: null,
      pty_cols: null,
      ...(layout === 'directory' && { sandbox_native: false }),
      status_reason: null,
    };
    const inside = join(sessionDirectory, taskId);
    const [json, captures] =
      layout === 'flat'
        ? [`${inside}.json`, `${inside}.`]
        : [join(inside, 'control', 'metadata.json'), `${join(inside, 'io')}/`];
    if (layout === 'flat') {
      if (index % tasksInSession === 0) mkdirSync(sessionDirectory, { recursive: true });
    } else {
      mkdirSync(join(inside, 'control'), { recursive: true, mode: 0o700 });
      mkdirSync(join(inside, 'io'), { mode: 0o700 });
    }
    writeFileSync(json, JSON.stringify(record, undefined, 2), { mode: 0o600 });
    writeFileSync(`${captures}stdout`, `line of output\n`.repeat(index % 40), { mode: 0o600 });
    writeFileSync(`${captures}stderr`, '', { mode: 0o600 });
    if (!running || layout === 'directory') {
      writeFileSync(`${captures}exit`, running ? '' : String(Number(failed)), { mode: 0o600 });
    }
    tasks.push({ taskId, layout, sessionDirectory, json, running });
  }
  return { tasks, end: () => process.kill(-pid, 'SIGKILL') };
}
