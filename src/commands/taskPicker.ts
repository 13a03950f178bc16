import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import type { TaskIndex } from '../store/taskIndex.ts';
import { UserError } from '../vscode/userError.ts';
import { parseOutputUri } from '../vscode/uris.ts';
import { ageInWords, firstLine } from '../vscode/words.ts';

/** What a command needs to know of a row in the tree. */
interface TaskRow {
  readonly kind: 'task';
  readonly key: string;
}

/** Makes tasks of whatever a command was called with. */
export class TaskPicker {
  private readonly index: TaskIndex;
  private readonly selection: () => readonly unknown[];

  /** @param selection the rows that are selected in the explorer */
  constructor(index: TaskIndex, selection: () => readonly unknown[]) {
    this.index = index;
    this.selection = selection;
  }

  /**
   * The tasks that a command is to act on.
   * @param title of the quick pick that asks where the command was called with nothing
   * @param fits which tasks that quick pick offers
   * @returns none where the user picked none
   * @throws UserError for a name that no task has, or more than one
   */
  async pick(
    argument: unknown,
    selected: unknown,
    title: string,
    fits: (task: Task) => boolean = () => true,
  ): Promise<readonly Task[]> {
    const rows = Array.isArray(selected) ? selected.filter(isTaskRow) : [];
    // VS Code hands over the whole selection only where the row that was clicked is part of it.
    if (rows.length > 1) return rows.flatMap(({ key }) => this.index.get(key) ?? []);
    if (isKeybinding(argument)) {
      return this.selection()
        .filter(isTaskRow)
        .flatMap(({ key }) => this.index.get(key) ?? []);
    }
    if (argument === undefined || argument === null) return await this.ask(title, fits);
    return [this.named(argument)];
  }

  /** As `pick`, for commands that act on one task. */
  async pickOne(
    argument: unknown,
    title: string,
    fits?: (task: Task) => boolean,
  ): Promise<Task | undefined> {
    return (await this.pick(argument, undefined, title, fits))[0];
  }

  private named(argument: unknown): Task {
    const { t } = vscode.l10n;
    const name = nameOf(argument);
    if (name === undefined) throw new UserError(t('This command needs a task.'));
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

  private async ask(title: string, fits: (task: Task) => boolean): Promise<readonly Task[]> {
    const { t } = vscode.l10n;
    const now = Date.now();
    const offered = this.index
      .tasks()
      .filter(fits)
      .sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0));
    if (offered.length === 0) throw new UserError(t('{0}: there is no task that fits.', title));
    const picked = await vscode.window.showQuickPick(
      offered.map((task) => ({
        label: firstLine(task.command) || task.taskId,
        description: [
          task.status,
          task.startedAt === undefined ? '' : ageInWords(task.startedAt, now),
        ]
          .filter(Boolean)
          .join(' · '),
        detail: [task.taskId, task.sessionId, task.workdir].filter(Boolean).join(' · '),
        task,
      })),
      { title, matchOnDescription: true, matchOnDetail: true },
    );
    return picked === undefined ? [] : [picked.task];
  }
}

function isTaskRow(value: unknown): value is TaskRow {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    value.kind === 'task' &&
    'key' in value &&
    typeof value.key === 'string'
  );
}

/** The argument that package.json gives to the view's keybindings. */
function isKeybinding(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'selection' in value;
}

function nameOf(argument: unknown): string | undefined {
  if (typeof argument === 'string') return argument;
  if (isTaskRow(argument)) return argument.key;
  if (argument instanceof vscode.Uri) return parseOutputUri(argument)?.key;
  return undefined;
}
