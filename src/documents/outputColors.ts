import * as vscode from 'vscode';
import type { Style } from '../output/rendering/style.ts';
import { Disposable } from '../vscode/disposable.ts';
import { outputScheme } from '../vscode/uris.ts';
import { around, covers, shownFirst, type Lines } from './coloredLines.ts';
import { contrastSetting, DecorationTypes } from './decorationTypes.ts';
import type { OutputDocuments } from './outputDocuments.ts';
import { sectionAt, type OutputLayout } from './outputLayout.ts';
import type { OutputSection } from './outputSection.ts';
import { Pace } from './pace.ts';

/** An editor that scrolls is coloured at most this often, in milliseconds. */
const colorEvery = 80;
/** Coloured parts of one screen and its surroundings, whatever a program prints. */
const mostRanges = 10_000;

interface Colored {
  readonly pace: Pace;
  /** What the editor has now. */
  types: ReadonlySet<vscode.TextEditorDecorationType>;
  /** Lines that have all their colours. */
  lines: readonly Lines[];
}

/**
 * Colours the lines of output documents that are on screen, and a screenful around them: an editor
 * with a decoration for each coloured word of a long log would not scroll any more.
 */
export class OutputColors extends Disposable {
  private readonly documents: OutputDocuments;
  private readonly types = this.register(new DecorationTypes());
  private readonly editors = new Map<vscode.TextEditor, Colored>();

  constructor(documents: OutputDocuments) {
    super();
    this.documents = documents;
    const repaint = (uri: vscode.Uri): void => {
      if (uri.scheme === outputScheme) this.repaint(uri);
    };
    this.register(
      vscode.window.onDidChangeVisibleTextEditors(() => {
        this.meet();
      }),
    );
    this.register(
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => {
        const colored = this.editors.get(textEditor);
        if (colored !== undefined && !covers(colored.lines, shownBy(textEditor)))
          colored.pace.ask();
      }),
    );
    this.register(
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        repaint(document.uri);
      }),
    );
    this.register(
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (!change.affectsConfiguration(contrastSetting)) return;
        this.types.trim(new Set(), 0);
        for (const colored of this.editors.values()) {
          colored.types = new Set();
          colored.pace.ask();
        }
      }),
    );
    // A text may get another look without another letter: then its document does not change.
    this.register(documents.onDidHandOver(repaint));
    this.register({
      dispose: () => {
        for (const { pace } of this.editors.values()) pace.dispose();
      },
    });
    this.meet();
  }

  get held(): {
    readonly decorationTypes: number;
    readonly editors: number;
    readonly coloredEditors: number;
    readonly timers: number;
  } {
    const editors = [...this.editors.values()];
    const waiting = editors.filter(({ pace }) => pace.isWaiting);
    return {
      decorationTypes: this.types.count,
      editors: editors.length,
      coloredEditors: editors.filter(({ types }) => types.size > 0).length,
      timers: waiting.length,
    };
  }

  private meet(): void {
    const visible = vscode.window.visibleTextEditors.filter(
      ({ document }) => document.uri.scheme === outputScheme,
    );
    for (const [editor, { pace }] of this.editors) {
      if (visible.includes(editor)) continue;
      pace.dispose();
      this.editors.delete(editor);
    }
    for (const editor of visible) {
      if (this.editors.has(editor)) continue;
      const pace = new Pace(() => {
        this.color(editor);
      }, colorEvery);
      this.editors.set(editor, { pace, types: new Set(), lines: [] });
      pace.ask();
    }
    if (this.editors.size === 0) this.types.trim(new Set());
  }

  private repaint(uri: vscode.Uri): void {
    const name = uri.toString();
    for (const [editor, { pace }] of this.editors) {
      if (editor.document.uri.toString() === name) pace.ask();
    }
  }

  private color(editor: vscode.TextEditor): void {
    const colored = this.editors.get(editor);
    const layout = this.documents.get(editor.document.uri)?.layoutOf(editor.document);
    // What is there moves with the text; the change that is under way comes back here.
    if (colored === undefined || layout === undefined || isStale(layout)) return;
    const shown = shownBy(editor);
    const lines = around(shown);
    const ranges = new Map<vscode.TextEditorDecorationType, vscode.Range[]>();
    const { byStyle, isWhole } = rangesOf(layout, shownFirst(shown, lines));
    const inUse = new Set(
      [...this.editors].flatMap(([other, { types }]) => (other === editor ? [] : [...types])),
    );
    const types = this.types.typesOf([...byStyle.keys()], inUse);
    for (const [style, found] of byStyle) {
      const type = types.get(style);
      if (type === undefined) continue;
      const before = ranges.get(type);
      if (before === undefined) ranges.set(type, found);
      else before.push(...found);
    }
    for (const type of colored.types) if (!ranges.has(type)) editor.setDecorations(type, []);
    for (const [type, found] of ranges) editor.setDecorations(type, found);
    colored.types = new Set(ranges.keys());
    colored.lines = isWhole ? lines : shown;
    this.types.trim(new Set([...this.editors.values()].flatMap(({ types }) => [...types])));
  }
}

/** By style, and whether there was room for those of all lines. */
function rangesOf(
  layout: OutputLayout,
  lines: Iterable<number>,
): { readonly byStyle: Map<Style, vscode.Range[]>; readonly isWhole: boolean } {
  const byStyle = new Map<Style, vscode.Range[]>();
  let count = 0;
  for (const line of lines) {
    if (count >= mostRanges) return { byStyle, isWhole: false };
    const { section, first } = sectionAt(layout, line) ?? {};
    if (section === undefined || first === undefined) continue;
    const lineOfSection = line - first;
    if (lineOfSection < 0 || lineOfSection >= section.lineCount) continue;
    count += addRanges(byStyle, section, line, lineOfSection);
  }
  return { byStyle, isWhole: true };
}

/** Adds the ranges of a line, and answers how many. */
function addRanges(
  ranges: Map<Style, vscode.Range[]>,
  section: OutputSection,
  line: number,
  lineOfSection: number,
): number {
  const { start, end } = section.lineOffsets(lineOfSection);
  let count = 0;
  section.spans.visit(start, end, (spanStart, spanEnd, style) => {
    if (style === undefined) return;
    count += 1;
    const from = Math.max(spanStart, start) - start;
    const range = new vscode.Range(line, from, line, Math.min(spanEnd, end) - start);
    const found = ranges.get(style);
    if (found === undefined) ranges.set(style, [range]);
    else found.push(range);
  });
  return count;
}

/** A section was cut or widened since: its lines are others than those that the editor has. */
function isStale({ sections }: OutputLayout): boolean {
  return sections.some(({ section, firstNumber }) => section.firstNumber !== firstNumber);
}

function shownBy({ visibleRanges }: vscode.TextEditor): Lines[] {
  return visibleRanges.map(({ start, end }) => ({ from: start.line, to: end.line }));
}
