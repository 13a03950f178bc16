import * as vscode from 'vscode';
import type { SearchMatch, SearchTarget } from '../output/search/search.ts';
import type { CaptureStream } from '../persistence/record.ts';
import type { Task } from '../store/task.ts';
import { openArguments, tabLabel } from '../vscode/openOutput.ts';
import { outputUri, withForm } from '../vscode/uris.ts';
import type { Storages } from '../worker/storages.ts';
import { writtenStreams } from './outputReader.ts';

/** A capture that was searched. */
export interface FoundIn extends SearchTarget {
  readonly task: Task;
  readonly stream: CaptureStream;
}

export interface Found {
  readonly target: FoundIn;
  readonly match: SearchMatch;
}

/**
 * Shows a match, selected: in the task's document where that reaches back to it, else in a document
 * of what the capture has around it.
 * @param hold keeps the readers of a document at what is selected there
 */
export async function openMatch(
  storages: Storages,
  { target, match }: Found,
  hold: (uri: vscode.Uri) => void,
): Promise<void> {
  const { task, stream } = target;
  const excerpt = await storages.callsFor(task.key)?.readExcerpt(task.key, stream, match.offset);
  if (excerpt === undefined) return;
  const { linesAfter, skippedBytes, line } = excerpt;
  // The natural document, where it shows nothing but this stream: people have that one open.
  const natural = writtenStreams(task).length === 1;
  const [uri, , label] = openArguments(task, natural ? 'output' : stream);
  if (linesAfter !== undefined) {
    const document = await vscode.workspace.openTextDocument(uri);
    const range = findLine(document, match, document.lineCount - 1 - linesAfter);
    if (range !== undefined) {
      hold(uri);
      await show(document, range, label);
      hold(uri);
      return;
    }
  }
  const around = withForm(outputUri(task.key, stream), { kind: 'at', offset: match.offset });
  const document = await vscode.workspace.openTextDocument(around);
  const expected = line + (skippedBytes > 0 ? 1 : 0);
  const fallback = document.lineAt(Math.min(expected, document.lineCount - 1)).range;
  const part = vscode.l10n.t('{0}, line {1}', stream, match.line.toLocaleString());
  await show(document, findLine(document, match, expected) ?? fallback, tabLabel(task, part));
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
 * that a program rewrote are fewer on screen than in the capture. Absent where no line has it, or
 * where it lies before the document.
 */
function findLine(
  document: vscode.TextDocument,
  match: SearchMatch,
  expected: number,
): vscode.Range | undefined {
  if (expected < 0) return undefined;
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
  return new RegExp(words.join(String.raw`\s+`));
}
