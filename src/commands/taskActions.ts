import * as vscode from 'vscode';
import type { Outcome } from '../persistence/outcome.ts';
import type { Task } from '../store/task.ts';
import type { StorageCalls } from '../worker/calls.ts';
import type { Storages } from '../worker/storages.ts';

/** What can be done to a task, each with an outcome instead of an error. Nothing here asks. */
export class TaskActions {
  private readonly storages: Storages;

  constructor(storages: Storages) {
    this.storages = storages;
  }

  /** @param onStep is told what is being done, in words for the user */
  async kill(task: Task, onStep?: (step: string) => void): Promise<Outcome> {
    const stop = this.storages.onStep((key, step) => {
      if (key === task.key) onStep?.(step);
    });
    try {
      return await this.act(task, 'kill');
    } finally {
      stop();
    }
  }

  delete(task: Task): Promise<Outcome> {
    return this.act(task, 'deleteBundle');
  }

  markDelivered(task: Task): Promise<Outcome> {
    return this.act(task, 'markDelivered');
  }

  private async act(
    task: Task,
    action: keyof Pick<StorageCalls, 'kill' | 'deleteBundle' | 'markDelivered'>,
  ): Promise<Outcome> {
    const calls = this.storages.callsFor(task.key);
    if (calls === undefined) {
      return failure(
        vscode.l10n.t('The storage of {0} is not open. Refresh and try again.', task.taskId),
      );
    }
    try {
      return await calls[action](task.key);
    } catch (error) {
      // Not a refusal (those are outcomes): the worker died, or a bug. Said, and told in the log.
      const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return failure(
        vscode.l10n.t('{0}: the attempt broke off. Look at the task and try again.', task.taskId),
        details,
      );
    }
  }
}

function failure(message: string, details?: string): Outcome {
  return { done: false, reason: 'io', message, details };
}
