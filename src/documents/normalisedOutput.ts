import type * as vscode from 'vscode';
import { normaliseTimes } from '../output/captures/normalise.ts';
import { formOf, sourceOf } from '../vscode/uris.ts';
import type { OutputDocument } from './outputDocument.ts';
import type { OutputDocuments } from './outputDocuments.ts';

/** The documents' texts without times and durations, to compare. */
export class NormalisedOutput {
  private readonly documents: OutputDocuments;
  /** By the text that they were made of: VS Code asks twice for each. */
  private readonly known = new WeakMap<Uint8Array, Uint8Array>();

  constructor(documents: OutputDocuments) {
    this.documents = documents;
  }

  /** Absent for a URI that asks for another form. Throws a FileSystemError. */
  async read(
    uri: vscode.Uri,
  ): Promise<Pick<OutputDocument, 'bytes' | 'mtime' | 'task'> | undefined> {
    if (formOf(uri)?.kind !== 'normalised') return undefined;
    const { bytes, mtime, task } = await this.documents.read(sourceOf(uri));
    return { bytes: this.normalise(bytes), mtime, task };
  }

  private normalise(source: Uint8Array): Uint8Array {
    const known = this.known.get(source);
    if (known !== undefined) return known;
    const text = normaliseTimes(Buffer.from(source).toString('utf8'));
    const bytes = Buffer.from(text, 'utf8');
    this.known.set(source, bytes);
    return bytes;
  }
}
