import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import { showInformation } from '../vscode/messages.ts';
import { formOf, parseOutputUri } from '../vscode/uris.ts';
import { NothingToDo } from '../vscode/userError.ts';
import type { OutputDocuments } from './outputDocuments.ts';
import { sectionAt, type OutputLayout, type PlacedSection } from './outputLayout.ts';

/**
 * Adds the window before what a document shows to it; where there is no room for it, says so and
 * offers the file. An editor of the document keeps its place (see `FollowOutput`). Throws a
 * `NothingToDo` where there is nothing before it, or no way to read it.
 * @param stream whose window; where it is not said, that of the stream that the reader is at
 */
export async function loadEarlier(
  documents: OutputDocuments,
  uri: vscode.Uri,
  stream?: CaptureStream,
): Promise<void> {
  const { t } = vscode.l10n;
  const taskId = parseOutputUri(uri)?.taskId ?? '';
  if (formOf(uri) !== undefined) {
    throw new NothingToDo(
      t(
        'Nothing can be added to this text. Earlier output is loaded where Open Output shows {0}.',
        taskId,
      ),
    );
  }
  await documents.read(uri);
  const document = documents.get(uri);
  if (document?.task === undefined) {
    throw new NothingToDo(
      t('No earlier output can be read: {0} was deleted, or its storage is not shown.', taskId),
    );
  }
  const cut = cutSection(document.layout, uri, stream);
  if (cut === undefined) {
    throw new NothingToDo(
      t('There is nothing before this: the files hold no earlier output of {0}.', taskId),
    );
  }
  if (await documents.loadEarlier(uri, cut.stream)) return;
  const openRaw = t('Open Raw File');
  const choice = await showInformation(
    t(
      'The document shows as much of the output of {0} as it can. The file has more of it.',
      taskId,
    ),
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
