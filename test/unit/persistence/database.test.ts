import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  deleteRow,
  markRowDelivered,
  restoreRow,
  systemDatabase,
  type DatabaseSystem,
} from '../../../src/persistence/database.ts';
import {
  parseSavedRow,
  serializeSavedRow,
  type SavedRow,
} from '../../../src/persistence/savedRow.ts';
import { aftSchema, createDatabase, insertRow, readRows } from './aftDatabase.ts';
import { assertFails, recordJson, sessionId, taskId, temporaryDirectory } from './support.ts';

const name = { harness: 'opencode', sessionId, taskId };
const metadata = `{"more":1.50,${JSON.stringify(JSON.parse(recordJson())).slice(1)}`;
const changed = { result: 'changed', problem: undefined };

function neverSleeping(whileWaiting: (attempt: number) => void): DatabaseSystem {
  let attempt = 0;
  return {
    ...systemDatabase,
    sleep: () => {
      attempt += 1;
      whileWaiting(attempt);
      return Promise.resolve();
    },
  };
}

describe('markRowDelivered', () => {
  const directory = temporaryDirectory();

  it('sets the column, and the value in the metadata without touching anything else', async () => {
    const database = createDatabase(directory());
    insertRow(database, { metadata });
    insertRow(database, { taskId: 'bash-ffffffffffffffff', metadata });
    insertRow(database, { harness: 'pi', metadata });
    database.close();
    assert.deepEqual(await markRowDelivered(directory(), name), changed);
    const rows = readRows(directory());
    assert.deepEqual(
      rows.map((row) => [row.harness, row.task_id, row.completion_delivered]),
      [
        ['opencode', taskId, 1],
        ['opencode', 'bash-ffffffffffffffff', 0],
        ['pi', taskId, 0],
      ],
    );
    assert.equal(
      rows[0]?.metadata,
      metadata.replace('"completion_delivered":false', '"completion_delivered":true'),
    );
    assert.equal(rows[1]?.metadata, metadata);
  });

  for (const odd of [null, 'no JSON', '{"completion_delivered":false}']) {
    it(`sets only the column where the metadata is ${String(odd)}`, async () => {
      const database = createDatabase(directory());
      insertRow(database, { metadata: odd });
      database.close();
      assert.deepEqual(await markRowDelivered(directory(), name), changed);
      const [row] = readRows(directory());
      assert.equal(row?.completion_delivered, 1);
      assert.equal(row.metadata, odd);
    });
  }

  for (const status of ['running', 'starting', 'killing', 'paused']) {
    it(`leaves a row alone that says ${status}`, async () => {
      const database = createDatabase(directory());
      insertRow(database, { status, metadata });
      database.close();
      const outcome = await markRowDelivered(directory(), name);
      assert.equal(outcome.result, 'not-terminal');
      assert.match(outcome.problem ?? '', new RegExp(status));
      assert.equal(readRows(directory())[0]?.completion_delivered, 0);
    });
  }

  it('finds the row of a task without a harness where there is only one', async () => {
    const database = createDatabase(directory());
    insertRow(database, { harness: 'pi', stdoutPath: '/storage/bash-tasks/hash/id.stdout' });
    database.close();
    assert.deepEqual(await markRowDelivered(directory(), { ...name, harness: undefined }), changed);
    assert.equal(readRows(directory())[0]?.completion_delivered, 1);
  });

  it('leaves the row of a namesake below its harness where the task has no harness', async () => {
    const database = createDatabase(directory());
    insertRow(database, { harness: 'pi', stdoutPath: '/storage/pi/bash-tasks/hash/id/io/stdout' });
    database.close();
    const outcome = await markRowDelivered(directory(), { ...name, harness: undefined });
    assert.equal(outcome.result, 'absent');
    assert.equal(readRows(directory())[0]?.completion_delivered, 0);
  });

  it('changes none where two harnesses have a row of a task without a harness', async () => {
    const database = createDatabase(directory());
    const stdoutPath = '/storage/bash-tasks/hash/id.stdout';
    insertRow(database, { harness: 'opencode', stdoutPath });
    insertRow(database, { harness: 'pi', stdoutPath });
    database.close();
    const outcome = await markRowDelivered(directory(), { ...name, harness: undefined });
    assert.equal(outcome.result, 'failed');
    assert.match(outcome.problem ?? '', /2 harnesses/);
    assert.ok(readRows(directory()).every((row) => row.completion_delivered === 0));
  });
});

describe('deleteRow', () => {
  const directory = temporaryDirectory();

  it('deletes the row and its pattern watches, and no other', async () => {
    const database = createDatabase(directory());
    for (const task of [taskId, 'bash-ffffffffffffffff']) {
      insertRow(database, { taskId: task });
      database
        .prepare(`INSERT INTO bash_pattern_watches VALUES ('opencode', ?, ?, 'w', 'k', 'p')`)
        .run(sessionId, task);
    }
    database.close();
    assert.deepEqual(await deleteRow(directory(), name), changed);
    assert.deepEqual(
      readRows(directory()).map((row) => row.task_id),
      ['bash-ffffffffffffffff'],
    );
    const after = new DatabaseSync(join(directory(), 'aft.db'), { readOnly: true });
    const watches = after.prepare('SELECT task_id FROM bash_pattern_watches').all();
    after.close();
    assert.deepEqual(
      watches.map((watch) => watch['task_id']),
      ['bash-ffffffffffffffff'],
    );
  });

  it('says absent for a task without a row', async () => {
    createDatabase(directory()).close();
    assert.deepEqual(await deleteRow(directory(), name), { result: 'absent', problem: undefined });
  });
});

describe('a row that was saved', () => {
  const directory = temporaryDirectory();

  async function saveAndDelete(): Promise<SavedRow> {
    const saved: SavedRow[] = [];
    const outcome = await deleteRow(directory(), name, undefined, (row) => saved.push(row));
    assert.deepEqual(outcome, changed);
    assert.ok(saved[0] !== undefined);
    return saved[0];
  }

  beforeEach(() => {
    const database = createDatabase(directory());
    insertRow(database);
    database
      .prepare(`INSERT INTO bash_pattern_watches VALUES ('opencode', ?, ?, 'w', 'k', 'p')`)
      .run(sessionId, taskId);
    database.close();
  });

  it('is not deleted where saving it fails', async () => {
    const outcome = await deleteRow(directory(), name, undefined, () => {
      throw new Error('disk full');
    });
    assert.equal(outcome.result, 'failed');
    assert.match(outcome.problem ?? '', /disk full/);
    assert.equal(readRows(directory()).length, 1);
  });

  it('is restored once, and found to be there after that', async () => {
    const row = parseSavedRow(serializeSavedRow(await saveAndDelete()), name, 'row.json');
    assert.deepEqual(await restoreRow(directory(), row), changed);
    assert.deepEqual(await restoreRow(directory(), row), { result: 'absent', problem: undefined });
    assert.equal(readRows(directory()).length, 1);
  });

  it('is restored with its watches or not at all', async () => {
    const row = await saveAndDelete();
    const database = new DatabaseSync(join(directory(), 'aft.db'));
    database.exec('DROP TABLE bash_pattern_watches');
    database.close();
    const outcome = await restoreRow(directory(), row);
    assert.equal(outcome.result, 'failed');
    assert.match(outcome.problem ?? '', /bash_pattern_watches has no column harness any more/);
    assert.deepEqual(readRows(directory()), []);
  });

  it('is restored where the database has more columns now', async () => {
    const row = await saveAndDelete();
    const database = new DatabaseSync(join(directory(), 'aft.db'));
    database.exec(`ALTER TABLE bash_tasks ADD COLUMN later TEXT DEFAULT 'x'`);
    database.close();
    assert.deepEqual(await restoreRow(directory(), row), changed);
  });

  it('is not restored into a database that is newer than known', async () => {
    const row = await saveAndDelete();
    const database = new DatabaseSync(join(directory(), 'aft.db'));
    database.exec('INSERT INTO schema_version VALUES (14)');
    database.close();
    assert.equal((await restoreRow(directory(), row)).result, 'newer-database');
    assert.deepEqual(readRows(directory()), []);
  });

  for (const [what, text] of [
    ['no JSON', '{'],
    ['no row', '{"task":[],"watches":[]}'],
    ['one with a value of no kind', '{"task":[["harness","sql:DROP"]],"watches":[]}'],
    [
      'one with an integer of more than 64 bits',
      '{"task":[["harness","integer:9223372036854775808"]],"watches":[]}',
    ],
    ['one with a column of no kind', '{"task":[[1,null]],"watches":[]}'],
  ] as const) {
    it(`is refused where its text is ${what}`, () => {
      assertFails(() => parseSavedRow(text, name, 'row.json'), 'corrupt');
    });
  }

  it('is refused where it, or a watch, is another task’s or another harness’s', async () => {
    const row = await saveAndDelete();
    const text = serializeSavedRow(row);
    for (const other of [
      { ...name, taskId: 'bash-ffffffffffffffff' },
      { ...name, sessionId: 'ses_other' },
      { ...name, harness: 'pi' },
    ]) {
      assertFails(() => parseSavedRow(text, other, 'row.json'), 'corrupt');
    }
    const watch = row.watches[0]?.map(([column, value]) =>
      column === 'task_id' ? ([column, 'text:eA=='] as const) : ([column, value] as const),
    );
    assert.ok(watch !== undefined);
    const mixed = serializeSavedRow({ ...row, watches: [watch] });
    assertFails(() => parseSavedRow(mixed, name, 'row.json'), 'corrupt');
  });
});

describe('AFT’s database', () => {
  const directory = temporaryDirectory();
  const path = (): string => join(directory(), 'aft.db');

  it('is not made where there is none', async () => {
    const outcome = await deleteRow(directory(), name);
    assert.deepEqual(outcome, { result: 'no-database', problem: undefined });
    assert.deepEqual(readdirSync(directory()), []);
  });

  it('is not made anew where it vanishes just before it is opened', async () => {
    createDatabase(directory()).close();
    const outcome = await deleteRow(directory(), name, {
      ...systemDatabase,
      sqlite: () => {
        rmSync(path());
        return process.getBuiltinModule('node:sqlite');
      },
    });
    assert.equal(outcome.result, 'failed');
    assert.ok(!existsSync(path()));
  });

  it('is not opened through a symbolic link', async () => {
    const elsewhere = join(directory(), 'elsewhere');
    const database = createDatabase(elsewhere);
    insertRow(database);
    database.close();
    symlinkSync(join(elsewhere, 'aft.db'), path());
    const outcome = await deleteRow(directory(), name);
    assert.equal(outcome.result, 'failed');
    assert.match(outcome.problem ?? '', /not a regular file/);
    assert.equal(readRows(elsewhere).length, 1);
  });

  for (const file of ['aft.db', 'aft.db-wal', 'aft.db-journal', 'aft.db-shm']) {
    it(`is not written where ${file} has a second hard link`, async () => {
      const database = createDatabase(directory());
      insertRow(database);
      database.close();
      const elsewhere = join(directory(), 'elsewhere');
      if (file === 'aft.db') renameSync(path(), elsewhere);
      else writeFileSync(elsewhere, 'another’s');
      linkSync(elsewhere, join(directory(), file));
      const before = readFileSync(elsewhere);
      const outcome = await deleteRow(directory(), name);
      assert.equal(outcome.result, 'failed');
      assert.match(outcome.problem ?? '', /has a second hard link/);
      assert.deepEqual(readFileSync(elsewhere), before);
    });
  }

  it('is found under a path with characters that mean something in a URI', async () => {
    const storage = join(directory(), 'a?mode=memory#b%20 c');
    const database = createDatabase(storage);
    insertRow(database);
    database.close();
    assert.deepEqual(await deleteRow(storage, name), changed);
    assert.deepEqual(readRows(storage), []);
  });

  it('is not written where it is newer than known', async () => {
    const database = createDatabase(directory(), 14);
    insertRow(database);
    database.close();
    const before = readFileSync(path());
    const outcome = await deleteRow(directory(), name);
    assert.equal(outcome.result, 'newer-database');
    assert.match(outcome.problem ?? '', /version 14.*13/);
    assert.deepEqual(readFileSync(path()), before);
    assert.equal(readRows(directory()).length, 1);
  });

  for (const [what, sql] of [
    ['without tables', 'CREATE TABLE other (a)'],
    ['without a version', aftSchema],
  ] as const) {
    it(`is not written where it is one ${what}`, async () => {
      const database = new DatabaseSync(path());
      database.exec(sql);
      database.close();
      const before = readFileSync(path());
      const outcome = await deleteRow(directory(), name);
      assert.equal(outcome.result, 'failed');
      assert.deepEqual(readFileSync(path()), before);
    });
  }

  for (const [what, sql] of [
    [
      'trigger "t"',
      'CREATE TRIGGER t AFTER DELETE ON bash_tasks BEGIN DELETE FROM bash_tasks; END',
    ],
    [
      'view "bash_pattern_watches"',
      'DROP TABLE bash_pattern_watches; CREATE VIEW bash_pattern_watches AS SELECT * FROM bash_tasks',
    ],
  ] as const) {
    it(`is left alone where it has the ${what}, which AFT’s never has`, async () => {
      const database = createDatabase(directory());
      insertRow(database);
      database.exec(sql);
      database.close();
      const outcome = await deleteRow(directory(), name);
      assert.equal(outcome.result, 'failed');
      assert.match(outcome.problem ?? '', new RegExp(`has a ${what}`));
      assert.equal(readRows(directory()).length, 1);
    });
  }

  for (const suffix of ['-journal', '-wal', '-shm']) {
    it(`is not opened beside a ${suffix} that is no file: SQLite waits for ever at a pipe`, async () => {
      createDatabase(directory()).close();
      rmSync(path() + suffix, { force: true });
      mkdirSync(path() + suffix);
      const outcome = await deleteRow(directory(), name);
      assert.equal(outcome.result, 'failed');
      assert.match(outcome.problem ?? '', new RegExp(`aft\\.db${suffix} is not a regular file`));
    });
  }

  it('is left alone where it is no database, with words for it', async () => {
    writeFileSync(path(), 'no database at all, but long enough to be taken for one'.repeat(20));
    const outcome = await deleteRow(directory(), name);
    assert.equal(outcome.result, 'failed');
    assert.match(outcome.problem ?? '', /aft\.db: .*not a database/);
  });

  it('is a directory: said in words', async () => {
    mkdirSync(path());
    assert.equal((await deleteRow(directory(), name)).result, 'failed');
  });

  it('can’t be changed where the host has no SQLite', async () => {
    createDatabase(directory()).close();
    const outcome = await deleteRow(directory(), name, {
      ...systemDatabase,
      sqlite: () => undefined,
    });
    assert.equal(outcome.result, 'no-sqlite');
    assert.match(outcome.problem ?? '', /node:sqlite/);
  });

  it('is changed as soon as another process lets go of it', async () => {
    const database = createDatabase(directory());
    insertRow(database);
    database.exec('BEGIN IMMEDIATE');
    const system = neverSleeping((attempt) => {
      if (attempt === 3) database.exec('ROLLBACK');
    });
    assert.deepEqual(await deleteRow(directory(), name, system), changed);
    database.close();
    assert.deepEqual(readRows(directory()), []);
  });

  it('is given up after about five seconds of being locked', async () => {
    const database = createDatabase(directory());
    insertRow(database);
    database.exec('BEGIN IMMEDIATE');
    const system = neverSleeping(() => undefined);
    const outcome = await deleteRow(directory(), name, system);
    assert.equal(outcome.result, 'locked');
    assert.match(outcome.problem ?? '', /locked/);
    database.exec('ROLLBACK');
    database.close();
    assert.equal(readRows(directory()).length, 1);
  });

  it('keeps the write-ahead log of an AFT that was killed: no page goes to the main file', async () => {
    const script = `
      import { createDatabase, insertRow } from ${JSON.stringify(join(import.meta.dirname, 'aftDatabase.ts'))};
      const database = createDatabase(${JSON.stringify(directory())});
      database.exec('PRAGMA wal_autocheckpoint = 0');
      for (let index = 0; index < 1500; index += 1) {
        const taskId = 'bash-' + index.toString(16).padStart(16, '0');
        insertRow(database, { taskId, metadata: 'x'.repeat(4000) });
      }
      insertRow(database);
      process.kill(process.pid, 'SIGKILL');`;
    spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    const main = readFileSync(path());
    const log = statSync(`${path()}-wal`).size;
    assert.deepEqual(await deleteRow(directory(), name), changed);
    assert.deepEqual(readFileSync(path()), main);
    assert.ok(statSync(`${path()}-wal`).size > log);
    assert.equal(readRows(directory()).length, 1500);
  });

  it('sees the change at once from a connection that was open before', async () => {
    const database = createDatabase(directory());
    insertRow(database);
    assert.deepEqual(await deleteRow(directory(), name), changed);
    const left = database.prepare('SELECT count(*) AS n FROM bash_tasks').get();
    assert.equal(left?.['n'], 0);
    database.close();
  });

  it('may vanish while it is waited for', async () => {
    const database = createDatabase(directory());
    database.exec('BEGIN IMMEDIATE');
    const system = neverSleeping(() => {
      if (existsSync(path())) renameSync(path(), join(directory(), 'moved'));
    });
    assert.equal((await deleteRow(directory(), name, system)).result, 'no-database');
    database.exec('ROLLBACK');
    database.close();
  });
});
