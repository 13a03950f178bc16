import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorCode, PersistenceError } from './errors.ts';

/**
 * How the temporary file beside the target is called.
 * - `seed`: `.<file>.tmp.<pid>.<task id>`, in the flat layout.
 * - `aft`: `.aft-tmp-<32 hex digits>`, in the directory layout.
 */
export type TempNaming = 'seed' | 'aft';

/** Who writes: in the names of its temporary files, by which they can be told from all others. */
export interface Writer {
  readonly pid: number;
  /** 16 hex digits, of this thread alone. */
  readonly token: string;
}

export const thisWriter: Writer = { pid: process.pid, token: randomBytes(8).toString('hex') };

/** What a write asks of the system; replaced in tests. */
export interface WriteSystem {
  readonly platform: NodeJS.Platform;
  /** Waits until a file's content, or a directory's names, are on the disk. */
  readonly sync: (fd: number) => void;
  readonly rename: (from: string, to: string) => void;
  readonly sleep: (milliseconds: number) => void;
}

export const systemWrites: WriteSystem = {
  platform: process.platform,
  // Looked up at each call: tests interrupt the system's own.
  sync: (fd) => {
    fsyncSync(fd);
  },
  rename: (from, to) => {
    renameSync(from, to);
  },
  sleep: (milliseconds) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  },
};

/** A file's new content, on the disk beside the file and not in its place yet. */
export interface PreparedWrite {
  /**
   * Puts it in place if what is there may still be replaced: that is asked with nothing but the
   * rename after it. Answers whether it did; where not, the new content is removed.
   */
  readonly place: (mayReplace: () => boolean) => boolean;
  /** Makes that last through a power cut, where the system can. */
  readonly sync: () => void;
  /** Removes it, where it is not in place. */
  readonly discard: () => void;
}

/**
 * Replaces a file's content: whoever reads it sees the old content or the new one, also after a
 * power cut. A missing parent directory is not made: it means that the bundle is gone. Throws a
 * PersistenceError.
 */
export function atomicWrite(
  path: string,
  content: string | Uint8Array,
  taskId: string,
  naming: TempNaming,
  system: WriteSystem = systemWrites,
): void {
  atomicWriteIf(() => true, path, content, taskId, naming, system);
}

/** As `atomicWrite`, if what is there may still be replaced; answers whether it was. */
export function atomicWriteIf(
  mayReplace: () => boolean,
  path: string,
  content: string | Uint8Array,
  taskId: string,
  naming: TempNaming,
  system: WriteSystem = systemWrites,
): boolean {
  const write = prepareWrite(path, content, taskId, naming, system);
  const isReplaced = write.place(mayReplace);
  if (isReplaced) write.sync();
  return isReplaced;
}

/** The first half of `atomicWrite`, which takes the longest. Throws a PersistenceError. */
export function prepareWrite(
  path: string,
  content: string | Uint8Array,
  taskId: string,
  naming: TempNaming,
  system: WriteSystem = systemWrites,
): PreparedWrite {
  const parent = dirname(path);
  const temp = join(
    parent,
    naming === 'aft' ? aftTempName() : seedTempName(basename(path), taskId),
  );
  const discard = (): void => {
    rmSync(temp, { force: true });
  };
  /** What fails leaves nothing behind. */
  const attempt = <T>(step: () => T): T => {
    try {
      return step();
    } catch (error) {
      discard();
      throw PersistenceError.from(error, path);
    }
  };
  attempt(() => {
    // What a crash has left under this name. Removing it, rather than writing into it, keeps a
    // link planted there from being followed.
    if (naming === 'seed') discard();
    const fd = openSync(temp, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      writeFileSync(fd, content);
      system.sync(fd);
    } finally {
      closeSync(fd);
    }
  });
  return {
    place: (mayReplace) => {
      const isPlaced = attempt(() => renameIf(mayReplace, temp, path, system));
      if (!isPlaced) discard();
      return isPlaced;
    },
    sync: () => {
      syncDirectory(parent, system);
    },
    discard,
  };
}

/**
 * Renames; on Windows again and again, for a few seconds, while a virus scanner or a reader keeps
 * one of the two open.
 */
export function rename(from: string, to: string, system: WriteSystem = systemWrites): void {
  renameIf(() => true, from, to, system);
}

function renameIf(
  mayRename: () => boolean,
  from: string,
  to: string,
  system: WriteSystem,
): boolean {
  for (let pause = 10; ; pause *= 2) {
    try {
      if (!mayRename()) return false;
      system.rename(from, to);
      return true;
    } catch (error) {
      const code = errorCode(error);
      const passing = code === 'EPERM' || code === 'EACCES' || code === 'EBUSY';
      // 10, 20, … 1280 ms: 2.5 seconds in all.
      if (system.platform !== 'win32' || !passing || pause > 1280) throw error;
      system.sleep(pause);
    }
  }
}

/** A name of AFT's own form for files and directories that are on their way in or out. */
export function aftTempName(): string {
  return `.aft-tmp-${thisWriter.token}${randomBytes(8).toString('hex')}`;
}

function seedTempName(fileName: string, taskId: string): string {
  return `.${fileName}.tmp.${thisWriter.pid}.${taskId.replace(/[^a-zA-Z0-9_-]/gu, '_')}`;
}

/** Is this the name of a temporary file of that writer, of either naming? */
export function isTempFileOf(name: string, { pid, token }: Writer): boolean {
  return (
    name.startsWith(`.aft-tmp-${token}`) ||
    /^\..+\.tmp\.(\d+)\.[\w-]+$/.exec(name)?.[1] === String(pid)
  );
}

/** Makes the rename itself last through a power cut, where the system can. */
export function syncDirectory(directory: string, system: WriteSystem = systemWrites): void {
  if (system.platform === 'win32') return;
  try {
    const fd = openSync(directory, constants.O_RDONLY);
    try {
      system.sync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // The new content is in place already, and some network file systems can't do this: failing
    // here would report a write that happened as one that did not.
  }
}
