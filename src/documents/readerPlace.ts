import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import { movedLine, placeOf, type OutputLayout } from './outputLayout.ts';

/** What was cut away while a reader had it on screen. */
export interface LostLines {
  readonly stream: CaptureStream;
  /** Of the capture. */
  readonly bytes: number;
}

/** What a reader has lost by now, if what they had on screen, from the line `top` on, is cut away. */
export function lostLines(
  top: number,
  lost: LostLines | undefined,
  before: OutputLayout,
  now: OutputLayout,
): LostLines | undefined {
  const place = placeOf(before, top);
  const was = before.sections.find(({ stream }) => stream === place?.stream);
  const is = now.sections.find(({ stream }) => stream === place?.stream);
  if (place === undefined || was === undefined || is === undefined) return undefined;
  const cut = is.skippedBytes - was.skippedBytes;
  if (cut === 0) return lost;
  if (cut < 0 || place.number >= is.firstNumber) return undefined;
  const earlier = lost?.stream === place.stream ? lost.bytes : 0;
  return { stream: place.stream, bytes: earlier + cut };
}

/** Keeps the selections in their text. */
export function moveSelections(
  editor: vscode.TextEditor,
  before: OutputLayout,
  now: OutputLayout,
): void {
  const moved = ({ line, character }: vscode.Position): vscode.Position =>
    editor.document.validatePosition(new vscode.Position(movedLine(before, now, line), character));
  editor.selections = editor.selections.map(
    ({ anchor, active }) => new vscode.Selection(moved(anchor), moved(active)),
  );
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
