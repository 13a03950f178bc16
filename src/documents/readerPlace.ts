import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import { lineOf, placeOf, type OutputLayout } from './outputLayout.ts';

/** What was cut away while a reader had it on screen. */
export interface LostLines {
  readonly stream: CaptureStream;
  /** Of the capture. */
  readonly bytes: number;
}

/** What a reader has lost by now, if what they had on screen is cut away. */
export function lostLines(
  editor: vscode.TextEditor,
  lost: LostLines | undefined,
  before: OutputLayout,
  now: OutputLayout,
): LostLines | undefined {
  const place = placeOf(before, editor.visibleRanges[0]?.start.line ?? 0);
  const was = before.sections.find(({ stream }) => stream === place?.stream);
  const is = now.sections.find(({ stream }) => stream === place?.stream);
  if (place === undefined || was === undefined || is === undefined) return undefined;
  const cut = is.skippedBytes - was.skippedBytes;
  if (cut === 0) return lost;
  if (cut < 0 || place.number >= is.firstNumber) return undefined;
  const earlier = lost?.stream === place.stream ? lost.bytes : 0;
  return { stream: place.stream, bytes: earlier + cut };
}

/**
 * Shows the lines that were on screen before lines came or went in front of them, and keeps the
 * selection in its text. The editor itself stays at the line number. True where it had to.
 */
export function keepPlace(
  editor: vscode.TextEditor,
  before: OutputLayout,
  now: OutputLayout,
): boolean {
  const moved = (line: number): number => {
    const place = placeOf(before, line);
    return (place && lineOf(now, place)) ?? line;
  };
  const top = editor.visibleRanges[0]?.start.line;
  if (top === undefined || moved(top) === top) return false;
  const movedPosition = ({ line, character }: vscode.Position): vscode.Position =>
    editor.document.validatePosition(new vscode.Position(moved(line), character));
  editor.selections = editor.selections.map(
    ({ anchor, active }) => new vscode.Selection(movedPosition(anchor), movedPosition(active)),
  );
  showAtTop(editor, moved(top));
  return true;
}

/** Scrolls an editor so that a line is the first on screen. */
export function showAtTop(editor: vscode.TextEditor, top: number): void {
  const line = top + linesAround(editor);
  editor.revealRange(new vscode.Range(line, 0, line, 0), vscode.TextEditorRevealType.AtTop);
}

/** The lines that VS Code leaves between a line that is revealed and the edge of the screen. */
export function linesAround({ document, visibleRanges }: vscode.TextEditor): number {
  const configuration = vscode.workspace.getConfiguration('editor', document);
  const sticky = configuration.get<boolean>('stickyScroll.enabled', true)
    ? configuration.get<number>('stickyScroll.maxLineCount', 5)
    : 0;
  const [screen] = visibleRanges;
  const half = screen === undefined ? 0 : Math.floor((screen.end.line - screen.start.line) / 2);
  return Math.min(half, Math.max(sticky, configuration.get<number>('cursorSurroundingLines', 0)));
}
