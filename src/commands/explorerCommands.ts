import * as vscode from 'vscode';
import { UserError } from '../vscode/userError.ts';
import type { Storages } from '../worker/storages.ts';
import type { CommandHandler } from './commandTable.ts';
import type { TaskPicker } from './taskPicker.ts';

/** What these commands need of the explorer's view. */
export interface Explorer {
  readonly filter: string;
  setFilter(text: string): void;
  reveal(key: string): Promise<boolean>;
}

type ExplorerCommand =
  'refresh' | 'revealTask' | 'copyTaskId' | 'copyCommand' | 'filter' | 'clearFilter';

/** Commands about finding tasks and copying what they say. */
export function explorerCommands(
  picker: TaskPicker,
  storages: Storages,
  explorer: Explorer,
): Record<ExplorerCommand, CommandHandler> {
  const { t } = vscode.l10n;
  return {
    refresh: () => storages.refresh(),

    revealTask: async (argument) => {
      const task = await picker.pickOne(argument, t('Reveal'));
      if (task !== undefined && !(await explorer.reveal(task.key))) {
        throw new UserError(t('There is no task {0}. It may have been deleted.', task.taskId));
      }
    },

    copyTaskId: async (argument, selected) => {
      const tasks = await picker.pick(argument, selected, t('Copy the ID of'));
      await copy(tasks.map(({ taskId }) => taskId));
    },

    copyCommand: async (argument, selected) => {
      const tasks = await picker.pick(argument, selected, t('Copy the command of'));
      await copy(tasks.map(({ command }) => command));
    },

    filter: async () => {
      const text = await vscode.window.showInputBox({
        title: t('Filter tasks'),
        prompt: t('Words of the command, id, state or directory. !word leaves out what has it.'),
        placeHolder: t('npm test !completed'),
        value: explorer.filter,
      });
      if (text !== undefined) explorer.setFilter(text);
    },

    clearFilter: () => {
      explorer.setFilter('');
    },
  };
}

async function copy(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await vscode.env.clipboard.writeText(lines.join('\n'));
}
