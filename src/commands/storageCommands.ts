import * as vscode from 'vscode';
import type { Storage } from '../store/discovery.ts';
import type { Settings } from '../vscode/settings.ts';
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
    const configured = settings.get('storageDirectories');
    // A list in the settings replaces discovery, so what is shown now has to be in it.
    const shown =
      configured.length > 0 ? configured : storages.storages.map(({ directory }) => directory);
    const added = picked.map(({ fsPath }) => fsPath).filter((path) => !shown.includes(path));
    await settings.update('storageDirectories', [...shown, ...added]);
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

    openSettings: () =>
      vscode.commands.executeCommand(
        'workbench.action.openSettings',
        '@ext:aft-task-explorer.aft-task-explorer',
      ),

    showLog: () => {
      log.show();
    },
  };
}

function placeIcon(storage: Storage | undefined, problem: string | undefined): string {
  if (problem !== undefined) return 'warning';
  return storage === undefined ? 'circle-slash' : 'pass';
}
