import { updateRow } from '../persistence/database.ts';
import { PersistenceError } from '../persistence/errors.ts';
import type { PersistedTask } from '../persistence/record.ts';
import { emptyLiveDescendants, requireOwnSession } from '../persistence/taskFile.ts';
import { endGroup, taskGroup } from './endGroup.ts';
import { foreignStorage } from './host.ts';
import { identifySurvivors } from './identity.ts';
import { lookUp } from './processTable.ts';
import { howItEnded, refusal, type Ending, type Refusal, type TaskRequest } from './taskRequest.ts';

/**
 * Ends what a task that has ended left behind in its group, as AFT's kill of such a task does. The
 * record's `live_descendants` are emptied, in the row too, as AFT 0.57.2 does; nothing else changes.
 */
export async function killSurvivors(request: TaskRequest, task: PersistedTask): Promise<Ending> {
  const foreign = foreignStorage(request.facts);
  if (foreign !== undefined) return alreadyEnded(task);
  const group = () => identifySurvivors(task, lookUp(request.table, [task]), request.uid);
  const identity = group();
  if (identity.kind === 'gone' || identity.kind === 'stranger') return alreadyEnded(task);
  if (identity.kind !== 'same') return refused(task, refusal(request, task, identity));
  const failure = await endGroup(request, taskGroup(task, group));
  if (failure === undefined) return recordNoneLeft(request);
  return 'outlived' in failure ? failure.outlived : refused(task, failure.unsignalled);
}

function alreadyEnded(task: PersistedTask): Ending {
  return {
    done: false,
    reason: 'already-ended',
    words: `has already ended (${howItEnded(task)}). Nothing was signalled.`,
  };
}

function refused(task: PersistedTask, { reason, why }: Refusal): Ending {
  return {
    done: false,
    reason,
    words: `has already ended (${howItEnded(task)}), and what may be left of it was not ended: ${why}. Nothing was signalled.`,
  };
}

async function recordNoneLeft(request: TaskRequest): Promise<Ending> {
  const { storageDirectory, harness, paths } = request;
  const words = 'had already ended; the processes that it left behind have ended now';
  try {
    const written = emptyLiveDescendants(paths);
    if (written === undefined) return { done: true, reason: undefined, words: `${words}.` };
    requireOwnSession(paths, written);
    const row = await updateRow(storageDirectory, harness, paths, written);
    if (row.problem === undefined) return { done: true, reason: undefined, words: `${words}.` };
    return {
      done: true,
      reason: 'row-not-updated',
      words: `${words}, but ${row.problem}. AFT may go on listing them.`,
    };
  } catch (error) {
    if (!PersistenceError.is(error)) throw error;
    return {
      done: true,
      reason: error.reason,
      words: `${words}. That could not be recorded: ${error.message}`,
    };
  }
}
