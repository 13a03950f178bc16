import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import { isActive, isKillable, isOrphan, isUndelivered, willNotify } from '../store/taskTraits.ts';
import { ageInWords, durationInWords, firstLine } from '../vscode/words.ts';
import type { SessionNode, TaskNode } from './nodes.ts';
import { taskState } from './taskState.ts';

/** A task's row: its command, its state, and in few words how it went and when. */
export function taskItem(node: TaskNode, task: Task, now: number): vscode.TreeItem {
  const label = firstLine(task.command) || task.taskId;
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.None);
  const { icon, words } = taskState(task);
  item.id = node.key;
  item.iconPath = icon;
  item.description = taskDescription(task, now);
  item.contextValue = contextFlags(task).join(' ');
  item.command = {
    command: 'aftTasks.openOutput',
    title: vscode.l10n.t('Open Output'),
    arguments: [node],
  };
  item.accessibilityInformation = {
    label: [words, label, item.description, isUndelivered(task) ? agentNotTold() : '']
      .filter(Boolean)
      .join(', '),
  };
  return item;
}

export function agentNotTold(): string {
  return vscode.l10n.t('the agent has not been told yet');
}

/** `● exit 3 · 12 s · 5 min ago`: a dot leads where the agent has not been told. */
export function taskDescription(task: Task, now: number): string {
  const parts: string[] = [];
  if (task.problem !== undefined || task.status !== 'completed') parts.push(taskState(task).words);
  if (isActive(task)) {
    if (task.startedAt !== undefined)
      parts.push(durationInWords(Math.max(0, now - task.startedAt)));
  } else {
    if (task.survivors) parts.push(vscode.l10n.t('processes left'));
    if (task.durationMs !== undefined) parts.push(durationInWords(task.durationMs));
    const end = task.finishedAt ?? task.startedAt;
    if (end !== undefined) parts.push(ageInWords(end, now));
  }
  return (isUndelivered(task) ? '● ' : '') + parts.join(' · ');
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

/** A session's row: its id, its project, how many tasks it has and how many of them run. */
export function sessionItem(
  node: SessionNode,
  tasks: readonly Task[],
  expanded: boolean,
  now: number,
): vscode.TreeItem {
  const { t } = vscode.l10n;
  const sessionId = tasks.find((task) => task.sessionId !== undefined)?.sessionId;
  const label = shortSessionId(sessionId ?? sessionHash(node));
  const item = new vscode.TreeItem(
    label,
    expanded ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.Collapsed,
  );
  const running = tasks.filter(isActive).filter((task) => task.liveness !== 'orphaned').length;
  const newest = Math.max(...tasks.map((task) => task.startedAt ?? 0));
  item.id = node.id;
  item.iconPath = new vscode.ThemeIcon('comment-discussion');
  item.contextValue = [
    'session',
    ...(running > 0 ? ['hasRunning'] : []),
    ...(tasks.some(isUndelivered) ? ['hasUndelivered'] : []),
  ].join(' ');
  item.description = [
    projectName(tasks),
    running > 0 ? t('{0} running', running) : '',
    tasks.length === 1 ? t('1 task') : t('{0} tasks', tasks.length),
    newest > 0 ? ageInWords(newest, now) : '',
  ]
    .filter(Boolean)
    .join(' · ');
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

/** The last part of the project's path, as the newest task that names one has it. */
function projectName(tasks: readonly Task[]): string {
  const task = tasks.find(({ projectRoot, workdir }) => projectRoot ?? workdir);
  const root = task?.projectRoot ?? task?.workdir;
  return root === undefined ? '' : firstLine(path.basename(root));
}
