import type { Task } from './task.ts';

/** The session that a task's key belongs to: `<storage id>/<harness or _>/<session hash>`. */
export function sessionOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}

/** Does the record say that the task goes on? */
export function isActive(task: Task): boolean {
  return task.status === 'starting' || task.status === 'running' || task.status === 'killing';
}

/** Has its end not been recorded? */
export function goesOn(task: Task): boolean {
  return task.liveness !== 'ended';
}

/** Has it processes that can be ended: its own, or what it left behind? */
export function isKillable(task: Task): boolean {
  if (task.problem !== undefined) return false;
  return task.survivors || (isActive(task) && task.liveness !== 'orphaned');
}

/** Does the record say that the task goes on, although its process is gone? */
export function isOrphan(task: Task): boolean {
  return task.problem === undefined && task.liveness === 'orphaned';
}

/** Will its agent be told of the end of a task that goes on? Schema 1 can't be told not to. */
export function willNotify(task: Task): boolean {
  if (task.problem !== undefined || !isActive(task) || task.schemaVersion === 1) return false;
  return task.notifyOnCompletion;
}

/** Has the task ended without the agent having been told? */
export function isUndelivered(task: Task): boolean {
  return task.problem === undefined && task.liveness === 'ended' && !task.delivered;
}

export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** What AFT gives a terminal where nothing else is asked for. */
export const usualTerminalSize: TerminalSize = { cols: 80, rows: 24 };

/** The size of a task's terminal; absent where its record does not say it. */
export function terminalSizeOf(task: Task | undefined): TerminalSize | undefined {
  const { ptyCols: cols, ptyRows: rows } = task ?? {};
  return cols === undefined || rows === undefined ? undefined : { cols, rows };
}
