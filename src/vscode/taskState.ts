import * as vscode from 'vscode';
import { NEWEST_WRITTEN_SCHEMA } from '../persistence/record.ts';
import type { Task } from '../store/task.ts';

/** Seen in dark, light and high-contrast themes; `charts.orange` is nearly transparent in some. */
const attention = 'list.warningForeground';

/** How a task's state is shown: the icon, its colour, and the words for it. */
export interface TaskState {
  readonly icon: vscode.ThemeIcon;
  readonly words: string;
}

/** What a state follows from. */
type StateFacts = Pick<Task, 'status' | 'liveness' | 'exitCode' | 'problem' | 'schemaVersion'>;

/**
 * One state for each thing that a user may have to do something about. What the record says is not
 * enough: a record that says "running" for a process that is gone is shown as orphaned.
 */
export function taskState(task: StateFacts): TaskState {
  const { t } = vscode.l10n;
  if (task.problem !== undefined && !isNewer(task)) {
    return state('warning', attention, t('unreadable'));
  }
  if (task.liveness === 'orphaned') {
    return state('debug-disconnect', attention, t('process gone'));
  }
  switch (task.status) {
    case 'starting':
      return state('loading~spin', 'charts.blue', t('starting'));
    case 'running':
      return task.liveness === 'unknown'
        ? state('question', 'charts.blue', t('running, as far as can be told'))
        : state('loading~spin', 'charts.blue', t('running'));
    case 'killing':
      return state('loading~spin', attention, t('being killed'));
    case 'completed':
      return state('pass', 'testing.iconPassed', t('completed'));
    case 'failed':
      return state(
        'error',
        'testing.iconFailed',
        task.exitCode === undefined ? t('failed') : t('exit {0}', task.exitCode),
      );
    case 'killed':
      return state('circle-slash', attention, t('killed'));
    case 'timed_out':
      return state('watch', attention, t('timed out'));
    case 'fate_unknown':
      return state('question', 'charts.purple', t('end not recorded'));
    case undefined:
      return state('question', 'charts.purple', t('unknown'));
  }
}

/** A newer AFT's record is shown as far as it can be read; nothing is wrong with it. */
function isNewer({ schemaVersion = 0, status }: StateFacts): boolean {
  return schemaVersion > NEWEST_WRITTEN_SCHEMA && status !== undefined;
}

function state(icon: string, color: string, words: string): TaskState {
  return { icon: new vscode.ThemeIcon(icon, new vscode.ThemeColor(color)), words };
}
