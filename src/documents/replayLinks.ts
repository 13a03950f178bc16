import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import type { Settings } from '../vscode/settings.ts';
import type { Storages } from '../worker/storages.ts';
import { safeTarget, type LinkTarget } from './fileLinks.ts';
import { OutputDocument } from './outputDocument.ts';
import type { OutputSection } from './outputSection.ts';
import { findShownLinks, type ShownLink } from './shownLinks.ts';

/** More rows than a terminal has on the screen. */
const mostRows = 500;

/** A link in a line of a replay: several targets, or one that is not certain, are asked about. */
export interface ReplayLink extends Omit<ShownLink, 'targets'> {
  readonly targets: readonly LinkTarget[];
}

/**
 * The links in the terminal that shows a task. VS Code asks for those of a line by its text, so what
 * the task wrote is read beside the terminal, as its document would have it, from the first question
 * on.
 */
export class ReplayLinks {
  private readonly document: OutputDocument;

  constructor({ key, taskId }: Task, storages: Storages, settings: Settings) {
    this.document = new OutputDocument({ key, taskId, stream: 'output' }, storages, settings);
    this.document.keepsLines = true;
  }

  /** It was asked, and keeps what the task wrote until it is closed. */
  get hasText(): boolean {
    return this.document.isOpen;
  }

  async find(line: string): Promise<ReplayLink[]> {
    const sections = await this.read();
    const { task } = this.document;
    return findShownLinks(line, sections, hasAll(sections)).flatMap((link) => {
      const targets = link.targets.flatMap((target): LinkTarget[] => {
        if (typeof target !== 'string') return [target];
        // Those to the web are the terminal's own.
        const uri = safeTarget(target, task);
        return uri?.scheme === 'file' ? [uri] : [];
      });
      return targets.length === 0 ? [] : [{ ...link, targets }];
    });
  }

  close(): void {
    this.document.close();
  }

  private async read(): Promise<readonly OutputSection[]> {
    try {
      await this.document.read();
    } catch {
      // The terminal says that the capture can't be read. The text that it has may name files.
    }
    return this.document.layout.sections.map(({ section }) => section);
  }
}

/** Whether the sections have every line that a terminal keeps: each is a row of it, or more. */
function hasAll(sections: readonly OutputSection[]): boolean {
  const terminal = vscode.workspace.getConfiguration('terminal.integrated');
  const kept = terminal.get<number>('scrollback', 1000) + mostRows;
  return sections.every(({ skippedBytes, lineCount }) => skippedBytes === 0 || lineCount >= kept);
}
