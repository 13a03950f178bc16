import * as vscode from 'vscode';
import { taskState } from '../vscode/taskState.ts';
import { NothingToDo, UserError } from '../vscode/userError.ts';
import { ageInWords, bytesInWords, firstLine } from '../vscode/words.ts';
import type { TrashItem } from '../worker/calls.ts';
import type { Storages } from '../worker/storages.ts';

/** What is in the trash of every storage, the latest first. One that can't be read is logged. */
export async function trashOf(
  storages: Storages,
  log: vscode.LogOutputChannel,
): Promise<readonly TrashItem[]> {
  const lists = await Promise.all(
    storages.opened.map(async ({ calls, storage }) => {
      try {
        return await calls.trash();
      } catch (error) {
        log.warn(`the trash of ${storage.directory}: ${String(error)}`);
        return [];
      }
    }),
  );
  return lists.flat().sort((left, right) => right.deletedAt - left.deletedAt);
}

/** The deleted task of this key or id, the latest where there are more; throws a UserError. */
export function findInTrash(items: readonly TrashItem[], argument: unknown): TrashItem {
  const { t } = vscode.l10n;
  const name =
    typeof argument === 'object' && argument !== null && 'key' in argument
      ? argument.key
      : argument;
  const item = items.find(({ key, taskId }) => key === name || taskId === name);
  if (item !== undefined) return item;
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
export async function pickFromTrash(items: readonly TrashItem[]): Promise<readonly TrashItem[]> {
  const { t } = vscode.l10n;
  if (items.length === 0)
    throw new NothingToDo(t('The trash is empty: no task can be brought back.'));
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
      placeHolder: t('Tick the tasks to bring back'),
      canPickMany: true,
      matchOnDescription: true,
      matchOnDetail: true,
    },
  );
  if (picked?.length === 0) throw new NothingToDo(t('No task is ticked: none was brought back.'));
  return (picked ?? []).map(({ item }) => item);
}
