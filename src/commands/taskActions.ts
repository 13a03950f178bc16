import * as vscode from 'vscode';
import type { Outcome } from '../persistence/outcome.ts';
import type { Task } from '../store/task.ts';
import type { TrashItem } from '../worker/calls.ts';
import type { Storages } from '../worker/storages.ts';

/** What became of an action; of a deletion also where in the trash the task is. */
export type ActionOutcome = Outcome & { readonly trashEntry?: string | undefined };

/** What has to be known of a task in the trash to bring it back. */
export type InTrash = Pick<TrashItem, 'key' | 'taskId' | 'command' | 'entry'>;

type WorkerCalls = NonNullable<ReturnType<Storages['callsFor']>>;

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
      return await this.act(task, (calls) => calls.kill(task.key));
    } finally {
      stop();
    }
  }

  delete(task: Task): Promise<ActionOutcome> {
    return this.act(task, (calls) => calls.deleteBundle(task.key));
  }

  undoDelete(task: InTrash): Promise<ActionOutcome> {
    return this.act(task, (calls) => calls.undoDelete(task.entry));
  }

  markDelivered(task: Task): Promise<Outcome> {
    return this.act(task, (calls) => calls.markDelivered(task.key));
  }

  stopNotifying(task: Task): Promise<Outcome> {
    return this.act(task, (calls) => calls.stopNotifying(task.key));
  }

  recordEnded(task: Task): Promise<Outcome> {
    return this.act(task, (calls) => calls.recordEnded(task.key));
  }

  private async act(
    task: Pick<Task, 'key' | 'taskId'>,
    action: (calls: WorkerCalls) => Promise<ActionOutcome>,
  ): Promise<ActionOutcome> {
    const calls = this.storages.callsFor(task.key);
    if (calls === undefined) {
      return failure(
        vscode.l10n.t('The storage of task {0} is not open. Refresh and try again.', task.taskId),
      );
    }
    try {
      return await action(calls);
    } catch (error) {
      // Not a refusal (those are outcomes): the worker died, or a bug. Said, and told in the log.
      const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return failure(
        vscode.l10n.t('Task {0}: the attempt broke off. Look at it and try again.', task.taskId),
        details,
      );
    }
  }
}

function failure(message: string, details?: string): Outcome {
  return { done: false, reason: 'io', message, details };
}
