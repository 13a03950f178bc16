import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory, cached } from '../../support/cache.ts';

interface Making {
  /** Resolves with what the process says at its end. */
  finish(): Promise<string>;
  kill(): Promise<void>;
}

describe('cache', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'cache-test-'));
  });

  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  /** A process of its own that makes the entry `it`: half of it, and the rest when told to. */
  async function makeHalf(content: string): Promise<Making> {
    const program = `
      import { once } from 'node:events';
      import { writeFileSync } from 'node:fs';
      import { join } from 'node:path';
      import { cached } from ${JSON.stringify(join(import.meta.dirname, '../../support/cache.ts'))};
      const entry = await cached('it', async (directory) => {
        writeFileSync(join(directory, 'first half'), process.argv[2]);
        process.stdout.write('half done');
        await once(process.stdin, 'data');
        writeFileSync(join(directory, 'second half'), process.argv[2]);
      }, process.argv[1]);
      process.stdout.write('entry ' + entry);
      process.exit(0);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, root, content], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    return {
      finish: async () => {
        const printed = once(child.stdout, 'data');
        const exit = once(child, 'exit');
        child.stdin.write('go');
        const [data] = (await printed) as [Buffer];
        await exit;
        return data.toString();
      },
      kill: async () => {
        child.kill('SIGKILL');
        await once(child, 'exit');
      },
    };
  }

  it('makes an entry once', async () => {
    let made = 0;
    const make = (directory: string): Promise<void> => {
      made++;
      writeFileSync(join(directory, 'file'), 'text');
      return Promise.resolve();
    };
    const entry = await cached('it', make, root);
    assert.equal(await cached('it', make, root), entry);
    assert.equal(made, 1);
    assert.equal(readFileSync(join(entry, 'file'), 'utf8'), 'text');
  });

  it('has one whole entry when two processes make it at once, and both get it', async () => {
    const [one, two] = await Promise.all([makeHalf('one'), makeHalf('two')]);
    assert.equal(await one.finish(), `entry ${join(root, 'it')}`);
    assert.equal(await two.finish(), `entry ${join(root, 'it')}`);
    assert.deepEqual(readdirSync(root), ['it']);
    for (const half of ['first half', 'second half']) {
      assert.equal(readFileSync(join(root, 'it', half), 'utf8'), 'one');
    }
  });

  it('has no entry after a run that was cut off half-way, and the next run makes it', async () => {
    await (await makeHalf('one')).kill();
    assert.equal(existsSync(join(root, 'it')), false);
    await (await makeHalf('two')).finish();
    assert.equal(readFileSync(join(root, 'it', 'second half'), 'utf8'), 'two');
  });

  it('leaves nothing behind when making fails', async () => {
    const failure = new Error('no network');
    await assert.rejects(
      cached('it', () => Promise.reject(failure), root),
      failure,
    );
    assert.deepEqual(readdirSync(root), []);
  });

  it('removes what was cut off more than a day ago, and only that', async () => {
    const twoDaysAgo = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000);
    for (const name of ['.tmp-old-x', '.tmp-young-x', 'other']) mkdirSync(join(root, name));
    for (const name of ['.tmp-old-x', 'other'])
      utimesSync(join(root, name), twoDaysAgo, twoDaysAgo);
    await cached('it', () => Promise.resolve(), root);
    assert.deepEqual(readdirSync(root).sort(), ['.tmp-young-x', 'it', 'other']);
  });

  it('is where AFT_TASKS_CACHE says, else below the user’s cache folder', () => {
    const named = { AFT_TASKS_CACHE: '/a', XDG_CACHE_HOME: '/b' };
    assert.equal(cacheDirectory(named), '/a');
    assert.equal(cacheDirectory({ XDG_CACHE_HOME: '/b' }), join('/b', 'aft-task-explorer'));
  });
});
