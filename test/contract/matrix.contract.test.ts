import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deleteTask } from '../../src/persistence/deleteTask.ts';
import { markTaskDelivered } from '../../src/persistence/deliver.ts';
import type { Outcome } from '../../src/persistence/outcome.ts';
import { bundlePaths, hashSession } from '../../src/persistence/paths.ts';
import {
  markRunning,
  markTerminal,
  starting,
  type PersistedTask,
} from '../../src/persistence/record.ts';
import { readTask, writeTask } from '../../src/persistence/taskFile.ts';
import { stopNotifying } from '../../src/persistence/stopNotifying.ts';
import { killTask } from '../../src/process/kill.ts';
import { recordEnded } from '../../src/process/recordEnded.ts';
import type { AftVersion } from '../support/cache.ts';
import { endGroup, live, longestWait, Place, sessionId, until, type StartedTask } from './place.ts';

/**
 * Every command in every situation, on real tasks of real AFTs. After each, five views have to
 * agree: the record, the exit marker, AFT's row, AFT's answers before and after a restart, and the
 * process table. `npm run test:contract -- --full` runs all of it, otherwise a third.
 */

/** `alive`: the AFT that started the task runs. `adopted`: another one, started later. `down`: none. */
const situations = ['alive', 'adopted', 'down'] as const;
const commands = ['kill', 'delete', 'markDelivered', 'stopNotifying', 'recordEnded'] as const;
type Situation = (typeof situations)[number];
type Command = (typeof commands)[number];

/** What AFT makes of a task; `flat`: a record of schema 4, which 0.57.2 reads and does not make. */
const kinds = ['pipes', 'pty', 'flat'] as const;
type Kind = (typeof kinds)[number];

interface Combination {
  readonly version: AftVersion;
  readonly situation: Situation;
  readonly kind: Kind;
  readonly command: Command;
}

function allCombinations(): Combination[] {
  return commands.flatMap((command) =>
    situations.flatMap((situation) => [
      ...kinds
        // An AFT does not start flat tasks: it can only find them.
        .filter((kind) => kind !== 'flat' || situation !== 'alive')
        .map((kind) => ({ version: '0.57.2' as const, situation, kind, command })),
      { version: '0.19.6' as const, situation, kind: 'pipes' as const, command },
    ]),
  );
}

/** Each command in each situation once or twice, by turns of another kind and binary. */
function aThird(all: readonly Combination[]): Combination[] {
  const groups = Map.groupBy(all, ({ command, situation }) => `${command} ${situation}`);
  return Array.from(groups.values()).flatMap((group, at) => {
    const taken = [at, ...(at % 3 === 0 ? [at + 2] : [])].map((index) => index % group.length);
    return group.filter((_, index) => taken.includes(index));
  });
}

const isFull = process.env['AFT_TASKS_MATRIX'] === 'full';
const combinations = isFull ? allCombinations() : aThird(allCombinations());

/** A combination, and all that was seen of it. */
interface Cell extends Combination {
  task: StartedTask;
  /** The record when the command was given. */
  before: PersistedTask;
  outcome: Outcome;
  views: Views;
  /** What AFT said of the task while it went on to run; absent where it was down. */
  answer: Answer | undefined;
  /** After the next start of AFT. */
  later: Views & { readonly answer: Answer };
}

interface Views {
  readonly record: PersistedTask | undefined;
  readonly marker: string | undefined;
  readonly row: Record<string, unknown> | undefined;
  readonly processes: number;
}

interface Answer {
  readonly status: unknown;
  readonly exitCode: unknown;
  readonly notFound: boolean;
  /** Will the agent (still) be told? */
  readonly queued: boolean;
}

const needsFinished = (command: Command): boolean =>
  command === 'delete' || command === 'markDelivered';

/** The tasks of one binary in one situation: they share a storage and its AFTs. */
class Group {
  readonly cells: Cell[];
  readonly place: Place;
  /** How long AFT let something else wait for an answer while the commands ran, in milliseconds. */
  longestWait = 0;
  /** The same while nothing was done. */
  usualWait = 0;
  private readonly situation: Situation;
  private readonly kind: 'flat' | 'others';
  private bystander = 0;
  private made = 0;

  constructor(version: AftVersion, situation: Situation, of: readonly Combination[]) {
    this.place = new Place(version);
    this.situation = situation;
    this.kind = of[0]?.kind === 'flat' ? 'flat' : 'others';
    this.cells = of.map((combination) => ({ ...combination }) as Cell);
  }

  async run(): Promise<void> {
    const { place, situation } = this;
    this.bystander = await startGroup('exec sleep 600');
    if (this.kind === 'others') await place.startAft();
    for (const cell of this.cells) cell.task = await this.start(cell);
    const orphans = this.cells.filter(({ command }) => command === 'recordEnded');
    if (situation !== 'alive') await place.stopAft();
    // 0.57.2 records the end of what it finds dead when it starts: these die afterwards.
    if (situation === 'adopted') {
      await place.startAft();
      await place.aft.status(sessionId, this.cells[0]?.task.taskId ?? '');
    }
    for (const { task } of orphans) await this.endProcesses(task);
    if (situation === 'down' && orphans.length > 0) {
      // For as long it can't be told whether the AFT lives elsewhere.
      await sleep(12_000);
    }
    const acting = Promise.all(this.cells.map((cell) => this.act(cell)));
    if (place.isServed) {
      [, this.longestWait] = await longestWait(place.aft, acting);
      [, this.usualWait] = await longestWait(place.aft, sleep(2000));
    } else {
      await acting;
    }
    for (const cell of this.cells) {
      await this.untilRowAgrees(cell);
      cell.views = this.look(cell);
    }
    for (const { command, task } of this.cells) {
      if (command === 'stopNotifying') await this.letEnd(task);
    }
    const queuedBefore = place.isServed ? await place.undelivered() : [];
    for (const cell of this.cells) {
      cell.answer = place.isServed ? await this.ask(cell, queuedBefore) : undefined;
    }
    await place.stopAft();
    await place.startAft();
    const queued = await place.undelivered();
    for (const cell of this.cells) {
      const answer = await this.ask(cell, queued);
      cell.later = { ...this.look(cell), answer };
    }
    assert.equal(live(this.bystander), 1, 'a process that is none of the tasks’ was signalled');
  }

  async end(): Promise<void> {
    await this.place.end();
    if (this.bystander !== 0) endGroup(this.bystander);
    for (const { task } of this.cells) {
      const pgid = (task as StartedTask | undefined)?.record.pgid;
      if (pgid !== undefined && live(pgid) > 0) endGroup(pgid);
    }
  }

  private async start({ command, kind }: Cell): Promise<StartedTask> {
    const { place } = this;
    if (kind === 'flat') return this.startFlat(command);
    const pty = kind === 'pty';
    if (needsFinished(command)) return place.finished({ command: 'echo ready; echo more', pty });
    return place.start({ command: commandLine(this.signalFile()), pty });
  }

  /** A flat task of schema 4 whose process is ours, made before an AFT sees the storage. */
  private async startFlat(command: Command): Promise<StartedTask> {
    const { storage, project } = this.place;
    const taskId = `bash-${(this.made + 0xf1a7).toString(16).padStart(16, '0')}`;
    const file = this.signalFile();
    const sessionDir = join(storage, 'opencode', 'bash-tasks', hashSession(sessionId));
    const paths = bundlePaths(sessionDir, taskId, 'flat');
    mkdirSync(sessionDir, { recursive: true });
    for (const path of [paths.stdout, paths.stderr]) writeFileSync(path, '', { mode: 0o600 });
    const task = starting({
      ...{ taskId, sessionId, command, workdir: project, projectRoot: project },
      ...{ notifyOnCompletion: true, compressed: true },
    });
    if (needsFinished(command)) {
      writeFileSync(paths.exit, '0', { mode: 0o600 });
      writeTask(paths, markTerminal({ ...task, pgid: 0x7fff_fff0 }, 'completed', 0, undefined));
    } else {
      const pid = await startGroup(`${commandLine(file)}; printf 0 > '${paths.exit}'`);
      writeTask(paths, markRunning(task, pid, pid));
    }
    return this.place.adopt(paths);
  }

  /** Commands run until this file is there. */
  private signalFile(): string {
    this.made += 1;
    return join(this.place.project, `end-${this.made}`);
  }

  private async endProcesses({ record: { pgid = 0 } }: StartedTask): Promise<void> {
    endGroup(pgid);
    await until(() => live(pgid) === 0);
  }

  /** Lets the command of a task end by itself, and whoever serves it record that. */
  private async letEnd({ record }: StartedTask): Promise<void> {
    const [file = ''] = /\/\S+end-\d+/.exec(record.command) ?? [];
    // Flat tasks have their file in their process's arguments only.
    for (const path of file === '' ? this.allSignalFiles() : [file]) writeFileSync(path, '');
    await until(() => live(record.pgid ?? 0) === 0);
    if (this.place.isServed) await this.place.aft.ended(sessionId, record.taskId);
  }

  private allSignalFiles(): string[] {
    return Array.from({ length: this.made }, (_, at) => join(this.place.project, `end-${at + 1}`));
  }

  private async act(cell: Cell): Promise<void> {
    const { storage, harness } = this.place;
    const { paths } = cell.task;
    const request = this.place.request(paths);
    cell.before = readTask(paths);
    cell.outcome = await {
      kill: () => killTask({ ...request, note: { begin: () => undefined, end: () => undefined } }),
      delete: () => deleteTask(storage, harness, paths),
      markDelivered: () => markTaskDelivered(storage, harness, paths),
      stopNotifying: () => stopNotifying(storage, harness, paths),
      recordEnded: () => recordEnded(request),
    }[cell.command]();
  }

  /** AFT writes the record first, and then the row. */
  private async untilRowAgrees({ task: { taskId, paths } }: Cell): Promise<void> {
    const limit = Date.now() + 2000;
    const agrees = (): boolean => {
      const row = this.place.row(taskId);
      return (
        row === undefined || !existsSync(paths.json) || row['status'] === readTask(paths).status
      );
    };
    while (!agrees() && Date.now() < limit) await sleep(20);
  }

  private look({ task: { taskId, paths, record } }: Cell): Views {
    return {
      record: existsSync(paths.json) ? readTask(paths) : undefined,
      marker: existsSync(paths.exit) ? readFileSync(paths.exit, 'utf8').trim() : undefined,
      row: this.place.row(taskId),
      processes: record.pgid === undefined ? 0 : live(record.pgid),
    };
  }

  private async ask({ task: { taskId } }: Cell, queued: readonly string[]): Promise<Answer> {
    const answer = await this.place.aft.status(sessionId, taskId);
    return {
      status: answer['status'],
      exitCode: answer['exit_code'] ?? undefined,
      notFound: JSON.stringify(answer).includes('task_not_found'),
      queued: queued.includes(taskId),
    };
  }
}

/** A command that prints, outlives the loss of its terminal, and ends when the file is there. */
function commandLine(file: string): string {
  return `trap '' HUP; echo ready; while [ ! -e ${file} ]; do sleep 0.1; done; echo ended`;
}

async function startGroup(script: string): Promise<number> {
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  return child.pid ?? 0;
}

/** The row says what the record says, in its columns and in its copy of the record. */
function assertRowAgrees({ version }: Cell, { row, record }: Views): void {
  if (version === '0.19.6' || row === undefined) return;
  assert(record);
  const columns = {
    status: record.status,
    exit_code: record.exitCode ?? null,
    pid: record.childPid ?? null,
    completed_at: record.finishedAt ?? null,
    completion_delivered: Number(record.completionDelivered),
  };
  const { status, exit_code, pid, completed_at, completion_delivered } = row;
  assert.deepEqual({ status, exit_code, pid, completed_at, completion_delivered }, columns);
  const metadata = JSON.parse(String(row['metadata'])) as Record<string, unknown>;
  assert.equal(metadata['status'], record.status);
  assert.equal(metadata['completion_delivered'], record.completionDelivered);
  assert.equal(metadata['notify_on_completion'], record.notifyOnCompletion);
}

/** 0.19.6 writes no exit code for what was killed. */
function isKilledCode({ version }: Cell, code: unknown): void {
  if (version === '0.57.2') assert.equal(code, 137);
  else assert(code === 137 || code === undefined, String(code));
}

function assertKilled(cell: Cell): void {
  const { views, later, answer, outcome } = cell;
  assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
  // 0.57.2 gives a terminal that it did not start itself for lost, and calls the task killed.
  const isLostTerminal = cell.kind === 'pty' && cell.situation === 'adopted';
  for (const { record, marker, processes } of [views, later]) {
    assert.equal(record?.status, 'killed');
    assert.equal(record.childPid, undefined);
    assert.equal(processes, 0);
    if (isLostTerminal) continue;
    assert.equal(marker, 'killed');
    isKilledCode(cell, record.exitCode);
  }
  assertRowAgrees(cell, views);
  assertRowAgrees(cell, later);
  for (const said of [answer, later.answer]) {
    if (said !== undefined) assert.equal(said.status, 'killed');
  }
  if (cell.version === '0.57.2') assert(later.answer.queued, 'the agent is not told of the kill');
}

function assertDeleted({ views, later, outcome, answer, situation }: Cell): void {
  assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
  for (const view of [views, later]) {
    const { record, marker, row } = view;
    assert.deepEqual([record, marker, row], [undefined, undefined, undefined]);
  }
  // A running AFT answers from its memory.
  if (situation !== 'down') assert(answer);
  assert(later.answer.notFound, JSON.stringify(later.answer));
  assert(!later.answer.queued, 'a deleted task is delivered');
}

function assertDelivered(cell: Cell): void {
  const { views, later, answer, outcome, before } = cell;
  assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
  assert.equal(views.record?.completionDelivered, true);
  const { completionDelivered, source, ...unchanged } = views.record;
  const { completionDelivered: told, source: text, ...was } = before;
  assert.deepEqual(unchanged, was, String([completionDelivered, source, told, text]));
  for (const view of [views, later]) {
    assert.equal(view.record?.completionDelivered, true);
    assert.equal(view.marker, '0');
    assertRowAgrees(cell, view);
  }
  if (answer !== undefined) assert.equal(answer.status, 'completed');
  // 0.57.2 does not look for what has no row while the project has rows.
  if (cell.kind !== 'flat' || !later.answer.notFound) {
    assert.equal(later.answer.status, 'completed');
  }
  assert(!later.answer.queued, 'its end is told again');
}

function assertNotNotifying(cell: Cell): void {
  const { views, later, answer, outcome, kind, situation, version } = cell;
  if (kind === 'pty' && situation === 'adopted') {
    // 0.57.2 has called it killed when it started.
    assert.equal(outcome.reason, 'already-ended', outcome.message);
    return;
  }
  if (version === '0.19.6') {
    assert.deepEqual([outcome.done, outcome.reason], [false, 'unsupported-schema']);
    assert.equal(views.record?.source, cell.before.source);
    assert(views.processes > 0);
    return;
  }
  assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
  assert.deepEqual(
    [views.record?.status, views.record?.completionDelivered, views.record?.notifyOnCompletion],
    ['running', true, false],
  );
  assert(views.processes > 0, 'a process was signalled');
  assertRowAgrees(cell, views);
  if (answer !== undefined) assert(!answer.queued, 'its agent is told');
  assert(!later.answer.queued, 'its agent is told');
  assert.equal(later.record?.completionDelivered, true);
  // The terminal is lost with AFT, whatever the command makes of that.
  const lost = kind === 'pty' && situation === 'down';
  assert.equal(later.answer.status, lost ? 'killed' : 'completed');
  assertRowAgrees(cell, later);
}

function assertRecordedEnded(cell: Cell): void {
  const { views, later, answer, outcome, version, situation } = cell;
  // 0.19.6 does not look after what it took over, and 0.57.2 is fast.
  const byAft = situation !== 'down' && !(version === '0.19.6' && situation === 'adopted');
  if (byAft && !outcome.done) assert.equal(outcome.reason, 'already-ended', outcome.message);
  else assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
  const { record, processes } = views;
  assert(record);
  if (!byAft) {
    const expected = {
      pipes: version === '0.57.2' ? 'fate_unknown' : 'failed',
      pty: 'killed',
      flat: 'failed',
    };
    assert.equal(record.status, expected[cell.kind]);
  }
  assert(!['starting', 'running', 'killing'].includes(record.status), record.status);
  assert.equal(processes, 0);
  assertRowAgrees(cell, views);
  assertRowAgrees(cell, later);
  assert.equal(later.record?.status, record.status);
  assert.equal(later.record.finishedAt, record.finishedAt);
  assert.equal(later.record.statusReason, record.statusReason);
  // 0.19.6 that took it over holds on to its memory until it ends.
  if (answer !== undefined && byAft) assert.equal(answer.status, record.status);
  assert.equal(later.answer.status, record.status);
}

const assertions: Readonly<Record<Command, (cell: Cell) => void>> = {
  kill: assertKilled,
  delete: assertDeleted,
  markDelivered: assertDelivered,
  stopNotifying: assertNotNotifying,
  recordEnded: assertRecordedEnded,
};

describe(`every command in every situation (${isFull ? 'all' : 'a third'})`, function () {
  this.timeout(400_000);
  const groups = Array.from(
    Map.groupBy(
      combinations,
      ({ version, situation, kind }) => `${version} ${situation} ${kind === 'flat' ? kind : ''}`,
    ).values(),
    (of) => new Group(of[0]?.version ?? '0.57.2', of[0]?.situation ?? 'alive', of),
  );
  const failures = new Map<Group, unknown>();

  before(async () => {
    const waiting = [...groups];
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        try {
          await next.run();
        } catch (error) {
          failures.set(next, error);
        } finally {
          await next.end();
        }
      }
    };
    await Promise.all([lane(), lane(), lane(), lane()]);
  });

  for (const group of groups) {
    for (const cell of group.cells) {
      const { version, situation, kind, command } = cell;
      it(`${command}: ${kind} task of ${version}, ${situation}`, () => {
        const failure = failures.get(group);
        if (failure !== undefined) throw new Error('the group failed', { cause: failure });
        assertions[command](cell);
      });
    }
  }

  // A figure and no test: a machine that has other things to do makes everybody wait.
  after(() => {
    const longest = Math.round(Math.max(...groups.map((group) => group.longestWait)));
    const usual = Math.round(Math.max(...groups.map((group) => group.usualWait)));
    console.log(`      AFT's longest wait for another answer: ${longest} ms; at rest: ${usual} ms`);
  });
});
