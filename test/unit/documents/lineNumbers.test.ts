import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { OutputSection } from '../../../src/documents/outputSection.ts';
import { CaptureView } from '../../../src/output/captures/captureView.ts';
import type { OutputWindow } from '../../../src/output/outputText.ts';
import { PtyView } from '../../../src/output/pty/ptyView.ts';
import { loadTerminal } from '../../../src/output/pty/xterm.ts';

/** A cut in a progress bar leaves rows that were rewritten: a screenful may have others then. */
const screen = 50;

/** Pieces of a log that are nearly all alike, with more or fewer bytes that do not show. */
const piece = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('tick', '\x1b[32mtick\x1b[0m', '\x1b[38;5;1;4mtick') },
  { weight: 1, arbitrary: fc.constantFrom('tock', '10%\r20%\r', '\x1b[0m\x1b[1m\x1b[0m') },
  { weight: 1, arbitrary: fc.constant('a\r\nb\r\n\x1b[2Ac\r\nd') },
);

/** What is done to a view: lines are written, then it is read, or widened, kept or not. */
const step = fc.record({
  lines: fc.array(piece, { minLength: 10, maxLength: 150, size: 'max' }),
  action: fc.constantFrom('read', 'read', 'keep', 'widen' as const),
});

const steps = fc.array(step, { minLength: 4, maxLength: 12, size: 'max' });
type Steps = typeof steps extends fc.Arbitrary<infer Value> ? Value : never;

describe('the numbers of a section’s lines', () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'line-numbers-'));
    path = join(directory, 'capture');
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  /** The number of each line that a link, which does not show, tells from the others. */
  function numbers(section: OutputSection): Map<string, number> {
    const found = new Map<string, number>();
    for (let line = 0; line < section.lineCount; line += 1) {
      const { start, end } = section.lineOffsets(line);
      section.spans.visit(start, end, (_from, _to, _style, link) => {
        if (link !== undefined) found.set(link, section.firstNumber + line);
      });
    }
    return found;
  }

  async function staySame(taken: Steps, view: CaptureView | PtyView): Promise<void> {
    let written = 0;
    writeFileSync(path, '');
    const section = new OutputSection('stdout', 1, { ...(await view.open()), writtenAt: 0 });
    for (const { lines, action } of taken) {
      const before = numbers(section);
      let bytes = '';
      for (const line of lines) {
        bytes += `${line}\x1b]8;;http://${String(written)}\x07.\x1b]8;;\x07\r\n`;
        written += 1;
      }
      appendFileSync(path, bytes);
      if (action === 'widen') {
        const earlier = await view.loadEarlier();
        if (earlier !== undefined) section.replace(earlier);
      } else {
        const change = await view.read(action === 'keep' ? 1 << 20 : 0);
        if (change !== undefined) section.apply(change);
      }
      for (const [link, number] of numbers(section)) {
        const isNearCut = number < section.firstNumber + screen;
        if (before.has(link) && !isNearCut) assert.equal(number, before.get(link), link);
      }
    }
  }

  const window: OutputWindow = { size: 4000, limit: 8000 };

  it('stay the same ones over any cuts and widenings, in a log of lines that are alike', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        await staySame(taken, new CaptureView(directory, path, window));
      }),
      { numRuns: 40 },
    );
  });

  it('stay the same ones in what a terminal shows', async () => {
    const Terminal = await loadTerminal();
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const size = () => ({ cols: 80, rows: 24 });
        await staySame(taken, new PtyView(Terminal, size, directory, path, window));
      }),
      { numRuns: 20 },
    );
  });
});
