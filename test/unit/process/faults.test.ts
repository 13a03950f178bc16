import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { removeTempFiles } from '../../../src/persistence/bundle.ts';
import { markTaskDelivered } from '../../../src/persistence/deliver.ts';
import type { Outcome } from '../../../src/persistence/outcome.ts';
import type { Layout } from '../../../src/persistence/record.ts';
import { serializeRecordOnOneLine } from '../../../src/persistence/recordCodec.ts';
import { readTask } from '../../../src/persistence/taskFile.ts';
import { ActionJournal } from '../../../src/process/actionJournal.ts';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import { killTask, resumeKill } from '../../../src/process/kill.ts';
import { liveMembers } from '../../../src/process/processTable.ts';
import { childEnvironment, quickChildren } from '../../support/compileCache.ts';
import { writeTaskFixture, type FixtureTask } from '../../support/taskFixture.ts';
import { createDatabase, insertRow } from '../persistence/aftDatabase.ts';
import { hurrying, requestFor } from './actionSupport.ts';
import { ProcessGroups } from './processGroups.ts';

/** More steps than any action has. */
const manySteps = 60;
const table = hostProcessTable();

type Action = 'kill' | 'deliver';

/** A storage with one task and its row, and a journal beside it. */
class Scene {
  readonly directory = mkdtempSync(join(tmpdir(), 'aft-faults-'));
  readonly storage = join(this.directory, 'storage');
  readonly journal = join(this.directory, 'journal');
  readonly task: FixtureTask;
  readonly pid: number | undefined;

  constructor(layout: Layout, pid: number | undefined) {
    this.pid = pid;
    const running = {
      ...({ status: 'running', startedAt: Date.now(), finishedAt: undefined } as const),
      ...{ durationMs: undefined, exitCode: undefined, childPid: pid, pgid: pid },
    };
    const record = pid === undefined ? {} : running;
    this.task = writeTaskFixture({ storage: this.storage, layout, record });
    const database = createDatabase(this.storage);
    const { taskId, sessionId, status } = this.task.record;
    const metadata = serializeRecordOnOneLine(this.task.record);
    insertRow(database, { taskId, sessionId, status, metadata });
    database.close();
  }

  /** Acts in a process of its own. Absent: it was killed at that step. */
  async act(action: Action, step?: number): Promise<Outcome | undefined> {
    const printed = await this.run(action, step);
    return printed === undefined ? undefined : (JSON.parse(printed) as Outcome);
  }

  /** The steps of an action, in their order. */
  async trace(action: Action): Promise<string[]> {
    return JSON.parse((await this.run(action, 'trace')) ?? '') as string[];
  }

  private async run(action: Action, step?: number | 'trace'): Promise<string | undefined> {
    const { taskId, paths } = this.task;
    const child = spawn(
      process.execPath,
      [
        join(import.meta.dirname, 'actionChild.ts'),
        ...[this.storage, taskId, paths.layout, this.journal, action],
        ...(step === undefined ? [] : [String(step)]),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], env: childEnvironment() },
    );
    const [printed] = await Promise.all([text(child.stdout), once(child, 'close')]);
    if (child.signalCode === 'SIGKILL') return undefined;
    assert.equal(child.exitCode, 0);
    return printed;
  }

  get row(): { status: unknown; delivered: unknown; metadata: Record<string, unknown> } {
    const database = new DatabaseSync(join(this.storage, 'aft.db'), { readOnly: true });
    try {
      const row = database.prepare('SELECT * FROM bash_tasks').get() ?? {};
      const metadata = JSON.parse(String(row['metadata'])) as Record<string, unknown>;
      return { status: row['status'], delivered: row['completion_delivered'], metadata };
    } finally {
      database.close();
    }
  }

  get marker(): string {
    const { exit } = this.task.paths;
    return existsSync(exit) ? readFileSync(exit, 'utf8') : '';
  }

  get lives(): boolean {
    const { pid = 0 } = this;
    return liveMembers(table.snapshot([], [pid]).groups.get(pid)).length > 0;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}

/** Tries one step after the other, some at once, until the action has fewer. */
async function forEachStep(isCutOff: (step: number) => Promise<boolean>): Promise<void> {
  for (let first = 1; first < manySteps; first += stepsAtOnce) {
    const steps = Array.from({ length: stepsAtOnce }, (_, at) => first + at);
    const cutOff = await Promise.all(steps.map(isCutOff));
    if (cutOff.includes(false)) return;
  }
}
const stepsAtOnce = 4;

/** As the next start of the extension does. */
async function startAnew({ journal, storage, task }: Scene): Promise<(Outcome | undefined)[]> {
  const outcomes: (Outcome | undefined)[] = [];
  for (const { writer, forget } of new ActionJournal(journal, table).unfinished('00000000')) {
    removeTempFiles(task.paths, writer);
    const outcome = await resumeKill({ ...requestFor(storage, task.paths), clock: hurrying });
    if (outcome?.done !== false) forget();
    outcomes.push(outcome);
  }
  return outcomes;
}

function assertKilled(scene: Scene): void {
  const record = readTask(scene.task.paths);
  assert.deepEqual([record.status, record.exitCode, scene.marker], ['killed', 137, 'killed']);
  const { status, metadata } = scene.row;
  assert.deepEqual([status, metadata['status']], ['killed', 'killed']);
  assert.equal(scene.lives, false);
}

for (const layout of ['flat', 'directory'] as const) {
  describe(`a process that is killed with SIGKILL before any step, ${layout} layout`, () => {
    const groups = new ProcessGroups();
    const scenes: Scene[] = [];
    quickChildren(async () => {
      const scene = new Scene(layout, undefined);
      await scene.act('deliver');
      scene.remove();
    });
    afterEach(() => {
      groups.endAll();
      for (const scene of scenes.splice(0)) scene.remove();
    });

    it('has not killed the task, or the next start finishes or explains it', async function () {
      this.timeout(120_000);
      const seen = { untouched: 0, explained: 0, finished: 0 };
      await forEachStep(async (step) => {
        const { pid } = await groups.start('echo ready; sleep 300');
        const scene = new Scene(layout, pid);
        scenes.push(scene);
        if ((await scene.act('kill', step)) !== undefined) {
          assertKilled(scene);
          return false;
        }
        const outcomes = await startAnew(scene);
        const files = readdirSync(scene.storage, { recursive: true }).map(String);
        assert.deepEqual(
          files.filter((name) => name.includes('tmp')),
          [],
        );
        if (scene.lives) {
          assert.equal(readTask(scene.task.paths).status, 'running');
          if (scene.marker === 'killed') {
            seen.explained += 1;
            assert.match(outcomes[0]?.message ?? '', /cut off.*still run.*Kill it again/);
          } else {
            seen.untouched += 1;
            assert.deepEqual(outcomes.filter(Boolean), []);
          }
          const note = new ActionJournal(scene.journal, table).note(
            `00000000/${scene.task.taskId}`,
            'kill',
          );
          const request = { ...requestFor(scene.storage, scene.task.paths), clock: hurrying, note };
          const outcome = await killTask(request);
          assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
        } else {
          seen.finished += 1;
        }
        assertKilled(scene);
        await startAnew(scene);
        const left = readdirSync(scene.journal, { recursive: true }).map(String);
        assert.deepEqual(
          left.filter((name) => name.endsWith('.json')),
          [],
        );
        return true;
      });
      assert(seen.untouched > 0 && seen.explained > 0 && seen.finished > 2, JSON.stringify(seen));
    });

    it('does nothing between the exit marker and the signal, for which an AFT would wait', async () => {
      const { pid } = await groups.start('echo ready; sleep 300');
      const scene = new Scene(layout, pid);
      scenes.push(scene);
      const steps = await scene.trace('kill');
      const marked = steps.indexOf(`renameSync ${basename(scene.task.paths.exit)}`);
      assert(marked > 0, steps.join(', '));
      assert.equal(steps[marked + 1], 'kill SIGTERM', steps.join(', '));
      assert(steps.slice(0, marked).some((step) => step.startsWith('fsyncSync')));
      assertKilled(scene);
    });

    it('has marked the record delivered before the row, and a second time finishes it', async function () {
      this.timeout(120_000);
      const seen = { nothing: 0, record: 0, both: 0 };
      await forEachStep(async (step) => {
        const scene = new Scene(layout, undefined);
        scenes.push(scene);
        const outcome = await scene.act('deliver', step);
        const { completionDelivered } = readTask(scene.task.paths);
        const { delivered, metadata } = scene.row;
        assert.equal(metadata['completion_delivered'], delivered === 1);
        assert(completionDelivered || delivered === 0, 'the row is before the record');
        if (outcome !== undefined) return false;
        seen[delivered === 1 ? 'both' : completionDelivered ? 'record' : 'nothing'] += 1;
        const again = await markTaskDelivered(scene.storage, 'opencode', scene.task.paths);
        assert.deepEqual([again.done, again.reason], [true, undefined], again.message);
        assert.equal(readTask(scene.task.paths).completionDelivered, true);
        assert.equal(scene.row.delivered, 1);
        return true;
      });
      assert(seen.nothing > 0 && seen.record > 1, JSON.stringify(seen));
    });
  });
}

describe('two windows that act on one task at once', () => {
  const groups = new ProcessGroups();
  let scene: Scene;
  afterEach(() => {
    groups.endAll();
    scene.remove();
  });

  it('kill it once, and agree', async () => {
    const { pid } = await groups.start("trap '' TERM; echo ready; while :; do sleep 1; done");
    scene = new Scene('directory', pid);
    const outcomes = await Promise.all([scene.act('kill'), scene.act('kill')]);
    assert(outcomes.some((outcome) => outcome?.done));
    for (const outcome of outcomes) {
      assert(outcome?.done === true || outcome?.reason === 'already-ended', outcome?.message);
    }
    assertKilled(scene);
  });

  it('mark it delivered once, and agree', async () => {
    scene = new Scene('directory', undefined);
    const outcomes = await Promise.all([1, 2, 3].map(() => scene.act('deliver')));
    for (const outcome of outcomes) assert.deepEqual(outcome?.reason, undefined, outcome?.message);
    assert.equal(readTask(scene.task.paths).completionDelivered, true);
    assert.equal(scene.row.delivered, 1);
  });

  it('kill it and mark it delivered: the mark waits for the end', async () => {
    const { pid } = await groups.start('echo ready; sleep 300');
    scene = new Scene('directory', pid);
    const [killed, marked] = await Promise.all([scene.act('kill'), scene.act('deliver')]);
    assert.equal(killed?.done, true, killed?.message);
    assert(marked?.done === true || marked?.reason === 'not-terminal', marked?.message);
    assertKilled(scene);
  });
});
