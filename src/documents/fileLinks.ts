import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { resolveCandidates } from '../output/linkCandidates.ts';
import type { FileLink } from '../output/links.ts';
import type { Task } from '../store/task.ts';
import { showWarning } from '../vscode/messages.ts';

/** The file that a link in a task's output names, at its position; absent where there is none. */
export async function resolveFileLink(
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
    if (await isFile(uri)) return uri.with({ fragment: fragment(link) });
  }
  return undefined;
}

/** Says that a link's file is not there, and where it was looked for. */
export function tellNotFound(link: FileLink, task: Task | undefined): void {
  const places = [task?.workdir, task?.projectRoot, vscode.l10n.t('the workspace folders')].filter(
    (place, at, all) => place !== undefined && all.indexOf(place) === at,
  );
  void showWarning(
    vscode.l10n.t('{0} was not found. It was looked for in {1}.', link.path, places.join(', ')),
  );
}

/**
 * The target of an OSC 8 link as a URI, where one may lead there: to the web, or to a file of this
 * machine below the task's directory, its project or a workspace folder. A program chooses what
 * such a link's text says, so it leads nowhere else.
 */
export function safeTarget(target: string, task: Task | undefined): vscode.Uri | undefined {
  let url: URL;
  try {
    url = new URL(target);
  } catch {
    return undefined;
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') return vscode.Uri.parse(url.href);
  const hosts = ['', 'localhost', os.hostname().toLowerCase()];
  if (url.protocol !== 'file:' || !hosts.includes(url.hostname)) return undefined;
  let uri: vscode.Uri;
  try {
    uri = vscode.Uri.from({ scheme: 'file', path: decodeURIComponent(url.pathname) });
  } catch {
    return undefined;
  }
  if (uri.path.includes('\0')) return undefined;
  const folders = [task?.workdir, task?.projectRoot, ...localFolders()];
  const isInside = folders.some((folder) => folder !== undefined && contains(folder, uri.fsPath));
  return isInside ? uri.with({ fragment: url.hash.slice(1) }) : undefined;
}

/** Whether a file, not a folder or a device, is there and can be read. */
export async function isFile(uri: vscode.Uri): Promise<boolean> {
  try {
    const { type } = await vscode.workspace.fs.stat(uri);
    return (type & vscode.FileType.File) !== 0;
  } catch (error) {
    if (error instanceof vscode.FileSystemError) return false;
    throw error;
  }
}

function localFolders(): string[] {
  return (vscode.workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === 'file')
    .map(({ uri }) => uri.fsPath);
}

function contains(folder: string, file: string): boolean {
  if (!path.isAbsolute(folder)) return false;
  const way = path.relative(folder, file);
  return way !== '' && !path.isAbsolute(way) && way.split(path.sep)[0] !== '..';
}

/** VS Code's own form of a position in a link: `L12,5` and `L12,5-L14,2`. */
function fragment({ line, column, endLine, endColumn }: FileLink): string {
  if (line === undefined) return '';
  const from = `L${line}${column === undefined ? '' : `,${column}`}`;
  if (endLine === undefined) return from;
  return `${from}-L${endLine}${endColumn === undefined ? '' : `,${endColumn}`}`;
}
