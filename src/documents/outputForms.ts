import * as vscode from 'vscode';
import type { Excerpt } from '../output/captures/excerpt.ts';
import { normaliseTimes } from '../output/captures/normalise.ts';
import type { Task } from '../store/task.ts';
import { formOf, parseOutputUri } from '../vscode/uris.ts';
import { bytesInWords } from '../vscode/words.ts';
import type { Storages } from '../worker/storages.ts';
import type { OutputDocuments } from './outputDocuments.ts';

/** What the file system needs to know of a document. */
interface FormDocument {
  readonly bytes: Uint8Array;
  readonly mtime: number;
  readonly task: Task | undefined;
}

/** The documents whose URI asks for another form than the usual one. They do not grow. */
export class OutputForms {
  private readonly storages: Storages;
  private readonly documents: OutputDocuments;

  constructor(storages: Storages, documents: OutputDocuments) {
    this.storages = storages;
    this.documents = documents;
  }

  /** Absent for a URI of the usual form. Throws a FileSystemError. */
  async read(uri: vscode.Uri): Promise<FormDocument | undefined> {
    const form = formOf(uri);
    if (form === undefined) return undefined;
    if (form.kind === 'at') {
      const text = excerptText(await this.readExcerpt(uri, form.offset));
      const task = this.storages.index.get(parseOutputUri(uri)?.key ?? '');
      return { bytes: Buffer.from(text, 'utf8'), mtime: task?.finishedAt ?? 0, task };
    }
    const { bytes, mtime, task } = await this.documents.read(uri.with({ query: '' }));
    const text = normaliseTimes(Buffer.from(bytes).toString('utf8'));
    return { bytes: Buffer.from(text, 'utf8'), mtime, task };
  }

  private async readExcerpt(uri: vscode.Uri, offset: number): Promise<Excerpt> {
    const target = parseOutputUri(uri);
    if (target === undefined || target.stream === 'output') {
      throw vscode.FileSystemError.FileNotFound(uri);
    }
    const { key, stream } = target;
    await this.storages.settled();
    try {
      const excerpt = await this.storages.callsFor(key)?.readExcerpt(key, stream, offset);
      if (excerpt !== undefined) return excerpt;
    } catch (error) {
      throw vscode.FileSystemError.Unavailable(
        error instanceof Error ? error.message : String(error),
      );
    }
    throw vscode.FileSystemError.FileNotFound(uri);
  }
}

function excerptText({ text, skippedBytes, restBytes }: Excerpt): string {
  const { t } = vscode.l10n;
  const before =
    skippedBytes === 0
      ? ''
      : `${t('[{0} before this are not shown]', bytesInWords(skippedBytes))}\n`;
  const end = text === '' || text.endsWith('\n') ? '' : '\n';
  const after =
    restBytes === 0
      ? ''
      : `${end}${t('[{0} after this are not shown]', bytesInWords(restBytes))}\n`;
  return before + text + after;
}
