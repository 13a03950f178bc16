import * as vscode from 'vscode';
import type { OutputStream } from '../api.ts';
import type { Task } from '../store/task.ts';
import { outputUri } from './uris.ts';
import { clockTime, commandName, withoutIcons } from './words.ts';

/** A tab has room for so much of a command. */
const labelLength = 32;

/**
 * The arguments with which `vscode.open` shows a task's output, on a tab that says what ran and when:
 * the name in the URI is an id. VS Code keeps the label for as long as there is the tab, over
 * reloads too; it takes one with options only.
 */
export function openArguments(
  task: Task,
  stream: OutputStream,
): [uri: vscode.Uri, options: vscode.TextDocumentShowOptions, label: string] {
  const label = tabLabel(task, stream === 'output' ? undefined : stream);
  return [outputUri(task.key, stream), {}, label];
}

/** Shows a task's output as a click in the file explorer shows a file: in preview. */
export async function openOutput(task: Task, stream: OutputStream): Promise<void> {
  await vscode.commands.executeCommand('vscode.open', ...openArguments(task, stream));
}

/** @param part which part of the output the document shows, where that is not all of it */
export function tabLabel(task: Task, part?: string): string {
  const { startedAt } = task;
  const name = withoutIcons(commandName(task, labelLength));
  const shown = part === undefined ? name : `${name} (${part})`;
  return startedAt === undefined ? shown : `${shown} · ${clockTime(startedAt)}`;
}
