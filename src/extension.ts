import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { AftTaskExplorerApi } from './api.ts';
import { actionCommands } from './commands/actionCommands.ts';
import { Commands } from './commands/commandTable.ts';
import { deleteCommands } from './commands/deleteCommands.ts';
import { explorerCommands } from './commands/explorerCommands.ts';
import { outputCommands } from './commands/outputCommands.ts';
import { storageCommands } from './commands/storageCommands.ts';
import { TaskActions } from './commands/taskActions.ts';
import { TaskPicker } from './commands/taskPicker.ts';
import { UnfinishedKills } from './commands/unfinishedKills.ts';
import { FollowOutput } from './documents/followOutput.ts';
import { OutputFileSystem } from './documents/outputFileSystem.ts';
import { OutputLinks } from './documents/outputLinks.ts';
import { TerminalLinks } from './documents/terminalLinks.ts';
import { ExplorerView } from './explorer/explorerView.ts';
import { PublicApi } from './publicApi.ts';
import { storageCandidates } from './store/candidates.ts';
import { Settings } from './vscode/settings.ts';
import { Storages } from './worker/storages.ts';

let storages: Storages | undefined;

/** The composition root: builds the parts and hands them to each other. Reading starts afterwards. */
export function activate(context: vscode.ExtensionContext): AftTaskExplorerApi {
  const log = vscode.window.createOutputChannel(vscode.l10n.t('AFT Tasks'), { log: true });
  const settings = new Settings();
  const reading = new Storages({
    candidates: () =>
      storageCandidates({
        directories: settings.get('storageDirectories'),
        environment: process.env,
        home: os.homedir(),
        platform: process.platform,
      }),
    workerScript: path.join(context.extensionPath, 'dist', 'worker.js'),
    keepHours: () => Math.max(0, settings.get('trash.keepHours')),
    journalDirectory: path.join(context.globalStorageUri.fsPath, 'kills'),
    log: (level, message) => {
      log[level](message);
    },
  });
  storages = reading;

  const explorer = new ExplorerView(reading);
  const picker = new TaskPicker(reading.index, () => explorer.selection);
  const actions = new TaskActions(reading);
  const commands = new Commands(
    {
      ...outputCommands(picker, reading),
      ...actionCommands(picker, reading.index, actions, settings, log),
      ...deleteCommands(picker, reading, actions, settings, log),
      ...explorerCommands(picker, reading, explorer),
      ...storageCommands(reading, settings, log),
    },
    log,
  );
  const ready = new Promise<void>((resolve, reject) => {
    setImmediate(() => {
      reading.start().then(resolve, reject);
    });
  });
  ready.catch((error: unknown) => {
    log.error(`looking for storages: ${String(error)}`);
  });
  const api = new PublicApi(reading, actions, ready);

  context.subscriptions.push(
    log,
    settings,
    explorer,
    commands,
    new UnfinishedKills(reading),
    new OutputFileSystem(reading, settings, log),
    new FollowOutput(reading, settings),
    new OutputLinks(reading),
    new TerminalLinks(reading),
    api,
    settings.onDidChange((key) => {
      if (key === 'storageDirectories') void reading.refresh();
      if (key === 'trash.keepHours') reading.updateKeepHours();
    }),
  );
  return api.exports;
}

export async function deactivate(): Promise<void> {
  await storages?.dispose();
}
