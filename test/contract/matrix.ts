import type { AftVersion } from '../support/cache.ts';
import { commands, type Command } from './actions.ts';

/** `alive`: the AFT that started the task runs. `adopted`: another one, started later. `down`: none. */
const situations = ['alive', 'adopted', 'down'] as const;
export type Situation = (typeof situations)[number];

/** What AFT makes of a task; `flat`: a record of schema 4, which 0.57.2 reads and does not make. */
const kinds = ['pipes', 'pty', 'flat'] as const;
export type Kind = (typeof kinds)[number];

/**
 * What the task is like when the command is given.
 * - `plain`, `deaf` (to SIGTERM), `tree` (of processes): it runs.
 * - `ended`; `left behind`: it has ended, and processes of its group have not.
 * - `dead`: its record says that it runs, and its processes are gone.
 * - `stranger`, `reused group`: its record names a process, or a group without a leader, of others.
 */
export type Subject =
  'plain' | 'deaf' | 'tree' | 'ended' | 'left behind' | 'dead' | 'stranger' | 'reused group';

/** By the command; two windows give it at once for the first of them. */
const subjects: Readonly<Record<Command, readonly [Subject, ...Subject[]]>> = {
  kill: ['plain', 'deaf', 'tree', 'left behind', 'stranger', 'reused group'],
  delete: ['ended'],
  undo: ['ended'],
  markDelivered: ['ended'],
  stopNotifying: ['plain'],
  recordEnded: ['dead', 'stranger'],
};

export interface Combination {
  readonly version: AftVersion;
  readonly situation: Situation;
  readonly kind: Kind;
  readonly command: Command;
  readonly subject: Subject;
  /** How many windows give the command at once. */
  readonly windows: 1 | 2;
}

export function allCombinations(): Combination[] {
  return commands.flatMap((command) =>
    subjects[command].flatMap((subject, at) =>
      (at === 0 ? ([1, 2] as const) : ([1] as const)).flatMap((windows) =>
        situations
          .flatMap((situation) => [
            ...kinds.map((kind) => ({ version: '0.57.2' as const, situation, kind })),
            { version: '0.19.6' as const, situation, kind: 'pipes' as const },
          ])
          .map((place) => ({ ...place, command, subject, windows }))
          .filter(canBe),
      ),
    ),
  );
}

function canBe({ situation, kind, command, subject }: Combination): boolean {
  // An AFT does not start flat tasks: it can only find them.
  if (kind === 'flat' && situation === 'alive') return false;
  // An AFT that runs does not go by the record.
  return command !== 'recordEnded' || subject !== 'stranger' || situation === 'down';
}

/** Everything in each situation once or twice, by turns of another kind and binary. */
export function aThird(all: readonly Combination[]): Combination[] {
  const rows = Map.groupBy(all, ({ command, subject, windows, situation }) =>
    [command, subject, windows, situation].join(' '),
  );
  return Array.from(rows.values()).flatMap((row, at) => {
    const taken = [at, ...(at % 3 === 0 ? [at + 2] : [])].map((index) => index % row.length);
    return row.filter((_, index) => taken.includes(index));
  });
}

export function nameOf(combination: Combination): string {
  const { version, situation, kind, command, subject, windows } = combination;
  const by = windows === 1 ? '' : ', by two windows at once';
  return `${command}: ${subject}, ${kind}, ${version} ${situation}${by}`;
}

/** Does the task run when it is started, and go on until it is ended? */
export function runs({ subject }: Combination): boolean {
  return subject !== 'ended' && subject !== 'left behind';
}

/** Combinations that share a storage and its AFTs; AFT runs at most eight tasks at once. */
export function inGroups(all: readonly Combination[]): Combination[][] {
  const places = Map.groupBy(
    all,
    ({ version, situation, kind }) => `${version} ${situation} ${String(kind === 'flat')}`,
  );
  return Array.from(places.values()).flatMap((of) => {
    const count = Math.ceil(of.filter(runs).length / mostRunning);
    const groups = Array.from({ length: Math.max(1, count) }, (): Combination[] => []);
    const [running, ended] = [of.filter(runs), of.filter((combination) => !runs(combination))];
    // Those whose record waits for a dead AFT to be forgotten wait together.
    running.sort(
      (a, b) => Number(b.command === 'recordEnded') - Number(a.command === 'recordEnded'),
    );
    for (const [at, combination] of running.entries()) {
      groups[Math.floor(at / mostRunning)]?.push(combination);
    }
    for (const [at, combination] of ended.entries()) groups[at % groups.length]?.push(combination);
    return groups;
  });
}
const mostRunning = 7;
