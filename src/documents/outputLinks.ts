import * as vscode from 'vscode';
import { LinkLines } from '../output/links/linkLines.ts';
import type { FileLink } from '../output/links/links.ts';
import type { Task } from '../store/task.ts';
import type { Storages } from '../worker/storages.ts';
import { Disposable } from '../vscode/disposable.ts';
import { outputScheme, parseOutputUri } from '../vscode/uris.ts';
import { followFileLink, followTarget, fragmentOf, safeTarget } from './fileLinks.ts';
import type { OutputDocuments } from './outputDocuments.ts';
import type { OutputLayout, PlacedSection } from './outputLayout.ts';

/** Lines between two looks at the cancellation token, so that a long document blocks nothing. */
const linesAtOnce = 2000;

/** What a link is resolved to when it is followed. */
interface Unresolved {
  readonly task: Task | undefined;
  /** A path in the text, or the target of an OSC 8 link to a file. */
  readonly leadsTo: FileLink | vscode.Uri;
}

type OutputDocumentLink = vscode.DocumentLink & Partial<Unresolved>;

/** A link that the program made itself, by line and column of the document. */
interface ProgramLink {
  readonly range: vscode.Range;
  readonly target: string;
}

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
    const layout = this.documents.get(document.uri)?.layoutOf(document);
    const programs = layout === undefined ? [] : programLinks(layout);
    const links = programs.flatMap((link) => documentLink(link, task) ?? []);
    if (layout !== undefined) links.push(...earlierLinks(document, layout));
    const taken = Map.groupBy(programs, ({ range }) => range.start.line);
    const lines = new LinkLines();
    for (let line = 0; line < document.lineCount; line += 1) {
      if (line % linesAtOnce === linesAtOnce - 1) {
        await new Promise((resolve) => setImmediate(resolve));
        if (token.isCancellationRequested) return [];
      }
      for (const link of lines.find(document.lineAt(line).text)) {
        if (link.kind !== 'file') continue;
        const range = new vscode.Range(line, link.start, line, link.end);
        const isTaken = (other: ProgramLink): boolean =>
          other.range.intersection(range) !== undefined;
        if (taken.get(line)?.some(isTaken) === true) continue;
        links.push(unresolved(range, { task, leadsTo: link }));
      }
    }
    return links;
  }

  async resolveDocumentLink(link: OutputDocumentLink): Promise<vscode.DocumentLink> {
    const { leadsTo } = link;
    if (leadsTo === undefined) return link;
    const target = await follow(leadsTo, link.task);
    // The reader has been told; of a link without a target VS Code would say so once more.
    if (target === undefined) throw new vscode.CancellationError();
    link.target = target;
    return link;
  }
}

async function follow(
  leadsTo: FileLink | vscode.Uri,
  task: Task | undefined,
): Promise<vscode.Uri | undefined> {
  if (leadsTo instanceof vscode.Uri) return await followTarget(leadsTo);
  const file = await followFileLink(leadsTo, task);
  return file?.with({ fragment: fragmentOf(leadsTo) });
}

function unresolved(range: vscode.Range, link: Unresolved): OutputDocumentLink {
  return Object.assign(new vscode.DocumentLink(range), link);
}

/** Pieces of one link that touch, since their colours differ, are one link. */
function programLinks({ sections }: OutputLayout): ProgramLink[] {
  const links: ProgramLink[] = [];
  for (const placed of sections.filter(({ section }) => section.spans.hasLinks)) {
    for (let line = placed.first; line <= placed.last; line += 1)
      addProgramLinks(links, placed, line);
  }
  return links;
}

function addProgramLinks(links: ProgramLink[], placed: PlacedSection, line: number): void {
  const { section, first } = placed;
  const { start, end } = section.lineOffsets(line - first);
  section.spans.visit(start, end, (spanStart, spanEnd, _style, target) => {
    if (target === undefined) return;
    const from = Math.max(spanStart, start) - start;
    const range = new vscode.Range(line, from, line, Math.min(spanEnd, end) - start);
    const before = links.at(-1);
    if (before?.target === target && before.range.end.isEqual(range.start)) {
      links[links.length - 1] = { target, range: before.range.union(range) };
    } else {
      links.push({ target, range });
    }
  });
}

function documentLink(
  { range, target }: ProgramLink,
  task: Task | undefined,
): OutputDocumentLink | undefined {
  const uri = safeTarget(target, task);
  if (uri === undefined) return undefined;
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
