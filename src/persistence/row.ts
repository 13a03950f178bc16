import { captureOutputBytes } from './capture.ts';
import { PersistenceError } from './errors.ts';
import { projectCacheKey, type TaskPaths } from './paths.ts';
import { isTaskStatus, saturatingSub, SCHEMA_VERSION, type PersistedTask } from './record.ts';
import { parseRecordOfAnySchema, serializeRecordOnOneLine } from './recordCodec.ts';

/** A row of AFT's `bash_tasks`; NULL is `undefined`. Integers are signed 64-bit in the database. */
export interface BashTaskRow {
  readonly harness: string;
  readonly sessionId: string;
  readonly taskId: string;
  readonly projectKey: string;
  readonly command: string;
  readonly cwd: string;
  readonly status: string;
  readonly exitCode: number | undefined;
  readonly pid: number | undefined;
  readonly pgid: number | undefined;
  readonly startedAt: number;
  readonly completedAt: number | undefined;
  /** The pty capture for a task in a terminal. */
  readonly stdoutPath: string | undefined;
  readonly stderrPath: string | undefined;
  readonly compressed: boolean;
  readonly timeoutMs: number | undefined;
  readonly completionDelivered: boolean;
  readonly outputBytes: number | undefined;
  /** The whole record on one line. */
  readonly metadata: string;
}

/** The row of a record (seed: `to_bash_task_row`). */
export function toBashTaskRow(task: PersistedTask, harness: string, paths: TaskPaths): BashTaskRow {
  const pty = task.mode === 'pty';
  return {
    harness,
    sessionId: task.sessionId,
    taskId: task.taskId,
    projectKey: projectCacheKey(task.projectRoot ?? task.workdir),
    command: task.command,
    cwd: task.workdir,
    status: task.status,
    exitCode: task.exitCode,
    pid: task.childPid,
    pgid: task.pgid,
    startedAt: toSigned(task.startedAt),
    completedAt: mapDefined(task.finishedAt, toSigned),
    stdoutPath: pty ? paths.pty : paths.stdout,
    stderrPath: pty ? undefined : paths.stderr,
    compressed: task.compressed,
    timeoutMs: mapDefined(task.timeoutMs, toSigned),
    completionDelivered: task.completionDelivered,
    outputBytes: captureOutputBytes(task.mode, paths),
    metadata: serializeRecordOnOneLine(task),
  };
}

/** The record of a row (seed): its metadata, or what the columns tell where that does not parse. */
export function fromBashTaskRow(row: BashTaskRow): PersistedTask {
  try {
    return parseRecordOfAnySchema(row.metadata);
  } catch (error) {
    if (!PersistenceError.is(error)) throw error;
    return fromColumns(row);
  }
}

function fromColumns(row: BashTaskRow): PersistedTask {
  const startedAt = unsigned(row.startedAt) ?? 0;
  const finishedAt = mapDefined(row.completedAt, unsigned);
  return {
    schemaVersion: SCHEMA_VERSION,
    taskId: row.taskId,
    sessionId: row.sessionId,
    command: row.command,
    mode: 'pipes',
    workdir: row.cwd,
    projectRoot: undefined,
    status: isTaskStatus(row.status) ? row.status : 'failed',
    startedAt,
    finishedAt,
    durationMs: mapDefined(finishedAt, (finished) => saturatingSub(finished, startedAt)),
    timeoutMs: mapDefined(row.timeoutMs, unsigned),
    exitCode: row.exitCode,
    childPid: mapDefined(row.pid, (pid) => within(pid, 0, 0xffff_ffff)),
    pgid: mapDefined(row.pgid, (pgid) => within(pgid, -0x8000_0000, 0x7fff_ffff)),
    completionDelivered: row.completionDelivered,
    notifyOnCompletion: !row.completionDelivered,
    compressed: row.compressed,
    ptyRows: undefined,
    ptyCols: undefined,
    statusReason: undefined,
    liveDescendants: undefined,
    remote: false,
    harness: undefined,
    source: undefined,
  };
}

function mapDefined<From, To>(value: From | undefined, map: (value: From) => To): To | undefined {
  return value === undefined ? undefined : map(value);
}

/** An unsigned 64-bit number as the database keeps it: the upper half turns negative (seed: `as i64`). */
function toSigned(value: number): number {
  return Number(BigInt.asIntN(64, BigInt(value)));
}

function unsigned(value: number): number | undefined {
  return value >= 0 ? value : undefined;
}

function within(value: number, lowest: number, highest: number): number | undefined {
  return value >= lowest && value <= highest ? value : undefined;
}
