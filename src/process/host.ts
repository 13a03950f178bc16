import { existsSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runCommand } from './runCommand.ts';
import type { RunCommand } from './runCommand.ts';

/** A mounted file system. */
export interface Mount {
  readonly mountPoint: string;
  readonly type: string;
  /** Can another machine have it too? */
  readonly network: boolean;
}

/** Where a storage is, as far as it matters for the processes that its records name. */
export interface StorageFacts {
  /** Why we seem to be in a container (another numbering of processes than outside). */
  readonly container: string | undefined;
  /** The file system's type, if another machine can have it too. */
  readonly network: string | undefined;
  /** The mount it is on, if that is not `/`. */
  readonly mount: string | undefined;
  /** Are we in a process namespace of our own on a root that others have, too (a sandbox)? */
  readonly sandbox: boolean;
}

/** The machine we are on. Tests replace it. */
export interface Host {
  readonly platform: NodeJS.Platform;
  /** Stands before `/proc` and the containers' marks. */
  readonly root: string;
  readonly run: RunCommand;
}

export const thisHost: Host = { platform: process.platform, root: '/', run: runCommand };

/** The facts about a directory, which need not exist yet. They hold until something is mounted. */
export function storageFacts(directory: string, host: Host = thisHost): StorageFacts {
  const path = realPath(directory);
  if (host.platform === 'win32') {
    // A network drive's letter has a real path of this form.
    const isUnc = [directory, path].some((name) => name.startsWith('\\\\'));
    return {
      container: undefined,
      network: isUnc ? 'UNC' : undefined,
      mount: undefined,
      sandbox: false,
    };
  }
  const mounted = mounts(host);
  const mount = mountOf(mounted, path);
  return {
    container: host.platform === 'linux' ? containerHint(host) : undefined,
    network: mount?.network === true ? mount.type : undefined,
    mount: mount === undefined || mount.mountPoint === '/' ? undefined : mount.mountPoint,
    sandbox: host.platform === 'linux' && isSandbox(host, mounted),
  };
}

/**
 * Why records in a storage may name processes of another machine or container, in words; undefined
 * where they are this one's.
 */
export function foreignStorage(facts: StorageFacts): string | undefined {
  if (facts.network !== undefined) {
    return `its storage is on a file system that other machines can have too (${facts.network})`;
  }
  if (facts.container !== undefined && facts.mount !== undefined) {
    return `this is a container, and its storage is on ${facts.mount}, which comes from outside`;
  }
  if (facts.sandbox) {
    return 'this is a sandbox with processes of its own, and its storage may be shared with others outside';
  }
  return undefined;
}

/** The initial PID namespace has a fixed number (`PROC_PID_INIT_INO`). */
const initialPidNamespace = 'pid:[4026531836]';

function containerHint({ root }: Host): string | undefined {
  for (const mark of [
    '.dockerenv',
    'run/.containerenv',
    'run/systemd/container',
    '.flatpak-info',
  ]) {
    if (existsSync(join(root, mark))) return `/${mark}`;
  }
  const namespace = pidNamespace(root);
  if (namespace !== undefined && namespace !== initialPidNamespace) return namespace;
  const cgroup = attempt(() => readFileSync(join(root, 'proc/1/cgroup'), 'utf8'));
  return /docker|containerd|kubepods|libpod|podman|crio|lxc|garden|buildkit/.exec(
    cgroup ?? '',
  )?.[0];
}

/**
 * A container gets a root and a `/proc` of its own. A sandbox keeps the root (`unshare`, `bwrap
 * --bind / /`), and lays its own `/proc` over the one that it came with.
 */
function isSandbox({ root }: Host, mounted: readonly Mount[]): boolean {
  const namespace = pidNamespace(root);
  if (namespace === undefined || namespace === initialPidNamespace) return false;
  return (
    mounted.filter(({ mountPoint, type }) => mountPoint === '/proc' && type === 'proc').length > 1
  );
}

function pidNamespace(root: string): string | undefined {
  return attempt(() => readlinkSync(join(root, 'proc/self/ns/pid')));
}

function mounts({ platform, root, run }: Host): Mount[] {
  if (platform === 'linux') {
    return parseMountInfo(
      attempt(() => readFileSync(join(root, 'proc/self/mountinfo'), 'utf8')) ?? '',
    );
  }
  return parseMountList(run('/sbin/mount', [], { LC_ALL: 'C' }).stdout);
}

/** Parses `/proc/self/mountinfo` (proc_pid_mountinfo(5)). */
export function parseMountInfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const fields = /^\d+ \d+ \S+ \S+ (\S+) .*? - (\S+) /.exec(line);
    if (!fields) return [];
    const [, mountPoint = '', type = ''] = fields;
    return [{ mountPoint: unescapeOctal(mountPoint), type, network: isNetworkType(type) }];
  });
}

/** Parses what macOS's `mount` prints: `<source> on <directory> (<type>, local, …)`. */
export function parseMountList(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const fields = /^.*? on (.*) \(([^()]*)\)$/.exec(line);
    if (!fields) return [];
    const [, mountPoint = '', options = ''] = fields;
    const [type = '', ...flags] = options.split(', ');
    return [{ mountPoint, type, network: !flags.includes('local') }];
  });
}

/** The mount that a path is on: the longest mount point above it, of equal ones the last. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const below = mount.mountPoint === '/' ? '/' : `${mount.mountPoint}/`;
    if (path !== mount.mountPoint && !path.startsWith(below)) continue;
    if (!best || mount.mountPoint.length >= best.mountPoint.length) best = mount;
  }
  return best;
}

const networkTypes = new Set([
  ...['nfs', 'nfs4', 'cifs', 'smb3', 'smbfs', 'ncpfs', 'afs', 'coda', 'davfs', 'acfs'],
  ...['ceph', 'glusterfs', 'lustre', 'beegfs', 'gpfs', 'orangefs', 'pvfs2', 'gfs2', 'ocfs2'],
  // A virtual machine's folders from its host; `9p` and `drvfs` are Windows' drives in WSL.
  ...['9p', 'drvfs', 'virtiofs', 'vboxsf', 'prl_fs', 'vmhgfs', 'hgfs', 'fakeowner'],
]);

/** File systems in user space that only lay local directories over each other, or encrypt them. */
const localFuseTypes = new Set(
  ['fuse-overlayfs', 'gocryptfs', 'encfs', 'cryfs', 'bindfs', 'mergerfs', 'unionfs', 'lxcfs'].map(
    (name) => `fuse.${name}`,
  ),
);

/** Is this type of file system one that several machines can have? In doubt, yes. */
export function isNetworkType(type: string): boolean {
  if (type === 'fuse' || type.startsWith('fuse.')) return !localFuseTypes.has(type);
  return networkTypes.has(type);
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The real path of a directory, as far as it exists. */
function realPath(directory: string): string {
  const real = attempt(() => realpathSync.native(directory));
  const parent = dirname(directory);
  if (real !== undefined || parent === directory) return real ?? directory;
  return join(realPath(parent), basename(directory));
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
