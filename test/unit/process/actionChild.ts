/**
 * Acts on a task as another window would, in a process of its own:
 * `actionChild.ts <storage> <task id> <layout> <journal> kill|deliver [<step>]`. Prints the outcome;
 * with a step's number it is killed with SIGKILL right before that step instead, with `trace` it
 * prints the steps. A step is a call that changes something: a file, a database, a process.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import { markTaskDelivered } from '../../../src/persistence/deliver.ts';
import type { Outcome } from '../../../src/persistence/outcome.ts';
import { bundlePaths, hashSession } from '../../../src/persistence/paths.ts';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import { killTask } from '../../../src/process/kill.ts';
import { ActionJournal } from '../../../src/process/actionJournal.ts';
import { hurrying, requestFor } from './actionSupport.ts';

const [, , storage = '', taskId = '', layout = '', journal = '', action, last] = process.argv;

const steps: string[] = [];
const kill = process.kill.bind(process);
function step(name: string, args: readonly unknown[]): void {
  const which = args.findLast((argument) => typeof argument === 'string') ?? '';
  steps.push(`${name} ${basename(which)}`.trim());
  if (steps.length === Number(last)) kill(process.pid, 'SIGKILL');
}

type Method = (...args: never[]) => unknown;
function stepBefore(owner: object, name: string, counts: (args: unknown[]) => boolean): void {
  const methods = owner as Record<string, Method>;
  const original = methods[name]!;
  methods[name] = function (this: unknown, ...args: never[]): unknown {
    if (counts(args)) step(name, args);
    return original.apply(this, args);
  };
}
const always = (): boolean => true;
for (const name of ['mkdirSync', 'writeFileSync', 'fsyncSync', 'renameSync', 'rmSync']) {
  stepBefore(fs, name, always);
}
syncBuiltinESMExports();
stepBefore(DatabaseSync.prototype, 'exec', always);
stepBefore(StatementSync.prototype, 'run', always);
stepBefore(process, 'kill', ([, signal]) => signal !== 0);

const sessionDir = join(storage, 'opencode', 'bash-tasks', hashSession('ses_fixture'));
const paths = bundlePaths(sessionDir, taskId, layout === 'flat' ? 'flat' : 'directory');

async function act(): Promise<Outcome> {
  if (action === 'deliver') return markTaskDelivered(storage, 'opencode', paths);
  const note = new ActionJournal(journal, hostProcessTable()).note(`00000000/${taskId}`, 'kill');
  return killTask({ ...requestFor(storage, paths), clock: hurrying, note });
}

const outcome = await act();
console.log(JSON.stringify(last === 'trace' ? steps : outcome));
