import type { PersistenceReason } from './errors.ts';

/** Why an action on a task was refused, or is incomplete. Tests and callers match on this, never on text. */
export type OutcomeReason =
  | PersistenceReason
  /** The name fits more than one task. */
  | 'ambiguous'
  /** The action needs a task that has ended. */
  | 'not-terminal'
  /** Something of the task's id is there (again). */
  | 'already-there'
  /** Another window is at work on the task. */
  | 'busy'
  /** The action needs a task that goes on. */
  | 'already-ended'
  /** The recorded process is gone; nothing was signalled. */
  | 'process-gone'
  /** The pid or group in the record belongs to another process now; nothing was signalled. */
  | 'not-same-process'
  /** The process belongs to another user. */
  | 'other-user'
  /** It can't be told from here whether the process is the task's (other host or container). */
  | 'unknown-process'
  /** The task runs on another machine. */
  | 'remote'
  /** Signals were sent, and processes are still there. */
  | 'survivors'
  /** The files are done; AFT's database row is not (why is in the message). */
  | 'row-not-updated'
  /** The user said no. */
  | 'cancelled';

/** What became of an action on one task. `message` is in words for the user. */
export interface Outcome {
  readonly done: boolean;
  /** With `done: true`: the part that is missing. */
  readonly reason: OutcomeReason | undefined;
  readonly message: string;
  /** A sentence of the message that holds alike for others: of several tasks, it is said once. */
  readonly note?: string;
  /** For the log: errors, system calls, steps. Never shown in a message. */
  readonly details: string | undefined;
}
