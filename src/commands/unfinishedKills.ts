import * as vscode from 'vscode';
import type { TaskIndex } from '../store/taskIndex.ts';
import { Disposable } from '../vscode/disposable.ts';
import { showWarning } from '../vscode/messages.ts';
import { taskName, withName } from '../vscode/words.ts';
import type { Storages } from '../worker/storages.ts';

/** Tells of kills that an earlier session of the editor could not finish, and offers to. */
export class UnfinishedKills extends Disposable {
  constructor(storages: Storages) {
    super();
    this.register({
      dispose: storages.onUnfinishedKill((key, message) => {
        void offer(storages.index, key, message);
      }),
    });
  }
}

async function offer(index: TaskIndex, key: string, message: string): Promise<void> {
  const task = index.get(key);
  const words = task ? withName(message, task, taskName(task, index.tasks())) : message;
  const kill = vscode.l10n.t('Kill');
  if ((await showWarning(words, kill)) !== kill) return;
  await vscode.commands.executeCommand('aftTasks.kill', key);
}
