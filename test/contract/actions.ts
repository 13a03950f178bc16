import { deleteTask } from '../../src/persistence/deleteTask.ts';
import { markTaskDelivered } from '../../src/persistence/deliver.ts';
import type { Outcome } from '../../src/persistence/outcome.ts';
import { stopNotifying } from '../../src/persistence/stopNotifying.ts';
import { undoDelete } from '../../src/persistence/trashContents.ts';
import { killTask } from '../../src/process/kill.ts';
import { recordEnded } from '../../src/process/recordEnded.ts';
import type { TaskRequest } from '../../src/process/taskRequest.ts';

/** The commands that change a task. */
export const commands = [
  'kill',
  'delete',
  'undo',
  'markDelivered',
  'stopNotifying',
  'recordEnded',
] as const;
export type Command = (typeof commands)[number];

/**
 * Does to a task what the extension's worker does.
 * @param trashEntry where in the trash it is, for `undo`
 */
export function act(command: Command, request: TaskRequest, trashEntry = ''): Promise<Outcome> {
  const { storageDirectory, harness, paths } = request;
  switch (command) {
    case 'kill':
      return killTask({ ...request, note: { begin: () => undefined, end: () => undefined } });
    case 'delete':
      return deleteTask(storageDirectory, harness, paths);
    case 'undo':
      return undoDelete(storageDirectory, trashEntry);
    case 'markDelivered':
      return markTaskDelivered(storageDirectory, harness, paths);
    case 'stopNotifying':
      return stopNotifying(storageDirectory, harness, paths);
    case 'recordEnded':
      return recordEnded(request);
  }
}
