import * as vscode from 'vscode';
import type { Outcome } from '../persistence/outcome.ts';
import type { Task } from '../store/task.ts';
import { confirm, showInformation, showWarning, withoutLinks } from '../vscode/messages.ts';
import type { Settings } from '../vscode/settings.ts';
import { UserError } from '../vscode/userError.ts';
import { bytesInWords, firstLine } from '../vscode/words.ts';
import type { Storages } from '../worker/storages.ts';
import type { CommandHandler } from './commandTable.ts';
import type { TaskPicker } from './taskPicker.ts';
import type { TaskActions } from './taskActions.ts';

interface Result {
  readonly task: Task;
  readonly outcome: Outcome;
}

/** Commands that change a task: its processes, its files, or what AFT believes the agent knows. */
export function actionCommands(
  picker: TaskPicker,
  storages: Storages,
  actions: TaskActions,
  settings: Settings,
  log: vscode.LogOutputChannel,
): Record<'kill' | 'delete' | 'markDelivered', CommandHandler> {
  const { t } = vscode.l10n;
  const goesOn = (task: Task): boolean =>
    task.problem === undefined && task.liveness !== 'ended' && task.liveness !== 'orphaned';
  const hasEnded = (task: Task): boolean => task.problem === undefined && task.liveness === 'ended';

  return {
    kill: async (argument, selected) => {
      const tasks = await picker.pick(argument, selected, t('Kill'), goesOn);
      if (tasks.length === 0) return;
      if (settings.get('confirm.kill') && !(await confirmKill(tasks))) return;
      const results = await eachWithProgress(t('Killing'), tasks, (task, onStep) =>
        actions.kill(task, onStep),
      );
      tell(results, t('{0} tasks were killed.', results.length), log);
    },

    delete: async (argument, selected) => {
      const tasks = await picker.pick(argument, selected, t('Delete'), hasEnded);
      if (tasks.length === 0) return;
      const ended = tasks.filter(hasEnded);
      if (ended.length === 0) {
        throw new UserError(
          tasks.length === 1
            ? t('{0} has not ended, so it was not deleted. Kill it first.', tasks[0]?.taskId ?? '')
            : t(
                'None of these {0} tasks has ended, so none was deleted. Kill them first.',
                tasks.length,
              ),
        );
      }
      if (settings.get('confirm.delete') && !(await confirmDelete(ended, tasks.length, storages))) {
        return;
      }
      const results = await eachWithProgress(t('Deleting'), tasks, (task) => actions.delete(task));
      tell(results, t('{0} tasks were deleted.', results.length), log);
    },

    markDelivered: async (argument, selected) => {
      const fits = (task: Task): boolean => hasEnded(task) && !task.delivered;
      const tasks = await picker.pick(argument, selected, t('Mark as delivered'), fits);
      if (tasks.length === 0) return;
      const results = await eachWithProgress(t('Marking as delivered'), tasks, (task) =>
        actions.markDelivered(task),
      );
      tell(results, t('{0} tasks were marked as delivered.', results.length), log);
    },
  };
}

async function confirmKill(tasks: readonly Task[]): Promise<boolean> {
  const { t } = vscode.l10n;
  const kill = t('Kill');
  const [task] = tasks;
  const question =
    tasks.length === 1 && task !== undefined
      ? t('Kill {0}?', firstLine(task.command, 60) || task.taskId)
      : t('Kill {0} tasks?', tasks.length);
  const detail = t('Its processes are asked to end, and after two seconds made to.');
  return await confirm(question, detail, kill);
}

async function confirmDelete(
  ended: readonly Task[],
  asked: number,
  storages: Storages,
): Promise<boolean> {
  const { t } = vscode.l10n;
  const remove = t('Delete');
  const sizes = await Promise.all(
    ended.map(async ({ key }) => await storages.callsFor(key)?.bundleSize(key)),
  );
  const files = sizes.reduce((sum, size) => sum + (size?.files ?? 0), 0);
  const bytes = sizes.reduce((sum, size) => sum + (size?.bytes ?? 0), 0);
  const [task] = ended;
  const question =
    ended.length === 1 && task !== undefined
      ? t('Delete {0}?', firstLine(task.command, 60) || task.taskId)
      : t('Delete {0} tasks?', ended.length);
  const untold = ended.filter(({ delivered }) => !delivered).length;
  const detail = [
    t(
      '{0} files, {1}. This is final: the files and AFT’s record of the task are removed.',
      files,
      bytesInWords(bytes),
    ),
    untold > 0 ? t('The agent has not been told yet of the end of {0} of them.', untold) : '',
    asked > ended.length ? t('{0} others have not ended and stay.', asked - ended.length) : '',
  ]
    .filter(Boolean)
    .join('\n');
  return await confirm(question, detail, remove);
}

/** Acts on each task in turn, in the user's sight; what is not begun yet can be cancelled. */
async function eachWithProgress(
  title: string,
  tasks: readonly Task[],
  act: (task: Task, onStep: (step: string) => void) => Promise<Outcome>,
): Promise<Result[]> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title,
    cancellable: tasks.length > 1,
  };
  return await vscode.window.withProgress(options, async (progress, token) => {
    const results: Result[] = [];
    for (const task of tasks) {
      if (token.isCancellationRequested) break;
      const name = withoutLinks(firstLine(task.command, 60) || task.taskId);
      progress.report({ message: name });
      const outcome = await act(task, (step) => {
        progress.report({ message: `${name}: ${step}` });
      });
      progress.report({ increment: 100 / tasks.length });
      results.push({ task, outcome });
    }
    return results;
  });
}

/** One message for all: what was done, or what was not and why. */
function tell(results: readonly Result[], allDone: string, log: vscode.LogOutputChannel): void {
  const { t } = vscode.l10n;
  for (const { task, outcome } of results) {
    const line = `${task.key}: ${outcome.message}`;
    const text = outcome.details === undefined ? line : `${line}\n${outcome.details}`;
    if (outcome.reason === undefined) log.info(text);
    else log.warn(text);
  }
  const troubled = results.filter(({ outcome }) => outcome.reason !== undefined);
  const [first] = troubled;
  if (first === undefined) {
    const [only, ...more] = results;
    if (only === undefined) return;
    const message = more.length === 0 ? only.outcome.message : allDone;
    void showInformation(message);
    return;
  }
  const showLog = t('Show Log');
  const message =
    troubled.length === 1
      ? first.outcome.message
      : t(
          '{0} of {1} tasks were not wholly done. The first: {2}',
          troubled.length,
          results.length,
          first.outcome.message,
        );
  void showWarning(message, showLog).then((choice) => {
    if (choice === showLog) log.show();
  });
}
