import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../../src/persistence/outcome.ts';
import { taskPaths, type TaskPaths } from '../../src/persistence/paths.ts';
import type { PersistedTask } from '../../src/persistence/record.ts';
import { readTask } from '../../src/persistence/taskFile.ts';
import { hostProcessTable } from '../../src/process/hostProcessTable.ts';
import { killTask } from '../../src/process/kill.ts';
import { liveMembers } from '../../src/process/processTable.ts';
import { systemClock } from '../../src/process/taskRequest.ts';
import { AftClient, type AftFrame } from '../support/aftClient.ts';
import { aftBinary, type AftVersion } from '../support/cache.ts';
import { longestWait } from './place.ts';

const sessionId = 'ses_kill';
const here = { container: undefined, network: undefined, mount: undefined, sandbox: false };
const table = hostProcessTable();

interface Command {
  readonly name: string;
  readonly command: string;
  readonly pty?: boolean;
}
const plain: Command = { name: 'plain', command: 'echo ready; sleep 300' };
const deaf: Command = {
  name: 'ignoring SIGTERM',
  command: "trap '' TERM; echo ready; while :; do sleep 1; done",
};
const tree: Command = {
  name: 'a tree',
  command: '(sleep 300 & sleep 300) & sleep 300 & echo ready; wait',
};
const pipes = [plain, deaf, tree];
const pty = [plain, deaf].map((command) => ({
  ...command,
  name: `pty, ${command.name}`,
  pty: true,
}));
/** A terminal that is lost ends its commands, unless they ignore that too. */
const lostTerminal: Command = {
  name: 'pty, ignoring the loss of its terminal',
  command: "trap '' HUP; echo ready; sleep 300",
  pty: true,
};

interface StartedTask {
  readonly name: string;
  readonly taskId: string;
  readonly paths: TaskPaths;
  readonly record: PersistedTask;
}

/** A storage, the AFT that serves it now, and the tasks that were started in it. */
class Place {
  readonly version: AftVersion;
  private readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'aft-contract-kill-')));
  private readonly storage = this.folder('storage');
  private readonly tasks: StartedTask[] = [];
  private running: AftClient | undefined;

  constructor(version: AftVersion) {
    this.version = version;
  }

  get aft(): AftClient {
    assert(this.running, 'no AFT runs');
    return this.running;
  }

  async startAft(): Promise<void> {
    const [cwd, home] = [this.folder('project'), this.folder('home')];
    this.running = new AftClient(await aftBinary(this.version), { cwd, home });
    await this.running.configure({ sessionId, projectRoot: cwd, storageDirectory: this.storage });
  }

  /** Ends AFT so that its tasks live on. */
  async stopAft(): Promise<void> {
    await this.running?.close('SIGKILL');
    this.running = undefined;
  }

  start(commands: readonly Command[]): Promise<StartedTask[]> {
    return Promise.all(
      commands.map(async ({ name, command, pty }) => {
        const taskId = await this.aft.start({
          sessionId,
          command,
          ...(pty && { pty: { rows: 24, cols: 80 } }),
        });
        const paths = taskPaths(this.storage, sessionId, taskId);
        await until(() => statSync(pty ? paths.pty : paths.stdout).size > 0);
        await until(() => readTask(paths).status === 'running');
        const task = { name, taskId, paths, record: readTask(paths) };
        this.tasks.push(task);
        return task;
      }),
    );
  }

  async kill({ paths }: StartedTask): Promise<Outcome> {
    const uid = process.getuid?.();
    const onStep = () => undefined;
    const [storageDirectory, note] = [this.storage, { begin: onStep, end: onStep }];
    const harness = this.version === '0.57.2' ? 'opencode' : undefined;
    return killTask({
      ...{ storageDirectory, harness, paths, note },
      ...{ table, facts: here, uid, clock: systemClock, onStep },
    });
  }

  /** AFT's row of a task; 0.19.6 has no database. */
  row({ taskId }: StartedTask): Record<string, unknown> | undefined {
    const database = new DatabaseSync(join(this.storage, 'aft.db'), { readOnly: true });
    try {
      return database
        .prepare('SELECT status, exit_code FROM bash_tasks WHERE task_id = ?')
        .get(taskId);
    } finally {
      database.close();
    }
  }

  async end(): Promise<void> {
    await this.stopAft();
    for (const { record } of this.tasks) {
      if (live(record) > 0) process.kill(-record.pgid!, 'SIGKILL');
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  private folder(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(20);
}

function live({ pgid }: PersistedTask): number {
  return liveMembers(table.snapshot([], [pgid!]).groups.get(pgid!)).length;
}

describe('killing tasks of a real AFT', () => {
  let place: Place;
  afterEach(async () => {
    await place.end();
  });

  const print = (text: string): void => {
    console.log(`        ${text}`);
  };

  /** What must hold on disk when a kill is done. */
  const assertKilled = (task: StartedTask, outcome: Outcome): void => {
    assert.equal(outcome.done, true, `${task.name}: ${outcome.message}`);
    assert.equal(outcome.reason, undefined, task.name);
    assert.equal(live(task.record), 0, `${task.name}: processes are left`);
    assert.equal(readFileSync(task.paths.exit, 'utf8'), 'killed', task.name);
    const record = readTask(task.paths);
    assert.equal(record.status, 'killed', task.name);
    assert.equal(record.childPid, undefined, task.name);
  };

  const assertAnswer = (task: StartedTask, answer: AftFrame): void => {
    assert.equal(answer['status'], 'killed', `${task.name}: ${JSON.stringify(answer)}`);
  };

  const killAll = (tasks: readonly StartedTask[]) =>
    Promise.all(
      tasks.map(async (task) => {
        const started = performance.now();
        const outcome = await place.kill(task);
        const took = Math.round(performance.now() - started);
        const writer = outcome.message.includes('AFT has recorded') ? 'AFT' : 'us';
        print(`${task.name}: ${took} ms, recorded by ${writer}`);
        return { task, outcome };
      }),
    );

  for (const version of ['0.57.2', '0.19.6'] as const) {
    const hasDatabase = version === '0.57.2';
    const commands = hasDatabase ? [...pipes, ...pty] : pipes;

    for (const situation of ['that runs', 'that was restarted'] as const) {
      it(`${version} ${situation}: AFT records it, and answers meanwhile`, async () => {
        place = new Place(version);
        await place.startAft();
        const isRestarted = situation === 'that was restarted';
        const tasks = await place.start(isRestarted ? pipes : commands);
        if (isRestarted) {
          await place.stopAft();
          await place.startAft();
        }
        const [killed, longest] = await longestWait(place.aft, killAll(tasks));
        for (const { task, outcome } of killed) {
          assertKilled(task, outcome);
          assertAnswer(task, await place.aft.status(sessionId, task.taskId));
          if (hasDatabase) {
            await until(() => place.row(task)?.['status'] !== 'running');
            assert.deepEqual({ ...place.row(task) }, { status: 'killed', exit_code: 137 });
          }
        }
        print(`AFT's longest wait for another answer: ${Math.round(longest)} ms`);
      });
    }

    it(`${version} that is down: we record it, and the AFT started next agrees`, async () => {
      place = new Place(version);
      await place.startAft();
      const tasks = await place.start(hasDatabase ? [...pipes, lostTerminal] : pipes);
      await place.stopAft();
      for (const { task, outcome } of await killAll(tasks)) {
        assertKilled(task, outcome);
        const { exitCode, statusReason, schemaVersion } = readTask(task.paths);
        assert.deepEqual([exitCode, statusReason], [137, 'killed from AFT Task Explorer']);
        assert.equal(schemaVersion, task.record.schemaVersion);
      }
      await place.startAft();
      for (const task of tasks) {
        assertAnswer(task, await place.aft.status(sessionId, task.taskId));
        assert.equal(readTask(task.paths).status, 'killed', task.name);
        if (hasDatabase) assert.equal(place.row(task)?.['status'], 'killed', task.name);
      }
    });
  }

  it('0.57.2 that could not finish its own kill after a restart: we finish it', async () => {
    place = new Place('0.57.2');
    await place.startAft();
    const [task] = await place.start([plain]);
    assert(task);
    await place.stopAft();
    await place.startAft();
    await place.aft.send('bash_kill', {
      sessionId,
      task_id: task.taskId,
      params: { task_id: task.taskId },
    });
    await until(() => live(task.record) === 0);
    assert.equal(readTask(task.paths).status, 'killing');
    assert.equal(readFileSync(task.paths.exit, 'utf8'), '');
    for (const { outcome } of await killAll([task])) assertKilled(task, outcome);
    const answers = [await place.aft.status(sessionId, task.taskId)];
    await place.stopAft();
    await place.startAft();
    answers.push(await place.aft.status(sessionId, task.taskId));
    print(`AFT's answers: ${answers.map((answer) => String(answer['status'])).join(', ')}`);
    assertAnswer(task, answers[1]!);
    assert.equal(readTask(task.paths).status, 'killed');
  });

  it('0.57.2: a pty task that lost its terminal with AFT is left for AFT to record', async () => {
    place = new Place('0.57.2');
    await place.startAft();
    const [task] = await place.start([{ ...plain, pty: true }]);
    assert(task);
    await place.stopAft();
    await until(() => live(task.record) === 0);
    const outcome = await place.kill(task);
    // For some seconds an AFT that has just ended may as well live elsewhere.
    const { done, reason, message } = outcome;
    assert(!done && (reason === 'unknown-process' || reason === 'process-gone'), message);
    assert.deepEqual(readTask(task.paths), task.record);
    await place.startAft();
    assertAnswer(task, await place.aft.status(sessionId, task.taskId));
  });
});
