import * as vscode from 'vscode';
import { outputLanguage } from '../vscode/uris.ts';

/**
 * A document's text in UTF-8. Where the user's settings make VS Code take files for another encoding,
 * or guess it, a byte order mark says what it is; VS Code does not show it.
 */
export function encodeText(text: string): Uint8Array {
  const files = vscode.workspace.getConfiguration('files', { languageId: outputLanguage });
  const plain = files.get('encoding') === 'utf8' && files.get('autoGuessEncoding') !== true;
  return Buffer.from(plain ? text : `\ufeff${text}`, 'utf8');
}
