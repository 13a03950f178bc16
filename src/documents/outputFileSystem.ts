import * as vscode from 'vscode';
import { Disposable } from '../vscode/disposable.ts';
import { outputScheme, withForm } from '../vscode/uris.ts';
import { NormalisedOutput } from './normalisedOutput.ts';
import type { OutputDocuments } from './outputDocuments.ts';

/**
 * The read-only file system of output documents. VS Code reads a changed file again and applies
 * only the lines that differ, so an update that appends is one small edit at any size.
 */
export class OutputFileSystem extends Disposable implements vscode.FileSystemProvider {
  private readonly documents: OutputDocuments;
  private readonly normalised: NormalisedOutput;
  private readonly changed = this.register(new vscode.EventEmitter<vscode.FileChangeEvent[]>());
  readonly onDidChangeFile = this.changed.event;

  constructor(documents: OutputDocuments) {
    super();
    this.documents = documents;
    this.normalised = new NormalisedOutput(documents);
    this.register(
      documents.onDidChange((uri) => {
        const uris = [uri, withForm(uri, { kind: 'normalised' })];
        this.changed.fire(
          uris.map((changed) => ({ type: vscode.FileChangeType.Changed, uri: changed })),
        );
      }),
    );
    this.register(
      vscode.workspace.registerFileSystemProvider(outputScheme, this, {
        isReadonly: true,
        isCaseSensitive: true,
      }),
    );
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const normalised = await this.normalised.read(uri);
    const document = normalised ?? (await this.documents.read(uri));
    return {
      type: vscode.FileType.File,
      permissions: vscode.FilePermission.Readonly,
      ctime: document.task?.startedAt ?? 0,
      mtime: document.mtime,
      size: document.bytes.length,
    };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const normalised = await this.normalised.read(uri);
    return normalised?.bytes ?? (await this.documents.handOver(uri));
  }

  /** What is watched is decided by the editors on screen, not by VS Code's own watches. */
  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  readDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.FileNotADirectory(uri);
  }

  createDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  writeFile(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
}
