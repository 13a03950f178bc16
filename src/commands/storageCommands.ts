import * as vscode from 'vscode';
import type { Storage } from '../store/discovery.ts';
import { showInformation } from '../vscode/messages.ts';
import type { Settings } from '../vscode/settings.ts';
import { NothingToDo } from '../vscode/userError.ts';
import type { Storages } from '../worker/storages.ts';
import type { CommandHandler } from './commandTable.ts';

type StorageCommand = 'addStorageDirectory' | 'showStorages' | 'openSettings' | 'showLog';

/** Commands about where tasks are read from. */
export function storageCommands(
  storages: Storages,
  settings: Settings,
  log: vscode.LogOutputChannel,
): Record<StorageCommand, CommandHandler> {
  const { t } = vscode.l10n;

  const addStorageDirectory = async (): Promise<void> => {
    const picked = await vscode.window.showOpenDialog({
      canSelectFiles: false,
      canSelectFolders: true,
      canSelectMany: true,
      openLabel: t('Add'),
      title: t('Choose the directory that has aft.db or bash-tasks in it'),
    });
    if (picked === undefined) return;
    const known = storages.places.flatMap(({ path, storage }) =>
      storage === undefined ? [] : [path, storage.directory],
    );
    const added = picked.map(({ fsPath }) => fsPath).filter((path) => !known.includes(path));
    if (added.length === 0) {
      throw new NothingToDo(
        t('{0} is shown already.', picked.map(({ fsPath }) => fsPath).join(', ')),
      );
    }
    const configured = settings.get('storageDirectories');
    // A list in the settings replaces discovery, so what is shown now has to be in it.
    const before =
      configured.length > 0 ? configured : storages.storages.map(({ directory }) => directory);
    await settings.update('storageDirectories', [...before, ...added]);
    if (configured.length > 0) return;
    const choice = await showInformation(
      t(
        'From now on only the {0} storages in the setting “storageDirectories” are shown. Other places are looked in again when it is empty.',
        before.length + added.length,
      ),
      t('Open Settings'),
    );
    if (choice !== undefined) await openSettings('storageDirectories');
  };

  return {
    addStorageDirectory,

    showStorages: async () => {
      const add = t('Add Storage Directory…');
      const picked = await vscode.window.showQuickPick(
        [
          ...storages.places.map(({ path, origin, storage, problem }) => ({
            label: `$(${placeIcon(storage, problem)}) ${path}`,
            description: origin,
            detail: problem ?? storage?.directory ?? t('not there'),
          })),
          { label: `$(add) ${add}`, description: '', detail: '' },
        ],
        { title: t('Where AFT storages are looked for'), matchOnDescription: true },
      );
      if (picked?.label.endsWith(add) === true) await addStorageDirectory();
    },

    openSettings: () => openSettings(''),

    showLog: () => {
      log.show();
    },
  };
}

/** Shows the extension's settings; those whose names have this text. */
async function openSettings(text: string): Promise<void> {
  const query = `@ext:aft-task-explorer.aft-task-explorer ${text}`.trimEnd();
  await vscode.commands.executeCommand('workbench.action.openSettings', query);
}

function placeIcon(storage: Storage | undefined, problem: string | undefined): string {
  if (problem !== undefined) return 'warning';
  return storage === undefined ? 'circle-slash' : 'pass';
}
