import type { TaskPaths } from '../../../src/persistence/paths.ts';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import { systemClock, type Clock, type TaskRequest } from '../../../src/process/taskRequest.ts';

/** Waits for nobody long: for tests in which no AFT runs. */
export const hurrying: Clock = {
  now: systemClock.now,
  sleep: (milliseconds) => systemClock.sleep(Math.min(milliseconds, 2)),
};

/** A request about a task of the `opencode` harness, with nothing replaced but the machine's facts. */
export function requestFor(storageDirectory: string, paths: TaskPaths): TaskRequest {
  return {
    storageDirectory,
    harness: 'opencode',
    paths,
    table: hostProcessTable(),
    facts: { container: undefined, network: undefined, mount: undefined, sandbox: false },
    uid: process.getuid?.(),
    clock: systemClock,
    onStep: () => undefined,
  };
}
