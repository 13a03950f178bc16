import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import { isActive, isKillable, isOrphan, isUndelivered, willNotify } from '../store/taskTraits.ts';
import { openArguments } from '../vscode/openOutput.ts';
import { ageInWords, commandName, durationInWords, firstLine, printable } from '../vscode/words.ts';
import type { SessionNode, SessionSummary, TaskNode } from './nodes.ts';
import { taskState } from '../vscode/taskState.ts';

/** A label leaves room for the description: it stands behind, and is what gets cut. */
const labelLength = 48;

/** A task's row: its command, its state, and in few words how it went and when. */
export function taskItem(node: TaskNode, task: Task, now: number): vscode.TreeItem {
  const label = commandName(task, labelLength);
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.None);
  const { icon } = taskState(task);
  item.id = node.key;
  item.iconPath = icon;
  item.description = taskDescription(task, now);
  item.contextValue = contextFlags(task).join(' ');
  // What `openOutput` does. VS Code itself sees to it that a click keeps the focus in the tree, a
  // double click keeps the editor, and Alt opens it to the side.
  item.command = {
    command: 'vscode.open',
    title: vscode.l10n.t('Open Output'),
    arguments: openArguments(task, 'output'),
  };
  item.accessibilityInformation = {
    label: [label, ...descriptionParts(task, now), isUndelivered(task) ? agentNotTold() : '']
      .filter(Boolean)
      .join(', '),
  };
  return item;
}

function agentNotTold(): string {
  return vscode.l10n.t('the agent has not been told yet');
}

export function processesLeft(): string {
  return vscode.l10n.t('processes left');
}

/** `● exit 3 · 12 s · 5 min ago`: a dot leads where the agent has not been told. */
export function taskDescription(task: Task, now: number): string {
  return (isUndelivered(task) ? '● ' : '') + descriptionParts(task, now).join(' · ');
}

function descriptionParts(task: Task, now: number): string[] {
  const parts: string[] = [];
  if (task.problem !== undefined || task.status !== 'completed') parts.push(taskState(task).words);
  if (isActive(task)) {
    if (task.startedAt !== undefined)
      parts.push(durationInWords(Math.max(0, now - task.startedAt)));
  } else {
    if (task.survivors) parts.push(processesLeft());
    if (task.durationMs !== undefined) parts.push(durationInWords(task.durationMs));
    const end = task.finishedAt ?? task.startedAt;
    if (end !== undefined) parts.push(ageInWords(end, now));
  }
  return parts;
}

/** The words in `contextValue` that `when` clauses ask for: what a task is, has, and allows. */
export const itemFlags = [
  'session',
  'hasRunning',
  'hasUndelivered',
  'task',
  'stdout',
  'stderr',
  'pty',
  'capture',
  'killable',
  'deletable',
  'deliverable',
  'notifying',
  'orphan',
] as const;

function contextFlags(task: Task): readonly (typeof itemFlags)[number][] {
  const readable = task.problem === undefined;
  const flags: (typeof itemFlags)[number][] = ['task'];
  for (const stream of ['stdout', 'stderr', 'pty'] as const) {
    if (task.captures[stream] !== undefined) flags.push(stream);
  }
  if (Object.keys(task.captures).length > 0) flags.push('capture');
  if (isKillable(task)) flags.push('killable');
  if (readable && task.liveness === 'ended') flags.push('deletable');
  if (readable && isUndelivered(task)) flags.push('deliverable');
  if (willNotify(task)) flags.push('notifying');
  if (isOrphan(task)) flags.push('orphan');
  return flags;
}

/** What the row of a session with these tasks says. */
export function summarize(tasks: Iterable<Task>): SessionSummary {
  let sessionId: string | undefined;
  let project: string | undefined;
  let count = 0;
  let running = 0;
  let undelivered = false;
  let newest = 0;
  for (const task of tasks) {
    sessionId ??= task.sessionId;
    count += 1;
    if (isActive(task) && task.liveness !== 'orphaned') running += 1;
    undelivered ||= isUndelivered(task);
    const started = task.startedAt ?? 0;
    if (project === undefined || started > newest) project = task.projectRoot ?? task.workdir;
    newest = Math.max(newest, started);
  }
  return { sessionId, project, count, running, undelivered, newest };
}

/** A session's row: its id, its project, how many tasks it has and how many of them run. */
export function sessionItem(
  node: SessionNode,
  summary: SessionSummary,
  expanded: boolean,
  now: number,
): vscode.TreeItem {
  const { t } = vscode.l10n;
  const { sessionId, project, count, running, undelivered, newest } = summary;
  const label = shortSessionId(sessionId ?? sessionHash(node));
  const item = new vscode.TreeItem(
    label,
    expanded ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.Collapsed,
  );
  item.id = node.id;
  item.iconPath = new vscode.ThemeIcon('comment-discussion');
  item.contextValue = [
    'session',
    ...(running > 0 ? ['hasRunning'] : []),
    ...(undelivered ? ['hasUndelivered'] : []),
  ].join(' ');
  item.description = [
    project === undefined ? '' : firstLine(path.basename(project)),
    running > 0 ? t('{0} running', running) : '',
    count === 1 ? t('1 task') : t('{0} tasks', count),
    newest > 0 ? ageInWords(newest, now) : '',
  ]
    .filter(Boolean)
    .join(' · ');
  item.tooltip = [printable(sessionId ?? ''), item.description, project].filter(Boolean).join('\n');
  item.accessibilityInformation = { label: t('session {0}, {1}', label, item.description) };
  return item;
}

function sessionHash(node: SessionNode): string {
  return node.id.slice(node.id.lastIndexOf('/') + 1);
}

/** Session ids are any text; long ones keep both ends, which are what tells them apart. */
function shortSessionId(id: string): string {
  const clean = firstLine(id);
  return clean.length <= 24 ? clean : `${clean.slice(0, 14)}…${clean.slice(-6)}`;
}
