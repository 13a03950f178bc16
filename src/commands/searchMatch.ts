import * as vscode from 'vscode';
import type { SearchMatch, SearchTarget } from '../output/search/search.ts';
import type { CaptureStream } from '../persistence/record.ts';
import type { Task } from '../store/task.ts';
import { openArguments, tabLabel } from '../vscode/openOutput.ts';
import { outputUri, withForm } from '../vscode/uris.ts';
import type { Storages } from '../worker/storages.ts';
import { callsOf, writtenStreams } from './outputReader.ts';

/** A capture that was searched. */
export interface FoundIn extends SearchTarget {
  readonly task: Task;
  readonly stream: CaptureStream;
}

export interface Found {
  readonly target: FoundIn;
  readonly match: SearchMatch;
}

/** What the search needs of the documents that are open. */
export interface ShownMatches {
  /** Keeps the readers of a document at what is selected there. */
  hold(uri: vscode.Uri): void;
  /** Whether a document shows a capture from a byte on, or from before it. */
  reaches(uri: vscode.Uri, stream: CaptureStream, byte: number): boolean;
  /** The line of an excerpt that its place is in. */
  placeLine(uri: vscode.Uri): number | undefined;
}

/**
 * Shows a match, selected: in the task's document where that reaches back to it and still has it,
 * else in a document of what the capture has around it.
 */
export async function openMatch(
  storages: Storages,
  { target, match }: Found,
  shown: ShownMatches,
): Promise<void> {
  const { task, stream } = target;
  const matched = match.text.slice(match.start, match.start + match.length);
  const { start, end, linesAfter } = await callsOf(storages, task).findPlace(
    task.key,
    stream,
    match.offset,
    matched,
  );
  // The natural document, where it shows nothing but this stream: people have that one open.
  const natural = writtenStreams(task).length === 1;
  const [uri, , label] = openArguments(task, natural ? 'output' : stream);
  if (linesAfter !== undefined) {
    const document = await vscode.workspace.openTextDocument(uri);
    const expected = document.lineCount - 1 - linesAfter;
    const range = shown.reaches(uri, stream, start)
      ? findLine(document, match, expected)
      : undefined;
    if (range !== undefined) {
      shown.hold(uri);
      await show(document, range, label);
      shown.hold(uri);
      return;
    }
  }
  const around = withForm(outputUri(task.key, stream), { kind: 'at', start, end });
  const document = await vscode.workspace.openTextDocument(around);
  const expected = shown.placeLine(around) ?? 0;
  const part = vscode.l10n.t('{0}, line {1}', stream, match.line.toLocaleString());
  // On a screen, other text may stand beside what a line of the capture has.
  const alone = { text: matched, start: 0, length: matched.length };
  const range =
    findLine(document, match, expected) ??
    findLine(document, alone, expected) ??
    document.lineAt(Math.min(expected, document.lineCount - 1)).range;
  await show(document, range, tabLabel(task, part));
}

async function show(
  document: vscode.TextDocument,
  range: vscode.Range,
  label: string,
): Promise<void> {
  // Only this gives the tab a label, and only the other answers with the editor.
  await vscode.commands.executeCommand('vscode.open', document.uri, { selection: range }, label);
  const editor = await vscode.window.showTextDocument(document, { selection: range });
  editor.revealRange(range, vscode.TextEditorRevealType.InCenter);
}

/**
 * The place of the match in the line that is nearest to where it should be and has its text: lines
 * that a program rewrote are fewer on screen than in the capture. Absent where no line has it.
 */
function findLine(
  document: vscode.TextDocument,
  match: Pick<SearchMatch, 'text' | 'start' | 'length'>,
  guess: number,
): vscode.Range | undefined {
  const expected = Math.max(0, Math.min(guess, document.lineCount - 1));
  const matched = match.text.slice(match.start, match.start + match.length);
  const whole = loosely(match.text.trim());
  for (let distance = 0; distance < document.lineCount; distance++) {
    for (const number of distance === 0 ? [expected] : [expected - distance, expected + distance]) {
      if (number < 0 || number >= document.lineCount) continue;
      const { text } = document.lineAt(number);
      const place = whole.exec(text);
      if (place === null) continue;
      const lead = match.text.length - match.text.trimStart().length;
      const from = Math.max(0, place.index + match.start - lead);
      const found = loosely(matched).exec(text.slice(from)) ?? { index: 0, 0: text.slice(from) };
      const start = from + found.index;
      return new vscode.Range(number, start, number, start + found[0].length);
    }
  }
  return undefined;
}

/** Matches a text in whatever width its blanks are shown: documents have spaces for tabs. */
function loosely(text: string): RegExp {
  const words = text.split(/\s+/).map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  // Begun anew at each blank of a long row, it would take the square of the row's length.
  const start = words[0] === '' ? String.raw`(?<!\s)` : '';
  return new RegExp(start + words.join(String.raw`\s+`));
}
