import * as vscode from 'vscode';
import { Disposable } from '../vscode/disposable.ts';
import { showError, showInformation } from '../vscode/messages.ts';
import { NothingToDo, UserError } from '../vscode/userError.ts';

/** Every command, below `aftTasks.`. A test holds this list against package.json. */
export const commandIds = [
  'openOutput',
  'openStdout',
  'openStderr',
  'openPty',
  'openRaw',
  'openInTerminal',
  'loadEarlier',
  'toggleFollow',
  'pauseFollow',
  'kill',
  'killAllRunning',
  'recordEnded',
  'delete',
  'deleteFinished',
  'undoDelete',
  'emptyTrash',
  'markDelivered',
  'markAllDelivered',
  'stopNotifying',
  'refresh',
  'revealTask',
  'copyTaskId',
  'copyCommand',
  'revealInFileManager',
  'searchOutputs',
  'compareOutputs',
  'copyOutput',
  'exportOutput',
  'exportSession',
  'rerunInTerminal',
  'filter',
  'clearFilter',
  'addStorageDirectory',
  'showStorages',
  'openSettings',
  'showLog',
] as const;

export type CommandId = (typeof commandIds)[number];

/**
 * A command's handler. VS Code hands over a tree item and the selected ones, scripts hand over a
 * task's key or id, the palette nothing: `TaskPicker` makes tasks of any of these.
 */
export type CommandHandler = (argument?: unknown, selected?: unknown) => unknown;

export type CommandTable = Readonly<Record<CommandId, CommandHandler>>;

/** Registers every command; what one of them throws is told to the user and logged, never lost. */
export class Commands extends Disposable {
  constructor(table: CommandTable, log: vscode.LogOutputChannel) {
    super();
    for (const id of commandIds) {
      this.register(
        vscode.commands.registerCommand(
          `aftTasks.${id}`,
          async (argument?: unknown, selected?: unknown) => {
            try {
              return await table[id](argument, selected);
            } catch (error) {
              report(id, error, log);
              return undefined;
            }
          },
        ),
      );
    }
  }
}

function report(id: CommandId, error: unknown, log: vscode.LogOutputChannel): void {
  if (error instanceof NothingToDo) {
    log.info(`${id}: ${error.message}`);
    void showInformation(error.message);
    return;
  }
  if (error instanceof UserError) {
    log.warn(`${id}: ${error.message}`);
    void showError(error.message);
    return;
  }
  log.error(`${id}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  const message = error instanceof Error ? error.message : String(error);
  const showLog = vscode.l10n.t('Show Log');
  void showError(message, showLog).then((choice) => {
    if (choice === showLog) log.show();
  });
}
