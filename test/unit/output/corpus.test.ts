import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PtyRenderer } from '../../../src/output/pty/ptyRenderer.ts';
import { Renderer } from '../../../src/output/rendering/renderer.ts';
import type { PackedSpans } from '../../../src/output/rendering/style.ts';
import { unpack } from './spans.ts';
import { TerminalClass } from './xtermOracle.ts';

const corpus = join(dirname(fileURLToPath(import.meta.url)), 'corpus');
/** `UPDATE_GOLDEN=1` writes the golden documents anew; look at the difference before you keep it. */
const isUpdate = process.env['UPDATE_GOLDEN'] === '1';

/** Sizes of the terminals that the captures were made in; others had 24 rows of 80 columns. */
const sizes: Partial<Record<string, { cols: number; rows: number }>> = {
  'node-test.pty': { cols: 60, rows: 24 },
  'progress.pty': { cols: 40, rows: 10 },
  'vim.pty': { cols: 60, rows: 12 },
};

async function render(
  name: string,
  bytes: Buffer,
): Promise<{ readonly text: string; readonly spans: PackedSpans }> {
  if (name.endsWith('.pty')) {
    const renderer = new PtyRenderer(TerminalClass, sizes[name] ?? { cols: 80, rows: 24 });
    renderer.write(bytes);
    await renderer.settle();
    return renderer.whole();
  }
  const renderer = new Renderer();
  renderer.write(bytes);
  const { text, spans } = renderer.takeChange();
  return { text, spans };
}

/** The text, each line followed by its styles: `    | 4-9 foreground=2`. */
function documentOf({
  text,
  spans,
}: {
  readonly text: string;
  readonly spans: PackedSpans;
}): string {
  const worded = unpack(spans);
  let start = 0;
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const end = start + line.length;
    lines.push(line);
    for (const span of worded) {
      if (span.start < start || span.start > end) continue;
      lines.push(`    | ${span.start - start}-${span.end - start} ${span.look}`);
    }
    start = end + 1;
  }
  return lines.join('\n');
}

describe('corpus of captures', () => {
  for (const file of readdirSync(corpus).filter((entry) => entry.endsWith('.raw'))) {
    const name = file.slice(0, -'.raw'.length);
    it(name, async () => {
      const document = documentOf(await render(name, readFileSync(join(corpus, file))));
      const golden = join(corpus, `${name}.golden`);
      if (isUpdate) writeFileSync(golden, document);
      assert.ok(existsSync(golden), 'there is no golden document: run with UPDATE_GOLDEN=1');
      assert.equal(document, readFileSync(golden, 'utf8'));
    });
  }
});
