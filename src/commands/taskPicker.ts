import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import type { TaskIndex } from '../store/taskIndex.ts';
import { sessionOf } from '../store/taskTraits.ts';
import { taskState } from '../vscode/taskState.ts';
import { NothingToDo, UserError } from '../vscode/userError.ts';
import { parseOutputUri } from '../vscode/uris.ts';
import { ageInWords, commandName, firstLine, withoutIcons } from '../vscode/words.ts';
import type { Storages } from '../worker/storages.ts';

/** What a command needs to know of a row in the tree. */
interface TaskRow {
  readonly kind: 'task';
  readonly key: string;
}

/** Which tasks a quick pick offers. */
export interface Offer {
  readonly fits: (task: Task) => boolean;
  /** What is said where there is none. */
  readonly none: string;
}

/** Makes tasks of whatever a command was called with. */
export class TaskPicker {
  private readonly storages: Storages;
  private readonly index: TaskIndex;

  constructor(storages: Storages) {
    this.storages = storages;
    this.index = storages.index;
  }

  /**
   * The tasks that a command is to act on.
   * @param title of the quick pick that asks where the command was called with nothing
   * @param offer default: all
   * @returns none where the user picked none
   * @throws UserError for a name that no task has, or more than one; NothingToDo for an empty offer
   */
  async pick(
    argument: unknown,
    selected: unknown,
    title: string,
    offer: Offer = everyTask(),
  ): Promise<readonly Task[]> {
    const rows = Array.isArray(selected) ? selected.filter(isTaskRow) : [];
    // VS Code hands over the whole selection only where the row that was clicked is part of it.
    if (rows.length > 1) return rows.flatMap(({ key }) => this.index.get(key) ?? []);
    if (argument === undefined || argument === null) return await this.ask(title, offer);
    return [await this.named(argument)];
  }

  /** As `pick`, for commands that act on one task. */
  async pickOne(argument: unknown, title: string, offer?: Offer): Promise<Task | undefined> {
    return (await this.pick(argument, undefined, title, offer))[0];
  }

  /** As `pick`, but a session stands for its tasks, and nothing at all for every task; newest first. */
  async pickOrAll(argument: unknown, selected: unknown): Promise<readonly Task[]> {
    const rows = Array.isArray(selected) && selected.length > 1 ? selected : [argument];
    const sessions = rows.filter(isSessionRow);
    const all = argument === undefined || argument === null;
    const tasks =
      all || sessions.length > 0
        ? [
            ...this.index
              .tasks()
              .filter(({ key }) => all || sessions.some(({ id }) => key.startsWith(`${id}/`))),
            ...rows.filter(isTaskRow).flatMap(({ key }) => this.index.get(key) ?? []),
          ]
        : await this.pick(argument, selected, '');
    return [...new Set(tasks)].sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0));
  }

  /** The tasks of a session, oldest first: of a session's row, of a task's, or as asked. */
  async pickSession(argument: unknown, title: string): Promise<readonly Task[]> {
    let id: string | undefined;
    if (isSessionRow(argument)) id = argument.id;
    else if (argument !== undefined && argument !== null) {
      const task = await this.pickOne(argument, title);
      id = task && sessionOf(task.key);
    } else id = await this.askSession(title);
    if (id === undefined) return [];
    return this.index
      .tasks()
      .filter((task) => sessionOf(task.key) === id)
      .sort((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0));
  }

  private async askSession(title: string): Promise<string | undefined> {
    const { t } = vscode.l10n;
    const sessions = new Map<string, { newest: Task; count: number }>();
    for (const task of this.index.tasks()) {
      const known = sessions.get(sessionOf(task.key));
      const isNewer = (task.startedAt ?? 0) > (known?.newest.startedAt ?? -1);
      const newest = known === undefined || isNewer ? task : known.newest;
      sessions.set(sessionOf(task.key), { newest, count: (known?.count ?? 0) + 1 });
    }
    if (sessions.size === 0) throw new NothingToDo(t('There is no session yet.'));
    const now = Date.now();
    const picked = await vscode.window.showQuickPick(
      [...sessions]
        .sort(([, a], [, b]) => (b.newest.startedAt ?? 0) - (a.newest.startedAt ?? 0))
        .map(([id, { newest, count }]) => ({
          label: withoutIcons(firstLine(newest.sessionId ?? newest.sessionHash)),
          description: [
            count === 1 ? t('1 task') : t('{0} tasks', count),
            newest.startedAt === undefined ? '' : ageInWords(newest.startedAt, now),
          ]
            .filter(Boolean)
            .join(' · '),
          detail: withoutIcons(firstLine(newest.projectRoot ?? newest.workdir ?? '')),
          id,
        })),
      { title, matchOnDescription: true, matchOnDetail: true },
    );
    return picked?.id;
  }

  private async named(argument: unknown): Promise<Task> {
    const { t } = vscode.l10n;
    const name = nameOf(argument);
    if (name === undefined) throw new UserError(t('This command needs a task.'));
    // Before the first scan is done, a task that is not known may be there all the same.
    if (this.index.find(name) === 'none') await this.storages.settled();
    const found = this.index.find(name);
    if (found === 'none')
      throw new UserError(t('There is no task {0}. It may have been deleted.', name));
    if (found === 'ambiguous') {
      throw new UserError(
        t(
          'More than one task has the id {0}. Choose it in the explorer, or give its whole key.',
          name,
        ),
      );
    }
    return found;
  }

  private async ask(title: string, { fits, none }: Offer): Promise<readonly Task[]> {
    await this.storages.settled();
    const now = Date.now();
    // The task whose output is being read is the likeliest one.
    const editor = vscode.window.activeTextEditor;
    const read = editor && parseOutputUri(editor.document.uri)?.key;
    const offered = this.index
      .tasks()
      .filter(fits)
      .sort(
        (a, b) =>
          Number(b.key === read) - Number(a.key === read) ||
          (b.startedAt ?? 0) - (a.startedAt ?? 0),
      );
    if (offered.length === 0) throw new NothingToDo(none);
    const picked = await vscode.window.showQuickPick(
      offered.map((task) => {
        const time = task.finishedAt ?? task.startedAt;
        return {
          label: withoutIcons(commandName(task)),
          description: [taskState(task).words, time === undefined ? '' : ageInWords(time, now)]
            .filter(Boolean)
            .join(' · '),
          detail: withoutIcons(
            firstLine([task.taskId, task.sessionId, task.workdir].filter(Boolean).join(' · ')),
          ),
          task,
        };
      }),
      { title, matchOnDescription: true, matchOnDetail: true },
    );
    return picked === undefined ? [] : [picked.task];
  }
}

function everyTask(): Offer {
  return { fits: () => true, none: vscode.l10n.t('There is no task yet.') };
}

export function isTaskRow(value: unknown): value is TaskRow {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    value.kind === 'task' &&
    'key' in value &&
    typeof value.key === 'string'
  );
}

/** What a command needs to know of a session's row: `<storage id>/<harness or _>/<session hash>`. */
function isSessionRow(value: unknown): value is { readonly id: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    value.kind === 'session' &&
    'id' in value &&
    typeof value.id === 'string'
  );
}

function nameOf(argument: unknown): string | undefined {
  if (typeof argument === 'string') return argument;
  if (isTaskRow(argument)) return argument.key;
  if (argument instanceof vscode.Uri) return parseOutputUri(argument)?.key;
  return undefined;
}
