import { exitMarkerTime, readExitMarker, type ExitMarker } from '../persistence/exitMarker.ts';
import type { Outcome } from '../persistence/outcome.ts';
import { isTerminal, markTerminal, type PersistedTask } from '../persistence/record.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import { readTask, requireOwnSession } from '../persistence/taskFile.ts';
import { changedAt } from './changedAt.ts';
import { agreeRow, recordEnd, rowLater } from './recordEnd.ts';
import { howItEnded, placedIdentityOf, settle, untouched } from './taskRequest.ts';
import { foreignStorage } from './host.ts';
import { isStarting } from './liveness.ts';
import type { Ending, TaskRequest } from './taskRequest.ts';

/**
 * Records the end of a task whose process is gone and whose record says that it runs, as the AFT
 * that starts next would. Refused where the process lives, or where that can't be told. An AFT that
 * runs gets its time to do it itself. Never rejects for an expected refusal.
 */
export function recordEnded(request: TaskRequest): Promise<Outcome> {
  return settle(request, 'was not recorded as ended', async (own) => {
    const { paths, clock } = own;
    const task = readTask(paths);
    if (isTerminal(task)) {
      const { problem } = await agreeRow(own, task);
      const ended = `has already ended (${howItEnded(task)})`;
      return problem === undefined
        ? { done: false, reason: 'already-ended', words: `${ended}. Its record was not changed.` }
        : {
            done: false,
            reason: 'row-not-updated',
            words: `${ended}, but ${problem}. ${rowLater}`,
          };
    }
    requireOwnSession(paths, task);
    const captures = [paths.stdout, paths.stderr, paths.pty];
    const written = changedAt(captures);
    const refusal = whyNot(own, task);
    if (refusal !== undefined) return refusal;
    return recordEnd(own, {
      words: () => 'has ended',
      record: (current) => endOf(current, paths, clock.now()),
      obstacle: (current) =>
        whyNot(own, current) ?? (changedAt(captures) === written ? undefined : whoWrites(paths)),
    });
  });
}

function whyNot(request: TaskRequest, task: PersistedTask): Ending | undefined {
  if (task.remote) return refused('remote', 'it runs on another machine');
  const foreign = foreignStorage(request.facts);
  if (foreign !== undefined) return refused('unknown-process', foreign);
  if (isStarting(task, request.clock.now())) {
    return refused('unknown-process', 'it is just being started; try again in a moment');
  }
  const identity = placedIdentityOf(request, task);
  switch (identity.kind) {
    case 'gone':
    case 'stranger':
      return undefined;
    case 'unknown':
      return refused('unknown-process', identity.reason);
    case 'same':
    case 'other-user': {
      // The command's end is known, although it left processes behind.
      if (!identity.leader && readExitMarker(request.paths)?.kind === 'code') return undefined;
      return refused('not-terminal', `${identity.reason}, and lives. Kill it first`);
    }
  }
}

function refused(reason: Ending['reason'], why: string): Ending {
  return { done: false, reason, words: `was not recorded as ended: ${why}. ${untouched}` };
}

/** Who writes while AFT is given its time is not gone, wherever it is. */
function whoWrites(paths: TaskPaths): Ending | undefined {
  if (readExitMarker(paths) !== undefined) return undefined;
  return refused('unknown-process', 'its captures are being written to, so it may live elsewhere');
}

/** The end as AFT would record it: from the exit marker, or else as its replay does (0.57.2). */
function endOf(task: PersistedTask, paths: TaskPaths, now: number): PersistedTask {
  const marker = readExitMarker(paths);
  if (marker !== undefined) {
    // The command ended when the marker was written; never before the task began.
    const end = Math.max(task.startedAt, exitMarkerTime(paths) ?? now);
    return endByMarker(task, marker, end);
  }
  if (task.status === 'starting')
    return markTerminal(task, 'failed', undefined, 'spawn aborted', now);
  if (task.status === 'killing') {
    const reason = 'recovered from inconsistent killing state on replay';
    return markTerminal(task, 'killed', undefined, reason, now);
  }
  if (task.mode === 'pty') {
    return markTerminal(task, 'killed', undefined, 'pty_lost_on_bridge_restart', now);
  }
  if (task.schemaVersion < fateUnknownSchema) {
    const reason = 'process exited without exit marker';
    return markTerminal(task, 'failed', undefined, reason, now);
  }
  const reason = `task ${task.taskId}: daemon restarted, process fate unknown, last output at ${paths.stdout}`;
  return markTerminal(task, 'fate_unknown', undefined, reason, now);
}
const fateUnknownSchema = 6;

function endByMarker(task: PersistedTask, marker: ExitMarker, end: number): PersistedTask {
  if (marker.kind === 'killed') return markTerminal(task, 'killed', 137, undefined, end);
  const status = marker.code === 0 ? 'completed' : 'failed';
  return markTerminal(task, status, marker.code, undefined, end);
}
