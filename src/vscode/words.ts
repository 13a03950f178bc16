import * as vscode from 'vscode';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** A length of time in coarse words, so that a label does not change every second. */
export function durationInWords(milliseconds: number): string {
  const { t } = vscode.l10n;
  if (milliseconds < second) return t('< 1 s');
  if (milliseconds < minute) return t('{0} s', Math.floor(milliseconds / second));
  if (milliseconds < hour) return t('{0} min', Math.floor(milliseconds / minute));
  if (milliseconds < day) return t('{0} h', Math.floor(milliseconds / hour));
  return t('{0} d', Math.floor(milliseconds / day));
}

/** A length of time to the second. */
export function exactDuration(milliseconds: number): string {
  const { t } = vscode.l10n;
  if (milliseconds < minute) return t('{0} s', (milliseconds / second).toFixed(1));
  const rest = milliseconds % hour;
  const inHour = t(
    '{0} min {1} s',
    Math.floor(rest / minute),
    Math.floor((rest % minute) / second),
  );
  return milliseconds < hour ? inHour : `${t('{0} h', Math.floor(milliseconds / hour))} ${inHour}`;
}

/** How long ago it was; a time in the future (clocks differ) is "just now". */
export function ageInWords(time: number, now: number): string {
  const { t } = vscode.l10n;
  return now - time < minute ? t('just now') : t('{0} ago', durationInWords(now - time));
}

/** The time of day, as the user's language writes it. */
export function clockTime(time: number): string {
  return new Date(time).toLocaleTimeString(vscode.env.language);
}

/** A size in the largest unit that leaves a number of at least one. */
export function bytesInWords(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (Math.round(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  return `${value.toLocaleString(vscode.env.language, { maximumFractionDigits: digits })} ${units[unit] ?? ''}`;
}

/** The first line of a command, cut, without characters that could disguise it in a label. */
export function firstLine(text: string, length = 120): string {
  const line = /\S[^\r\n]*/.exec(text.slice(0, 10_000))?.[0] ?? '';
  const clean = printable(line).trim();
  return clean.length > length ? `${clean.slice(0, length - 1)}…` : clean;
}

/** The first line of a task's command, as `firstLine`; the id where there is none. */
export function commandName(
  { command, taskId }: Pick<Named, 'command' | 'taskId'>,
  length?: number,
): string {
  return firstLine(command, length) || taskId;
}

/** What a message needs to name a task. */
export interface Named {
  readonly key: string;
  readonly taskId: string;
  readonly command: string;
}

/**
 * A task's name in a message: its command as its row has it, cut, with its id where another one of
 * `others` has that name; the id where there is no command.
 */
export function taskName(task: Named, others: readonly Named[] = []): string {
  const { t } = vscode.l10n;
  const name = firstLine(task.command, nameLength);
  if (name === '') return task.taskId;
  const isShared = others.some(
    ({ command, key }) => key !== task.key && firstLine(command, nameLength) === name,
  );
  return isShared ? t('“{0}” ({1})', name, task.taskId) : t('“{0}”', name);
}
const nameLength = 60;

/** A worker's message, which names its task by the id, with that name instead. */
export function withName(message: string, { taskId }: Named, name: string): string {
  const named = (text: string, id: string): string => text.replaceAll(id, () => name);
  return named(named(message, `Task ${taskId}`), `task ${taskId}`);
}

/**
 * A text that stays text where VS Code makes icons of `$(name)`, which in a command is a
 * substitution: in quick picks and the names of terminals.
 */
export function withoutIcons(text: string): string {
  return text.replaceAll('$(', '$\u200b(');
}

/**
 * A text without control characters but line breaks and tabs (`Cc`), and without those that reorder
 * or hide text (`Cf`: bidirectional, zero width).
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cf}\u2028\u2029]+|(?![\t\r\n])\p{Cc}+/gu, ' ');
}
