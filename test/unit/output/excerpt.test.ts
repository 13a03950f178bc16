import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readExcerpt } from '../../../src/output/captures/excerpt.ts';

describe('readExcerpt', () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'aft-excerpt-'));
    path = join(directory, 'stdout');
  });

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it('shows all of a small capture', () => {
    writeFileSync(path, 'one\n\x1b[31mtwo\x1b[0m\nthree');
    assert.deepEqual(readExcerpt(directory, path, 4), {
      text: 'one\ntwo\nthree',
      line: 1,
      skippedBytes: 0,
      restBytes: 0,
      linesAfter: 1,
    });
  });

  it('shows whole lines around a place in a large one', () => {
    const lines = Array.from({ length: 100_000 }, (_, index) => `line ${index} of many`);
    const content = `${lines.join('\n')}\n`;
    writeFileSync(path, content);
    const offset = content.indexOf('line 50000 ');
    const excerpt = readExcerpt(directory, path, offset);
    const shown = excerpt.text.split('\n');
    assert.equal(shown[excerpt.line], 'line 50000 of many');
    assert.match(shown[0] ?? '', /^line \d+ of many$/);
    assert.match(shown.at(-2) ?? '', /^line \d+ of many$/);
    assert.equal(shown.at(-1), '');
    assert.equal(excerpt.skippedBytes + excerpt.text.length + excerpt.restBytes, content.length);
    assert.equal(excerpt.linesAfter, 50_000);
    assert.ok(excerpt.text.length <= 512 * 1024);
  });

  it('shows a part of an endless line', () => {
    writeFileSync(path, 'é'.repeat(1_000_000));
    const { text, line } = readExcerpt(directory, path, 1_000_000);
    assert.equal(line, 0);
    assert.match(text, /^é+\ufffd?$/);
  });

  it('takes a place behind the end of a capture that became shorter for its end', () => {
    writeFileSync(path, 'a\nb\n');
    assert.deepEqual(readExcerpt(directory, path, 1000).line, 2);
  });
});
