import * as vscode from 'vscode';
import type { Outcome, OutcomeReason } from '../persistence/outcome.ts';
import { showError, showInformation, showWarning, withoutLinks } from '../vscode/messages.ts';
import { commandName, taskName, withName, type Named } from '../vscode/words.ts';
import { summaryWords } from './summaryWords.ts';

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
      const name = withoutLinks(commandName(task, 60));
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

/** An action that was asked for, and what became of it. */
export interface Told {
  /** All tasks that are shown: those of one name are told apart. */
  readonly shown: readonly Named[];
  readonly results: readonly Result[];
  /** How many tasks it was asked for: what is missing in the results was called off. */
  readonly asked: number;
  /** What is said of those where it is done, in few words. */
  readonly done: (count: number) => string;
  /** What the user must know beside that. */
  readonly warning?: string | undefined;
  /** What can be done about it, beside the message. */
  readonly buttons?: readonly MessageButton[];
}

/** One message for all: what was done, and what was not and why. */
export function tell(
  { shown, results, asked, done, warning, buttons = [] }: Told,
  log: vscode.LogOutputChannel,
): void {
  for (const { task, outcome } of results) {
    const line = `${task.key}: ${outcome.message}`;
    const text = outcome.details === undefined ? line : `${line}\n${outcome.details}`;
    if (outcome.reason === undefined) log.info(text);
    else log.warn(text);
  }
  const [only] = results;
  const summary =
    asked === 1 && only !== undefined
      ? withName(only.outcome.message, only.task, taskName(only.task, shown))
      : summaryWords(
          results.map(({ outcome }) => outcome),
          asked,
          done,
        );
  const notes = asked === 1 ? [] : new Set(results.flatMap(({ outcome }) => outcome.note ?? []));
  const message = [summary, ...notes, warning ?? []].flat().join(' ');
  const reasons = results.flatMap(({ outcome }) => outcome.reason ?? []);
  const isTroubled = reasons.some((reason) => !refusals.has(reason));
  const show = isTroubled || warning !== undefined ? showWarning : showInformation;
  // The message has all that is to be said, but for which of many were refused.
  if (reasons.length === 0 || (!isTroubled && asked === 1)) {
    void offer(show, message, buttons, log);
    return;
  }
  const showLog = {
    title: vscode.l10n.t('Show Log'),
    press: () => {
      log.show();
    },
  };
  void offer(show, message, [...buttons, showLog], log);
}

/** Nothing went wrong: there was nothing to be done, or it was not ours to do. */
const refusals: ReadonlySet<OutcomeReason> = new Set([
  ...(['already-ended', 'process-gone', 'not-same-process', 'other-user'] as const),
  ...(['unknown-process', 'remote', 'not-terminal', 'not-found', 'already-there'] as const),
  ...(['busy', 'unsupported-schema', 'cancelled'] as const),
]);

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
