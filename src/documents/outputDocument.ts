import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import { streamHeading, type OpenedText, type OutputWindow } from '../output/outputText.ts';
import type { Task } from '../store/task.ts';
import { goesOn } from '../store/taskTraits.ts';
import type { Storages } from '../worker/storages.ts';
import type { Settings } from '../vscode/settings.ts';
import type { OutputTarget } from '../vscode/uris.ts';
import { bytesInWords } from '../vscode/words.ts';
import { encodeText } from './encodeText.ts';
import { layOut, type OutputLayout, type PlacedSection } from './outputLayout.ts';
import { OutputSection } from './outputSection.ts';
import { nextView } from './views.ts';

/**
 * Bytes that a document has before lines are cut that somebody may be reading: an update that appends
 * still takes a fifth of a second then.
 */
const mostKept = 2 * 1024 * 1024;

/** Lines of a document that a reader sees, both included. */
export interface SeenLines {
  readonly first: number;
  readonly last: number;
}

/**
 * The text of one output document: one capture, or standard output and error one after the other.
 * It holds a window of each capture and grows with it.
 */
export class OutputDocument {
  readonly target: OutputTarget;
  private readonly storages: Storages;
  private readonly settings: Settings;
  private sections: OutputSection[] = [];
  /** Of the sections, and of those that are being opened. */
  private views: readonly number[] = [];
  private opening: Promise<void> | undefined;
  /** Another one after each closing, for what was begun before it. */
  private life: object = {};
  private working: Promise<unknown> = Promise.resolve();
  /** The last line, where the task's files are gone. */
  private epitaph: string | undefined;
  private composed: OutputLayout | undefined;
  private encoded: Uint8Array | undefined;
  private handedOver: OutputLayout | undefined;
  private modified = 0;
  /** Somebody reads elsewhere than at the end: a cut waits, as long as the text is not too large. */
  keepsLines = false;
  /** The section that was read last: the others come first the next time. */
  private turn = 0;

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

  get isOpen(): boolean {
    return this.sections.length > 0 || this.epitaph !== undefined;
  }

  /** What a capture has around a place is read once; nothing comes to it. */
  get isExcerpt(): boolean {
    return this.target.place !== undefined;
  }

  /** Whether what is read later may be another text. */
  get mayGrow(): boolean {
    return !this.isExcerpt && this.task !== undefined && goesOn(this.task);
  }

  /** The text as it is now. Call `read` first. */
  get layout(): OutputLayout {
    this.composed ??= layOut(this.sections, {
      heading: ({ stream }) => streamHeading(stream),
      cut: cutWords,
      rest: restWords,
      epitaph: this.epitaph,
    });
    return this.composed;
  }

  /** The text in UTF-8. Call `read` first. */
  get bytes(): Uint8Array {
    this.encoded ??= encodeText(this.layout.text);
    return this.encoded;
  }

  /** The text in UTF-8, for VS Code to show: the next edit of the editor's document leads there. */
  handOver(): Uint8Array {
    this.handedOver = this.layout;
    return this.bytes;
  }

  /**
   * The layout of the text that an editor's document has now; absent while VS Code is about to
   * change it. Text that an edit is under way for has another number of lines, with few exceptions,
   * and these are right again with the next change.
   */
  layoutOf(document: vscode.TextDocument): OutputLayout | undefined {
    return this.handedOver?.lineCount === document.lineCount ? this.handedOver : undefined;
  }

  /**
   * Opens the captures, or reads what is new in all of them. True where the text has changed. A
   * storage that can't be asked rejects.
   */
  async read(): Promise<boolean> {
    await this.opened();
    return await this.inTurn(() => this.readSections(this.sections, 'all'));
  }

  /**
   * As `read`, but one section's change at a time: two changes in one text would be one large edit
   * of all that lies between them. A section before the lines that all readers see waits until one
   * of them comes to its end: what it gained would push their lines away.
   */
  async readNext(seen: readonly SeenLines[]): Promise<boolean> {
    await this.opened();
    this.notice(seen);
    const held = this.sectionsBefore(seen);
    const { sections, turn } = this;
    const order = sections.map((_, at) => sections[(turn + 1 + at) % sections.length]);
    const readable = order.filter((section) => section !== undefined && !held.has(section));
    return await this.inTurn(() => this.readSections(readable as OutputSection[], 'first'));
  }

  /**
   * Adds the window before a section to it. False where nothing more can be added: it is all
   * there, or as much as a document may have.
   */
  async loadEarlier(stream: CaptureStream): Promise<boolean> {
    await this.opened();
    return await this.inTurn(async () => {
      const section = this.sections.find((candidate) => candidate.stream === stream);
      const calls = this.storages.callsFor(this.target.key);
      if (section === undefined || calls === undefined) return false;
      const output = await calls.loadEarlier(section.view);
      if (output === undefined) return false;
      section.replace(output);
      this.touch();
      return true;
    });
  }

  /** Whether a stream is shown from a byte of its capture on, or from before it. */
  reaches(stream: CaptureStream, byte: number): boolean {
    return this.sections.some(
      (section) => section.stream === stream && section.skippedBytes <= byte,
    );
  }

  /** The line of an excerpt that its place is in. */
  get placeLine(): number | undefined {
    const [placed] = this.layout.sections;
    return placed?.section.excerpt && placed.first + placed.section.excerpt.line;
  }

  /** Notes of which sections the end is seen. */
  notice(seen: readonly SeenLines[]): void {
    for (const { section, last } of this.handedOver?.sections ?? []) {
      const isSeen = seen.some((lines) => lines.first <= last && last <= lines.last);
      if (isSeen) section.seenBytes = section.totalBytes;
    }
  }

  /** Bytes that a section has gained since a reader last saw its end. */
  unseenBytes({ section }: PlacedSection): number {
    return Math.max(0, this.sizeOf(section) - section.seenBytes);
  }

  /** The stream that was written last; absent where none was. */
  get lastWritten(): CaptureStream | undefined {
    const written = this.sections.filter(({ text }) => text !== '');
    return written.sort((a, b) => a.writtenAt - b.writtenAt).at(-1)?.stream;
  }

  /** The sizes of the captures together. */
  get totalBytes(): number {
    return this.sections.reduce((sum, section) => sum + this.sizeOf(section), 0);
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
    this.closeViews();
    this.life = {};
    this.sections = [];
    this.opening = undefined;
    this.epitaph = undefined;
    this.forgetText();
  }

  /** A capture's size, which may be known to be more than it was when it was last read. */
  private sizeOf({ stream, totalBytes }: OutputSection): number {
    return Math.max(totalBytes, this.task?.captures[stream] ?? 0);
  }

  private async opened(): Promise<void> {
    this.opening ??= this.open();
    try {
      await this.opening;
    } catch (error) {
      this.opening = undefined;
      throw error;
    }
  }

  private async open(): Promise<void> {
    const { life } = this;
    // A task that is known need not wait for other storages.
    if (this.task === undefined) await this.storages.settled();
    if (life !== this.life) return;
    const { task } = this;
    const calls = this.storages.callsFor(this.target.key);
    if (task === undefined || calls === undefined) {
      const { stream, taskId } = this.target;
      this.epitaph =
        calls === undefined
          ? vscode.l10n.t('[the storage of {0} is not shown, so its output can’t be read]', taskId)
          : vscode.l10n.t('[{0} was deleted, and its output ({1}) with it]', taskId, stream);
      this.touch();
      return;
    }
    const streams = streamsOf(this.target, task);
    const views = streams.map(() => nextView());
    this.views = views;
    const { place } = this.target;
    const open = async (stream: CaptureStream, at: number): Promise<OpenedText> => {
      const view = views[at] ?? 0;
      return place === undefined
        ? await calls.openOutput(view, task.key, stream, this.window(task, stream, streams))
        : await calls.readExcerpt(view, task.key, stream, place);
    };
    const opened = await Promise.allSettled(streams.map(open));
    if (life !== this.life) return;
    const failed = opened.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') {
      this.closeViews();
      throw failed.reason;
    }
    this.sections = opened.flatMap((output, at) => {
      const stream = streams[at];
      if (output.status === 'rejected' || stream === undefined) return [];
      return [new OutputSection(stream, views[at] ?? 0, output.value)];
    });
    this.touch();
  }

  private closeViews(): void {
    const calls = this.storages.callsFor(this.target.key);
    for (const view of this.views) void calls?.closeOutput(view);
    this.views = [];
  }

  /** Reading and widening a view at once would mix up their texts. */
  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.working.then(work);
    this.working = done.catch(() => undefined);
    return await done;
  }

  private async readSections(
    sections: readonly OutputSection[],
    which: 'all' | 'first',
  ): Promise<boolean> {
    const calls = this.storages.callsFor(this.target.key);
    if (calls === undefined || this.epitaph !== undefined || this.isExcerpt) return false;
    const written = this.sections.filter(({ text }) => text !== '').length;
    const kept = this.keepsLines ? mostKept / Math.max(1, written) : 0;
    let changed = false;
    for (const section of sections) {
      const change = await calls.readOutput(section.view, kept);
      if (change === undefined || !section.apply(change)) continue;
      changed = true;
      this.turn = this.sections.indexOf(section);
      if (which === 'first') break;
    }
    if (changed) this.touch();
    return changed;
  }

  /** Those that lie before all that is seen. */
  private sectionsBefore(seen: readonly SeenLines[]): ReadonlySet<OutputSection> {
    const before = new Set<OutputSection>();
    for (const { section, last } of this.handedOver?.sections.slice(0, -1) ?? []) {
      if (seen.length > 0 && seen.every(({ first }) => first > last)) before.add(section);
    }
    return before;
  }

  /**
   * A stream has half the window, and of a task that has ended what the other one leaves of its half:
   * before, that may still be written.
   */
  private window(
    task: Task,
    stream: CaptureStream,
    streams: readonly CaptureStream[],
  ): OutputWindow {
    const hasEnded = task.liveness === 'ended';
    const whole = this.settings.get(hasEnded ? 'output.window' : 'output.liveWindow') * 1024;
    const other = streams.find((name) => name !== stream);
    const taken = other === undefined ? 0 : hasEnded ? (task.captures[other] ?? 0) : whole;
    const size = whole - Math.floor(Math.min(whole / 2, taken));
    return { size, limit: 2 * size };
  }

  private touch(): void {
    this.modified = Math.max(this.modified + 1, Date.now());
    this.composed = undefined;
    this.encoded = undefined;
  }

  private forgetText(): void {
    this.composed = undefined;
    this.encoded = undefined;
    this.handedOver = undefined;
  }
}

/** The captures that a document shows. The natural document of a pipes task shows both streams. */
function streamsOf({ stream }: OutputTarget, task: Task): readonly CaptureStream[] {
  if (stream !== 'output') return [stream];
  return task.mode === 'pty' ? ['pty'] : ['stdout', 'stderr'];
}

/** The first line of a section that shows only the end of its capture. */
function cutWords({ skippedBytes, missedBytes }: OutputSection): string | undefined {
  const { t } = vscode.l10n;
  if (skippedBytes === 0) return undefined;
  const skipped = bytesInWords(skippedBytes);
  if (missedBytes === 0) return t('[{0} before this are not shown]', skipped);
  return t(
    '[{0} before this are not shown; {1} of them were skipped]',
    skipped,
    bytesInWords(missedBytes),
  );
}

/** The last line of a section that does not show the end of its capture. */
function restWords({ excerpt }: OutputSection): string | undefined {
  const bytes = excerpt?.restBytes ?? 0;
  if (bytes === 0) return undefined;
  return vscode.l10n.t('[{0} after this are not shown]', bytesInWords(bytes));
}
