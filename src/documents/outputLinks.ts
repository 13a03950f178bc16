import * as vscode from 'vscode';
import { LinkLines } from '../output/links/linkLines.ts';
import type { Task } from '../store/task.ts';
import type { Storages } from '../worker/storages.ts';
import { Disposable } from '../vscode/disposable.ts';
import { outputScheme, parseOutputUri } from '../vscode/uris.ts';
import { followLink, safeTarget, type LinkTarget } from './fileLinks.ts';
import type { OutputDocuments } from './outputDocuments.ts';
import type { OutputLayout } from './outputLayout.ts';
import { overlap, programLinksOf, type ProgramLink } from './programLinks.ts';

/** Lines between two looks at the cancellation token, so that a long document blocks nothing. */
const linesAtOnce = 2000;

/** What a link is resolved to when it is followed. */
interface Unresolved {
  readonly task: Task | undefined;
  readonly leadsTo: LinkTarget;
}

type OutputDocumentLink = vscode.DocumentLink & Partial<Unresolved>;

/**
 * Links from output documents: to the files that they name, to what programs linked themselves
 * (OSC 8), and from a cut section's first line to what comes before it. The editor itself finds
 * URLs. Whether a file exists is asked only when a link is followed.
 */
export class OutputLinks extends Disposable implements vscode.DocumentLinkProvider {
  private readonly storages: Storages;
  private readonly documents: OutputDocuments;

  constructor(storages: Storages, documents: OutputDocuments) {
    super();
    this.storages = storages;
    this.documents = documents;
    this.register(vscode.languages.registerDocumentLinkProvider({ scheme: outputScheme }, this));
  }

  async provideDocumentLinks(
    document: vscode.TextDocument,
    token: vscode.CancellationToken,
  ): Promise<vscode.DocumentLink[]> {
    const target = parseOutputUri(document.uri);
    const task = target && this.storages.index.get(target.key);
    const output = this.documents.get(document.uri);
    const layout = output?.layoutOf(document);
    const programs = layout === undefined ? new Map<number, ProgramLink[]>() : programLinks(layout);
    const links = [...programs].flatMap(([line, found]) =>
      found.flatMap((link) => documentLink(line, link, task) ?? []),
    );
    if (layout !== undefined && output?.isExcerpt === false) {
      links.push(...earlierLinks(document, layout));
    }
    const lines = new LinkLines();
    for (let line = 0; line < document.lineCount; line += 1) {
      if (line % linesAtOnce === linesAtOnce - 1) {
        await new Promise((resolve) => setImmediate(resolve));
        if (token.isCancellationRequested) return [];
      }
      for (const link of lines.find(document.lineAt(line).text)) {
        if (link.kind !== 'file') continue;
        if (programs.get(line)?.some((program) => overlap(program, link)) === true) continue;
        const range = new vscode.Range(line, link.start, line, link.end);
        links.push(unresolved(range, { task, leadsTo: link }));
      }
    }
    return links;
  }

  async resolveDocumentLink(link: OutputDocumentLink): Promise<vscode.DocumentLink> {
    const { leadsTo } = link;
    if (leadsTo === undefined) return link;
    const target = await followLink(leadsTo, link.task);
    // The reader has been told; of a link without a target VS Code would say so once more.
    if (target === undefined) throw new vscode.CancellationError();
    link.target = target;
    return link;
  }
}

function unresolved(range: vscode.Range, link: Unresolved): OutputDocumentLink {
  return Object.assign(new vscode.DocumentLink(range), link);
}

/** By the document's line. */
function programLinks({ sections }: OutputLayout): Map<number, ProgramLink[]> {
  const byLine = new Map<number, ProgramLink[]>();
  for (const { section, first, last } of sections.filter(({ section }) => section.spans.hasLinks)) {
    for (let line = first; line <= last; line += 1) {
      const links = programLinksOf(section, line - first);
      if (links.length > 0) byLine.set(line, links);
    }
  }
  return byLine;
}

function documentLink(
  line: number,
  { start, end, target }: ProgramLink,
  task: Task | undefined,
): OutputDocumentLink | undefined {
  const uri = safeTarget(target, task);
  if (uri === undefined) return undefined;
  const range = new vscode.Range(line, start, line, end);
  if (uri.scheme === 'file') return unresolved(range, { task, leadsTo: uri });
  const link = new vscode.DocumentLink(range, uri);
  // The text may say anything: the reader is told where the link leads.
  link.tooltip = new URL(target).href;
  return link;
}

/** From the first line of a cut section. */
function earlierLinks(
  document: vscode.TextDocument,
  { sections }: OutputLayout,
): vscode.DocumentLink[] {
  return sections.flatMap(({ stream, cut }) => {
    if (cut === undefined || cut >= document.lineCount) return [];
    const query = encodeURIComponent(JSON.stringify([document.uri.toString(), stream]));
    const link = new vscode.DocumentLink(
      document.lineAt(cut).range,
      vscode.Uri.parse(`command:aftTasks.loadEarlier?${query}`),
    );
    link.tooltip = vscode.l10n.t('Load earlier output');
    return [link];
  });
}
