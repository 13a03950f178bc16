import { realpath } from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { resolveCandidates, type LinkBases } from '../output/links/linkCandidates.ts';
import { positionIn, splitPosition } from '../output/links/linkAddress.ts';
import type { FileLink } from '../output/links/links.ts';
import type { FilePosition } from '../output/links/linkSuffix.ts';
import type { Task } from '../store/task.ts';
import { showWarning } from '../vscode/messages.ts';

/** Of the files that have a name, as many are offered. */
const mostNamed = 50;
/** A column that no line has: editors take the line's end. */
const beyondLines = 1_000_000;

/** What a link leads to: a path in the text, or the target of an OSC 8 link to a file. */
export type LinkTarget = FileLink | vscode.Uri;

/** A link's target in words. */
export function labelOf(target: LinkTarget): string {
  if (target instanceof vscode.Uri) {
    return target.fragment === '' ? target.fsPath : `${target.fsPath}#${target.fragment}`;
  }
  const { path: file, line, column } = target;
  return [file, line, column].filter((part) => part !== undefined).join(':');
}

/**
 * The file that a link in a task's output leads to, with the place in it as VS Code's fragment
 * (`L12,5`). Says so where there is none.
 */
export async function followLink(
  target: LinkTarget,
  task: Task | undefined,
): Promise<vscode.Uri | undefined> {
  if (target instanceof vscode.Uri) return await followTarget(target, task);
  const file = await followFileLink(target, task);
  return file?.with({ fragment: fragmentOf(target) });
}

async function followFileLink(
  link: FileLink,
  task: Task | undefined,
): Promise<vscode.Uri | undefined> {
  const found = await existing(link.path, task);
  if (found !== undefined) return found;
  const named = await filesNamed(link.path);
  if (named.length === 0) tellNotFound(link.path, task);
  return named.length > 1 ? await pick(named) : named[0];
}

async function followTarget(
  uri: vscode.Uri,
  task: Task | undefined,
): Promise<vscode.Uri | undefined> {
  const { t } = vscode.l10n;
  const found = await existingTarget(uri, task);
  if (found === undefined) {
    void showWarning(t('There is no file {0}. It may have been deleted.', uri.fsPath));
    return undefined;
  }
  const [file, ...folders] = await Promise.all([found.fsPath, ...foldersOf(task)].map(realPath));
  if (file !== undefined && folders.some((folder) => folder && contains(folder, file)))
    return found;
  void showWarning(t('{0} leads out of the task’s folders: it is not opened.', found.fsPath));
  return undefined;
}

/** A position is behind the `#`, or else behind the path where no file has that name. */
async function existingTarget(
  uri: vscode.Uri,
  task: Task | undefined,
): Promise<vscode.Uri | undefined> {
  if (await isFile(uri)) {
    const position = positionIn(uri.fragment);
    return position === undefined ? uri : uri.with({ fragment: fragmentOf(position) });
  }
  const split = splitPosition(uri.path);
  if (split === undefined) return undefined;
  const file = uri.with({ path: split.path, fragment: fragmentOf(split.position) });
  return isOnThisMachine(file, task) && (await isFile(file)) ? file : undefined;
}

/** Without symbolic links; absent for what is not there. */
async function realPath(file: string): Promise<string | undefined> {
  try {
    return await realpath(file);
  } catch {
    return undefined;
  }
}

async function existing(written: string, task: Task | undefined): Promise<vscode.Uri | undefined> {
  for (const candidate of resolveCandidates(written, basesOf(task))) {
    const uri = vscode.Uri.file(candidate);
    if (await isFile(uri)) return uri;
  }
  return undefined;
}

function basesOf(task: Task | undefined): LinkBases {
  return {
    workdir: task?.workdir,
    projectRoot: task?.projectRoot,
    folders: localFolders(),
    home: os.homedir(),
    platform: process.platform,
  };
}

/** Java, `go test` and others write a file's name and not where it is. */
async function filesNamed(name: string): Promise<vscode.Uri[]> {
  if (/[\\/*?{}[\]!]/.test(name)) return [];
  return await vscode.workspace.findFiles(`**/${name}`, '**/node_modules/**', mostNamed);
}

async function pick(files: readonly vscode.Uri[]): Promise<vscode.Uri | undefined> {
  const items = files.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri }));
  const placeHolder = vscode.l10n.t('Several files have this name');
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.uri;
}

function tellNotFound(written: string, task: Task | undefined): void {
  const { t } = vscode.l10n;
  if (/^[\\/]{2}/.test(written)) {
    void showWarning(t('{0} is on another machine, or a device: it is not opened.', written));
    return;
  }
  const places = [task?.workdir, task?.projectRoot, t('the workspace folders')].filter(
    (place, at, all) => place !== undefined && all.indexOf(place) === at,
  );
  void showWarning(t('{0} was not found. It was looked for in {1}.', written, places.join(', ')));
}

/**
 * The target of an OSC 8 link as a URI, where one may lead there: to the web (by a command, where
 * VS Code would open a URI as another one), or to a file of this machine below the task's directory,
 * its project or a workspace folder. A program chooses what such a link's text says, so it leads
 * nowhere else.
 */
export function safeTarget(target: string, task: Task | undefined): vscode.Uri | undefined {
  let url: URL;
  try {
    url = new URL(target);
  } catch {
    return undefined;
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') return webTarget(url.href);
  const hosts = ['', 'localhost', os.hostname().toLowerCase()];
  if (url.protocol !== 'file:' || !hosts.includes(url.hostname)) return undefined;
  let uri: vscode.Uri;
  try {
    uri = vscode.Uri.from({ scheme: 'file', path: decodeURIComponent(url.pathname) });
  } catch {
    return undefined;
  }
  if (!isOnThisMachine(uri, task)) return undefined;
  const isInside = foldersOf(task).some((folder) => contains(folder, uri.fsPath));
  return isInside ? uri.with({ fragment: url.hash.slice(1) }) : undefined;
}

/** No share, no device, and nothing that is no path. */
function isOnThisMachine({ fsPath }: vscode.Uri, task: Task | undefined): boolean {
  return resolveCandidates(fsPath, basesOf(task)).length > 0;
}

/** VS Code opens a URI decoded, where `%2F` is `/`; but an address that a command is given, as it is. */
function webTarget(address: string): vscode.Uri {
  const uri = vscode.Uri.parse(address);
  if (encodeURI(uri.toString(true)) === address) return uri;
  const query = encodeURIComponent(JSON.stringify([address]));
  return vscode.Uri.from({ scheme: 'command', path: 'vscode.open', query });
}

/** Whether a file, not a folder or a device, is there and can be read. */
async function isFile(uri: vscode.Uri): Promise<boolean> {
  try {
    const { type } = await vscode.workspace.fs.stat(uri);
    return (type & vscode.FileType.File) !== 0;
  } catch (error) {
    if (error instanceof vscode.FileSystemError) return false;
    throw error;
  }
}

/** Where a program's own links may lead. */
function foldersOf(task: Task | undefined): string[] {
  return [task?.workdir, task?.projectRoot, ...localFolders()].filter(
    (folder) => folder !== undefined,
  );
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

/** VS Code's own form of a position in a link: `L12,5` and `L12,5-L14,2`. Last lines are whole. */
function fragmentOf({ line, column, endLine, endColumn }: FilePosition): string {
  if (line === undefined) return '';
  const start = column === undefined || column === 1 ? `L${line}` : `L${line},${column}`;
  return endLine === undefined ? start : `${start}-L${endLine},${endColumn ?? beyondLines}`;
}
