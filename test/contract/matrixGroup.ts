import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { deleteTask } from '../../src/persistence/deleteTask.ts';
import type { Outcome } from '../../src/persistence/outcome.ts';
import { bundlePaths, hashSession, type TaskPaths } from '../../src/persistence/paths.ts';
import {
  markRunning,
  markTerminal,
  starting,
  type PersistedTask,
} from '../../src/persistence/record.ts';
import { readTask, writeTask } from '../../src/persistence/taskFile.ts';
import { act } from './actions.ts';
import { runs, type Combination, type Situation, type Subject } from './matrix.ts';
import { endGroup, live, Place, sessionId, until, type StartedTask } from './place.ts';

/** A combination, and all that was seen of it. */
export interface Cell extends Combination {
  task: StartedTask;
  /** Its command ends when this file is there. */
  signalFile: string;
  /** The group that the record was made to name, and one that has to be left alone. */
  stranger: Stranger | undefined;
  /** Where in the trash it is, before it is brought back. */
  trashEntry: string;
  /** When the command was given. */
  before: Views;
  outcomes: Outcome[];
  /** When that was done. */
  views: Views;
  /** After the next start of AFT. */
  later: Views;
}

/** The five views. */
export interface Views {
  readonly record: PersistedTask | undefined;
  /** Blank where there is none. */
  readonly marker: string;
  readonly row: Record<string, unknown> | undefined;
  /** Absent where no AFT ran. */
  readonly answer: Answer | undefined;
  /** How many processes of the task live. */
  readonly processes: number;
  /** How many of those that its record was made to name. */
  readonly strangers: number;
}

interface Answer {
  readonly status: unknown;
  readonly exitCode: unknown;
  readonly notFound: boolean;
  /** Will the agent (still) be told? */
  readonly queued: boolean;
}

interface Stranger {
  /** What the record was made to name. */
  readonly number: number;
  readonly pgid: number;
}

/** Cells of one binary in one situation that share a storage and its AFTs. */
export class Group {
  readonly cells: Cell[];
  readonly place: Place;
  private readonly situation: Situation;
  private readonly isFlat: boolean;
  private bystander = 0;
  private made = 0;

  constructor([first, ...others]: readonly Combination[]) {
    assert(first);
    this.place = new Place(first.version);
    this.situation = first.situation;
    this.isFlat = first.kind === 'flat';
    this.cells = [first, ...others].map((combination) => ({ ...combination }) as Cell);
  }

  async run(): Promise<void> {
    const { place, situation, cells } = this;
    this.bystander = await startGroup('exec sleep 600');
    if (!this.isFlat) await place.startAft();
    for (const cell of cells) {
      cell.signalFile = join(place.project, `end-${(this.made += 1)}`);
      cell.task = await (this.isFlat ? this.startFlat(cell) : this.start(cell));
    }
    if (situation !== 'alive') await place.stopAft();
    // 0.57.2 records the end of what it finds dead when it starts: these die afterwards.
    if (situation === 'adopted') {
      await place.startAft();
      for (const { task } of cells) await place.aft.status(sessionId, task.taskId);
    }
    const dead = cells.filter(({ command }) => command === 'recordEnded');
    for (const { task } of dead) await endProcesses(task);
    if (situation === 'down' && dead.length > 0) {
      // For as long it can't be told whether the AFT lives elsewhere.
      await sleep(12_000);
    }
    for (const cell of cells) await this.prepare(cell);
    const windows = await Promise.all(cells.map((cell) => this.openWindows(cell)));
    await Promise.all(
      cells.map(async (cell, at) => {
        cell.outcomes = await Promise.all((windows[at] ?? []).map((giveCommand) => giveCommand()));
      }),
    );
    await this.lookAtAll('views');
    for (const cell of cells) {
      if (cell.command === 'stopNotifying') await this.letEnd(cell);
    }
    await place.stopAft();
    await place.startAft();
    await this.lookAtAll('later');
    assert.equal(live(this.bystander), 1, 'a process that is none of the tasks’ was signalled');
  }

  async end(): Promise<void> {
    await this.place.end();
    if (this.bystander !== 0) endGroup(this.bystander);
    for (const { stranger } of this.cells) if (stranger !== undefined) endGroup(stranger.pgid);
  }

  private async start(cell: Cell): Promise<StartedTask> {
    const task = { command: commandOf(cell), pty: cell.kind === 'pty' };
    return runs(cell) ? this.place.start(task) : this.place.finished(task);
  }

  /** A flat task of schema 4 whose processes are ours, made before an AFT sees the storage. */
  private async startFlat(cell: Cell): Promise<StartedTask> {
    const { storage, project } = this.place;
    const taskId = `bash-${(this.made + 0xf1a7).toString(16).padStart(16, '0')}`;
    const sessionDir = join(storage, 'opencode', 'bash-tasks', hashSession(sessionId));
    const paths = bundlePaths(sessionDir, taskId, 'flat');
    mkdirSync(sessionDir, { recursive: true });
    const script = join(project, `${taskId}.sh`);
    const command = commandOf(cell);
    writeFileSync(script, command);
    for (const path of [paths.stdout, paths.stderr]) writeFileSync(path, '', { mode: 0o600 });
    const task = starting({
      ...{ taskId, sessionId, command, workdir: project, projectRoot: project },
      ...{ notifyOnCompletion: true, compressed: true },
    });
    const { stdout, stderr, exit } = paths;
    const pid = await startGroup(
      `sh '${script}' >>'${stdout}' 2>>'${stderr}'; printf $? > '${exit}'`,
    );
    if (runs(cell)) {
      await until(() => readFileSync(stdout, 'utf8') !== '');
      writeTask(paths, markRunning(task, pid, pid));
    } else {
      await until(() => existsSync(exit) && readFileSync(exit, 'utf8') === '0');
      writeTask(paths, markTerminal({ ...task, pgid: pid }, 'completed', 0, undefined));
    }
    return this.place.adopt(paths);
  }

  /** Makes of the task what the command is to find. */
  private async prepare(cell: Cell): Promise<void> {
    const { storage, harness } = this.place;
    const { paths } = cell.task;
    cell.stranger = await startStranger(cell.subject);
    if (cell.stranger !== undefined) rename(paths, cell.stranger.number);
    if (cell.subject === 'left behind') await until(() => this.look(cell).processes > 0);
    cell.before = this.look(cell);
    if (cell.command === 'undo') {
      const { trashEntry, message } = await deleteTask(storage, harness, paths);
      assert(trashEntry !== undefined, message);
      cell.trashEntry = trashEntry;
    }
  }

  /** What gives the command: we, or two windows that wait for the word. */
  private async openWindows(cell: Cell): Promise<(() => Promise<Outcome>)[]> {
    const { storage, harness } = this.place;
    const { paths } = cell.task;
    if (cell.windows === 1) {
      return [() => act(cell.command, this.place.request(paths), cell.trashEntry)];
    }
    const args = [
      ...[join(import.meta.dirname, 'otherWindow.ts'), storage, harness ?? '_', paths.layout],
      ...[paths.sessionDir, paths.taskId, cell.command, cell.trashEntry],
    ].map((argument: string | undefined) => argument ?? '');
    return Promise.all([openWindow(args), openWindow(args)]);
  }

  private async lookAtAll(when: 'views' | 'later'): Promise<void> {
    const { place, cells } = this;
    for (const cell of cells) {
      // What is asked for, an AFT that has just started looks at now.
      if (when === 'later') await place.aft.status(sessionId, cell.task.taskId);
      await this.untilRowAgrees(cell);
      cell[when] = this.look(cell);
    }
    if (!place.isServed) return;
    // 0.19.6 notes what it is asked for as told: this comes last.
    const queued = await place.undelivered();
    for (const cell of cells) {
      cell[when] = { ...cell[when], answer: await this.ask(cell, queued) };
    }
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

  private look({ task: { taskId, paths, record }, stranger }: Cell): Views {
    return {
      record: existsSync(paths.json) ? readTask(paths) : undefined,
      marker: existsSync(paths.exit) ? readFileSync(paths.exit, 'utf8').trim() : '',
      row: this.place.row(taskId),
      answer: undefined,
      processes: record.pgid === undefined ? 0 : live(record.pgid),
      strangers: stranger === undefined ? 0 : live(stranger.pgid),
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

  /** Lets the command of a task end by itself, and whoever serves it record that. */
  private async letEnd({ task: { record, taskId }, signalFile }: Cell): Promise<void> {
    writeFileSync(signalFile, '');
    await until(() => live(record.pgid ?? 0) === 0);
    if (this.place.isServed) await this.place.aft.ended(sessionId, taskId);
  }
}

/** A command that prints, and outlives the loss of its terminal. */
function commandOf({ subject, signalFile }: Cell): string {
  const loop = `while [ ! -e ${signalFile} ]; do sleep 0.1; done`;
  switch (subject) {
    case 'ended':
      return 'echo ready; echo more';
    case 'deaf':
      return `trap '' HUP TERM; echo ready; ${loop}`;
    case 'tree':
      return "trap '' HUP; (sleep 300 & sleep 300 & wait) & sleep 300 & echo ready; wait";
    case 'left behind':
      // What holds on to its terminal keeps AFT waiting for the end.
      return "trap '' HUP; sleep 300 >/dev/null 2>&1 & (trap '' TERM; while :; do sleep 1; done) >/dev/null 2>&1 & echo ready";
    case 'plain':
    case 'dead':
    case 'stranger':
    case 'reused group':
      return `trap '' HUP; echo ready; ${loop}; echo ended`;
  }
}

async function startGroup(script: string): Promise<number> {
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  return child.pid ?? 0;
}

/** Processes of others, for a record to name: a member of a group, or a group that lost its leader. */
async function startStranger(subject: Subject): Promise<Stranger | undefined> {
  if (subject !== 'stranger' && subject !== 'reused group') return undefined;
  const isMember = subject === 'stranger';
  const script = `sleep 600 >/dev/null & echo $!; ${isMember ? 'exec sleep 600' : ''}`;
  const child = spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const pgid = child.pid ?? 0;
  if (!isMember && child.exitCode === null) await once(child, 'exit');
  return { number: isMember ? Number(line) : pgid, pgid };
}

/** Makes a record name another process. */
function rename({ json }: TaskPaths, number: number): void {
  const text = readFileSync(json, 'utf8')
    .replace(/("child_pid": )\d+/, `$1${number}`)
    .replace(/("pgid": )\d+/, `$1${number}`);
  writeFileSync(`${json}.new`, text, { mode: 0o600 });
  renameSync(`${json}.new`, json);
}

async function endProcesses({ record: { pgid = 0 } }: StartedTask): Promise<void> {
  endGroup(pgid);
  await until(() => live(pgid) === 0);
}

/** Starts another window; resolves, when that is ready, with what gives it the word. */
async function openWindow(args: readonly string[]): Promise<() => Promise<Outcome>> {
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  return async () => {
    child.stdin.write('go\n');
    const [line] = (await once(lines, 'line')) as [string];
    return JSON.parse(line) as Outcome;
  };
}
