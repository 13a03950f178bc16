import assert from 'node:assert/strict';
import {
  isTerminal,
  isTerminalStatus,
  markRunning,
  markTerminal,
  SCHEMA_VERSION,
  starting,
  unixMillis,
  type NewTask,
} from '../../../src/persistence/record.ts';

const newTask: NewTask = {
  taskId: 'bash-0123456789abcdef',
  sessionId: 'ses',
  command: 'make',
  workdir: '/w',
  projectRoot: '/p',
  timeoutMs: 5000,
  notifyOnCompletion: true,
  compressed: false,
};

describe('starting', () => {
  it('makes a record of schema 4 in mode pipes without a process or an end', () => {
    const { liveDescendants, remote, harness, source, ...fields } = starting(newTask, 1000);
    assert.deepEqual(
      { liveDescendants, remote, harness, source },
      { liveDescendants: undefined, remote: false, harness: undefined, source: undefined },
    );
    assert.deepEqual(fields, {
      schemaVersion: SCHEMA_VERSION,
      taskId: 'bash-0123456789abcdef',
      sessionId: 'ses',
      command: 'make',
      mode: 'pipes',
      workdir: '/w',
      projectRoot: '/p',
      status: 'starting',
      startedAt: 1000,
      finishedAt: undefined,
      durationMs: undefined,
      timeoutMs: 5000,
      exitCode: undefined,
      childPid: undefined,
      pgid: undefined,
      completionDelivered: false,
      notifyOnCompletion: true,
      compressed: false,
      ptyRows: undefined,
      ptyCols: undefined,
      statusReason: undefined,
    });
  });

  it('is born delivered when nobody wants to be notified', () => {
    assert.equal(starting({ ...newTask, notifyOnCompletion: false }).completionDelivered, true);
  });

  it('starts now', () => {
    const before = Date.now();
    const { startedAt } = starting(newTask);
    assert.ok(startedAt >= before && startedAt <= Date.now());
  });
});

describe('markRunning', () => {
  it('sets status, pid and group, and leaves its argument alone', () => {
    const task = starting(newTask);
    const running = markRunning(task, 7, 8);
    assert.deepEqual(running, { ...task, status: 'running', childPid: 7, pgid: 8 });
    assert.equal(task.status, 'starting');
  });
});

describe('markTerminal', () => {
  const running = markRunning(starting(newTask, 1000), 7, 8);

  it('sets the end, its duration and reason, forgets the pid and keeps the group', () => {
    assert.deepEqual(markTerminal(running, 'failed', 3, 'because', 1500), {
      ...running,
      status: 'failed',
      exitCode: 3,
      finishedAt: 1500,
      durationMs: 500,
      childPid: undefined,
      pgid: 8,
      statusReason: 'because',
      completionDelivered: false,
    });
  });

  it('saturates the duration at 0 when the clock went back', () => {
    assert.equal(markTerminal(running, 'killed', undefined, undefined, 10).durationMs, 0);
  });

  it('counts as delivered exactly if nobody wants to be notified', () => {
    const quiet = { ...running, notifyOnCompletion: false, completionDelivered: false };
    assert.equal(markTerminal(quiet, 'completed', 0, undefined).completionDelivered, true);
    const told = { ...running, completionDelivered: true };
    assert.equal(markTerminal(told, 'completed', 0, undefined).completionDelivered, false);
  });
});

describe('isTerminal', () => {
  it('is so for the five ends and for no other status', () => {
    for (const status of ['starting', 'running', 'killing'] as const) {
      assert.equal(isTerminalStatus(status), false, status);
    }
    for (const status of ['completed', 'failed', 'killed', 'timed_out', 'fate_unknown'] as const) {
      assert.equal(isTerminal({ status }), true, status);
    }
  });
});

describe('unixMillis', () => {
  it('is the time since 1970, and 0 before', () => {
    assert.ok(Math.abs(unixMillis() - Date.now()) < 60_000);
    const { now } = Date;
    try {
      Date.now = () => -5;
      assert.equal(unixMillis(), 0);
    } finally {
      Date.now = now;
    }
  });
});
