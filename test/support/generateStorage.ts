import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundlePaths, hashSession } from '../../src/persistence/paths.ts';
import type { TaskStatus } from '../../src/persistence/record.ts';
import { signalGroup, startProcess } from './childProcess.ts';
import { writeSampleProject } from './sampleProject.ts';
import {
  samplePlans,
  type Sample,
  type SampleTaskName,
  type SampleTaskPlan,
} from './sampleTasks.ts';

/** The session whose tasks are in the flat layout, as versions before schema 6 left them. */
const flatSession = 'ses_data import/nightly';

/**
 * Fills a storage with the shapes of AFT 0.57.2 (schema 6, and schema 4 in the flat layout) where there
 * is no AFT for the platform. The commands really run; there is no terminal, and no database. The
 * scope ends those that go on.
 */
export async function generateStorage(
  scope: AsyncDisposableStack,
  directory: string,
): Promise<{ readonly sample: Sample }> {
  const projectDirectory = join(directory, 'shop');
  const storageDirectory = join(directory, 'storage');
  const homeDirectory = join(directory, 'home');
  const harness = 'opencode';
  mkdirSync(homeDirectory, { recursive: true });
  writeSampleProject(projectDirectory);
  const tasks: Partial<Record<SampleTaskName, { sessionId: string; taskId: string }>> = {};
  for (const [name, plan] of samplePlans) {
    const taskId = `bash-${randomBytes(8).toString('hex')}`;
    tasks[name] = { sessionId: plan.sessionId, taskId };
    const sessions = join(storageDirectory, harness, 'bash-tasks');
    await writeTask(
      scope,
      join(sessions, hashSession(plan.sessionId)),
      taskId,
      plan,
      projectDirectory,
    );
  }
  return { sample: { storageDirectory, projectDirectory, homeDirectory, harness, tasks } };
}

interface End {
  readonly status: TaskStatus;
  readonly exitCode: number | null;
  readonly marker: string;
}

async function writeTask(
  scope: AsyncDisposableStack,
  sessionDir: string,
  taskId: string,
  plan: SampleTaskPlan,
  projectDirectory: string,
): Promise<void> {
  const layout = plan.sessionId === flatSession ? 'flat' : 'directory';
  const paths = bundlePaths(sessionDir, taskId, layout);
  for (const path of [paths.json, paths.exit]) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  }
  const stdout = plan.pty === undefined ? paths.stdout : paths.pty;
  const captures = [openSync(stdout, 'a', 0o600)];
  // In a terminal both streams are one.
  captures.push(plan.pty === undefined ? openSync(paths.stderr, 'a', 0o600) : captures[0]!);
  const startedAt = Date.now();
  const stdio: ['ignore', ...number[]] = ['ignore', ...captures];
  const options = { cwd: projectDirectory, stdio };
  const child = startProcess(scope, 'sh', ['-c', plan.command], options);
  for (const descriptor of new Set(captures)) closeSync(descriptor);
  const { pid } = child;
  if (pid === undefined) throw new Error('There is no shell (sh) to run the sample with.');
  let end: End | undefined;
  if (plan.end !== 'goes on') {
    const exit = once(child, 'exit');
    if (plan.end !== 'by itself') {
      await sleep(300);
      signalGroup(pid, 'SIGKILL');
    }
    const [code] = (await exit) as [number | null];
    end = endOf(plan, code ?? 137);
  }
  if (layout === 'directory') {
    writeFileSync(join(dirname(paths.json), 'command.sh'), plan.command, { mode: 0o600 });
    writeFileSync(paths.exit, end?.marker ?? '', { mode: 0o600 });
  } else if (end !== undefined) {
    writeFileSync(paths.exit, end.marker);
  }
  const finishedAt = end === undefined ? null : Date.now();
  const record = {
    schema_version: layout === 'directory' ? 6 : 4,
    task_id: taskId,
    session_id: plan.sessionId,
    command: plan.command,
    mode: plan.pty === undefined ? 'pipes' : 'pty',
    workdir: projectDirectory,
    project_root: projectDirectory,
    status: end?.status ?? 'running',
    started_at: startedAt,
    finished_at: finishedAt,
    duration_ms: finishedAt === null ? null : finishedAt - startedAt,
    timeout_ms: plan.timeoutMs ?? 1_800_000,
    exit_code: end?.exitCode ?? null,
    child_pid: end === undefined ? pid : null,
    pgid: pid,
    completion_delivered: plan.delivered ?? plan.notifyOnCompletion === false,
    notify_on_completion: plan.notifyOnCompletion ?? true,
    compressed: true,
    pty_rows: plan.pty?.rows ?? null,
    pty_cols: plan.pty?.cols ?? null,
    ...(layout === 'directory' && { sandbox_native: false }),
    status_reason: null,
  };
  writeFileSync(paths.json, JSON.stringify(record, undefined, 2), { mode: 0o600 });
}

function endOf(plan: SampleTaskPlan, code: number): End {
  if (plan.end === 'killed') return { status: 'killed', exitCode: 137, marker: 'killed' };
  if (plan.end === 'timed out') return { status: 'timed_out', exitCode: 124, marker: 'killed' };
  return { status: code === 0 ? 'completed' : 'failed', exitCode: code, marker: String(code) };
}
