import assert from 'node:assert/strict';
import { closeSync, readFileSync, statSync, symlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  captureOutputBytes,
  captureSizes,
  createCaptureFile,
} from '../../../src/persistence/capture.ts';
import { assertFails, pathsIn, put, temporaryDirectory } from './support.ts';

describe('captureOutputBytes', () => {
  const directory = temporaryDirectory();

  it('is the sum of stdout and stderr in mode pipes', () => {
    const paths = pathsIn(directory(), 'flat');
    put(paths.stdout, 'abc');
    put(paths.stderr, 'de');
    put(paths.pty, 'not counted');
    assert.equal(captureOutputBytes('pipes', paths), 5);
    assert.deepEqual(captureSizes('pipes', paths), { stdout: 3, stderr: 2 });
  });

  it('is the size of the one that is there', () => {
    const paths = pathsIn(directory(), 'directory');
    put(paths.stderr, 'de');
    assert.equal(captureOutputBytes('pipes', paths), 2);
    assert.deepEqual(captureSizes('pipes', paths), { stderr: 2 });
  });

  it('is the size of the pty capture in mode pty', () => {
    const paths = pathsIn(directory(), 'flat');
    put(paths.stdout, 'not counted');
    put(paths.pty, 'abcd');
    assert.equal(captureOutputBytes('pty', paths), 4);
  });

  it('is absent, not 0, where there is no capture', () => {
    const paths = pathsIn(directory(), 'flat');
    assert.equal(captureOutputBytes('pipes', paths), undefined);
    assert.equal(captureOutputBytes('pty', paths), undefined);
    put(paths.pty, '');
    assert.equal(captureOutputBytes('pty', paths), 0);
  });

  it('does not count what a symbolic link leads to', () => {
    const paths = pathsIn(directory(), 'flat');
    put(join(directory(), 'foreign'), 'abc');
    put(paths.stderr, '');
    symlinkSync(join(directory(), 'foreign'), paths.stdout);
    assert.equal(captureOutputBytes('pipes', paths), 0);
  });
});

describe('createCaptureFile', () => {
  const directory = temporaryDirectory();

  it('makes an empty file, 0600, with its directories, 0700, open for writing', () => {
    const path = join(directory(), 'a', 'b', 'stdout');
    const fd = createCaptureFile(path);
    writeSync(fd, 'x');
    closeSync(fd);
    assert.equal(readFileSync(path, 'utf8'), 'x');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
  });

  it('empties a file that is there', () => {
    const path = join(directory(), 'stdout');
    put(path, 'old');
    closeSync(createCaptureFile(path));
    assert.equal(readFileSync(path, 'utf8'), '');
  });

  it('does not empty what a symbolic link leads to', () => {
    put(join(directory(), 'foreign'), 'mine');
    symlinkSync(join(directory(), 'foreign'), join(directory(), 'stdout'));
    assertFails(() => createCaptureFile(join(directory(), 'stdout')), 'unsafe-path');
    assert.equal(readFileSync(join(directory(), 'foreign'), 'utf8'), 'mine');
  });
});
