import * as vscode from 'vscode';
import type { OutputStream } from '../api.ts';
import { isTaskId } from '../persistence/paths.ts';

/** The scheme of output documents. */
export const outputScheme = 'aft-output';

const streams: readonly OutputStream[] = ['output', 'stdout', 'stderr', 'pty'];

/** What an output document shows. */
export interface OutputTarget {
  /** The task's key. */
  readonly key: string;
  readonly taskId: string;
  readonly stream: OutputStream;
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
  return { key: `${uri.authority}/${harness}/${sessionHash}/${taskId}`, taskId, stream: known };
}
