import * as vscode from 'vscode';
import { streamHeading, type Replay } from '../output/outputText.ts';
import { captureStreams } from '../persistence/capture.ts';
import type { CaptureStream } from '../persistence/record.ts';
import type { Task } from '../store/task.ts';
import { terminalSizeOf, usualTerminalSize, type TerminalSize } from '../store/taskTraits.ts';
import { Disposable } from '../vscode/disposable.ts';
import { bytesInWords } from '../vscode/words.ts';
import type { Storages } from '../worker/storages.ts';
import { ReplayFilter } from './replayFilter.ts';
import { endWords, type StateWords } from './taskWords.ts';
import { nextView } from './views.ts';

/** A running task's capture is looked at this often. */
const lookEvery = 100;
/** Reads of what a running task wrote since the last look: each answers with a bounded part. */
const readsAtOnce = 8;

const dim = (words: string): string => `\x1b[0;2m${words}\x1b[0m\r\n`;
/** Out of a link, of the second screen and its settings, and all erased. */
const clear = '\x1b]8;;\x1b\\\x1b[?1049l\x1b[!p\x1b[H\x1b[2J\x1b[3J';
/** Out of a link, and of colours, margins and the like; the cursor stays where it is. */
const reset = '\x1b]8;;\x1b\\\x1b[!p';
/** A line's beginning, and what leaves the cursor there: colours, erasing, links. */
// eslint-disable-next-line no-control-regex
const lineStart = /(^|\n)(?:\x1b\[[\d;:]*[mK]|\x1b\]8;[^\x1b]*\x1b\\)*$/;
/** More such sequences at a text's end are nobody's. */
const longestEnd = 4096;

type Calls = NonNullable<ReturnType<Storages['callsFor']>>;

interface Source {
  readonly stream: CaptureStream;
  readonly view: number;
  filter: ReplayFilter;
  /** Whether any of its text is in the terminal. */
  hasText: boolean;
}

/**
 * A terminal that shows what a task wrote: the end of its captures, and then what is new. It takes
 * no input, and closing it ends nothing but the view.
 */
export class ReplayTerminal extends Disposable implements vscode.Pseudoterminal {
  private readonly key: string;
  private readonly storages: Storages;
  private readonly stateWords: StateWords;
  private readonly written = this.register(new vscode.EventEmitter<string>());
  readonly onDidWrite = this.written.event;
  private readonly resized = this.register(
    new vscode.EventEmitter<vscode.TerminalDimensions | undefined>(),
  );
  readonly onDidOverrideDimensions = this.resized.event;
  private sources: readonly Source[] = [];
  /** The one whose text is the last one in the terminal. */
  private writing: Source | undefined;
  private isAtLineStart = true;
  /** The worker that the views are in. */
  private calls: Calls | undefined;
  private brokeOff = false;
  private size: TerminalSize | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(key: string, storages: Storages, stateWords: StateWords) {
    super();
    this.key = key;
    this.storages = storages;
    this.stateWords = stateWords;
    this.register({
      dispose: () => {
        clearTimeout(this.timer);
        const calls = storages.callsFor(key);
        for (const { view } of this.sources) void calls?.closeOutput(view);
        this.sources = [];
      },
    });
  }

  get isFollowing(): boolean {
    return this.timer !== undefined;
  }

  /** False once it has ended before its task: what the task writes after that is in another one. */
  get canGoOn(): boolean {
    return !this.brokeOff;
  }

  open(): void {
    void this.start();
  }

  close(): void {
    this.dispose();
  }

  /** Nobody reads it: the task's own terminal is the agent's. */
  handleInput(): void {
    return;
  }

  private get task(): Task | undefined {
    return this.storages.index.get(this.key);
  }

  private async start(): Promise<void> {
    const { task } = this;
    const calls = this.storages.callsFor(this.key);
    if (task === undefined || calls === undefined) {
      this.breakOff(vscode.l10n.t('[This task is not there any more]'));
      return;
    }
    this.calls = calls;
    try {
      this.resize();
      await this.showEnds(calls, captureStreams(task.mode));
    } catch (error) {
      this.breakOff(this.reasonOf(error));
      return;
    }
    await this.follow();
  }

  /** Shows the captures' ends, in the place of what is shown of them. */
  private async showEnds(calls: Calls, streams: readonly CaptureStream[]): Promise<void> {
    for (const { view } of this.sources) void calls.closeOutput(view);
    this.sources = streams.map((stream) => ({
      stream,
      view: nextView(),
      filter: newFilter(stream),
      hasText: false,
    }));
    const replays: [Source, Replay][] = [];
    for (const source of this.sources) {
      const replay = await calls.openReplay(source.view, this.key, source.stream);
      // Closed meanwhile, and with it the views that were there then.
      if (this.isDisposed) void calls.closeOutput(source.view);
      else replays.push([source, replay]);
    }
    if (this.writing !== undefined) this.write(clear, true);
    this.writing = undefined;
    const texts = replays.map(([source, { data }]) => source.filter.write(data));
    replays.forEach(([source], at) => (source.hasText = texts[at] !== ''));
    replays.forEach(([source, { skippedBytes }], at) => {
      this.show(source, texts[at] ?? '', skippedBytes);
    });
  }

  /** Takes the size of the task's own terminal, if it has one: a record may come to say another. */
  private resize(): void {
    const { task } = this;
    if (task?.mode !== 'pty') return;
    const { cols, rows } = terminalSizeOf(task) ?? this.size ?? usualTerminalSize;
    if (cols === this.size?.cols && rows === this.size.rows) return;
    this.size = { cols, rows };
    this.resized.fire({ columns: cols, rows });
  }

  /** Reads on as long as the task runs, and once more when it has ended. */
  private async follow(): Promise<void> {
    this.timer = undefined;
    const { task } = this;
    const hasEnded = task === undefined || task.liveness === 'ended';
    this.resize();
    try {
      let reads = 0;
      while ((await this.readOn()) && (hasEnded || reads < readsAtOnce)) reads += 1;
    } catch (error) {
      this.breakOff(this.reasonOf(error));
      return;
    }
    if (this.isDisposed) return;
    // A storage that is shown no more takes its tasks from the index, not from the disk.
    if (this.hasLostStorage) this.breakOff(lostStorage());
    else if (task === undefined) this.breakOff(vscode.l10n.t('[The task was deleted]'));
    else if (hasEnded) this.tellEnd(task);
    else this.timer = setTimeout(() => void this.follow(), lookEvery);
  }

  /** It may be shown again meanwhile, by a worker that knows none of the views. */
  private get hasLostStorage(): boolean {
    return this.storages.callsFor(this.key) !== this.calls;
  }

  /** True where something was new. */
  private async readOn(): Promise<boolean> {
    const calls = this.storages.callsFor(this.key);
    if (calls === undefined) return false;
    let isNew = false;
    for (const source of this.sources) {
      const change = await calls.readReplay(source.view);
      if (change === undefined || change.kind === 'gone' || this.isDisposed) continue;
      isNew = true;
      if (change.kind === 'append') {
        const { pen } = source.filter;
        this.show(source, source.filter.write(change.data), 0, pen);
      } else if (this.sources.length === 1) {
        this.write(clear, true);
        this.showAgain(source, change.data, change.skippedBytes);
      } else if (change.missedBytes > 0) {
        // The other stream's text is not to be erased.
        this.showAgain(source, change.data, change.missedBytes);
      } else {
        await this.showEnds(
          calls,
          this.sources.map(({ stream }) => stream),
        );
        break;
      }
    }
    return isNew;
  }

  private showAgain(source: Source, data: Uint8Array, skippedBytes: number): void {
    source.filter = newFilter(source.stream);
    this.show(source, source.filter.write(data), skippedBytes);
  }

  /**
   * Writes a stream's text, below its name where another stream's goes before or comes after.
   * @param pen what the stream's text looks like by now
   */
  private show(source: Source, text: string, skippedBytes: number, pen = ''): void {
    if (text === '' && skippedBytes === 0) return;
    source.hasText = true;
    const isShared = this.sources.some((other) => other !== source && other.hasText);
    const isNamed = isShared && this.writing !== source;
    if (isNamed) this.say(streamHeading(source.stream));
    this.writing = source;
    if (skippedBytes > 0) {
      const skipped = bytesInWords(skippedBytes);
      this.say(vscode.l10n.t('[{0} before this are not shown]', skipped));
    }
    if (text === '') return;
    this.write((isNamed ? pen : '') + text, endsAtLineStart(text) ?? this.isAtLineStart);
  }

  /** Writes words of our own on a line of their own. */
  private say(words: string): void {
    this.write(`${reset}${this.isAtLineStart ? '' : '\r\n'}${dim(words)}`, true);
  }

  private write(text: string, isAtLineStart: boolean): void {
    this.isAtLineStart = isAtLineStart;
    this.written.fire(text);
  }

  private tellEnd(task: Task): void {
    const { t } = vscode.l10n;
    this.end(t('[{0}: {1}]', task.taskId, endWords(task, this.stateWords)));
  }

  private breakOff(words: string): void {
    this.brokeOff = true;
    this.end(words);
  }

  private end(words: string): void {
    this.write(`${reset}\r\n${dim(words)}`, true);
  }

  private reasonOf(error: unknown): string {
    if (this.hasLostStorage) return lostStorage();
    const reason = error instanceof Error ? error.message : String(error);
    return vscode.l10n.t('[The capture can’t be read: {0}]', oneLine(reason));
  }
}

function lostStorage(): string {
  return vscode.l10n.t('[The storage of this task is not shown any more: nothing more is read]');
}

function newFilter(stream: CaptureStream): ReplayFilter {
  return new ReplayFilter({ returnsAtLineFeed: stream !== 'pty' });
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

/** Whether the cursor is at a line's beginning after `text`; absent where it is where it was. */
function endsAtLineStart(text: string): boolean | undefined {
  const end = text.slice(-longestEnd);
  const found = lineStart.exec(end)?.[1];
  return found === '' && end.length === text.length ? undefined : found === '\n';
}
