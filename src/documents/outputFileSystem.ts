import * as vscode from 'vscode';
import type { TaskChanges } from '../store/task.ts';
import type { Storages } from '../worker/storages.ts';
import { Disposable } from '../vscode/disposable.ts';
import type { Settings } from '../vscode/settings.ts';
import { outputScheme, outputUri, parseOutputUri } from '../vscode/uris.ts';
import { OutputDocument } from './outputDocument.ts';

/** A running task's capture is looked at this often while an editor shows it. */
const lookEvery = 100;
/** Changes of one document are announced at most this often. */
const announceEvery = 200;
/** Documents that nobody has open (a search, a diff) are forgotten after this long. */
const sweepEvery = 30_000;

/**
 * The read-only file system of output documents. VS Code reads a changed file again and applies
 * only the lines that differ, so an update that appends is one small edit at any size.
 */
export class OutputFileSystem extends Disposable implements vscode.FileSystemProvider {
  private readonly storages: Storages;
  private readonly settings: Settings;
  private readonly log: vscode.LogOutputChannel;
  private readonly documents = new Map<string, OutputDocument>();
  /** One timer for each document that an editor shows and whose task goes on. */
  private readonly following = new Map<string, NodeJS.Timeout>();
  private sweeping: NodeJS.Timeout | undefined;
  private readonly changed = this.register(new vscode.EventEmitter<vscode.FileChangeEvent[]>());
  readonly onDidChangeFile = this.changed.event;

  constructor(storages: Storages, settings: Settings, log: vscode.LogOutputChannel) {
    super();
    this.storages = storages;
    this.settings = settings;
    this.log = log;
    this.register(
      vscode.workspace.registerFileSystemProvider(outputScheme, this, { isReadonly: true }),
    );
    this.register(
      vscode.window.onDidChangeVisibleTextEditors(() => {
        this.followVisible();
      }),
    );
    this.register(
      vscode.workspace.onDidCloseTextDocument((document) => {
        if (document.uri.scheme === outputScheme) this.forget(document.uri.toString());
      }),
    );
    this.register({
      dispose: storages.index.onDidChange((changes) => {
        this.onTasksChanged(changes);
      }),
    });
    this.register({
      dispose: () => {
        for (const uri of [...this.documents.keys()]) this.forget(uri);
        clearInterval(this.sweeping);
      },
    });
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const document = await this.read(uri);
    return {
      type: vscode.FileType.File,
      permissions: vscode.FilePermission.Readonly,
      ctime: document.task?.startedAt ?? 0,
      mtime: document.mtime,
      size: document.bytes.length,
    };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return (await this.read(uri)).bytes;
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

  private async read(uri: vscode.Uri): Promise<OutputDocument> {
    const target = parseOutputUri(uri);
    if (target === undefined) throw vscode.FileSystemError.FileNotFound(uri);
    const name = uri.toString();
    let document = this.documents.get(name);
    if (document === undefined) {
      document = new OutputDocument(target, this.storages, this.settings);
      this.documents.set(name, document);
      this.sweeping ??= setInterval(() => {
        this.sweep();
      }, sweepEvery);
    }
    try {
      await document.read();
    } catch (error) {
      this.log.error(`reading ${name}: ${String(error)}`);
      throw vscode.FileSystemError.Unavailable(
        error instanceof Error ? error.message : String(error),
      );
    }
    return document;
  }

  /** Reads the documents on screen once, and goes on for those whose task goes on. */
  private followVisible(): void {
    const visible = new Set(
      vscode.window.visibleTextEditors
        .map(({ document }) => document.uri)
        .filter(({ scheme }) => scheme === outputScheme)
        .map(String),
    );
    for (const [uri, timer] of this.following) {
      if (visible.has(uri)) continue;
      clearTimeout(timer);
      this.following.delete(uri);
    }
    for (const uri of visible) {
      if (!this.following.has(uri)) this.follow(uri, 0);
    }
  }

  private follow(uri: string, delay: number): void {
    const timer = setTimeout(() => {
      void this.look(uri).then((announced) => {
        // Neither where the editor has gone meanwhile, nor where another timer has taken over.
        if (this.following.get(uri) !== timer) return;
        const goesOn = this.documents.get(uri)?.task?.liveness !== 'ended';
        if (goesOn) this.follow(uri, announced ? announceEvery : lookEvery);
        else this.following.delete(uri);
      });
    }, delay);
    this.following.set(uri, timer);
  }

  /** Announces what is new in a document; true where something was. Nothing here rejects. */
  private async look(uri: string): Promise<boolean> {
    const document = this.documents.get(uri);
    if (document === undefined) return false;
    try {
      const changed = await document.read();
      if (changed) this.announce(uri);
      return changed;
    } catch (error) {
      // The editor keeps what it has; the next look may succeed.
      this.log.warn(`reading ${uri}: ${String(error)}`);
      return false;
    }
  }

  private announce(uri: string): void {
    this.changed.fire([{ type: vscode.FileChangeType.Changed, uri: vscode.Uri.parse(uri, true) }]);
  }

  private onTasksChanged({ added, changed, removed }: TaskChanges): void {
    if (this.documents.size === 0) return;
    for (const task of removed) {
      // A storage that is shown no more takes its tasks from the index, not from the disk.
      if (this.storages.callsFor(task.key) === undefined) continue;
      for (const [uri, document] of this.documentsOf(task.key)) {
        document.markDeleted();
        this.announce(uri);
      }
    }
    // A task that came back (an undone deletion, a storage shown again) is read anew.
    for (const task of added) {
      for (const [uri, document] of this.documentsOf(task.key)) {
        document.close();
        this.announce(uri);
      }
    }
    // What came between the last look and the end of the task, or its final cut.
    for (const task of changed) {
      for (const [uri] of this.documentsOf(task.key)) {
        if (!this.following.has(uri)) void this.look(uri);
      }
    }
  }

  private documentsOf(key: string): [string, OutputDocument][] {
    return (['output', 'stdout', 'stderr', 'pty'] as const).flatMap((stream) => {
      const uri = outputUri(key, stream).toString();
      const document = this.documents.get(uri);
      return document === undefined ? [] : [[uri, document] as [string, OutputDocument]];
    });
  }

  private sweep(): void {
    const open = new Set(vscode.workspace.textDocuments.map(({ uri }) => uri.toString()));
    for (const uri of [...this.documents.keys()]) if (!open.has(uri)) this.forget(uri);
  }

  private forget(uri: string): void {
    clearTimeout(this.following.get(uri));
    this.following.delete(uri);
    this.documents.get(uri)?.close();
    this.documents.delete(uri);
    if (this.documents.size > 0) return;
    clearInterval(this.sweeping);
    this.sweeping = undefined;
  }
}
