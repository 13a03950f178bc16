import assert from 'node:assert/strict';
import type { OutcomeReason } from '../../src/persistence/outcome.ts';
import type { TaskStatus } from '../../src/persistence/record.ts';
import type { Command } from './actions.ts';
import { aThird, allCombinations, inGroups, nameOf } from './matrix.ts';
import { Group, type Cell, type Views } from './matrixGroup.ts';

/**
 * Every command in every situation, on real tasks of real AFTs. After each, five views have to
 * agree: the record, the exit marker, AFT's row, AFT's answers before and after a restart, and the
 * process table. `npm run test:contract -- --full` runs all of it, otherwise a third.
 */

const isFull = process.env['AFT_TASKS_MATRIX'] === 'full';
const combinations = isFull ? allCombinations() : aThird(allCombinations());

/** What all five views have to show. */
interface Expected {
  readonly record: TaskStatus | 'none';
  /** One of these; blank: there is none, or it is empty. */
  readonly markers: readonly string[];
  readonly row: 'agrees' | 'none' | 'as it was';
  /** One of these, where an AFT runs. */
  readonly answers: readonly (TaskStatus | 'task_not_found')[];
  /** Is the agent (still) to be told? Absent where either is right. */
  readonly queued: boolean | undefined;
  readonly processes: 'none' | 'some';
}

function assertViews(cell: Cell, when: 'views' | 'later', expected: Expected): void {
  const views = cell[when];
  const { record, marker, answer, processes } = views;
  const at = when === 'views' ? 'at once' : 'after the restart';
  assert.equal(record?.status ?? 'none', expected.record, `the record, ${at}`);
  assert(expected.markers.includes(marker), `the marker, ${at}: “${marker}”`);
  if (expected.row === 'agrees') assertRowAgrees(cell, views);
  else if (expected.row === 'none') assert.equal(views.row, undefined, `the row, ${at}`);
  else assert.deepEqual(views.row, cell.before.row, `the row, ${at}`);
  assert.equal(processes > 0 ? 'some' : 'none', expected.processes, `the processes, ${at}`);
  assert.equal(views.strangers, cell.before.strangers, `the processes of others, ${at}`);
  if (answer === undefined) {
    assert(when === 'views' && cell.situation === 'down', 'AFT was not asked');
    return;
  }
  // 0.57.2 does not look for what has no row while the project has rows.
  const isUnseen = cell.kind === 'flat' && when === 'later' && views.row === undefined;
  if (isUnseen && answer.notFound) return;
  const said = answer.notFound ? 'task_not_found' : String(answer.status);
  assert((expected.answers as readonly string[]).includes(said), `AFT’s answer, ${at}: ${said}`);
  // 0.19.6 takes what it was asked for as told.
  if (expected.queued !== undefined && (cell.version === '0.57.2' || !expected.queued)) {
    assert.equal(answer.queued, expected.queued, `is the agent to be told, ${at}?`);
  }
}

/** The row says what the record says, in its columns and in its copy of the record. */
function assertRowAgrees({ version, kind }: Cell, { row, record }: Views): void {
  if (row === undefined) {
    // AFT 0.19.6 has no database, and 0.57.2 no row for what it did not start.
    assert(version === '0.19.6' || kind === 'flat', 'there is no row');
    return;
  }
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

/** One window has done it; what the other one says of that is one of these. */
function assertDone({ outcomes, windows }: Cell, ...others: OutcomeReason[]): void {
  assert.equal(outcomes.length, windows);
  const said = outcomes.map(({ message }) => message).join('\n');
  const isDone = outcomes.filter(({ done, reason }) => done && reason === undefined);
  assert(isDone.length > 0, said);
  for (const { done, reason } of outcomes) {
    assert(done ? reason === undefined : reason !== undefined && others.includes(reason), said);
  }
}

/** 0.57.2 gives a terminal that it did not start itself for lost, and calls the task killed. */
function isLostTerminal({ kind, situation }: Cell): boolean {
  return kind === 'pty' && situation === 'adopted';
}

function assertKilled(cell: Cell): void {
  if (cell.subject === 'stranger' || cell.subject === 'reused group') {
    assertNotKilled(cell);
    return;
  }
  assertDone(cell, 'already-ended');
  const isLeft = cell.subject === 'left behind';
  const status = isLeft ? 'completed' : 'killed';
  const killMarkers = isLostTerminal(cell) ? ['', 'killed'] : ['killed'];
  assert(cell.before.processes > 0, 'nothing was there to be killed');
  for (const when of ['views', 'later'] as const) {
    assertViews(cell, when, {
      record: status,
      markers: isLeft ? ['0'] : killMarkers,
      row: 'agrees',
      answers: [status],
      queued: true,
      processes: 'none',
    });
    const { record } = cell[when];
    assert.equal(record?.childPid, undefined);
    if (isLeft) assert.deepEqual(record?.liveDescendants ?? [], []);
    // 0.19.6 writes no exit code for what was killed, nor does 0.57.2 for a lost terminal.
    else if (cell.version === '0.57.2' && !isLostTerminal(cell))
      assert.equal(record?.exitCode, 137);
  }
}

function assertNotKilled(cell: Cell): void {
  const { before, views, later, kind, version } = cell;
  const refusals: (OutcomeReason | undefined)[] = [
    ...(['not-same-process', 'unknown-process'] as const),
    ...(isLostTerminal(cell) ? (['already-ended'] as const) : []),
  ];
  for (const { done, reason, message } of cell.outcomes) {
    assert(!done && refusals.includes(reason), message);
  }
  assert.equal(views.record?.source, before.record?.source);
  const status = isLostTerminal(cell) ? 'killed' : 'running';
  assert(before.strangers > 0);
  const untouched = { record: status, row: 'as it was', processes: 'some' } as const;
  assertViews(cell, 'views', {
    ...{ ...untouched, markers: [''], answers: [status] },
    queued: isLostTerminal(cell),
  });
  // An AFT that goes by the record believes it; the rows still name the task's own process.
  const isBelieved = version === '0.19.6' || kind === 'flat';
  const lost = kind === 'pty' ? 'killed' : 'running';
  assert.equal(later.processes > 0, true);
  assert.equal(later.strangers, before.strangers);
  if (!isBelieved) assert.equal(later.answer?.status, lost);
}

function assertDeleted(cell: Cell): void {
  assertDone(cell, 'not-found', 'busy');
  const gone = { record: 'none', markers: [''], row: 'none', processes: 'none' } as const;
  // A running AFT answers from its memory.
  const answers = ['completed', 'task_not_found'] as const;
  assertViews(cell, 'views', { ...gone, answers, queued: undefined });
  assertViews(cell, 'later', { ...gone, answers: ['task_not_found'], queued: false });
}

function assertBack(cell: Cell): void {
  assertDone(cell, 'not-found', 'busy', 'already-there');
  const { before, views } = cell;
  assert.equal(views.record?.source, before.record?.source);
  const back = { record: 'completed', markers: ['0'], processes: 'none', queued: true } as const;
  assertViews(cell, 'views', { ...back, row: 'as it was', answers: ['completed'] });
  assertViews(cell, 'later', { ...back, row: 'agrees', answers: ['completed'] });
}

function assertDelivered(cell: Cell): void {
  assertDone(cell);
  const { before, views, later } = cell;
  assert(before.record && views.record);
  const { completionDelivered, source, ...unchanged } = views.record;
  const { completionDelivered: told, source: text, ...was } = before.record;
  assert.deepEqual(unchanged, was, String([completionDelivered, source, told, text]));
  const ended = { record: 'completed', markers: ['0'], row: 'agrees', processes: 'none' } as const;
  // 0.57.2 that runs goes by its memory.
  assertViews(cell, 'views', { ...ended, answers: ['completed'], queued: undefined });
  assertViews(cell, 'later', { ...ended, answers: ['completed'], queued: false });
  for (const { record } of [views, later]) assert.equal(record?.completionDelivered, true);
}

function assertNotNotifying(cell: Cell): void {
  const { before, views, later, outcomes, kind, situation, version } = cell;
  const running = { markers: [''], row: 'agrees', processes: 'some', queued: false } as const;
  const isRefused = isLostTerminal(cell) || version === '0.19.6';
  if (isRefused) {
    const expected = version === '0.19.6' ? 'unsupported-schema' : 'already-ended';
    for (const { done, reason } of outcomes) assert.deepEqual([done, reason], [false, expected]);
    assert.equal(views.record?.source, before.record?.source);
    const status = isLostTerminal(cell) ? 'killed' : 'running';
    const queued = isLostTerminal(cell);
    assertViews(cell, 'views', { ...running, record: status, answers: [status], queued });
    return;
  }
  assertDone(cell);
  assertViews(cell, 'views', { ...running, record: 'running', answers: ['running'] });
  const said = [views.record?.completionDelivered, views.record?.notifyOnCompletion];
  assert.deepEqual(said, [true, false]);
  // The terminal is lost with AFT, whatever the command makes of that.
  const end = kind === 'pty' && situation === 'down' ? 'killed' : 'completed';
  assertViews(cell, 'later', {
    ...{ record: end, markers: end === 'killed' ? ['', '0'] : ['0'], row: 'agrees' },
    ...{ answers: [end], queued: false, processes: 'none' },
  });
  assert.equal(later.record?.completionDelivered, true);
}

function assertRecordedEnded(cell: Cell): void {
  const { views, later, outcomes, version, situation, kind } = cell;
  // 0.19.6 does not look after what it took over, and 0.57.2 is fast.
  const byAft = situation !== 'down' && !(version === '0.19.6' && situation === 'adopted');
  for (const { done, reason, message } of outcomes) {
    // The other window may have been faster, or AFT.
    const isLate = !done && reason === 'already-ended' && (byAft || cell.windows === 2);
    assert(isLate || (done && reason === undefined), message);
  }
  const { record } = views;
  assert(record);
  const byUs = {
    pipes: version === '0.57.2' ? ('fate_unknown' as const) : ('failed' as const),
    pty: 'killed' as const,
    flat: 'failed' as const,
  }[kind];
  const status = byAft ? record.status : byUs;
  assert(!['starting', 'running', 'killing'].includes(status), status);
  const ended = {
    record: status,
    markers: byAft ? ['', '1'] : [''],
    row: 'agrees',
    processes: 'none',
  } as const;
  // 0.19.6 that took it over holds on to its memory until it ends.
  const answers = byAft ? [status] : [status, 'running' as const];
  assertViews(cell, 'views', { ...ended, answers, queued: undefined });
  assertViews(cell, 'later', { ...ended, answers: [status], queued: true });
  assert.equal(later.record?.finishedAt, record.finishedAt);
  assert.equal(later.record?.statusReason, record.statusReason);
}

const assertions: Readonly<Record<Command, (cell: Cell) => void>> = {
  kill: assertKilled,
  delete: assertDeleted,
  undo: assertBack,
  markDelivered: assertDelivered,
  stopNotifying: assertNotNotifying,
  recordEnded: assertRecordedEnded,
};

describe(`every command in every situation (${isFull ? 'all' : 'a third'})`, function () {
  this.timeout(600_000);
  const groups = inGroups(combinations).map((of) => new Group(of));
  const failures = new Map<Group, unknown>();
  let took = 0;

  before(async () => {
    const started = performance.now();
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
    took = performance.now() - started;
  });

  for (const group of groups) {
    for (const cell of group.cells) {
      it(nameOf(cell), () => {
        const failure = failures.get(group);
        if (failure !== undefined) throw new Error('the group failed', { cause: failure });
        assertions[cell.command](cell);
      });
    }
  }

  after(() => {
    const cells = `${combinations.length} of ${allCombinations().length} combinations`;
    console.log(`      ${cells} in ${Math.round(took / 1000)} s`);
  });
});
