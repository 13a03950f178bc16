import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { AftTaskExplorerApi } from './api.ts';
import { actionCommands } from './commands/actionCommands.ts';
import { Commands } from './commands/commandTable.ts';
import { compareCommands } from './commands/compareCommands.ts';
import { documentCommands } from './commands/documentCommands.ts';
import { deleteCommands } from './commands/deleteCommands.ts';
import { explorerCommands } from './commands/explorerCommands.ts';
import { exportCommands } from './commands/exportCommands.ts';
import { outputCommands } from './commands/outputCommands.ts';
import { rerunCommands } from './commands/rerunCommands.ts';
import { searchCommands } from './commands/searchCommands.ts';
import { storageCommands } from './commands/storageCommands.ts';
import { TaskActions } from './commands/taskActions.ts';
import { TaskPicker } from './commands/taskPicker.ts';
import { loadEarlier } from './documents/earlierOutput.ts';
import { UnfinishedKills } from './commands/unfinishedKills.ts';
import { FollowOutput } from './documents/followOutput.ts';
import { OutputColors } from './documents/outputColors.ts';
import { OutputDocuments } from './documents/outputDocuments.ts';
import { OutputFileSystem } from './documents/outputFileSystem.ts';
import { OutputLenses } from './documents/outputLenses.ts';
import { OutputLinks } from './documents/outputLinks.ts';
import { OutputNotes } from './documents/outputNotes.ts';
import { OutputSections } from './documents/outputSections.ts';
import { ReplayTerminals } from './documents/replayTerminals.ts';
import { TerminalLinks } from './documents/terminalLinks.ts';
import { ExplorerView } from './explorer/explorerView.ts';
import { PublicApi } from './publicApi.ts';
import { storageCandidates } from './store/candidates.ts';
import type { Task } from './store/task.ts';
import { Settings } from './vscode/settings.ts';
import { taskState } from './vscode/taskState.ts';
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
    journalDirectory: path.join(context.globalStorageUri.fsPath, 'actions'),
    log: (level, message) => {
      log[level](message);
    },
  });
  storages = reading;

  const explorer = new ExplorerView(reading);
  const picker = new TaskPicker(reading);
  const actions = new TaskActions(reading);
  const stateWords = (task: Task): string => taskState(task).words;
  const documents = new OutputDocuments(reading, settings, log);
  const follow = new FollowOutput(documents, settings, context.workspaceState);
  const colors = new OutputColors(documents);
  const lenses = new OutputLenses(documents, follow, stateWords);
  const terminals = new ReplayTerminals(reading, settings, stateWords);
  const commands = new Commands(
    {
      ...outputCommands(picker, reading),
      ...documentCommands(picker, {
        toggleFollow: (editor) => {
          follow.toggle(editor);
        },
        loadEarlier: (uri, stream) => loadEarlier(documents, uri, stream),
        showInTerminal: (task) => {
          terminals.show(task);
        },
      }),
      ...actionCommands(picker, reading.index, actions, settings, log),
      ...deleteCommands(picker, reading, actions, settings, log),
      ...explorerCommands(picker, reading, explorer),
      ...searchCommands(
        picker,
        reading,
        path.join(context.extensionPath, 'dist', 'search.js'),
        {
          hold: (uri) => {
            follow.hold(uri);
          },
          reaches: (uri, stream, byte) => documents.get(uri)?.reaches(stream, byte) ?? false,
          placeLine: (uri) => documents.get(uri)?.placeLine,
        },
        log,
      ),
      ...compareCommands(picker, reading.index),
      ...exportCommands(picker, reading),
      ...rerunCommands(picker),
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
    documents,
    new OutputFileSystem(documents),
    follow,
    colors,
    lenses,
    new OutputNotes(documents, follow, stateWords),
    new OutputSections(documents),
    new OutputLinks(reading, documents),
    terminals,
    new TerminalLinks(reading),
    api,
    settings.onDidChange((key) => {
      if (key === 'storageDirectories') void reading.refresh();
      if (key === 'trash.keepHours') reading.updateKeepHours();
    }),
  );
  if (context.extensionMode === vscode.ExtensionMode.Test) {
    const held = (): object => ({
      documents: documents.held,
      follow: follow.held,
      colors: colors.held,
      lenses: lenses.held,
      terminals: terminals.held,
    });
    context.subscriptions.push(vscode.commands.registerCommand('aftTasks.held', held));
  }
  return api.exports;
}

export async function deactivate(): Promise<void> {
  await storages?.dispose();
}
