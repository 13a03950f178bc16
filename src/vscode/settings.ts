import * as vscode from 'vscode';
import { Disposable } from './disposable.ts';

/** Every setting, below `aftTasks.`, with the type of its value. package.json has the defaults. */
interface SettingTypes {
  storageDirectories: readonly string[];
  'output.window': number;
  'output.liveWindow': number;
  'output.follow': boolean;
  'confirm.kill': boolean;
  'confirm.delete': boolean;
  'trash.keepHours': number;
}

export type SettingKey = keyof SettingTypes;

export const settingKeys: readonly SettingKey[] = [
  'storageDirectories',
  'output.window',
  'output.liveWindow',
  'output.follow',
  'confirm.kill',
  'confirm.delete',
  'trash.keepHours',
];

/** VS Code only warns of a number beyond package.json's `minimum` and `maximum`. A test holds them equal. */
export const numberLimits: Readonly<
  Partial<Record<SettingKey, readonly [least: number, most: number]>>
> = {
  'output.window': [64, 16_384],
  'output.liveWindow': [64, 4096],
  'trash.keepHours': [0, 8760],
};

/** The extension's settings: read when asked for, announced when changed. */
export class Settings extends Disposable {
  private readonly changed = this.register(new vscode.EventEmitter<SettingKey>());
  /** Fires once for each setting that changed. */
  readonly onDidChange = this.changed.event;

  constructor() {
    super();
    this.register(
      vscode.workspace.onDidChangeConfiguration((event) => {
        for (const key of settingKeys) {
          if (event.affectsConfiguration(`aftTasks.${key}`)) this.changed.fire(key);
        }
      }),
    );
  }

  /** A value of another type than the setting's (VS Code only warns of it) counts as the default. */
  get<K extends SettingKey>(key: K): SettingTypes[K] {
    const { defaultValue, value } = this.inspect(key);
    const limits = numberLimits[key];
    if (limits !== undefined && typeof value === 'number') {
      const [least, most] = limits;
      return Math.min(Math.max(value, least), most) as SettingTypes[K];
    }
    if (!Array.isArray(defaultValue)) {
      return (typeof value === typeof defaultValue ? value : defaultValue) as SettingTypes[K];
    }
    const entries: readonly unknown[] = Array.isArray(value) ? value : [];
    return entries.filter((entry) => typeof entry === 'string') as unknown as SettingTypes[K];
  }

  async update<K extends SettingKey>(key: K, value: SettingTypes[K]): Promise<void> {
    await vscode.workspace
      .getConfiguration('aftTasks')
      .update(key, value, vscode.ConfigurationTarget.Global);
  }

  private inspect(key: SettingKey): { defaultValue: unknown; value: unknown } {
    const configuration = vscode.workspace.getConfiguration('aftTasks');
    const defaultValue: unknown = configuration.inspect(key)?.defaultValue;
    return { defaultValue, value: configuration.get<unknown>(key) };
  }
}
