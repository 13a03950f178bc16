import * as vscode from 'vscode';
import type { Outcome } from '../persistence/outcome.ts';
import type { Task } from '../store/task.ts';
import type { TaskIndex } from '../store/taskIndex.ts';
import {
  goesOn,
  isKillable,
  isOrphan,
  isUndelivered,
  sessionOf,
  willNotify,
} from '../store/taskTraits.ts';
import { confirm } from '../vscode/messages.ts';
import type { Settings } from '../vscode/settings.ts';
import { NothingToDo } from '../vscode/userError.ts';
import { taskName } from '../vscode/words.ts';
import type { CommandHandler } from './commandTable.ts';
import { eachWithProgress, tell } from './eachTask.ts';
import { tasksOfSession } from './finishedTasks.ts';
import { isTaskRow, type TaskPicker } from './taskPicker.ts';
import type { TaskActions } from './taskActions.ts';

type ActionCommand =
  | 'kill'
  | 'killAllRunning'
  | 'recordEnded'
  | 'markDelivered'
  | 'markAllDelivered'
  | 'stopNotifying';

/** A kill mostly waits: for processes, and for AFT. */
const killsAtOnce = 4;

/** Commands that end a task's processes, or change what its record and AFT say of the end. */
export function actionCommands(
  picker: TaskPicker,
  index: TaskIndex,
  actions: TaskActions,
  settings: Settings,
  log: vscode.LogOutputChannel,
): Record<ActionCommand, CommandHandler> {
  const { t } = vscode.l10n;

  /** What a command for many tasks is about: the selection, a session, or everything. */
  const among = (argument: unknown, selected: unknown): readonly Task[] => {
    const nodes = Array.isArray(selected) && selected.length > 1 ? selected : [argument];
    if (nodes[0] === undefined || nodes[0] === null) return index.tasks();
    const tasks = nodes.flatMap((node: unknown) => {
      return isTaskRow(node) ? (index.get(node.key) ?? []) : tasksOfSession(index, node);
    });
    return [...new Set(tasks)];
  };

  /** Acts on each, and tells what became of them. */
  const actOn = async (
    title: string,
    tasks: readonly Task[],
    act: Parameters<typeof eachWithProgress<Task, Outcome>>[2],
    done: (count: number) => string,
    lanes?: number,
  ): Promise<void> => {
    const results = await eachWithProgress(title, tasks, act, lanes);
    tell({ shown: index.tasks(), results, asked: tasks.length, done }, log);
  };

  const killAll = (tasks: readonly Task[]): Promise<void> =>
    actOn(
      t('Killing'),
      tasks,
      (task, onStep) => actions.kill(task, onStep),
      (count) => (count === 1 ? t('1 task killed') : t('{0} tasks killed', count)),
      killsAtOnce,
    );

  const markAll = (tasks: readonly Task[]): Promise<void> =>
    actOn(
      t('Marking as delivered'),
      tasks,
      (task) => actions.markDelivered(task),
      (count) =>
        count === 1 ? t('1 task marked as delivered') : t('{0} tasks marked as delivered', count),
    );

  return {
    kill: async (argument, selected) => {
      const tasks = await picker.pick(argument, selected, t('Kill'), {
        fits: isKillable,
        none: t('No task runs.'),
      });
      if (tasks.length === 0) return;
      if (settings.get('confirm.kill') && !(await confirmKill(tasks, index.tasks()))) return;
      await killAll(tasks);
    },

    killAllRunning: async (argument, selected) => {
      const running = among(argument, selected).filter((task) => isKillable(task) && goesOn(task));
      const alive = running.filter(({ liveness }) => liveness === 'alive');
      const unknown = running.length - alive.length;
      if (alive.length === 0) {
        throw new NothingToDo(
          unknown === 0
            ? t('No task runs.')
            : t('{0} tasks may run, and none can be checked from here.', unknown),
        );
      }
      if (settings.get('confirm.kill') && !(await confirmKillAll(alive, unknown))) return;
      await killAll(alive);
    },

    recordEnded: async (argument, selected) => {
      const tasks = await picker.pick(argument, selected, t('Record as ended'), {
        fits: isOrphan,
        none: t('There is no task whose process is gone without a recorded end.'),
      });
      if (tasks.length === 0) return;
      await actOn(
        t('Recording the end'),
        tasks,
        (task) => actions.recordEnded(task),
        (count) =>
          count === 1 ? t('1 task recorded as ended') : t('{0} tasks recorded as ended', count),
        killsAtOnce,
      );
    },

    markDelivered: async (argument, selected) => {
      const fits = (task: Task): boolean => task.problem === undefined && isUndelivered(task);
      const tasks = await picker.pick(argument, selected, t('Mark as delivered'), {
        fits,
        none: t('The agents have been told of all that has ended.'),
      });
      if (tasks.length === 0) return;
      await markAll(tasks);
    },

    markAllDelivered: async (argument, selected) => {
      // What is delivered can't be taken back, so "everything" is not taken for granted.
      const isAsked = argument === undefined || argument === null;
      const asked = isAsked
        ? await picker.pickSession(undefined, t('Mark all as delivered in'))
        : among(argument, selected);
      if (isAsked && asked.length === 0) return;
      const tasks = asked.filter((task) => task.problem === undefined && isUndelivered(task));
      if (tasks.length === 0) {
        throw new NothingToDo(t('The agents have been told of all that has ended.'));
      }
      await markAll(tasks);
    },

    stopNotifying: async (argument, selected) => {
      const title = t('Don’t notify the agent of the end of');
      const tasks = await picker.pick(argument, selected, title, {
        fits: willNotify,
        none: t('No task runs whose agent is told of the end.'),
      });
      if (tasks.length === 0) return;
      await actOn(
        t('Changing the record'),
        tasks,
        (task) => actions.stopNotifying(task),
        (count) =>
          count === 1
            ? t('1 task ends without a message to its agent')
            : t('{0} tasks end without a message to their agent', count),
      );
    },
  };
}

async function confirmKill(tasks: readonly Task[], shown: readonly Task[]): Promise<boolean> {
  const { t } = vscode.l10n;
  const [task] = tasks;
  const question =
    tasks.length === 1 && task !== undefined
      ? t('Kill {0}?', taskName(task, shown))
      : t('Kill {0} tasks?', tasks.length);
  return await confirm(question, askedToEnd(tasks.length), t('Kill'));
}

async function confirmKillAll(alive: readonly Task[], unknown: number): Promise<boolean> {
  const { t } = vscode.l10n;
  const sessions = new Set(alive.map(({ key }) => sessionOf(key))).size;
  const question =
    alive.length === 1 ? t('Kill 1 running task?') : t('Kill {0} running tasks?', alive.length);
  const detail = [
    sessions === 1 ? t('They are of 1 session.') : t('They are of {0} sessions.', sessions),
    askedToEnd(alive.length),
    unknown > 0 ? t('{0} others can’t be checked from here, and stay.', unknown) : '',
  ];
  return await confirm(question, detail.filter(Boolean).join(' '), t('Kill'));
}

function askedToEnd(tasks: number): string {
  const { t } = vscode.l10n;
  return tasks === 1
    ? t('Its processes are asked to end, and ended by force after two seconds.')
    : t('Their processes are asked to end, and ended by force after two seconds.');
}
