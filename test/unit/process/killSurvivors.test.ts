import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '../../../src/persistence/outcome.ts';
import type { PersistedTask } from '../../../src/persistence/record.ts';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import { killTask } from '../../../src/process/kill.ts';
import { KillJournal } from '../../../src/process/killJournal.ts';
import { liveMembers } from '../../../src/process/processTable.ts';
import { writeTaskFixture, type FixtureTask } from '../../support/taskFixture.ts';
import { hurrying, requestFor } from './actionSupport.ts';
import { ProcessGroups } from './processGroups.ts';

describe('killing what a task that has ended left behind', () => {
  let storage: string;
  const table = hostProcessTable();
  const groups = new ProcessGroups();
  beforeEach(() => {
    storage = mkdtempSync(join(tmpdir(), 'aft-survivors-'));
  });
  afterEach(() => {
    groups.endAll();
    rmSync(storage, { recursive: true });
  });

  const write = (pgid: number, record: Partial<PersistedTask>): FixtureTask =>
    writeTaskFixture({ storage, record: { pgid, ...record } });
  const kill = (task: FixtureTask): Promise<Outcome> =>
    killTask({
      ...requestFor(storage, task.paths),
      clock: hurrying,
      note: { begin: () => assert.fail('noted'), end: () => undefined },
    });
  const live = (pgid: number): number =>
    liveMembers(table.snapshot([], [pgid]).groups.get(pgid)).length;

  it('ends it, and changes nothing of the record but AFT’s list of it', async () => {
    const startedAt = Date.now();
    const { pid, survivor } = await groups.startLeaderless();
    const task = write(pid, { startedAt, finishedAt: Date.now() });
    const text = readFileSync(task.paths.json, 'utf8').replace(
      '"completion_delivered"',
      `"live_descendants": [{"pid": ${survivor}, "comm": "sleep", "argv0": "sleep"}],\n  "live_descendants_omitted": 3,\n  "completion_delivered"`,
    );
    writeFileSync(task.paths.json, text);
    const outcome = await kill(task);
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert.equal(live(pid), 0);
    const { live_descendants: list, ...left } = JSON.parse(
      readFileSync(task.paths.json, 'utf8'),
    ) as Record<string, unknown>;
    assert.deepEqual(list, []);
    const {
      live_descendants: was,
      live_descendants_omitted: omitted,
      ...before
    } = JSON.parse(text) as Record<string, unknown>;
    assert.deepEqual(left, before, String([was, omitted]));
  });

  it('ends a command that goes on although its record says that it has ended', async () => {
    const startedAt = Date.now();
    const { pid } = await groups.start('echo ready; sleep 300');
    const task = write(pid, { status: 'killed', startedAt, finishedAt: Date.now() + 1000 });
    const outcome = await kill(task);
    assert.deepEqual([outcome.done, outcome.reason], [true, undefined], outcome.message);
    assert.equal(live(pid), 0);
  });

  it('leaves a group alone that began after the end: the number is another one’s now', async () => {
    const { pid } = await groups.startLeaderless();
    const leader = await groups.start('echo ready; sleep 300');
    const ended = { startedAt: Date.now() - 20_000, finishedAt: Date.now() - 10_000 };
    for (const pgid of [pid, leader.pid]) {
      const outcome = await kill(write(pgid, ended));
      assert.deepEqual([outcome.done, outcome.reason], [false, 'already-ended'], outcome.message);
      assert(live(pgid) > 0);
    }
  });

  it('leaves a group alone where the end is not known', async () => {
    const startedAt = Date.now();
    const { pid } = await groups.startLeaderless();
    const outcome = await kill(write(pid, { startedAt, finishedAt: undefined }));
    assert.deepEqual([outcome.done, outcome.reason], [false, 'already-ended']);
    assert(live(pid) > 0);
  });
});

describe('the journal of kills', () => {
  let directory: string;
  const table = hostProcessTable();
  const groups = new ProcessGroups();
  const key = '0123abcd/opencode/761e48ac259824c0/bash-0000000000000001';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'aft-journal-'));
  });
  afterEach(() => {
    groups.endAll();
    rmSync(directory, { recursive: true });
  });

  it('has nothing to say of a kill that came to its end, or goes on', () => {
    const journal = new KillJournal(directory, table);
    assert.deepEqual(journal.unfinished('0123abcd'), []);
    const note = journal.note(key);
    note.begin();
    assert.deepEqual(journal.unfinished('0123abcd'), []);
    note.end();
    assert.deepEqual(new KillJournal(directory, table).unfinished('0123abcd'), []);
  });

  it('knows a kill that was cut off, until it is forgotten, in its storage only', () => {
    new KillJournal(directory, table).note(key).begin();
    // The thread that began it has gone.
    const journal = new KillJournal(directory, table);
    assert.deepEqual(journal.unfinished('ffffffff'), []);
    const [unfinished, ...others] = journal.unfinished('0123abcd');
    assert.deepEqual([unfinished?.key, others], [key, []]);
    unfinished?.forget();
    assert.deepEqual(journal.unfinished('0123abcd'), []);
  });

  it('leaves kills of other windows to them', async () => {
    const { pid } = await groups.start('echo ready; sleep 300');
    const found = table.snapshot([pid], []).processes.get(pid);
    assert(found?.state === 'found');
    const entry = { key, pid, startedAt: found.process.startedAt };
    writeFileSync(join(directory, `a-${pid}.json`), JSON.stringify(entry));
    const journal = new KillJournal(directory, table);
    assert.deepEqual(journal.unfinished('0123abcd'), []);
    writeFileSync(join(directory, `a-${pid}.json`), JSON.stringify({ ...entry, startedAt: 1 }));
    assert.equal(journal.unfinished('0123abcd').length, 1);
  });

  it('is not troubled by what is no entry', () => {
    writeFileSync(join(directory, 'broken.json'), '{');
    writeFileSync(join(directory, 'other.json'), '{"key": 1}');
    assert.deepEqual(new KillJournal(directory, table).unfinished('0123abcd'), []);
    new KillJournal(join(directory, 'broken.json'), table).note(key).begin();
  });
});
