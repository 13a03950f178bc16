import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sessionId, taskId } from './support.ts';

/** What AFT 0.57.2 makes, as far as tasks go. */
export const aftSchema = `
  CREATE TABLE schema_version (version INTEGER NOT NULL PRIMARY KEY);
  CREATE TABLE bash_tasks (
    harness TEXT NOT NULL, session_id TEXT NOT NULL, task_id TEXT NOT NULL,
    project_key TEXT NOT NULL, command TEXT NOT NULL, cwd TEXT NOT NULL, status TEXT NOT NULL,
    exit_code INTEGER, pid INTEGER, pgid INTEGER, started_at INTEGER NOT NULL,
    completed_at INTEGER, stdout_path TEXT, stderr_path TEXT,
    compressed INTEGER NOT NULL DEFAULT 1, timeout_ms INTEGER,
    completion_delivered INTEGER NOT NULL DEFAULT 0, output_bytes INTEGER, metadata TEXT,
    PRIMARY KEY (harness, session_id, task_id)
  );
  CREATE TABLE bash_pattern_watches (
    harness TEXT NOT NULL, session_id TEXT NOT NULL, task_id TEXT NOT NULL,
    watch_id TEXT NOT NULL, pattern_kind TEXT NOT NULL, pattern TEXT NOT NULL,
    PRIMARY KEY (harness, session_id, task_id, watch_id),
    FOREIGN KEY (harness, session_id, task_id)
      REFERENCES bash_tasks (harness, session_id, task_id) ON DELETE CASCADE
  );`;

/** Opens the storage's database and makes AFT's tables in it. The caller closes it. */
export function createDatabase(storage: string, version = 13): DatabaseSync {
  mkdirSync(storage, { recursive: true });
  const database = new DatabaseSync(join(storage, 'aft.db'));
  database.exec(`PRAGMA journal_mode = WAL; ${aftSchema}`);
  database.prepare('INSERT INTO schema_version VALUES (?)').run(version);
  return database;
}

interface NewRow {
  readonly harness?: string;
  readonly sessionId?: string;
  readonly taskId?: string;
  readonly status?: string;
  readonly stdoutPath?: string;
  readonly metadata?: string | null;
}

export function insertRow(database: DatabaseSync, row: NewRow = {}): void {
  database
    .prepare(
      `INSERT INTO bash_tasks
       (harness, session_id, task_id, project_key, command, cwd, status, started_at, stdout_path, metadata)
       VALUES (?, ?, ?, 'k', 'c', '/w', ?, 1000, ?, ?)`,
    )
    .run(
      row.harness ?? 'opencode',
      row.sessionId ?? sessionId,
      row.taskId ?? taskId,
      row.status ?? 'completed',
      row.stdoutPath ?? null,
      row.metadata === undefined ? '{}' : row.metadata,
    );
}

export interface FoundRow {
  readonly harness: string;
  readonly session_id: string;
  readonly task_id: string;
  readonly completion_delivered: number;
  readonly metadata: string | null;
}

/** All rows, read through a connection of its own that changes nothing. */
export function readRows(storage: string): FoundRow[] {
  const database = new DatabaseSync(join(storage, 'aft.db'), { readOnly: true });
  try {
    return database
      .prepare(
        `SELECT harness, session_id, task_id, completion_delivered, metadata
         FROM bash_tasks ORDER BY harness, session_id, task_id`,
      )
      .all() as unknown as FoundRow[];
  } finally {
    database.close();
  }
}
