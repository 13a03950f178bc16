import * as vscode from 'vscode';
import type { CaptureStream } from '../persistence/record.ts';
import type { TaskChanges } from '../store/task.ts';
import type { Storages } from '../worker/storages.ts';
import { Disposable } from '../vscode/disposable.ts';
import type { Settings } from '../vscode/settings.ts';
import { outputScheme, parseOutputUri, sourceOf } from '../vscode/uris.ts';
import { OutputDocument, type SeenLines } from './outputDocument.ts';

/** A running task's capture is looked at this often while an editor shows it. */
const lookEvery = 100;
/** Changes of one document are announced at most this often. */
const announceEvery = 200;
/** Documents that nobody has open (a search, a diff) are forgotten after this long. */
const sweepEvery = 10_000;

/**
 * The output documents that are open, by URI. Those that an editor shows and whose task goes on are
 * looked at again and again; the others are read when VS Code asks for them.
 */
export class OutputDocuments extends Disposable {
  private readonly storages: Storages;
  private readonly settings: Settings;
  private readonly log: vscode.LogOutputChannel;
  private readonly documents = new Map<string, OutputDocument>();
  /** One timer for each document that an editor shows and whose task goes on. */
  private readonly following = new Map<string, NodeJS.Timeout>();
  private sweeping: NodeJS.Timeout | undefined;
  private readonly changed = this.register(new vscode.EventEmitter<vscode.Uri>());
  /** Fires when a document has another text, or another look, than VS Code was given. */
  readonly onDidChange = this.changed.event;
  private readonly handedOver = this.register(new vscode.EventEmitter<vscode.Uri>());
  /** Fires when VS Code was given a document's text; its editors have it a little later. */
  readonly onDidHandOver = this.handedOver.event;
  private readonly progressed = this.register(new vscode.EventEmitter<vscode.Uri>());
  /** Fires when what is known of an open document's task has changed. */
  readonly onDidChangeTask = this.progressed.event;

  constructor(storages: Storages, settings: Settings, log: vscode.LogOutputChannel) {
    super();
    this.storages = storages;
    this.settings = settings;
    this.log = log;
    this.register(
      vscode.window.onDidChangeVisibleTextEditors(() => {
        this.followVisible();
      }),
    );
    // Whoever comes to an end and goes again at once has seen it, too: no look is that fast.
    this.register(
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => {
        const { uri } = textEditor.document;
        this.get(uri)?.notice(seenLines(uri.toString()));
      }),
    );
    this.register(
      vscode.workspace.onDidCloseTextDocument((document) => {
        if (document.uri.scheme !== outputScheme) return;
        const uri = sourceOf(document.uri).toString();
        // A document whose language was changed is "closed" too, and stays.
        if (!openSources().has(uri)) this.forget(uri);
      }),
    );
    // Of a document that is not open yet, only its tab closes.
    this.register(
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        for (const { input } of closed) {
          if (!(input instanceof vscode.TabInputText)) continue;
          const uri = input.uri.toString();
          const isOpening = this.documents.get(uri)?.isOpen === false;
          if (isOpening && !hasTab(uri)) this.forget(uri);
        }
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
    this.followVisible();
  }

  /** How many documents and timers are held. */
  get held(): { readonly documents: number; readonly timers: number } {
    const sweeping = this.sweeping === undefined ? 0 : 1;
    return { documents: this.documents.size, timers: this.following.size + sweeping };
  }

  /** The document of this URI, where it is open. */
  get(uri: vscode.Uri): OutputDocument | undefined {
    return this.documents.get(uri.toString());
  }

  /** The document of this URI, up to date. Throws a FileSystemError. */
  async read(uri: vscode.Uri): Promise<OutputDocument> {
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
    // A followed one is what the last look found: VS Code asks because of that look.
    if (document.isOpen && this.following.has(name)) return document;
    try {
      await document.read();
    } catch (error) {
      if (!document.isOpen) this.forget(name);
      this.log.error(`reading ${name}: ${String(error)}`);
      throw vscode.FileSystemError.Unavailable(
        error instanceof Error ? error.message : String(error),
      );
    }
    // Its tab was closed meanwhile, and is there again: VS Code waits for this same answer.
    if (this.documents.get(name) !== document && hasTab(name)) return await this.read(uri);
    return document;
  }

  /** The text of a document for VS Code to show. Throws a FileSystemError. */
  async handOver(uri: vscode.Uri): Promise<Uint8Array> {
    const bytes = (await this.read(uri)).handOver();
    this.handedOver.fire(uri);
    return bytes;
  }

  /** Adds the window before a section to a document; false where nothing more can be added. */
  async loadEarlier(uri: vscode.Uri, stream: CaptureStream): Promise<boolean> {
    const added = (await this.get(uri)?.loadEarlier(stream)) ?? false;
    if (added) this.changed.fire(uri);
    return added;
  }

  /** Reads the documents on screen once, and goes on for those whose task goes on. */
  private followVisible(): void {
    const visible = new Set(
      vscode.window.visibleTextEditors
        .map(({ document }) => sourceOf(document.uri))
        .filter((uri) => uri.scheme === outputScheme)
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
      const mayGrow = (): boolean => this.documents.get(uri)?.mayGrow === true;
      // Before the look, too: what comes with the end is still to be looked for.
      const couldGrow = mayGrow();
      void this.look(uri).then((announced) => {
        // Neither where the editor has gone meanwhile, nor where another timer has taken over.
        if (this.following.get(uri) !== timer) return;
        if (couldGrow || mayGrow()) this.follow(uri, announced ? announceEvery : lookEvery);
        else this.following.delete(uri);
      });
    }, delay);
    this.following.set(uri, timer);
  }

  /** Announces what is new in a document; true where something was. Nothing here rejects. */
  private async look(uri: string): Promise<boolean> {
    const document = this.documents.get(uri);
    try {
      if (document === undefined) {
        // An editor that was there before us, as after the extension host was started anew.
        await this.read(vscode.Uri.parse(uri, true));
        this.announce(uri);
        return true;
      }
      const hasEnded = document.task?.liveness === 'ended';
      const changed = await (hasEnded ? document.read() : document.readNext(seenLines(uri)));
      if (changed) this.announce(uri);
      return changed;
    } catch (error) {
      // The editor keeps what it has; the next look may succeed.
      this.log.warn(`reading ${uri}: ${String(error)}`);
      return false;
    }
  }

  private announce(uri: string): void {
    this.changed.fire(vscode.Uri.parse(uri, true));
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
      if (task.liveness !== 'ended') continue;
      for (const [uri] of this.documentsOf(task.key)) {
        if (!this.following.has(uri)) void this.look(uri);
      }
    }
    for (const { key } of [...added, ...changed, ...removed]) {
      for (const [uri] of this.documentsOf(key)) {
        this.progressed.fire(vscode.Uri.parse(uri, true));
      }
    }
  }

  private documentsOf(key: string): [string, OutputDocument][] {
    return [...this.documents].filter(([, { target }]) => target.key === key);
  }

  private sweep(): void {
    const open = openSources();
    for (const [uri, { isOpen }] of [...this.documents]) {
      if (isOpen && !open.has(uri)) this.forget(uri);
    }
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

/** The documents that open ones are made of. */
function openSources(): ReadonlySet<string> {
  return new Set(vscode.workspace.textDocuments.map(({ uri }) => sourceOf(uri).toString()));
}

export function hasTab(uri: string): boolean {
  return vscode.window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .some(({ input }) => input instanceof vscode.TabInputText && input.uri.toString() === uri);
}

/** What each editor of a document shows. */
function seenLines(uri: string): SeenLines[] {
  return vscode.window.visibleTextEditors
    .filter(({ document }) => document.uri.toString() === uri)
    .flatMap(({ visibleRanges }) => {
      const [first] = visibleRanges;
      const last = visibleRanges.at(-1);
      if (first === undefined || last === undefined) return [];
      return [{ first: first.start.line, last: last.end.line }];
    });
}
