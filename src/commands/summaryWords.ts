import * as vscode from 'vscode';
import type { Outcome, OutcomeReason } from '../persistence/outcome.ts';

/**
 * What became of an action on several tasks, grouped by reason: `3 killed; 2 already ended; 1 of
 * another user; 4 not begun.`
 * @param asked how many tasks it was asked for; those without an outcome were not begun
 * @param done what is said of those where it is done
 */
export function summaryWords(
  outcomes: readonly Outcome[],
  asked: number,
  done: (count: number) => string,
): string {
  const { t } = vscode.l10n;
  const finished = outcomes.filter((outcome) => outcome.done);
  const refused = Map.groupBy(
    outcomes.filter((outcome) => !outcome.done),
    ({ reason }) => refusalWords(reason),
  );
  const incomplete = finished.filter(({ reason }) => reason !== undefined).length;
  const left = asked - outcomes.length;
  const parts = [
    finished.length > 0 || outcomes.length === 0 ? done(finished.length) : '',
    incomplete > 0 ? t('{0} of these not wholly (see the log)', incomplete) : '',
    ...Array.from(refused, ([words, group]) => words(group.length)),
    left > 0 ? t('{0} not begun', left) : '',
  ];
  return `${parts.filter(Boolean).join('; ')}.`;
}

type CountWords = (count: number) => string;

/** One function for all reasons that are told alike, so that they make one group. */
function refusalWords(reason: OutcomeReason | undefined): CountWords {
  return reason === undefined ? words.failed : words[told[reason]];
}

const told: Readonly<Record<OutcomeReason, keyof typeof words>> = {
  'already-ended': 'ended',
  'process-gone': 'gone',
  'not-same-process': 'stranger',
  'other-user': 'otherUser',
  'unknown-process': 'unknown',
  remote: 'remote',
  survivors: 'survivors',
  'not-terminal': 'running',
  'not-found': 'absent',
  'already-there': 'present',
  busy: 'busy',
  'unsupported-schema': 'version',
  corrupt: 'failed',
  mismatch: 'failed',
  'unsafe-path': 'failed',
  io: 'failed',
  ambiguous: 'failed',
  'row-not-updated': 'failed',
  cancelled: 'cancelled',
};

const { t } = vscode.l10n;
const words = {
  ended: (count: number) => t('{0} already ended', count),
  gone: (count: number) => t('{0} without a process to end', count),
  stranger: (count: number) => t('{0} whose process number is another one’s now', count),
  otherUser: (count: number) => t('{0} of another user', count),
  unknown: (count: number) => t('{0} that can’t be told from here', count),
  remote: (count: number) => t('{0} on another machine', count),
  survivors: (count: number) => t('{0} with processes that are still there', count),
  running: (count: number) => t('{0} not ended', count),
  absent: (count: number) => t('{0} not there any more', count),
  present: (count: number) => t('{0} already there', count),
  busy: (count: number) => t('{0} in another window’s hands', count),
  version: (count: number) => t('{0} of an AFT version that is not changed', count),
  cancelled: (count: number) => t('{0} called off', count),
  failed: (count: number) => t('{0} failed', count),
};
