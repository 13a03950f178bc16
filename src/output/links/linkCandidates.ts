import { posix, win32 } from 'node:path';

/** What the paths in a task's output may be relative to. */
export interface LinkBases {
  readonly workdir: string | undefined;
  readonly projectRoot: string | undefined;
  /** Of the workspace. */
  readonly folders: readonly string[];
  readonly home: string | undefined;
  readonly platform: NodeJS.Platform;
}

/**
 * Absolute paths that a link may mean, the likeliest first: against the task's directory, its
 * project, the workspace folders; then without the `a/` or `b/` of a git diff. Paths are made by
 * programs that agents ran: none leads to another machine (a UNC path in a log would make the
 * reader's machine log in there), to a device, or has a NUL.
 */
export function resolveCandidates(path: string, bases: LinkBases): string[] {
  const isWindows = bases.platform === 'win32';
  if (path === '' || path.includes('\0') || /^[\\/]{2}/.test(path)) return [];
  const resolve = isWindows ? resolveOnWindows : resolveOnPosix;
  const candidates = new Set<string>();
  for (const written of isWindows ? [path] : posixForms(path)) {
    for (const candidate of resolve(written, bases)) candidates.add(candidate);
  }
  return [...candidates];
}

function resolveOnPosix(path: string, bases: LinkBases): string[] {
  return resolveForms(path, bases, posix).filter((found) => !/^\/(?:dev|proc|sys)\//.test(found));
}

function resolveOnWindows(path: string, bases: LinkBases): string[] {
  // `/mnt/c/x` is how WSL names `C:\x`.
  const wsl = /^\/mnt\/([a-z])\/(.*)$/.exec(path);
  const written = wsl === null ? path : `${(wsl[1] ?? '').toUpperCase()}:\\${wsl[2] ?? ''}`;
  return resolveForms(written, bases, win32).filter(
    (found) => /^[A-Za-z]:\\[^:]*$/.test(found) && !found.split('\\').some(isDeviceName),
  );
}

function resolveForms(path: string, bases: LinkBases, paths: typeof posix): string[] {
  const { home } = bases;
  if (/^~[\\/]/.test(path)) {
    return home !== undefined && paths.isAbsolute(home) ? [paths.join(home, path.slice(2))] : [];
  }
  // On Windows a path without a drive is on the drive of the directory.
  const needsBase = !paths.isAbsolute(path) || (paths === win32 && /^[\\/]/.test(path));
  if (!needsBase) return [paths.normalize(path)];
  const stripped = /^[ab][\\/](.+)$/.exec(path)?.[1];
  const directories = [bases.workdir, bases.projectRoot, ...bases.folders].filter(
    (directory) => directory !== undefined && paths.isAbsolute(directory),
  );
  return [path, stripped].flatMap((form) =>
    form === undefined ? [] : directories.map((directory) => paths.resolve(directory ?? '', form)),
  );
}

/** As it is; with slashes; and a Windows path as WSL mounts it. */
function posixForms(path: string): string[] {
  if (!path.includes('\\')) {
    const drive = /^([A-Za-z]):\/(.*)$/.exec(path);
    return drive === null ? [path] : [`/mnt/${(drive[1] ?? '').toLowerCase()}/${drive[2] ?? ''}`];
  }
  const slashed = path.replaceAll('\\', '/');
  return [path, ...posixForms(slashed)];
}

/** Windows opens a device under these names in any directory, with any extension. */
function isDeviceName(name: string): boolean {
  return /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]) *(?:\.|$)/i.test(
    name,
  );
}
