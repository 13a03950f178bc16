import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PacedRenderer } from '../../../src/output/rendering/pacedRenderer.ts';
import { Renderer } from '../../../src/output/rendering/renderer.ts';

const piece = 256 * 1024;

describe('paced renderer', () => {
  it('renders what the renderer does, and lets other work in between', async () => {
    const bytes = Buffer.alloc(4 * piece, '\x1b[31mx\x1b[2A\x1b[7Gy\x1b[1K\x1b[32mé\n\n');
    const paced = new PacedRenderer();
    let settled = false;
    let turns = 0;
    for (let at = 0; at < bytes.length; at += piece) {
      paced.write(bytes.subarray(at, at + piece));
    }
    const settling = paced.settle().then(() => {
      settled = true;
    });
    for (; !settled; turns++) await nextTurn();
    await settling;
    assert.ok(turns > 2);
    const renderer = new Renderer();
    renderer.write(bytes);
    assert.equal(paced.takeChange().text, renderer.takeChange().text);
  });

  it('stops within a turn of the signal', async () => {
    const closing = new AbortController();
    const paced = new PacedRenderer();
    for (let count = 0; count < 64; count++) {
      paced.write(Buffer.alloc(piece, '\x1b[31mx\x1b[2A\x1b[7Gy\x1b[1K\x1b[32mé\n\n'));
    }
    const settling = paced.settle(closing.signal);
    await nextTurn();
    closing.abort();
    await assert.rejects(settling, { name: 'AbortError' });
  });

  it('keeps a copy of what it has not rendered yet', async () => {
    const bytes = Buffer.from('one\n');
    const paced = new PacedRenderer();
    paced.write(bytes);
    bytes.fill('x');
    await paced.settle();
    assert.equal(paced.takeChange().text, 'one\n');
  });
});
