import type * as vscode from 'vscode';
import { normaliseTimes } from '../output/captures/normalise.ts';
import { formOf } from '../vscode/uris.ts';
import type { OutputDocument } from './outputDocument.ts';
import type { OutputDocuments } from './outputDocuments.ts';

/**
 * A document's text without times and durations, to compare; it does not grow. Absent for a URI that
 * asks for another form. Throws a FileSystemError.
 */
export async function readNormalised(
  documents: OutputDocuments,
  uri: vscode.Uri,
): Promise<Pick<OutputDocument, 'bytes' | 'mtime' | 'task'> | undefined> {
  if (formOf(uri)?.kind !== 'normalised') return undefined;
  const { bytes, mtime, task } = await documents.read(uri.with({ query: '' }));
  const text = normaliseTimes(Buffer.from(bytes).toString('utf8'));
  return { bytes: Buffer.from(text, 'utf8'), mtime, task };
}
