import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  atomicWrite,
  atomicWriteIf,
  rename,
  systemWrites,
  type WriteSystem,
} from '../../../src/persistence/atomicWrite.ts';
import { assertFails, temporaryDirectory } from './support.ts';

const source = join(import.meta.dirname, '../../../src/persistence/atomicWrite.ts');

/** Renames as the system does, telling the name of the temporary file. */
function recording(names: string[]): WriteSystem {
  return {
    platform: process.platform,
    sync: fsyncSync,
    rename: (from, to) => {
      names.push(from);
      renameSync(from, to);
    },
    sleep: () => undefined,
  };
}

describe('atomicWrite', () => {
  const directory = temporaryDirectory();

  it('atomic_write_temp_names_include_task_id: two writers at once, one of them wins whole', async () => {
    const path = join(directory(), 'task.json');
    const contents = ['left', 'right'];
    const writers = contents.map((content) => {
      const script = `
        import { atomicWrite } from ${JSON.stringify(source)};
        for (let round = 0; round < 20; round += 1) {
          atomicWrite(${JSON.stringify(path)}, '${content}'.repeat(100_000), 'task-${content}', 'seed');
        }`;
      return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    });
    const ends = await Promise.all(writers.map((writer) => once(writer, 'exit')));
    assert.deepEqual(ends, [
      [0, null],
      [0, null],
    ]);
    const winner = readFileSync(path, 'utf8');
    assert.ok(contents.some((content) => winner === content.repeat(100_000)));
    assert.deepEqual(readdirSync(directory()), ['task.json']);
  });

  it('names its temporary file as the seed: file, pid, task id with other characters as _', () => {
    const names: string[] = [];
    const path = join(directory(), 'task.json');
    atomicWrite(path, 'x', 'a/b.c ü😀-_Z9', 'seed', recording(names));
    assert.deepEqual(names, [join(directory(), `.task.json.tmp.${process.pid}.a_b_c___-_Z9`)]);
  });

  it('names its temporary file as AFT 0.57.2 in the directory layout', () => {
    const names: string[] = [];
    atomicWrite(join(directory(), 'exit'), 'x', 'kill', 'aft', recording(names));
    atomicWrite(join(directory(), 'exit'), 'x', 'kill', 'aft', recording(names));
    for (const name of names)
      assert.match(name.slice(directory().length + 1), /^\.aft-tmp-[0-9a-f]{32}$/);
    assert.notEqual(names[0], names[1]);
  });

  it('makes a file that only its owner can read', () => {
    const path = join(directory(), 'task.json');
    atomicWrite(path, 'x', 'id', 'seed');
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  for (const naming of ['seed', 'aft'] as const) {
    it(`does not bring back the directory of a bundle that is gone (${naming})`, () => {
      assertFails(() => {
        atomicWrite(join(directory(), 'gone', 'exit'), 'x', 'id', naming);
      }, 'not-found');
      assert.deepEqual(readdirSync(directory()), []);
    });
  }

  it('gets past the temporary file of a writer that crashed, without following it', () => {
    const temp = join(directory(), `.task.json.tmp.${process.pid}.id`);
    const foreign = join(directory(), 'foreign');
    writeFileSync(foreign, 'mine');
    symlinkSync(foreign, temp);
    atomicWrite(join(directory(), 'task.json'), 'x', 'id', 'seed');
    assert.equal(readFileSync(foreign, 'utf8'), 'mine');
    assert.equal(readFileSync(join(directory(), 'task.json'), 'utf8'), 'x');
    assert.ok(!existsSync(temp));
  });

  it('replaces a symbolic link instead of writing to its target', () => {
    const foreign = join(directory(), 'foreign');
    writeFileSync(foreign, 'mine');
    symlinkSync(foreign, join(directory(), 'task.json'));
    atomicWrite(join(directory(), 'task.json'), 'x', 'id', 'seed');
    assert.equal(readFileSync(foreign, 'utf8'), 'mine');
  });

  it('brings the content to the disk before it renames, and the name afterwards', () => {
    const steps: string[] = [];
    const path = join(directory(), 'task.json');
    atomicWrite(path, 'content', 'id', 'seed', {
      platform: 'linux',
      sync: (fd) =>
        steps.push(fstatSync(fd).isDirectory() ? 'directory' : `${fstatSync(fd).size} bytes`),
      rename: (from, to) => {
        steps.push('rename');
        renameSync(from, to);
      },
      sleep: () => undefined,
    });
    assert.deepEqual(steps, ['7 bytes', 'rename', 'directory']);
  });

  it('does not report a write that happened as failed because a directory can’t be synced', () => {
    const path = join(directory(), 'task.json');
    atomicWrite(path, 'x', 'id', 'seed', {
      platform: 'linux',
      sync: (fd) => {
        if (fstatSync(fd).isDirectory()) throw new Error('EINVAL');
      },
      rename: renameSync,
      sleep: () => undefined,
    });
    assert.equal(readFileSync(path, 'utf8'), 'x');
  });

  for (const naming of ['seed', 'aft'] as const) {
    it(`leaves the old file and no temporary one when the rename fails (${naming})`, () => {
      const path = join(directory(), 'task.json');
      mkdirSync(path);
      assertFails(() => {
        atomicWrite(path, 'x', 'id', naming);
      }, 'io');
      assert.deepEqual(readdirSync(directory()), ['task.json']);
    });
  }
});

describe('atomicWriteIf', () => {
  const directory = temporaryDirectory();

  for (const naming of ['seed', 'aft'] as const) {
    it(`asks when the new content is on the disk, and leaves nothing where the answer is no (${naming})`, () => {
      const path = join(directory(), 'task.json');
      writeFileSync(path, 'old');
      const steps: string[] = [];
      const system: WriteSystem = { ...systemWrites, sync: () => steps.push('sync') };
      const no = (): boolean => {
        steps.push('asked');
        return false;
      };
      assert.equal(atomicWriteIf(no, path, 'new', 'id', naming, system), false);
      assert.deepEqual(steps, ['sync', 'asked']);
      assert.equal(readFileSync(path, 'utf8'), 'old');
      assert.deepEqual(readdirSync(directory()), ['task.json']);
    });
  }

  it('asks again before each attempt of Windows to rename', () => {
    const path = join(directory(), 'task.json');
    let answers = 0;
    const isReplaced = atomicWriteIf(() => (answers += 1) < 3, path, 'new', 'id', 'aft', {
      ...systemWrites,
      platform: 'win32',
      rename: () => {
        throw Object.assign(new Error('EBUSY'), { code: 'EBUSY' });
      },
      sleep: () => undefined,
    });
    assert.deepEqual([isReplaced, answers, readdirSync(directory())], [false, 3, []]);
  });
});

describe('rename', () => {
  function failing(platform: NodeJS.Platform, codes: string[]): WriteSystem & { pauses: number[] } {
    const pauses: number[] = [];
    return {
      platform,
      pauses,
      sync: () => undefined,
      rename: () => {
        const code = codes.shift();
        if (code !== undefined) throw Object.assign(new Error(code), { code });
      },
      sleep: (milliseconds) => pauses.push(milliseconds),
    };
  }

  it('tries again on Windows while somebody keeps the file open, with growing pauses', () => {
    const system = failing('win32', ['EPERM', 'EACCES', 'EBUSY']);
    rename('a', 'b', system);
    assert.deepEqual(system.pauses, [10, 20, 40]);
  });

  it('gives up on Windows after a few seconds', () => {
    const system = failing('win32', Array<string>(100).fill('EPERM'));
    assert.throws(() => {
      rename('a', 'b', system);
    }, /EPERM/);
    const waited = system.pauses.reduce((sum, pause) => sum + pause, 0);
    assert.ok(waited > 2000 && waited < 5000, String(waited));
  });

  it('does not try again for another error, nor elsewhere', () => {
    for (const system of [failing('win32', ['ENOENT']), failing('linux', ['EPERM'])]) {
      assert.throws(() => {
        rename('a', 'b', system);
      });
      assert.deepEqual(system.pauses, []);
    }
  });
});
