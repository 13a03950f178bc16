import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { Renderer } from '../../../src/output/rendering/renderer.ts';
import { SCREEN_COLUMNS, SCREEN_ROWS } from '../../../src/output/rendering/screen.ts';
import type { TextChange } from '../../../src/output/rendering/shownText.ts';
import { forEachSpan, noSpans } from '../../../src/output/rendering/packedSpans.ts';
import type { Style } from '../../../src/output/rendering/style.ts';

interface StyleSpan {
  readonly start: number;
  readonly end: number;
  readonly style: Partial<Style>;
  readonly link?: string;
}

/** What a reader of the changes has. */
class Reader {
  text = '';
  spans: StyleSpan[] = [];

  take({ replacedChars, text, spans }: TextChange): void {
    const kept = this.text.length - replacedChars;
    assert.ok(kept >= 0, 'no more is taken away than there was');
    this.text = this.text.slice(0, kept) + text;
    this.spans = this.spans.filter(({ start }) => start < kept);
    const cut = this.spans.pop();
    if (cut !== undefined) this.add({ ...cut, end: Math.min(cut.end, kept) });
    forEachSpan(spans, (start, end, style: Partial<Style> = {}, link) => {
      const span = { start: start + kept, end: end + kept, style };
      this.add(link === undefined ? span : { ...span, link });
    });
  }

  private add(span: StyleSpan): void {
    const last = this.spans.at(-1);
    if (last?.end === span.start && isSameLook(last, span)) {
      this.spans[this.spans.length - 1] = { ...last, end: span.end };
    } else this.spans.push(span);
  }
}

function isSameLook(left: StyleSpan, right: StyleSpan): boolean {
  return left.link === right.link && JSON.stringify(left.style) === JSON.stringify(right.style);
}

function render(...chunks: (string | Uint8Array)[]): Reader {
  const renderer = new Renderer();
  const reader = new Reader();
  for (const chunk of chunks) {
    renderer.write(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    reader.take(renderer.takeChange());
  }
  return reader;
}

function styleOf(sgr: string): Partial<Style> | undefined {
  const { spans } = render(`\x1b[${sgr}mx`);
  assert.ok(spans.length <= 1);
  const style = spans[0]?.style;
  if (style === undefined) return undefined;
  const said = Object.entries(style).filter(
    ([, value]) => value !== undefined && value !== false && value !== 'none',
  );
  return Object.fromEntries(said);
}

describe('renderer', () => {
  describe('text', () => {
    const cases: [name: string, input: string | Uint8Array, text: string][] = [
      ['plain text', 'one\ntwo\n', 'one\ntwo\n'],
      ['no final line break', 'one\ntwo', 'one\ntwo'],
      ['nothing', '', ''],
      ['CRLF', 'one\r\ntwo\r\n', 'one\ntwo\n'],
      ['CR CR LF of a doubly translated file', 'one\r\r\ntwo', 'one\ntwo'],
      ['vertical tab and form feed', 'a\vb\fc', 'a\nb\nc'],
      ['a carriage return that rewrites', '10%\r50%\r100%\n', '100%\n'],
      ['a shorter rewriting, as a terminal shows it', 'longer\rab\n', 'abnger\n'],
      ['a carriage return alone', 'text\r', 'text'],
      ['backspaces', 'abc\b\bX\n', 'aXc\n'],
      ['backspaces stop at the line start', 'a\b\b\b\bb\n', 'b\n'],
      ['a spinner', '|\b/\b-\b\\\bdone', 'done'],
      ['tabs', 'a\tb\tc\n', 'a       b       c\n'],
      ['a tab over text', 'abcdefghij\r\tX\n', 'abcdefghXj\n'],
      ['a tab at the end leaves no blanks', 'a\t\n', 'a\n'],
      ['erase to the end of the line', 'abcdef\r\x1b[3C\x1b[K\n', 'abc\n'],
      ['erase from the start of the line', 'abcdef\x1b[3D\x1b[1K\n', '    ef\n'],
      ['erase the line', 'abcdef\x1b[2K\rx\n', 'x\n'],
      ['cursor back and forward', 'abcdef\x1b[4DX\x1b[2CY\n', 'abXdeY\n'],
      ['cursor to a column', 'abc\x1b[6Gx\x1b[1Gy\n', 'ybc  x\n'],
      [
        'erase, delete and insert characters',
        'abcdef\x1b[3G\x1b[2X\x1b[1G\x1b[P\x1b[@\n',
        ' b  ef\n',
      ],
      ['save and restore the cursor', 'ab\x1b7cd\x1b8X\n', 'abXd\n'],
      [
        'progress bars over several lines',
        'one 0%\ntwo 0%\n\x1b[2Aone 50%\n\x1b[2Ktwo 9%\n\x1b[2F\x1b[Kone 100%\n\x1b[Ktwo 100%\n',
        'one 100%\ntwo 100%\n',
      ],
      ['cursor up and erase below', 'a\nb\nc\n\x1b[3A\x1b[Jdone\n', 'done\n'],
      ['cursor up stops at the top', 'a\n\x1b[99AX\n', 'X\n'],
      ['reverse index', 'a\nb\x1bMX\n', 'aX\nb'],
      ['a cleared screen is kept above the next', 'a\nb\n\x1b[2J\x1b[Hc\n', 'a\nb\nc\n'],
      ['a reset is a cleared screen', 'a\n\x1bcb\n', 'a\nb\n'],
      ['wide characters take two columns', '漢字\b\bx\n', '漢x\n'],
      ['half a wide character is none', '漢字\r x\n', ' x字\n'],
      ['combining characters stay with theirs', 'e\u0301x\r\x1b[CY', 'e\u0301Y'],
      ['NUL, bell and other controls', 'a\0b\x07c\x01\x0e\x0f\x7fd', 'abcd'],
      ['C1 controls start nothing', 'a\u009b31mb\u009dc\u0085d', 'a31mbcd'],
      ['bidirectional overrides are shown', 'a\u202eb\u2066c\u2069', 'a\ufffdb\ufffdc\ufffd'],
      ['line separators end no line', 'a\u2028b\u2029c', 'a\ufffdb\ufffdc'],
      ['other general punctuation', '“a” – b… \u200d‧', '“a” – b… \u200d‧'],
      ['window title', '\x1b]0;title\x07a\x1b]2;other\x1b\\b', 'ab'],
      ['clipboard', 'a\x1b]52;c;aGk=\x07b', 'ab'],
      [
        'DCS, APC, PM and SOS strings',
        '\x1bPq#0\x1b\\a\x1b_x\x1b\\b\x1b^y\x1b\\c\x1bXz\x1b\\d',
        'abcd',
      ],
      ['an OSC cut off by another sequence', '\x1b]0;title\x1b[31ma', 'a'],
      ['a cancelled sequence', '\x1b[3\x18a\x1b]0;x\x1ab', 'ab'],
      ['private modes', '\x1b[?25la\x1b[?2004h\x1b[>4;2mb\x1b[=1uc', 'abc'],
      ['character sets and other two-character sequences', '\x1b(Ba\x1b=b\x1b>c', 'abc'],
      ['intermediates', '\x1b[2 qa\x1b[!pb', 'ab'],
      ['an unfinished sequence', 'a\x1b[31', 'a'],
      ['an escape before text that is no sequence', 'a\x1b[éb', 'aéb'],
      ['more parameters than there can be', `\x1b[${'1;'.repeat(500)}1ma`, 'a'],
      ['huge parameters', 'ab\x1b[99999999999999999999Dx', 'xb'],
      [
        'invalid UTF-8',
        Buffer.from([0x61, 0xff, 0x62, 0xc3, 0x28, 0xe2, 0x82, 0x63]),
        'a\ufffdb\ufffd(\ufffdc',
      ],
      [
        'overlong and surrogate UTF-8',
        Buffer.from([0xc0, 0xaf, 0xed, 0xa0, 0x80]),
        '\ufffd'.repeat(5),
      ],
      ['a character cut at the end', Buffer.from([0x61, 0xe2, 0x82]), 'a\ufffd'],
      ['characters beyond the basic plane', '😀a🎉', '😀a🎉'],
    ];
    for (const [name, input, text] of cases) {
      it(name, () => {
        assert.equal(render(input).text, text);
      });
    }

    it('a character that is cut by a write is whole afterwards', () => {
      const bytes = Buffer.from('a€😀b');
      for (let cut = 0; cut <= bytes.length; cut++) {
        assert.equal(render(bytes.subarray(0, cut), bytes.subarray(cut)).text, 'a€😀b');
      }
    });

    it('rows above the last screenful are out of reach', () => {
      const lines = Array.from({ length: SCREEN_ROWS + 10 }, (_, line) => `line ${line}`);
      const { text } = render(`${lines.join('\n')}\x1b[999A\rX`);
      const first = lines.length - SCREEN_ROWS;
      lines[first] = `X${lines[first]!.slice(1)}`;
      assert.equal(text, lines.join('\n'));
    });

    it('a control string without end swallows no more than 1 MiB', () => {
      const { text } = render('a\x1bP' + 'x'.repeat(1024 * 1024) + 'b');
      assert.equal(text, 'ab');
    });

    it('a line longer than a row has no line break put in', () => {
      const line = 'abc'.repeat(SCREEN_COLUMNS);
      assert.equal(render(`${line}\nb\n`).text, `${line}\nb\n`);
    });

    describe('a line longer than a row loses nothing', () => {
      const full = 'x'.repeat(SCREEN_COLUMNS);
      const wide = '漢'.repeat(3000);
      const cases: [name: string, input: string, text: string][] = [
        ['to a tab at its end', `${full}\tEND`, `${full}        END`],
        ['to a tab that ends a row', `${full.slice(4)}\tEND`, `${full.slice(4)}    END`],
        ['to a tab behind one character less', `${full.slice(1)}\tEND`, `${full.slice(1)} END`],
        ['to a tab behind wide characters', `${wide}\tEND`, `${wide}        END`],
        ['to a cursor move at its end', `${full}\x1b[CEND`, `${full} END`],
        ['to a cursor move behind wide characters', `${wide}\x1b[2CEND`, `${wide}  END`],
        [
          'to many fields',
          Array.from({ length: 2000 }, () => '1').join('\t'),
          Array.from({ length: 2000 }, () => '1').join('       '),
        ],
        ['to many tabs', `a${'\t'.repeat(1200)}b`, `a${' '.repeat(9599)}b`],
        [
          'when its row was rewritten',
          `a\rb${full.slice(1)}\tEND\x1b[CX`,
          `b${full.slice(1)}        END X`,
        ],
        [
          'to tabs over wide characters that were rewritten',
          `${wide}\ra${'\t'.repeat(800)}END`,
          `a ${wide.slice(1)}${' '.repeat(400)}END`,
        ],
        ['and a tab at its end leaves no blanks', `${full}\t\nb`, `${full}\nb`],
        ['to a cursor that was saved at its end', `${full}\x1b7\x1b8b`, `${full}b`],
        ['to one that was saved before more came', `${full}\x1b7cd\x1b8b`, `${full}bd`],
        ['to a backspace at its end', `${full}\bb`, `${full.slice(1)}b`],
        ['to a backspace after it', `${full}a\bb`, `${full}b`],
        ['to a backspace from a tab behind it', `${full}\t\bb`, `${full}${' '.repeat(7)}b`],
        ['to sequences that change what is behind it', `${full}\x1b[X\x1b[P\x1b[@b`, `${full}b`],
      ];
      for (const [name, input, text] of cases) {
        it(name, () => {
          assert.equal(render(input).text, text);
          assert.equal(render(...input.split(/(?<=\t|C)/)).text, text);
        });
      }

      it('and a move that goes too far stays in the row', () => {
        assert.equal(
          render('a\x1b[9999Cb\rc\x1b[9999C\x1b[Dde').text,
          `c${' '.repeat(SCREEN_COLUMNS - 3)}de`,
        );
      });
    });

    it('an endless line is bounded: only its last row can be rewritten', () => {
      const renderer = new Renderer();
      const chunk = Buffer.alloc(1024 * 1024, 'x');
      let length = 0;
      for (let written = 0; written < 50; written++) {
        renderer.write(chunk);
        const { replacedChars, text } = renderer.takeChange();
        assert.equal(replacedChars, 0);
        length += text.length;
      }
      renderer.write(Buffer.from('\ry'));
      const { replacedChars } = renderer.takeChange();
      assert.equal(length, 50 * chunk.length);
      assert.ok(replacedChars <= SCREEN_COLUMNS);
    });

    it('a table of short fields keeps its blanks, however long', () => {
      const short = '1\t'.repeat(100_000);
      assert.equal(render(short).text, '1       '.repeat(100_000).trimEnd());
      const empty = '1\t\t\t\t0\n'.repeat(10_000);
      assert.equal(render(empty).text, `1${' '.repeat(31)}0\n`.repeat(10_000));
    });

    it('a saved place scrolls with its row', () => {
      const below = (lines: string): string =>
        render(`a\n\nb\x1b[1;1H\x1b7\x1b[3H${lines}\x1b8X`).text;
      assert.match(below('\nc'.repeat(48)), /^a\nX\nb/);
      const words = 'some words '.repeat(20);
      for (const line of [`\n${words}`, `\n\x1b[31m${words}\x1b[m`]) {
        const lines = below(line.repeat(1000)).split('\n');
        assert.match(lines[lines.length - SCREEN_ROWS]!, /^Xome words/);
        const chunks = ['\n'.repeat(40), '\x1b7\x1b[H\x1b[J', ...Array<string>(52).fill(line)];
        assert.equal(render(`${chunks.join('')}\x1b8X`).text, render(...chunks, '\x1b8X').text);
      }
    });

    it('cursor moves can not make a short capture a huge text', () => {
      const columns = '\x1b[4000Cx\n'.repeat(100_000);
      assert.ok(render(columns).text.length < columns.length * 8);
      const tabs = `${'\t'.repeat(100_000)}x\n`.repeat(10);
      assert.ok(render(tabs).text.length < tabs.length * 8);
      const behind = `${'x'.repeat(SCREEN_COLUMNS)}${'\x1b[9999C'.repeat(100_000)}y`;
      assert.ok(render(behind).text.length < 512 * 1024);
      const rows = '\x1b[2J\x1b[50Hx'.repeat(100_000);
      assert.ok(render(rows).text.length < rows.length);
    });

    it('a stream that erases without end and writes nothing runs out of erasing', () => {
      const row = 'x'.repeat(SCREEN_COLUMNS - 1);
      const { text } = render(row + '\x1b[Hy\x1b[4000G\x1b[1K'.repeat(10_000));
      assert.equal(text[0], 'y');
    });

    it('a program that redraws a wide line does not run out of erasing', () => {
      const redrawn = `${'x'.repeat(200)}\x1b[150G\x1b[1K\x1b[100X\x1b[10P\x1b[10@\r`;
      assert.equal(render(redrawn.repeat(5000)).text, render(redrawn).text);
    });
  });

  describe('changes', () => {
    it('an append takes nothing away', () => {
      const renderer = new Renderer();
      renderer.write(Buffer.from('one\ntwo'));
      renderer.takeChange();
      renderer.write(Buffer.from(' and a half\nthree'));
      assert.deepEqual(renderer.takeChange(), {
        replacedChars: 0,
        text: ' and a half\nthree',
        spans: noSpans,
      });
    });

    it('a rewritten row is replaced, and no more', () => {
      const renderer = new Renderer();
      renderer.write(Buffer.from('one\n 5%'));
      renderer.takeChange();
      renderer.write(Buffer.from('\r10%'));
      assert.deepEqual(renderer.takeChange(), { replacedChars: 3, text: '10%', spans: noSpans });
    });

    it('nothing new is an empty change', () => {
      const renderer = new Renderer();
      renderer.write(Buffer.from('one\n'));
      renderer.takeChange();
      assert.deepEqual(renderer.takeChange(), { replacedChars: 0, text: '', spans: noSpans });
    });
  });

  describe('styles', () => {
    const cases: [sgr: string, style: Partial<Style> | undefined][] = [
      ['31', { foreground: 1 }],
      ['42', { background: 2 }],
      ['93', { foreground: 11 }],
      ['104', { background: 12 }],
      ['38;5;200', { foreground: 200 }],
      ['48:5:17', { background: 17 }],
      ['38;2;1;2;3', { foreground: 0x1010203 }],
      ['38:2:1:2:3', { foreground: 0x1010203 }],
      ['48:2::1:2:3', { background: 0x1010203 }],
      ['38:2:0:1:2:3:0', { foreground: 0x1010203 }],
      ['4;58;5;9', { underline: 'single', underlineColor: 9 }],
      ['4;58:2::9:8:7', { underline: 'single', underlineColor: 0x1090807 }],
      ['30;40;58;5;0', { foreground: 0, background: 0, underlineColor: 0 }],
      ['1;2;3', { bold: true, dim: true, italic: true }],
      [
        '5;7;8;9;53',
        { blink: true, inverse: true, hidden: true, strikethrough: true, overline: true },
      ],
      ['4:3', { underline: 'curly' }],
      ['4:2', { underline: 'double' }],
      ['4:4', { underline: 'dotted' }],
      ['4:5', { underline: 'dashed' }],
      ['21', { underline: 'double' }],
      ['4;4:0', undefined],
      ['1;31;0', undefined],
      ['1;31;', undefined],
      ['1;2;22;3;23;4;24;5;25;7;27;8;28;9;29;31;39;41;49;53;55;58;5;1;59', undefined],
      ['38;5;300;1', { bold: true }],
      ['38;2;1;2;999;1', { bold: true }],
      ['38;5', undefined],
      ['1;38;9;31', { bold: true }],
      ['31;999', { foreground: 1 }],
    ];
    for (const [sgr, style] of cases) {
      it(`SGR ${sgr}`, () => {
        assert.deepEqual(styleOf(sgr), style);
      });
    }

    it('spans cover the styled text, line by line', () => {
      const { text, spans } = render('a\x1b[31mred\nmore\x1b[0m b\n');
      assert.equal(text, 'ared\nmore b\n');
      assert.deepEqual(
        spans.map(({ start, end, style }) => [text.slice(start, end), style.foreground]),
        [
          ['red', 1],
          ['more', 1],
        ],
      );
    });

    it('rewriting takes the old style away', () => {
      const { text, spans } = render('\x1b[31mabcdef\x1b[0m\rxy\x1b[32mz\n');
      assert.equal(text, 'xyzdef\n');
      assert.deepEqual(
        spans.map(({ start, end, style }) => [text.slice(start, end), style.foreground]),
        [
          ['z', 2],
          ['def', 1],
        ],
      );
    });

    it('no style is lost before a link that is none', () => {
      const { text, spans } = render(`${'\x1b[31ma\x1b[m '.repeat(64)}\x1b]8;;mailto:x\x07b`);
      assert.equal(text.length, 129);
      assert.equal(spans.length, 64);
    });

    it('equal styles are one object', () => {
      const { spans } = render('\x1b[31ma\x1b[0m \x1b[31mb\x1b[0m\n');
      assert.equal(spans[0]!.style, spans[1]!.style);
    });

    it('links are kept, with and without an id', () => {
      const { text, spans } = render(
        '\x1b]8;;https://example.com/a\x1b\\one\x1b]8;;\x1b\\ \x1b]8;id=1;file:///x y\x07two\x1b]8;;\x07 three',
      );
      assert.equal(text, 'one two three');
      assert.deepEqual(
        spans.map(({ start, end, link }) => [text.slice(start, end), link]),
        [
          ['one', 'https://example.com/a'],
          ['two', 'file:///x y'],
        ],
      );
    });

    it('a link of more than 4 KiB is none', () => {
      const { text, spans } = render(`\x1b]8;;https://${'x'.repeat(5000)}\x07text\x1b]8;;\x07`);
      assert.equal(text, 'text');
      assert.deepEqual(spans, []);
    });
  });

  describe('any stream', () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.constantFrom(
        '\n',
        '\r',
        '\r\n',
        '\b',
        '\t',
        '\0',
        '\x1b',
        'é',
        '漢',
        '😀',
        'e\u0301',
        '\u202e',
      ),
      fc
        .constantFrom('A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'P', 'X', '@', 'd', 'm')
        .chain((letter) => fc.nat({ max: 60 }).map((number) => `\x1b[${number}${letter}`)),
      fc.constantFrom('\x1b7', '\x1b8', '\x1bM', '\x1bD', '\x1bc', '\x1b[m', '\x1b[38:2::1:2:3m'),
      fc.constantFrom('\x1b]8;;http://x\x07', '\x1b]0;t\x07', '\x1bP', '\x1b\\', '\n'.repeat(60)),
      fc.nat({ max: 3000 }).map((length) => 'long line '.repeat(length / 10) + '\n'),
      fc.nat({ max: 600 }).map((count) => 'field\t漢\t'.repeat(count)),
      fc.nat({ max: 200 }).map((lines) => 'line\n'.repeat(lines)),
      fc.nat({ max: 800 }).map((lines) => '\x1b[32m' + 'green 漢 line\n'.repeat(lines)),
      fc
        .nat({ max: 400 })
        .map((lines) => '\x1b[31mstyled ✓ \x1b[1;38;5;9mline\x1b[m of some length\n'.repeat(lines)),
    );
    const stream = fc
      .array(
        fc.oneof(
          piece.map((text) => Buffer.from(text)),
          fc.uint8Array({ maxLength: 20 }),
        ),
        {
          maxLength: 60,
        },
      )
      .map((parts) => Buffer.concat(parts));
    const cuts = fc.array(fc.nat(), { maxLength: 12 });

    it('gives the same text and spans however it is cut', () => {
      fc.assert(
        fc.property(stream, cuts, (bytes, places) => {
          const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort(
            (left, right) => left - right,
          );
          let start = 0;
          const chunks = ends.map((end) => bytes.subarray(start, (start = end)));
          const whole = render(bytes);
          const cut = render(...chunks);
          assert.equal(cut.text, whole.text);
          assert.deepEqual(cut.spans, whole.spans);
        }),
        { numRuns: 400 },
      );
    });

    it('keeps the line breaks that have scrolled off a screen that is cleared', () => {
      for (const clear of ['\x1bc', '\x1b[2J']) {
        const blank = '\n'.repeat(60);
        assert.equal(render(blank + clear).text, '\n'.repeat(11));
        assert.equal(render(blank, clear).text, '\n'.repeat(11));
      }
    });

    it('gives the same text however it is cut when the cursor has moved too far too often', () => {
      const spent = Buffer.from('\x1b[4000Cx\n'.repeat(100));
      const bytes = Buffer.concat([spent, Buffer.from(`\x1b[4000C${'y'.repeat(500)}`)]);
      const cut = spent.length + 8;
      assert.equal(render(bytes.subarray(0, cut), bytes.subarray(cut)).text, render(bytes).text);
    });

    it('gives the same text byte by byte', () => {
      fc.assert(
        fc.property(stream, (all) => {
          const bytes = all.subarray(0, 8 * 1024);
          const cut = render(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
          assert.equal(cut.text, render(bytes).text);
        }),
        { numRuns: 60 },
      );
    });

    it('never gives a control character, a lone surrogate or a span outside its text', () => {
      fc.assert(
        fc.property(stream, (bytes) => {
          const { text, spans } = render(bytes);
          // eslint-disable-next-line no-control-regex
          assert.doesNotMatch(text, /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
          assert.ok(text.isWellFormed());
          let end = 0;
          for (const span of spans) {
            assert.ok(span.start >= end && span.end > span.start && span.end <= text.length);
            assert.ok(!text.slice(span.start, span.end).includes('\n'));
            end = span.end;
          }
        }),
        { numRuns: 400 },
      );
    });
  });
});
