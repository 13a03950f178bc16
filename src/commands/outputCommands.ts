import * as vscode from 'vscode';
import type { OutputStream } from '../api.ts';
import type { CaptureStream } from '../persistence/record.ts';
import type { Task } from '../store/task.ts';
import { showInformation } from '../vscode/messages.ts';
import { NothingToDo } from '../vscode/userError.ts';
import { openOutput } from '../vscode/openOutput.ts';
import { parseOutputUri } from '../vscode/uris.ts';
import { bytesInWords, taskName } from '../vscode/words.ts';
import type { Storages } from '../worker/storages.ts';
import type { CommandHandler } from './commandTable.ts';
import { callsOf } from './outputReader.ts';
import type { Offer, TaskPicker } from './taskPicker.ts';

type OutputCommand =
  'openOutput' | 'openStdout' | 'openStderr' | 'openPty' | 'openRaw' | 'revealInFileManager';

/** Commands that open what a task wrote. */
export function outputCommands(
  picker: TaskPicker,
  storages: Storages,
): Record<OutputCommand, CommandHandler> {
  const { t } = vscode.l10n;

  const open = async (argument: unknown, stream: OutputStream, title: string): Promise<void> => {
    const fits = (task: Task): boolean =>
      stream === 'output' || task.captures[stream] !== undefined;
    const task = await picker.pickOne(argument, title, {
      fits,
      none:
        stream === 'output' ? t('There is no task yet.') : t('No task has a {0} capture.', stream),
    });
    if (task === undefined) return;
    if (!fits(task)) {
      throw new NothingToDo(
        t('{0} has no {1} capture: it runs in {2} mode.', taskName(task), stream, task.mode),
      );
    }
    await openOutput(task, stream);
  };

  const capturePath = async (task: Task, stream: CaptureStream): Promise<string> =>
    await callsOf(storages, task).capturePath(task.key, stream);

  return {
    openOutput: (argument) => open(argument, 'output', t('Open the output of')),
    openStdout: (argument) => open(argument, 'stdout', t('Open the standard output of')),
    openStderr: (argument) => open(argument, 'stderr', t('Open the standard error of')),
    openPty: (argument) => open(argument, 'pty', t('Open the terminal capture of')),
    openRaw: async (argument) => {
      const task = await picker.pickOne(argument, t('Open a raw capture file of'), withCapture());
      if (task === undefined) return;
      const stream = await pickCapture(task, argument);
      if (stream === undefined) return;
      const uri = vscode.Uri.file(await capturePath(task, stream));
      await vscode.commands.executeCommand('vscode.open', uri);
    },
    revealInFileManager: async (argument) => {
      const task = await picker.pickOne(argument, t('Reveal the files of'), withCapture());
      if (task === undefined) return;
      const stream = (Object.keys(task.captures) as CaptureStream[])[0];
      if (stream === undefined)
        throw new NothingToDo(t('{0} has no files to show.', taskName(task)));
      const path = await capturePath(task, stream);
      // A browser or a remote window has no file manager on the machine that has the files.
      if (vscode.env.uiKind === vscode.UIKind.Web || vscode.env.remoteName !== undefined) {
        await vscode.env.clipboard.writeText(path);
        void showInformation(
          t('There is no file manager on this side. The path is on the clipboard: {0}', path),
        );
        return;
      }
      await vscode.commands.executeCommand('revealFileInOS', vscode.Uri.file(path));
    },
  };
}

function withCapture(): Offer {
  return {
    fits: ({ captures }) => Object.keys(captures).length > 0,
    none: vscode.l10n.t('No task has a capture.'),
  };
}

/** The capture to open: the one that the document shows, the only one with content, or as asked. */
async function pickCapture(task: Task, argument: unknown): Promise<CaptureStream | undefined> {
  const { t } = vscode.l10n;
  const shown = argument instanceof vscode.Uri ? parseOutputUri(argument)?.stream : undefined;
  if (shown !== undefined && shown !== 'output') return shown;
  const captures = Object.entries(task.captures) as [CaptureStream, number][];
  if (captures.length === 0) throw new NothingToDo(t('{0} has no capture.', taskName(task)));
  const written = captures.filter(([, size]) => size > 0);
  const [only, ...more] = written.length > 0 ? written : captures.slice(0, 1);
  if (more.length === 0) return only?.[0];
  const picked = await vscode.window.showQuickPick(
    written.map(([stream, size]) => ({ label: stream, description: bytesInWords(size), stream })),
    { title: t('Open the raw capture file of {0}', taskName(task)) },
  );
  return picked?.stream;
}
