import type { Task } from '../store/task.ts';
import type { OutputWindow } from '../output/outputText.ts';
import { captureStreams } from '../persistence/capture.ts';
import type { CaptureStream } from '../persistence/record.ts';
import type { Storages } from '../worker/storages.ts';

/** Views of commands have numbers of their own: below those of documents. */
let lastView = -1;

/** The streams that a task's natural output shows: those with content. */
export function writtenStreams(task: Task): readonly CaptureStream[] {
  return captureStreams(task.mode).filter((stream) => (task.captures[stream] ?? 0) > 0);
}

/** A capture's end as it is shown. */
export async function readEnd(
  storages: Storages,
  task: Task,
  stream: CaptureStream,
  window: OutputWindow,
): Promise<{ readonly text: string; readonly skippedBytes: number }> {
  const calls = storages.callsFor(task.key);
  if (calls === undefined) return { text: '', skippedBytes: 0 };
  lastView -= 1;
  const view = lastView;
  try {
    const { text, skippedBytes } = await calls.openOutput(view, task.key, stream, window);
    return { text, skippedBytes };
  } finally {
    void calls.closeOutput(view);
  }
}
