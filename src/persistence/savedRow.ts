import type * as Sqlite from 'node:sqlite';
import type { RowName } from './database.ts';
import { PersistenceError } from './errors.ts';

/** A value of a database, exactly: `integer:`, `real:` (64 bits, hex), `text:` or `blob:` (base64). */
type SavedValue = string | null;

/** A row of any table, by the columns that it had. */
export type SavedColumns = readonly (readonly [column: string, value: SavedValue])[];

/** A task's row in AFT's database with its pattern watches, whatever columns that version has. */
export interface SavedRow {
  readonly task: SavedColumns;
  readonly watches: readonly SavedColumns[];
}

/** The key that both tables share. */
export interface RowKey {
  readonly harness: string;
  readonly sessionId: string;
  readonly taskId: string;
}

const tasksTable = 'bash_tasks';
const watchesTable = 'bash_pattern_watches';

/** Reads a task's row and its watches; absent where there is no row. */
export function readSavedRow(database: Sqlite.DatabaseSync, key: RowKey): SavedRow | undefined {
  const [task] = readRows(database, tasksTable, key);
  if (task === undefined) return undefined;
  return { task, watches: readRows(database, watchesTable, key) };
}

/** Writes a row and its watches as they were. Throws where a column or a table is not there now. */
export function insertSavedRow(database: Sqlite.DatabaseSync, { task, watches }: SavedRow): void {
  insert(database, tasksTable, task);
  for (const watch of watches) insert(database, watchesTable, watch);
}

export function isSameRow(left: SavedRow, right: SavedRow): boolean {
  return JSON.stringify(left.task) === JSON.stringify(right.task);
}

export function serializeSavedRow(row: SavedRow): string {
  return JSON.stringify(row, null, 2);
}

/** Throws `corrupt` for a text that is no saved row, or one of another task. */
export function parseSavedRow(text: string, owner: RowName, path: string): SavedRow {
  const row = parse(text);
  const rows = row === undefined ? [] : [row.task, ...row.watches];
  const harness = owner.harness ?? textOf(row?.task ?? [], 'harness');
  const isOwn = rows.every(
    (columns) =>
      textOf(columns, 'session_id') === owner.sessionId &&
      textOf(columns, 'task_id') === owner.taskId &&
      textOf(columns, 'harness') === harness,
  );
  if (row !== undefined && isOwn) return row;
  throw new PersistenceError('corrupt', `${path} is not the saved row of task ${owner.taskId}.`, {
    path,
  });
}

/** The text in a column; absent for other values. */
export function textOf(columns: SavedColumns, column: string): string | undefined {
  const value = columns.find(([name]) => name === column)?.[1];
  return value?.startsWith('text:') === true
    ? Buffer.from(value.slice('text:'.length), 'base64').toString()
    : undefined;
}

function readRows(database: Sqlite.DatabaseSync, table: string, key: RowKey): SavedColumns[] {
  const columns = columnsOf(database, table);
  if (columns.length === 0) return [];
  // A text goes through its bytes: it may have a NUL in it, or be no UTF-8.
  const values = columns.map((column, index) => {
    const name = quoted(column);
    const value = `CASE typeof(${name}) WHEN 'text' THEN CAST(${name} AS BLOB) ELSE ${name} END`;
    return `typeof(${name}) AS t${index}, ${value} AS v${index}`;
  });
  const statement = database.prepare(
    `SELECT ${values.join(', ')} FROM ${table}
     WHERE harness = ? AND session_id = ? AND task_id = ?`,
  );
  statement.setReadBigInts(true);
  return statement
    .all(key.harness, key.sessionId, key.taskId)
    .map((row) =>
      columns.map((column, index) => [column, save(row[`t${index}`], row[`v${index}`])] as const),
    );
}

function insert(database: Sqlite.DatabaseSync, table: string, columns: SavedColumns): void {
  const known = new Set(columnsOf(database, table));
  const missing = columns.find(([column]) => !known.has(column));
  if (missing !== undefined) throw new Error(`${table} has no column ${missing[0]} any more`);
  const names = columns.map(([column]) => quoted(column)).join(', ');
  const values = columns.map(([, value]) => load(value));
  const places = values.map(({ sql }) => sql).join(', ');
  database
    .prepare(`INSERT INTO ${table} (${names}) VALUES (${places})`)
    .run(...values.flatMap(({ parameters }) => parameters));
}

/** The columns of a table, without those that the database computes; none where there is no such table. */
function columnsOf(database: Sqlite.DatabaseSync, table: string): string[] {
  return database
    .prepare('SELECT name FROM pragma_table_info(?) ORDER BY cid')
    .all(table)
    .map((row) => String(row['name']));
}

function quoted(column: string): string {
  return `"${column.replaceAll('"', '""')}"`;
}

function save(type: unknown, value: unknown): SavedValue {
  switch (type) {
    case 'integer':
      return `integer:${String(value)}`;
    case 'real': {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(Number(value));
      return `real:${bytes.toString('hex')}`;
    }
    case 'text':
    case 'blob':
      return `${type}:${Buffer.from(value as Uint8Array).toString('base64')}`;
    default:
      return null;
  }
}

/** A value for an SQL statement. An empty parameter would be bound as NULL. */
function load(value: SavedValue): { sql: string; parameters: (bigint | number | Uint8Array)[] } {
  if (value === null) return { sql: 'NULL', parameters: [] };
  const colon = value.indexOf(':');
  const text = value.slice(colon + 1);
  switch (value.slice(0, colon)) {
    case 'integer':
      return { sql: '?', parameters: [BigInt(text)] };
    case 'real':
      return { sql: '?', parameters: [Buffer.from(text, 'hex').readDoubleBE()] };
    case 'text': {
      if (text === '') return { sql: "''", parameters: [] };
      return { sql: 'CAST(? AS TEXT)', parameters: [Buffer.from(text, 'base64')] };
    }
    default: {
      if (text === '') return { sql: 'zeroblob(0)', parameters: [] };
      return { sql: '?', parameters: [Buffer.from(text, 'base64')] };
    }
  }
}

const savedValue =
  /^(?:integer:-?\d{1,19}|real:[0-9a-f]{16}|(?:text|blob):(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;

function isSavedValue(text: string): boolean {
  if (!savedValue.test(text)) return false;
  if (!text.startsWith('integer:')) return true;
  const integer = BigInt(text.slice('integer:'.length));
  return BigInt.asIntN(64, integer) === integer;
}

function parse(text: string): SavedRow | undefined {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof row !== 'object' || row === null || !('task' in row) || !('watches' in row)) {
    return undefined;
  }
  const { task, watches } = row;
  if (!isColumns(task) || !Array.isArray(watches) || !watches.every(isColumns)) return undefined;
  return { task, watches };
}

function isColumns(value: unknown): value is SavedColumns {
  return (
    Array.isArray(value) &&
    value.every((pair: unknown) => {
      if (!Array.isArray(pair) || pair.length !== 2) return false;
      const [column, saved] = pair as unknown[];
      return (
        typeof column === 'string' &&
        (saved === null || (typeof saved === 'string' && isSavedValue(saved)))
      );
    })
  );
}
