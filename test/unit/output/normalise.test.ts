import assert from 'node:assert/strict';
import { normaliseTimes } from '../../../src/output/captures/normalise.ts';

describe('normaliseTimes', () => {
  for (const [text, expected] of [
    ['2026-11-23T05:48:27.123Z start', '<time> start'],
    ['[2026-11-23 05:48:27,123] INFO', '[<time>] INFO'],
    ['2026/11/23 05:48:27 +0100 x', '<time> x'],
    ['Nov 23 05:48:27 host app', '<time> host app'],
    ['Mon Nov  3 05:48:27 UTC 2026', '<time>'],
    ['127.0.0.1 [23/Nov/2026:05:48:27 +0000] "GET /"', '127.0.0.1 [<time>] "GET /"'],
    ['Date: Mon, 23 Nov 2026 05:48:27 GMT', 'Date: <time>'],
    ['built on 2026-11-23', 'built on <date>'],
    ['5:48:27 PM', '<time>'],
    ['built in 412 ms', 'built in <duration>'],
    ['2 passing (1.23s)', '2 passing (<duration>)'],
    ['took 1m 20.5s.', 'took <duration>.'],
    ['done in 2 minutes', 'done in <duration>'],
    ['ts=1795412907123', 'ts=<time>'],
  ] as const) {
    it(`sees the time in ${JSON.stringify(text)}`, () => {
      assert.equal(normaliseTimes(text), expected);
    });
  }

  for (const text of [
    'src/a.ts:12:34',
    'v1.2.3',
    '5 maps',
    '3 files',
    '10.0.0.1:8080',
    'exit 3',
    'a1b2c3d4s',
    '16:9',
    '0x7f12s',
  ]) {
    it(`leaves ${JSON.stringify(text)} alone`, () => {
      assert.equal(normaliseTimes(text), text);
    });
  }
});
