import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Candidate } from '../../../src/store/candidates.ts';
import {
  findStorages,
  StorageDiscovery,
  storageId,
  type Found,
} from '../../../src/store/discovery.ts';
import { ManualClock } from './manualClock.ts';
import { temporaryDirectory } from './openStore.ts';

const discoveryModule = new URL('../../../src/store/discovery.ts', import.meta.url).href;

function candidate(path: string, legacy = false): Candidate {
  return { path, origin: 'test', legacy };
}

describe('finding storages', () => {
  let scope: AsyncDisposableStack;
  let home: string;
  beforeEach(() => {
    scope = new AsyncDisposableStack();
    home = temporaryDirectory(scope);
  });
  afterEach(() => scope.disposeAsync());

  function made(...names: string[]): string[] {
    return names.map((name) => {
      mkdirSync(join(home, name), { recursive: true });
      return join(home, name);
    });
  }

  it('takes every candidate that is a directory, and says which are missing', async () => {
    const [one = '', two = ''] = made('one', 'two');
    const file = join(home, 'file');
    writeFileSync(file, '');
    const places = await findStorages(
      [one, join(home, 'none'), file, two].map((p) => candidate(p)),
    );
    assert.deepEqual(
      places.map(({ storage }) => storage?.directory),
      [one, undefined, undefined, two],
    );
  });

  it('takes candidates with one real path for one storage', async () => {
    const [one = ''] = made('one');
    const link = join(home, 'link');
    symlinkSync(one, link);
    const [first, second] = await findStorages([candidate(link), candidate(one, true)]);
    assert.equal(first?.storage, second?.storage);
    assert.deepEqual(first?.storage, {
      id: storageId(realpathSync(one)),
      directory: one,
      legacy: false,
      migrated: false,
    });
  });

  it('names a storage by 8 hex digits of its real path', () => {
    assert.equal(storageId('/home/ann/.local/share/cortexkit/aft'), 'f762d222');
  });

  it('sees which storage legacy tasks were migrated to', async () => {
    const [old = '', now = ''] = made('old', 'now');
    writeFileSync(join(now, '.migrated_from_legacy'), '');
    const places = await findStorages([candidate(now), candidate(old, true)]);
    assert.deepEqual(
      places.map(({ storage }) => [storage?.legacy, storage?.migrated]),
      [
        [false, true],
        [true, false],
      ],
    );
  });
});

describe('StorageDiscovery', () => {
  let scope: AsyncDisposableStack;
  let home: string;
  let candidates: Candidate[];
  let discovery: StorageDiscovery;
  beforeEach(() => {
    scope = new AsyncDisposableStack();
    home = temporaryDirectory(scope);
    candidates = [candidate(join(home, 'a', 'b', 'storage'))];
    discovery = new StorageDiscovery(
      () => candidates,
      (error) => {
        throw error;
      },
    );
    scope.defer(() => {
      discovery.dispose();
    });
  });
  afterEach(() => scope.disposeAsync());

  /** The storages that are told next. */
  function next(): Promise<readonly string[]> {
    return new Promise((resolve) => {
      const stop = discovery.onDidChange((storages) => {
        stop();
        resolve(storages.map(({ directory }) => directory));
      });
    });
  }

  it('finds a storage that comes later, with the directories above it', async () => {
    const path = join(home, 'a', 'b', 'storage');
    await discovery.refresh();
    assert.deepEqual(discovery.storages, []);
    const told = next();
    mkdirSync(path, { recursive: true });
    assert.deepEqual(await told, [path]);
    assert.deepEqual(
      discovery.places.map(({ storage }) => storage?.directory),
      [path],
    );
  });

  it('finds a storage that is renamed into its place', async () => {
    const path = join(home, 'a', 'b', 'storage');
    mkdirSync(join(home, 'other', 'storage'), { recursive: true });
    mkdirSync(join(home, 'a'));
    await discovery.refresh();
    const told = next();
    renameSync(join(home, 'other'), join(home, 'a', 'b'));
    assert.deepEqual(await told, [path]);
  });

  it('takes in other candidates, and what is gone, on refresh', async () => {
    const other = join(home, 'other');
    mkdirSync(other);
    candidates = [candidate(other)];
    let told = next();
    await discovery.refresh();
    assert.deepEqual(await told, [other]);
    rmSync(other, { recursive: true });
    told = next();
    await discovery.refresh();
    assert.deepEqual(await told, []);
  });

  it('says of a place that may not be entered that it can’t be looked at', () => {
    const locked = join(home, 'locked');
    mkdirSync(join(locked, 'storage'), { recursive: true });
    const script = `
      import { findStorages } from ${JSON.stringify(discoveryModule)};
      const found = await findStorages([{ path: process.argv[1], origin: 'test', legacy: false }]);
      console.log(JSON.stringify(found));
    `;
    const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    chmodSync(home, 0o755);
    chmodSync(locked, 0);
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', script, join(locked, 'storage')],
      { encoding: 'utf8', ...user },
    );
    chmodSync(locked, 0o700);
    assert.match(stdout, /storage can't be looked at: permission denied\./, stderr);
  });

  it('shows the other storages while one does not answer, and that one once it does', async () => {
    const [here, hanging] = ['here', 'hanging'].map((name) => join(home, name)) as [string, string];
    const storageOf = ({ path }: Candidate): Found => ({
      storage: { id: storageId(path), directory: path, legacy: false, migrated: false },
    });
    const answers: ((found: Found) => void)[] = [];
    const clock = new ManualClock();
    candidates = [candidate(hanging), candidate(here)];
    discovery = new StorageDiscovery(
      () => candidates,
      () => undefined,
      {
        clock,
        look: (place) => {
          if (place.path === here) return Promise.resolve(storageOf(place));
          return new Promise((resolve) => answers.push(resolve));
        },
      },
    );
    let refreshed = discovery.refresh();
    await clock.advance(3000);
    await refreshed;
    assert.deepEqual(
      discovery.storages.map(({ directory }) => directory),
      [here],
    );
    assert.equal(discovery.places[0]?.problem, `${hanging} does not answer.`);
    refreshed = discovery.refresh();
    await clock.advance(3000);
    await refreshed;
    assert.equal(answers.length, 1, 'a second look would hang as well');
    const told = next();
    for (const expected of [1, 2]) {
      assert.equal(answers.length, expected);
      answers.at(-1)!(storageOf(candidates[0]!));
      await clock.advance(0);
    }
    assert.deepEqual(await told, [hanging, here]);
    assert(discovery.places.every(({ problem }) => problem === undefined));
  });

  it('tells nothing where nothing has changed', async () => {
    await discovery.refresh();
    let told = 0;
    discovery.onDidChange(() => {
      told += 1;
    });
    await Promise.all([discovery.refresh(), discovery.refresh()]);
    assert.equal(told, 0);
  });
});
