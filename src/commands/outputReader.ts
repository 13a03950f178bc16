import * as vscode from 'vscode';
import type { Task } from '../store/task.ts';
import type { OutputWindow } from '../output/outputText.ts';
import { captureStreams } from '../persistence/capture.ts';
import type { CaptureStream } from '../persistence/record.ts';
import { UserError } from '../vscode/userError.ts';
import { taskName } from '../vscode/words.ts';
import type { Storages } from '../worker/storages.ts';

type StorageReader = NonNullable<ReturnType<Storages['callsFor']>>;

/** Views of commands have numbers of their own: below those of documents. */
let lastView = -1;

/** The streams that a task's natural output shows: those with content. */
export function writtenStreams(task: Task): readonly CaptureStream[] {
  return captureStreams(task.mode).filter((stream) => (task.captures[stream] ?? 0) > 0);
}

/** What reads a task's captures. Throws a UserError where its storage is not shown any more. */
export function callsOf(storages: Storages, task: Task): StorageReader {
  const calls = storages.callsFor(task.key);
  if (calls !== undefined) return calls;
  throw new UserError(
    vscode.l10n.t('The storage of {0} is not open. Refresh and try again.', taskName(task)),
  );
}

/** A capture's end as it is shown. Throws a UserError where its storage is not shown any more. */
export async function readEnd(
  storages: Storages,
  task: Task,
  stream: CaptureStream,
  window: OutputWindow,
): Promise<{ readonly text: string; readonly skippedBytes: number }> {
  const calls = callsOf(storages, task);
  lastView -= 1;
  const view = lastView;
  try {
    const { text, skippedBytes } = await calls.openOutput(view, task.key, stream, window);
    return { text, skippedBytes };
  } finally {
    void calls.closeOutput(view);
  }
}
