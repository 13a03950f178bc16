import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import { Disposable } from '../vscode/disposable.ts';
import type { Settings } from '../vscode/settings.ts';
import { commandName, withoutIcons } from '../vscode/words.ts';
import type { Storages } from '../worker/storages.ts';
import { followLink, labelOf, type LinkTarget } from './fileLinks.ts';
import { ReplayLinks, type ReplayLink } from './replayLinks.ts';
import { ReplayTerminal } from './replayTerminal.ts';
import type { StateWords } from './taskWords.ts';

interface Replaying {
  readonly key: string;
  readonly pty: ReplayTerminal;
  readonly links: ReplayLinks;
}

interface TaskLink extends vscode.TerminalLink {
  readonly link: ReplayLink;
  readonly key: string;
}

/** The terminals that show tasks' captures, one a task, and the links to files in them. */
export class ReplayTerminals extends Disposable implements vscode.TerminalLinkProvider<TaskLink> {
  private readonly storages: Storages;
  private readonly settings: Settings;
  private readonly stateWords: StateWords;
  private readonly terminals = new Map<vscode.Terminal, Replaying>();

  constructor(storages: Storages, settings: Settings, stateWords: StateWords) {
    super();
    this.storages = storages;
    this.settings = settings;
    this.stateWords = stateWords;
    this.register(vscode.window.registerTerminalLinkProvider(this));
    this.register(
      vscode.window.onDidCloseTerminal((terminal) => {
        this.forget(terminal);
      }),
    );
    this.register({
      dispose: () => {
        for (const [terminal, { links }] of this.terminals) {
          links.close();
          terminal.dispose();
        }
      },
    });
  }

  get held(): { readonly terminals: number; readonly timers: number; readonly texts: number } {
    const all = [...this.terminals.values()];
    return {
      terminals: all.length,
      timers: all.filter(({ pty }) => pty.isFollowing).length,
      texts: all.filter(({ links }) => links.hasText).length,
    };
  }

  /** Shows the task's terminal; makes it where there is none, or one that can't go on. */
  show(task: Task): void {
    const [known, replaying] = [...this.terminals].find(([, { key }]) => key === task.key) ?? [];
    if (known !== undefined && replaying?.pty.canGoOn === true) {
      known.show();
      return;
    }
    this.create(task).show();
    if (known === undefined) return;
    this.forget(known);
    known.dispose();
  }

  async provideTerminalLinks({
    line,
    terminal,
  }: Pick<vscode.TerminalLinkContext, 'line' | 'terminal'>): Promise<TaskLink[]> {
    const { key, links } = this.terminals.get(terminal) ?? {};
    if (key === undefined || links === undefined) return [];
    return (await links.find(line)).map((link) => {
      const { start, end, targets, isCertain } = link;
      // The text of a program's own link may say anything: the reader is told where it leads.
      const [target] = isCertain ? targets : [];
      const tooltip = target instanceof vscode.Uri ? target.toString() : undefined;
      return Object.assign(new vscode.TerminalLink(start, end - start, tooltip), { link, key });
    });
  }

  async handleTerminalLink({ link, key }: TaskLink): Promise<void> {
    const { targets, isCertain } = link;
    const target = isCertain ? targets[0] : await choose(targets);
    const file = target && (await followLink(target, this.storages.index.get(key)));
    if (file !== undefined) await vscode.commands.executeCommand('vscode.open', file);
  }

  private create(task: Task): vscode.Terminal {
    const pty = new ReplayTerminal(task.key, this.storages, this.stateWords);
    const terminal = vscode.window.createTerminal({
      name: withoutIcons(commandName(task, 40)),
      pty,
      iconPath: new vscode.ThemeIcon('output'),
      isTransient: true,
    });
    const links = new ReplayLinks(task, this.storages, this.settings);
    this.terminals.set(terminal, { key: task.key, pty, links });
    return terminal;
  }

  private forget(terminal: vscode.Terminal): void {
    const { pty, links } = this.terminals.get(terminal) ?? {};
    pty?.dispose();
    links?.close();
    this.terminals.delete(terminal);
  }
}

/** The same line stands in several places, or in more than are known. */
async function choose(targets: readonly LinkTarget[]): Promise<LinkTarget | undefined> {
  const items = targets.map((target) => ({ label: labelOf(target), target }));
  const placeHolder = vscode.l10n.t('This line may be about several files. Which one?');
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.target;
}
