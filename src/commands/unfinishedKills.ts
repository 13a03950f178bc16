import * as vscode from 'vscode';
import { Disposable } from '../vscode/disposable.ts';
import { showWarning } from '../vscode/messages.ts';
import type { Storages } from '../worker/storages.ts';

/** Tells of kills that an earlier session of the editor could not finish, and offers to. */
export class UnfinishedKills extends Disposable {
  constructor(storages: Storages) {
    super();
    this.register({
      dispose: storages.onUnfinishedKill((key, message) => {
        void offer(key, message);
      }),
    });
  }
}

async function offer(key: string, message: string): Promise<void> {
  const kill = vscode.l10n.t('Kill');
  if ((await showWarning(message, kill)) !== kill) return;
  await vscode.commands.executeCommand('aftTasks.kill', key);
}
