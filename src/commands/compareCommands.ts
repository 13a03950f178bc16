import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import type { TaskIndex } from '../store/taskIndex.ts';
import { NothingToDo } from '../vscode/userError.ts';
import { outputUri, withForm } from '../vscode/uris.ts';
import { ageInWords, clockTime, commandName } from '../vscode/words.ts';
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
      const firstRuns = firstRunsOf(index.tasks());
      const hasEarlier = (task: Task): boolean => {
        const first = firstRuns.get(runName(task));
        return first !== undefined && first.key !== task.key && task.startedAt !== undefined;
      };
      const title = t('Compare with the previous run');
      const tasks = await picker.pick(argument, selected, title, {
        fits: hasEarlier,
        none: t(
          'No task has an earlier run of the same command. Select two tasks to compare them.',
        ),
      });
      const [task] = tasks;
      if (task === undefined) return;
      const [left, right] = pair(index, tasks, task);
      const normalised = await askForm(left, right);
      if (normalised === undefined) return;
      const [leftUri, rightUri] = [left, right].map(({ key }) => {
        const uri = outputUri(key, 'output');
        return normalised ? withForm(uri, { kind: 'normalised' }) : uri;
      });
      const names = namesOf(left, right).join(' ↔ ');
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
    throw new NothingToDo(
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
    throw new NothingToDo(
      t(
        'There is no earlier run of “{0}” in {1}. Select two tasks to compare them.',
        commandName(task, 60),
        task.workdir ?? t('the same directory'),
      ),
    );
  }
  return [before, task];
}

/** What makes tasks runs of the same: command and directory. */
function runName({ command, workdir }: Task): string {
  return JSON.stringify([command, workdir]);
}

/** The first run of each command in each directory. */
function firstRunsOf(tasks: readonly Task[]): ReadonlyMap<string, Task> {
  const firsts = new Map<string, Task>();
  for (const task of tasks) {
    if (task.command === '' || task.startedAt === undefined) continue;
    const name = runName(task);
    const { startedAt = Infinity } = firsts.get(name) ?? {};
    if (task.startedAt < startedAt) firsts.set(name, task);
  }
  return firsts;
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
    { title: t('Compare {0} with {1}', ...namesOf(left, right)) },
  );
  return picked?.normalised;
}

/** By when they began: the time of day, or else the id, where the age is the same. */
function namesOf(left: Task, right: Task): readonly [string, string] {
  const now = Date.now();
  const ways = [
    ({ startedAt, taskId }: Task) =>
      startedAt === undefined ? taskId : ageInWords(startedAt, now),
    ({ startedAt, taskId }: Task) => (startedAt === undefined ? taskId : clockTime(startedAt)),
    ({ taskId }: Task) => taskId,
  ];
  const pairs = ways.map((way) => [nameOf(left, way(left)), nameOf(right, way(right))] as const);
  return pairs.find(([one, other]) => one !== other) ?? [left.taskId, right.taskId];
}

function nameOf(task: Task, when: string): string {
  return `${commandName(task, 40)} (${when})`;
}
