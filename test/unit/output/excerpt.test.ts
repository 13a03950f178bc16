import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readExcerpt, type ExcerptSink } from '../../../src/output/captures/excerpt.ts';
import type { CapturePlace, OpenedText } from '../../../src/output/outputText.ts';
import { PtyRenderer } from '../../../src/output/pty/ptyRenderer.ts';
import { loadTerminal } from '../../../src/output/pty/xterm.ts';
import { PacedRenderer } from '../../../src/output/rendering/pacedRenderer.ts';
import { PersistenceError } from '../../../src/persistence/errors.ts';
import { unpack } from './spans.ts';

const size = { cols: 40, rows: 5 };

describe('an excerpt', () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'aft-excerpt-'));
    path = join(directory, 'capture');
  });

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  const pipes = (): Promise<ExcerptSink> => Promise.resolve(new PacedRenderer());
  const pty = async (): Promise<ExcerptSink> => new PtyRenderer(await loadTerminal(), size);

  async function read(place: CapturePlace, makeSink = pipes): Promise<OpenedText> {
    return await readExcerpt(directory, path, place, makeSink);
  }

  /** The excerpt around the first `text` of a capture, and the line that it is said to be in. */
  async function around(
    content: string,
    text: string,
    makeSink = pipes,
  ): Promise<OpenedText & { readonly shown: string | undefined }> {
    writeFileSync(path, content);
    const start = Buffer.from(content).indexOf(text);
    assert.ok(start >= 0, text);
    const excerpt = await read({ start, end: start + Buffer.byteLength(text) }, makeSink);
    return { ...excerpt, shown: excerpt.text.split('\n')[excerpt.excerpt!.line] };
  }

  const long = (count: number, end = '\n'): string =>
    Array.from({ length: count }, (_, index) => `line ${index} of many${end}`).join('');

  it('shows all of a small capture, with its colours and links', async () => {
    const content = 'one\n\x1b[31mtwo\x1b[0m\n\x1b]8;;http://a.b/\x07three\x1b]8;;\x07';
    const { text, spans, skippedBytes, totalBytes, excerpt, shown } = await around(content, 'two');
    assert.equal(text, 'one\ntwo\nthree');
    assert.equal(shown, 'two');
    assert.deepEqual(unpack(spans), [
      { start: 4, end: 7, look: 'foreground=1' },
      { start: 8, end: 13, look: 'link=http://a.b/' },
    ]);
    assert.equal(skippedBytes, 0);
    assert.equal(totalBytes, content.length);
    assert.deepEqual(excerpt, { line: 1, restBytes: 0 });
  });

  it('shows whole lines around a place in a large one, and no more', async () => {
    const content = long(100_000);
    const { text, skippedBytes, excerpt, shown } = await around(content, 'line 50000 ');
    assert.equal(shown, 'line 50000 of many');
    assert.match(text, /^line \d+ of many\n/);
    assert.match(text, /\nline \d+ of many\n$/);
    assert.equal(skippedBytes + text.length + excerpt!.restBytes, content.length);
    assert.ok(text.length <= 512 * 1024 + 100, String(text.length));
    assert.ok(text.length >= 511 * 1024, String(text.length));
  });

  it('has the colour that began before it', async () => {
    const content = `${long(20_000)}\x1b[31m${'red\n'.repeat(66_000)}needle\x1b[0m plain\n`;
    const { text, spans, skippedBytes, shown } = await around(content, 'needle');
    assert.equal(shown, 'needle plain');
    assert.ok(content.indexOf('\x1b') < skippedBytes);
    const [first, ...more] = unpack(spans);
    assert.deepEqual(first, { start: 0, end: 3, look: 'foreground=1' });
    assert.equal(more.at(-1)!.end, text.indexOf(' plain'));
  });

  it('shows a part of an endless line, without a cut character', async () => {
    writeFileSync(path, 'é'.repeat(1_000_000));
    const { text, excerpt } = await read({ start: 1_000_001, end: 1_000_003 });
    assert.equal(excerpt!.line, 0);
    assert.match(text, /^é+$/);
  });

  it('takes a place behind the end of a capture that became shorter for its end', async () => {
    writeFileSync(path, 'a\nb\n');
    const { text, excerpt } = await read({ start: 1000, end: 2000 });
    assert.equal(text, 'a\nb\n');
    assert.deepEqual(excerpt, { line: 2, restBytes: 0 });
    writeFileSync(path, '');
    assert.deepEqual((await read({ start: 1000, end: 2000 })).excerpt, { line: 0, restBytes: 0 });
  });

  it('shows a capture of one byte, from either kind of program', async () => {
    for (const makeSink of [pipes, pty]) {
      const { text, excerpt } = await around('x', 'x', makeSink);
      assert.equal(text, 'x');
      assert.deepEqual(excerpt, { line: 0, restBytes: 0 });
    }
  });

  it('takes any place for one, as URIs say what they like', async () => {
    writeFileSync(path, 'é\r\nb\r\n');
    for (const [start, end] of [
      [0, 999_999_999_999_999],
      [3, 1],
      [1, 2],
      [0, 0],
    ] as const) {
      for (const makeSink of [pipes, pty]) {
        const { text } = await read({ start, end }, makeSink);
        assert.equal(text, 'é\nb\n', `${start}-${end}`);
      }
    }
  });

  it('says that a capture is gone', async () => {
    await assert.rejects(read({ start: 0, end: 1 }), (error: unknown) => {
      return error instanceof PersistenceError && error.reason === 'not-found';
    });
  });

  it('is of the one file that it was opened with', async () => {
    const content = `${'x'.repeat(99)}\n`.repeat(10_000);
    writeFileSync(path, content);
    const replacing = async (): Promise<ExcerptSink> => {
      const other = join(directory, 'other');
      writeFileSync(other, 'another one\n');
      renameSync(other, path);
      return await pipes();
    };
    const { text, totalBytes } = await read({ start: 500_000, end: 500_004 }, replacing);
    assert.match(text, /^(?:x{99}\n)+$/);
    assert.equal(totalBytes, content.length);
    const now = await read({ start: 500_000, end: 500_004 });
    assert.equal(now.text, 'another one\n');
  });

  it('ends with the call that it was made for', async () => {
    writeFileSync(path, '\x1b[2J'.repeat(100_000));
    const closing = new AbortController();
    const large = async (): Promise<ExcerptSink> => {
      setImmediate(() => {
        closing.abort();
      });
      return new PtyRenderer(await loadTerminal(), { cols: 500, rows: 200 });
    };
    const reading = readExcerpt(directory, path, { start: 0, end: 1 }, large, closing.signal);
    await assert.rejects(reading, { name: 'AbortError' });
  });

  describe('of a pipe', () => {
    it('has the place in its line where lines are rewritten', async () => {
      const bars = (percent: number): string => `a ${percent}%\x1b[K\nb ${percent}%\x1b[K\n`;
      const progress = [1, 50, 100].map(bars).join('\x1b[2A');
      const { text, shown } = await around(`start\n${progress}needle\nend\n`, 'needle');
      assert.equal(text, 'start\na 100%\nb 100%\nneedle\nend\n');
      assert.equal(shown, 'needle');
      const { shown: bar } = await around(`start\n${progress}end\n`, 'a 100%');
      assert.equal(bar, 'a 100%');
    });

    it('has the place in its line behind one that is longer than a row', async () => {
      const { shown } = await around(`${'x'.repeat(10_000)}\n\nneedle\nend\n`, 'needle');
      assert.equal(shown, 'needle');
    });

    it('ends with a place that was written over later', async () => {
      const content = `start\nneedle 10%\n\x1b[1A\x1b[2Kdone\n${long(10)}`;
      const { text, shown, skippedBytes, excerpt, totalBytes } = await around(content, 'needle');
      assert.equal(text, 'start\nneedle 10%\n');
      assert.equal(shown, 'needle 10%');
      assert.equal(excerpt!.restBytes, totalBytes - skippedBytes - content.indexOf('\x1b[1A'));
    });

    it('goes on behind a place of which a part was written over', async () => {
      const { text, shown } = await around('needle 10%\r\x1b[7C20%\nend\n', 'needle');
      assert.equal(text, 'needle 20%\nend\n');
      assert.equal(shown, 'needle 20%');
    });
  });

  describe('of a terminal', () => {
    it('shows its lines as they wrap, and where the cursor was put', async () => {
      const content = `${long(9, '\r\n')}${'w'.repeat(50)} needle\r\n\x1b[32mat\x1b[0m\x1b[1A\x1b[20Cbeside\r\n`;
      const { text, spans, shown } = await around(content, 'needle', pty);
      assert.ok(shown!.endsWith(`${'w'.repeat(10)} needle     beside`), shown);
      assert.equal(text.split('\n').at(-1), 'at');
      const green = unpack(spans).find(({ look }) => look === 'foreground=2')!;
      assert.equal(text.slice(green.start, green.end), 'at');
    });

    it('finds the place in lines that have scrolled out', async () => {
      const content = `${long(500, '\r\n')}${'w'.repeat(90)}\r\nneedle\r\n${long(500, '\r\n')}`;
      const { text, shown } = await around(content, 'needle', pty);
      assert.equal(shown, 'needle');
      assert.ok(text.endsWith('line 499 of many\n'));
    });

    it('shows a screen as it was when the place was on it', async () => {
      const frame = (name: string): string =>
        `\x1b[H\x1b[2J\x1b[1;1Htitle\x1b[3;5H${name}\x1b[5;1Hkeys`;
      const frames = ['one', 'two', 'needle', 'four', 'five'].map(frame).join('');
      const { text, shown, excerpt } = await around(
        `\x1b[?1049h${frames}\x1b[?1049lback\r\n`,
        'needle',
        pty,
      );
      assert.equal(text, 'title\n\n    needle\n\nkeys');
      assert.equal(shown, '    needle');
      assert.ok(excerpt!.restBytes > 0);
    });

    it('shows no more than the place where the rest of the screen is in its stead', async () => {
      const rows = ['a', 'needle', 'b'].map((name) => `\x1b[2;1H${name}\x1b[K\x1b[3;1Hkeys`);
      const { text, shown } = await around(`\x1b[Htitle${rows.join('')}`, 'needle', pty);
      assert.equal(text, 'title\nneedle\nkeys');
      assert.equal(shown, 'needle');
    });

    it('goes on where the place stays on the screen', async () => {
      const content = `\x1b[2;1Hneedle\x1b[4;1Hcount 1${'\x1b[4;7H2'.repeat(100)}\x1b[4;7H3`;
      const { text, excerpt } = await around(content, 'needle', pty);
      assert.equal(text, '\nneedle\n\ncount 3');
      assert.deepEqual(excerpt, { line: 1, restBytes: 0 });
    });

    it('does not take what is appended meanwhile for what it shows', async () => {
      writeFileSync(path, 'needle\r\n');
      const growing = async (): Promise<ExcerptSink> => {
        appendFileSync(path, 'more\r\n');
        return await pty();
      };
      const { text, totalBytes } = await read({ start: 0, end: 6 }, growing);
      assert.equal(text, 'needle\n');
      assert.equal(totalBytes, 8);
    });
  });
});
