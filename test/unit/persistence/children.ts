import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Outcome } from '../../../src/persistence/outcome.ts';
import type { Layout } from '../../../src/persistence/record.ts';
import { childEnvironment } from '../../support/compileCache.ts';
import type { Interruption } from './interruption.ts';

/** Another window's process. */
export interface Child {
  readonly process: ChildProcess;
  /** Resolves when it has stopped itself, or has ended without that. */
  readonly paused: Promise<void>;
  /** Lets a process that has stopped itself go on. */
  readonly resume: () => void;
  /** Absent where it was killed. */
  readonly outcome: Promise<Outcome | undefined>;
}

/** Starts `trashChild.ts`: see there. */
export function startChild(
  storage: string,
  layout: Layout,
  action: string,
  how?: Interruption,
  call?: number,
  calls?: readonly string[],
): Child {
  const script = join(import.meta.dirname, 'trashChild.ts');
  const interruption = how === undefined ? [] : [how, String(call)];
  const args = [script, storage, layout, action, ...interruption];
  if (calls !== undefined) args.push(calls.join(','));
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: childEnvironment(),
  });
  const lines: string[] = [];
  const ended = once(child, 'close');
  const paused = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'paused') resolve();
      else lines.push(line);
    });
    void ended.then(() => {
      resolve();
    });
  });
  const outcome = ended.then(() => {
    if (child.signalCode === 'SIGKILL') return undefined;
    assert.equal(child.exitCode, 0);
    return JSON.parse(lines.join('')) as Outcome;
  });
  const resume = (): void => {
    // It says that it is paused right before it is.
    const again = setInterval(() => child.kill('SIGCONT'), 5);
    void ended.then(() => {
      clearInterval(again);
    });
  };
  return { process: child, paused, resume, outcome };
}
