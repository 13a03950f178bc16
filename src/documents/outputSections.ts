import * as vscode from 'vscode';
import { Disposable } from '../vscode/disposable.ts';
import { outputScheme } from '../vscode/uris.ts';
import type { OutputDocuments } from './outputDocuments.ts';
import type { PlacedSection } from './outputLayout.ts';

/** The streams of a document as regions that fold, and as its outline. */
export class OutputSections
  extends Disposable
  implements vscode.FoldingRangeProvider, vscode.DocumentSymbolProvider
{
  private readonly documents: OutputDocuments;

  constructor(documents: OutputDocuments) {
    super();
    this.documents = documents;
    const selector = { scheme: outputScheme };
    this.register(vscode.languages.registerFoldingRangeProvider(selector, this));
    this.register(vscode.languages.registerDocumentSymbolProvider(selector, this));
  }

  provideFoldingRanges(document: vscode.TextDocument): vscode.FoldingRange[] {
    return this.sectionsOf(document).map(
      ({ heading, last }) => new vscode.FoldingRange(heading, last, vscode.FoldingRangeKind.Region),
    );
  }

  provideDocumentSymbols(document: vscode.TextDocument): vscode.DocumentSymbol[] {
    return this.sectionsOf(document).map(({ stream, heading, last }) => {
      const title = document.lineAt(heading).range;
      const range = title.union(document.lineAt(Math.min(last, document.lineCount - 1)).range);
      return new vscode.DocumentSymbol(
        stream,
        vscode.l10n.t('{0} lines', last - heading),
        vscode.SymbolKind.Namespace,
        range,
        title,
      );
    });
  }

  /** Those with a heading; none while an edit is under way: VS Code asks again after it. */
  private sectionsOf(
    document: vscode.TextDocument,
  ): readonly (PlacedSection & { readonly heading: number })[] {
    const layout = this.documents.get(document.uri)?.layoutOf(document);
    return (layout?.sections ?? []).filter(
      (section) => section.heading !== undefined,
    ) as readonly (PlacedSection & { readonly heading: number })[];
  }
}
