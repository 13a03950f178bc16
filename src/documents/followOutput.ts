import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import { ContextKey } from '../vscode/contextKey.ts';
import { Disposable } from '../vscode/disposable.ts';
import type { Settings } from '../vscode/settings.ts';
import { outputScheme } from '../vscode/uris.ts';
import { hasTab, type OutputDocuments } from './outputDocuments.ts';
import { movedLine, sectionAt, type OutputLayout } from './outputLayout.ts';
import { linesAround, lostLines, moveSelections, type LostLines } from './readerPlace.ts';

type End = CaptureStream | 'document';

/** The lines on screen, both included. */
interface Shown {
  readonly top: number;
  readonly bottom: number;
}

/** A line that an editor was told to bring to the screen, or to its top; it may come late. */
interface Reveal {
  readonly line: number;
  readonly isTop: boolean;
}

/** What the first line on screen is to be, and whether the reader has scrolled there. */
interface Goal {
  readonly top: number;
  readonly isScrolled: boolean;
}

/** The document's last line, also where the window knows of more lines than are known here. */
const lastLine = Number.MAX_SAFE_INTEGER - 1;

/** Where the reader of an editor is. */
interface Reader {
  /** What the reader is kept at the end of: a stream, or the document while no stream has text. */
  follows: End | undefined;
  /** As it was told last: scrolling is measured from there. Absent until it is. */
  shown: Shown | undefined;
  /** Reveals of ours that are under way. */
  reveals: Reveal[];
  /** Where the reader is while reveals are under way, whatever these do. */
  goal: Goal | undefined;
  /** What was shown before a move by one line that may go back at once. */
  step: Shown | undefined;
  /** The document has become shorter, which may move its end up, and the screen with it. */
  isShortened: boolean;
  lineCount: number;
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
      shown: undefined,
      reveals: [],
      goal: undefined,
      step: undefined,
      isShortened: false,
      lineCount: editor.document.lineCount,
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
    const { shown: before = shown, step } = reader;
    reader.shown = shown;
    const { active } = editor.selection;
    if (active.line < shown.top || active.line > shown.bottom) reader.holdsSelection = false;
    reader.step = undefined;
    // The line of lenses is drawn anew now and then, which moves the text by a line and back.
    if (shown.top === step?.top) return;
    if (step !== undefined) this.onMove(editor, reader, step, before);
    if (Math.abs(shown.top - before.top) === 1) this.awaitStep(editor, reader, before);
    else this.onMove(editor, reader, before, shown);
  }

  private awaitStep(editor: vscode.TextEditor, reader: Reader, before: Shown): void {
    reader.step = before;
    const { shown = before } = reader;
    const decide = (): void => {
      if (reader.step !== before) return;
      reader.step = undefined;
      this.onMove(editor, reader, before, shown);
    };
    void windowAnswers().then(decide, decide);
  }

  /** What is shown has changed: by the reader, by a reveal of ours, or by an edit. */
  private onMove(editor: vscode.TextEditor, reader: Reader, before: Shown, shown: Shown): void {
    const { isShortened } = reader;
    reader.isShortened = false;
    if (shown.top === before.top) return;
    const isUp = shown.top < before.top;
    if (isUp && isShortened && shown.bottom >= editor.document.lineCount - 1) return;
    if (reader.reveals.some((reveal) => leads(editor, reveal, before, shown))) return;
    if (reader.reveals.length > 0) {
      const { top } = reader.goal ?? before;
      reader.goal = { top: top + shown.top - before.top, isScrolled: true };
    }
    // Whoever scrolls up means it, even if the last line is still on screen.
    if (isUp) this.pause(editor, reader);
    else this.onScrollDown(editor, reader, shown);
  }

  private onScrollDown(editor: vscode.TextEditor, reader: Reader, { bottom }: Shown): void {
    const end = endShown(editor, reader.layout);
    if (end === undefined) {
      if (hasLeft(editor, reader, bottom)) this.pause(editor, reader);
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
    const line = endLine(reader);
    const end = Math.min(line, document.lineCount - 1);
    const shown = reader.shown ?? shownLines(editor);
    if (shown !== undefined && end < shown.top) {
      // VS Code would leave the end at the top of the screen, and the rest of it empty.
      const top = Math.max(0, end - (shown.bottom - shown.top));
      this.reveal(editor, reader, { line: top, isTop: true });
    }
    this.reveal(editor, reader, { line, isTop: false });
  }

  /** Shows a line at the top, where the reader is. */
  private show(editor: vscode.TextEditor, reader: Reader, top: number): void {
    reader.goal = { top, isScrolled: false };
    this.reveal(editor, reader, { line: top, isTop: true });
  }

  private reveal(editor: vscode.TextEditor, reader: Reader, reveal: Reveal): void {
    const { line, isTop } = reveal;
    if (isTop) {
      const position = new vscode.Position(line + linesAround(editor), 0);
      editor.revealRange(new vscode.Range(position, position), vscode.TextEditorRevealType.AtTop);
    } else {
      const position = new vscode.Position(line, lastLine);
      editor.revealRange(new vscode.Range(position, position));
    }
    reader.reveals.push(reveal);
    const settle = (): void => {
      reader.reveals.splice(reader.reveals.indexOf(reveal), 1);
      reader.shown ??= shownLines(editor);
      if (reader.reveals.length === 0) this.bringBack(editor, reader);
    };
    void windowAnswers().then(settle, settle);
  }

  /** Undoes what a reveal has moved before it was known here that the reader had scrolled. */
  private bringBack(editor: vscode.TextEditor, reader: Reader): void {
    const { goal, shown } = reader;
    reader.goal = undefined;
    if (reader.follows !== undefined || !goal?.isScrolled || goal.top === shown?.top) return;
    this.show(editor, reader, Math.max(0, goal.top));
  }

  private onChange(document: vscode.TextDocument): void {
    const layout = this.documents.get(document.uri)?.layoutOf(document);
    for (const editor of vscode.window.visibleTextEditors) {
      const reader = this.readers.get(editor);
      if (editor.document !== document || reader === undefined) continue;
      reader.isShortened ||= document.lineCount < reader.lineCount;
      reader.lineCount = document.lineCount;
      const before = reader.layout;
      reader.layout = layout ?? before;
      if (reader.follows !== undefined) {
        if (reader.follows === 'document') reader.follows = lastStream(reader.layout);
        this.showEnd(editor, reader);
      } else if (before !== undefined && layout !== undefined) {
        this.keepPlace(editor, reader, before, layout);
      }
    }
  }

  /**
   * Shows the lines that were on screen before lines came or went in front of them, and keeps the
   * selection in its text. The editor itself stays at the line number.
   */
  private keepPlace(
    editor: vscode.TextEditor,
    reader: Reader,
    before: OutputLayout,
    now: OutputLayout,
  ): void {
    const { top } = reader.goal ?? reader.shown ?? shownLines(editor) ?? {};
    if (top === undefined) return;
    reader.lost = lostLines(top, reader.lost, before, now);
    const line = movedLine(before, now, top);
    if (line === top) return;
    moveSelections(editor, before, now);
    this.show(editor, reader, line);
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

/** The last line of what a reader follows. What is behind the last stream belongs to it. */
function endLine({ follows, layout }: Reader): number {
  const sections = layout?.sections.slice(0, -1) ?? [];
  return sections.find(({ stream }) => stream === follows)?.last ?? lastLine;
}

/** Whether a reveal has a line come to the screen by a move. */
function leads(
  editor: vscode.TextEditor,
  { line, isTop }: Reveal,
  before: Shown,
  { top, bottom }: Shown,
): boolean {
  const around = linesAround(editor);
  const last = editor.document.lineCount - 1;
  if (isTop) return Math.abs(top - line) <= around || (top < line && bottom >= last);
  const wanted = Math.min(line, last);
  if (wanted < top || wanted > bottom) return false;
  return top < before.top ? wanted < before.top : wanted >= before.bottom - around;
}

/** Resolves once all is known here that the window did before it was asked. */
async function windowAnswers(): Promise<void> {
  // VS Code does not say when a reveal is done, but the window answers in order: this command does
  // nothing there.
  await vscode.commands.executeCommand('setContext', 'aftTasks.answered', true);
}

function shownLines({ visibleRanges }: vscode.TextEditor): Shown | undefined {
  const first = visibleRanges[0];
  const last = visibleRanges.at(-1);
  return first && last && { top: first.start.line, bottom: last.end.line };
}

/** Lines behind an end that it may have on screen: one of them in part. */
function roomBehind(editor: vscode.TextEditor): number {
  return linesAround(editor) + 1;
}
