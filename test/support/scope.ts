import { constants } from 'node:os';
import { say } from './say.ts';

/**
 * Runs a program that starts other things. What it starts it puts into the scope, as soon as it is
 * started; all of it is ended, last first, when `main` is done, has failed, or a signal asks for it.
 * The result is the exit code.
 */
export async function runInScope(
  main: (scope: AsyncDisposableStack) => Promise<number>,
  onSignal: (signal: NodeJS.Signals) => number = (signal) => 128 + constants.signals[signal],
): Promise<never> {
  const scope = new AsyncDisposableStack();
  let code: number;
  try {
    code = await Promise.race([main(scope), signalled().then(onSignal), uncaught()]);
  } catch (error) {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    code = 1;
  }
  try {
    await scope.disposeAsync();
  } catch (error) {
    say(`Not everything could be ended: ${String(error)}`);
    code ||= 1;
  }
  process.exit(code);
}

/**
 * Resolves with the first signal; the loss of our parent counts as one. Goes on listening: a second
 * Ctrl-C must not cut the ending short.
 */
function signalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve);
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent) resolve('SIGHUP');
    }, 500).unref();
  });
}

/** Rejects with what nobody caught, so that even then everything is ended. */
function uncaught(): Promise<never> {
  return new Promise((_, reject) => {
    process.on('uncaughtException', reject);
  });
}
