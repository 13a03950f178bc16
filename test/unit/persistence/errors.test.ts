import assert from 'node:assert/strict';
import { PersistenceError } from '../../../src/persistence/errors.ts';

describe('PersistenceError', () => {
  const systemError = (code: string): Error => Object.assign(new Error(`${code}: words`), { code });

  it('tells a system’s errors apart by reason, and names the path', () => {
    for (const [code, reason] of [
      ['ENOENT', 'not-found'],
      ['ELOOP', 'unsafe-path'],
      ['ENOTDIR', 'unsafe-path'],
      ['EACCES', 'io'],
      ['EPERM', 'io'],
      ['ENOSPC', 'io'],
    ] as const) {
      const cause = systemError(code);
      const error = PersistenceError.from(cause, '/storage/file');
      assert.equal(error.reason, reason, code);
      assert.equal(error.path, '/storage/file');
      assert.equal(error.cause, cause);
      assert.ok(error.message.includes('/storage/file'));
    }
  });

  it('is left as it is when it comes by again', () => {
    const error = new PersistenceError('corrupt', 'words', { path: '/a' });
    assert.equal(PersistenceError.from(error, '/b'), error);
  });

  it('is told from other errors', () => {
    assert.equal(PersistenceError.is(new PersistenceError('io', 'words')), true);
    assert.equal(PersistenceError.is(new Error('words')), false);
    assert.equal(PersistenceError.is(undefined), false);
  });
});
