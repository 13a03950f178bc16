import * as vscode from 'vscode';
import type { Storages } from '../worker/storages.ts';
import { Disposable } from '../vscode/disposable.ts';
import type { Settings } from '../vscode/settings.ts';
import { outputScheme, parseOutputUri } from '../vscode/uris.ts';

/** Where the reader of an editor is. */
interface Reader {
  follows: boolean;
  /** The first line on screen; absent while an edit may have moved it. */
  top: number | undefined;
}

/**
 * Keeps the editors of growing documents at their end. Scrolling up pauses that, scrolling down to
 * the last line resumes it. A screen reader's user decides alone where the cursor is.
 */
export class FollowOutput extends Disposable {
  private readonly storages: Storages;
  private readonly settings: Settings;
  private readonly readers = new WeakMap<vscode.TextEditor, Reader>();
  /** Documents whose reader has scrolled up: they stay there when their tab comes back. */
  private readonly paused = new Set<string>();

  constructor(storages: Storages, settings: Settings) {
    super();
    this.storages = storages;
    this.settings = settings;
    this.register(
      vscode.window.onDidChangeVisibleTextEditors((editors) => {
        for (const editor of editors) this.meet(editor);
      }),
    );
    this.register(
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor, visibleRanges }) => {
        this.onScroll(textEditor, visibleRanges);
      }),
    );
    this.register(
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document.uri.scheme === outputScheme) this.onGrowth(document);
      }),
    );
    this.register(
      vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        this.paused.delete(uri.toString());
      }),
    );
  }

  /** An editor that has just come to the screen starts at the end of a task that goes on. */
  private meet(editor: vscode.TextEditor): void {
    const { uri } = editor.document;
    if (uri.scheme !== outputScheme || this.readers.has(editor)) return;
    const target = parseOutputUri(uri);
    const task = target && this.storages.index.get(target.key);
    const follows =
      this.settings.get('output.follow') &&
      vscode.workspace.getConfiguration('editor').get('accessibilitySupport') !== 'on' &&
      !this.paused.has(uri.toString()) &&
      task !== undefined &&
      task.liveness !== 'ended';
    this.readers.set(editor, { follows, top: undefined });
    if (follows) showEnd(editor);
  }

  private onScroll(editor: vscode.TextEditor, visible: readonly vscode.Range[]): void {
    const reader = this.readers.get(editor);
    const top = visible[0]?.start.line;
    const bottom = visible.at(-1)?.end.line;
    if (reader === undefined || top === undefined || bottom === undefined) return;
    const uri = editor.document.uri.toString();
    if (bottom >= editor.document.lineCount - 1) {
      reader.follows = this.settings.get('output.follow');
      this.paused.delete(uri);
    } else if (reader.top !== undefined && top < reader.top) {
      reader.follows = false;
      this.paused.add(uri);
    }
    reader.top = top;
  }

  private onGrowth(document: vscode.TextDocument): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const reader = this.readers.get(editor);
      if (editor.document !== document || reader?.follows !== true) continue;
      // A cut takes lines away: the top then moves up without anybody scrolling.
      reader.top = undefined;
      showEnd(editor);
    }
  }
}

function showEnd(editor: vscode.TextEditor): void {
  const end = editor.document.lineAt(editor.document.lineCount - 1).range.end;
  editor.revealRange(new vscode.Range(end, end));
}
