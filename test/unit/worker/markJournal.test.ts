import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MarkJournal } from '../../../src/worker/markJournal.ts';

describe('the journal of marks', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'aft-marks-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('forgets what is no mark, waits for no pipe, and finds those that were cut off', () => {
    const key = '0a1b2c3d/opencode/0123456789abcdef/bash-0a1b2c3d';
    mkdirSync(join(directory, 'a.json'));
    spawnSync('mkfifo', [join(directory, 'b.json')]);
    writeFileSync(join(directory, 'c.json'), '[');
    writeFileSync(join(directory, 'd.json'), JSON.stringify({ key, mark: 'delivered' }));
    const [found, ...others] = new MarkJournal(directory).unfinished('0a1b2c3d');
    assert.deepEqual([found?.key, found?.mark, others], [key, 'delivered', []]);
    assert.deepEqual(readdirSync(directory), ['d.json']);
  });
});
