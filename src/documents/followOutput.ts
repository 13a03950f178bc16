import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import type { Task } from '../store/task.ts';
import { ContextKey } from '../vscode/contextKey.ts';
import { Disposable } from '../vscode/disposable.ts';
import type { Settings } from '../vscode/settings.ts';
import { outputScheme } from '../vscode/uris.ts';
import type { OutputDocuments } from './outputDocuments.ts';
import { lineOf, placeOf, type OutputLayout } from './outputLayout.ts';

/** Where the reader of an editor is. */
interface Reader {
  /** What the reader is kept at the end of: the document, or a stream that has others behind it. */
  follows: 'document' | CaptureStream | undefined;
  /** The first line on screen; absent while an edit may have moved it. */
  top: number | undefined;
  /** What stood where when the editor's text last changed. */
  layout: OutputLayout | undefined;
}

/**
 * Keeps each reader's place in a document that changes. Who is at the end stays at the end, of the
 * document or of the stream: scrolling up pauses that, scrolling back resumes it. Who reads
 * elsewhere keeps the same lines on screen when others come or go before them. A screen reader's
 * user is moved only if they ask for it.
 */
export class FollowOutput extends Disposable {
  private readonly documents: OutputDocuments;
  private readonly settings: Settings;
  private readonly readers = new WeakMap<vscode.TextEditor, Reader>();
  /** Documents whose reader has scrolled up: they stay there when their tab comes back. */
  private readonly paused = new Set<string>();
  private readonly following = new ContextKey<boolean>('following');
  private readonly followable = new ContextKey<boolean>('followable');
  private readonly changed = this.register(new vscode.EventEmitter<void>());
  /** Fires when an editor begins or ceases to follow. */
  readonly onDidChange = this.changed.event;

  constructor(documents: OutputDocuments, settings: Settings) {
    super();
    this.documents = documents;
    this.settings = settings;
    this.register(
      vscode.window.onDidChangeVisibleTextEditors((editors) => {
        for (const editor of editors) this.meet(editor);
        this.tell();
      }),
    );
    this.register(
      vscode.window.onDidChangeActiveTextEditor(() => {
        this.tell();
      }),
    );
    this.register(
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor, visibleRanges }) => {
        this.onScroll(textEditor, visibleRanges);
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
        this.paused.delete(document.uri.toString());
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

  /** Follows, to the end at once, or ceases to. */
  toggle(editor: vscode.TextEditor): void {
    const reader = this.readers.get(editor);
    if (reader === undefined) return;
    const uri = editor.document.uri.toString();
    if (reader.follows !== undefined) {
      this.change(reader, undefined);
      this.paused.add(uri);
      return;
    }
    this.paused.delete(uri);
    this.change(reader, 'document');
    showEnd(editor, reader);
  }

  /** An editor that has just come to the screen starts at the end of a task that goes on. */
  private meet(editor: vscode.TextEditor): void {
    const { uri } = editor.document;
    if (uri.scheme !== outputScheme || this.readers.has(editor)) return;
    const document = this.documents.get(uri);
    const follows = this.isAutomatic && goesOn(document?.task) && !this.paused.has(uri.toString());
    const reader: Reader = {
      follows: follows ? 'document' : undefined,
      top: undefined,
      layout: document?.layoutOf(editor.document),
    };
    this.readers.set(editor, reader);
    if (follows) showEnd(editor, reader);
  }

  private get isAutomatic(): boolean {
    return (
      this.settings.get('output.follow') &&
      vscode.workspace.getConfiguration('editor').get('accessibilitySupport') !== 'on'
    );
  }

  private onScroll(editor: vscode.TextEditor, visible: readonly vscode.Range[]): void {
    const reader = this.readers.get(editor);
    const top = visible[0]?.start.line;
    const bottom = visible.at(-1)?.end.line;
    if (reader === undefined || top === undefined || bottom === undefined) return;
    const uri = editor.document.uri.toString();
    const end = endAt(editor, reader, top, bottom);
    // Whoever scrolls up means it, even if the last line is still on screen.
    const hasScrolledUp = reader.top !== undefined && top < reader.top;
    if (hasScrolledUp || hasLeft(reader, end)) {
      if (reader.follows !== undefined) this.paused.add(uri);
      this.change(reader, undefined);
    } else if (end !== undefined && (this.isAutomatic || reader.follows !== undefined)) {
      this.paused.delete(uri);
      this.change(reader, end);
    }
    reader.top = top;
  }

  private onChange(document: vscode.TextDocument): void {
    const layout = this.documents.get(document.uri)?.layoutOf(document);
    for (const editor of vscode.window.visibleTextEditors) {
      const reader = this.readers.get(editor);
      if (editor.document !== document || reader === undefined) continue;
      const before = reader.layout;
      reader.layout = layout ?? before;
      // A cut takes lines away: the top then moves up without anybody scrolling.
      if (layout === undefined || isCut(before, layout)) reader.top = undefined;
      if (reader.follows !== undefined) showEnd(editor, reader);
      else if (before !== undefined && layout !== undefined) keepPlace(editor, before, layout);
    }
  }

  private change(reader: Reader, follows: Reader['follows']): void {
    const wasFollowing = reader.follows !== undefined;
    reader.follows = follows;
    if (wasFollowing !== (follows !== undefined)) this.tell();
  }

  /** Tells the editor's title and the lenses. */
  private tell(): void {
    const editor = vscode.window.activeTextEditor;
    const reader = editor && this.readers.get(editor);
    this.following.set(reader?.follows !== undefined);
    this.followable.set(
      editor !== undefined && goesOn(this.documents.get(editor.document.uri)?.task),
    );
    this.changed.fire();
  }
}

function goesOn(task: Task | undefined): boolean {
  return task !== undefined && task.liveness !== 'ended';
}

/** What an editor shows the end of; absent where it shows none. */
function endAt(
  editor: vscode.TextEditor,
  { layout }: Reader,
  top: number,
  bottom: number,
): Reader['follows'] {
  if (bottom >= editor.document.lineCount - 1) return 'document';
  // One line may be on screen in part.
  const slack = linesAround(editor) + 1;
  const sections = layout?.sections.slice(0, -1) ?? [];
  return sections.find(({ last }) => top <= last && last <= bottom && bottom <= last + slack)
    ?.stream;
}

/** Whether a reader has scrolled past the end of the stream that they followed. */
function hasLeft({ follows, top }: Reader, end: Reader['follows']): boolean {
  return top !== undefined && follows !== undefined && follows !== 'document' && end === undefined;
}

function isCut(before: OutputLayout | undefined, { sections }: OutputLayout): boolean {
  const numbers = new Map(before?.sections.map(({ stream, firstNumber }) => [stream, firstNumber]));
  return sections.some(({ stream, firstNumber }) => (numbers.get(stream) ?? 0) !== firstNumber);
}

function showEnd(editor: vscode.TextEditor, { follows, layout }: Reader): void {
  const { document } = editor;
  const section = layout?.sections.find(({ stream }) => stream === follows);
  const isLast = section === undefined || section === layout?.sections.at(-1);
  const line = isLast ? document.lineCount - 1 : Math.min(section.last, document.lineCount - 1);
  const { end } = document.lineAt(line).range;
  editor.revealRange(new vscode.Range(end, end));
}

/**
 * Shows the lines that were on screen before lines came or went in front of them, and keeps the
 * selection in its text. The editor itself stays at the line number.
 */
function keepPlace(editor: vscode.TextEditor, before: OutputLayout, now: OutputLayout): void {
  const moved = (line: number): number => {
    const place = placeOf(before, line);
    return (place && lineOf(now, place)) ?? line;
  };
  const top = editor.visibleRanges[0]?.start.line;
  if (top === undefined || moved(top) === top) return;
  const movedPosition = ({ line, character }: vscode.Position): vscode.Position =>
    editor.document.validatePosition(new vscode.Position(moved(line), character));
  editor.selections = editor.selections.map(
    ({ anchor, active }) => new vscode.Selection(movedPosition(anchor), movedPosition(active)),
  );
  const line = moved(top) + linesAround(editor);
  editor.revealRange(new vscode.Range(line, 0, line, 0), vscode.TextEditorRevealType.AtTop);
}

/** The lines that VS Code leaves between a line that is revealed and the edge of the screen. */
function linesAround({ document, visibleRanges }: vscode.TextEditor): number {
  const configuration = vscode.workspace.getConfiguration('editor', document);
  const sticky = configuration.get<boolean>('stickyScroll.enabled', true)
    ? configuration.get<number>('stickyScroll.maxLineCount', 5)
    : 0;
  const [screen] = visibleRanges;
  const half = screen === undefined ? 0 : Math.floor((screen.end.line - screen.start.line) / 2);
  return Math.min(half, Math.max(sticky, configuration.get<number>('cursorSurroundingLines', 0)));
}
