import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { AftTaskExplorerApi, TaskSummary } from '../../src/api.ts';
import { Storages } from '../../src/worker/storages.ts';

const extensionId = 'aft-task-explorer.aft-task-explorer';

/** The extension's API; activates the extension where that has not happened yet. */
export async function api(): Promise<AftTaskExplorerApi> {
  const extension = vscode.extensions.getExtension<AftTaskExplorerApi>(extensionId);
  if (extension === undefined) throw new Error(`${extensionId} is not installed`);
  const exports = await extension.activate();
  await exports.ready;
  return exports;
}

/** A record that says that this very process is the task: it lives, so its document is live. */
export const running = {
  status: 'running',
  startedAt: Math.round(performance.timeOrigin),
  finishedAt: undefined,
  durationMs: undefined,
  exitCode: undefined,
  childPid: process.pid,
  pgid: process.pid,
} as const;

/** What the extension's parts hold now, by their own counters. */
export interface Held {
  readonly documents: { readonly documents: number; readonly timers: number };
  readonly follow: { readonly paused: number };
  readonly colors: {
    readonly decorationTypes: number;
    readonly editors: number;
    readonly coloredEditors: number;
    readonly timers: number;
  };
  readonly lenses: { readonly timers: number };
  readonly terminals: {
    readonly terminals: number;
    readonly timers: number;
    readonly texts: number;
  };
}

export async function held(): Promise<Held> {
  return await vscode.commands.executeCommand('aftTasks.held');
}

/** Resolves when so many editors have colours. */
export async function colored(editors: number): Promise<void> {
  while ((await held()).colors.coloredEditors !== editors) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function setSetting(key: string, value: unknown): Promise<void> {
  await vscode.workspace
    .getConfiguration('aftTasks')
    .update(key, value, vscode.ConfigurationTarget.Global);
}

/** An empty storage that the extension shows, alone, until `remove` is called. */
export async function showStorage(): Promise<{ directory: string; remove: () => Promise<void> }> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'aft-host-')));
  await setSetting('storageDirectories', [directory]);
  return {
    directory,
    remove: async () => {
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
      await setSetting('storageDirectories', undefined);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The storages of a test's own, as the extension reads them: one, with its worker. */
export function storagesAt(
  directory: string,
  keepHours = 0,
  isShown: () => boolean = () => true,
): Storages {
  const extension = vscode.extensions.getExtension(extensionId)!;
  return new Storages({
    candidates: () => (isShown() ? [{ path: directory, origin: 'test', legacy: false }] : []),
    workerScript: join(extension.extensionPath, 'dist', 'worker.js'),
    journalDirectory: join(directory, '.kills'),
    keepHours: () => keepHours,
    log: () => undefined,
  });
}

/** Resolves with the task as soon as the explorer knows one that fits. */
export async function taskWhere(
  key: string,
  fits: (task: TaskSummary) => boolean = () => true,
): Promise<TaskSummary> {
  const { tasks, onDidChangeTasks } = await api();
  const find = (): TaskSummary | undefined =>
    tasks().find((task) => task.key === key && fits(task));
  return await until(find, onDidChangeTasks);
}

/** Resolves when the explorer does not know the task, or not any more. */
export async function taskGone(key: string): Promise<void> {
  const { tasks, onDidChangeTasks } = await api();
  await until(
    () => (tasks().some((task) => task.key === key) ? undefined : true),
    onDidChangeTasks,
  );
}

/** Resolves with what `find` finds, asked now and after each event. */
export async function until<T>(
  find: () => T | undefined,
  ...events: readonly vscode.Event<unknown>[]
): Promise<T> {
  const first = find();
  if (first !== undefined) return first;
  return await new Promise((resolve) => {
    const look = (): void => {
      const found = find();
      if (found === undefined) return;
      for (const listener of listeners) listener.dispose();
      resolve(found);
    };
    const listeners = events.map((event) => event(look));
  });
}

/** Opens a document and waits for its text to fit. */
export async function textWhere(
  uri: vscode.Uri,
  fits: (text: string) => boolean,
): Promise<vscode.TextDocument> {
  const document = await vscode.workspace.openTextDocument(uri);
  return await until(
    () => (fits(document.getText()) ? document : undefined),
    vscode.workspace.onDidChangeTextDocument,
  );
}
