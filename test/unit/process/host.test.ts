import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  foreignStorage,
  isNetworkType,
  mountOf,
  parseMountInfo,
  parseMountList,
  storageFacts,
  thisHost,
  type Host,
} from '../../../src/process/host.ts';

const mountInfo = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 27 0:40 / /home rw,relatime shared:5 - nfs4 server:/export/home rw,vers=4.2
31 27 0:41 / /mnt/c rw,noatime - 9p C:\\134 rw,dirsync
32 27 254:0 /var/lib/docker/volumes/v/_data /data rw,relatime master:1 - ext4 /dev/vda rw
33 27 0:42 / /mnt/with\\040space rw - fuse.sshfs me@host: rw
34 27 0:43 / /home/local rw - ext4 /dev/vdb rw
`;

describe('a storage’s place', () => {
  let root: string;
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'aft-host-')));
    write('proc/self/mountinfo', mountInfo);
    write('proc/1/cgroup', '0::/init.scope\n');
    symlinkSync('pid:[4026531836]', join(root, 'proc/self/ns-pid'));
    mkdirSync(join(root, 'proc/self/ns'));
    namespace('pid:[4026531836]');
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const namespace = (name: string): void => {
    rmSync(join(root, 'proc/self/ns/pid'), { force: true });
    symlinkSync(name, join(root, 'proc/self/ns/pid'));
  };
  const host = (): Host => ({ ...thisHost, platform: 'linux', root });
  const foreign = (directory: string): string | undefined =>
    foreignStorage(storageFacts(directory, host()));

  it('is this machine’s own on a local file system, on any mount', () => {
    assert.equal(foreign('/nowhere/aft'), undefined);
    assert.equal(foreign('/data/aft'), undefined);
    assert.equal(foreign('/home/local/aft'), undefined);
  });

  it('is foreign on a network file system', () => {
    assert.match(foreign('/home/me/.local/share/cortexkit/aft') ?? '', /nfs4/);
    assert.match(foreign('/mnt/c/Users/me/AppData/Local/cortexkit/aft') ?? '', /9p/);
    assert.match(foreign('/mnt/with space/aft') ?? '', /fuse\.sshfs/);
  });

  it('is foreign to a sandbox: a namespace with its own /proc over the one that it came with', () => {
    namespace('pid:[4026532198]');
    assert.equal(foreign('/nowhere/aft'), undefined);
    write('proc/self/mountinfo', `${mountInfo}63 22 0:39 / /proc rw,relatime - proc proc rw\n`);
    assert.match(foreign('/nowhere/aft') ?? '', /sandbox/);
    namespace('pid:[4026531836]');
    assert.equal(foreign('/nowhere/aft'), undefined);
  });

  const containers: Readonly<Record<string, () => void>> = {
    'Docker’s file': () => {
      write('.dockerenv', '');
    },
    'Podman’s file': () => {
      write('run/.containerenv', '');
    },
    'a process namespace of its own': () => {
      namespace('pid:[4026532198]');
    },
    'the control group of process 1': () => {
      write('proc/1/cgroup', '0::/system.slice/docker-0123.scope\n');
    },
  };
  for (const [mark, make] of Object.entries(containers)) {
    it(`is foreign in a container (${mark}) on a mount of its own, not on the container’s disk`, () => {
      make();
      assert.match(foreign('/data/aft') ?? '', /container.*\/data/);
      assert.equal(foreign('/nowhere/aft'), undefined);
    });
  }

  it('is judged by the real path, through links', () => {
    symlinkSync('/proc', join(root, 'link'));
    assert.equal(storageFacts(join(root, 'link', 'self'), host()).mount, '/proc');
  });

  it('is foreign on a Windows share', () => {
    const facts = storageFacts('\\\\server\\share\\aft', { ...thisHost, platform: 'win32' });
    assert.match(foreignStorage(facts) ?? '', /UNC/);
    const local = storageFacts(root, { ...thisHost, platform: 'win32' });
    assert.equal(foreignStorage(local), undefined);
  });

  it('is judged by mount’s list on macOS', () => {
    const run = () => ({
      status: 0,
      stdout: '/dev/disk3s1s1 on / (apfs, sealed, local)\n//me@nas/home on /srv (smbfs, nodev)\n',
      problem: '',
    });
    const mac = { ...thisHost, platform: 'darwin', run } as const;
    assert.match(foreignStorage(storageFacts('/srv/aft', mac)) ?? '', /smbfs/);
    assert.equal(foreignStorage(storageFacts('/Users/me', mac)), undefined);
  });

  it('can be found out on the machine that runs this', () => {
    assert.doesNotThrow(() => storageFacts(root));
  });
});

describe('mounts', () => {
  it('are parsed from mountinfo, with escapes', () => {
    const mounts = parseMountInfo(`${mountInfo}nonsense\n`);
    assert.equal(mounts.length, 7);
    assert.deepEqual(mounts[5], {
      mountPoint: '/mnt/with space',
      type: 'fuse.sshfs',
      network: true,
    });
  });

  it('are parsed from macOS’s list', () => {
    const list = `/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//me@nas/My on Share on /Volumes/My on Share (smbfs, nodev, nosuid, mounted by me)
`;
    assert.deepEqual(
      parseMountList(list).map(({ type, network }) => [type, network]),
      [
        ['apfs', false],
        ['autofs', true],
        ['smbfs', true],
      ],
    );
  });

  it('match whole names, the innermost first, of stacked ones the last', () => {
    const mounts = ['/', '/a', '/a/b', '/a/b'].map((mountPoint, index) => ({
      mountPoint,
      type: String(index),
      network: false,
    }));
    const type = (path: string) => mountOf(mounts, path)?.type;
    assert.deepEqual(['/', '/ab', '/a', '/a/c', '/a/b', '/a/b/c'].map(type), [
      ...['0', '0', '1', '1', '3', '3'],
    ]);
    assert.equal(mountOf([], '/a'), undefined);
  });

  it('count as shared with other machines in doubt', () => {
    for (const type of ['nfs', 'cifs', 'smb3', 'fuse.rclone', 'fuse', 'virtiofs', 'ceph']) {
      assert(isNetworkType(type), type);
    }
    for (const type of ['ext4', 'btrfs', 'overlay', 'tmpfs', 'fuseblk', 'fuse.fuse-overlayfs']) {
      assert(!isNetworkType(type), type);
    }
  });
});
