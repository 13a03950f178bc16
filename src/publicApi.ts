import * as vscode from 'vscode';
import type { AftTaskExplorerApi, TaskName, TaskOutcome, TaskSummary } from './api.ts';
import type { TaskActions } from './commands/taskActions.ts';
import type { Outcome } from './persistence/outcome.ts';
import type { Task, TaskChanges } from './store/task.ts';
import { Disposable } from './vscode/disposable.ts';
import { outputUri } from './vscode/uris.ts';
import type { Storages } from './worker/storages.ts';

/** What `activate` returns to other extensions: `AftTaskExplorerApi` over the parts of this one. */
export class PublicApi extends Disposable {
  readonly exports: AftTaskExplorerApi;

  constructor(storages: Storages, actions: TaskActions, ready: Promise<void>) {
    super();
    const { index } = storages;
    const changed = this.register(new vscode.EventEmitter<TaskSummaries>());
    this.register({
      dispose: index.onDidChange((changes) => {
        changed.fire(new TaskSummaries(changes));
      }),
    });

    /** Acts on a task by name; a name that fits none, or more than one, is an outcome too. */
    const act = async (
      name: TaskName,
      action: (task: Task) => Promise<Outcome>,
    ): Promise<TaskOutcome> => {
      const found = index.find(name);
      if (typeof found === 'string') return unnamed(name, found);
      const { done, reason, message } = await action(found);
      return { task: found.key, done, reason, message };
    };
    const each = async (
      names: readonly TaskName[],
      action: (task: Task) => Promise<Outcome>,
    ): Promise<readonly TaskOutcome[]> => {
      const outcomes: TaskOutcome[] = [];
      for (const name of names) outcomes.push(await act(name, action));
      return outcomes;
    };

    this.exports = {
      apiVersion: 1,
      ready,
      tasks: () => index.tasks().map(summary),
      onDidChangeTasks: changed.event,
      outputUri: (name, stream) => {
        const found = index.find(name);
        if (typeof found === 'string') throw new Error(unnamed(name, found).message);
        return outputUri(found.key, stream);
      },
      killTask: (name) => act(name, (task) => actions.kill(task)),
      deleteTasks: (names) => each(names, (task) => actions.delete(task)),
      markDelivered: (names) => each(names, (task) => actions.markDelivered(task)),
      refresh: () => storages.refresh(),
    };
  }
}

/** A difference as other extensions see it. Summaries are made when first asked for: mostly nobody asks. */
class TaskSummaries {
  private readonly changes: TaskChanges;
  private readonly made: { -readonly [Kind in keyof TaskChanges]?: readonly TaskSummary[] } = {};

  constructor(changes: TaskChanges) {
    this.changes = changes;
  }

  get added(): readonly TaskSummary[] {
    return (this.made.added ??= this.changes.added.map(summary));
  }

  get changed(): readonly TaskSummary[] {
    return (this.made.changed ??= this.changes.changed.map(summary));
  }

  get removed(): readonly TaskSummary[] {
    return (this.made.removed ??= this.changes.removed.map(summary));
  }
}

function unnamed(name: TaskName, why: 'none' | 'ambiguous'): TaskOutcome {
  return why === 'none'
    ? { task: name, done: false, reason: 'not-found', message: `There is no task ${name}.` }
    : {
        task: name,
        done: false,
        reason: 'ambiguous',
        message: `More than one task has the id ${name}; give its key.`,
      };
}

function summary(task: Task): TaskSummary {
  return {
    key: task.key,
    taskId: task.taskId,
    sessionId: task.sessionId,
    harness: task.harness,
    storageDirectory: task.storageDirectory,
    layout: task.layout,
    schemaVersion: task.schemaVersion,
    command: task.command,
    mode: task.mode,
    workdir: task.workdir,
    projectRoot: task.projectRoot,
    status: task.status,
    liveness: task.liveness,
    exitCode: task.exitCode,
    statusReason: task.statusReason,
    startedAt: task.startedAt,
    finishedAt: task.finishedAt,
    durationMs: task.durationMs,
    timeoutMs: task.timeoutMs,
    pid: task.pid,
    pgid: task.pgid,
    delivered: task.delivered,
    outputBytes: task.outputBytes,
    problem: task.problem,
  };
}
