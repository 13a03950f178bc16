import type { PartialTask } from './record.ts';

/** What kind of trouble a record, marker or path is in. */
export type PersistenceReason =
  'not-found' | 'unsupported-schema' | 'corrupt' | 'mismatch' | 'unsafe-path' | 'io';

interface Circumstances {
  readonly path?: string | undefined;
  readonly partial?: PartialTask | undefined;
  readonly cause?: unknown;
}

/** A failure to read or write a task's files, in words for the user. */
export class PersistenceError extends Error {
  readonly reason: PersistenceReason;
  /** The file or directory in question; absent where only a text was read. */
  readonly path: string | undefined;
  /** What could be read of a record that can't be used as a whole: for display only. */
  readonly partial: PartialTask | undefined;

  constructor(reason: PersistenceReason, message: string, circumstances: Circumstances = {}) {
    super(message, circumstances.cause === undefined ? {} : { cause: circumstances.cause });
    this.name = 'PersistenceError';
    this.reason = reason;
    this.path = circumstances.path;
    this.partial = circumstances.partial;
  }

  static is(error: unknown): error is PersistenceError {
    return error instanceof PersistenceError;
  }

  /** There is nothing at a path. */
  static gone(path: string, cause?: unknown): PersistenceError {
    return new PersistenceError('not-found', `There is no ${path}.`, { path, cause });
  }

  /** Whatever a file system call threw, as one of ours. */
  static from(error: unknown, path: string): PersistenceError {
    if (error instanceof PersistenceError) return error;
    const code = errorCode(error);
    const circumstances = { path, cause: error };
    if (code === 'ENOENT') return PersistenceError.gone(path, error);
    if (code === 'ENOTDIR' || code === 'ELOOP') {
      return new PersistenceError(
        'unsafe-path',
        `${path} is, or leads through, a symbolic link or a file where a directory belongs; it was not touched.`,
        circumstances,
      );
    }
    if (code === 'EACCES' || code === 'EPERM') {
      return new PersistenceError(
        'io',
        `Permission denied for ${path} (${code}). Check its owner and mode.`,
        circumstances,
      );
    }
    return new PersistenceError('io', `${path}: ${errorText(error)}`, circumstances);
  }
}

/** The system's name of an error (`ENOENT` …), where it has one. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
