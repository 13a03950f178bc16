import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Renderer } from '../../../src/output/rendering/renderer.ts';
import { CaptureSearcher, type SearchMatch } from '../../../src/output/search/searchCapture.ts';
import { compileSearch, type SearchQuery } from '../../../src/output/search/searchPattern.ts';

describe('CaptureSearcher', () => {
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'aft-search-'));
  });

  after(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  function search(
    content: string | Uint8Array,
    query: Partial<SearchQuery>,
    limit = 1000,
  ): { matches: SearchMatch[]; further: number; bytes: number } {
    const path = join(directory, 'capture');
    writeFileSync(path, content);
    const pattern = compileSearch({
      text: '',
      isRegex: false,
      matchCase: false,
      wholeWord: false,
      ...query,
    });
    const found = { matches: [] as SearchMatch[], further: 0, bytes: 0 };
    const fd = openSync(path, 'r');
    try {
      new CaptureSearcher(pattern, limit).search(fd, Buffer.byteLength(content), {
        onMatch: (match) => found.matches.push(match),
        onFurtherMatch: () => found.further++,
        onMatching: () => undefined,
        onProgress: (bytes) => {
          found.bytes = bytes;
        },
      });
    } finally {
      closeSync(fd);
    }
    return found;
  }

  const lines = (content: string | Uint8Array, query: Partial<SearchQuery>): number[] =>
    search(content, query).matches.map(({ line }) => line);

  it('finds lines, with their number, place and text', () => {
    const { matches, bytes } = search('one\ntwo and two\nthree two', { text: 'two' });
    assert.deepEqual(matches, [
      { line: 2, offset: 4, text: 'two and two', start: 0, length: 3 },
      { line: 3, offset: 16, text: 'three two', start: 6, length: 3 },
    ]);
    assert.equal(bytes, 25);
  });

  it('finds by regular expressions within a line only', () => {
    assert.deepEqual(lines('ab\nba\nabba\n', { text: '^a.*a$', isRegex: true }), [3]);
    assert.deepEqual(lines('a\nb\n', { text: 'a\\s+b', isRegex: true }), []);
    assert.deepEqual(lines('x\n\n\ny\r\n', { text: '^$', isRegex: true }), [2, 3]);
    assert.deepEqual(lines('y\r\nyy\r\n', { text: 'y$', isRegex: true }), [1, 2]);
  });

  it('finds text that colours cut in two, and no text in the sequences', () => {
    const content =
      'plain\n\x1b[31mer\x1b[1mror\x1b[0m: foo\x1b[K\n\x1b]8;;http://needle/\x07link\x1b]8;;\x07\n';
    const { matches } = search(content, { text: 'error: foo' });
    assert.deepEqual(matches, [{ line: 2, offset: 6, text: 'error: foo', start: 0, length: 10 }]);
    assert.deepEqual(lines(content, { text: 'needle' }), []);
    assert.deepEqual(lines(content, { text: '31' }), []);
    assert.deepEqual(lines(content, { text: '^link$', isRegex: true }), [3]);
  });

  it('finds what a rewritten line shows in the end', () => {
    const content = 'start\n 10%\r 50%\r100%\nend 50%\n';
    assert.deepEqual(lines(content, { text: '100%' }), [2]);
    assert.deepEqual(lines(content, { text: '50%' }), [3]);
  });

  it('finds in a line of many megabytes, and across the cuts in it', () => {
    const line = Buffer.alloc(5 * 1024 * 1024, 'x');
    for (const at of [0, 1024 * 1024 - 3, 1024 * 1024 + 4093, 3_000_000, line.length - 6]) {
      const content = Buffer.from(line);
      content.write('needle', at);
      const { matches, bytes } = search(content, { text: 'needle' });
      assert.equal(matches.length, 1, String(at));
      assert.equal(matches[0]?.text.slice(matches[0].start, matches[0].start + 6), 'needle');
      assert.ok(matches[0].text.length <= 300);
      assert.equal(bytes, content.length);
      assert.deepEqual(lines(content, { text: 'ne+dle', isRegex: true }), [1]);
      assert.deepEqual(lines(content, { text: '[n]eedle|y', isRegex: true }), [1]);
    }
  });

  it('reports a line once, however long', () => {
    const content = Buffer.concat([Buffer.alloc(3 * 1024 * 1024, 'ab'), Buffer.from('\nab\n')]);
    assert.deepEqual(lines(content, { text: 'ab' }), [1, 2]);
    assert.deepEqual(lines(content, { text: '[a]b', isRegex: true }), [1, 2]);
  });

  it('finds past a long line of sequences that move the cursor far', () => {
    const content = '\x1b[65000Cx\n'.repeat(2000) + 'needle\n\x1b[31mneedle\x1b[0m\n';
    assert.deepEqual(lines(content, { text: 'needle' }), [2001, 2002]);
  });

  it('counts what it does not report', () => {
    const { matches, further } = search('a\n'.repeat(100), { text: 'a' }, 10);
    assert.equal(matches.length, 10);
    assert.equal(further, 90);
  });

  it('answers the same line numbers and places across many blocks', () => {
    const parts = Array.from({ length: 60_000 }, (_, index) =>
      index % 1000 === 7
        ? `line ${index} \x1b[32mgre\x1b[1men\x1b[0m`
        : `line ${index} with some padding to be longer ünïcödé`,
    );
    const content = parts.join('\n');
    const { matches } = search(content, { text: 'green' });
    assert.deepEqual(
      matches.map(({ line }) => line),
      Array.from({ length: 60 }, (_, index) => index * 1000 + 8),
    );
    for (const { offset, line } of matches) {
      const before = Buffer.from(content).subarray(0, offset).toString('utf8');
      assert.equal(before.split('\n').length, line);
      assert.ok(offset === 0 || before.endsWith('\n'));
    }
  });

  it('finds what a search of the rendered lines finds', () => {
    const part = fc.constantFrom(
      'a',
      'b',
      'ab',
      ' ',
      '\n',
      '\n',
      '\r\n',
      '\r',
      '\b',
      '\x1b[31m',
      '\x1b[0m',
      '\x1b[2C',
      '\x1b[K',
      '\0',
      'é',
      '\x1b]0;ab\x07',
    );
    const query = fc.constantFrom<Partial<SearchQuery>>(
      { text: 'ab' },
      { text: 'AB', matchCase: true },
      { text: 'b a' },
      { text: 'a+b', isRegex: true },
      { text: '^(a|b)*$', isRegex: true },
      { text: 'ab', wholeWord: true },
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), query, (parts, asked) => {
        const content = `${parts.join('')}\n`;
        const pattern = compileSearch({
          text: '',
          isRegex: false,
          matchCase: false,
          wholeWord: false,
          ...asked,
        });
        const shown = content.split('\n').map((line) => {
          const renderer = new Renderer();
          renderer.write(Buffer.from(line));
          return renderer.takeChange().text;
        });
        shown.pop();
        const expected = shown.flatMap((line, index) =>
          pattern.expression.test(line) ? [index + 1] : [],
        );
        assert.deepEqual(lines(content, asked), expected);
      }),
      { numRuns: 500 },
    );
  });
});
