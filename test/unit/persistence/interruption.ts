/** Interrupts this process right before a call that changes something: a file system or a database. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync, StatementSync } from 'node:sqlite';

/** How: `kill` ends it with SIGKILL; `pause` says so on stdout and stops it until it is told to go on. */
export type Interruption = 'kill' | 'pause';

type Method = (...args: unknown[]) => unknown;

/**
 * Names with content are changed by these. What is written into a file without a name of its own
 * yet makes no difference to anybody, but for a claim, which has its name from the beginning.
 */
const changes = [
  'openSync',
  'writeSync',
  'mkdirSync',
  'renameSync',
  'rmSync',
  'rmdirSync',
  'unlinkSync',
  'chmodSync',
] as const;

/** @param number counts from 1; the calls of these names do */
export function interruptBefore(
  number: number,
  how: Interruption,
  names: readonly string[] = [...changes, 'exec', 'run'],
): void {
  const { writeSync } = fs;
  let calls = 0;
  const interrupt = (): void => {
    calls += 1;
    if (calls !== number) return;
    if (how === 'pause') writeSync(1, 'paused\n');
    process.kill(process.pid, how === 'kill' ? 'SIGKILL' : 'SIGSTOP');
  };
  const wrap = (owner: object, name: string): void => {
    if (!names.includes(name)) return;
    const methods = owner as Record<string, Method>;
    const original = methods[name]!;
    methods[name] = function (this: unknown, ...args: unknown[]): unknown {
      if (name !== 'openSync' || isForWriting(args[1])) interrupt();
      return original.apply(this, args);
    };
  };
  for (const name of [...changes, 'fsyncSync']) wrap(fs, name);
  syncBuiltinESMExports();
  wrap(DatabaseSync.prototype, 'exec');
  wrap(StatementSync.prototype, 'run');
}

function isForWriting(flags: unknown): boolean {
  return typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : flags === 'wx';
}
