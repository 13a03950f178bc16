import assert from 'node:assert/strict';
import type { Identity } from '../../../src/process/identity.ts';
import { liveness, type LivenessContext } from '../../../src/process/liveness.ts';

const now = 1_795_410_000_000;
const record = {
  status: 'running',
  remote: false,
  childPid: 4242,
  pgid: 4242,
  startedAt: now - 3_600_000,
} as const;
const context: LivenessContext = {
  now,
  foreign: undefined,
  exitMarker: undefined,
  goneSince: undefined,
  changedAt: now - 60_000,
};
const reason = '';
const same: Identity = { kind: 'same', leader: true, reason };
const survivors: Identity = { kind: 'same', leader: false, reason };
const gone: Identity = { kind: 'gone', reason };
const stranger: Identity = { kind: 'stranger', reason };
const otherUser: Identity = { kind: 'other-user', leader: true, reason };
const unknown: Identity = { kind: 'unknown', reason };

describe('liveness', () => {
  it('is ended for a terminal record, whatever has its process number now', () => {
    for (const status of ['completed', 'failed', 'killed', 'timed_out', 'fate_unknown'] as const) {
      assert.equal(liveness({ ...record, status }, same, context), 'ended');
      assert.equal(liveness({ ...record, status, remote: true }, gone, context), 'ended');
    }
  });

  it('is alive for the task’s process, its survivors, and another user’s', () => {
    for (const identity of [same, survivors, otherUser]) {
      assert.equal(liveness(record, identity, context), 'alive');
    }
  });

  it('is orphaned where the process is gone or another one', () => {
    for (const status of ['starting', 'running', 'killing'] as const) {
      assert.equal(liveness({ ...record, status }, gone, context), 'orphaned');
      assert.equal(liveness({ ...record, status }, stranger, context), 'orphaned');
    }
  });

  it('is unknown where the identity can’t be told', () => {
    assert.equal(liveness(record, unknown, context), 'unknown');
  });

  it('is unknown for a remote task', () => {
    for (const identity of [same, gone, stranger]) {
      assert.equal(liveness({ ...record, remote: true }, identity, context), 'unknown');
    }
  });

  it('is unknown for a storage whose processes may be elsewhere', () => {
    for (const identity of [same, gone, stranger]) {
      assert.equal(liveness(record, identity, { ...context, foreign: 'nfs' }), 'unknown');
    }
  });

  it('is unknown while someone writes after the process was found gone', () => {
    const since = { ...context, goneSince: now - 1000 };
    assert.equal(liveness(record, gone, { ...since, changedAt: now - 999 }), 'unknown');
    assert.equal(liveness(record, stranger, { ...since, changedAt: now - 999 }), 'unknown');
    assert.equal(liveness(record, gone, { ...since, changedAt: now - 1000 }), 'orphaned');
    assert.equal(liveness(record, gone, { ...since, changedAt: undefined }), 'orphaned');
  });

  it('is unknown for a young record whose process is not started yet, then orphaned', () => {
    const starting = {
      ...record,
      status: 'starting',
      childPid: undefined,
      pgid: undefined,
    } as const;
    assert.equal(liveness({ ...starting, startedAt: now - 29_999 }, gone, context), 'unknown');
    assert.equal(liveness({ ...starting, startedAt: now - 30_000 }, gone, context), 'orphaned');
    assert.equal(
      liveness({ ...starting, status: 'running', startedAt: now }, gone, context),
      'orphaned',
    );
  });

  it('is orphaned where the command has ended by itself and no AFT has recorded it', () => {
    const ended = { ...context, exitMarker: { kind: 'code', code: 0 } } as const;
    assert.equal(liveness(record, gone, ended), 'orphaned');
    assert.equal(liveness(record, survivors, ended), 'orphaned');
    assert.equal(liveness(record, same, ended), 'alive');
  });

  it('is alive while a kill waits for the processes to end', () => {
    const killing = { ...context, exitMarker: { kind: 'killed' } } as const;
    assert.equal(liveness(record, survivors, killing), 'alive');
    assert.equal(liveness(record, gone, killing), 'orphaned');
  });
});
