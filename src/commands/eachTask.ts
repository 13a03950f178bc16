import * as vscode from 'vscode';
import type { Outcome } from '../persistence/outcome.ts';
import type { Task } from '../store/task.ts';
import { showError, showInformation, showWarning, withoutLinks } from '../vscode/messages.ts';
import { firstLine } from '../vscode/words.ts';

/** What is said of a task while something is done to it. */
type Named = Pick<Task, 'key' | 'taskId' | 'command'>;

/** What became of an action on a task. */
export interface Result<T extends Named = Named, O extends Outcome = Outcome> {
  readonly task: T;
  readonly outcome: O;
}

/** A button of a message. */
export interface MessageButton {
  readonly title: string;
  readonly press: () => unknown;
}

/**
 * Acts on each task in turn, in the user's sight; what is not begun yet can be cancelled.
 * @param lanes how many at once
 */
export async function eachWithProgress<T extends Named, O extends Outcome>(
  title: string,
  tasks: readonly T[],
  act: (task: T, onStep: (step: string) => void) => Promise<O>,
  lanes = 1,
): Promise<Result<T, O>[]> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title,
    cancellable: tasks.length > 1,
  };
  return await vscode.window.withProgress(options, async (progress, token) => {
    const results: Result<T, O>[] = [];
    const waiting = [...tasks];
    const actOn = async (task: T): Promise<void> => {
      const name = withoutLinks(firstLine(task.command, 60) || task.taskId);
      progress.report({ message: name });
      const outcome = await act(task, (step) => {
        progress.report({ message: `${name}: ${step}` });
      });
      progress.report({ increment: 100 / tasks.length });
      results.push({ task, outcome });
    };
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (token.isCancellationRequested) return;
        await actOn(next);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return results;
  });
}

/**
 * One message for all: what was done, or what was not and why.
 * @param buttons what can be done about it, beside the message
 */
export function tell(
  results: readonly Result[],
  allDone: string,
  log: vscode.LogOutputChannel,
  buttons: readonly MessageButton[] = [],
): void {
  const { t } = vscode.l10n;
  for (const { task, outcome } of results) {
    const line = `${task.key}: ${outcome.message}`;
    const text = outcome.details === undefined ? line : `${line}\n${outcome.details}`;
    if (outcome.reason === undefined) log.info(text);
    else log.warn(text);
  }
  const troubled = results.filter(({ outcome }) => outcome.reason !== undefined);
  const [first] = troubled;
  if (first === undefined) {
    const [only, ...more] = results;
    if (only === undefined) return;
    const message = more.length === 0 ? only.outcome.message : allDone;
    void offer(showInformation, message, buttons, log);
    return;
  }
  const message =
    troubled.length === 1
      ? first.outcome.message
      : t(
          '{0} of {1} tasks were not wholly done. The first: {2}',
          troubled.length,
          results.length,
          first.outcome.message,
        );
  const showLog = {
    title: t('Show Log'),
    press: () => {
      log.show();
    },
  };
  void offer(showWarning, message, [...buttons, showLog], log);
}

async function offer(
  show: typeof showWarning,
  message: string,
  buttons: readonly MessageButton[],
  log: vscode.LogOutputChannel,
): Promise<void> {
  try {
    const choice = await show(message, ...buttons.map(({ title }) => title));
    await buttons.find(({ title }) => title === choice)?.press();
  } catch (error) {
    log.error(error instanceof Error ? error : String(error));
    void showError(error instanceof Error ? error.message : String(error));
  }
}
