import { spawnSync } from 'node:child_process';
import { build } from 'esbuild';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Search } from '../../src/output/search/search.ts';
import type { SearchQuery } from '../../src/output/search/searchPattern.ts';
import { median, row, type Row } from './row.ts';

const files = 8;
const fileSize = 128 * 1024 * 1024;
const rounds = 7;
const megabyte = 1e6;

/** The search through 1 GiB of captures in the page cache, beside Debian's ripgrep. */
export async function benchSearch(): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'aft-bench-search-'));
  try {
    const paths = writeLogs(directory);
    const script = join(directory, 'search.js');
    await build({
      entryPoints: [join(import.meta.dirname, '../../src/output/search/searchThread.ts')],
      outfile: script,
      bundle: true,
      format: 'cjs',
      platform: 'node',
      target: 'node22',
    });
    // Into the page cache.
    for (const path of paths) readFileSync(path);
    const peer = spawnSync('rg', ['--version'], { encoding: 'utf8' });
    if (peer.error !== undefined) throw new Error('This row needs ripgrep: apt install ripgrep');
    const version = peer.stdout.split('\n', 1)[0] ?? '';
    const rows: Row[] = [];
    for (const [name, text, options] of queries) {
      const query = { text, isRegex: false, matchCase: true, wholeWord: false, ...options };
      const ours: number[] = [];
      const theirs: number[] = [];
      for (let round = 0; round < rounds; round++) {
        theirs.push(ripgrep(directory, query));
        ours.push(await search(script, directory, paths, query));
      }
      const aim = query.isRegex ? '150 MB/s' : 'ratio 0.5';
      const note = `more is better, to reach: ${aim}; floor: ${version}, the same query; median of ${rounds}`;
      rows.push(row(`search 1 GiB: ${name}`, median(ours), median(theirs), 'MB/s', note));
    }
    return rows;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const queries: readonly (readonly [string, string, Partial<SearchQuery>])[] = [
  ['literal, rare letters', 'zanzibar', {}],
  ['literal, frequent letters', 'the needle', {}],
  ['literal, any case', 'The Needle', { matchCase: false }],
  ['regular expression with a literal part', String.raw`zanz\w+ \d`, { isRegex: true }],
  ['regular expression without one', String.raw`^\S+ (foo|bar) `, { isRegex: true }],
];

async function search(
  script: string,
  sessionDir: string,
  paths: readonly string[],
  query: SearchQuery,
): Promise<number> {
  let bytes = 0;
  const began = performance.now();
  const { ended } = new Search({
    script,
    query,
    targets: paths.map((path) => ({ sessionDir, path })),
    limit: 200,
    patience: 5000,
    onNews: (_target, news) => {
      bytes += news.bytes;
    },
  });
  const { kind } = await ended;
  const milliseconds = performance.now() - began;
  if (kind !== 'complete' || bytes !== files * fileSize) throw new Error(`${kind}, ${bytes} bytes`);
  return (files * fileSize) / megabyte / (milliseconds / 1000);
}

/** As a user runs it: `--count`, so that printing costs neither side anything. */
function ripgrep(directory: string, query: SearchQuery): number {
  const flags = [query.isRegex ? '' : '-F', query.matchCase ? '' : '-i'].filter(Boolean);
  const began = performance.now();
  const { status } = spawnSync('rg', ['--count', '-g', '*.log', ...flags, query.text, directory]);
  const milliseconds = performance.now() - began;
  if (status !== 0 && status !== 1) throw new Error(`rg ended with ${String(status)}`);
  return (files * fileSize) / megabyte / (milliseconds / 1000);
}

const words =
  'error warning info compile module failed passing test server request response connection timeout database index the of and to build src dist node_modules cache bundle worker thread'.split(
    ' ',
  );

/** Log text from a seed; one line of each file has what is looked for. */
function writeLogs(directory: string): string[] {
  let seed = 12_345;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return seed % below;
  };
  const blocks = [0, 1, 2, 3].map(() => {
    let text = '';
    while (text.length < 4 * 1024 * 1024) {
      text += `2026-11-${10 + random(20)}T0${random(10)}:${10 + random(50)}:${10 + random(50)}Z`;
      for (let count = 4 + random(10); count > 0; count--)
        text += ` ${words[random(words.length)]!}`;
      text += ` src/${words[random(words.length)]!}.ts:${random(500)}:${random(80)}\n`;
    }
    return Buffer.from(text);
  });
  return Array.from({ length: files }, (_, file) => {
    const path = join(directory, `${file}.log`);
    const descriptor = openSync(path, 'w');
    const needle = Buffer.from(`the needle of zanzibar ${file}\n`);
    let left = fileSize - needle.length;
    for (let part = file; left > 0; part++) {
      const block = blocks[part % blocks.length]!;
      left -= writeSync(descriptor, block, 0, Math.min(block.length, left));
    }
    writeSync(descriptor, needle);
    closeSync(descriptor);
    return path;
  });
}
