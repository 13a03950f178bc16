import * as vscode from 'vscode';
import { showWarning } from '../vscode/messages.ts';
import { UserError } from '../vscode/userError.ts';
import { commandName, taskName, withoutIcons } from '../vscode/words.ts';
import type { CommandHandler } from './commandTable.ts';
import type { TaskPicker } from './taskPicker.ts';

/**
 * What can't be typed for the user to look at: line breaks, which VS Code sends as Enter whatever it
 * is asked, other controls, which shells act on, and characters that make a command look like
 * another one.
 */
const untypable = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Running a task's command again: typed into a new terminal, for the user to send. */
export function rerunCommands(picker: TaskPicker): Record<'rerunInTerminal', CommandHandler> {
  const { t } = vscode.l10n;
  return {
    rerunInTerminal: async (argument) => {
      if (!vscode.workspace.isTrusted) {
        throw new UserError(
          t('Commands are not run again in a workspace that is not trusted. Trust it first.'),
        );
      }
      const task = await picker.pickOne(argument, t('Run again in a terminal'), {
        fits: ({ command }) => command !== '',
        none: t('There is no task whose command is known.'),
      });
      if (task === undefined) return;
      const { command, taskId, workdir } = task;
      const named = taskName(task);
      if (command === '') throw new UserError(t('The command of {0} is not known.', taskId));
      if (workdir === undefined) {
        throw new UserError(t('The record of {0} does not say in which directory it ran.', named));
      }
      const cwd = vscode.Uri.file(workdir);
      if (!(await isDirectory(cwd))) {
        throw new UserError(t('{0} ran in {1}, which is not there any more.', named, workdir));
      }
      const name = withoutIcons(commandName(task, 30));
      const terminal = vscode.window.createTerminal({ name, cwd });
      terminal.show();
      if (!untypable.test(command)) {
        await promptShown(terminal);
        terminal.sendText(command, false);
        return;
      }
      await vscode.env.clipboard.writeText(command);
      void showWarning(
        t(
          'On the clipboard, not typed: the command of {0}. It has line breaks or control characters, with which it would run at once.',
          named,
        ),
      );
    },
  };
}

/** Most shells report their prompt in less; of the others nothing is known. */
const promptWait = 3000;

/** Waits for the shell's prompt: what is typed before it is on the screen twice. */
async function promptShown(terminal: vscode.Terminal): Promise<void> {
  if (terminal.shellIntegration !== undefined) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      listener.dispose();
      resolve();
    };
    const listener = vscode.window.onDidChangeTerminalShellIntegration((event) => {
      if (event.terminal === terminal) end();
    });
    const timer = setTimeout(end, promptWait);
  });
}

async function isDirectory(uri: vscode.Uri): Promise<boolean> {
  try {
    const { type } = await vscode.workspace.fs.stat(uri);
    return (type & vscode.FileType.Directory) !== 0;
  } catch {
    return false;
  }
}
