import assert from 'node:assert/strict';
import { resolveCandidates, type LinkBases } from '../../../src/output/links/linkCandidates.ts';

const onLinux: LinkBases = {
  workdir: '/work/app',
  projectRoot: '/work',
  folders: ['/other'],
  home: '/home/u',
  platform: 'linux',
};
const onWindows: LinkBases = {
  workdir: 'C:\\work\\app',
  projectRoot: 'C:\\work',
  folders: ['D:\\other'],
  home: 'C:\\Users\\u',
  platform: 'win32',
};

describe('link candidates', () => {
  const cases: [name: string, path: string, bases: LinkBases, candidates: string[]][] = [
    ['an absolute path is itself', '/a/x.ts', onLinux, ['/a/x.ts']],
    ['a relative one, in order', 'x.ts', onLinux, ['/work/app/x.ts', '/work/x.ts', '/other/x.ts']],
    ['dots', '../x.ts', onLinux, ['/work/x.ts', '/x.ts']],
    ['home', '~/x.ts', onLinux, ['/home/u/x.ts']],
    [
      'the prefixes of a git diff, after the path as it is',
      'b/x.ts',
      { ...onLinux, folders: [] },
      ['/work/app/b/x.ts', '/work/b/x.ts', '/work/app/x.ts', '/work/x.ts'],
    ],
    [
      'one directory once',
      'x.ts',
      { ...onLinux, folders: ['/work'] },
      ['/work/app/x.ts', '/work/x.ts'],
    ],
    [
      'no directory known',
      'x.ts',
      { ...onLinux, workdir: undefined, projectRoot: undefined, folders: [] },
      [],
    ],
    [
      'a relative directory',
      'x.ts',
      { ...onLinux, workdir: 'app', projectRoot: undefined, folders: [] },
      [],
    ],
    [
      'a Windows path in WSL',
      'C:\\a\\x.ts',
      { ...onLinux, workdir: undefined, projectRoot: undefined, folders: [] },
      ['/mnt/c/a/x.ts'],
    ],
    ['a NUL', '/a\0/x.ts', onLinux, []],
    ['a share', '//server/x.ts', onLinux, []],
    ['a device', '/dev/zero', onLinux, []],
    ['a device by dots', '../../dev/x.ts', onLinux, []],
    ['process files', '/proc/self/mem.x', onLinux, []],
    ['a drive', 'C:\\a\\x.ts', onWindows, ['C:\\a\\x.ts']],
    [
      'slashes on Windows',
      'a/x.ts',
      { ...onWindows, projectRoot: undefined, folders: [] },
      ['C:\\work\\app\\a\\x.ts', 'C:\\work\\app\\x.ts'],
    ],
    ['the directory’s drive', '\\a\\x.ts', onWindows, ['C:\\a\\x.ts', 'D:\\a\\x.ts']],
    ['home on Windows', '~\\x.ts', onWindows, ['C:\\Users\\u\\x.ts']],
    ['a WSL path on Windows', '/mnt/c/a/x.ts', onWindows, ['C:\\a\\x.ts']],
    ['a UNC path', '\\\\server\\share\\x.ts', onWindows, []],
    ['a UNC path with slashes', '//server/share/x.ts', onWindows, []],
    ['a device path', '\\\\.\\C:\\x.ts', onWindows, []],
    ['a device name', 'nul.ts', onWindows, []],
    ['a device name in a directory', 'C:\\a\\COM1', onWindows, []],
    ['an alternate stream', 'x.ts:stream', onWindows, []],
    [
      'a directory on a share',
      'x.ts',
      { ...onWindows, workdir: '\\\\server\\share', projectRoot: undefined, folders: [] },
      [],
    ],
  ];
  for (const [name, path, bases, candidates] of cases) {
    it(name, () => {
      assert.deepEqual(resolveCandidates(path, bases), candidates);
    });
  }
});
