import * as vscode from 'vscode';
import type { OutputStream } from '../api.ts';
import type { CapturePlace } from '../output/outputText.ts';
import { isTaskId } from '../persistence/paths.ts';

/** The scheme of output documents. */
export const outputScheme = 'aft-output';

/**
 * The language of output documents: one without a grammar, so that nothing but what a program coloured
 * has a colour. package.json gives it to the names that `outputUri` makes, and turns off there what
 * an editor draws into a text by itself.
 */
export const outputLanguage = 'aft-output';

const streams: readonly OutputStream[] = ['output', 'stdout', 'stderr', 'pty'];

/** What an output document shows. */
export interface OutputTarget {
  /** The task's key. */
  readonly key: string;
  readonly taskId: string;
  readonly stream: OutputStream;
  /** It shows what the capture has around this place, and not the end. */
  readonly place?: CapturePlace;
}

/** `aft-output://<storage id>/<harness or _>/<session hash>/<task id>.<stream>.log` */
export function outputUri(key: string, stream: OutputStream): vscode.Uri {
  const [authority = '', ...path] = key.split('/');
  return vscode.Uri.from({
    scheme: outputScheme,
    authority,
    path: `/${path.join('/')}.${stream}.log`,
  });
}

/**
 * What an output document shows other than the end of its captures, in the query of its URI.
 * - `at=<byte>-<byte>`: what a capture has around this place.
 * - `normalised`: the document's text without times and durations, to compare.
 */
export type OutputForm = ({ readonly kind: 'at' } & CapturePlace) | { readonly kind: 'normalised' };

/** The URI of a document in another form. */
export function withForm(uri: vscode.Uri, form: OutputForm): vscode.Uri {
  return uri.with({ query: form.kind === 'at' ? `at=${form.start}-${form.end}` : form.kind });
}

/** The document that a URI's text is made of: another one only for what is normalised. */
export function sourceOf(uri: vscode.Uri): vscode.Uri {
  return formOf(uri)?.kind === 'normalised' ? uri.with({ query: '' }) : uri;
}

/** The form that a URI asks for; absent for the usual one. */
export function formOf({ query }: vscode.Uri): OutputForm | undefined {
  if (query === 'normalised') return { kind: 'normalised' };
  const [, start, end] = /^at=(\d{1,15})-(\d{1,15})$/.exec(query) ?? [];
  return start === undefined ? undefined : { kind: 'at', start: Number(start), end: Number(end) };
}

/** The reverse of `outputUri`; absent for a URI that it can't have made. */
export function parseOutputUri(uri: vscode.Uri): OutputTarget | undefined {
  if (uri.scheme !== outputScheme || !/^[0-9a-f]{8}$/.test(uri.authority)) return undefined;
  const [empty, harness, sessionHash, file, ...rest] = uri.path.split('/');
  if (empty !== '' || !harness || !sessionHash || !file || rest.length > 0) return undefined;
  const [taskId = '', stream, extension, ...more] = file.split('.');
  if (!isTaskId(taskId) || extension !== 'log' || more.length > 0) return undefined;
  if (!/^[0-9a-f]{16}$/.test(sessionHash)) return undefined;
  const known = streams.find((name) => name === stream);
  if (known === undefined) return undefined;
  const key = `${uri.authority}/${harness}/${sessionHash}/${taskId}`;
  const form = formOf(uri);
  if (form?.kind !== 'at') return { key, taskId, stream: known };
  // A place is in one capture.
  if (known === 'output') return undefined;
  return { key, taskId, stream: known, place: { start: form.start, end: form.end } };
}
