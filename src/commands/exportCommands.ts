import * as os from 'node:os';
import { streamHeading } from '../output/outputText.ts';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import type { Task } from '../store/task.ts';
import { showInformation, withoutLinks } from '../vscode/messages.ts';
import { NothingToDo, UserError } from '../vscode/userError.ts';
import { bytesInWords, commandName, taskName } from '../vscode/words.ts';
import type { Storages } from '../worker/storages.ts';
import type { CommandHandler } from './commandTable.ts';
import { callsOf, readEnd, writtenStreams } from './outputReader.ts';
import { sessionHead, taskReport, type ReportedOutput } from './sessionReport.ts';
import type { TaskPicker } from './taskPicker.ts';
import { writeWhole } from './wholeFile.ts';

type ExportCommand = 'copyOutput' | 'exportOutput' | 'exportSession';

/** Bytes of a task's captures that go on the clipboard; what pastes more does not come back soon. */
const copiedBytes = 4 * 1024 * 1024;
/** Bytes of each capture that are read for its last lines in a session's report. */
const reportedWindow = { size: 256 * 1024, limit: 512 * 1024 };

let lastExport = 0;

/** Commands that take what tasks wrote elsewhere. */
export function exportCommands(
  picker: TaskPicker,
  storages: Storages,
): Record<ExportCommand, CommandHandler> {
  const { t } = vscode.l10n;
  const hasOutput = (task: Task): boolean => writtenStreams(task).length > 0;

  const pickWritten = async (argument: unknown, title: string): Promise<Task | undefined> => {
    const task = await picker.pickOne(argument, title, {
      fits: hasOutput,
      none: t('No task has written anything yet.'),
    });
    if (task !== undefined && !hasOutput(task)) {
      throw new NothingToDo(t('{0} has written nothing.', taskName(task)));
    }
    return task;
  };

  const exportTask = async (argument: unknown): Promise<void> => {
    const task = await pickWritten(argument, t('Export the output of'));
    if (task === undefined) return;
    const content = await askContent(task);
    if (content === undefined) return;
    const destination = await vscode.window.showSaveDialog({
      defaultUri: proposedUri(`${task.taskId}.${content.name}.log`),
      title: t('Export the output of {0}', taskName(task)),
      saveLabel: t('Export'),
    });
    if (destination === undefined) return;
    if (destination.scheme !== 'file') {
      throw new UserError(
        t('{0} is not on the machine that has the tasks. Choose a file there.', destination.path),
      );
    }
    if (await exportFile(storages, task, content, destination)) {
      tellSaved(
        destination,
        t('The output of {0} was exported to {1}.', taskName(task), destination.fsPath),
      );
    }
  };

  return {
    copyOutput: async (argument) => {
      const task = await pickWritten(argument, t('Copy the output of'));
      if (task === undefined) return;
      const { text, skippedBytes } = await readAll(storages, task);
      await vscode.env.clipboard.writeText(text);
      if (skippedBytes === 0) {
        void vscode.window.setStatusBarMessage(
          t('The output of {0} is on the clipboard.', taskName(task)),
          5000,
        );
        return;
      }
      const exportAll = t('Export All…');
      const choice = await showInformation(
        t(
          'The end of the output of {0} is on the clipboard; {1} before it are not.',
          taskName(task),
          bytesInWords(skippedBytes),
        ),
        exportAll,
      );
      if (choice === exportAll) await exportTask(task.key);
    },

    exportOutput: exportTask,

    exportSession: async (argument) => {
      const tasks = await picker.pickSession(argument, t('Export the session'));
      const [first] = tasks;
      if (first === undefined) return;
      const name = (first.sessionId ?? first.sessionHash).replace(/[^\w.-]+/g, '_').slice(0, 80);
      const destination = await vscode.window.showSaveDialog({
        defaultUri: proposedUri(`${name}.md`),
        filters: { Markdown: ['md'] },
        title: t('Export a session of {0} tasks', tasks.length),
        saveLabel: t('Export'),
      });
      if (destination === undefined) return;
      if (await exportReport(storages, tasks, destination)) {
        // A report of thousands of tasks may be more than what extensions may open.
        await vscode.commands.executeCommand('vscode.open', destination);
      }
    },
  };
}

/** What of a task goes into the file. */
interface Content {
  /** A part of the proposed file's name. */
  readonly name: string;
  readonly form: 'rendered' | 'raw';
  readonly streams: readonly CaptureStream[];
}

async function askContent(task: Task): Promise<Content | undefined> {
  const { t } = vscode.l10n;
  const streams = writtenStreams(task);
  const items: readonly (vscode.QuickPickItem & { readonly content: Content })[] = [
    {
      label: t('As shown'),
      description: streams.join(', '),
      detail: t('Text without escape sequences, as the document has it, from its start'),
      content: { name: 'output', form: 'rendered', streams },
    },
    ...streams.map((stream) => ({
      label: t('As written: {0}', stream),
      description: bytesInWords(task.captures[stream] ?? 0),
      detail: t('Every byte, escape sequences and all'),
      content: { name: stream, form: 'raw' as const, streams: [stream] },
    })),
  ];
  const picked = await vscode.window.showQuickPick(items, {
    title: t('Export the output of {0}', taskName(task)),
  });
  return picked?.content;
}

/** Writes the file in the user's sight; false where the user cancelled. */
async function exportFile(
  storages: Storages,
  task: Task,
  { form, streams }: Content,
  destination: vscode.Uri,
): Promise<boolean> {
  const { t } = vscode.l10n;
  const calls = callsOf(storages, task);
  lastExport += 1;
  const id = lastExport;
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: t('Exporting the output of {0}', taskName(task)),
    cancellable: true,
  };
  return await vscode.window.withProgress(options, async (progress, token) => {
    let keep = false;
    try {
      const total = await calls.openExport(id, task.key, streams, form, destination.fsPath);
      let before = 0;
      for (let done = false; !done && !token.isCancellationRequested;) {
        const state = await calls.continueExport(id);
        done = state.done;
        keep = done;
        progress.report({
          message: t('{0} of {1}', bytesInWords(state.bytes), bytesInWords(total)),
          increment: total === 0 ? 0 : (100 * (state.bytes - before)) / total,
        });
        before = state.bytes;
      }
      await calls.closeExport(id, keep);
      return keep;
    } catch (error) {
      await calls.closeExport(id, false).catch(() => undefined);
      const reason = error instanceof Error ? error.message : String(error);
      throw new UserError(
        t(
          'The output of {0} was not exported to {1}: {2}',
          taskName(task),
          destination.fsPath,
          reason,
        ),
      );
    }
  });
}

async function readAll(
  storages: Storages,
  task: Task,
): Promise<{ text: string; skippedBytes: number }> {
  const streams = writtenStreams(task);
  const size = Math.floor(copiedBytes / streams.length);
  let text = '';
  let skippedBytes = 0;
  for (const stream of streams) {
    const end = await readEnd(storages, task, stream, { size, limit: 2 * size });
    if (text !== '' && !text.endsWith('\n')) text += '\n';
    if (streams.length > 1) text += `${streamHeading(stream)}\n`;
    text += end.text;
    skippedBytes += end.skippedBytes;
  }
  return { text, skippedBytes };
}

/** Writes the report in the user's sight; false where the user cancelled. */
async function exportReport(
  storages: Storages,
  tasks: readonly Task[],
  destination: vscode.Uri,
): Promise<boolean> {
  const { t } = vscode.l10n;
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: t('Exporting the session'),
    cancellable: true,
  };
  return await vscode.window.withProgress(options, async (progress, token) => {
    async function* report(): AsyncGenerator<string> {
      yield sessionHead(tasks);
      for (const [at, task] of tasks.entries()) {
        progress.report({
          message: withoutLinks(commandName(task, 60)),
          increment: 100 / tasks.length,
        });
        // The report says in an output's place that it could not be read.
        const outputs = await readEnds(storages, task).catch(() => undefined);
        if (token.isCancellationRequested) throw new vscode.CancellationError();
        yield taskReport(task, at + 1, outputs);
      }
    }
    try {
      await writeWhole(destination, report());
      return true;
    } catch (error) {
      if (error instanceof vscode.CancellationError) return false;
      const message = error instanceof Error ? error.message : String(error);
      // Without the name of the temporary file.
      const reason = message.replace(/^Error: /, '').replace(/, \w+ '.*$/, '');
      throw new UserError(
        t('The session was not exported to {0}: {1}', destination.fsPath, reason),
      );
    }
  });
}

async function readEnds(storages: Storages, task: Task): Promise<ReportedOutput[]> {
  const ends: ReportedOutput[] = [];
  for (const stream of writtenStreams(task)) {
    ends.push({ stream, text: (await readEnd(storages, task, stream, reportedWindow)).text });
  }
  return ends;
}

/** In the first folder of the workspace, else in the home directory. */
function proposedUri(name: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'file')?.uri;
  return vscode.Uri.file(path.join(folder?.fsPath ?? os.homedir(), name));
}

function tellSaved(destination: vscode.Uri, message: string): void {
  const open = vscode.l10n.t('Open');
  void showInformation(message, open).then(async (choice) => {
    if (choice === open) await vscode.commands.executeCommand('vscode.open', destination);
  });
}
