import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TaskPaths } from '../../../src/persistence/paths.ts';
import type { Layout } from '../../../src/persistence/record.ts';
import { pathsIn, put, recordJson, sessionId, taskId } from './support.ts';

/** Columns and types that no other test has: what a later 0.57 may add, and every kind of value. */
const schema = `
  CREATE TABLE schema_version (version INTEGER NOT NULL PRIMARY KEY);
  INSERT INTO schema_version VALUES (13);
  CREATE TABLE bash_tasks (
    harness TEXT NOT NULL, session_id TEXT NOT NULL, task_id TEXT NOT NULL,
    status TEXT NOT NULL, exit_code INTEGER, started_at INTEGER NOT NULL, stdout_path TEXT,
    completion_delivered INTEGER NOT NULL DEFAULT 0, metadata TEXT,
    "a ""new"" one" BLOB, anything, ratio REAL, empty TEXT, zero BLOB,
    computed INTEGER GENERATED ALWAYS AS (started_at + 1) VIRTUAL,
    PRIMARY KEY (harness, session_id, task_id)
  );
  CREATE TABLE bash_pattern_watches (
    harness TEXT NOT NULL, session_id TEXT NOT NULL, task_id TEXT NOT NULL,
    watch_id TEXT NOT NULL, pattern TEXT NOT NULL, stdout_offset INTEGER NOT NULL DEFAULT 0,
    match_text TEXT,
    PRIMARY KEY (harness, session_id, task_id, watch_id),
    FOREIGN KEY (harness, session_id, task_id)
      REFERENCES bash_tasks (harness, session_id, task_id) ON DELETE CASCADE
  );`;

/** A database in which the usual task, and another one, have a row with two watches each. */
export function makeRichDatabase(storage: string, version = 13): void {
  const database = new DatabaseSync(join(storage, 'aft.db'));
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${schema}`);
  database.prepare('UPDATE schema_version SET version = ?').run(version);
  for (const id of [taskId, 'bash-ffffffffffffffff']) {
    database
      .prepare(
        `INSERT INTO bash_tasks
         (harness, session_id, task_id, status, started_at, metadata, "a ""new"" one", anything,
          ratio, empty, zero)
         VALUES ('opencode', ?, ?, 'completed', 9007199254740993, CAST(? AS TEXT), ?, ?, ?, '',
                 zeroblob(0))`,
      )
      // Texts of SQLite may hold a NUL, and bytes that are no UTF-8.
      .run(
        sessionId,
        id,
        Buffer.from('{"a":"ü\0\xff"}', 'latin1'),
        Buffer.from([0, 1, 255]),
        -0.1,
        5,
      );
    for (const watch of ['w1', 'w2']) {
      database
        .prepare(
          `INSERT INTO bash_pattern_watches VALUES ('opencode', ?, ?, ?, 'done|''fäil''',
           -9223372036854775808, NULL)`,
        )
        .run(sessionId, id, watch);
    }
  }
  database.close();
}

/** Every row of every table, each value with its type, as SQLite itself writes it. */
export function databaseContent(storage: string): unknown[] {
  const database = new DatabaseSync(join(storage, 'aft.db'), { readOnly: true });
  try {
    return ['bash_tasks', 'bash_pattern_watches'].flatMap((table) => {
      const columns = database.prepare('SELECT name FROM pragma_table_xinfo(?)').all(table);
      const values = columns.map(({ name }) => {
        const column = `"${String(name).replaceAll('"', '""')}"`;
        return `typeof(${column}) || ' ' || ifnull(hex(CAST(${column} AS BLOB)), '')`;
      });
      const text = values.map((value, index) => `${value} AS c${index}`).join(', ');
      return database.prepare(`SELECT '${table}' AS t, ${text} FROM ${table} ORDER BY 4, 5`).all();
    });
  } finally {
    database.close();
  }
}

/** The usual task with everything that a bundle can have, modes and times of its own. */
export function makeBundle(storage: string, layout: Layout): TaskPaths {
  const paths = pathsIn(storage, layout);
  put(paths.json, recordJson(layout === 'directory' ? { schema_version: 6 } : {}));
  put(paths.stdout, 'out');
  put(paths.stderr);
  put(paths.exit, '0');
  if (paths.taskDir === undefined) {
    put(join(paths.sessionDir, `${taskId}.sh`), 'wrapper');
  } else {
    put(join(paths.taskDir, 'control', 'environment.bin'), new Uint8Array([0, 255]));
    put(join(paths.taskDir, 'io', 'extra', 'deep'), 'x');
  }
  chmodSync(paths.sessionDir, 0o710);
  chmodSync(paths.stdout, 0o640);
  utimesSync(paths.stdout, 1_600_000_000.25, 1_600_000_001.5);
  utimesSync(paths.json, 1_600_000_002, 1_600_000_003);
  return paths;
}

/** Every file and directory below `bash-tasks`: type, mode, time and content. */
export function tasksContent(storage: string): Map<string, string> {
  const directory = join(storage, 'opencode', 'bash-tasks');
  mkdirSync(directory, { recursive: true });
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return new Map(
    names.sort().map((name) => {
      const path = join(directory, name);
      const stats = lstatSync(path);
      const mode = (stats.mode & 0o7777).toString(8);
      if (!stats.isFile()) {
        // A session's directory changes when tasks come and go; a task's own does not.
        const time = dirname(name) === '.' ? '' : String(stats.mtimeMs);
        return [name, `directory ${mode} ${time}`];
      }
      const hash = createHash('sha256').update(readFileSync(path)).digest('hex');
      return [name, `file ${mode} ${stats.mtimeMs} ${stats.nlink} ${hash}`];
    }),
  );
}
