import * as vscode from 'vscode';
import { findLinks, type FileLink } from '../output/links/links.ts';
import type { Task } from '../store/task.ts';
import { Disposable } from '../vscode/disposable.ts';
import { firstLine } from '../vscode/words.ts';
import type { Storages } from '../worker/storages.ts';
import { followFileLink, rangeOf } from './fileLinks.ts';
import { ReplayTerminal } from './replayTerminal.ts';
import type { StateWords } from './taskWords.ts';

interface Replaying {
  readonly key: string;
  readonly pty: ReplayTerminal;
}

interface ReplayLink extends vscode.TerminalLink {
  readonly file: FileLink;
  readonly key: string;
}

/** The terminals that show tasks' captures, one a task, and the links to files in them. */
export class ReplayTerminals extends Disposable implements vscode.TerminalLinkProvider<ReplayLink> {
  private readonly storages: Storages;
  private readonly stateWords: StateWords;
  private readonly terminals = new Map<vscode.Terminal, Replaying>();

  constructor(storages: Storages, stateWords: StateWords) {
    super();
    this.storages = storages;
    this.stateWords = stateWords;
    this.register(vscode.window.registerTerminalLinkProvider(this));
    this.register(
      vscode.window.onDidCloseTerminal((terminal) => {
        this.terminals.get(terminal)?.pty.dispose();
        this.terminals.delete(terminal);
      }),
    );
    this.register({
      dispose: () => {
        for (const terminal of this.terminals.keys()) terminal.dispose();
      },
    });
  }

  get held(): { readonly terminals: number; readonly timers: number } {
    const following = [...this.terminals.values()].filter(({ pty }) => pty.isFollowing);
    return { terminals: this.terminals.size, timers: following.length };
  }

  /** Shows the task's terminal; makes it where there is none. */
  show(task: Task): void {
    const [known] = [...this.terminals].find(([, { key }]) => key === task.key) ?? [];
    const terminal = known ?? this.create(task);
    terminal.show();
  }

  provideTerminalLinks({
    line,
    terminal,
  }: Pick<vscode.TerminalLinkContext, 'line' | 'terminal'>): ReplayLink[] {
    const key = this.terminals.get(terminal)?.key;
    if (key === undefined) return [];
    return findLinks(line).flatMap((link) => {
      if (link.kind !== 'file') return [];
      const { start, end } = link;
      return [Object.assign(new vscode.TerminalLink(start, end - start), { file: link, key })];
    });
  }

  async handleTerminalLink({ file, key }: ReplayLink): Promise<void> {
    const task = this.storages.index.get(key);
    const target = await followFileLink(file, task);
    if (target === undefined) return;
    await vscode.commands.executeCommand('vscode.open', target, { selection: rangeOf(file) });
  }

  private create(task: Task): vscode.Terminal {
    const pty = new ReplayTerminal(task.key, this.storages, this.stateWords);
    const terminal = vscode.window.createTerminal({
      name: firstLine(task.command, 40) || task.taskId,
      pty,
      iconPath: new vscode.ThemeIcon('output'),
      isTransient: true,
    });
    this.terminals.set(terminal, { key: task.key, pty });
    return terminal;
  }
}
