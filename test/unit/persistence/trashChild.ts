/**
 * Acts on the usual task of a storage, as another window would:
 * `trashChild.ts <storage> <layout> <action> [kill|pause <number> [<names of calls>]]`. Prints the
 * outcome; or is interrupted right before its so-many-th call that changes something.
 */
import { deleteTask } from '../../../src/persistence/deleteTask.ts';
import { markTaskDelivered } from '../../../src/persistence/deliver.ts';
import { stopNotifying } from '../../../src/persistence/stopNotifying.ts';
import { systemTrash } from '../../../src/persistence/trash.ts';
import { tendTrash, undoDelete } from '../../../src/persistence/trashContents.ts';
import { writeKillMarkerIfAbsent } from '../../../src/persistence/exitMarker.ts';
import { interruptBefore } from './interruption.ts';
import { pathsIn, trashEntry } from './support.ts';

const [, , storage = '', layout = '', action, how, number, names] = process.argv;
const paths = pathsIn(storage, layout === 'flat' ? 'flat' : 'directory');

const actions: Readonly<Record<string, () => unknown>> = {
  delete: () => deleteTask(storage, 'opencode', paths),
  deleteForGood: () => deleteTask(storage, 'opencode', paths, { keep: false }),
  undo: () => undoDelete(storage, trashEntry),
  tend: () => tendTrash(storage, Number.POSITIVE_INFINITY, laterTrash),
  tendForGood: () => tendTrash(storage, 0, laterTrash),
  deliver: () => markTaskDelivered(storage, 'opencode', paths),
  stopNotifying: () => stopNotifying(storage, 'opencode', paths),
  killMarker: () => {
    writeKillMarkerIfAbsent(paths);
  },
};

/** The next start takes a moment: a claim whose process was ended while it was written is none then. */
const laterTrash = { ...systemTrash, now: () => Date.now() + 5000 };

if (how === 'kill' || how === 'pause') interruptBefore(Number(number), how, names?.split(','));
console.log(JSON.stringify((await actions[action ?? '']?.()) ?? null));
