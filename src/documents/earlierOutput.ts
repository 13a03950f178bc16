import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import { showInformation } from '../vscode/messages.ts';
import { parseOutputUri } from '../vscode/uris.ts';
import type { OutputDocuments } from './outputDocuments.ts';
import { sectionAt, type OutputLayout, type PlacedSection } from './outputLayout.ts';

/**
 * Adds the window before what a document shows to it; where no more can be added, says why. An
 * editor of the document keeps its place (see `FollowOutput`).
 * @param stream whose window; where it is not said, that of the stream that the reader is at
 */
export async function loadEarlier(
  documents: OutputDocuments,
  uri: vscode.Uri,
  stream?: CaptureStream,
): Promise<void> {
  const { t } = vscode.l10n;
  await documents.read(uri);
  const layout = documents.get(uri)?.layout;
  const cut = layout && cutSection(layout, uri, stream);
  const taskId = parseOutputUri(uri)?.taskId ?? '';
  if (cut === undefined) {
    void showInformation(
      t('There is nothing before this: the document shows all that {0} wrote.', taskId),
    );
    return;
  }
  if (await documents.loadEarlier(uri, cut.stream)) return;
  const openRaw = t('Open Raw File');
  const choice = await showInformation(
    t('The document shows as much of the output of {0} as it can. The file has all of it.', taskId),
    openRaw,
  );
  if (choice === openRaw) await vscode.commands.executeCommand('aftTasks.openRaw', uri);
}

function cutSection(
  layout: OutputLayout,
  uri: vscode.Uri,
  stream: CaptureStream | undefined,
): PlacedSection | undefined {
  const cut = layout.sections.filter((section) => section.cut !== undefined);
  if (stream !== undefined) return cut.find((section) => section.stream === stream);
  const editor = vscode.window.visibleTextEditors.find(
    ({ document }) => document.uri.toString() === uri.toString(),
  );
  const top = editor?.visibleRanges[0]?.start.line ?? 0;
  const here = sectionAt(layout, top);
  return cut.find((section) => section === here) ?? cut[0];
}
