import assert from 'node:assert/strict';
import { buildSync } from 'esbuild';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Search, type SearchEnd, type SearchTarget } from '../../../src/output/search/search.ts';
import type { SearchMatch } from '../../../src/output/search/searchCapture.ts';
import type { SearchQuery } from '../../../src/output/search/searchPattern.ts';

describe('Search', () => {
  let directory: string;
  let script: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'aft-search-'));
    script = join(directory, 'search.js');
    buildSync({
      entryPoints: [join(import.meta.dirname, '../../../src/output/search/searchThread.ts')],
      outfile: script,
      bundle: true,
      format: 'cjs',
      platform: 'node',
      target: 'node22',
    });
  });

  after(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  function write(name: string, content: string): SearchTarget {
    const path = join(directory, name);
    writeFileSync(path, content);
    return { sessionDir: directory, path };
  }

  function start(
    targets: readonly SearchTarget[],
    asked: Partial<SearchQuery>,
    patience = 60_000,
    threadScript = script,
  ) {
    const query = { text: '', isRegex: false, matchCase: false, wholeWord: false, ...asked };
    const found: { target: SearchTarget; match: SearchMatch }[] = [];
    const problems: string[] = [];
    let bytes = 0;
    let onFirst: () => void = () => undefined;
    const first = new Promise<void>((resolve) => {
      onFirst = resolve;
    });
    const search = new Search({
      script: threadScript,
      query,
      targets,
      limit: 100,
      patience,
      onNews: (target, news) => {
        found.push(...news.matches.map((match) => ({ target, match })));
        bytes += news.bytes;
        if (news.problem !== undefined) problems.push(news.problem);
        onFirst();
      },
    });
    return { search, found, problems, first, bytes: () => bytes };
  }

  it('searches every capture, in as many threads as there are', async () => {
    const targets = Array.from({ length: 9 }, (_, index) =>
      write(`c${index}`, `x\nhere ${index}\n`),
    );
    const { search, found, bytes } = start(targets, { text: 'HERE' });
    assert.deepEqual(await search.ended, { kind: 'complete' });
    assert.deepEqual(
      found.map(({ match }) => match.text).sort(),
      targets.map((_, index) => `here ${index}`),
    );
    for (const { target, match } of found)
      assert.ok(target.path.endsWith(`c${match.text.slice(5)}`));
    assert.equal(bytes(), 9 * 9);
  });

  it('stops a pattern that runs away, and says where', async () => {
    const target = write('evil', `fine\n${'a'.repeat(60)}b\n`);
    const { search } = start([target], { text: '^(a+)+$', isRegex: true }, 300);
    const expected: SearchEnd<SearchTarget> = { kind: 'stuck', target };
    assert.deepEqual(await search.ended, expected);
  });

  it('keeps what it found before a pattern ran away', async () => {
    const chunk = '-\n'.repeat(300 * 1024);
    const target = write('late', `${chunk}fine\n${chunk}${'a'.repeat(60)}b\n`);
    const { search, found } = start([target], { text: '^(a+)+$|fine', isRegex: true }, 300);
    assert.deepEqual(await search.ended, { kind: 'stuck', target });
    assert.deepEqual(
      found.map(({ match }) => match.text),
      ['fine'],
    );
  });

  it('takes a slow disk for no pattern that runs away', async () => {
    const slow = join(directory, 'slow.js');
    // The thread itself, on a disk that takes three times the patience for each read.
    writeFileSync(
      slow,
      `const fs = require('node:fs');
      const read = fs.readSync;
      const nothing = new Int32Array(new SharedArrayBuffer(4));
      fs.readSync = (...args) => (Atomics.wait(nothing, 0, 0, 600), read(...args));
      ${readFileSync(script, 'utf8')}`,
    );
    const target = write('slow', 'here\n');
    const { search, found } = start([target], { text: 'here' }, 200, slow);
    assert.deepEqual(await search.ended, { kind: 'complete' });
    assert.equal(found.length, 1);
  });

  it('ends at once where it is stopped, even inside a pattern that runs away', async () => {
    const { search, found } = start([write('evil', `${'a'.repeat(60)}b\n`)], {
      text: '^(a+)+$',
      isRegex: true,
    });
    search.stop();
    assert.deepEqual(await search.ended, { kind: 'stopped' });
    assert.deepEqual(found, []);
  });

  it('follows no link, says so, and searches the others', async () => {
    const secret = join(directory, 'secret');
    writeFileSync(secret, 'here\n');
    mkdirSync(join(directory, 'session'));
    const link = join(directory, 'session', 'link');
    symlinkSync(secret, link);
    const { search, found, problems } = start(
      [{ sessionDir: join(directory, 'session'), path: link }, write('other', 'here\n')],
      { text: 'here' },
    );
    assert.deepEqual(await search.ended, { kind: 'complete' });
    assert.equal(found.length, 1);
    assert.equal(problems.length, 1);
  });

  it('passes over a capture that is gone', async () => {
    const gone = { sessionDir: directory, path: join(directory, 'gone') };
    const { search, problems } = start([gone], { text: 'here' });
    assert.deepEqual(await search.ended, { kind: 'complete' });
    assert.deepEqual(problems, []);
  });

  it('has nothing to do without captures', async () => {
    assert.deepEqual(await start([], { text: 'x' }).search.ended, { kind: 'complete' });
  });
});
