import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  parseRecord,
  parseRecordOfAnySchema,
  serializeRecord,
  serializeRecordOnOneLine,
} from '../../../src/persistence/recordCodec.ts';
import { starting, type PersistedTask } from '../../../src/persistence/record.ts';
import { assertFails, recordJson, sessionId, taskId } from './support.ts';

describe('parseRecord', () => {
  it('reads every field of schema 4', () => {
    const record = {
      mode: 'pty',
      exit_code: -1,
      child_pid: 4294967295,
      pgid: -2147483648,
      pty_rows: 65535,
      pty_cols: 1,
      status_reason: 'because',
    };
    const { source, ...task } = parseRecord(recordJson(record));
    assert.equal(source, recordJson(record));
    assert.deepEqual(task, {
      schemaVersion: 4,
      taskId,
      sessionId,
      command: 'echo hello',
      mode: 'pty',
      workdir: '/home/dev/project',
      projectRoot: '/home/dev/project',
      status: 'completed',
      startedAt: 1795379393720,
      finishedAt: 1795379393819,
      durationMs: 99,
      timeoutMs: 1800000,
      exitCode: -1,
      childPid: 4294967295,
      pgid: -2147483648,
      completionDelivered: false,
      notifyOnCompletion: true,
      compressed: true,
      ptyRows: 65535,
      ptyCols: 1,
      statusReason: 'because',
      liveDescendants: undefined,
      remote: false,
      harness: undefined,
    });
  });

  it('takes the seed’s default for each optional key that is absent', () => {
    const absent = [
      'mode',
      'project_root',
      'finished_at',
      'duration_ms',
      'timeout_ms',
      'exit_code',
      'child_pid',
      'pgid',
      'notify_on_completion',
      'compressed',
      'pty_rows',
      'pty_cols',
      'status_reason',
    ];
    const changes = Object.fromEntries(absent.map((key) => [key, undefined]));
    const task = parseRecord(recordJson(changes));
    assert.deepEqual(
      { mode: task.mode, notify: task.notifyOnCompletion, compressed: task.compressed },
      { mode: 'pipes', notify: true, compressed: true },
    );
    for (const field of [
      'projectRoot',
      'finishedAt',
      'durationMs',
      'timeoutMs',
      'exitCode',
      'childPid',
      'pgid',
      'ptyRows',
      'ptyCols',
      'statusReason',
    ] as const) {
      assert.equal(task[field], undefined, field);
    }
  });

  for (const key of [
    'schema_version',
    'task_id',
    'session_id',
    'command',
    'workdir',
    'status',
    'started_at',
    'completion_delivered',
  ]) {
    it(`refuses a record without ${key}`, () => {
      const error = assertFails(() => parseRecord(recordJson({ [key]: undefined })), 'corrupt');
      assert.match(error.message, new RegExp(`"${key}" is missing`));
    });

    it(`refuses null for ${key}`, () => {
      assertFails(() => parseRecord(recordJson({ [key]: null })), 'corrupt');
    });
  }

  for (const key of ['mode', 'notify_on_completion', 'compressed']) {
    it(`refuses null for ${key}, which has a default only when absent`, () => {
      assertFails(() => parseRecord(recordJson({ [key]: null })), 'corrupt');
    });
  }

  for (const [key, lowest, highest] of [
    ['started_at', '0', '18446744073709551615'],
    ['finished_at', '0', '18446744073709551615'],
    ['duration_ms', '0', '18446744073709551615'],
    ['timeout_ms', '0', '18446744073709551615'],
    ['exit_code', '-2147483648', '2147483647'],
    ['child_pid', '0', '4294967295'],
    ['pgid', '-2147483648', '2147483647'],
    ['pty_rows', '0', '65535'],
    ['pty_cols', '0', '65535'],
  ] as const) {
    const withDigits = (digits: string): string =>
      recordJson({ [key]: '@' }).replace('"@"', digits);

    it(`takes ${key} from ${lowest} to ${highest}, and nothing beyond`, () => {
      parseRecord(withDigits(lowest));
      parseRecord(withDigits(highest));
      assertFails(() => parseRecord(withDigits(String(BigInt(lowest) - 1n))), 'corrupt');
      assertFails(() => parseRecord(withDigits(String(BigInt(highest) + 1n))), 'corrupt');
    });

    it(`refuses ${key} with a fraction, an exponent, a minus before zero, or as text`, () => {
      for (const digits of ['1.5', '1.0', '1e2', '1E2', '-0', '"1"', 'true', '[1]', '1e400']) {
        assertFails(() => parseRecord(withDigits(digits)), 'corrupt');
      }
    });
  }

  it('reads integers above 2^53', () => {
    const json = recordJson({ started_at: '@' }).replace('"@"', '9007199254740993');
    assert.equal(parseRecord(json).startedAt, 9007199254740992);
  });

  it('knows modes and statuses in lower case only', () => {
    assertFails(() => parseRecord(recordJson({ mode: 'Pty' })), 'corrupt');
    assertFails(() => parseRecord(recordJson({ mode: 'pipe' })), 'corrupt');
    assertFails(() => parseRecord(recordJson({ status: 'Running' })), 'corrupt');
    assertFails(() => parseRecord(recordJson({ status: 'constructor' })), 'corrupt');
    assert.equal(parseRecord(recordJson({ status: 'fate_unknown' })).status, 'fate_unknown');
  });

  it('reads schema 1 to 6', () => {
    for (const schema_version of [1, 2, 3, 4, 5, 6]) {
      assert.equal(parseRecord(recordJson({ schema_version })).schemaVersion, schema_version);
    }
  });

  it('refuses other schemas, names the version and those expected, and hands over what it read', () => {
    for (const schema_version of [0, 7, 99]) {
      const error = assertFails(
        () => parseRecord(recordJson({ schema_version, status: 'paused', workdir: undefined })),
        'unsupported-schema',
      );
      assert.match(error.message, new RegExp(`${schema_version} \\(expected 1 to 6\\)`));
      assert.equal(error.partial?.command, 'echo hello');
      assert.equal(error.partial.status, undefined);
      assert.equal(error.partial.workdir, undefined);
    }
  });

  it('hands over what could be read of a corrupt record', () => {
    const error = assertFails(() => parseRecord(recordJson({ status: 'paused' })), 'corrupt');
    assert.equal(error.partial?.taskId, taskId);
    assert.equal(error.partial.status, undefined);
  });

  it('refuses what is no JSON object', () => {
    for (const text of ['', '{', 'null', '4', '"x"', '[]', '[{}]', `${recordJson()}x`]) {
      assertFails(() => parseRecord(text), 'corrupt');
    }
  });

  it('refuses a byte order mark, as the seed’s parser does', () => {
    assertFails(() => parseRecord(`\uFEFF${recordJson()}`), 'corrupt');
  });

  it('refuses a known key that is there twice, and takes an unknown one', () => {
    const status = '"status": "completed"';
    const doubled = recordJson().replace(status, `${status},\n  "status": "running"`);
    assert.match(assertFails(() => parseRecord(doubled), 'corrupt').message, /"status".*twice/);
    // A glance may miss one that shares its line; a record is read closely before it is rewritten.
    const hidden = recordJson().replace(status, `${status}, "status": "running"`);
    assertFails(() => serializeRecord(parseRecord(hidden)), 'corrupt');
    const onOneLine = JSON.stringify(JSON.parse(recordJson())).replace('{', '{"task_id":"x",');
    assertFails(() => parseRecord(onOneLine), 'corrupt');
    parseRecord(recordJson().replace(status, `${status},\n  "more": 1,\n  "more": 2`));
  });

  it('misses no doubled key where another one is not laid out as AFT does', () => {
    const crowded = recordJson().replace('"mode": "pipes"', '"mode":"pipes"');
    const doubled = crowded.replace('"status": "completed"', '$&,\n  "status": "running"');
    assertFails(() => parseRecord(doubled), 'corrupt');
  });

  it('refuses half a surrogate pair in a text', () => {
    const json = recordJson({ command: '@' }).replace('@', '\\ud800');
    assertFails(() => parseRecord(json), 'corrupt');
  });

  it('takes nothing from __proto__', () => {
    const json = recordJson({ status: undefined }).replace(
      '{',
      '{"__proto__":{"status":"killed"},',
    );
    assertFails(() => parseRecord(json), 'corrupt');
    const proto = recordJson().replace('{', '{"__proto__":{"live_descendants":[]},');
    assert.equal(parseRecord(proto).liveDescendants, undefined);
  });

  it('reads the survivors that schema 6 lists, leaving out what is none', () => {
    const survivor = { pid: 12, comm: 'sleep', argv0: '/bin/sleep' };
    const json = recordJson({ schema_version: 6, live_descendants: [survivor, 3, { pid: 'x' }] });
    assert.deepEqual(parseRecord(json).liveDescendants, [survivor]);
  });

  it('tells a remote task and its harness for display (schema 7)', () => {
    const json = recordJson({ schema_version: 7, remote: { host: 'far' }, harness: 'opencode' });
    const { partial } = assertFails(() => parseRecord(json), 'unsupported-schema');
    assert.equal(partial?.remote, true);
    assert.equal(partial.harness, 'opencode');
  });
});

describe('parseRecordOfAnySchema', () => {
  it('does not look at the version, as rows are read in the seed', () => {
    assert.equal(parseRecordOfAnySchema(recordJson({ schema_version: 99 })).schemaVersion, 99);
    assertFails(() => parseRecordOfAnySchema(recordJson({ status: 'paused' })), 'corrupt');
  });
});

describe('serializeRecord', () => {
  const newTask = starting(
    {
      taskId,
      sessionId,
      command: 'echo "x"\n',
      workdir: '/w',
      notifyOnCompletion: true,
      compressed: true,
    },
    1000,
  );

  it('writes all fields of the seed in its order, pretty, null for none, without a final newline', () => {
    const record = {
      schema_version: 4,
      task_id: taskId,
      session_id: sessionId,
      command: 'echo "x"\n',
      mode: 'pipes',
      workdir: '/w',
      project_root: null,
      status: 'starting',
      started_at: 1000,
      finished_at: null,
      duration_ms: null,
      timeout_ms: null,
      exit_code: null,
      child_pid: null,
      pgid: null,
      completion_delivered: false,
      notify_on_completion: true,
      compressed: true,
      pty_rows: null,
      pty_cols: null,
      status_reason: null,
    };
    assert.equal(serializeRecord(newTask), JSON.stringify(record, null, 2));
    assert.equal(serializeRecordOnOneLine(newTask), JSON.stringify(record));
  });

  it('gives back an unchanged record to the byte', () => {
    for (const schema_version of [1, 4, 5, 6]) {
      const json = recordJson({ schema_version, zzz: { a: [] } });
      assert.equal(serializeRecord(parseRecord(json)), json);
    }
  });

  it('makes schema 2 and 3 into 4, with the keys of 4', () => {
    for (const schema_version of [2, 3]) {
      const json = recordJson({
        schema_version,
        mode: undefined,
        pty_rows: undefined,
        pty_cols: undefined,
      });
      assert.equal(serializeRecord(parseRecord(json)), recordJson());
    }
  });

  it('adds to schema 1 only the keys that got a value', () => {
    const old = { schema_version: 1, mode: undefined, notify_on_completion: undefined };
    const task = parseRecord(recordJson({ ...old, finished_at: undefined, exit_code: undefined }));
    assert.equal(
      serializeRecord({ ...task, exitCode: 137 }),
      recordJson({ ...old, finished_at: undefined, exit_code: 137 }),
    );
  });

  it('puts a missing key behind the field that AFT writes before it', () => {
    const json = recordJson({ finished_at: undefined, exit_code: undefined });
    const task = parseRecord(json);
    assert.equal(
      serializeRecord({ ...task, finishedAt: 5, exitCode: 1 }),
      recordJson({ finished_at: 5, exit_code: 1 }),
    );
  });

  it('keeps unknown keys, their order, and numbers digit for digit', () => {
    const json = recordJson({ started_at: '@1' })
      .replace('"@1"', '18446744073709551615')
      .replace('{', '{\n  "7": 1.50,\n  "3": 12345678901234567890,\n  "__proto__": {},')
      .replace('"status"', '"pipeline_segments": [\n    "printf"\n  ],\n  "status"');
    const task = parseRecord(json);
    assert.equal(
      serializeRecord({ ...task, completionDelivered: true }),
      json.replace('"completion_delivered": false', '"completion_delivered": true'),
    );
  });

  it('replaces a large number that was changed', () => {
    const json = recordJson({ started_at: '@' }).replace('"@"', '9007199254740993');
    assert.equal(
      serializeRecord({ ...parseRecord(json), startedAt: 7 }),
      recordJson({ started_at: 7 }),
    );
  });

  it('round-trips any record', () => {
    fc.assert(
      fc.property(anyTask, (task) => {
        const { source: text, ...fields } = parseRecord(serializeRecord(task));
        const { source, ...expected } = task;
        assert.deepEqual(fields, expected);
        assert.equal(source, undefined);
        assert.equal(serializeRecord(parseRecord(text ?? '')), text);
      }),
    );
  });

  it('keeps unknown keys in any position through any change', () => {
    const unknownKey = fc.string().filter((key) => !(key in JSON.parse(recordJson())));
    const unknown = fc.uniqueArray(
      fc.record({ key: unknownKey, value: fc.jsonValue(), place: fc.nat(21) }),
      { selector: ({ key }) => key },
    );
    fc.assert(
      fc.property(unknown, anyTask, (extras, task) => {
        const lines = recordJson().slice(4, -2).split(',\n  ');
        for (const { key, value, place } of extras) {
          lines.splice(place, 0, `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
        }
        const json = `{${lines.join(',')}}`;
        const { source } = parseRecord(json);
        const written = serializeRecord({ ...task, source, schemaVersion: 4 });
        assert.deepEqual(keysOf(written), keysOf(json));
        const parsed = JSON.parse(written) as Record<string, unknown>;
        for (const { key, value } of extras) {
          assert.deepEqual(parsed[key], JSON.parse(JSON.stringify(value)));
        }
        assert.equal(parsed['command'], task.command);
      }),
    );
  });
});

function keysOf(json: string): string[] {
  return Object.keys(JSON.parse(json) as object);
}

const u64 = fc.maxSafeNat();
const i32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const text = fc.string({ unit: 'grapheme' }).filter((value) => value.isWellFormed());
function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined });
}

const anyTask: fc.Arbitrary<PersistedTask> = fc.record({
  schemaVersion: fc.constantFrom(4, 5, 6),
  taskId: text,
  sessionId: text,
  command: text,
  mode: fc.constantFrom('pipes', 'pty'),
  workdir: text,
  projectRoot: maybe(text),
  status: fc.constantFrom(
    'starting',
    'running',
    'killing',
    'completed',
    'failed',
    'killed',
    'timed_out',
    'fate_unknown',
  ),
  startedAt: u64,
  finishedAt: maybe(u64),
  durationMs: maybe(u64),
  timeoutMs: maybe(u64),
  exitCode: maybe(i32),
  childPid: maybe(fc.integer({ min: 0, max: 0xffff_ffff })),
  pgid: maybe(i32),
  completionDelivered: fc.boolean(),
  notifyOnCompletion: fc.boolean(),
  compressed: fc.boolean(),
  ptyRows: maybe(fc.nat(0xffff)),
  ptyCols: maybe(fc.nat(0xffff)),
  statusReason: maybe(text),
  liveDescendants: fc.constant(undefined),
  remote: fc.constant(false),
  harness: fc.constant(undefined),
  source: fc.constant(undefined),
});
