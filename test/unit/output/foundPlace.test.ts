import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPlace } from '../../../src/output/captures/foundPlace.ts';

describe('the place of a text that was found', () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'aft-place-'));
    path = join(directory, 'stdout');
  });

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  /** The bytes of `content` at the place. */
  function placed(content: string, offset: number, text: string): string {
    writeFileSync(path, content);
    const { start, end } = findPlace(directory, path, offset, text);
    return Buffer.from(content).subarray(start, end).toString();
  }

  it('is its bytes, from the line’s start on', () => {
    writeFileSync(path, 'needle\nthe needle\nend\n');
    const place = findPlace(directory, path, 7, 'needle');
    assert.deepEqual(place, { start: 11, end: 17, linesAfter: 2 });
  });

  it('has the colours, links and blanks that are in it', () => {
    for (const found of [
      'nee\x1b[1;31mdle in\x1b[0m',
      // As grep and gcc write colours.
      'nee\x1b[01;31m\x1b[Kdle\x1b[m\x1b[K in',
      'needle\x1b[m\t  in',
      '\x1b[4mneedle \x1b]8;;http://x/\x1b\\in',
    ]) {
      assert.ok(found.includes(placed(`a ${found} b\n`, 0, 'needle in')));
      assert.notEqual(placed(`a ${found} b\n`, 0, 'needle in'), '', found);
    }
  });

  it('is one of characters of any length, and of those that expressions are made of', () => {
    assert.equal(placed('x à la carte 漢字 x', 0, 'à la carte 漢字'), 'à la carte 漢字');
    assert.equal(placed('x (a+)[.]{2}|\\^$* x', 0, '(a+)[.]{2}|\\^$*'), '(a+)[.]{2}|\\^$*');
  });

  it('is the first one of the line', () => {
    writeFileSync(path, 'go 10%\rgo 20%\ngo 30%\n');
    assert.deepEqual(findPlace(directory, path, 1, 'go'), { start: 7, end: 9, linesAfter: 2 });
  });

  it('is far from the line’s start where a search looked at so much at once', () => {
    const frames = '\x1b[Hframe\x1b[K'.repeat(46_000);
    assert.ok(frames.length > 500_000);
    assert.equal(placed(`${frames}\x1b[Hthe\x1b[5Gneedle`, 0, 'the needle'), 'the\x1b[5Gneedle');
  });

  it('is none that begins within a sequence', () => {
    writeFileSync(path, '\x1b[1ma ma\n');
    assert.deepEqual(findPlace(directory, path, 0, 'ma'), { start: 6, end: 8, linesAfter: 1 });
  });

  it('is looked for once in a long row of sequences, not anew from within each', () => {
    // Read anew from each, these rows take minutes.
    for (const [sequence, text] of [
      ['\x1b[m', 'mb'],
      ['\x1b[a', 'a b'],
    ] as const) {
      writeFileSync(path, `${sequence.repeat(100_000)}${text}`);
      const { start } = findPlace(directory, path, 0, text);
      assert.equal(start, 100_000 * sequence.length);
    }
  });

  it('is nothing at the line’s start where the text is not written in one go', () => {
    for (const [content, text] of [
      ['nee\x1b[5Cdle\n', 'needle'],
      ['x\nneedle\n', 'needle'],
      ['x\n', ' '],
      ['x\n', ''],
    ] as const) {
      writeFileSync(path, content);
      const { start, end } = findPlace(directory, path, 0, text);
      assert.deepEqual([start, end], [0, 0], content);
    }
  });

  it('is at the end of a capture that became shorter', () => {
    writeFileSync(path, 'a\n');
    assert.deepEqual(findPlace(directory, path, 1000, 'x'), { start: 2, end: 2, linesAfter: 0 });
  });

  it('is looked for in time that grows with the line', () => {
    for (const piece of [
      'a',
      ' ',
      'a ',
      '\x1b[1m',
      'a\x1b[m',
      '\x1b[1;1;1',
      '\x1b]8;;x',
      '\x1b[0;',
    ]) {
      const line = piece.repeat(Math.ceil(500_000 / piece.length));
      assert.equal(placed(line, 0, `${'a'.repeat(100)} a b`), '', JSON.stringify(piece));
    }
  });

  it('does not count the lines of a long way', () => {
    writeFileSync(path, `${'x'.repeat(1024 * 1024 - 1)}\n`.repeat(33));
    assert.equal(findPlace(directory, path, 0, 'y').linesAfter, undefined);
    assert.equal(findPlace(directory, path, 2 * 1024 * 1024, 'y').linesAfter, 31);
  });
});
