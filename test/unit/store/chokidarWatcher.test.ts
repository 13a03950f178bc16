import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChokidarWatcher } from '../../../src/store/chokidarWatcher.ts';
import { temporaryDirectory } from './openStore.ts';

describe('ChokidarWatcher', () => {
  let scope: AsyncDisposableStack;
  let root: string;
  let events: string[];
  let look: () => void;
  beforeEach(() => {
    scope = new AsyncDisposableStack();
    root = temporaryDirectory(scope);
    events = [];
    look = () => undefined;
  });
  afterEach(() => scope.disposeAsync());

  function open(recursive: boolean): ChokidarWatcher {
    const watcher = new ChokidarWatcher(
      root,
      {
        onEvent: (directory, name) => {
          events.push(`${directory.slice(root.length)}: ${name ?? '*'}`);
          look();
        },
        onError: (error) => {
          events.push(error.message);
          look();
        },
      },
      recursive,
    );
    scope.defer(() => watcher.dispose());
    return watcher;
  }

  /** Resolves when this was told; forgets what was told before. */
  async function told(event: string): Promise<void> {
    await new Promise<void>((resolve) => {
      look = () => {
        if (events.includes(event)) resolve();
      };
      look();
    });
    events.length = 0;
  }

  it('tells that it can’t watch where the environment has chokidar poll', async () => {
    const before = process.env['CHOKIDAR_USEPOLLING'];
    scope.defer(() => {
      if (before === undefined) delete process.env['CHOKIDAR_USEPOLLING'];
      else process.env['CHOKIDAR_USEPOLLING'] = before;
    });
    process.env['CHOKIDAR_USEPOLLING'] = '1';
    open(false).watch(root, 1);
    await told('CHOKIDAR_USEPOLLING turns file watches off');
  });

  it('tells the names that come, change and go in a directory, and no others', async () => {
    mkdirSync(join(root, 'inside'));
    open(false).watch(root, 1);
    await told(': *');
    writeFileSync(join(root, 'inside', 'unseen'), '');
    writeFileSync(join(root, 'temporary'), '');
    await told(': temporary');
    renameSync(join(root, 'temporary'), join(root, 'record'));
    await told(': record');
    rmSync(join(root, 'record'));
    await told(': record');
    assert(!events.some((event) => event.includes('unseen')));
  });

  it('tells that a missing directory comes, and what comes in it', async () => {
    const watcher = open(false);
    const directory = join(root, 'one', 'two');
    watcher.watch(directory, 1);
    await told('/one/two: *');
    mkdirSync(directory, { recursive: true });
    await told('/one/two: *');
    writeFileSync(join(directory, 'file'), '');
    await told('/one/two: file');
  });

  it('goes on after the directory went and came again, several times', async () => {
    const directory = join(root, 'directory');
    mkdirSync(directory);
    open(false).watch(directory, 1);
    await told('/directory: *');
    for (const leave of [
      () => {
        rmSync(directory, { recursive: true });
      },
      () => {
        renameSync(directory, join(root, 'elsewhere'));
      },
      () => {
        rmSync(directory, { recursive: true });
      },
    ]) {
      leave();
      await told('/directory: *');
      mkdirSync(directory);
      await told('/directory: *');
      writeFileSync(join(directory, 'file'), '');
      await told('/directory: file');
    }
  });

  it('tells nothing of a directory that is not watched any more', async () => {
    mkdirSync(join(root, 'directory'));
    const watcher = open(false);
    watcher.watch(join(root, 'directory'), 1);
    watcher.watch(root, 1);
    await told('/directory: *');
    watcher.unwatch(join(root, 'directory'));
    events.length = 0;
    writeFileSync(join(root, 'directory', 'file'), '');
    writeFileSync(join(root, 'last'), '');
    await told(': last');
    assert(!events.some((event) => event.startsWith('/directory')));
  });

  it('watches anew where another directory took the path', async () => {
    const directory = join(root, 'directory');
    mkdirSync(directory);
    const watcher = open(false);
    watcher.watch(directory, 1);
    await told('/directory: *');
    watcher.watch(directory, 1);
    watcher.watch(directory, 2);
    await told('/directory: *');
    writeFileSync(join(directory, 'file'), '');
    await told('/directory: file');
  });

  it('watches the root alone where that brings everything below it', async () => {
    mkdirSync(join(root, 'one', 'two'), { recursive: true });
    const watcher = open(true);
    watcher.watch(join(root, 'one'), 1);
    watcher.watch(root, 1);
    await told(': *');
    writeFileSync(join(root, 'one', 'two', 'file'), '');
    await told('/one/two: file');
  });
});
