import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaptureExport, type ExportSource } from '../../../src/output/captures/exportCapture.ts';
import { PtyRenderer } from '../../../src/output/pty/ptyRenderer.ts';
import { Renderer } from '../../../src/output/rendering/renderer.ts';
import { loadTerminal } from '../../../src/output/pty/xterm.ts';

describe('CaptureExport', () => {
  let directory: string;
  let session: string;
  let target: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'aft-export-'));
    session = join(directory, 'session');
    mkdirSync(session);
    mkdirSync(join(directory, 'to'));
    target = join(directory, 'to', 'output.log');
  });

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  function source(
    name: string,
    content: string | Uint8Array,
    more: Partial<ExportSource> = {},
  ): ExportSource {
    const path = join(session, name);
    writeFileSync(path, content);
    return { path, heading: undefined, makeSink: undefined, ...more };
  }

  async function writeAll(sources: readonly ExportSource[]): Promise<string> {
    rmSync(target, { force: true });
    const capture = new CaptureExport(session, sources, target);
    while (!(await capture.step()).done) {
      assert.ok(!readdirSync(join(directory, 'to')).includes('output.log'));
    }
    capture.finish();
    assert.deepEqual(readdirSync(join(directory, 'to')), ['output.log']);
    return readFileSync(target, 'latin1');
  }

  it('copies every byte of a capture', async () => {
    const bytes = Buffer.alloc(3_000_000, '\x1b[31m\xff\0line\r\n', 'latin1');
    assert.equal(await writeAll([source('stdout', bytes)]), bytes.toString('latin1'));
  });

  it('writes what captures show, with their headings', async () => {
    const makeSink = (): Renderer => new Renderer();
    const text = await writeAll([
      source('stdout', '\x1b[31mred\x1b[0m\n1%\r2%', { heading: '=== stdout ===', makeSink }),
      source('stderr', 'oops\n', { heading: '=== stderr ===', makeSink }),
    ]);
    assert.equal(text, '=== stdout ===\nred\n2%\n=== stderr ===\noops\n');
  });

  it('writes a long text whole, and what a terminal shows of one', async () => {
    const lines = Array.from({ length: 300_000 }, (_, index) => `line ${index} of a long log`);
    const content = `\x1b[1m${lines.join('\n')}\n`;
    const rendered = await writeAll([
      source('stdout', content, { makeSink: () => new Renderer() }),
    ]);
    assert.equal(rendered, `${lines.join('\n')}\n`);
    const some = lines.slice(0, 20_000);
    const terminal = await loadTerminal();
    const makeSink = (): PtyRenderer => new PtyRenderer(terminal, { cols: 80, rows: 24 });
    const shown = await writeAll([source('pty', `${some.join('\r\n')}\r\n`, { makeSink })]);
    assert.equal(shown.trimEnd(), some.join('\n'));
  });

  it('writes a file of the longest name that there is', () => {
    const name = 'x'.repeat(255);
    new CaptureExport(session, [source('stdout', '')], join(directory, 'to', name)).finish();
    assert.deepEqual(readdirSync(join(directory, 'to')), [name]);
  });

  it('writes all of what few bytes of a terminal show', async () => {
    const terminal = await loadTerminal();
    const makeSink = (): PtyRenderer => new PtyRenderer(terminal, { cols: 1000, rows: 24 });
    const shown = await writeAll([source('pty', '€\x1b[999b\r\n'.repeat(12_000), { makeSink })]);
    const expected = `${'€'.repeat(1000)}\n`.repeat(12_000);
    assert.ok(Buffer.from(shown, 'latin1').equals(Buffer.from(expected)), String(shown.length));
  });

  it('writes an empty file of an empty capture', async () => {
    assert.equal(await writeAll([source('stdout', '')]), '');
  });

  it('leaves nothing behind where it is given up, and the file that was there', async () => {
    writeFileSync(target, 'before');
    const capture = new CaptureExport(session, [source('stdout', 'x'.repeat(1000))], target);
    await capture.step();
    capture.abort();
    assert.deepEqual(readdirSync(join(directory, 'to')), ['output.log']);
    assert.equal(readFileSync(target, 'utf8'), 'before');
  });

  it('writes through a link that the user chose', async () => {
    const real = join(directory, 'real.log');
    writeFileSync(real, 'before');
    symlinkSync(real, target);
    const capture = new CaptureExport(session, [source('stdout', 'new')], target);
    await capture.step();
    capture.finish();
    assert.equal(readFileSync(real, 'utf8'), 'new');
    assert.equal(readlinkSync(target), real);
    assert.deepEqual(readdirSync(directory).sort(), ['real.log', 'session', 'to']);
  });

  it('leaves a link that leads nowhere', () => {
    symlinkSync(join(directory, 'nowhere.log'), target);
    assert.throws(() => new CaptureExport(session, [source('stdout', 'new')], target), {
      code: 'ENOENT',
    });
    assert.ok(lstatSync(target).isSymbolicLink());
  });

  it('follows no link in the storage', () => {
    const link = join(session, 'stdout');
    symlinkSync('/etc/hostname', link);
    assert.throws(
      () =>
        new CaptureExport(
          session,
          [{ path: link, heading: undefined, makeSink: undefined }],
          target,
        ),
      { reason: 'unsafe-path' },
    );
    assert.deepEqual(readdirSync(join(directory, 'to')), []);
  });

  it('says where it can’t write', () => {
    assert.throws(
      () =>
        new CaptureExport(
          session,
          [source('stdout', 'x')],
          join(directory, 'nowhere', 'output.log'),
        ),
      { code: 'ENOENT' },
    );
  });
});
