import { spawnSync } from 'node:child_process';

export interface CommandResult {
  /** Absent where the program could not be started, or was ended. */
  readonly status: number | undefined;
  readonly stdout: string;
  /** Why it could not be started, or what it wrote to stderr. */
  readonly problem: string;
}

/** Runs a program of the system, without a shell, and waits for it. */
export type RunCommand = (
  file: string,
  args: readonly string[],
  environment?: Readonly<Record<string, string>>,
) => CommandResult;

export const runCommand: RunCommand = (file, args, environment) => {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
    timeout: 10_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return { status: status ?? undefined, stdout, problem: error?.message ?? stderr.trim() };
};
