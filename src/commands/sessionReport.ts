import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import type { Task } from '../store/task.ts';
import { commandName, durationInWords } from '../vscode/words.ts';

/** The end of what a stream shows. */
export interface ReportedOutput {
  readonly stream: CaptureStream;
  readonly text: string;
}

/** Lines of each stream in a report, and characters of each. */
const reportedLines = 40;
const reportedChars = 1000;

/*
 * A session as Markdown. What comes from the tasks stands in fences and code spans that it can't
 * close, or is escaped. Every part ends with a line break.
 */

/** What comes before the tasks. */
export function sessionHead(tasks: readonly Task[]): string {
  const { t } = vscode.l10n;
  const [first] = tasks;
  const session = first?.sessionId ?? first?.sessionHash ?? '';
  return lines([
    `# ${t('Session')} ${code(session)}`,
    '',
    ...facts([
      [t('Harness'), first?.harness],
      [t('Project'), tasks.find(({ projectRoot }) => projectRoot)?.projectRoot],
      [t('Storage'), first?.storageDirectory],
    ]),
    `- ${t('Tasks')}: ${tasks.length}`,
    `- ${t('Exported')}: ${new Date().toISOString()}`,
  ]);
}

/** One task, counted from 1, with the ends of its outputs; absent where they can't be read. */
export function taskReport(
  task: Task,
  number: number,
  outputs: readonly ReportedOutput[] | undefined,
): string {
  const { t } = vscode.l10n;
  const title = commandName(task, 80);
  return lines([
    '',
    `## ${number}. ${code(title)}`,
    '',
    ...(task.command === '' ? [] : [fenced(task.command, 'sh'), '']),
    ...facts([
      [t('Status'), statusInWords(task)],
      [t('Exit code'), task.exitCode?.toString()],
      [t('Duration'), task.durationMs === undefined ? undefined : durationInWords(task.durationMs)],
      [t('Started'), timeInWords(task.startedAt)],
      [t('Ended'), timeInWords(task.finishedAt)],
      [t('Directory'), task.workdir],
      [t('Task'), task.taskId],
      [t('Problem'), task.problem],
    ]),
    '',
    ...outputReport(outputs),
  ]);
}

function outputReport(outputs: readonly ReportedOutput[] | undefined): string[] {
  const { t } = vscode.l10n;
  if (outputs === undefined) return [t('The output could not be read.')];
  const written = outputs.flatMap(({ stream, text }) => {
    const end = text.trimEnd();
    if (end === '') return [];
    const last = end.split('\n').slice(-reportedLines).map(cut);
    return [[t('The last lines of {0}:', stream), '', fenced(last.join('\n'), 'text')]];
  });
  return written.length === 0
    ? [t('No output.')]
    : written.flatMap((part, at) => (at === 0 ? part : ['', ...part]));
}

function cut(line: string): string {
  if (line.length <= reportedChars) return line;
  // A surrogate pair must not be cut in two.
  const kept = line.slice(0, reportedChars).replace(/[\ud800-\udbff]$/, '');
  const rest = line.length - kept.length;
  return kept + vscode.l10n.t('… [{0} more characters]', rest.toLocaleString());
}

function statusInWords({ status, statusReason, liveness }: Task): string {
  const { t } = vscode.l10n;
  const words = status?.replaceAll('_', ' ') ?? t('unknown');
  const gone = liveness === 'orphaned' ? t('the process is gone') : undefined;
  return [words, gone, statusReason].filter(Boolean).join(', ');
}

function timeInWords(time: number | undefined): string | undefined {
  if (time === undefined) return undefined;
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

function facts(pairs: readonly (readonly [string, string | undefined])[]): string[] {
  return pairs.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`- ${name}: ${code(value)}`],
  );
}

/** A code span whose delimiters are longer than any run of backticks inside. */
function code(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
  const delimiter = '`'.repeat(longestRun(line) + 1);
  // Backticks at an end need a space; so does a text of nothing but spaces.
  const pad = /^`|`$|^ *$/.test(line) ? ' ' : '';
  return `${delimiter}${pad}${line}${pad}${delimiter}`;
}

/** A code block whose fence is longer than any run of backticks inside. */
function fenced(text: string, language: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  // A carriage return is a line end to Markdown; other controls show nothing, or reorder the text.
  const shown = text
    .replace(/\r\n?/g, '\n')
    .replace(/(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
  return `${fence}${language}\n${shown}\n${fence}`;
}

function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0);
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
