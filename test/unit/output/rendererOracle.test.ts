import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { Renderer } from '../../../src/output/rendering/renderer.ts';
import { SCREEN_COLUMNS, SCREEN_ROWS } from '../../../src/output/rendering/screen.ts';
import { unpack } from './spans.ts';
import { anyLook, feed, shownBy } from './xtermOracle.ts';

/** No line gets so long here. */
const size = { cols: 1000, rows: SCREEN_ROWS, convertEol: true };

/**
 * The renderer of pipes against a terminal of which no line reaches the width. They differ, and are
 * meant to, where a capture is a log: a cleared screen and a full reset are kept above the next;
 * nothing scrolls back in (`ESC M` at the top, `CSI L M S T`), no margins, modes, character sets or
 * alternate screen; C1 controls start no sequence; invalid UTF-8 and characters that reorder the
 * text become U+FFFD; blank lines at the end are lines. None of these comes up here.
 */
describe('renderer and terminal', () => {
  const count = fc.nat({ max: 12 });
  const sgr = fc.constantFrom(
    ...[
      '',
      '0',
      '1',
      '2',
      '3',
      '7',
      '9',
      '22',
      '23',
      '27',
      '29',
      '31',
      '44',
      '39',
      '49',
      '95',
      '106',
    ],
    ...['38;5;200', '48;5;3', '38;2;1;2;3', '48:2::9:8:7', '38:5:77', '1;31;42', '0;1', '31;'],
  );
  const piece = fc.oneof(
    fc.stringMatching(/^[ -~]{1,12}$/),
    fc.constantFrom(
      '漢字',
      'é',
      'e\u0301',
      '✓',
      '│',
      '\n',
      '\n',
      '\r\n',
      '\r',
      '\b',
      '\t',
      '\0',
      '\x07',
      '\v',
      '\x0e\x0f',
    ),
    sgr.map((parameters) => `\x1b[${parameters}m`),
    fc
      .constantFrom('A', 'B', 'C', 'D', 'E', 'F', 'G', 'P', 'X', '@', 'a', 'e', '`')
      .chain((letter) => count.map((number) => `\x1b[${number}${letter}`)),
    fc.tuple(count, count).map(([row, column]) => `\x1b[${row};${column}H`),
    fc.constantFrom(
      '\x1b7',
      '\x1b8',
      '\x1b[s',
      '\x1b[u',
      '\x1b[K',
      '\x1b[1K',
      '\x1b[2K',
      '\x1b[J',
      '\x1b[1J',
      '\x1b[H',
      '\x1b[G',
    ),
    fc.constantFrom(
      '\x1b]0;title\x07',
      '\x1b]2;t\x1b\\',
      '\x1bPx\x1b\\',
      '\x1b_x\x1b\\',
      '\x1b[?25l',
      '\x1b[>1u',
      '\x1b=',
      '\x1b[2 q',
    ),
    count.map((lines) => 'line\n'.repeat(lines * 5)),
    // Long enough to be taken without rows.
    fc
      .tuple(count, sgr)
      .map(([lines, style]) =>
        `\x1b[${style}mstyled ✓\x1b[39m line 😀 of some length\r\n`.repeat(lines * 25),
      ),
  );
  const stream = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(pieces.join('')));

  it('show the same text in the same styles', async () => {
    await fc.assert(
      fc.asyncProperty(stream, async (bytes) => {
        const terminal = shownBy(await feed(bytes, size));
        const renderer = new Renderer();
        renderer.write(bytes);
        const { text, spans } = renderer.takeChange();
        const end = text.search(/\n*$/);
        assert.equal(text.slice(0, end), terminal.text.replace(/\n+$/, ''));
        const looks = Array.from({ length: end }, () => '');
        for (const span of unpack(spans)) {
          for (let at = span.start; at < Math.min(span.end, end); at++) looks[at] = span.look;
        }
        for (const [at, look] of looks.entries()) {
          const expected = terminal.looks[at];
          if (expected !== anyLook)
            assert.equal(look, expected, `at ${at} of ${JSON.stringify(text)}`);
        }
      }),
      { numRuns: 80 },
    );
  });

  describe('show the same text of lines that are longer than a row', () => {
    const endless = { cols: 40_000, rows: 4, convertEol: true };
    const lengths = fc.oneof(
      fc.nat({ max: 40 }),
      fc.integer({ min: SCREEN_COLUMNS - 20, max: SCREEN_COLUMNS + 20 }),
    );
    const narrow = fc.oneof(
      lengths.map((length) => 'x'.repeat(length)),
      fc.nat({ max: 40 }).map((fields) => '\ty'.repeat(fields)),
      fc.nat({ max: 600 }).map((tabs) => '\t'.repeat(tabs)),
      fc.constantFrom('\t', '\tz', '\n', 'END'),
    );
    const wide = fc.oneof(
      narrow,
      fc
        .integer({ min: SCREEN_COLUMNS / 2 - 20, max: SCREEN_COLUMNS / 2 + 20 })
        .map((length) => '漢'.repeat(length)),
      fc.constantFrom('漢', '\x1b[C', '\x1b[4Ca', '\x1b[31m'),
    );

    async function both(pieces: string[]): Promise<[rendered: string, expected: string]> {
      const bytes = Buffer.from(pieces.join(''));
      const renderer = new Renderer();
      renderer.write(bytes);
      const terminal = shownBy(await feed(bytes, endless));
      return [renderer.takeChange().text.trimEnd(), terminal.text.trimEnd()];
    }

    it('with tabs', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(narrow, { maxLength: 6 }), async (pieces) => {
          const [rendered, expected] = await both(pieces);
          assert.equal(rendered, expected);
        }),
        { numRuns: 40 },
      );
    });

    /** A wide character that does not fit moves the tab stops of the rest of its line. */
    it('but for the blanks with wide characters and cursor moves', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(wide, { maxLength: 6 }), async (pieces) => {
          const [rendered, expected] = await both(pieces);
          assert.equal(rendered.replaceAll(' ', ''), expected.replaceAll(' ', ''));
        }),
        { numRuns: 40 },
      );
    });
  });
});
