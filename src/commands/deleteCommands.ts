import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import { confirm, showInformation } from '../vscode/messages.ts';
import type { Settings } from '../vscode/settings.ts';
import { NothingToDo, UserError } from '../vscode/userError.ts';
import { bytesInWords, taskName } from '../vscode/words.ts';
import type { TrashItem } from '../worker/calls.ts';
import type { Storages } from '../worker/storages.ts';
import type { CommandHandler } from './commandTable.ts';
import { eachWithProgress, tell } from './eachTask.ts';
import { hasEnded, pickFinished } from './finishedTasks.ts';
import type { InTrash, TaskActions } from './taskActions.ts';
import type { TaskPicker } from './taskPicker.ts';
import { findInTrash, pickFromTrash, trashOf, unreadableWords, withOthers } from './trashPicker.ts';

type DeleteCommand = 'delete' | 'deleteFinished' | 'undoDelete' | 'emptyTrash';

/** Commands that delete tasks, bring them back, and remove them for good. */
export function deleteCommands(
  picker: TaskPicker,
  storages: Storages,
  actions: TaskActions,
  settings: Settings,
  log: vscode.LogOutputChannel,
): Record<DeleteCommand, CommandHandler> {
  const { t } = vscode.l10n;

  const bringBack = async (items: readonly InTrash[]): Promise<void> => {
    const results = await eachWithProgress(t('Bringing back'), items, (item) =>
      actions.undoDelete(item),
    );
    const done = (count: number): string =>
      count === 1 ? t('1 task is back') : t('{0} tasks are back', count);
    tell({ shown: storages.index.tasks(), results, asked: items.length, done }, log);
  };

  const deleteAll = async (tasks: readonly Task[]): Promise<void> => {
    const wasAsked = settings.get('confirm.delete');
    const results = await eachWithProgress(t('Deleting'), tasks, (task) => actions.delete(task));
    const items = results.flatMap(({ task: { command, key, taskId }, outcome: { trashEntry } }) =>
      trashEntry === undefined ? [] : [{ command, key, taskId, entry: trashEntry }],
    );
    const untold = results.filter(({ task, outcome }) => outcome.done && !task.delivered).length;
    const undo = { title: t('Undo'), press: () => bringBack(items) };
    tell(
      {
        shown: storages.index.tasks(),
        results,
        asked: tasks.length,
        done: (count) => (count === 1 ? t('1 task is deleted') : t('{0} tasks are deleted', count)),
        // Who was asked has read it in the question.
        warning: wasAsked ? undefined : untoldWords(untold, results.length),
        buttons: items.length > 0 ? [undo] : [],
      },
      log,
    );
  };

  const nothingFinished = t('There is no finished task to delete.');

  /** Asks once for all of them; true where asking is switched off. */
  const confirmed = async (ended: readonly Task[], asked: number): Promise<boolean> =>
    !settings.get('confirm.delete') ||
    (await confirmDelete(ended, asked, storages, settings.get('trash.keepHours')));

  return {
    delete: async (argument, selected) => {
      const tasks = await picker.pick(argument, selected, t('Delete'), {
        fits: hasEnded,
        none: nothingFinished,
      });
      if (tasks.length === 0) return;
      const ended = tasks.filter(hasEnded);
      if (ended.length === 0) {
        const [first] = tasks;
        throw new NothingToDo(
          tasks.length === 1 && first !== undefined
            ? t(
                '{0} has not ended, so it was not deleted. Kill it first.',
                taskName(first, storages.index.tasks()),
              )
            : t(
                'None of these {0} tasks has ended, so none was deleted. Kill them first.',
                tasks.length,
              ),
        );
      }
      if (await confirmed(ended, tasks.length)) await deleteAll(ended);
    },

    deleteFinished: async (argument) => {
      const tasks = await pickFinished(storages.index, argument);
      if (tasks === undefined) return;
      if (tasks.length === 0) throw new NothingToDo(nothingFinished);
      if (await confirmed(tasks, tasks.length)) await deleteAll(tasks);
    },

    undoDelete: async (argument) => {
      const trash = await trashOf(storages, log);
      const picked =
        argument === undefined || argument === null
          ? await pickFromTrash(trash)
          : [findInTrash(trash, argument)];
      if (picked.length > 0) await bringBack(picked);
    },

    emptyTrash: async () => {
      const { items, stuck, problems } = await trashOf(storages, log);
      const doomed = [...items, ...stuck.filter(({ isRemovable }) => isRemovable)];
      if (doomed.length === 0) {
        throw new NothingToDo(
          problems.length === 0 ? t('The trash is empty.') : withOthers(problems),
        );
      }
      if (!(await confirmEmpty(doomed, problems))) return;
      const emptied = await Promise.all(
        storages.opened.map(async ({ calls, storage }) => {
          try {
            const own = doomed.filter(({ key }) => key.startsWith(`${storage.id}/`));
            return await calls.emptyTrash(own.map(({ entry }) => entry));
          } catch (error) {
            const words = unreadableWords(storage.directory, error);
            return { entries: 0, bytes: 0, problems: [words] };
          }
        }),
      );
      const left = emptied.flatMap((trash) => trash.problems);
      const entries = emptied.reduce((sum, trash) => sum + trash.entries, 0);
      const size = bytesInWords(emptied.reduce((sum, trash) => sum + trash.bytes, 0));
      const removed =
        entries === 1
          ? t('1 task, {0}, was removed for good.', size)
          : t('{0} tasks, {1}, were removed for good.', entries, size);
      for (const problem of left) log.warn(problem);
      if (left.length > 0) throw new UserError(`${removed} ${withOthers(left)}`);
      log.info(removed);
      void showInformation(removed);
    },
  };
}

/** What the deletion keeps from agents. */
function untoldWords(untold: number, deleted: number): string | undefined {
  const { t } = vscode.l10n;
  if (untold === 0) return undefined;
  return deleted === 1
    ? t('Its agent has not been told yet that it has ended.')
    : t('Their agents have not been told yet of the end of {0} of them.', untold);
}

async function confirmDelete(
  ended: readonly Task[],
  asked: number,
  storages: Storages,
  keepHours: number,
): Promise<boolean> {
  const { t } = vscode.l10n;
  const { bytes, files } = await sizeOf(ended, storages);
  const [task] = ended;
  const question =
    ended.length === 1 && task !== undefined
      ? t('Delete {0}?', taskName(task, storages.index.tasks()))
      : t('Delete {0} tasks?', ended.length);
  const untold = ended.filter(({ delivered }) => !delivered).length;
  const detail = [
    files === 1
      ? t('1 file, {0}.', bytesInWords(bytes))
      : t('{0} files, {1}.', files, bytesInWords(bytes)),
    keepHours > 0
      ? t('They go into the trash: for {0} hours this can be undone.', keepHours)
      : t('This is final: the files and AFT’s record of the task are removed.'),
    untold === 0
      ? ''
      : ended.length === 1
        ? t('The agent has not been told yet that it has ended.')
        : t('The agent has not been told yet of the end of {0} of them.', untold),
    asked === ended.length + 1 ? t('1 other has not ended and stays.') : '',
    asked > ended.length + 1 ? t('{0} others have not ended and stay.', asked - ended.length) : '',
  ]
    .filter(Boolean)
    .join('\n');
  return await confirm(question, detail, t('Delete'));
}

async function sizeOf(
  tasks: readonly Task[],
  storages: Storages,
): Promise<{ files: number; bytes: number }> {
  const nothing = { files: 0, bytes: 0 };
  const sizes = await Promise.all(
    tasks.map(async ({ key }) => {
      // A bundle that has gone meanwhile has no size; its deletion will say that it is gone.
      return (
        (await storages
          .callsFor(key)
          ?.bundleSize(key)
          .catch(() => nothing)) ?? nothing
      );
    }),
  );
  return sizes.reduce(
    (sum, { bytes, files }) => ({ files: sum.files + files, bytes: sum.bytes + bytes }),
    nothing,
  );
}

/** @param problems what of it can't be brought back in any case */
async function confirmEmpty(
  items: readonly Pick<TrashItem, 'bytes'>[],
  problems: readonly string[],
): Promise<boolean> {
  const { t } = vscode.l10n;
  const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
  const question =
    items.length === 1
      ? t('Remove the task in the trash for good?')
      : t('Remove the {0} tasks in the trash for good?', items.length);
  const detail = [t('{0}. This is final.', bytesInWords(bytes))];
  if (problems.length > 0) detail.push(withOthers(problems));
  return await confirm(question, detail.join('\n'), t('Empty Trash'));
}
