/**
 * Deletes the usual task of a storage, or brings it back, as another window would:
 * `trashChild.ts <storage> <layout> delete|undo|tend [<step>]`. Prints the outcome; with a step's
 * number it is killed right after that step instead.
 */
import { deleteTask } from '../../../src/persistence/deleteTask.ts';
import { systemTrash, type TrashSystem } from '../../../src/persistence/trash.ts';
import { tendTrash, undoDelete } from '../../../src/persistence/trashContents.ts';
import { pathsIn, taskId } from './support.ts';

const [, , storage = '', layout = '', action, last] = process.argv;
let steps = 0;
const system: TrashSystem = {
  ...systemTrash,
  step: () => {
    steps += 1;
    if (steps === Number(last)) process.kill(process.pid, 'SIGKILL');
  },
};

async function act(): Promise<unknown> {
  if (action === 'tend') return await tendTrash(storage, Number.POSITIVE_INFINITY, system);
  if (action === 'undo') {
    return await undoDelete(storage, `opencode.761e48ac259824c0.${taskId}`, system);
  }
  const paths = pathsIn(storage, layout === 'flat' ? 'flat' : 'directory');
  return await deleteTask(storage, 'opencode', paths, { system });
}

console.log(JSON.stringify(await act()));
