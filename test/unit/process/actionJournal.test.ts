import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '../../../src/persistence/outcome.ts';
import { ActionJournal } from '../../../src/process/actionJournal.ts';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import { ProcessGroups } from './processGroups.ts';

describe('the journal of actions under way', () => {
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
    const journal = new ActionJournal(directory, table);
    assert.deepEqual(journal.unfinished('0123abcd'), []);
    const note = journal.note(key, 'kill');
    note.begin();
    assert.deepEqual(journal.unfinished('0123abcd'), []);
    note.end();
    assert.deepEqual(new ActionJournal(directory, table).unfinished('0123abcd'), []);
  });

  it('knows a kill that was cut off, until it is forgotten, in its storage only', () => {
    new ActionJournal(directory, table).note(key, 'kill').begin();
    // The thread that began it has gone.
    const journal = new ActionJournal(directory, table);
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
    const { startedAt } = found.process;
    new ActionJournal(directory, table).note(key, 'kill').begin();
    const [file = ''] = readdirSync(directory);
    const entry = JSON.parse(readFileSync(join(directory, file), 'utf8')) as object;
    writeFileSync(join(directory, file), JSON.stringify({ ...entry, pid, startedAt }));
    const journal = new ActionJournal(directory, table);
    assert.deepEqual(journal.unfinished('0123abcd'), []);
    writeFileSync(join(directory, file), JSON.stringify({ ...entry, pid, startedAt: 1 }));
    assert.equal(journal.unfinished('0123abcd').length, 1);
  });

  it('leaves kills of windows elsewhere to them while they can be under way', () => {
    // There, process numbers mean others: even our own.
    new ActionJournal(directory, table, 'another container').note(key, 'kill').begin();
    const journal = new ActionJournal(directory, table);
    assert.deepEqual(journal.unfinished('0123abcd'), []);
    const [file = ''] = readdirSync(directory);
    const entry = JSON.parse(readFileSync(join(directory, file), 'utf8')) as object;
    const old = { ...entry, begunAt: Date.now() - 3_600_000 };
    writeFileSync(join(directory, file), JSON.stringify(old));
    assert.equal(journal.unfinished('0123abcd').length, 1);
  });

  it('keeps the note of an earlier run when a kill of its own ends, even if their process numbers are one', () => {
    new ActionJournal(directory, table).note(key, 'kill').begin();
    const journal = new ActionJournal(directory, table);
    const note = journal.note(key, 'kill');
    note.end();
    assert.equal(journal.unfinished('0123abcd').length, 1);
    note.begin();
    assert.equal(journal.unfinished('0123abcd').length, 1);
    note.end();
    assert.equal(journal.unfinished('0123abcd').length, 1);
  });

  it('has a note for each window that does the same to a task at once', async () => {
    const [one, other] = [1, 2].map(() => new ActionJournal(directory, table));
    let endFirst = (): void => undefined;
    const outcome: Outcome = { done: true, reason: undefined, message: '', details: undefined };
    const first = one!.during(key, 'delivered', async () => {
      await new Promise<void>((resolve) => (endFirst = resolve));
      return outcome;
    });
    await other!.during(key, 'delivered', () => Promise.resolve(outcome));
    // Were the first window's host killed now, its mark would be found.
    const found = new ActionJournal(directory, table).unfinished('0123abcd');
    assert.deepEqual(
      found.map(({ action }) => action),
      ['delivered'],
    );
    endFirst();
    await first;
    assert.deepEqual(readdirSync(directory), []);
  });

  it('keeps the note of what the next start can finish', async () => {
    const left: Outcome = {
      ...{ done: true, reason: 'row-not-updated', message: '', details: undefined },
    };
    await new ActionJournal(directory, table).during(key, 'ended', () => Promise.resolve(left));
    const [found] = new ActionJournal(directory, table).unfinished('0123abcd');
    assert.deepEqual([found?.key, found?.action], [key, 'ended']);
  });

  it('removes what was cut off while it was noted, and is not another window’s', () => {
    const [old, young] = ['0', '1'].map((digit) => join(directory, `.aft-tmp-${digit.repeat(32)}`));
    for (const path of [old!, young!]) writeFileSync(path, '{');
    utimesSync(old!, 0, 0);
    new ActionJournal(directory, table).unfinished('0123abcd');
    assert.deepEqual(readdirSync(directory), [`.aft-tmp-${'1'.repeat(32)}`]);
  });

  it('does not wait for a pipe', () => {
    spawnSync('mkfifo', [join(directory, 'pipe.json')]);
    assert.deepEqual(new ActionJournal(directory, table).unfinished('0a1b2c3d'), []);
  });

  it('is not troubled by what is no entry', () => {
    writeFileSync(join(directory, 'broken.json'), '{');
    writeFileSync(join(directory, 'other.json'), '{"key": 1}');
    assert.deepEqual(new ActionJournal(directory, table).unfinished('0123abcd'), []);
    new ActionJournal(join(directory, 'broken.json'), table).note(key, 'kill').begin();
  });
});
