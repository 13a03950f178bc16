import assert from 'node:assert/strict';
import { projectCacheKey } from '../../../src/persistence/paths.ts';
import { parseRecord } from '../../../src/persistence/recordCodec.ts';
import { fromBashTaskRow, toBashTaskRow, type BashTaskRow } from '../../../src/persistence/row.ts';
import { pathsIn, put, recordJson, sessionId, taskId, temporaryDirectory } from './support.ts';

const oneLine = (json: string): string => JSON.stringify(JSON.parse(json));

describe('toBashTaskRow', () => {
  const directory = temporaryDirectory();

  it('takes the columns from the record and the captures', () => {
    const paths = pathsIn(directory(), 'flat');
    put(paths.stdout, 'abc');
    const task = parseRecord(recordJson({ child_pid: 7 }));
    assert.deepEqual(toBashTaskRow(task, 'opencode', paths), {
      harness: 'opencode',
      sessionId,
      taskId,
      projectKey: projectCacheKey('/home/dev/project'),
      command: 'echo hello',
      cwd: '/home/dev/project',
      status: 'completed',
      exitCode: 0,
      pid: 7,
      pgid: 8922,
      startedAt: 1795379393720,
      completedAt: 1795379393819,
      stdoutPath: paths.stdout,
      stderrPath: paths.stderr,
      compressed: true,
      timeoutMs: 1800000,
      completionDelivered: false,
      outputBytes: 3,
      metadata: oneLine(recordJson({ child_pid: 7 })),
    });
  });

  it('names the pty capture as stdout, and no stderr, in mode pty', () => {
    const paths = pathsIn(directory(), 'directory');
    const row = toBashTaskRow(parseRecord(recordJson({ mode: 'pty' })), 'pi', paths);
    assert.equal(row.stdoutPath, paths.pty);
    assert.equal(row.stderrPath, undefined);
    assert.equal(row.outputBytes, undefined);
  });

  it('makes the project key of the workdir where there is no project root', () => {
    const task = parseRecord(recordJson({ project_root: null, workdir: '/no/such/workdir' }));
    const row = toBashTaskRow(task, 'pi', pathsIn(directory(), 'flat'));
    assert.equal(row.projectKey, projectCacheKey('/no/such/workdir'));
  });

  it('writes the schema of a written record into the metadata', () => {
    for (const [schema_version, written] of [
      [2, 4],
      [3, 4],
      [4, 4],
      [6, 6],
    ] as const) {
      const task = parseRecord(recordJson({ schema_version }));
      const row = toBashTaskRow(task, 'pi', pathsIn(directory(), 'flat'));
      assert.equal(row.metadata, oneLine(recordJson({ schema_version: written })));
    }
  });

  it('lets unsigned numbers turn negative as 64-bit columns do', () => {
    const json = recordJson({ started_at: '@' }).replace('"@"', '18446744073709549568');
    const row = toBashTaskRow(parseRecord(json), 'pi', pathsIn(directory(), 'flat'));
    assert.equal(row.startedAt, -2048);
  });
});

describe('fromBashTaskRow', () => {
  const row: BashTaskRow = {
    harness: 'opencode',
    sessionId,
    taskId,
    projectKey: '0123456789abcdef',
    command: 'make',
    cwd: '/w',
    status: 'killed',
    exitCode: 137,
    pid: 7,
    pgid: 8,
    startedAt: 1000,
    completedAt: 1500,
    stdoutPath: '/x',
    stderrPath: undefined,
    compressed: false,
    timeoutMs: 9,
    completionDelivered: true,
    outputBytes: 3,
    metadata: 'no record',
  };

  it('takes the metadata where it parses, of whatever schema', () => {
    for (const schema_version of [4, 99]) {
      const task = fromBashTaskRow({ ...row, metadata: recordJson({ schema_version }) });
      assert.equal(task.command, 'echo hello');
      assert.equal(task.schemaVersion, schema_version);
    }
  });

  it('rebuilds the record from the columns where the metadata does not parse', () => {
    assert.deepEqual(fromBashTaskRow(row), {
      schemaVersion: 4,
      taskId,
      sessionId,
      command: 'make',
      mode: 'pipes',
      workdir: '/w',
      projectRoot: undefined,
      status: 'killed',
      startedAt: 1000,
      finishedAt: 1500,
      durationMs: 500,
      timeoutMs: 9,
      exitCode: 137,
      childPid: 7,
      pgid: 8,
      completionDelivered: true,
      notifyOnCompletion: false,
      compressed: false,
      ptyRows: undefined,
      ptyCols: undefined,
      statusReason: undefined,
      liveDescendants: undefined,
      remote: false,
      harness: undefined,
      source: undefined,
    });
    assert.equal(
      fromBashTaskRow({ ...row, metadata: recordJson({ status: 'x' }) }).command,
      'make',
    );
  });

  it('reads every status by name, and an unknown one as failed', () => {
    for (const status of [
      'starting',
      'running',
      'killing',
      'completed',
      'failed',
      'killed',
      'timed_out',
      'fate_unknown',
    ]) {
      assert.equal(fromBashTaskRow({ ...row, status }).status, status);
    }
    assert.equal(fromBashTaskRow({ ...row, status: 'paused' }).status, 'failed');
  });

  it('wants to be notified exactly if it is not delivered', () => {
    const task = fromBashTaskRow({ ...row, completionDelivered: false });
    assert.equal(task.notifyOnCompletion, true);
  });

  it('takes numbers out of a field’s width for 0 or none, and saturates the duration', () => {
    const odd = { startedAt: -1, completedAt: -1, timeoutMs: -1, pid: -1, pgid: 2 ** 31 };
    const task = fromBashTaskRow({ ...row, ...odd });
    assert.equal(task.startedAt, 0);
    for (const field of ['finishedAt', 'durationMs', 'timeoutMs', 'childPid', 'pgid'] as const) {
      assert.equal(task[field], undefined, field);
    }
    assert.equal(fromBashTaskRow({ ...row, pid: 2 ** 32 }).childPid, undefined);
    assert.equal(fromBashTaskRow({ ...row, completedAt: 500 }).durationMs, 0);
  });

  it('is the way back from toBashTaskRow', () => {
    const json = recordJson({ schema_version: 6, live_descendants: [] });
    const made = toBashTaskRow(parseRecord(json), 'pi', pathsIn('/no', 'flat'));
    assert.equal(fromBashTaskRow(made).source, oneLine(json));
  });
});
