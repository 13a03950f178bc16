import { rmSync } from 'node:fs';
import { atomicWriteIf } from '../persistence/atomicWrite.ts';
import { prepareKillMarker, readExitMarker } from '../persistence/exitMarker.ts';
import type { Outcome } from '../persistence/outcome.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import { isTerminal, markTerminal } from '../persistence/record.ts';
import type { PersistedTask } from '../persistence/record.ts';
import { readTask, requireOwnSession } from '../persistence/taskFile.ts';
import { isOver } from './actionJournal.ts';
import { endedByItself, endGroup, notSignalled, taskGroup } from './endGroup.ts';
import { foreignStorage } from './host.ts';
import { alreadyEnded, killSurvivors } from './killSurvivors.ts';
import { agreeRow, byAft, recordedByAft, recordEnd, rowLater, type End } from './recordEnd.ts';
import { identityOf, placedIdentityOf, refusal, settle, untouched } from './taskRequest.ts';
import type { Ending, KillRequest, Refusal, TaskRequest } from './taskRequest.ts';

/** 128 + SIGKILL, which is what AFT writes. */
const killedExitCode = 137;
const statusReason = 'killed from AFT Task Explorer';

/**
 * Ends a task's processes and sees to it that the end is recorded: by AFT where one runs, else by
 * us, in a way that the AFT started next agrees with. Of a task that has ended, what it left behind
 * in its group is ended. Never rejects for an expected refusal.
 *
 * The order is the one that was tried with AFT 0.19.6 and 0.57.2: identity, exit marker, SIGTERM
 * at once (an AFT that sees the marker waits for the process, and answers nobody meanwhile),
 * SIGKILL, AFT's time to record, and only then our own record. Identity is checked before each
 * signal. A kill that was begun by someone (a `killing` record, or a marker that says `killed`)
 * and got stuck is carried on.
 */
export async function killTask(request: KillRequest): Promise<Outcome> {
  const outcome = await settle(request, 'was not killed', kill);
  if (isOver(outcome)) request.note.end();
  return outcome;
}

/**
 * Looks after a kill of ours that was cut off. Where its processes have ended the rest is done, as
 * `killTask` would have; nothing is signalled here. Absent: nothing is left to do or to say.
 */
export async function resumeKill(request: TaskRequest): Promise<Outcome | undefined> {
  const { paths } = request;
  let nothing = false as boolean;
  const outcome = await settle(request, 'was being killed when that was cut off', async () => {
    const task = readTask(paths);
    // Nothing was signalled before the marker was there.
    nothing = isTerminal(task) || readExitMarker(paths)?.kind !== 'killed';
    if (nothing) {
      const isOurs = isTerminal(task) && task.statusReason === statusReason;
      const { problem = '' } = isOurs ? await agreeRow(request, task) : {};
      nothing = problem === '';
      const words = `was killed, but ${problem}. ${rowLater}`;
      return { done: true, reason: 'row-not-updated', words };
    }
    const cutOff = 'was being killed when that was cut off';
    const foreign = foreignStorage(request.facts);
    // It was the task's when the kill was begun: what is gone here has ended, and what has its
    // number now is none of its.
    const identity = identityOf(request, task);
    const hasEnded = identity.kind === 'gone' || identity.kind === 'stranger';
    if (hasEnded && foreign === undefined) {
      return recordEnd(request, killEnd(request, `${cutOff}, and its processes have ended`));
    }
    const why =
      identity.kind === 'same'
        ? 'Its processes still run, and an AFT that runs waits for them'
        : `It can’t be told whether its processes have ended: ${foreign ?? identity.reason}`;
    return { done: false, reason: 'survivors', words: `${cutOff}. ${why}. Kill it again.` };
  });
  return nothing || outcome.reason === 'not-found' ? undefined : outcome;
}

function refused({ reason, why }: Refusal): Ending {
  return { done: false, reason, words: `was not killed: ${why}. ${untouched}` };
}

async function kill(request: KillRequest): Promise<Ending> {
  const { paths } = request;
  const task = readTask(paths);
  if (task.remote) return refused({ reason: 'remote', why: 'it runs on another machine' });
  requireOwnSession(paths, task);
  if (isTerminal(task)) return killSurvivors(request, task);
  const foreign = foreignStorage(request.facts);
  if (foreign !== undefined) return refused({ reason: 'unknown-process', why: foreign });
  const marker = readExitMarker(paths);
  const identity = placedIdentityOf(request, task);
  if (marker?.kind === 'code') return refused(endedByItself(marker.code));

  if (identity.kind === 'same') return endTask(request, task, marker !== undefined);
  if (identity.kind === 'gone') return finishGone(request, refusal(request, task, identity));
  return refused(refusal(request, task, identity));
}

/**
 * Goes by what the record and the marker say now that the processes are seen to be gone: another
 * window, or AFT, may have ended them in this very moment.
 */
async function finishGone(request: KillRequest, nothingToKill: Refusal): Promise<Ending> {
  const task = readTask(request.paths);
  if (isTerminal(task)) return alreadyEnded(task);
  const marker = readExitMarker(request.paths);
  if (marker?.kind === 'code') return refused(endedByItself(marker.code));
  if (marker !== undefined || task.status === 'killing') {
    return finishKill(request, marker !== undefined);
  }
  return refused(nothingToKill);
}

/** Ends the processes of a running task, from the exit marker to the record of the end. */
async function endTask(
  request: KillRequest,
  task: PersistedTask,
  isMarked: boolean,
): Promise<Ending> {
  const { paths, table, note } = request;
  const group = taskGroup(task, (known) => identityOf(request, task, known));
  // Asked first, so that no marker is written for processes that can't be signalled.
  const permission = table.signalGroup(group.pgid, 0);
  if (permission === 'gone' && !isMarked) {
    return finishGone(request, refusal(request, task, processGone));
  }
  if (permission === 'not-permitted' || permission === 'forbidden') {
    return refused(notSignalled(permission));
  }

  note.begin();
  const marker = isMarked ? undefined : prepareKillMarker(paths);
  let failure: Awaited<ReturnType<typeof endGroup>>;
  try {
    failure = await endGroup(request, group, marker);
  } finally {
    marker?.discard();
  }
  if (failure === undefined) return recordEnd(request, killEnd(request, 'was killed'));
  if ('outlived' in failure) return failure.outlived;
  if (marker?.isPlaced() === true) takeBackMarker(paths);
  const { unsignalled } = failure;
  if (unsignalled.reason === 'process-gone') return finishGone(request, unsignalled);
  return refused(unsignalled);
}

/** Carries on a kill whose processes have ended and whose record has not been written. */
async function finishKill(request: KillRequest, isMarked: boolean): Promise<Ending> {
  const { paths, onStep } = request;
  const end = killEnd(request, 'was being killed, and its processes have ended');
  if (!isMarked) {
    onStep('Its processes have ended: giving AFT time to record that');
    const ended = await recordedByAft(request);
    if (ended) return byAft(ended, end);
    // AFT 0.57.2 can't finish the kill of a task that it took over after a restart: it fails to
    // write the marker. All that was seen above may have changed meanwhile.
    const task = readTask(paths);
    const identity = placedIdentityOf(request, task);
    if (identity.kind === 'same') return endTask(request, task, false);
    if (identity.kind !== 'gone') return refused(refusal(request, task, identity));
    const marker = prepareKillMarker(paths);
    const placed = marker.place();
    if (placed.kind === 'code') return refused(endedByItself(placed.code));
    marker.sync();
  }
  return recordEnd(request, end);
}

/** @param words what has happened, where that is recorded as a kill */
function killEnd({ clock }: TaskRequest, words: string): End {
  return {
    words: ({ status }) => (status === 'killed' ? words : 'was signalled, and has ended'),
    record: (task) => markTerminal(task, 'killed', killedExitCode, statusReason, clock.now()),
  };
}

const processGone = { kind: 'gone', reason: 'its process has just ended by itself' } as const;

/** An AFT that sees `killed` waits for the process to end: it must not stay if nothing was signalled. */
function takeBackMarker(paths: TaskPaths): void {
  // The command may have ended meanwhile, and its exit code be there instead.
  const isThere = (): boolean => readExitMarker(paths)?.kind === 'killed';
  if (paths.layout === 'directory') atomicWriteIf(isThere, paths.exit, '', paths.taskId, 'aft');
  else if (isThere()) rmSync(paths.exit);
}
