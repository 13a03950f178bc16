import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import { bytesInWords, durationInWords } from '../vscode/words.ts';

/** A task's state in words, as the explorer has them. */
export type StateWords = (task: Task) => string;

/** What a document's first line says of its task: state, exit code, duration, size. */
export function taskWords(task: Task, bytes: number, now: number, stateWords: StateWords): string {
  const { t } = vscode.l10n;
  const duration = durationOf(task, now);
  return [
    stateWords(task),
    exitWords(task),
    duration === undefined ? undefined : durationInWords(duration),
    bytes === 0 ? t('no output') : bytesInWords(bytes),
  ]
    .filter((words) => words !== undefined)
    .join(' · ');
}

/** How a task ended, and after how long. */
export function endWords(task: Task, stateWords: StateWords): string {
  const { t } = vscode.l10n;
  const end = [stateWords(task), exitWords(task)].filter((words) => words !== undefined).join(', ');
  const duration = task.durationMs;
  return duration === undefined ? end : t('{0}, after {1}', end, durationInWords(duration));
}

/** How long a task has run, in milliseconds. */
export function durationOf(task: Task, now: number): number | undefined {
  if (task.durationMs !== undefined) return task.durationMs;
  if (task.startedAt === undefined || task.liveness === 'ended') return undefined;
  return Math.max(0, now - task.startedAt);
}

/** The words of a failed task's state have its exit code already. */
function exitWords({ exitCode, status }: Task): string | undefined {
  if (exitCode === undefined || status === 'failed' || status === 'running') return undefined;
  return vscode.l10n.t('exit {0}', exitCode);
}
