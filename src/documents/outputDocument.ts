import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import type { OutputChange, OutputWindow } from '../output/outputText.ts';
import type { Task } from '../store/task.ts';
import type { Storages } from '../worker/storages.ts';
import type { Settings } from '../vscode/settings.ts';
import type { OutputTarget } from '../vscode/uris.ts';
import { bytesInWords } from '../vscode/words.ts';
import { encodeText } from './encodeText.ts';

/** A capture's part of a document. */
interface Section {
  readonly stream: CaptureStream;
  /** The number of its view in the storage's worker. */
  readonly view: number;
  text: string;
  skippedBytes: number;
}

let lastView = 0;

/**
 * The text of one output document: one capture, or standard output and error one after the other.
 * It holds a window of each capture and grows with it.
 */
export class OutputDocument {
  readonly target: OutputTarget;
  private readonly storages: Storages;
  private readonly settings: Settings;
  private sections: Section[] = [];
  private opening: Promise<void> | undefined;
  private reading: Promise<boolean> | undefined;
  /** The last line, where the task's files are gone. */
  private epitaph: string | undefined;
  private encoded: Uint8Array | undefined;
  private modified = 0;

  constructor(target: OutputTarget, storages: Storages, settings: Settings) {
    this.target = target;
    this.storages = storages;
    this.settings = settings;
  }

  get task(): Task | undefined {
    return this.storages.index.get(this.target.key);
  }

  /** Epoch milliseconds; grows with each change of the text, and only then. */
  get mtime(): number {
    return this.modified;
  }

  /** The text in UTF-8. Call `read` first. */
  get bytes(): Uint8Array {
    this.encoded ??= encodeText(this.compose());
    return this.encoded;
  }

  /**
   * Opens the captures, or reads what is new in them. True where the text has changed. A storage
   * that can't be asked rejects.
   */
  async read(): Promise<boolean> {
    this.opening ??= this.open();
    try {
      await this.opening;
    } catch (error) {
      this.opening = undefined;
      throw error;
    }
    this.reading ??= this.readSections().finally(() => {
      this.reading = undefined;
    });
    return await this.reading;
  }

  /** Keeps the text, with a last line that says that the task's files are gone. */
  markDeleted(): void {
    if (this.epitaph !== undefined) return;
    this.epitaph = vscode.l10n.t(
      '[{0} was deleted: this is what was read before]',
      this.target.taskId,
    );
    this.touch();
  }

  /** Forgets the text; the next `read` opens the captures again. */
  close(): void {
    const calls = this.storages.callsFor(this.target.key);
    for (const { view } of this.sections) void calls?.closeOutput(view);
    this.sections = [];
    this.opening = undefined;
    this.epitaph = undefined;
    this.encoded = undefined;
  }

  private async open(): Promise<void> {
    await this.storages.settled();
    const task = this.task;
    const calls = this.storages.callsFor(this.target.key);
    if (task === undefined || calls === undefined) {
      const { stream, taskId } = this.target;
      this.epitaph = vscode.l10n.t(
        '[{0} was deleted, and its output ({1}) with it]',
        taskId,
        stream,
      );
      this.touch();
      return;
    }
    const streams = streamsOf(this.target, task);
    const window = this.window(task, streams.length);
    this.sections = await Promise.all(
      streams.map(async (stream) => {
        lastView += 1;
        const view = lastView;
        const { text, skippedBytes } = await calls.openOutput(view, task.key, stream, window);
        return { stream, view, text, skippedBytes };
      }),
    );
    this.touch();
  }

  private async readSections(): Promise<boolean> {
    const calls = this.storages.callsFor(this.target.key);
    if (calls === undefined || this.epitaph !== undefined) return false;
    const changes = await Promise.all(
      this.sections.map(async (section) => ({
        section,
        change: await calls.readOutput(section.view),
      })),
    );
    let changed = false;
    for (const { section, change } of changes) {
      if (change !== undefined) changed = apply(section, change) || changed;
    }
    if (changed) this.touch();
    return changed;
  }

  private window(task: Task, streams: number): OutputWindow {
    const kib = this.settings.get(
      task.liveness === 'ended' ? 'output.window' : 'output.liveWindow',
    );
    const size = Math.floor((kib * 1024) / streams);
    return { size, limit: 2 * size };
  }

  private touch(): void {
    this.modified = Math.max(this.modified + 1, Date.now());
    this.encoded = undefined;
  }

  private compose(): string {
    const shown = this.sections.filter(({ text }) => text !== '');
    const parts = shown.map(
      (section) =>
        (shown.length > 1 ? `=== ${section.stream} ===\n` : '') + cutLine(section) + section.text,
    );
    if (this.epitaph !== undefined) parts.push(`${this.epitaph}\n`);
    return parts.reduce(
      (text, part) => text + (text === '' || text.endsWith('\n') ? '' : '\n') + part,
      '',
    );
  }
}

/** The captures that a document shows. The natural document of a pipes task shows both streams. */
function streamsOf({ stream }: OutputTarget, task: Task): readonly CaptureStream[] {
  if (stream !== 'output') return [stream];
  return task.mode === 'pty' ? ['pty'] : ['stdout', 'stderr'];
}

/** The first line of a section that shows only the end of its capture. */
function cutLine({ skippedBytes }: Section): string {
  if (skippedBytes === 0) return '';
  return `${vscode.l10n.t('[{0} before this are not shown]', bytesInWords(skippedBytes))}\n`;
}

/** True where the section's text is another one now. */
function apply(section: Section, change: OutputChange): boolean {
  switch (change.kind) {
    case 'append':
      section.text =
        section.text.slice(0, section.text.length - change.replacedChars) + change.text;
      return true;
    case 'replace':
      section.text = change.text;
      section.skippedBytes = change.skippedBytes;
      return true;
    case 'gone':
      // The task's own removal, or its capture's replacement, follows; until then the text stays.
      return false;
  }
}
