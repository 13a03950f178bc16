import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import type { TaskIndex } from '../store/taskIndex.ts';
import { UserError } from '../vscode/userError.ts';
import { outputUri, withForm } from '../vscode/uris.ts';
import { ageInWords, firstLine } from '../vscode/words.ts';
import type { CommandHandler } from './commandTable.ts';
import type { TaskPicker } from './taskPicker.ts';

/** The comparison of two tasks' outputs in VS Code's diff editor. */
export function compareCommands(
  picker: TaskPicker,
  index: TaskIndex,
): Record<'compareOutputs', CommandHandler> {
  const { t } = vscode.l10n;
  return {
    compareOutputs: async (argument, selected) => {
      const hasEarlier = (task: Task): boolean => previousRun(index, task) !== undefined;
      const title = t('Compare with the run before the output of');
      const tasks = await picker.pick(argument, selected, title, hasEarlier);
      const [task] = tasks;
      if (task === undefined) return;
      const [left, right] = pair(index, tasks, task);
      const normalised = await askForm(left, right);
      if (normalised === undefined) return;
      const [leftUri, rightUri] = [left, right].map(({ key }) => {
        const uri = outputUri(key, 'output');
        return normalised ? withForm(uri, { kind: 'normalised' }) : uri;
      });
      const names = `${nameOf(left)} ↔ ${nameOf(right)}`;
      const diffTitle = normalised ? t('{0} (without times)', names) : names;
      await vscode.commands.executeCommand('vscode.diff', leftUri, rightUri, diffTitle, {
        preview: true,
      });
    },
  };
}

/** The older one of two tasks, or the run before a task, on the left. */
function pair(index: TaskIndex, tasks: readonly Task[], task: Task): [Task, Task] {
  const { t } = vscode.l10n;
  const [, other, ...more] = tasks;
  if (more.length > 0) {
    throw new UserError(
      t(
        '{0} tasks are selected. Select two, or one to compare it with its previous run.',
        tasks.length,
      ),
    );
  }
  if (other !== undefined) {
    return (task.startedAt ?? 0) <= (other.startedAt ?? 0) ? [task, other] : [other, task];
  }
  const before = previousRun(index, task);
  if (before === undefined) {
    throw new UserError(
      t(
        'There is no earlier run of “{0}” in {1}. Select two tasks to compare them.',
        firstLine(task.command, 60) || task.taskId,
        task.workdir ?? t('the same directory'),
      ),
    );
  }
  return [before, task];
}

/** The last run of the same command in the same directory that began before this one. */
function previousRun(index: TaskIndex, task: Task): Task | undefined {
  const { key, command, workdir, startedAt } = task;
  if (command === '' || startedAt === undefined) return undefined;
  let latest: Task | undefined;
  for (const other of index.tasks()) {
    if (other.command !== command || other.workdir !== workdir || other.key === key) continue;
    if (other.startedAt === undefined || other.startedAt > startedAt) continue;
    if (latest?.startedAt === undefined || other.startedAt > latest.startedAt) latest = other;
  }
  return latest;
}

/** Whether times are to be left out; absent where the user wants nothing. */
async function askForm(left: Task, right: Task): Promise<boolean | undefined> {
  const { t } = vscode.l10n;
  const picked = await vscode.window.showQuickPick(
    [
      { label: t('Compare'), normalised: false },
      {
        label: t('Compare Without Times'),
        description: t('dates, times and durations are no difference'),
        normalised: true,
      },
    ],
    { title: t('Compare {0} with {1}', nameOf(left), nameOf(right)) },
  );
  return picked?.normalised;
}

function nameOf(task: Task): string {
  const when = task.startedAt === undefined ? task.taskId : ageInWords(task.startedAt, Date.now());
  return `${firstLine(task.command, 40) || task.taskId} (${when})`;
}
