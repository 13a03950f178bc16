import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Candidate } from '../../../src/store/candidates.ts';
import { findStorages, StorageDiscovery, storageId } from '../../../src/store/discovery.ts';
import { temporaryDirectory } from './openStore.ts';

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
