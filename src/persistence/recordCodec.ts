import { errorText, PersistenceError } from './errors.ts';
import { formatJson, jsonMembers, type JsonMember } from './jsonText.ts';
import {
  isTaskStatus,
  NEWEST_WRITTEN_SCHEMA,
  SCHEMA_VERSION,
  type LiveDescendant,
  type PartialTask,
  type PersistedTask,
  type RecordFields,
} from './record.ts';

/** A value that does not fit its field. */
const unfit = Symbol('unfit');

/** Takes a parsed value, and its text where that matters; answers the field's value, or `unfit`. */
type Read<T> = (value: unknown, text: string | undefined) => T | typeof unfit;

interface Field<T> {
  /** The key in the JSON. */
  readonly key: string;
  readonly read: Read<T>;
  /** What the field takes, in words. */
  readonly expected: string;
  /** The value where the key is absent; a record without a `required` key is corrupt. */
  readonly absent: { readonly required: true } | { readonly value: T };
}

const text: Read<string> = (value) =>
  // Half a surrogate pair is no text in UTF-8: the seed's parser refuses it too.
  typeof value === 'string' && value.isWellFormed() ? value : unfit;
const flag: Read<boolean> = (value) => (typeof value === 'boolean' ? value : unfit);

/** Integers as the seed's parser takes them: no fraction, no exponent, no minus before zero. */
function integer(lowest: bigint, highest: bigint): Read<number> {
  const [low, high] = [Number(lowest), Number(highest)];
  return (value, digits) => {
    if (typeof value !== 'number' || !(value >= low && value <= high)) return unfit;
    if (digits === undefined) return value;
    if (!/^(?:-?[1-9][0-9]*|0)$/.test(digits)) return unfit;
    // Rounding may have brought the number over the edge: look at the digits.
    const exact = BigInt(digits);
    return exact >= lowest && exact <= highest ? value : unfit;
  };
}

const u16 = integer(0n, 0xffffn);
const u32 = integer(0n, 0xffff_ffffn);
const u64 = integer(0n, 0xffff_ffff_ffff_ffffn);
const i32 = integer(-0x8000_0000n, 0x7fff_ffffn);

function required<T>(key: string, read: Read<T>, expected: string): Field<T> {
  return { key, read, expected, absent: { required: true } };
}

function defaulted<T>(key: string, read: Read<T>, expected: string, value: T): Field<T> {
  return { key, read, expected, absent: { value } };
}

function optional<T>(key: string, read: Read<T>, expected: string): Field<T | undefined> {
  return {
    key,
    read: (value, digits) => (value === null ? undefined : read(value, digits)),
    expected: `${expected} or null`,
    absent: { value: undefined },
  };
}

/** The seed's fields in the order in which AFT writes them. */
const fields: { readonly [Name in keyof RecordFields]: Field<RecordFields[Name]> } = {
  schemaVersion: required('schema_version', u32, 'a whole number'),
  taskId: required('task_id', text, 'a text'),
  sessionId: required('session_id', text, 'a text'),
  command: required('command', text, 'a text'),
  mode: defaulted(
    'mode',
    (value) => (value === 'pipes' || value === 'pty' ? value : unfit),
    '"pipes" or "pty"',
    'pipes',
  ),
  workdir: required('workdir', text, 'a text'),
  projectRoot: optional('project_root', text, 'a text'),
  status: required('status', (value) => (isTaskStatus(value) ? value : unfit), 'a known status'),
  startedAt: required('started_at', u64, 'a time in milliseconds'),
  finishedAt: optional('finished_at', u64, 'a time in milliseconds'),
  durationMs: optional('duration_ms', u64, 'milliseconds'),
  timeoutMs: optional('timeout_ms', u64, 'milliseconds'),
  exitCode: optional('exit_code', i32, 'a 32-bit whole number'),
  childPid: optional('child_pid', u32, 'a process id'),
  pgid: optional('pgid', i32, 'a process group id'),
  completionDelivered: required('completion_delivered', flag, 'true or false'),
  notifyOnCompletion: defaulted('notify_on_completion', flag, 'true or false', true),
  compressed: defaulted('compressed', flag, 'true or false', true),
  ptyRows: optional('pty_rows', u16, 'a number of rows'),
  ptyCols: optional('pty_cols', u16, 'a number of columns'),
  statusReason: optional('status_reason', text, 'a text'),
};
const fieldNames = Object.keys(fields) as (keyof RecordFields)[];
const fieldKeys: ReadonlySet<string> = new Set(fieldNames.map((name) => fields[name].key));

/**
 * Reads a record of schema 1 to 6. Throws a PersistenceError `corrupt` or `unsupported-schema`
 * that carries what could be read.
 */
export function parseRecord(source: string): PersistedTask {
  const { task, problem } = decode(source);
  const version = task.schemaVersion;
  if (version !== undefined && !isWrittenSchema(version)) throw unsupportedSchema(version, task);
  return complete(task, problem);
}

/** Reads a record of any schema, as AFT does with the JSON of a database row. Throws `corrupt`. */
export function parseRecordOfAnySchema(source: string): PersistedTask {
  const { task, problem } = decode(source);
  return complete(task, problem);
}

/** Can a record of this schema be changed? */
export function isWrittenSchema(version: number): boolean {
  return version >= 1 && version <= NEWEST_WRITTEN_SCHEMA;
}

export function unsupportedSchema(version: number, partial: PartialTask): PersistenceError {
  const advice =
    version > NEWEST_WRITTEN_SCHEMA ? ' A newer AFT wrote it: it is shown and not changed.' : '';
  return new PersistenceError(
    'unsupported-schema',
    `Unsupported background task schema_version ${version} (expected 1 to ${NEWEST_WRITTEN_SCHEMA}).${advice}`,
    { partial },
  );
}

/** The schema that a record is written with: 2 and 3 become 4 as in the seed, others stay. */
export function writtenSchema(version: number): number {
  return version === 2 || version === 3 ? SCHEMA_VERSION : version;
}

/**
 * The record's JSON as AFT lays it out: two spaces, no final newline. Keys keep their order;
 * keys unknown here and unchanged values keep their text.
 */
export function serializeRecord(task: PersistedTask): string {
  return formatJson(recordJson(task), '  ');
}

/** The record's JSON on one line, as AFT keeps it in its database. */
export function serializeRecordOnOneLine(task: PersistedTask): string {
  return formatJson(recordJson(task), '');
}

/**
 * The record that lists only these of the processes which outlived its command; the same record
 * where that changes nothing.
 */
export function withLiveDescendants(
  task: PersistedTask,
  isLeft: (listed: LiveDescendant) => boolean,
): PersistedTask {
  const { liveDescendants = [], source = '{}' } = task;
  const left = liveDescendants.filter(isLeft);
  if (left.length === liveDescendants.length) return task;
  const members = jsonMembers(source)
    .filter(({ key }) => key !== 'live_descendants_omitted')
    .map(({ key, start, end }) => {
      const json = key === 'live_descendants' ? JSON.stringify(left) : source.slice(start, end);
      return `${JSON.stringify(key)}:${json}`;
    });
  return { ...task, liveDescendants: left, source: `{${members.join(',')}}` };
}

function recordJson(task: PersistedTask): string {
  const schemaVersion = writtenSchema(task.schemaVersion);
  const written: RecordFields = { ...task, schemaVersion };
  const { source = '{}' } = task;
  const { task: before, problem } = decode(source, true);
  if (task.source !== undefined && problem !== undefined) {
    throw new PersistenceError('corrupt', `The record can't be rewritten: ${problem}.`);
  }
  const members = jsonMembers(source).map(({ key, start, end }) => ({
    key,
    json: source.slice(start, end),
  }));
  let place = 0;
  for (const name of fieldNames) {
    const { key } = fields[name];
    const value = written[name];
    const found = members.findIndex((member) => member.key === key);
    const json = JSON.stringify(value ?? null);
    if (found >= 0) {
      if (!Object.is(before[name], value)) members[found] = { key, json };
      place = found + 1;
    } else if (schemaVersion >= SCHEMA_VERSION || !Object.is(before[name], value)) {
      // Behind the field that AFT writes before it.
      members.splice(place, 0, { key, json });
      place += 1;
    }
  }
  return `{${members.map(({ key, json }) => `${JSON.stringify(key)}:${json}`).join(',')}}`;
}

interface Decoded {
  readonly task: PartialTask;
  /** Why it is not a whole record; absent where it is one. */
  readonly problem: string | undefined;
}

/** @param closely reads every key and number in the text, as has to be done before it is rewritten */
function decode(source: string, closely = false): Decoded {
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch (error) {
    throw new PersistenceError('corrupt', `The record is not valid JSON: ${errorText(error)}.`, {
      cause: error,
    });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new PersistenceError('corrupt', 'The record is not a JSON object.');
  }
  const object = parsed as Readonly<Record<string, unknown>>;
  let spans: Map<string, JsonMember> | undefined;
  let problem: string | undefined;
  if (closely || needsCloseReading(source, object)) {
    spans = new Map();
    for (const member of jsonMembers(source)) {
      // Which of two values is meant can't be known; the seed's parser refuses them too.
      if (spans.has(member.key) && fieldKeys.has(member.key)) {
        problem ??= `"${member.key}" is there twice`;
      }
      spans.set(member.key, member);
    }
  }

  function read<T>(field: Field<T>): T | undefined {
    const parsedValue = object[field.key];
    if (parsedValue === undefined) {
      if ('value' in field.absent) return field.absent.value;
      problem ??= `"${field.key}" is missing`;
      return undefined;
    }
    const span = spans?.get(field.key);
    const value = field.read(parsedValue, span && source.slice(span.start, span.end));
    if (value !== unfit) return value;
    problem ??= `"${field.key}" is not ${field.expected}`;
    return undefined;
  }

  const task: PartialTask = {
    schemaVersion: read(fields.schemaVersion),
    taskId: read(fields.taskId),
    sessionId: read(fields.sessionId),
    command: read(fields.command),
    mode: read(fields.mode),
    workdir: read(fields.workdir),
    projectRoot: read(fields.projectRoot),
    status: read(fields.status),
    startedAt: read(fields.startedAt),
    finishedAt: read(fields.finishedAt),
    durationMs: read(fields.durationMs),
    timeoutMs: read(fields.timeoutMs),
    exitCode: read(fields.exitCode),
    childPid: read(fields.childPid),
    pgid: read(fields.pgid),
    completionDelivered: read(fields.completionDelivered),
    notifyOnCompletion: read(fields.notifyOnCompletion),
    compressed: read(fields.compressed),
    ptyRows: read(fields.ptyRows),
    ptyCols: read(fields.ptyCols),
    statusReason: read(fields.statusReason),
    liveDescendants: liveDescendants(object['live_descendants']),
    remote: object['remote'] !== undefined && object['remote'] !== null,
    harness: typeof object['harness'] === 'string' ? object['harness'] : undefined,
    source,
  };
  return { task, problem };
}

/**
 * Can the text hold what `JSON.parse` doesn't tell: a doubled key, or a number that is written as
 * no integer is (`1.0`, `-0`) or has more digits than JavaScript keeps? Scans read thousands of
 * records; AFT's own, one key a line, need no second look.
 */
function needsCloseReading(source: string, object: object): boolean {
  let lines = 0;
  let at = source.indexOf(keyLine);
  while (at >= 0) {
    lines += 1;
    const keyEnd = source.indexOf('"', at + keyLine.length);
    if (source.charCodeAt(keyEnd + 1) !== 0x3a || source.charCodeAt(keyEnd + 2) !== 0x20) {
      return true;
    }
    at = keyEnd + 3;
    if (source.charCodeAt(at) === 0x2d) {
      at += 1;
      if (source.charCodeAt(at) === 0x30) return true;
    }
    const first = at;
    while (isDigit(source.charCodeAt(at))) at += 1;
    const next = source.charCodeAt(at);
    if (at > first && (at - first > 15 || (next !== 0x2c && next !== 0x0a))) return true;
    at = source.indexOf(keyLine, at);
  }
  return lines !== Object.keys(object).length;
}
/** How each key of the outermost object begins where JSON is laid out with two spaces. */
const keyLine = '\n  "';

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function complete(task: PartialTask, problem: string | undefined): PersistedTask {
  if (problem === undefined) return task as PersistedTask;
  throw new PersistenceError('corrupt', `The record is not usable: ${problem}.`, { partial: task });
}

/** Information only: entries that are not what they should be are left out. */
function liveDescendants(value: unknown): readonly LiveDescendant[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter(isLiveDescendant);
}

function isLiveDescendant(value: unknown): value is LiveDescendant {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pid' in value &&
    Number.isSafeInteger(value.pid) &&
    'comm' in value &&
    typeof value.comm === 'string' &&
    'argv0' in value &&
    typeof value.argv0 === 'string'
  );
}
