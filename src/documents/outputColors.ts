import * as vscode from 'vscode';
import type { Style } from '../output/rendering/style.ts';
import { Disposable } from '../vscode/disposable.ts';
import { outputScheme } from '../vscode/uris.ts';
import { contrastSetting, DecorationTypes } from './decorationTypes.ts';
import type { OutputDocuments } from './outputDocuments.ts';
import type { OutputLayout } from './outputLayout.ts';
import type { OutputSection } from './outputSection.ts';
import { Pace } from './pace.ts';

/** An editor that scrolls is coloured at most this often, in milliseconds. */
const colorEvery = 80;
/** Coloured parts of one screen and its surroundings, whatever a program prints. */
const mostRanges = 10_000;

interface Lines {
  readonly from: number;
  readonly to: number;
}

interface Colored {
  readonly pace: Pace;
  /** What the editor has now. */
  types: ReadonlySet<vscode.TextEditorDecorationType>;
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
        if (colored !== undefined && !covers(colored.lines, textEditor)) colored.pace.ask();
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
    readonly timers: number;
  } {
    const waiting = [...this.editors.values()].filter(({ pace }) => pace.isWaiting);
    return {
      decorationTypes: this.types.count,
      editors: this.editors.size,
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
    const lines = around(editor);
    const ranges = new Map<vscode.TextEditorDecorationType, vscode.Range[]>();
    const byStyle = rangesByStyle(layout, lines);
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
    colored.lines = lines;
    this.types.trim(new Set([...this.editors.values()].flatMap(({ types }) => [...types])));
  }
}

function rangesByStyle(layout: OutputLayout, lines: readonly Lines[]): Map<Style, vscode.Range[]> {
  const ranges = new Map<Style, vscode.Range[]>();
  let count = 0;
  for (const { section, first, last } of layout.sections) {
    const end = Math.min(last, first + section.lineCount - 1);
    for (const { from, to } of lines) {
      for (let line = Math.max(from, first); line <= Math.min(to, end); line += 1) {
        if (count >= mostRanges) return ranges;
        count += addRanges(ranges, section, line, line - first);
      }
    }
  }
  return ranges;
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

/** What an editor shows, and a screenful before and behind. Folding makes more than one range. */
function around({ visibleRanges }: vscode.TextEditor): Lines[] {
  const screen = visibleRanges.reduce((sum, { start, end }) => sum + end.line - start.line + 1, 0);
  const lines: { from: number; to: number }[] = [];
  for (const { start, end } of visibleRanges) {
    const from = Math.max(0, start.line - screen);
    const before = lines.at(-1);
    if (before !== undefined && from <= before.to + 1) before.to = end.line + screen;
    else lines.push({ from, to: end.line + screen });
  }
  return lines;
}

function covers(lines: readonly Lines[], { visibleRanges }: vscode.TextEditor): boolean {
  return visibleRanges.every(({ start, end }) =>
    lines.some(({ from, to }) => from <= start.line && end.line <= to),
  );
}
