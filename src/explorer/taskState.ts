import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';

/** How a task's state is shown: the icon, its colour, and the words for it. */
export interface TaskState {
  readonly icon: vscode.ThemeIcon;
  readonly words: string;
}

/**
 * One state for each thing that a user may have to do something about. What the record says is not
 * enough: a record that says "running" for a process that is gone is shown as orphaned.
 */
export function taskState(task: Task): TaskState {
  const { t } = vscode.l10n;
  if (task.problem !== undefined && task.status === undefined) {
    return state('warning', 'list.warningForeground', t('unreadable'));
  }
  if (task.liveness === 'orphaned') {
    return state('debug-disconnect', 'list.warningForeground', t('process gone'));
  }
  switch (task.status) {
    case 'starting':
      return state('loading~spin', 'charts.blue', t('starting'));
    case 'running':
      return task.liveness === 'unknown'
        ? state('question', 'charts.blue', t('running, as far as can be told'))
        : state('loading~spin', 'charts.blue', t('running'));
    case 'killing':
      return state('loading~spin', 'charts.orange', t('being killed'));
    case 'completed':
      return state('pass', 'testing.iconPassed', t('completed'));
    case 'failed':
      return state(
        'error',
        'testing.iconFailed',
        task.exitCode === undefined ? t('failed') : t('exit {0}', task.exitCode),
      );
    case 'killed':
      return state('circle-slash', 'charts.orange', t('killed'));
    case 'timed_out':
      return state('watch', 'charts.orange', t('timed out'));
    case 'fate_unknown':
      return state('question', 'charts.purple', t('end not recorded'));
    case undefined:
      return state('question', 'charts.purple', t('unknown'));
  }
}

function state(icon: string, color: string, words: string): TaskState {
  return { icon: new vscode.ThemeIcon(icon, new vscode.ThemeColor(color)), words };
}
