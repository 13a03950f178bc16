import { markTaskDelivered } from '../persistence/deliver.ts';
import { PersistenceError } from '../persistence/errors.ts';
import type { Outcome } from '../persistence/outcome.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import type { PersistedTask } from '../persistence/record.ts';
import { readTask } from '../persistence/taskFile.ts';
import { isServed } from './owners.ts';
import type { TaskRequest } from './taskRequest.ts';

/**
 * As `markTaskDelivered`, and says so where an AFT runs: 0.57.2 goes by its memory until it is
 * restarted, and tells its agent of an end that it has queued there.
 */
export async function markDelivered(
  request: Pick<TaskRequest, 'storageDirectory' | 'harness' | 'paths' | 'clock'>,
): Promise<Outcome> {
  const { storageDirectory, harness, paths, clock } = request;
  const before = attemptRead(paths);
  const outcome = await markTaskDelivered(storageDirectory, harness, paths);
  const isNew = outcome.done && before?.completionDelivered === false;
  if (!isNew || !isServed(storageDirectory, before, clock.now())) return outcome;
  const note =
    'The AFT that runs may tell its agent all the same: it goes by its memory until it is restarted.';
  return { ...outcome, note, message: `${outcome.message} ${note}` };
}

function attemptRead(paths: TaskPaths): PersistedTask | undefined {
  try {
    return readTask(paths);
  } catch (error) {
    if (!PersistenceError.is(error)) throw error;
    return undefined;
  }
}
