import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { CaptureView } from '../../src/output/captures/captureView.ts';
import { Renderer } from '../../src/output/rendering/renderer.ts';
import { cached } from '../support/cache.ts';
import { median, row, type Row } from './row.ts';

const captureBytes = 1024 ** 3;
const windowBytes = 4 * 1024 * 1024;
const rendererBytes = 16 * 1024 * 1024;
const rounds = 15;

/** Opening the document of a capture of 1 GiB, and the renderer alone. */
export async function benchOpenCapture(): Promise<Row[]> {
  const directory = await cached('bench-capture-1GiB', (made) => {
    writeCapture(join(made, 'stdout'));
    return Promise.resolve();
  });
  return [...(await openRows(directory)), await rendererRow()];
}

async function openRows(directory: string): Promise<Row[]> {
  const path = join(directory, 'stdout');
  const window = { size: windowBytes, limit: 2 * windowBytes };
  const opens: number[] = [];
  const floors: number[] = [];
  let bytesRead = 0;
  for (let round = 0; round < rounds; round += 1) {
    opens.push(
      await milliseconds(async () => {
        bytesRead = await countBytesRead(async () => {
          const { text, skippedBytes } = await new CaptureView(directory, path, window).open();
          assert.equal(skippedBytes + Buffer.byteLength(text), captureBytes);
        });
      }),
    );
    floors.push(
      await milliseconds(() => {
        const tail = execFileSync('tail', ['-c', String(windowBytes), path], {
          maxBuffer: 2 * windowBytes,
        });
        assert.ok(tail.toString('utf8').split('\n').length > 1);
      }),
    );
  }
  return [
    row(
      'opening a capture of 1 GiB, window 4 MiB',
      median(opens),
      median(floors),
      'ms',
      `to reach: ratio 3; floor: tail -c of the window, decoded and split; median of ${rounds}`,
    ),
    row(
      'bytes read to open it',
      bytesRead,
      windowBytes,
      'bytes',
      `floor: the window; to reach: at most ${windowBytes + 64 * 1024}`,
    ),
  ];
}

async function rendererRow(): Promise<Row> {
  const bytes = logText(rendererBytes);
  const renders: number[] = [];
  const floors: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    renders.push(
      await milliseconds(() => {
        const renderer = new Renderer();
        renderer.write(bytes);
        const { text } = renderer.takeChange();
        // Asking for its last character makes V8 join the text's parts.
        assert.equal(text.charCodeAt(bytes.length - 1), 0x0a);
      }),
    );
    floors.push(await milliseconds(() => bytes.toString('utf8').split('\n')));
  }
  const rate = (times: number[]): number => bytes.length / 1e3 / median(times);
  return row(
    'rendering plain log text',
    rate(renders),
    rate(floors),
    'MB/s',
    `more is better, to reach: ratio 0.5; floor: decoding and splitting it; median of ${rounds}`,
  );
}

/** Real text, of which blocks of 8 MiB repeat. */
function writeCapture(path: string): void {
  const block = logText(8 * 1024 * 1024);
  const descriptor = fs.openSync(path, 'w', 0o600);
  for (let written = 0; written < captureBytes; written += block.length) {
    fs.writeSync(descriptor, block);
  }
  fs.closeSync(descriptor);
}

/** Lines of a build's log, exactly so many bytes. */
function logText(length: number): Buffer {
  const lines: string[] = [];
  for (let line = 0, written = 0; written < length; line += 1) {
    const text = `[${String(line).padStart(8, '0')}] src/module${line % 97}/part.ts:${line % 800}:${line % 70}: compiled in ${(line * 7919) % 1000} ms\n`;
    lines.push(text);
    written += text.length;
  }
  const bytes = Buffer.from(lines.join('').slice(0, length));
  bytes[length - 1] = 0x0a;
  return bytes;
}

async function countBytesRead(action: () => Promise<void>): Promise<number> {
  const { readSync } = fs;
  let bytes = 0;
  fs.readSync = ((...parameters: Parameters<typeof readSync>) => {
    const read = readSync(...parameters);
    bytes += read;
    return read;
  }) as typeof readSync;
  syncBuiltinESMExports();
  try {
    await action();
  } finally {
    fs.readSync = readSync;
    syncBuiltinESMExports();
  }
  return bytes;
}

async function milliseconds(action: () => unknown): Promise<number> {
  const began = performance.now();
  await action();
  return performance.now() - began;
}
