import * as vscode from 'vscode';
import { findTaskMentions, type TaskMention } from '../output/links/taskIds.ts';
import type { Task } from '../store/task.ts';
import type { Storages } from '../worker/storages.ts';
import { Disposable } from '../vscode/disposable.ts';
import { openOutput } from '../vscode/openOutput.ts';

interface TaskLink extends vscode.TerminalLink {
  readonly task: Task;
  readonly mention: TaskMention;
}

/**
 * In every integrated terminal, the id of a task is a link that reveals it, and the path of one of
 * its captures is a link to the document. Only tasks that the explorer knows are linked.
 */
export class TerminalLinks extends Disposable implements vscode.TerminalLinkProvider<TaskLink> {
  private readonly storages: Storages;

  constructor(storages: Storages) {
    super();
    this.storages = storages;
    this.register(vscode.window.registerTerminalLinkProvider(this));
  }

  provideTerminalLinks({ line }: Pick<vscode.TerminalLinkContext, 'line'>): TaskLink[] {
    return findTaskMentions(line).flatMap((mention) => {
      const task = this.taskOf(mention);
      if (task === undefined) return [];
      const tooltip =
        mention.kind === 'task'
          ? vscode.l10n.t('Reveal the task in AFT Tasks')
          : vscode.l10n.t('Open the output in AFT Tasks');
      const { start, end } = mention;
      const link = new vscode.TerminalLink(start, end - start, tooltip);
      return [Object.assign(link, { task, mention })];
    });
  }

  async handleTerminalLink({ task, mention }: TaskLink): Promise<void> {
    if (mention.kind === 'task') {
      await vscode.commands.executeCommand('aftTasks.revealTask', task.key);
    } else {
      await openOutput(task, mention.stream);
    }
  }

  /** An id that several tasks have leads nowhere, unless a path says which of them is meant. */
  private taskOf(mention: TaskMention): Task | undefined {
    const { index } = this.storages;
    const found = index.find(mention.taskId);
    if (typeof found !== 'string') return found;
    if (found === 'none' || mention.kind === 'task') return undefined;
    return index
      .tasks()
      .find(
        (task) =>
          task.taskId === mention.taskId && withSlashes(mention.path).startsWith(sessionPath(task)),
      );
  }
}

/** The directory that a task's files are in or below, with a slash behind it. */
function sessionPath({ storageDirectory, harness, sessionHash }: Task): string {
  const parts = [storageDirectory, ...(harness === undefined ? [] : [harness])];
  return withSlashes([...parts, 'bash-tasks', sessionHash, ''].join('/'));
}

function withSlashes(path: string): string {
  return path.replaceAll('\\', '/');
}
