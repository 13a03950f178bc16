import * as os from 'node:os';
import * as vscode from 'vscode';
import { resolveCandidates } from '../output/linkCandidates.ts';
import { findLinks, type FileLink } from '../output/links.ts';
import type { Task } from '../store/task.ts';
import type { Storages } from '../worker/storages.ts';
import { Disposable } from '../vscode/disposable.ts';
import { showWarning } from '../vscode/messages.ts';
import { outputScheme, parseOutputUri } from '../vscode/uris.ts';

/** Lines between two looks at the cancellation token, so that a long document blocks nothing. */
const linesAtOnce = 2000;

interface OutputDocumentLink extends vscode.DocumentLink {
  readonly file: FileLink;
  readonly task: Task | undefined;
}

/**
 * Links from output documents to the files that they name. The editor itself finds URLs. Whether a
 * file exists is asked only when a link is followed.
 */
export class OutputLinks extends Disposable implements vscode.DocumentLinkProvider {
  private readonly storages: Storages;

  constructor(storages: Storages) {
    super();
    this.storages = storages;
    this.register(vscode.languages.registerDocumentLinkProvider({ scheme: outputScheme }, this));
  }

  async provideDocumentLinks(
    document: vscode.TextDocument,
    token: vscode.CancellationToken,
  ): Promise<vscode.DocumentLink[]> {
    const target = parseOutputUri(document.uri);
    const task = target && this.storages.index.get(target.key);
    const links: OutputDocumentLink[] = [];
    for (let line = 0; line < document.lineCount; line += 1) {
      if (line % linesAtOnce === linesAtOnce - 1) {
        await new Promise((resolve) => setImmediate(resolve));
        if (token.isCancellationRequested) return [];
      }
      for (const link of findLinks(document.lineAt(line).text)) {
        if (link.kind !== 'file') continue;
        const range = new vscode.Range(line, link.start, line, link.end);
        links.push(Object.assign(new vscode.DocumentLink(range), { file: link, task }));
      }
    }
    return links;
  }

  async resolveDocumentLink(link: vscode.DocumentLink): Promise<vscode.DocumentLink | undefined> {
    const { file, task } = link as OutputDocumentLink;
    const target = await resolveFileLink(file, task);
    if (target === undefined) {
      void showWarning(
        vscode.l10n.t('{0} was not found. It was looked for in {1}.', file.path, whereLooked(task)),
      );
      return undefined;
    }
    link.target = target;
    return link;
  }
}

/** The file that a link names, at its line and column, where it exists. */
async function resolveFileLink(
  link: FileLink,
  task: Task | undefined,
): Promise<vscode.Uri | undefined> {
  const candidates = resolveCandidates(link.path, {
    workdir: task?.workdir,
    projectRoot: task?.projectRoot,
    folders: localFolders(),
    home: os.homedir(),
    platform: process.platform,
  });
  for (const candidate of candidates) {
    const uri = vscode.Uri.file(candidate);
    try {
      const { type } = await vscode.workspace.fs.stat(uri);
      if ((type & vscode.FileType.File) !== 0) return uri.with({ fragment: position(link) });
    } catch (error) {
      // Not there, or not to be read: the next candidate may be.
      if (!(error instanceof vscode.FileSystemError)) throw error;
    }
  }
  return undefined;
}

function localFolders(): string[] {
  return (vscode.workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === 'file')
    .map(({ uri }) => uri.fsPath);
}

function whereLooked(task: Task | undefined): string {
  return [task?.workdir, task?.projectRoot, vscode.l10n.t('the workspace folders')]
    .filter((place, at, places) => place !== undefined && places.indexOf(place) === at)
    .join(', ');
}

/** VS Code's own form of a position in a link: `L12,5` and `L12,5-L14,2`. */
function position({ line, column, endLine, endColumn }: FileLink): string {
  if (line === undefined) return '';
  const from = `L${line}${column === undefined ? '' : `,${column}`}`;
  if (endLine === undefined) return from;
  return `${from}-L${endLine}${endColumn === undefined ? '' : `,${endColumn}`}`;
}
