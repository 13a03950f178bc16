import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import type { TaskIndex } from '../store/taskIndex.ts';
import { sessionOf } from '../store/taskTraits.ts';
import { UserError } from '../vscode/userError.ts';
import { bytesInWords, durationInWords, firstLine, withoutIcons } from '../vscode/words.ts';

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;
const ages = [hourMs, dayMs, 7 * dayMs, 30 * dayMs];

interface Choice extends vscode.QuickPickItem {
  readonly tasks: readonly Task[];
}

/** Has it ended, and can its record be relied upon? */
export function hasEnded(task: Task): boolean {
  return task.problem === undefined && task.liveness === 'ended';
}

/**
 * Finished tasks: of the session that a tree item, a session id or a task stands for; or as picked:
 * all, by age, by status, by session.
 * @returns absent where the user picked nothing
 * @throws UserError for a name of no session and no task
 */
export async function pickFinished(
  index: TaskIndex,
  argument: unknown,
): Promise<readonly Task[] | undefined> {
  const finished = index.tasks().filter(hasEnded);
  if (argument !== undefined && argument !== null) {
    return tasksOfSession(index, argument).filter(hasEnded);
  }
  if (finished.length === 0) return [];
  const { t } = vscode.l10n;
  const picked = await vscode.window.showQuickPick(choices(finished, Date.now()), {
    title: t('Delete finished tasks'),
    placeHolder: t('Which ones?'),
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return picked?.tasks;
}

/**
 * The tasks of the session that a tree item, a session id or a task stands for.
 * @throws UserError for a name of no session and no task
 */
export function tasksOfSession(index: TaskIndex, argument: unknown): readonly Task[] {
  const session = sessionNamed(index, argument);
  return index.tasks().filter((task) => sessionOf(task.key) === session);
}

function choices(finished: readonly Task[], now: number): Choice[] {
  const { t } = vscode.l10n;
  const byAge = ages.map((age) =>
    choice(
      t('Ended more than {0} ago', durationInWords(age)),
      finished.filter((task) => now - (task.finishedAt ?? task.startedAt ?? now) > age),
    ),
  );
  const byStatus = Object.entries(statusWords()).map(([status, words]) =>
    choice(
      words,
      finished.filter((task) => task.status === status),
    ),
  );
  const bySession = Array.from(sessionsOf(finished).values(), (tasks) => {
    const name = withoutIcons(firstLine(tasks[0]?.sessionId ?? '', 60)) || t('no session id');
    return { ...choice(name, tasks), detail: tasks[0]?.projectRoot ?? tasks[0]?.workdir ?? '' };
  });
  const groups: [string, Choice[]][] = [
    [t('age'), byAge],
    [t('status'), byStatus],
    [t('session'), bySession],
  ];
  return [
    choice(t('All finished tasks'), finished),
    ...groups.flatMap(([label, group]) => [
      { label, kind: vscode.QuickPickItemKind.Separator, tasks: [] },
      ...group.filter(({ tasks }) => tasks.length > 0),
    ]),
  ];
}

function choice(label: string, tasks: readonly Task[]): Choice {
  const { t } = vscode.l10n;
  const bytes = tasks.reduce((sum, task) => sum + (task.outputBytes ?? 0), 0);
  const count = tasks.length === 1 ? t('1 task') : t('{0} tasks', tasks.length);
  return { label, description: t('{0}, {1} of output', count, bytesInWords(bytes)), tasks };
}

function statusWords(): Record<string, string> {
  const { t } = vscode.l10n;
  return {
    completed: t('Completed'),
    failed: t('Failed'),
    killed: t('Killed'),
    timed_out: t('Timed out'),
    fate_unknown: t('End not recorded'),
  };
}

function sessionsOf(tasks: readonly Task[]): Map<string, Task[]> {
  const newestFirst = [...tasks].sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0));
  return Map.groupBy(newestFirst, ({ key }) => sessionOf(key));
}

function sessionNamed(index: TaskIndex, argument: unknown): string {
  const name = typeof argument === 'string' ? argument : nameOfNode(argument);
  const task = index
    .tasks()
    .find(
      (candidate) =>
        candidate.key === name ||
        candidate.taskId === name ||
        candidate.sessionId === name ||
        sessionOf(candidate.key) === name,
    );
  if (task !== undefined) return sessionOf(task.key);
  const { t } = vscode.l10n;
  throw new UserError(t('There is no session {0}. It may have been deleted.', String(name)));
}

/** The id of a session's row in the tree, or the key of a task's. */
function nameOfNode(node: unknown): string | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  if ('key' in node && typeof node.key === 'string') return node.key;
  return 'id' in node && typeof node.id === 'string' ? node.id : undefined;
}
