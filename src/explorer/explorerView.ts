import * as vscode from 'vscode';
import type { Storages } from '../worker/storages.ts';
import { ContextKey } from '../vscode/contextKey.ts';
import { Disposable } from '../vscode/disposable.ts';
import { taskFilter } from './filter.ts';
import type { TreeNode } from './nodes.ts';
import { TaskTree } from './taskTree.ts';
import { taskTooltip } from './taskTooltip.ts';

export const explorerViewId = 'aftTasks.explorer';

/** The values of the context key `aftTasks.state`: which welcome shows, if any. */
export const explorerStates = [
  'loading',
  'tasks',
  'filtered',
  'unreadable',
  'empty',
  'noStorage',
] as const;

type ExplorerState = (typeof explorerStates)[number];

/** Rows show times in minutes; they are looked at this often while the view is on screen. */
const tickEvery = 30_000;

/**
 * VS Code collects refreshes of a tree for 200 ms; an element that is revealed meanwhile can be
 * registered twice (microsoft/vscode#192055).
 */
const refreshSettles = 250;
/** A tree that changes all the time is not waited for any longer. */
const longestSettling = 2000;

const tooltipLines = 5;

/** The explorer's view: the tree, its message, welcome states, progress and filter. */
export class ExplorerView extends Disposable {
  private readonly storages: Storages;
  private readonly tree: TaskTree;
  private readonly view: vscode.TreeView<TreeNode>;
  private readonly stateKey = new ContextKey<ExplorerState>('state');
  private readonly filteredKey = new ContextKey<boolean>('filtered');
  private filterText = '';
  private lastRefresh = 0;
  private ticking: NodeJS.Timeout | undefined;
  private scanning = false;

  constructor(storages: Storages) {
    super();
    this.storages = storages;
    this.tree = this.register(
      new TaskTree(storages.index, async (task) => {
        const lines = await storages
          .callsFor(task.key)
          ?.lastLines(task.key, tooltipLines)
          // The capture may be gone or unsafe to open; the tooltip is as good without it.
          .catch(() => []);
        return taskTooltip(task, lines ?? []);
      }),
    );
    this.view = this.register(
      vscode.window.createTreeView(explorerViewId, {
        treeDataProvider: this.tree,
        canSelectMany: true,
        showCollapseAll: true,
      }),
    );
    this.register(
      this.tree.onDidChangeTreeData(() => {
        this.lastRefresh = Date.now();
      }),
    );
    this.register(
      this.view.onDidChangeVisibility(({ visible }) => {
        this.setVisible(visible);
      }),
    );
    this.register(
      vscode.window.onDidChangeWindowState(({ focused }) => {
        // Other programs have had the machine meanwhile; watches can miss what they did.
        if (focused) void storages.refresh();
      }),
    );
    this.register({
      dispose: storages.onDidChangeState(() => {
        this.showState();
      }),
    });
    this.register({
      dispose: storages.index.onDidChange(() => {
        this.showState();
      }),
    });
    this.register({
      dispose: () => {
        clearInterval(this.ticking);
      },
    });
    this.setVisible(this.view.visible);
    this.showState();
  }

  get filter(): string {
    return this.filterText;
  }

  setFilter(text: string): void {
    this.filterText = text.trim();
    this.tree.setFilter(taskFilter(this.filterText));
    this.showState();
  }

  /** Shows a task's row; a filter that hides it is cleared. False where there is no such task. */
  async reveal(key: string): Promise<boolean> {
    if (this.storages.index.get(key) === undefined) return false;
    if (this.tree.nodeOf(key) === undefined) this.setFilter('');
    await vscode.commands.executeCommand(`${explorerViewId}.focus`);
    const givesUp = Date.now() + longestSettling;
    for (;;) {
      const wait = this.lastRefresh + refreshSettles - Date.now();
      if (wait <= 0 || Date.now() >= givesUp) break;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    const node = this.tree.nodeOf(key);
    if (node === undefined) return false;
    await this.view.reveal(node, { select: true, focus: true });
    return true;
  }

  private setVisible(visible: boolean): void {
    this.storages.setVisible(visible);
    clearInterval(this.ticking);
    this.ticking = undefined;
    if (!visible) return;
    this.tree.tick();
    this.ticking = setInterval(() => {
      this.tree.tick();
    }, tickEvery);
  }

  private showState(): void {
    const { scanning, ready, watching, problem } = this.storages.state;
    const shown = this.tree.size;
    const filtered = this.filterText !== '';
    this.filteredKey.set(filtered);
    const messages: string[] = [];
    if (shown > 0) {
      if (filtered) messages.push(vscode.l10n.t('Filter: {0}', this.filterText));
      if (problem !== undefined) messages.push(problem);
      if (watching === 'polling') {
        messages.push(
          vscode.l10n.t(
            "Changes are looked for every few seconds: the system's file watches ran out, are turned off or do not work here.",
          ),
        );
      }
    }
    // A welcome shows only while the message is empty, so an empty tree has none.
    this.view.message = messages.join('\n');
    this.stateKey.set(this.welcome(ready, problem));
    this.showProgress(scanning);
  }

  private welcome(ready: boolean, problem: string | undefined): ExplorerState {
    if (this.tree.size > 0) return 'tasks';
    if (!ready) return 'loading';
    if (this.storages.index.tasks().length > 0) return 'filtered';
    if (problem !== undefined) return 'unreadable';
    return this.storages.storages.length > 0 ? 'empty' : 'noStorage';
  }

  private showProgress(scanning: boolean): void {
    if (scanning === this.scanning) return;
    this.scanning = scanning;
    if (!scanning) return;
    void vscode.window.withProgress({ location: { viewId: explorerViewId } }, async () => {
      if (!this.storages.state.scanning) return;
      await new Promise<void>((resolve) => {
        const stop = this.storages.onDidChangeState(() => {
          if (this.storages.state.scanning) return;
          stop();
          resolve();
        });
      });
    });
  }
}
