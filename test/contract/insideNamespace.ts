/**
 * What the extension would see and do inside a process namespace of its own:
 * `insideNamespace.ts <storage> <task id>`. Prints it as JSON.
 */
import { taskPaths } from '../../src/persistence/paths.ts';
import { storageFacts } from '../../src/process/host.ts';
import { hostProcessTable } from '../../src/process/hostProcessTable.ts';
import { killTask } from '../../src/process/kill.ts';
import { recordEnded } from '../../src/process/recordEnded.ts';
import { systemClock } from '../../src/process/taskRequest.ts';
import { storageId } from '../../src/store/discovery.ts';
import { Store } from '../../src/store/store.ts';
import { sessionId } from './place.ts';

const [, , directory = '', taskId = ''] = process.argv;
// A store alone keeps no process alive.
const alive = setInterval(() => undefined, 1000);
const livenesses = new Set<string>();
const store = new Store(
  { id: storageId(directory), directory },
  {
    onChanges: ({ added, changed }) => {
      for (const task of [...added, ...changed]) livenesses.add(task.liveness);
    },
    onState: () => undefined,
    onLog: () => undefined,
  },
);
store.setVisible(true);
for (let look = 0; look < 2; look += 1) {
  await store.refresh();
  await systemClock.sleep(1600);
}
await store.dispose();
const request = {
  ...{ storageDirectory: directory, harness: 'opencode', clock: systemClock },
  ...{ paths: taskPaths(directory, sessionId, taskId), table: hostProcessTable() },
  ...{ facts: storageFacts(directory), uid: process.getuid?.(), onStep: () => undefined },
};
const note = { begin: () => undefined, end: () => undefined };
const outcomes = [await killTask({ ...request, note }), await recordEnded(request)];
clearInterval(alive);
console.log(
  JSON.stringify({
    livenesses: [...livenesses],
    outcomes: outcomes.map(({ reason }) => reason),
  }),
);
