import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaptureView, lastLines } from '../../../src/output/captures/captureView.ts';
import { mostText, type OutputChange, type OutputText } from '../../../src/output/outputText.ts';
import { PersistenceError } from '../../../src/persistence/errors.ts';
import { ViewReader } from './spans.ts';

const everything = { size: 1 << 20, limit: 2 << 20 };

describe('capture view', () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'capture-view-'));
    path = join(directory, 'stdout');
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  /** A view, and the text that its changes make. */
  async function follow(window: { size: number; limit: number }) {
    const view = new CaptureView(directory, path, window);
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
    return {
      opened,
      read,
      loadEarlier,
      get text() {
        return shown.text;
      },
      get spans() {
        return shown.spans;
      },
    };
  }

  async function open(size: number): Promise<OutputText> {
    return await new CaptureView(directory, path, { size, limit: size * 2 }).open();
  }

  /** Without the spans. */
  function plain(change: OutputText | OutputChange | undefined): object | undefined {
    if (change === undefined) return undefined;
    const rest: object & { spans?: unknown } = { ...change };
    delete rest.spans;
    return rest;
  }

  it('shows a small capture whole', async () => {
    writeFileSync(path, 'one\n\x1b[31mtwo\x1b[0m\n');
    assert.deepEqual(plain(await open(1024)), {
      text: 'one\ntwo\n',
      skippedBytes: 0,
      totalBytes: 17,
    });
  });

  it('shows a capture that has a second hard link, as backups make them', async () => {
    writeFileSync(path, 'one\n');
    linkSync(path, join(directory, 'backup'));
    assert.equal((await open(1024)).text, 'one\n');
  });

  it('is empty for a capture that is not there yet, and appends when it comes', async () => {
    const reader = await follow(everything);
    assert.deepEqual(plain(reader.opened), { text: '', skippedBytes: 0, totalBytes: 0 });
    assert.equal(await reader.read(), undefined);
    writeFileSync(path, '');
    assert.equal(await reader.read(), undefined);
    appendFileSync(path, 'one\n');
    assert.deepEqual(plain(await reader.read()), {
      kind: 'append',
      replacedChars: 0,
      text: 'one\n',
      totalBytes: 4,
    });
  });

  it('starts a cut view at a line', async () => {
    writeFileSync(path, 'first line\nsecond line\nthird line\n');
    assert.deepEqual(plain(await open(15)), {
      text: 'second line\nthird line\n',
      skippedBytes: 11,
      totalBytes: 34,
    });
  });

  it('starts a cut view at a line that begins with the window', async () => {
    writeFileSync(path, 'first\nsecond\n');
    assert.equal((await open(7)).text, 'second\n');
  });

  it('starts within a line that is too long, at a character', async () => {
    writeFileSync(path, '€'.repeat(100_000));
    const { text, skippedBytes } = await open(100);
    assert.equal(text, '€'.repeat(33));
    assert.equal(skippedBytes, 300_000 - 99);
  });

  it('starts at the beginning where the first line is long and less than 64 KiB are before', async () => {
    writeFileSync(path, 'x'.repeat(50_000));
    assert.equal((await open(100)).skippedBytes, 0);
  });

  it('follows tiny appends that cut characters and escape sequences', async () => {
    writeFileSync(path, '');
    const reader = await follow(everything);
    const bytes = Buffer.from('a€\x1b[38;5;1mred\x1b[0m😀\r\n 5%\r10%\r\x1b[K100%\n');
    for (const byte of bytes) {
      appendFileSync(path, Uint8Array.of(byte));
      assert.equal((await reader.read())?.kind, 'append');
    }
    assert.equal(reader.text, 'a€red😀\n100%\n');
  });

  it('says nothing when nothing came', async () => {
    writeFileSync(path, 'one\n');
    assert.equal(await (await follow(everything)).read(), undefined);
  });

  it('grows to its limit, and is then cut to its size once', async () => {
    const line = 'a line of twenty ch\n';
    writeFileSync(path, line.repeat(5));
    const reader = await follow({ size: 100, limit: 200 });
    const kinds: string[] = [];
    for (let appended = 0; appended < 12; appended++) {
      appendFileSync(path, line);
      const change = await reader.read();
      kinds.push(change?.kind ?? 'none');
      if (change?.kind === 'replace') {
        assert.equal(change.text, line.repeat(5));
        assert.equal(change.skippedBytes + 100, change.totalBytes);
      }
    }
    assert.deepEqual(kinds, [
      ...Array.from({ length: 5 }, () => 'append'),
      'replace',
      ...Array.from({ length: 5 }, () => 'append'),
      'replace',
    ]);
  });

  it('is not cut before it has what is to be kept', async () => {
    const line = 'a line of twenty ch\n';
    writeFileSync(path, line.repeat(10));
    const reader = await follow({ size: 100, limit: 200 });
    appendFileSync(path, line.repeat(15));
    assert.equal((await reader.read(400))?.kind, 'append');
    assert.equal(reader.text, line.repeat(20));
    appendFileSync(path, line);
    assert.equal((await reader.read(400))?.kind, 'replace');
    assert.equal(reader.text, line.repeat(5));
    appendFileSync(path, line.repeat(6));
    assert.equal((await reader.read(0))?.kind, 'replace');
  });

  it('skips what it is too far behind to show', async () => {
    writeFileSync(path, 'start\n');
    const reader = await follow({ size: 100, limit: 200 });
    appendFileSync(path, 'line\n'.repeat(10_000));
    const change = await reader.read();
    assert.equal(change?.kind, 'replace');
    assert.equal(reader.text, 'line\n'.repeat(20));
    assert.equal(change.skippedBytes, 50_006 - 100);
    assert.equal(change.missedBytes, 50_006 - 100 - 6);
  });

  it('misses nothing where only what was shown is cut', async () => {
    writeFileSync(path, 'line\n'.repeat(30));
    const reader = await follow({ size: 100, limit: 200 });
    appendFileSync(path, 'line\n'.repeat(20));
    assert.equal((await reader.read())?.kind, 'append');
    appendFileSync(path, 'line\n'.repeat(5));
    const change = await reader.read();
    assert.equal(change?.kind, 'replace');
    assert.equal(change.missedBytes, 0);
  });

  it('carries the styles of what comes', async () => {
    writeFileSync(path, '\x1b[31mred');
    const reader = await follow(everything);
    appendFileSync(path, ' and red\x1b[0m\n\x1b]8;;https://x\x07link\x1b]8;;\x07');
    await reader.read();
    assert.equal(reader.text, 'red and red\nlink');
    assert.deepEqual(reader.spans, [
      { start: 0, end: 11, look: 'foreground=1' },
      { start: 12, end: 16, look: 'link=https://x' },
    ]);
  });

  it('starts in the colour that the line before was left in', async () => {
    writeFileSync(path, '\x1b[1mbold\x1b[0m \x1b[31mred\nstill red\nand\x1b[0m not\n');
    const reader = await follow({ size: 15, limit: 40 });
    assert.equal(reader.text, 'still red\nand not\n');
    assert.deepEqual(reader.spans, [
      { start: 0, end: 9, look: 'foreground=1' },
      { start: 10, end: 13, look: 'foreground=1' },
    ]);
    appendFileSync(path, 'more \x1b[32mof it\nall of the lines\n');
    assert.equal((await reader.read())?.kind, 'replace');
    assert.deepEqual(reader.spans, [{ start: 0, end: 16, look: 'foreground=2' }]);
  });

  it('shows nothing of what is before it, however that moves the cursor', async () => {
    writeFileSync(path, 'one\r\x1b[5;5Htwo\x1b7\n\x1b[2Athree\n');
    assert.equal((await open(9)).text, 'three\n');
  });

  describe('earlier output', () => {
    const line = (number: number): string => `line ${String(number).padStart(4, '0')}\n`;
    const lines = (from: number, to: number): string =>
      Array.from({ length: to - from }, (_, index) => line(from + index)).join('');

    it('is added by the window, down to the start', async () => {
      writeFileSync(path, lines(0, 25));
      const reader = await follow({ size: 100, limit: 200 });
      assert.equal(reader.text, lines(15, 25));
      assert.equal((await reader.loadEarlier())?.skippedBytes, 50);
      assert.equal(reader.text, lines(5, 25));
      assert.equal((await reader.loadEarlier())?.skippedBytes, 0);
      assert.equal(reader.text, lines(0, 25));
      assert.equal(await reader.loadEarlier(), undefined);
      assert.equal(reader.text, lines(0, 25));
    });

    it('does not keep a view from following, nor from being cut later', async () => {
      writeFileSync(path, lines(0, 50));
      const reader = await follow({ size: 100, limit: 200 });
      await reader.loadEarlier();
      appendFileSync(path, lines(50, 60));
      assert.equal((await reader.read())?.kind, 'append');
      assert.equal(reader.text, lines(30, 60));
      appendFileSync(path, lines(60, 61));
      const change = await reader.read();
      assert.equal(change?.kind, 'replace');
      assert.equal(reader.text, lines(51, 61));
      appendFileSync(path, lines(61, 62));
      assert.equal((await reader.read())?.kind, 'append');
    });

    it('comes with what is new', async () => {
      writeFileSync(path, lines(0, 25));
      const reader = await follow({ size: 100, limit: 200 });
      appendFileSync(path, lines(25, 27));
      await reader.loadEarlier();
      assert.equal(reader.text, lines(5, 27));
      assert.equal(await reader.read(), undefined);
    });

    it('is none of a capture that was replaced: that one is shown', async () => {
      writeFileSync(path, lines(0, 25));
      const reader = await follow({ size: 100, limit: 200 });
      writeFileSync(`${path}.new`, lines(100, 200));
      renameSync(`${path}.new`, path);
      await reader.loadEarlier();
      assert.equal(reader.text, lines(190, 200));
    });

    it('is at most 16 MiB of the capture', async () => {
      const mebibyte = 1024 * 1024;
      writeFileSync(path, Buffer.alloc(20 * mebibyte, `${'x'.repeat(1023)}\n`));
      const reader = await follow({ size: 4 * mebibyte, limit: 8 * mebibyte });
      const skipped = [16, 12, 8, 4].map((skippedMebibytes) => skippedMebibytes * mebibyte);
      assert.equal(reader.opened.skippedBytes, skipped[0]);
      for (const bytes of skipped.slice(1))
        assert.equal((await reader.loadEarlier())?.skippedBytes, bytes);
      assert.equal(await reader.loadEarlier(), undefined);
    });
  });

  it('shows a capture anew that was replaced by its own tail', async () => {
    writeFileSync(path, 'line\n'.repeat(26));
    const reader = await follow({ size: 40, limit: 400 });
    writeFileSync(path + '.tail', 'line\n'.repeat(20));
    renameSync(path + '.tail', path);
    assert.deepEqual(plain(await reader.read()), {
      kind: 'replace',
      missedBytes: 0,
      growth: undefined,
      text: 'line\n'.repeat(8),
      skippedBytes: 60,
      totalBytes: 100,
    });
  });

  it('shows a capture anew that was replaced by a longer one', async () => {
    writeFileSync(path, 'old\n');
    const reader = await follow(everything);
    writeFileSync(path + '.new', 'new and longer\n');
    renameSync(path + '.new', path);
    assert.equal((await reader.read())?.kind, 'replace');
    assert.equal(reader.text, 'new and longer\n');
  });

  it('shows a capture anew that was written anew in place', async () => {
    writeFileSync(path, 'old\n');
    const reader = await follow(everything);
    writeFileSync(path, 'new and longer\n');
    assert.equal((await reader.read())?.kind, 'replace');
    assert.equal(reader.text, 'new and longer\n');
  });

  it('shows a capture anew that was truncated', async () => {
    writeFileSync(path, 'one\ntwo\n');
    const reader = await follow(everything);
    truncateSync(path, 4);
    assert.equal((await reader.read())?.kind, 'replace');
    assert.equal(reader.text, 'one\n');
  });

  it('says once that a capture is gone, and shows one that comes back', async () => {
    writeFileSync(path, 'one\n');
    const reader = await follow(everything);
    rmSync(path);
    assert.deepEqual(await reader.read(), { kind: 'gone' });
    assert.equal(await reader.read(), undefined);
    writeFileSync(path, 'again\n');
    assert.equal((await reader.read())?.kind, 'replace');
    assert.equal(reader.text, 'again\n');
  });

  it('says that a capture is gone when its directory is', async () => {
    mkdirSync(join(directory, 'task'));
    path = join(directory, 'task', 'stdout');
    writeFileSync(path, 'one\n');
    const reader = await follow(everything);
    rmSync(join(directory, 'task'), { recursive: true });
    assert.deepEqual(await reader.read(), { kind: 'gone' });
  });

  it('reads a capture of an endless line, and never more than the window', async () => {
    writeFileSync(path, Buffer.alloc(50 * 1024 * 1024, 'x'));
    const { text, skippedBytes, totalBytes } = await open(1024 * 1024);
    assert.equal(text.length, 1024 * 1024);
    assert.equal(skippedBytes + text.length, totalBytes);
  });

  describe('the text of a capture of few bytes that show many characters', () => {
    const mebibyte = 1024 * 1024;
    /** Most of what such bytes can come to: three bytes for each, and blanks that were saved up. */
    const broken = (bytes: number): Buffer => {
      const end = Buffer.alloc(bytes / 64, '\n\x1b[4095Gx');
      return Buffer.concat([Buffer.alloc(bytes - end.length, 0xff), end]);
    };
    const sizeOf = ({ text }: { readonly text: string }): number => Buffer.byteLength(text);

    for (const [name, bytes] of [
      ['broken UTF-8', Buffer.alloc(16 * mebibyte, `${'\xff'.repeat(99)}\n`, 'latin1')],
      ['tabs', Buffer.alloc(16 * mebibyte, '\tx\n\t\ty\n')],
      ['broken UTF-8 and blanks', broken(16 * mebibyte)],
    ] as const) {
      it(`is bounded in the widest window: ${name}`, async () => {
        writeFileSync(path, bytes);
        const opened = await open(16 * mebibyte);
        assert.ok(sizeOf(opened) <= mostText.shownAnew, String(sizeOf(opened)));
        assert.ok(sizeOf(opened) > mostText.shownAnew / 3, String(sizeOf(opened)));
        assert.ok(opened.skippedBytes > 0);
        assert.equal(opened.totalBytes, bytes.length);
      });
    }

    it('is bounded where it grows, and says what was skipped', async () => {
      writeFileSync(path, '');
      const reader = await follow({ size: 4 * mebibyte, limit: 8 * mebibyte });
      const kinds: (string | undefined)[] = [];
      let missed = 0;
      for (let at = 0; at < 8; at += 1) {
        appendFileSync(path, broken(mebibyte));
        const change = await reader.read();
        kinds.push(change?.kind);
        if (change?.kind === 'replace') missed += change.missedBytes;
        assert.ok(sizeOf(reader) <= mostText.grown, String(sizeOf(reader)));
      }
      assert.ok(kinds.includes('replace'));
      assert.equal(missed, 0);
      appendFileSync(path, broken(8 * mebibyte));
      const change = await reader.read();
      assert.equal(change?.kind, 'replace');
      assert.equal(change.missedBytes, change.skippedBytes - 8 * mebibyte);
      assert.ok(sizeOf(reader) <= mostText.shownAnew);
    });

    it('is no shorter for lines that were rewritten again and again', async () => {
      writeFileSync(path, 'first\n');
      const reader = await follow({ size: 4 * mebibyte, limit: 8 * mebibyte });
      appendFileSync(path, `${'━'.repeat(4000)}\n`.repeat(49));
      await reader.read();
      let replaced = 0;
      for (let round = 0; round < 100; round += 1) {
        appendFileSync(path, '\x1b[49A\r╸\x1b[49B\r');
        const change = await reader.read();
        if (change?.kind !== 'replace') continue;
        replaced += 1;
        assert.equal(change.skippedBytes, 0);
      }
      assert.ok(replaced > 0 && replaced < 5, String(replaced));
      assert.equal(reader.text.slice(0, 8), 'first\n╸━');
    });

    it('gets no earlier output where there is no room for it, and goes on', async () => {
      writeFileSync(path, Buffer.concat([broken(4 * mebibyte), Buffer.from('\nlast\n')]));
      const reader = await follow({ size: mebibyte, limit: 2 * mebibyte });
      const widened: number[] = [];
      for (;;) {
        const earlier = await reader.loadEarlier();
        if (earlier === undefined) break;
        widened.push(earlier.skippedBytes);
      }
      assert.ok(widened.at(-1)! > 0, 'all of it');
      const { text } = reader;
      assert.ok(Buffer.byteLength(text) <= mostText.shownAnew);
      appendFileSync(path, 'more\n');
      assert.equal((await reader.read())?.kind, 'append');
      assert.equal(reader.text, `${text}more\n`);
      appendFileSync(path, 'seen by the refusal\n');
      assert.equal(await reader.loadEarlier(), undefined);
      assert.equal((await reader.read())?.kind, 'append');
      assert.equal(reader.text, `${text}more\nseen by the refusal\n`);
    });
  });

  for (const gibibytes of [1, 5]) {
    it(`opens and follows a capture of ${gibibytes} GiB`, async () => {
      const size = gibibytes * 1024 ** 3;
      const fd = openSync(path, 'w');
      ftruncateSync(fd, size);
      writeSync(fd, '\nlast line\n', size);
      closeSync(fd);
      const reader = await follow({ size: 10, limit: 100 });
      assert.deepEqual(plain(reader.opened), {
        text: 'last line\n',
        skippedBytes: size + 1,
        totalBytes: size + 11,
      });
      appendFileSync(path, 'more\n');
      assert.equal((await reader.read())?.kind, 'append');
      assert.equal(reader.text, 'last line\nmore\n');
    });
  }

  it('refuses a symbolic link, a directory and what is outside', async () => {
    const isUnsafe = (error: unknown) =>
      PersistenceError.is(error) && error.reason === 'unsafe-path';
    symlinkSync('/etc/hostname', path);
    await assert.rejects(open(100), isUnsafe);
    await assert.rejects(lastLines(directory, path, 3), isUnsafe);
    mkdirSync(join(directory, 'task'));
    await assert.rejects(lastLines(directory, join(directory, 'task'), 3), isUnsafe);
    await assert.rejects(lastLines(directory, '/etc/hostname', 3), isUnsafe);
  });

  it('refuses a capture that became a symbolic link while it was open', async () => {
    writeFileSync(path, 'one\n');
    const reader = await follow(everything);
    rmSync(path);
    symlinkSync('/etc/hostname', path);
    await assert.rejects(reader.read(), PersistenceError);
  });

  describe('last lines', () => {
    it('are rendered, not blank, and the last ones', async () => {
      writeFileSync(path, 'one\n\n\x1b[1mtwo\x1b[0m\n   \n 5%\r10%\n\n');
      assert.deepEqual(await lastLines(directory, path, 2), ['two', '10%']);
      assert.deepEqual(await lastLines(directory, path, 10), ['one', 'two', '10%']);
      assert.deepEqual(await lastLines(directory, path, 0), []);
    });

    it('are none where there is no capture', async () => {
      assert.deepEqual(await lastLines(directory, path, 3), []);
    });

    it('start at a line of a long capture', async () => {
      writeFileSync(path, 'a line of the capture\n'.repeat(10_000));
      const lines = await lastLines(directory, path, 100_000);
      assert.ok(lines.length > 700 && lines.every((line) => line === 'a line of the capture'));
    });

    it('are cut, but no character is', async () => {
      writeFileSync(path, '😀'.repeat(5000));
      const [line = ''] = await lastLines(directory, path, 1);
      assert.ok(line.isWellFormed() && line.length <= 200 && line.endsWith('😀…'));
    });
  });
});
