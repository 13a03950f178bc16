/**
 * Acts on a task as another window does, in a process of its own:
 * `otherWindow.ts <storage> <harness or _> <layout> <session directory> <task id> <command> [<trash entry>]`.
 * Says `ready`, acts when it is told anything, and prints the outcome.
 */
import { once } from 'node:events';
import { bundlePaths } from '../../src/persistence/paths.ts';
import { act, type Command } from './actions.ts';
import { requestFor } from './place.ts';

const [, , storage = '', harness, layout, sessionDir = '', taskId = '', command, trashEntry] =
  process.argv;
const paths = bundlePaths(sessionDir, taskId, layout === 'flat' ? 'flat' : 'directory');
const request = requestFor(storage, harness === '_' ? undefined : harness, paths);
console.log('ready');
await once(process.stdin, 'data');
const outcome = await act(command as Command, request, trashEntry);
console.log(JSON.stringify(outcome));
process.stdin.destroy();
