import * as vscode from 'vscode';
import { taskState } from '../vscode/taskState.ts';
import { NothingToDo, UserError } from '../vscode/userError.ts';
import { ageInWords, bytesInWords, firstLine } from '../vscode/words.ts';
import type { StuckItem, TrashItem } from '../worker/calls.ts';
import type { Storages } from '../worker/storages.ts';

/** What is in the trash of every storage. */
export interface Trash {
  /** The tasks that can be brought back, the latest first. */
  readonly items: readonly TrashItem[];
  /** What can't be. */
  readonly stuck: readonly StuckItem[];
  /** The same, and the storages whose trash can't be read, in words for the user. */
  readonly problems: readonly string[];
}

/** Reads the trash of every storage; what can't be brought back is logged. */
export async function trashOf(storages: Storages, log: vscode.LogOutputChannel): Promise<Trash> {
  const items: TrashItem[] = [];
  const stuck: StuckItem[] = [];
  const problems: string[] = [];
  await Promise.all(
    storages.opened.map(async ({ calls, storage }) => {
      try {
        items.push(...(await calls.trash()));
        stuck.push(...(await calls.stuckInTrash()));
      } catch (error) {
        problems.push(unreadableWords(storage.directory, error));
      }
    }),
  );
  problems.push(...stuck.map(stuckWords));
  for (const problem of problems) log.warn(problem);
  return {
    items: items.sort((left, right) => right.deletedAt - left.deletedAt),
    stuck,
    problems,
  };
}

export function unreadableWords(directory: string, error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  return vscode.l10n.t('The trash of {0} can’t be read: {1}', directory, why);
}

function stuckWords({ directory, problem, taskId }: StuckItem): string {
  return vscode.l10n.t(
    'Task {0} can’t be brought back: {1} What there is of it lies in {2}.',
    taskId,
    problem,
    directory,
  );
}

/** The first of some sentences, and how many there are beside it. */
export function withOthers(sentences: readonly string[]): string {
  const [first = '', ...others] = sentences;
  return others.length === 0
    ? first
    : vscode.l10n.t('{0} And {1} more like this (see the log).', first, others.length);
}

/** The deleted task of this key or id, the latest where there are more; throws a UserError. */
export function findInTrash({ items, stuck }: Trash, argument: unknown): TrashItem {
  const { t } = vscode.l10n;
  const name =
    typeof argument === 'object' && argument !== null && 'key' in argument
      ? argument.key
      : argument;
  const item = items.find(({ key, taskId }) => key === name || taskId === name);
  if (item !== undefined) return item;
  const broken = stuck.find(({ key, taskId }) => key === name || taskId === name);
  if (broken !== undefined) throw new UserError(stuckWords(broken));
  throw new UserError(
    typeof name === 'string'
      ? t('Task {0} is not in the trash. It may be back already, or removed for good.', name)
      : t('This command needs a task.'),
  );
}

/** What the row of a deleted task said of its end. The trash does not know exit codes. */
function stateWords({ status }: TrashItem): string {
  const unknown = { exitCode: undefined, problem: undefined, schemaVersion: undefined };
  return taskState({ status, liveness: 'ended', ...unknown }).words;
}

/** Asks which tasks to bring back; none where it was called off. Throws where there is none, or none ticked. */
export async function pickFromTrash({ items, problems }: Trash): Promise<readonly TrashItem[]> {
  const { t } = vscode.l10n;
  if (items.length === 0) {
    throw new NothingToDo(
      problems.length === 0
        ? t('The trash is empty: no task can be brought back.')
        : withOthers(problems),
    );
  }
  const now = Date.now();
  const picked = await vscode.window.showQuickPick(
    items.map((item) => ({
      label: firstLine(item.command) || item.taskId,
      description: t('deleted {0}', ageInWords(item.deletedAt, now)),
      detail: [item.taskId, stateWords(item), item.sessionId, bytesInWords(item.bytes)].join(' · '),
      item,
    })),
    {
      title: t('Bring back deleted tasks'),
      placeHolder: [
        t('Tick the tasks to bring back'),
        problems.length === 0 ? [] : t('What can’t be is in the log'),
      ]
        .flat()
        .join(' · '),
      canPickMany: true,
      matchOnDescription: true,
      matchOnDetail: true,
    },
  );
  if (picked?.length === 0) throw new NothingToDo(t('No task is ticked: none was brought back.'));
  return (picked ?? []).map(({ item }) => item);
}
