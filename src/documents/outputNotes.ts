import * as vscode from 'vscode';
import { Disposable } from '../vscode/disposable.ts';
import { outputScheme } from '../vscode/uris.ts';
import { bytesInWords } from '../vscode/words.ts';
import type { FollowOutput } from './followOutput.ts';
import type { OutputDocument } from './outputDocument.ts';
import type { OutputDocuments } from './outputDocuments.ts';
import type { OutputLayout } from './outputLayout.ts';
import type { LostLines } from './readerPlace.ts';
import { endWords, type StateWords } from './taskWords.ts';

/**
 * Words beside the text that are not part of it, and so move nobody: behind the last line how the
 * task ended, behind a stream's heading how much it has written since its end was last on screen (of
 * a stream that has others behind it also behind the last line), behind the line of a cut what went
 * there under the reader's eyes.
 */
export class OutputNotes extends Disposable {
  private readonly documents: OutputDocuments;
  private readonly follow: FollowOutput;
  private readonly stateWords: StateWords;
  private readonly shown = new WeakMap<vscode.TextEditor, string>();
  private readonly type = this.register(
    vscode.window.createTextEditorDecorationType({
      isWholeLine: true,
      rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    }),
  );

  constructor(documents: OutputDocuments, follow: FollowOutput, stateWords: StateWords) {
    super();
    this.documents = documents;
    this.follow = follow;
    this.stateWords = stateWords;
    const update = (): void => {
      this.update();
    };
    this.register(vscode.window.onDidChangeVisibleTextEditors(update));
    this.register(vscode.window.onDidChangeTextEditorVisibleRanges(update));
    this.register(documents.onDidChangeTask(update));
    this.register(follow.onDidChange(update));
    this.register(
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document.uri.scheme === outputScheme) this.update();
      }),
    );
    this.update();
  }

  private update(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document.uri.scheme !== outputScheme) continue;
      const document = this.documents.get(editor.document.uri);
      const layout = document?.layoutOf(editor.document);
      if (document === undefined || layout === undefined) continue;
      const notes = [
        ...lossNotes(layout, this.follow.lost(editor)),
        ...this.notesOf(document, layout),
      ];
      // A change of the text may take the ranges of what is there with it.
      const key = JSON.stringify([editor.document.version, notes]);
      if (this.shown.get(editor) === key) continue;
      this.shown.set(editor, key);
      editor.setDecorations(this.type, notes.map(decoration));
    }
  }

  private notesOf(document: OutputDocument, layout: OutputLayout): Note[] {
    const { t } = vscode.l10n;
    const { task } = document;
    // An excerpt ends where the task went on.
    if (task === undefined || document.isExcerpt) return [];
    if (task.liveness === 'ended') {
      return [{ line: layout.lineCount - 1, words: `— ${endWords(task, this.stateWords)} —` }];
    }
    return layout.sections.flatMap((placed) => {
      const unseen = document.unseenBytes(placed);
      if (placed.heading === undefined || unseen === 0) return [];
      const size = bytesInWords(unseen);
      const note = { line: placed.heading, words: t('{0} new', size) };
      if (placed === layout.sections.at(-1)) return [note];
      // Who is at the end has the heading far above them.
      const end = layout.lineCount - 1;
      return [note, { line: end, words: t('{0}: {1} new, above', placed.stream, size) }];
    });
  }
}

function lossNotes({ sections }: OutputLayout, lost: LostLines | undefined): Note[] {
  const line = sections.find(({ stream }) => stream === lost?.stream)?.cut;
  if (lost === undefined || line === undefined) return [];
  const bytes = bytesInWords(lost.bytes);
  return [{ line, words: vscode.l10n.t('— {0} were cut here while you were reading —', bytes) }];
}

interface Note {
  readonly line: number;
  readonly words: string;
}

function decoration({ line, words }: Note): vscode.DecorationOptions {
  return {
    range: new vscode.Range(line, 0, line, Number.MAX_SAFE_INTEGER),
    renderOptions: {
      after: {
        contentText: words,
        color: new vscode.ThemeColor('editorCodeLens.foreground'),
        fontStyle: 'italic',
        margin: '0 0 0 1em',
      },
    },
  };
}
