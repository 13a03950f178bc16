import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  bundlePaths,
  hashSession,
  isTaskId,
  projectCacheKey,
  refuseTwoLayouts,
  sessionTasksDir,
  taskPaths,
} from '../../../src/persistence/paths.ts';
import { assertFails, pathsIn, put, sessionId, taskId, temporaryDirectory } from './support.ts';

describe('isTaskId', () => {
  it('takes the forms that AFT has had', () => {
    for (const id of [
      'bash-0123456789abcdef',
      'bash-0123abcd',
      'bgb-0123abcd',
      'bgb-0123456789abcdef',
    ]) {
      assert.equal(isTaskId(id), true, id);
    }
  });

  it('takes nothing else', () => {
    for (const id of [
      '',
      'bash-',
      'bash-0123456789ABCDEF',
      'bash-0123456789abcde',
      'bash-0123456789abcdef0',
      'bash-0123456789abcdef\n',
      ' bash-0123abcd',
      'bash-0123abcd/..',
      '../bash-0123abcd',
      'zsh-0123abcd',
    ]) {
      assert.equal(isTaskId(id), false, JSON.stringify(id));
    }
  });
});

describe('hashSession', () => {
  it('gives the directory names that AFT makes', () => {
    assert.equal(hashSession('ses_alpha'), '761e48ac259824c0');
    assert.equal(hashSession('ses_beta/with space'), 'a500a41aa2379370');
    assert.equal(hashSession('ses_gamma'), 'cef9ffe488cc3bc9');
    assert.equal(hashSession('__default__'), '2f2d9de35f25e2c1');
  });
});

describe('projectCacheKey', () => {
  const directory = temporaryDirectory();
  const hash = (text: string): string =>
    createHash('sha256').update(text).digest('hex').slice(0, 16);

  it('is the hash of the canonical path', () => {
    const project = join(directory(), 'project');
    mkdirSync(project);
    symlinkSync(project, join(directory(), 'link'));
    for (const root of [
      project,
      `${project}/`,
      join(directory(), 'link'),
      `${project}/../link/.`,
    ]) {
      assert.equal(projectCacheKey(root), hash(project), root);
    }
  });

  it('resolves . and .. in the text of a path that does not exist', () => {
    assert.equal(projectCacheKey('/no/such/./place/../root/'), hash('/no/such/root'));
  });
});

describe('sessionTasksDir', () => {
  const directory = temporaryDirectory();
  const below = (...parts: string[]): string =>
    join(directory(), ...parts, 'bash-tasks', hashSession(sessionId));
  const make = (path: string): void => {
    mkdirSync(path, { recursive: true });
  };

  it('is the direct directory if it exists, whatever the harnesses have', () => {
    make(below());
    make(below('opencode'));
    assert.equal(sessionTasksDir(directory(), sessionId), below());
  });

  for (const harness of ['opencode', 'pi']) {
    it(`is that of ${harness} if only it has the session`, () => {
      make(below(harness));
      assert.equal(sessionTasksDir(directory(), sessionId), below(harness));
    });
  }

  it('is the direct one if both harnesses have the session', () => {
    make(below('opencode'));
    make(below('pi'));
    assert.equal(sessionTasksDir(directory(), sessionId), below());
  });

  it('is the direct one if nobody has the session', () => {
    make(below('runner'));
    assert.equal(sessionTasksDir(directory(), sessionId), below());
  });
});

describe('taskPaths', () => {
  const directory = temporaryDirectory();

  it('gives the names of the flat layout where no task directory is there', () => {
    const dir = sessionTasksDir(directory(), sessionId);
    assert.deepEqual(taskPaths(directory(), sessionId, taskId), {
      layout: 'flat',
      sessionDir: dir,
      taskId,
      json: join(dir, `${taskId}.json`),
      stdout: join(dir, `${taskId}.stdout`),
      stderr: join(dir, `${taskId}.stderr`),
      pty: join(dir, `${taskId}.pty`),
      exit: join(dir, `${taskId}.exit`),
      taskDir: undefined,
    });
  });

  it('gives the names of the directory layout where one is', () => {
    const paths = pathsIn(directory(), 'directory');
    put(paths.json);
    const taskDir = join(paths.sessionDir, taskId);
    assert.deepEqual(taskPaths(directory(), sessionId, taskId), {
      layout: 'directory',
      sessionDir: paths.sessionDir,
      taskId,
      json: join(taskDir, 'control', 'metadata.json'),
      stdout: join(taskDir, 'io', 'stdout'),
      stderr: join(taskDir, 'io', 'stderr'),
      pty: join(taskDir, 'io', 'pty'),
      exit: join(taskDir, 'io', 'exit'),
      taskDir,
    });
  });

  it('refuses a task that is there in both layouts', () => {
    put(pathsIn(directory(), 'directory').json);
    put(pathsIn(directory(), 'flat').json);
    assertFails(() => taskPaths(directory(), sessionId, taskId), 'corrupt');
    assertFails(() => {
      refuseTwoLayouts(pathsIn(directory(), 'flat'));
    }, 'corrupt');
  });

  it('never makes a path of what is no task id', () => {
    fc.assert(
      fc.property(fc.string(), (id) => {
        fc.pre(!isTaskId(id));
        assertFails(() => taskPaths('/storage', sessionId, id), 'unsafe-path');
        assertFails(() => bundlePaths('/session', id, 'flat'), 'unsafe-path');
      }),
    );
  });
});
