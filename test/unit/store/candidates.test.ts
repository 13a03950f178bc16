import assert from 'node:assert/strict';
import { storageCandidates, type Surroundings } from '../../../src/store/candidates.ts';

function paths(surroundings: Partial<Surroundings>): string[] {
  return storageCandidates({
    directories: [],
    environment: {},
    home: '/home/ann',
    platform: 'linux',
    ...surroundings,
  }).map(({ path }) => path);
}

describe('storage candidates', () => {
  it('are the home directory and the legacy roots where the environment says nothing', () => {
    assert.deepEqual(paths({}), [
      '/home/ann/.local/share/cortexkit/aft',
      '/home/ann/.cache/aft',
      '/home/ann/.local/share/opencode/storage/plugin/aft',
      '/home/ann/.pi/agent/aft',
    ]);
  });

  it('are the same on macOS, which has no other data home', () => {
    assert.deepEqual(
      paths({ platform: 'darwin', home: '/Users/ann' })[0],
      '/Users/ann/.local/share/cortexkit/aft',
    );
  });

  it('have every rung of the ladder, AFT_STORAGE_DIR first', () => {
    const environment = {
      XDG_DATA_HOME: '/data',
      AFT_CACHE_DIR: '/cache',
      AFT_STORAGE_DIR: '/storage',
      XDG_CACHE_HOME: '/ignored',
      LOCALAPPDATA: '/only/windows',
    };
    assert.deepEqual(paths({ environment }).slice(0, 5), [
      '/storage',
      '/cache/aft',
      '/data/cortexkit/aft',
      '/home/ann/.local/share/cortexkit/aft',
      '/home/ann/.cache/aft',
    ]);
    assert(paths({ environment }).includes('/data/opencode/storage/plugin/aft'));
    assert(!paths({ environment }).some((path) => /ignored|only/.test(path)));
  });

  it('take an empty variable for one that is not set, and a tilde for the home directory', () => {
    const environment = { AFT_STORAGE_DIR: ' ', AFT_CACHE_DIR: '~/cache', XDG_DATA_HOME: '~' };
    assert.deepEqual(paths({ environment }).slice(0, 2), [
      '/home/ann/cache/aft',
      '/home/ann/cortexkit/aft',
    ]);
  });

  it('take a HOME that differs from the home directory into account', () => {
    assert(
      paths({ environment: { HOME: '/other' } }).includes('/other/.local/share/cortexkit/aft'),
    );
  });

  it('follow the Windows rungs on Windows', () => {
    const found = paths({
      platform: 'win32',
      home: 'C:\\Users\\Ann',
      environment: {
        LOCALAPPDATA: 'D:\\Local',
        APPDATA: 'D:\\Roaming',
        USERPROFILE: 'C:\\Users\\Ann',
      },
    });
    assert.deepEqual(found, [
      'D:\\Local\\cortexkit\\aft',
      'C:\\Users\\Ann\\AppData\\Local\\cortexkit\\aft',
      'C:\\Users\\Ann\\.local\\share\\cortexkit\\aft',
      'C:\\Users\\Ann\\.cache\\aft',
      'D:\\Local\\opencode\\storage\\plugin\\aft',
      'D:\\Roaming\\opencode\\storage\\plugin\\aft',
      'C:\\Users\\Ann\\AppData\\Local\\opencode\\storage\\plugin\\aft',
      'C:\\Users\\Ann\\.local\\share\\opencode\\storage\\plugin\\aft',
      'C:\\Users\\Ann\\.pi\\agent\\aft',
    ]);
  });

  it('are only the directories of the setting where it names some', () => {
    const directories = ['~/one', '/two', ' ', '/two', '~/.pi/agent/aft'];
    assert.deepEqual(paths({ directories, environment: { AFT_STORAGE_DIR: '/storage' } }), [
      '/home/ann/one',
      '/two',
      '/home/ann/.pi/agent/aft',
    ]);
  });

  it('say what named them, and which are legacy roots', () => {
    const found = storageCandidates({
      directories: [],
      environment: { AFT_STORAGE_DIR: '/storage' },
      home: '/home/ann',
      platform: 'linux',
    });
    assert.deepEqual(
      found.map(({ origin, legacy }) => [origin, legacy]),
      [
        ['AFT_STORAGE_DIR', false],
        ['home directory', false],
        ['home directory, AFT before 0.20', false],
        ['home directory, old OpenCode plugin', true],
        ['home directory, old Pi plugin', true],
      ],
    );
  });

  it('know a legacy root that the setting names', () => {
    const [first] = storageCandidates({
      directories: ['~/.pi/agent/aft'],
      environment: {},
      home: '/home/ann',
      platform: 'linux',
    });
    assert.equal(first?.legacy, true);
  });
});
