import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { mostText } from '../../../src/output/outputText.ts';
import { PtyRenderer, type PtySize } from '../../../src/output/pty/ptyRenderer.ts';
import { ViewReader } from './spans.ts';
import { anyLook, feed, shownBy, TerminalClass } from './xtermOracle.ts';

const usual = { cols: 80, rows: 24 };

async function render(
  chunks: readonly (string | Uint8Array)[],
  size: PtySize = usual,
): Promise<ViewReader> {
  const renderer = new PtyRenderer(TerminalClass, size);
  const reader = new ViewReader();
  for (const chunk of chunks) {
    renderer.write(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    await renderer.settle();
    reader.take(renderer.takeChange());
  }
  return reader;
}

/** The style of each character. */
function looksOf({ text, spans }: ViewReader): string[] {
  const looks = Array.from({ length: text.length }, () => '');
  for (const { start, end, look } of spans) looks.fill(look, start, end);
  return looks;
}

const small = { cols: 10, rows: 4 };

describe('pty renderer', () => {
  const cases: [name: string, size: PtySize, input: string, text: string][] = [
    ['plain text', usual, 'one\r\ntwo\r\n', 'one\ntwo\n'],
    ['nothing', usual, '', ''],
    ['no final line break', usual, 'one\r\ntwo', 'one\ntwo'],
    ['a line feed alone stays in its column', usual, 'one\ntwo', 'one\n   two'],
    ['blank lines at the end are none', usual, 'one\r\n\r\n\r\n', 'one\n'],
    [
      'a wrapped line is one',
      small,
      'abcdefghijklmnopqrstuvwxyz\r\nb\r\n',
      'abcdefghijklmnopqrstuvwxyz\nb\n',
    ],
    ['a wide character that did not fit', small, 'abcdefghi漢字\r\n', 'abcdefghi漢字\n'],
    ['lines that scrolled out', small, 'a\r\nb\r\nc\r\nd\r\ne\r\nf', 'a\nb\nc\nd\ne\nf'],
    [
      'the last screen of a program that redraws',
      small,
      'log\r\n\x1b[2J\x1b[H1\r\n2\x1b[2J\x1b[H3\r\n4',
      '3\n4',
    ],
    [
      'the alternate screen while it is used',
      small,
      'log\r\n\x1b[?1049h\x1b[Hfull\r\nscreen',
      'log\nfull\nscreen',
    ],
    [
      'no alternate screen after it was left',
      small,
      'log\r\n\x1b[?1049h\x1b[Hfull\x1b[?1049lend',
      'log\nend',
    ],
    [
      'clearing the scrollback clears nothing',
      small,
      'a\r\nb\r\nc\r\nd\r\ne\r\n\x1b[3Jf',
      'a\nb\nc\nd\ne\nf',
    ],
    [
      'lines that scrolled out before a full reset',
      small,
      'a\r\nb\r\nc\r\nd\r\ne\r\n\x1bcf',
      'a\nb\nf',
    ],
    ['scrolling within margins', small, '\x1b[2;3ra\r\nb\r\nc\r\nd\r\ne', 'a\nd\ne'],
    ['erasing up to the last cell', small, 'a\x1b[9;99Hb\x1b[1J\x1b[2Hc', '\nc'],
    [
      'erasing up to the end of a wrapped row',
      small,
      `${'a'.repeat(15)}\x1b[1;10H\x1b[1J`,
      '\naaaaa',
    ],
    ['line drawing', small, '\x1b(0lqk\x1b(B', '┌─┐'],
    ['characters that reorder the text', usual, 'a\u202eb', 'a\ufffdb'],
    ['a size that no terminal has', { cols: 65535, rows: 65535 }, 'a\r\nb', 'a\nb'],
    ['a size of nothing', { cols: 0, rows: 0 }, 'ab', 'ab'],
    ['titles, queries and other strings', usual, '\x1b]0;t\x07a\x1b[6n\x1bP$qm\x1b\\b\x1b[c', 'ab'],
    ['repeating beyond reason', usual, 'a\x1b[999999999bb\x1b[999999999S\x1b[999999999Ic', 'abc'],
  ];
  for (const [name, size, input, text] of cases) {
    it(name, async () => {
      assert.equal((await render([input], size)).text, text);
    });
  }

  it('shows invalid UTF-8 as the replacement character', async () => {
    const { text } = await render([Buffer.from([0x61, 0xff, 0x62, 0xe2, 0x82, 0x0d])]);
    assert.equal(text, 'a\ufffdb\ufffd');
  });

  it('shows a character once all of it has come', async () => {
    const bytes = Buffer.from('€');
    assert.equal((await render([bytes.subarray(0, 2)])).text, '');
    assert.equal((await render([bytes.subarray(0, 2), bytes.subarray(2)])).text, '€');
  });

  it('shows each character of a long line', async () => {
    for (const character of ['“', 'é', '漢', '😀']) {
      const line = `-${character.repeat(5000)}`;
      assert.equal((await render([line])).text, line);
    }
  });

  it('shows no character that a wide one overwrote while its row scrolled out', async () => {
    const lines = 'abcd\r\x1b[3C漢\r\n\r\n'.repeat(100);
    const { text } = await render([`${lines}end`], { cols: 4, rows: 1 });
    assert.equal(text, `${'abc漢\n\n'.repeat(100)}end`);
  });

  const styles: [sgr: string, look: string][] = [
    ['31', 'foreground=1'],
    ['97;104', 'background=12 foreground=15'],
    ['38;5;200', 'foreground=200'],
    ['48:2::1:2:3', 'background=16843267'],
    ['1;2;3', 'bold dim italic'],
    ['5;7;8;9;53', 'blink hidden inverse overline strikethrough'],
    ['4', 'underline=single'],
    ['4:3;58;5;9', 'underline=curly underlineColor=9'],
    ['4:2', 'underline=double'],
    ['4;58;5;9;59', 'underline=single'],
    ['1;0', ''],
  ];
  for (const [sgr, look] of styles) {
    it(`SGR ${sgr}`, async () => {
      const { spans } = await render([`\x1b[${sgr}mx\x1b[m`]);
      assert.deepEqual(spans, look === '' ? [] : [{ start: 0, end: 1, look }]);
    });
  }

  it('keeps thousands of colours as they are, and of more the nearest of the palette', async () => {
    const colors = Array.from({ length: 6000 }, (_, index) => 0x102030 + index * 0x301);
    const sgr = (color: number): string =>
      `38;2;${color >> 16};${(color >> 8) & 0xff};${color & 0xff}`;
    for (const lineEnd of ['', '\r\n']) {
      const stream = colors.map((color) => `\x1b[${sgr(color)}mx${lineEnd}`).join('');
      const reader = await render([stream]);
      const looks = looksOf(reader).filter((_, at) => reader.text[at] === 'x');
      const nearest = (color: number): number =>
        [16, 8, 0].reduce((sum, shift) => 6 * sum + Math.round(((color >> shift) & 0xff) / 51), 0);
      assert.deepEqual(
        looks,
        colors.map((color, index) =>
          index < 4096 ? `foreground=${0x1000000 + color}` : `foreground=${16 + nearest(color)}`,
        ),
      );
    }
  });

  it('keeps links to the web and to files, and no others', async () => {
    const link = (target: string, text: string): string =>
      `\x1b]8;;${target}\x1b\\${text}\x1b]8;;\x1b\\`;
    const { text, spans } = await render([
      `${link('https://x', 'a')} ${link('file:///x', 'b')} ${link('javascript:x', 'c')} ${link('command:x', 'd')}`,
    ]);
    assert.equal(text, 'a b c d');
    assert.deepEqual(spans, [
      { start: 0, end: 1, look: 'link=https://x' },
      { start: 2, end: 3, look: 'link=file:///x' },
    ]);
  });

  it('keeps as many links as a screen may have, and none that is too long', async () => {
    const links = Array.from({ length: 10_000 }, (_, link) => `\x1b[H\x1b]8;;http://${link}\x07a`);
    const { text, spans } = await render([
      `${links.join('')}\x1b]8;;http://${'x'.repeat(10_000)}\x07b`,
    ]);
    assert.equal(text, 'ab');
    assert.deepEqual(spans, [{ start: 0, end: 1, look: 'link=http://9999' }]);
  });

  it('replaces no more than what was rewritten', async () => {
    const renderer = new PtyRenderer(TerminalClass, usual);
    renderer.write(Buffer.from('one\r\ntwo 10%'));
    await renderer.settle();
    renderer.takeChange();
    renderer.write(Buffer.from('\rtwo 15%\r\nthree'));
    await renderer.settle();
    const { replacedChars, text } = renderer.takeChange();
    assert.deepEqual([replacedChars, text], [2, '5%\nthree']);
  });

  it('replaces what only looks different now', async () => {
    const renderer = new PtyRenderer(TerminalClass, usual);
    renderer.write(Buffer.from('one two'));
    await renderer.settle();
    renderer.takeChange();
    renderer.write(Buffer.from('\r\x1b[4C\x1b[31mtwo'));
    await renderer.settle();
    const { replacedChars, text } = renderer.takeChange();
    assert.deepEqual([replacedChars, text], [3, 'two']);
  });

  it('forgets lines that scrolled out long ago, and goes on', async () => {
    const renderer = new PtyRenderer(TerminalClass, usual);
    const lines = Array.from(
      { length: 20_000 },
      (_, line) => `\x1b[3${line % 8}mline ${line}\x1b[m`,
    );
    renderer.write(Buffer.from(lines.join('\r\n')));
    await renderer.settle();
    renderer.forget(200_000);
    const { forgottenBytes } = renderer;
    assert.ok(forgottenBytes > 150_000 && forgottenBytes <= 200_000);
    const reader = new ViewReader();
    const { text, spans } = renderer.whole();
    reader.replace(text, spans);
    renderer.write(Buffer.from('\r\nend'));
    await renderer.settle();
    reader.take(renderer.takeChange());
    const shown = reader.text.split('\n');
    assert.match(shown[0]!, /^line \d+$/);
    const first = Number(shown[0]!.slice(5));
    assert.equal(shown.length, 20_000 - first + 1);
    assert.deepEqual(shown.slice(-2), ['line 19999', 'end']);
    assert.equal(reader.spans[0]?.look, `foreground=${first % 8}`);
  });

  it('is bounded, whatever blanks the cursor skips', async () => {
    const renderer = new PtyRenderer(TerminalClass, { cols: 1000, rows: 10 });
    renderer.write(Buffer.from('\x1b[999Gx\r\n'.repeat(26_000)));
    await renderer.settle();
    assert.ok(Buffer.byteLength(renderer.whole().text) < mostText.grown);
  });

  it('is bounded in bytes, whatever characters are repeated', async () => {
    const renderer = new PtyRenderer(TerminalClass, { cols: 1000, rows: 10 });
    renderer.write(Buffer.from('€\x1b[999b\r\n'.repeat(10_000)));
    await renderer.settle();
    assert.ok(Buffer.byteLength(renderer.whole().text) < mostText.grown);
    assert.ok(renderer.forgottenBytes > 0);
  });

  it('repeats a character over lines without end, and beyond them not for ever', async () => {
    const line = new PtyRenderer(TerminalClass, usual);
    line.write(Buffer.from('-\x1b[79b\r\n'.repeat(4000)));
    await line.settle();
    assert.equal(line.whole().text, `${'-'.repeat(80)}\n`.repeat(4000));
    const bomb = new PtyRenderer(TerminalClass, usual);
    bomb.write(Buffer.from('x\x1b[1000b'.repeat(10_000)));
    await bomb.settle();
    const { length } = bomb.whole().text;
    assert.ok(length > 50_000 && length < 1_100_000, String(length));
  });

  it('moves all the lines at once that a sequence asks for', async () => {
    const renderer = new PtyRenderer(TerminalClass, { cols: 10, rows: 500 });
    for (const final of 'LMST') renderer.write(Buffer.from(`\x1b[1000${final}`.repeat(1000)));
    renderer.write(Buffer.from('end'));
    await renderer.settle();
    assert.equal(renderer.whole().text, 'end');
  });

  it('lets other work in between, also where a few bytes clear a large screen', async () => {
    const renderer = new PtyRenderer(TerminalClass, { cols: 1000, rows: 500 });
    renderer.write(Buffer.from(`${'\x1b[2J'.repeat(1000)}end`));
    let settled = false;
    let turns = 0;
    const settling = renderer.settle().then(() => {
      settled = true;
    });
    for (; !settled; turns++) await nextTurn();
    await settling;
    assert.ok(turns > 8, String(turns));
    assert.equal(renderer.whole().text, 'end');
  });

  it('stops within a turn of the signal', async () => {
    const closing = new AbortController();
    const renderer = new PtyRenderer(TerminalClass, { cols: 500, rows: 200 });
    renderer.write(Buffer.from('\x1b[2J'.repeat(100_000)));
    const settling = renderer.settle(closing.signal);
    await nextTurn();
    closing.abort();
    await assert.rejects(settling, { name: 'AbortError' });
  });

  it('has as many rows of a huge screen as a large display has', async () => {
    const renderer = new PtyRenderer(TerminalClass, { cols: 1000, rows: 500 });
    renderer.write(Buffer.from(`\x1b[500Hx`));
    await renderer.settle();
    assert.equal(renderer.whole().text.split('\n').length, 100);
  });

  describe('any stream', () => {
    const number = fc.nat({ max: 30 });
    const word = fc.constantFrom('word ', 'a', '漢字', '✓ ', 'é', '│', '|', 'longer word here ');
    const sgr = fc.constantFrom(
      ...[
        '0',
        '',
        '1',
        '31',
        '42',
        '97',
        '38;5;100',
        '48;2;1;2;3',
        '7',
        '22',
        '27',
        '39',
        '49',
        '4',
        '2;3',
        '9',
        '999',
        '4:3',
        '21',
        '24',
        '58;5;3',
        '58;2;9;8;7',
        '01;4;31',
      ],
    );
    const piece = fc.oneof(
      word,
      fc.constantFrom(
        '\r\n',
        '\r\n',
        '\n',
        '\r',
        '\b',
        '\t',
        '\0',
        '\x07',
        '\x7f',
        '😀',
        'e\u0301',
      ),
      sgr.map((parameters) => `\x1b[${parameters}m`),
      fc
        .constantFrom(
          'A',
          'B',
          'C',
          'D',
          'E',
          'F',
          'G',
          'J',
          'K',
          'L',
          'M',
          'P',
          'S',
          'T',
          'X',
          '@',
          'd',
          'b',
        )
        .chain((letter) =>
          number.map((count) => `\x1b[${count % 6 === 3 && letter === 'J' ? 0 : count}${letter}`),
        ),
      fc.tuple(number, number).map(([row, column]) => `\x1b[${row};${column}H`),
      fc.constantFrom(
        '\x1b[?1049h',
        '\x1b[?1049l',
        '\x1bM',
        '\x1bD',
        '\x1b[2;5r',
        '\x1b[r',
        '\x1b[4h',
        '\x1b[4l',
      ),
      fc.constantFrom(
        '\x1b[?7h',
        '\x1b[?7l',
        '\x1b[?7l漢漢漢',
        '\x1b(0',
        '\x1b(B',
        '\x1b]0;title\x07',
        '\x1bP+q\x1b\\',
        '\x1b[?25l',
      ),
      // Enough of the same to scroll everything out.
      fc
        .tuple(
          fc.array(
            fc.oneof(
              word,
              fc.constantFrom('\t', '\t', 'e\u0301', 'x\u0301\u200d', '😀', '\ufeff'),
              fc.constantFrom('\x1b[K', '\x1b[0K', '\x1b[1K', '\x1b(B', '\r'),
              sgr.map((parameters) => `\x1b[${parameters}m`),
            ),
            { maxLength: 8 },
          ),
          fc.constantFrom('\r\n', '\r\n', '\n'),
          fc.nat({ max: 80 }),
        )
        .map(([words, lineEnd, count]) => `${words.join('')}${lineEnd}`.repeat(count)),
      fc.constantFrom('\x1bH', '\x1b[3g', '\x1b[0g'),
    );
    const stream = fc.array(piece, { maxLength: 50 }).map((pieces) => Buffer.from(pieces.join('')));
    const sizes = fc.constantFrom(usual, small, { cols: 2, rows: 1 }, { cols: 20, rows: 6 });
    const cuts = fc.array(fc.nat(), { maxLength: 10 });

    function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
      const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort(
        (left, right) => left - right,
      );
      let start = 0;
      return ends.map((end) => bytes.subarray(start, (start = end)));
    }

    it('is what the terminal shows, however it is cut', async () => {
      await fc.assert(
        fc.asyncProperty(stream, sizes, cuts, async (bytes, size, places) => {
          const shown = shownBy(await feed(bytes, size));
          for (const chunks of [[bytes], cut(bytes, places)]) {
            const reader = await render(chunks, size);
            assert.equal(reader.text, shown.text);
            // Underlines can't be had in the public interface.
            const looks = looksOf(reader).map((look, at) =>
              shown.looks[at] === anyLook
                ? anyLook
                : look.replace(/ ?underline(?:Color)?=\w+/g, '').trim(),
            );
            assert.deepEqual(looks, shown.looks);
          }
        }),
        { numRuns: 200 },
      );
    });

    it('is the same for any bytes, however they are cut', async () => {
      const anything = fc
        .array(
          fc.oneof(
            piece.map((text) => Buffer.from(text)),
            fc.uint8Array({ maxLength: 20 }),
          ),
          { maxLength: 50 },
        )
        .map((parts) => Buffer.concat(parts));
      await fc.assert(
        fc.asyncProperty(anything, sizes, cuts, async (bytes, size, places) => {
          const whole = await render([bytes], size);
          const parts = await render(cut(bytes, places), size);
          assert.equal(parts.text, whole.text);
          assert.deepEqual(parts.spans, whole.spans);
          // eslint-disable-next-line no-control-regex
          assert.doesNotMatch(whole.text, /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
        }),
        { numRuns: 200 },
      );
    });
  });
});
