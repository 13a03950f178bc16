import * as path from 'node:path';
import * as vscode from 'vscode';
import type { SearchQuery } from '../output/search/searchPattern.ts';
import { bundlePaths } from '../persistence/paths.ts';
import type { Task } from '../store/task.ts';
import { NothingToDo } from '../vscode/userError.ts';
import { outputScheme } from '../vscode/uris.ts';
import { taskName } from '../vscode/words.ts';
import type { Storages } from '../worker/storages.ts';
import type { CommandHandler } from './commandTable.ts';
import { writtenStreams } from './outputReader.ts';
import { SearchList } from './searchList.ts';
import { openMatch, type FoundIn, type ShownMatches } from './searchMatch.ts';
import type { TaskPicker } from './taskPicker.ts';

/** The search through the outputs of tasks. */
export function searchCommands(
  picker: TaskPicker,
  storages: Storages,
  script: string,
  shown: ShownMatches,
  log: vscode.LogOutputChannel,
): Record<'searchOutputs', CommandHandler> {
  /** How was searched last; the text is new each time. */
  const memory: { query: SearchQuery } = {
    query: { text: '', isRegex: false, matchCase: false, wholeWord: false },
  };
  return {
    searchOutputs: async (argument, selected) => {
      const tasks = await picker.pickOrAll(argument, selected);
      const targets = tasks.flatMap(targetsOf);
      if (targets.length === 0) {
        const [only, ...more] = tasks;
        throw new NothingToDo(
          only !== undefined && more.length === 0
            ? vscode.l10n.t('{0} has written nothing.', taskName(only))
            : vscode.l10n.t('None of these tasks has written anything yet.'),
        );
      }
      memory.query = { ...memory.query, text: selectedText() };
      const list = new SearchList(targets, tasks.length, script, memory, log);
      const found = await list.pick();
      if (found !== undefined) await openMatch(storages, found, shown);
    },
  };
}

/** What is selected in an output document: that is what its reader looks for elsewhere. */
function selectedText(): string {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.uri.scheme !== outputScheme || !editor.selection.isSingleLine) return '';
  return editor.document.getText(editor.selection);
}

/** Newest tasks first, as what a user looks for is mostly new. */
function targetsOf(task: Task): FoundIn[] {
  const { storageDirectory, harness = '', sessionHash, taskId, layout } = task;
  const sessionDir = path.join(storageDirectory, harness, 'bash-tasks', sessionHash);
  const paths = bundlePaths(sessionDir, taskId, layout);
  return writtenStreams(task).map((stream) => ({ task, stream, sessionDir, path: paths[stream] }));
}
