import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import { ContextKey } from '../vscode/contextKey.ts';
import { Disposable } from '../vscode/disposable.ts';
import type { Settings } from '../vscode/settings.ts';
import { outputScheme } from '../vscode/uris.ts';
import { hasTab, type OutputDocuments } from './outputDocuments.ts';
import { sectionAt, type OutputLayout } from './outputLayout.ts';
import { keepPlace, linesAround, lostLines, showAtTop, type LostLines } from './readerPlace.ts';

type End = CaptureStream | 'document';

/** Where the reader of an editor is. */
interface Reader {
  /** What the reader is kept at the end of: a stream, or the document while no stream has text. */
  follows: End | undefined;
  /** The first line on screen; absent while an edit may have moved it. */
  top: number | undefined;
  /** Reveals of ours that are under way. */
  reveals: number;
  /** The first line that the reader scrolled up to while a reveal was under way. */
  scrolledTo: number | undefined;
  /** What stood where when the editor's text last changed. */
  layout: OutputLayout | undefined;
  /** The reader was brought to what is selected: it is not scrolled away from. */
  holdsSelection: boolean;
  lost: LostLines | undefined;
}

/** Where documents are noted that stay paused when the window is loaded anew. */
const pausedKey = 'paused';

/**
 * Keeps each reader's place in a document that changes. Who is at the end stays at the end, of the
 * document or of the stream: scrolling up pauses that, scrolling back resumes it. Who reads
 * elsewhere keeps the same lines on screen when others come or go before them, and a cut of these
 * lines waits (see `OutputDocument.keepsLines`). A screen reader's user is moved only if they ask
 * for it.
 */
export class FollowOutput extends Disposable {
  private readonly documents: OutputDocuments;
  private readonly settings: Settings;
  private readonly memory: vscode.Memento;
  private readonly readers = new WeakMap<vscode.TextEditor, Reader>();
  /** Documents whose reader has scrolled up: they stay there when their tab or window comes back. */
  private readonly paused: Set<string>;
  private readonly following = new ContextKey<boolean>('following');
  private readonly followable = new ContextKey<boolean>('followable');
  private readonly changed = this.register(new vscode.EventEmitter<void>());
  /** Fires when an editor begins or ceases to follow. */
  readonly onDidChange = this.changed.event;

  constructor(documents: OutputDocuments, settings: Settings, memory: vscode.Memento) {
    super();
    this.documents = documents;
    this.settings = settings;
    this.memory = memory;
    this.paused = new Set(memory.get<readonly string[]>(pausedKey));
    this.register(
      vscode.window.onDidChangeVisibleTextEditors(() => {
        this.meetAll();
        this.tell();
      }),
    );
    this.register(
      vscode.window.onDidChangeActiveTextEditor(() => {
        this.tell();
      }),
    );
    this.register(
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => {
        this.onScroll(textEditor);
      }),
    );
    this.register(
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (document.uri.scheme !== outputScheme || contentChanges.length === 0) return;
        this.onChange(document);
      }),
    );
    this.register(
      vscode.workspace.onDidCloseTextDocument((document) => {
        if (vscode.workspace.textDocuments.includes(document)) return;
        this.setPaused(document.uri, false);
      }),
    );
    // VS Code keeps a document for a while whose tab was closed.
    this.register(
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        for (const { input } of closed) {
          if (!(input instanceof vscode.TabInputText) || hasTab(input.uri.toString())) continue;
          this.setPaused(input.uri, false);
        }
      }),
    );
    // An editor may have been there before its document, as when the extension host is started anew.
    this.register(
      documents.onDidHandOver(() => {
        if (this.meetAll()) this.tell();
      }),
    );
    this.register(
      documents.onDidChangeTask(() => {
        this.tell();
      }),
    );
  }

  get held(): { readonly paused: number } {
    return { paused: this.paused.size };
  }

  /** Whether an editor of a document is kept at its end. */
  follows(uri: vscode.Uri): boolean {
    const name = uri.toString();
    return vscode.window.visibleTextEditors.some(
      (editor) =>
        editor.document.uri.toString() === name && this.readers.get(editor)?.follows !== undefined,
    );
  }

  /** What was cut away under an editor's reader, where it is not back yet. */
  lost(editor: vscode.TextEditor): LostLines | undefined {
    return this.readers.get(editor)?.lost;
  }

  /** Follows, to the end at once, or ceases to. */
  toggle(editor: vscode.TextEditor): void {
    const reader = this.readers.get(editor);
    if (reader === undefined) return;
    const { uri } = editor.document;
    if (reader.follows !== undefined) {
      this.change(reader, undefined);
      this.setPaused(uri, true);
      return;
    }
    this.setPaused(uri, false);
    this.change(reader, endNear(editor, reader.layout));
    this.showEnd(editor, reader);
  }

  /**
   * Leaves the readers of a document at what is selected there. Called before a place is shown to
   * them, so that no editor starts at the end, and when it is shown.
   */
  hold(uri: vscode.Uri): void {
    this.setPaused(uri, true);
    for (const editor of vscode.window.visibleTextEditors) {
      const reader = this.readers.get(editor);
      if (reader === undefined || editor.document.uri.toString() !== uri.toString()) continue;
      reader.holdsSelection = true;
      this.change(reader, undefined);
    }
  }

  /** True where an editor is new. */
  private meetAll(): boolean {
    return vscode.window.visibleTextEditors.filter((editor) => this.meet(editor)).length > 0;
  }

  /** An editor that has just come to the screen starts where a task that goes on wrote last. */
  private meet(editor: vscode.TextEditor): boolean {
    const { uri } = editor.document;
    if (uri.scheme !== outputScheme || this.readers.has(editor)) return false;
    const document = this.documents.get(uri);
    if (document === undefined || document.isExcerpt) return false;
    const isPaused = this.paused.has(uri.toString());
    const follows = this.isAutomatic(editor) && document.mayGrow && !isPaused;
    const reader: Reader = {
      follows: follows ? (document.lastWritten ?? 'document') : undefined,
      top: undefined,
      reveals: 0,
      scrolledTo: undefined,
      layout: document.layoutOf(editor.document),
      holdsSelection: false,
      lost: undefined,
    };
    this.readers.set(editor, reader);
    if (follows) this.showEnd(editor, reader);
    return true;
  }

  private isAutomatic({ viewColumn }: vscode.TextEditor): boolean {
    return (
      // A side of a comparison has none: who compares goes from one difference to the next.
      viewColumn !== undefined &&
      this.settings.get('output.follow') &&
      vscode.workspace.getConfiguration('editor').get('accessibilitySupport') !== 'on'
    );
  }

  private onScroll(editor: vscode.TextEditor): void {
    const reader = this.readers.get(editor);
    const shown = shownLines(editor);
    if (reader === undefined || shown === undefined) return;
    const { top, bottom } = shown;
    const { top: before } = reader;
    const { active } = editor.selection;
    if (active.line < top || active.line > bottom) reader.holdsSelection = false;
    // Where an edit has moved the lines, VS Code comes to the end in several steps.
    if (before === undefined && reader.reveals > 0) return;
    // The line of lenses is drawn anew when text comes, which moves the text by a line and back.
    if (top + 1 === before && reader.reveals > 0) return;
    reader.top = top;
    if (before === undefined || top === before) return;
    if (top < before) {
      // Whoever scrolls up means it, even if the last line is still on screen.
      this.pause(editor, reader);
      if (reader.reveals > 0) reader.scrolledTo = Math.min(reader.scrolledTo ?? top, top);
    } else {
      this.onScrollDown(editor, reader, bottom);
    }
  }

  private onScrollDown(editor: vscode.TextEditor, reader: Reader, bottom: number): void {
    const isPast = hasLeft(editor, reader, bottom);
    // What a reveal of ours leads to is not the reader's doing.
    if (reader.reveals > 0 && !isPast) return;
    const end = endShown(editor, reader.layout);
    if (end === undefined) {
      if (isPast) this.pause(editor, reader);
    } else if (
      reader.follows !== undefined ||
      (this.isAutomatic(editor) && !reader.holdsSelection)
    ) {
      this.setPaused(editor.document.uri, false);
      this.change(reader, end);
    }
  }

  private pause({ document }: vscode.TextEditor, reader: Reader): void {
    if (reader.follows !== undefined) this.setPaused(document.uri, true);
    this.change(reader, undefined);
  }

  private showEnd(editor: vscode.TextEditor, reader: Reader): void {
    const { document } = editor;
    const { end } = document.lineAt(endLine(document, reader)).range;
    const shown = shownLines(editor);
    if (shown !== undefined && end.line < shown.top) {
      // VS Code would leave the end at the top of the screen, and the rest of it empty.
      reader.top = undefined;
      showAtTop(editor, Math.max(0, end.line - (shown.bottom - shown.top)));
    }
    editor.revealRange(new vscode.Range(end, end));
    this.awaitReveal(editor, reader);
  }

  private awaitReveal(editor: vscode.TextEditor, reader: Reader): void {
    reader.reveals += 1;
    const isTopUnknown = reader.top === undefined;
    const settle = (): void => {
      reader.reveals -= 1;
      if (isTopUnknown) reader.top ??= shownLines(editor)?.top;
      if (reader.reveals === 0) this.bringBack(editor, reader);
    };
    // VS Code does not say when a reveal is done, but the window answers in order: a command that does
    // nothing there ends after the lines that the reveal led to are known here.
    void vscode.commands
      .executeCommand('setContext', 'aftTasks.revealed', true)
      .then(settle, settle);
  }

  /** Undoes what a reveal has taken back before it was known here that the reader had scrolled up. */
  private bringBack(editor: vscode.TextEditor, reader: Reader): void {
    const { top = 0, scrolledTo = top } = reader;
    reader.scrolledTo = undefined;
    if (reader.follows !== undefined || top <= scrolledTo) return;
    showAtTop(editor, scrolledTo);
    this.awaitReveal(editor, reader);
  }

  private onChange(document: vscode.TextDocument): void {
    const layout = this.documents.get(document.uri)?.layoutOf(document);
    for (const editor of vscode.window.visibleTextEditors) {
      const reader = this.readers.get(editor);
      if (editor.document !== document || reader === undefined) continue;
      const before = reader.layout;
      reader.layout = layout ?? before;
      if (reader.follows !== undefined) {
        if (reader.follows === 'document') reader.follows = lastStream(reader.layout);
        // A cut takes lines away: the top then moves up without anybody scrolling.
        if (layout === undefined || isCut(before, layout)) reader.top = undefined;
        this.showEnd(editor, reader);
      } else if (before !== undefined && layout !== undefined) {
        reader.lost = lostLines(editor, reader.lost, before, layout);
        const isMoved = keepPlace(editor, before, layout);
        reader.top = isMoved ? undefined : editor.visibleRanges[0]?.start.line;
      } else {
        reader.top = undefined;
      }
    }
  }

  private setPaused(uri: vscode.Uri, paused: boolean): void {
    const name = uri.toString();
    if (this.paused.has(name) === paused) return;
    if (paused) this.paused.add(name);
    else this.paused.delete(name);
    void this.memory.update(pausedKey, [...this.paused]);
  }

  private change(reader: Reader, follows: Reader['follows']): void {
    const wasFollowing = reader.follows !== undefined;
    reader.follows = follows;
    if (follows !== undefined) reader.lost = undefined;
    if (wasFollowing !== (follows !== undefined)) this.tell();
  }

  /** Tells the editor's title, the documents and the lenses. */
  private tell(): void {
    for (const { document } of vscode.window.visibleTextEditors) {
      const output = this.documents.get(document.uri);
      if (output !== undefined) output.keepsLines = this.hasReaderElsewhere(document);
    }
    const editor = vscode.window.activeTextEditor;
    const reader = editor && this.readers.get(editor);
    this.following.set(reader?.follows !== undefined);
    this.followable.set(
      editor !== undefined && this.documents.get(editor.document.uri)?.mayGrow === true,
    );
    this.changed.fire();
  }

  /** Elsewhere than at the end. */
  private hasReaderElsewhere(document: vscode.TextDocument): boolean {
    return vscode.window.visibleTextEditors.some(
      (editor) => editor.document === document && this.readers.get(editor)?.follows === undefined,
    );
  }
}

/** The end that an editor shows; absent where it shows none. */
function endShown(editor: vscode.TextEditor, layout: OutputLayout | undefined): End | undefined {
  const { top = 0, bottom = 0 } = shownLines(editor) ?? {};
  if (bottom >= editor.document.lineCount - 1) return lastStream(layout);
  const sections = layout?.sections.slice(0, -1) ?? [];
  const room = roomBehind(editor);
  return sections.find(({ last }) => top <= last && last <= bottom && bottom <= last + room)
    ?.stream;
}

/** The end that an editor shows, or that of the stream at its top. */
function endNear(editor: vscode.TextEditor, layout: OutputLayout | undefined): End {
  const at = layout && sectionAt(layout, shownLines(editor)?.top ?? 0);
  return endShown(editor, layout) ?? at?.stream ?? 'document';
}

function lastStream(layout: OutputLayout | undefined): End {
  return layout?.sections.at(-1)?.stream ?? 'document';
}

/** Whether a reader has scrolled past the end of the stream that they followed. */
function hasLeft(editor: vscode.TextEditor, { follows, layout }: Reader, bottom: number): boolean {
  const section = layout?.sections.find(({ stream }) => stream === follows);
  return section !== undefined && bottom > section.last + roomBehind(editor);
}

function isCut(before: OutputLayout | undefined, { sections }: OutputLayout): boolean {
  const numbers = new Map(before?.sections.map(({ stream, firstNumber }) => [stream, firstNumber]));
  return sections.some(({ stream, firstNumber }) => (numbers.get(stream) ?? 0) !== firstNumber);
}

/** The last line of what a reader follows. What is behind the last stream belongs to it. */
function endLine({ lineCount }: vscode.TextDocument, { follows, layout }: Reader): number {
  const sections = layout?.sections.slice(0, -1) ?? [];
  const section = sections.find(({ stream }) => stream === follows);
  return Math.min(section?.last ?? lineCount, lineCount - 1);
}

function shownLines({
  visibleRanges,
}: vscode.TextEditor): { top: number; bottom: number } | undefined {
  const first = visibleRanges[0];
  const last = visibleRanges.at(-1);
  return first && last && { top: first.start.line, bottom: last.end.line };
}

/** Lines behind an end that it may have on screen: one of them in part. */
function roomBehind(editor: vscode.TextEditor): number {
  return linesAround(editor) + 1;
}
