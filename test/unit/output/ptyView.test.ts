import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mostText, type OutputChange, type OutputText } from '../../../src/output/outputText.ts';
import { PtyView } from '../../../src/output/pty/ptyView.ts';
import { CaptureReplay } from '../../../src/output/captures/replay.ts';
import { loadTerminal } from '../../../src/output/pty/xterm.ts';
import { ViewReader } from './spans.ts';

const everything = { size: 1 << 20, limit: 2 << 20 };
const usual = { cols: 40, rows: 5 };

describe('pty view', () => {
  let size: typeof usual;
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pty-view-'));
    path = join(directory, 'pty');
    size = usual;
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  /** A view, and the text that its changes make. */
  async function follow(window: { size: number; limit: number }) {
    const view = new PtyView(await loadTerminal(), () => size, directory, path, window);
    const opened = await view.open();
    const shown = new ViewReader();
    shown.replace(opened.text, opened.spans);
    async function read(kept?: number): Promise<OutputChange | undefined> {
      const change = await view.read(kept);
      if (change?.kind === 'append') shown.take(change);
      else if (change?.kind === 'replace') shown.replace(change.text, change.spans);
      return change;
    }
    async function loadEarlier(): Promise<OutputText | undefined> {
      const earlier = await view.loadEarlier();
      if (earlier !== undefined) shown.replace(earlier.text, earlier.spans);
      return earlier;
    }
    return { opened, read, loadEarlier, shown };
  }

  const line = (number: number): string => `line ${String(number).padStart(4, '0')}\n`;
  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, index) => line(from + index)).join('');
  const written = (from: number, to: number): string => lines(from, to).replaceAll('\n', '\r\n');

  it('shows a small capture whole', async () => {
    writeFileSync(path, '\x1b[31mone\x1b[0m\r\ntwo\r\n');
    const { shown, opened } = await follow(everything);
    assert.equal(shown.text, 'one\ntwo\n');
    assert.deepEqual(shown.spans, [{ start: 0, end: 3, look: 'foreground=1' }]);
    assert.deepEqual([opened.skippedBytes, opened.totalBytes], [0, 19]);
  });

  it('is empty for a capture that is not there yet, and appends when it comes', async () => {
    const { read, shown } = await follow(everything);
    assert.equal(await read(), undefined);
    writeFileSync(path, 'one\r\n');
    assert.equal((await read())?.kind, 'append');
    assert.equal(shown.text, 'one\n');
  });

  it('shows all anew when the terminal has another size', async () => {
    writeFileSync(path, `${written(0, 200)}one two\x1b[1;4HX`);
    const { read, loadEarlier, shown } = await follow({ size: 1000, limit: 2000 });
    await loadEarlier();
    const [first] = shown.text.split('\n');
    size = { cols: 4, rows: 2 };
    assert.equal((await read())?.kind, 'replace');
    assert.equal(shown.text.split('\n')[0], first);
    assert.ok(shown.text.endsWith('oneXtwo'), shown.text);
    assert.equal(await read(), undefined);
    appendFileSync(path, '\r\nend');
    assert.equal((await read())?.kind, 'append');
    assert.ok(shown.text.endsWith('\nend'), shown.text);
  });

  it('has its new size, too, once a capture comes that was not there', async () => {
    const { read, shown } = await follow(everything);
    size = { cols: 4, rows: 2 };
    assert.equal(await read(), undefined);
    writeFileSync(path, 'one\r\ntwo\x1b[1;1Hend');
    await read();
    assert.equal(shown.text, 'end\ntwo');
  });

  it('follows what is rewritten on the screen', async () => {
    writeFileSync(path, 'log\r\n\x1b[?1049h\x1b[H\x1b[Jcpu 10%\r\nmem 20%');
    const { read, shown } = await follow(everything);
    appendFileSync(path, '\x1b[Hcpu 15%');
    assert.equal((await read())?.kind, 'append');
    assert.equal(shown.text, 'log\ncpu 15%\nmem 20%');
    appendFileSync(path, '\x1b[?1049l');
    await read();
    assert.equal(shown.text, 'log\n');
  });

  it('says nothing where nothing is shown of what came', async () => {
    writeFileSync(path, 'one');
    const { read } = await follow(everything);
    appendFileSync(path, '\x1b[?25l');
    assert.equal(await read(), undefined);
  });

  it('starts a capture that is too long at a line, and says what is before', async () => {
    writeFileSync(path, written(0, 100));
    const { opened } = await follow({ size: 110, limit: 220 });
    assert.equal(opened.text, lines(90, 100));
    assert.equal(opened.skippedBytes, 990);
  });

  it('forgets lines as it grows, and never its screen', async () => {
    const window = { size: 64 * 1024, limit: 128 * 1024 };
    writeFileSync(path, 'status line\r\n\x1b[2;5r\x1b[2H');
    const { read, shown } = await follow(window);
    // Scrolling within margins leaves the first line where it is.
    for (let round = 0; round < 20; round += 1) {
      appendFileSync(path, `${'x'.repeat(30)}\r\n`.repeat(500));
      await read();
    }
    assert.match(shown.text, /^status line\n/);
    appendFileSync(path, '\x1b[r\x1b[H');
    const kinds = new Set<string | undefined>();
    for (let round = 0; round < 60; round += 1) {
      appendFileSync(path, written(round * 1000, (round + 1) * 1000));
      kinds.add((await read())?.kind);
      assert.ok(shown.text.length < 200 * 1024);
    }
    assert.deepEqual([...kinds].sort(), ['append', 'replace']);
    assert.ok(shown.text.endsWith(lines(59_000, 60_000)));
  });

  it('forgets nothing of what is to be kept', async () => {
    const window = { size: 64 * 1024, limit: 128 * 1024 };
    writeFileSync(path, '');
    const { read, shown } = await follow(window);
    for (let at = 0; at < 20_000; at += 5000) {
      appendFileSync(path, written(at, at + 5000));
      assert.equal((await read(1024 * 1024))?.kind, 'append');
    }
    assert.equal(shown.text, lines(0, 20_000));
    appendFileSync(path, written(20_000, 20_001));
    assert.equal((await read(0))?.kind, 'replace');
    assert.ok(shown.text.length < 128 * 1024);
  });

  it('skips what it is too far behind to show, and says how much', async () => {
    writeFileSync(path, 'start\r\n');
    const { read, shown } = await follow({ size: 110, limit: 220 });
    appendFileSync(path, written(0, 1000));
    const change = await read();
    assert.equal(change?.kind, 'replace');
    assert.equal(change.missedBytes, 990 * 11);
    assert.equal(shown.text, lines(990, 1000));
  });

  it('adds earlier output, and follows on', async () => {
    writeFileSync(path, written(0, 25));
    const { loadEarlier, read, shown } = await follow({ size: 110, limit: 220 });
    assert.equal((await loadEarlier())?.skippedBytes, 55);
    assert.equal(shown.text, lines(5, 25));
    assert.equal((await loadEarlier())?.skippedBytes, 0);
    assert.equal(await loadEarlier(), undefined);
    appendFileSync(path, written(25, 27));
    await read();
    assert.equal(shown.text, lines(0, 27));
  });

  it('adds no earlier output where the text has no room for it, and follows on', async () => {
    size = { cols: 80, rows: 5 };
    // Each line shows 240 bytes.
    writeFileSync(path, '€\x1b[79b\r\n'.repeat(100_000));
    const { loadEarlier, read, shown } = await follow({ size: 300_000, limit: 600_000 });
    let skipped = Infinity;
    for (;;) {
      const earlier = await loadEarlier();
      if (earlier === undefined) break;
      assert.ok(earlier.skippedBytes < skipped);
      skipped = earlier.skippedBytes;
    }
    assert.ok(skipped > 0 && skipped < 600_000, String(skipped));
    const { text } = shown;
    assert.ok(Buffer.byteLength(text) < mostText.grown);
    appendFileSync(path, 'more');
    assert.equal((await read())?.kind, 'append');
    assert.equal(shown.text, `${text}more`);
  });

  it('is not shown anew with each line once its text has no room for more', async () => {
    size = { cols: 1000, rows: 5 };
    const wide = '\x1b[999Cx\r\n';
    writeFileSync(path, wide.repeat(17_000));
    const { opened, read, shown } = await follow(everything);
    assert.ok(opened.skippedBytes > 0);
    assert.ok(Buffer.byteLength(opened.text) < mostText.shownAnew + 10_000);
    const kinds = new Map<string | undefined, number>();
    for (let round = 0; round < 50; round++) {
      appendFileSync(path, wide.repeat(100));
      const kind = (await read())?.kind;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      assert.ok(Buffer.byteLength(shown.text) < mostText.grown + 10_000);
    }
    assert.deepEqual(Object.fromEntries(kinds), { append: 49, replace: 1 });
  });

  it('shows anew a capture that was replaced by its own tail, or truncated', async () => {
    writeFileSync(path, written(0, 50));
    const { read, shown } = await follow(everything);
    writeFileSync(`${path}.tail`, written(40, 50));
    renameSync(`${path}.tail`, path);
    assert.equal((await read())?.kind, 'replace');
    assert.equal(shown.text, lines(40, 50));
    truncateSync(path, 11);
    assert.equal((await read())?.kind, 'replace');
    assert.equal(shown.text, lines(40, 41));
    rmSync(path);
    assert.deepEqual(await read(), { kind: 'gone' });
  });

  describe('replay', () => {
    const text = (data: Uint8Array): string => Buffer.from(data).toString();

    it('is the bytes as they are, then what is new', () => {
      writeFileSync(path, '\x1b[31mone\r\n');
      const replay = new CaptureReplay(directory, path);
      const { data, ...rest } = replay.open();
      assert.deepEqual([text(data), rest], ['\x1b[31mone\r\n', { skippedBytes: 0 }]);
      assert.equal(replay.read(), undefined);
      appendFileSync(path, 'two');
      const change = replay.read();
      assert.equal(change?.kind, 'append');
      assert.equal(text(change.data), 'two');
    });

    it('starts at a line of the last 2 MiB, and again where it is too far behind', () => {
      const mebibyte = 1024 * 1024;
      const part = Buffer.alloc(3 * mebibyte, `${'x'.repeat(1000)}\n`);
      writeFileSync(path, part);
      const replay = new CaptureReplay(directory, path);
      const { data, skippedBytes } = replay.open();
      assert.equal(skippedBytes % 1001, 0);
      assert.equal(skippedBytes + data.length, part.length);
      assert.ok(data.length >= 2 * mebibyte && data.length < 2 * mebibyte + 1001);
      appendFileSync(path, part);
      const change = replay.read();
      assert.equal(change?.kind, 'replace');
      assert.equal(change.skippedBytes + change.data.length, 2 * part.length);
    });
  });
});
