import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import { isActive, isOrphan, isUndelivered } from '../store/taskTraits.ts';
import { bytesInWords, exactDuration, printable } from '../vscode/words.ts';
import { taskState } from '../vscode/taskState.ts';

/**
 * A task's tooltip. Everything that comes from the task stands in a code fence that its content
 * can't close, or is escaped; no links, no commands, no HTML.
 */
export function taskTooltip(task: Task, lastLines: readonly string[]): vscode.MarkdownString {
  const { t } = vscode.l10n;
  const markdown = new vscode.MarkdownString();
  if (task.command !== '') markdown.appendMarkdown(fenced(cut(task.command, 4000), 'shellscript'));
  const facts: [string, string | undefined][] = [
    [t('Status'), statusInWords(task)],
    [t('Problem'), task.problem],
    [t('Started'), task.startedAt === undefined ? undefined : timeInWords(task.startedAt)],
    [t('Ended'), task.finishedAt === undefined ? undefined : timeInWords(task.finishedAt)],
    [t('Duration'), task.durationMs === undefined ? undefined : exactDuration(task.durationMs)],
    [t('Directory'), task.workdir],
    [t('Process'), processInWords(task)],
    [t('Output'), outputInWords(task)],
    [t('Agent'), agentInWords(task)],
    [t('Kept'), retentionInWords(task)],
    [t('Task'), [task.taskId, task.harness].filter(Boolean).join(' · ')],
    [t('Session'), task.sessionId],
  ];
  for (const [name, value] of facts) {
    if (value === undefined || value === '') continue;
    markdown.appendMarkdown(`**${name}:** ${code(value)}  \n`);
  }
  if (lastLines.length > 0) {
    markdown.appendMarkdown('\n').appendMarkdown(fenced(lastLines.join('\n'), 'log'));
  }
  return markdown;
}

function statusInWords(task: Task): string {
  const { words } = taskState(task);
  const exit =
    task.exitCode !== undefined && task.status !== 'failed'
      ? vscode.l10n.t('exit {0}', task.exitCode)
      : undefined;
  return [words, exit, task.statusReason].filter(Boolean).join(' · ');
}

function agentInWords(task: Task): string | undefined {
  if (isUndelivered(task)) return vscode.l10n.t('has not been told of the end yet');
  if (!isActive(task) || task.notifyOnCompletion) return undefined;
  return vscode.l10n.t('is not told of the end');
}

/** AFT removes what has ended and been delivered 24 hours after the end. */
const retentionMs = 24 * 60 * 60 * 1000;

function retentionInWords(task: Task): string | undefined {
  const { t } = vscode.l10n;
  if (task.liveness !== 'ended' || task.problem !== undefined) return undefined;
  if (!task.delivered) return t('until its agent has been told; AFT does not remove it before');
  const until = timeInWords((task.finishedAt ?? NaN) + retentionMs);
  return until && t('until {0}, then AFT removes it when it runs', until);
}

function processInWords(task: Task): string | undefined {
  if (task.survivors) {
    return vscode.l10n.t(
      'some of its processes still run (group {0}); Kill ends them',
      task.pgid ?? '–',
    );
  }
  if (isOrphan(task)) {
    return vscode.l10n.t(
      'pid {0} is gone, though the record says that the task runs; AFT records the end when it starts the next time, or you do: Record as Ended',
      task.pid ?? '–',
    );
  }
  if (task.liveness === 'ended' || task.pid === undefined) return undefined;
  return vscode.l10n.t('pid {0}, group {1}', task.pid, task.pgid ?? '–');
}

function outputInWords(task: Task): string | undefined {
  const sizes = Object.entries(task.captures).map(
    ([stream, size]) => `${stream} ${bytesInWords(size)}`,
  );
  return sizes.length > 0 ? sizes.join(', ') : undefined;
}

/** Nothing for a time that no calendar has: a record may hold any number. */
function timeInWords(time: number): string | undefined {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date.toLocaleString(vscode.env.language);
}

/** A value that the task chose: code, since Markdown makes links of bare addresses too. */
function code(value: string): string {
  const text = cut(printable(value).replace(/\s+/g, ' '), 500);
  const fence = '`'.repeat(longestRun(text) + 1);
  return `${fence} ${text} ${fence}`;
}

/** A code block whose fence is longer than any run of backticks inside. */
function fenced(text: string, language: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}${language}\n${printable(text)}\n${fence}\n`;
}

function longestRun(text: string): number {
  let longest = 0;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  return longest;
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
