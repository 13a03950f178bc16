import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bundleSize, deleteTaskBundle, taskBundleFiles } from '../../../src/persistence/bundle.ts';
import type { TaskPaths } from '../../../src/persistence/paths.ts';
import {
  assertFails,
  pathsIn,
  put,
  recordJson,
  taskId,
  temporaryDirectory,
  tree,
} from './support.ts';

const flatNames = [
  'stdout',
  'stderr',
  'exit',
  'pty',
  'ps1',
  'bat',
  'sh',
  'pipeline-status',
  'sandbox-unavailable',
  'wrapper.sh',
  'env',
  'manifest',
  'sandbox-profile.json',
  'json',
].map((extension) => `${taskId}.${extension}`);

function putDirectoryBundle(paths: TaskPaths): void {
  const { taskDir = '' } = paths;
  put(paths.json, recordJson());
  for (const name of ['command.sh', 'wrapper.sh', 'environment.bin', 'manifest.blake3']) {
    put(join(taskDir, 'control', name), 'control');
  }
  for (const name of ['stdout', 'stderr', 'exit', 'sandbox-unavailable', 'extra/deep/file']) {
    put(join(taskDir, 'io', name), 'io');
  }
}

describe('taskBundleFiles', () => {
  const directory = temporaryDirectory();

  it('names every file of a flat task that any version writes, the record last', () => {
    const files = taskBundleFiles(pathsIn(directory(), 'flat')).map((path) => basename(path));
    assert.deepEqual(files, flatNames);
  });

  it('names what is in a task’s directory, the record last', () => {
    const paths = pathsIn(directory(), 'directory');
    putDirectoryBundle(paths);
    const files = taskBundleFiles(paths);
    assert.equal(files.length, 10);
    assert.equal(files.at(-1), paths.json);
    assert.ok(files.includes(join(paths.taskDir ?? '', 'io', 'extra', 'deep', 'file')));
  });
});

describe('bundleSize', () => {
  const directory = temporaryDirectory();

  it('counts files and bytes of a flat task, and only its own', () => {
    const paths = pathsIn(directory(), 'flat');
    put(paths.json, '{}');
    put(paths.stdout, 'abc');
    put(pathsIn(directory(), 'flat', 'bash-ffffffffffffffff').stdout, 'other');
    assert.deepEqual(bundleSize(paths), { files: 2, bytes: 5 });
  });

  it('counts files and bytes of a task’s directory, following no link', () => {
    const paths = pathsIn(directory(), 'directory');
    put(paths.json, '{}');
    put(paths.stdout, 'abc');
    mkdirSync(join(directory(), 'big'));
    put(join(directory(), 'big', 'file'), 'x'.repeat(1000));
    symlinkSync(join(directory(), 'big'), join(paths.taskDir ?? '', 'io', 'link'));
    const { files, bytes } = bundleSize(paths);
    assert.equal(files, 3);
    assert.ok(bytes < 500);
  });

  it('is an error for a bundle that is gone', () => {
    assertFails(() => bundleSize(pathsIn(directory(), 'directory')), 'not-found');
  });
});

describe('deleteTaskBundle, flat layout', () => {
  const directory = temporaryDirectory();
  let paths: TaskPaths;
  beforeEach(() => {
    paths = pathsIn(directory(), 'flat');
  });

  it('removes every file of the task and the session directory that it leaves empty', () => {
    for (const name of flatNames) put(join(paths.sessionDir, name));
    deleteTaskBundle(paths);
    assert.deepEqual(tree(directory()), ['opencode', 'opencode/bash-tasks']);
  });

  it('takes missing files for removed', () => {
    put(paths.json);
    deleteTaskBundle(paths);
    assert.ok(!existsSync(paths.sessionDir));
    deleteTaskBundle(paths);
  });

  it('keeps a session directory that is not empty', () => {
    const other = pathsIn(directory(), 'flat', 'bash-ffffffffffffffff').json;
    put(paths.json);
    put(other);
    deleteTaskBundle(paths);
    assert.ok(!existsSync(paths.json));
    assert.ok(existsSync(other));
  });

  it('throws the first error, and removes the rest all the same', () => {
    put(paths.json);
    put(join(paths.stdout, 'not a file'));
    put(join(paths.pty, 'not a file'));
    put(paths.stderr);
    const error = assertFails(() => {
      deleteTaskBundle(paths);
    }, 'io');
    assert.equal(error.path, paths.stdout);
    assert.deepEqual(
      tree(paths.sessionDir).filter((path) => !path.includes('/')),
      [basename(paths.pty), basename(paths.stdout)],
    );
  });

  it('removes links, not what they lead to', () => {
    put(paths.json);
    put(join(directory(), 'foreign'), 'mine');
    symlinkSync(join(directory(), 'foreign'), paths.stdout);
    deleteTaskBundle(paths);
    assert.equal(readFileSync(join(directory(), 'foreign'), 'utf8'), 'mine');
    assert.ok(!existsSync(paths.sessionDir));
  });

  it('deletes nothing where the task is there in both layouts', () => {
    put(paths.json);
    put(pathsIn(directory(), 'directory').json);
    const before = tree(directory());
    assertFails(() => {
      deleteTaskBundle(paths);
    }, 'corrupt');
    assert.deepEqual(tree(directory()), before);
  });

  it('deletes nothing through a session directory that is a link', () => {
    const target = join(directory(), 'target');
    put(join(target, `${taskId}.json`));
    mkdirSync(join(paths.sessionDir, '..'), { recursive: true });
    symlinkSync(target, paths.sessionDir);
    assertFails(() => {
      deleteTaskBundle(paths);
    }, 'unsafe-path');
    assert.deepEqual(tree(target), [`${taskId}.json`]);
  });
});

describe('deleteTaskBundle, directory layout', () => {
  const directory = temporaryDirectory();
  let paths: TaskPaths;
  beforeEach(() => {
    paths = pathsIn(directory(), 'directory');
  });

  it('removes the task’s directory and the session directory that it leaves empty', () => {
    putDirectoryBundle(paths);
    deleteTaskBundle(paths);
    assert.deepEqual(tree(directory()), ['opencode', 'opencode/bash-tasks']);
  });

  it('keeps a session directory that is not empty', () => {
    const other = pathsIn(directory(), 'directory', 'bash-ffffffffffffffff');
    putDirectoryBundle(paths);
    putDirectoryBundle(other);
    deleteTaskBundle(paths);
    assert.ok(!existsSync(paths.taskDir ?? ''));
    assert.equal(taskBundleFiles(other).length, 10);
  });

  it('takes a missing bundle for removed', () => {
    deleteTaskBundle(paths);
  });

  it('follows no link', () => {
    putDirectoryBundle(paths);
    put(join(directory(), 'foreign', 'file'), 'mine');
    symlinkSync(join(directory(), 'foreign'), join(paths.taskDir ?? '', 'io', 'directory'));
    symlinkSync(join(directory(), 'foreign', 'file'), join(paths.taskDir ?? '', 'io', 'file'));
    deleteTaskBundle(paths);
    assert.equal(readFileSync(join(directory(), 'foreign', 'file'), 'utf8'), 'mine');
    assert.ok(!existsSync(paths.sessionDir));
  });

  it('deletes nothing where the task’s directory is a link', () => {
    put(join(directory(), 'foreign', 'control', 'metadata.json'), recordJson());
    mkdirSync(paths.sessionDir, { recursive: true });
    symlinkSync(join(directory(), 'foreign'), paths.taskDir ?? '');
    const before = tree(directory());
    assertFails(() => {
      deleteTaskBundle(paths);
    }, 'unsafe-path');
    assert.deepEqual(tree(directory()), before);
    assertFails(() => bundleSize(paths), 'unsafe-path');
  });
});
