/**
 * Marks a task as another window would: `markChild.ts <storage> <key> <layout> <journal> <mark>
 * <number>`. It is killed with SIGKILL right before its so-many-th call that changes something.
 */
import { join } from 'node:path';
import { markTaskDelivered } from '../../../src/persistence/deliver.ts';
import { bundlePaths } from '../../../src/persistence/paths.ts';
import { stopNotifying } from '../../../src/persistence/stopNotifying.ts';
import { ActionJournal } from '../../../src/process/actionJournal.ts';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import { interruptBefore } from '../persistence/interruption.ts';

const [, , storage = '', key = '', layout = '', journal = '', mark = '', number] = process.argv;
const [, , sessionHash = '', taskId = ''] = key.split('/');
const sessionDir = join(storage, 'opencode', 'bash-tasks', sessionHash);
const paths = bundlePaths(sessionDir, taskId, layout === 'flat' ? 'flat' : 'directory');

interruptBefore(Number(number), 'kill');
const marks = new ActionJournal(journal, hostProcessTable());
if (mark === 'delivered') {
  await marks.during(key, mark, () => markTaskDelivered(storage, 'opencode', paths));
} else {
  await marks.during(key, 'notNotified', () => stopNotifying(storage, 'opencode', paths));
}
