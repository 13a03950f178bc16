import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { TaskPaths } from '../../../src/persistence/paths.ts';
import {
  markTerminal,
  starting,
  type Layout,
  type PersistedTask,
} from '../../../src/persistence/record.ts';
import { parseRecord } from '../../../src/persistence/recordCodec.ts';
import {
  keepLiveDescendants,
  readTask,
  updateTask,
  writeTask,
} from '../../../src/persistence/taskFile.ts';
import {
  assertFails,
  interrupted,
  pathsIn,
  put,
  recordJson,
  sessionId,
  taskId,
  temporaryDirectory,
  tree,
} from './support.ts';

const layouts: readonly Layout[] = ['flat', 'directory'];
const newTask = starting({
  taskId,
  sessionId,
  command: 'echo',
  workdir: '/w',
  notifyOnCompletion: true,
  compressed: true,
});
const mode = (path: string): number => statSync(path).mode & 0o777;

/** As AFT does: another file in its place. */
function replace(path: string, content: string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

for (const layout of layouts) {
  describe(`readTask, ${layout} layout`, () => {
    const directory = temporaryDirectory();
    let paths: TaskPaths;
    beforeEach(() => {
      paths = pathsIn(directory(), layout);
    });

    it('reads a record', () => {
      put(paths.json, recordJson({ schema_version: 6 }));
      assert.equal(readTask(paths).command, 'echo hello');
    });

    it('tells not-found for a record that is not there', () => {
      const error = assertFails(() => readTask(paths), 'not-found');
      assert.equal(error.path, paths.json);
    });

    it('refuses schema 7 and leaves the file alone', () => {
      const json = recordJson({ schema_version: 7 });
      put(paths.json, json);
      const error = assertFails(() => readTask(paths), 'unsupported-schema');
      assert.equal(error.path, paths.json);
      assert.equal(error.partial?.taskId, taskId);
      assertFails(() => updateTask(paths, (task) => task), 'unsupported-schema');
      assert.equal(readFileSync(paths.json, 'utf8'), json);
    });

    it('refuses a record that names another task', () => {
      put(paths.json, recordJson({ task_id: 'bash-ffffffffffffffff' }));
      assertFails(() => readTask(paths), 'mismatch');
      put(paths.json, recordJson({ task_id: '../../etc/passwd' }));
      assertFails(() => readTask(paths), 'mismatch');
    });

    it('refuses an empty, half-written or non-UTF-8 record', () => {
      for (const content of ['', recordJson().slice(0, 200)]) {
        put(paths.json, content);
        assertFails(() => readTask(paths), 'corrupt');
      }
      put(paths.json, Buffer.from(recordJson({ command: 'é' }), 'latin1'));
      assertFails(() => readTask(paths), 'corrupt');
    });

    it('reads a large record, and refuses an oversized one without reading it', () => {
      const command = 'x'.repeat(1024 * 1024);
      put(paths.json, recordJson({ command }));
      assert.equal(readTask(paths).command, command);
      truncateSync(paths.json, 4 * 1024 * 1024 + 1);
      assert.match(assertFails(() => readTask(paths), 'corrupt').message, /larger than 4096 KiB/);
    });

    it('does not follow a record that is a symbolic link', () => {
      put(join(directory(), 'elsewhere.json'), recordJson());
      mkdirSync(dirname(paths.json), { recursive: true });
      symlinkSync(join(directory(), 'elsewhere.json'), paths.json);
      assertFails(() => readTask(paths), 'unsafe-path');
    });

    it('does not trust a record with a second hard link', () => {
      put(paths.json, recordJson());
      linkSync(paths.json, join(directory(), 'second'));
      assertFails(() => readTask(paths), 'unsafe-path');
    });

    it('does not hang on a named pipe, and refuses a directory', () => {
      mkdirSync(dirname(paths.json), { recursive: true });
      execFileSync('mkfifo', [paths.json]);
      assertFails(() => readTask(paths), 'unsafe-path');
      rmSync(paths.json);
      mkdirSync(paths.json);
      assertFails(() => readTask(paths), 'unsafe-path');
    });

    it('has words for a record that this user may not read', function () {
      put(paths.json, recordJson());
      chmodSync(paths.json, 0);
      const script = `
        import { readTask } from ${JSON.stringify(join(import.meta.dirname, '../../../src/persistence/taskFile.ts'))};
        try { readTask(${JSON.stringify(paths)}); console.log('read'); }
        catch (error) { console.log(error.reason, error.message); }`;
      chmodSync(directory(), 0o755);
      const asNobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
      const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        encoding: 'utf8',
        ...asNobody,
      });
      assert.match(output, /^io Permission denied/);
    });
  });

  describe(`writeTask, ${layout} layout`, () => {
    const directory = temporaryDirectory();
    let paths: TaskPaths;
    beforeEach(() => {
      paths = pathsIn(directory(), layout);
    });

    it('makes the missing directories 0700 and the file 0600, and leaves no temporary file', () => {
      writeTask(paths, newTask);
      assert.equal(mode(paths.json), 0o600);
      for (let path = dirname(paths.json); path !== directory(); path = dirname(path)) {
        assert.equal(mode(path), 0o700, path);
      }
      assert.deepEqual(readTask(paths).command, 'echo');
      assert.ok(!tree(directory()).some((path) => path.includes('tmp')));
    });

    it('replaces the file instead of changing it', () => {
      put(paths.json, recordJson());
      const before = statSync(paths.json).ino;
      linkSync(paths.json, join(directory(), 'old'));
      writeTask(paths, newTask);
      assert.notEqual(statSync(paths.json).ino, before);
      assert.equal(readFileSync(join(directory(), 'old'), 'utf8'), recordJson());
    });

    it('keeps the schema of 1, 4, 5 and 6, and makes 2 and 3 into 4', () => {
      for (const [schemaVersion, written] of [
        [1, 1],
        [2, 4],
        [3, 4],
        [4, 4],
        [5, 5],
        [6, 6],
      ] as const) {
        writeTask(paths, { ...newTask, schemaVersion });
        assert.equal(readTask(paths).schemaVersion, written);
      }
    });

    it('makes nothing beside the same task in the other layout', () => {
      const [other] = layouts.filter((name) => name !== layout);
      put(pathsIn(directory(), other ?? layout).json, recordJson());
      const before = tree(directory());
      assertFails(() => {
        writeTask(paths, newTask);
      }, 'corrupt');
      assert.deepEqual(tree(directory()), before);
    });

    it('never writes schema 7', () => {
      assertFails(() => {
        writeTask(paths, { ...newTask, schemaVersion: 7 });
      }, 'unsupported-schema');
      assertFails(() => readTask(paths), 'not-found');
    });

    it('never writes one task under the name of another', () => {
      assertFails(() => {
        writeTask(paths, { ...newTask, taskId: 'bash-ffffffffffffffff' });
      }, 'mismatch');
    });
  });

  describe(`updateTask, ${layout} layout`, () => {
    const directory = temporaryDirectory();
    let paths: TaskPaths;
    beforeEach(() => {
      paths = pathsIn(directory(), layout);
    });

    it('writes what the update made of a running task, and answers it', () => {
      const running = { status: 'running', finished_at: null, duration_ms: null, exit_code: null };
      put(paths.json, recordJson({ ...running, child_pid: 7, more: [1] }));
      const written = updateTask(paths, (task) =>
        markTerminal(task, 'killed', 137, 'stopped by hand', 1795379393900),
      );
      assert.equal(written.status, 'killed');
      assert.equal(
        readFileSync(paths.json, 'utf8'),
        recordJson({
          status: 'killed',
          exit_code: 137,
          finished_at: 1795379393900,
          duration_ms: 180,
          status_reason: 'stopped by hand',
          more: [1],
        }),
      );
    });

    it('changes only completion_delivered of a task that has ended', () => {
      put(paths.json, recordJson());
      const written = updateTask(paths, (task) => ({
        ...markTerminal(task, 'failed', 9, 'no', 1),
        command: 'other',
        completionDelivered: true,
      }));
      assert.equal(written.status, 'completed');
      assert.equal(readFileSync(paths.json, 'utf8'), recordJson({ completion_delivered: true }));
    });

    it('answers and writes schema 4 for a record of 2 or 3', () => {
      for (const schema_version of [2, 3]) {
        put(paths.json, recordJson({ schema_version }));
        assert.equal(updateTask(paths, (task) => task).schemaVersion, 4);
        assert.equal(readTask(paths).schemaVersion, 4);
      }
    });

    it('starts over where AFT records the end meanwhile, and keeps that end', () => {
      put(paths.json, recordJson({ status: 'running', finished_at: null, child_pid: 7 }));
      const ended = recordJson({ status: 'failed', exit_code: 3 });
      const end = interrupted(() => {
        replace(paths.json, ended);
      });
      const seen: string[] = [];
      const written = updateTask(
        paths,
        (task) => {
          seen.push(task.status);
          return markTerminal(task, 'killed', 137, 'ours', 1);
        },
        end,
      );
      assert.deepEqual(seen, ['running', 'failed']);
      assert.deepEqual([written.status, written.exitCode], ['failed', 3]);
      // Whether the agent has been told is all that the update may say of a task that has ended.
      assert.equal(readFileSync(paths.json, 'utf8'), ended);
    });

    it('does not bring back a record that is removed meanwhile, nor its directory', () => {
      put(paths.json, recordJson());
      const removal = interrupted(() => {
        rmSync(paths.sessionDir, { recursive: true });
      });
      assertFails(() => updateTask(paths, (task) => task, removal), 'not-found');
      assert.equal(existsSync(paths.sessionDir), false);
    });

    it('notices a record of the same size and inode', () => {
      put(paths.json, recordJson({ exit_code: 1 }));
      const change = interrupted(() => {
        writeFileSync(paths.json, recordJson({ exit_code: 2 }));
        utimesSync(paths.json, 1, 1);
      });
      const update = (task: PersistedTask): PersistedTask => ({
        ...task,
        completionDelivered: true,
      });
      assert.equal(updateTask(paths, update, change).exitCode, 2);
    });

    it('gives up, in words, on a record that never stays the same', () => {
      put(paths.json, recordJson({ exit_code: 0 }));
      const changes = interrupted((time) => {
        replace(paths.json, recordJson({ exit_code: time }));
      }, 100);
      const error = assertFails(() => updateTask(paths, (task) => task, changes), 'io');
      assert.match(error.message, /replaced all the time; try again/);
      assert.equal(readFileSync(paths.json, 'utf8'), recordJson({ exit_code: 8 }));
      assert.ok(!tree(directory()).some((path) => path.includes('tmp')));
    });

    it('does the same where it empties the list of living descendants', () => {
      const listed = { live_descendants: [{ pid: 1, comm: 'a', argv0: 'b' }] };
      put(paths.json, recordJson({ schema_version: 6, ...listed }));
      const told = interrupted(() => {
        const changes = { schema_version: 6, ...listed, completion_delivered: true };
        replace(paths.json, recordJson(changes));
      });
      const written = keepLiveDescendants(paths, () => false, told);
      assert.deepEqual([written?.liveDescendants, written?.completionDelivered], [[], true]);
    });

    it('makes nothing where there is no record', () => {
      assertFails(() => updateTask(paths, (task) => task), 'not-found');
      assert.deepEqual(tree(directory()), []);
    });

    it('changes nothing where both layouts are there', () => {
      for (const other of layouts) put(pathsIn(directory(), other).json, recordJson());
      assertFails(() => updateTask(paths, (task) => task), 'corrupt');
    });

    it('changes nothing when the update throws', () => {
      put(paths.json, recordJson());
      assert.throws(() => {
        updateTask(paths, () => {
          throw new RangeError('no');
        });
      }, RangeError);
      assert.equal(readFileSync(paths.json, 'utf8'), recordJson());
    });
  });
}

describe('a session directory or task directory that is a symbolic link', () => {
  const directory = temporaryDirectory();

  for (const step of ['sessionDir', 'taskDir', 'control'] as const) {
    it(`is not followed at ${step}`, () => {
      const paths = pathsIn(directory(), 'directory');
      put(paths.json, recordJson({ status: 'running' }));
      const link = {
        sessionDir: paths.sessionDir,
        taskDir: dirname(dirname(paths.json)),
        control: dirname(paths.json),
      }[step];
      renameSync(link, join(directory(), 'moved'));
      symlinkSync(join(directory(), 'moved'), link);
      if (step !== 'sessionDir') assertFails(() => readTask(paths), 'unsafe-path');
      assertFails(() => updateTask(paths, (task) => task), 'unsafe-path');
      assertFails(() => {
        writeTask(paths, { ...parseRecord(recordJson()), command: 'other' });
      }, 'unsafe-path');
      assert.ok(!tree(directory()).some((path) => path.includes('tmp')));
    });
  }

  it('is not filled with directories', () => {
    const paths = pathsIn(directory(), 'directory');
    mkdirSync(paths.sessionDir, { recursive: true });
    const target = join(directory(), 'target');
    mkdirSync(target);
    symlinkSync(target, join(paths.sessionDir, taskId));
    assertFails(() => {
      writeTask(paths, newTask);
    }, 'unsafe-path');
    assert.deepEqual(tree(target), []);
  });
});

describe('a record that is being replaced', () => {
  const directory = temporaryDirectory();

  it('is read whole every time', async () => {
    const paths = pathsIn(directory(), 'directory');
    const commands = ['left', 'right'].map((side) => side.repeat(20_000));
    put(paths.json, recordJson({ command: commands[0] }));
    const source = join(import.meta.dirname, '../../../src/persistence/taskFile.ts');
    const script = `
      import { updateTask } from ${JSON.stringify(source)};
      for (let round = 0; round < 200; round += 1) {
        const command = ['right', 'left'][round % 2].repeat(20_000);
        updateTask(${JSON.stringify(paths)}, (task) => ({ ...task, status: 'running', command }));
      }`;
    put(paths.json, recordJson({ status: 'running', command: commands[0] }));
    const writer = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: 'inherit',
    });
    let running = true;
    const end = once(writer, 'exit').finally(() => (running = false));
    while (running) {
      assert.ok(commands.includes(readTask(paths).command));
      await new Promise(setImmediate);
    }
    assert.deepEqual(await end, [0, null]);
  });
});
