import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import type { Task } from '../store/task.ts';
import { NothingToDo } from '../vscode/userError.ts';
import { openOutput } from '../vscode/openOutput.ts';
import { outputScheme, outputUri, parseOutputUri } from '../vscode/uris.ts';
import { taskName } from '../vscode/words.ts';
import type { CommandHandler } from './commandTable.ts';
import type { TaskPicker } from './taskPicker.ts';

/** What these commands need of the documents and terminals. */
export interface ShownOutput {
  /** Begins or ceases to keep an editor at the end of its document. */
  toggleFollow(editor: vscode.TextEditor): void;
  /** Adds the window before what a document shows. */
  loadEarlier(uri: vscode.Uri, stream: CaptureStream | undefined): Promise<void>;
  /** Shows a task's captures in a terminal. */
  showInTerminal(task: Task): void;
}

type DocumentCommand = 'toggleFollow' | 'pauseFollow' | 'loadEarlier' | 'openInTerminal';

/** Commands on the document that shows a task's output. */
export function documentCommands(
  picker: TaskPicker,
  shown: ShownOutput,
): Record<DocumentCommand, CommandHandler> {
  const { t } = vscode.l10n;

  /** The document that a command is to act on; absent where the user picked none. */
  const pickDocument = async (
    argument: unknown,
    title: string,
  ): Promise<vscode.Uri | undefined> => {
    const named = uriOf(argument);
    if (named !== undefined) return named;
    const active = activeUri();
    if (argument === undefined && active !== undefined) return active;
    const task = await picker.pickOne(argument, title);
    if (task === undefined) return undefined;
    await openOutput(task, 'output');
    return outputUri(task.key, 'output');
  };

  const toggleFollow = async (argument: unknown): Promise<void> => {
    const uri = await pickDocument(argument, t('Follow the output of'));
    if (uri === undefined) return;
    shown.toggleFollow(visibleEditor(uri) ?? (await vscode.window.showTextDocument(uri)));
  };

  return {
    toggleFollow,
    pauseFollow: toggleFollow,

    loadEarlier: async (argument, stream) => {
      const uri = await pickDocument(argument, t('Load earlier output of'));
      if (uri === undefined) return;
      if (visibleEditor(uri) === undefined) await vscode.window.showTextDocument(uri);
      const known = (['stdout', 'stderr', 'pty'] as const).find((name) => name === stream);
      await shown.loadEarlier(uri, known);
    },

    openInTerminal: async (argument) => {
      const hasCapture = ({ captures }: Task): boolean => Object.keys(captures).length > 0;
      const uri = uriOf(argument) ?? (argument === undefined ? activeUri() : undefined);
      const task = await picker.pickOne(uri ?? argument, t('Open in a terminal'), {
        fits: hasCapture,
        none: t('No task has a capture.'),
      });
      if (task === undefined) return;
      if (!hasCapture(task)) throw new NothingToDo(t('{0} has no capture.', taskName(task)));
      shown.showInTerminal(task);
    },
  };
}

/** The URI of an output document, which links in documents hand over as text. */
function uriOf(argument: unknown): vscode.Uri | undefined {
  const uri =
    typeof argument === 'string' && argument.startsWith(`${outputScheme}:`)
      ? vscode.Uri.parse(argument)
      : argument;
  return uri instanceof vscode.Uri && parseOutputUri(uri) !== undefined ? uri : undefined;
}

/** The output document that is in front. */
function activeUri(): vscode.Uri | undefined {
  const uri = vscode.window.activeTextEditor?.document.uri;
  return uri?.scheme === outputScheme ? uri : undefined;
}

/** The active editor, or else any, that shows a document. */
function visibleEditor(uri: vscode.Uri): vscode.TextEditor | undefined {
  const { activeTextEditor, visibleTextEditors } = vscode.window;
  return [activeTextEditor, ...visibleTextEditors].find(
    (editor) => editor?.document.uri.toString() === uri.toString(),
  );
}
