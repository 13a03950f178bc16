import assert from 'node:assert/strict';
import type { Terminal } from '@xterm/headless';
import fc from 'fast-check';
import { ReplayFilter } from '../../../src/documents/replayFilter.ts';
import { feed } from '../output/xtermOracle.ts';

function filtered(input: string | Uint8Array, returnsAtLineFeed = false): string {
  return new ReplayFilter({ returnsAtLineFeed }).write(Buffer.from(input as string));
}

/** Pieces that streams and attacks are made of. */
const piece = fc.oneof(
  fc.constantFrom(
    ...[
      '\x1b',
      '\x1b[',
      '\x1b]',
      '\x1bP',
      '\x1b\\',
      '\x07',
      '\x9b',
      '\x9d',
      '\x9c',
      '\x90',
      '?',
      '>',
    ],
    ...[
      '8;;',
      '52;c;',
      '0;',
      '4;1;?',
      'https://a.example/',
      'm',
      'h',
      'c',
      'n',
      't',
      'q',
      'x',
      'J',
    ],
    ...[
      '1049',
      '2004',
      ';',
      ':',
      '31',
      '99999',
      '\n',
      '\r',
      '\x18',
      '\0',
      '\x05',
      'é',
      '🚀',
      '$',
      ' ',
    ],
  ),
  fc.string({ maxLength: 4 }),
);
const stream = fc
  .array(piece, { maxLength: 40 })
  .map((pieces) => new Uint8Array(Buffer.from(pieces.join(''))));

/** What a terminal's first character looks like. */
function firstLook(terminal: Terminal): readonly (number | boolean)[] {
  const cell = terminal.buffer.active.getLine(0)!.getCell(0)!;
  return [
    ...[cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor()],
    ...[cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor()],
    ...[cell.isBold(), cell.isDim(), cell.isItalic(), cell.isUnderline(), cell.isBlink()],
    ...[cell.isInverse(), cell.isInvisible(), cell.isStrikethrough(), cell.isOverline()],
  ];
}

/* eslint-disable no-control-regex -- control characters are what this is about */

describe('the filter of a terminal replay', () => {
  it('lets text, colours, cursor moves and erasing through', () => {
    for (const shown of [
      'plain é 🚀\r\n',
      '\x1b[1;38;5;208mx\x1b[0m',
      '\x1b[38:2::1:2:3mx\x1b[m',
      '\x1b[2J\x1b[H\x1b[3;4f\x1b[10A\x1b[K\x1b[?1049h\x1b[?25l\x1b[?1049l',
      '\x1b[1;5r\x1b[2L\x1b[3M\x1b[4P\x1b[5@\x1b[6X\x1b7\x1b8\x1bM\x1bD\x1bc\x1b[!p',
      '\x1b(0lqk\x1b(B',
      '10%\r20%\b\b\t',
    ]) {
      assert.equal(filtered(shown), shown);
    }
  });

  it('leaves out every question that a terminal would answer', () => {
    for (const question of [
      ...[
        '\x1b[c',
        '\x1b[0c',
        '\x1b[>c',
        '\x1b[=c',
        '\x1b[5n',
        '\x1b[6n',
        '\x1b[?6n',
        '\x1bZ',
        '\x05',
      ],
      ...[
        '\x1b[?1$p',
        '\x1b[14t',
        '\x1b[18t',
        '\x1b[21t',
        '\x1b[>q',
        '\x1b[x',
        '\x1b[?u',
        '\x1b[?4m',
      ],
      ...['\x1b]4;1;?\x07', '\x1b]10;?\x07', '\x1b]11;?\x1b\\', '\x1b]12;?\x07', '\x1bP$qm\x1b\\'],
      ...['\x1bP+q544e\x1b\\', '\x1b_Gi=1;AAAA\x1b\\', '\x9b6n', '\x9d11;?\x9c', '\x9052;\x9c'],
    ]) {
      assert.equal(filtered(`a${question}b`), 'ab', JSON.stringify(question));
    }
  });

  it('leaves out titles, the clipboard, the bell and shell integration', () => {
    for (const act of [
      ...[
        '\x1b]0;title\x07',
        '\x1b]2;title\x1b\\',
        '\x1b]52;c;ZXZpbA==\x07',
        '\x1b]633;P;Cwd=/\x07',
      ],
      ...[
        '\x1b]1337;SetMark\x07',
        '\x1b]9;notify\x07',
        '\x1b]777;x\x07',
        '\x07',
        '\x1b[5 q',
        '\x1b[22t',
      ],
      ...['\x1bPq#0;2;0;0;0~\x1b\\', '\x1b^privacy\x1b\\', '\x1bXstart\x1b\\', '\x1b[2i'],
    ]) {
      assert.equal(filtered(`a${act}b`), 'ab', JSON.stringify(act));
    }
  });

  it('leaves out what changes the mouse’s, the keyboard’s and the clipboard’s input', () => {
    for (const mode of [
      1, 9, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004, 2026, 9001,
    ]) {
      assert.equal(filtered(`a\x1b[?${mode}hb\x1b[?${mode}lc`), 'abc', String(mode));
    }
    assert.equal(filtered('\x1b=a\x1b>b\x1b[>1uc\x1b[>4;2md'), 'abcd');
  });

  it('takes the harmless ones of several modes', () => {
    assert.equal(filtered('\x1b[?1049;2004;25h'), '\x1b[?1049;25h');
  });

  const end = '\x1b]8;;\x1b\\';

  it('keeps links to the web', () => {
    assert.equal(
      filtered('\x1b]8;id=1;https://a.example/\x07x\x1b]8;;\x07'),
      `\x1b]8;id=1;https://a.example/\x1b\\x${end}`,
    );
    const written = '\x1b]8;;https://a.example/a%26b%2Fc?q=%20\x1b\\x';
    assert.equal(filtered(written), written);
  });

  it('takes any other link for the end of the one before', () => {
    for (const target of [
      'command:evil',
      'file:///etc/passwd',
      'file://host/share',
      'vscode://evil/x',
      'data:text/html,x',
      'https:evil',
      'javascript:x//https://a.example/',
      `https://a.example/${'x'.repeat(3000)}`,
      'https://a.example/é',
    ]) {
      const link = `\x1b]8;a=b:id=1;${target}`;
      for (const terminator of ['\x07', '\x1b\\']) {
        assert.equal(filtered(`${link}${terminator}x`), `${end}x`, target);
      }
      // Without an end it is none.
      assert.equal(filtered(link), '');
      assert.equal(filtered(`${link}\x1b[31mx`), '\x1b[31mx');
    }
    assert.equal(filtered('a\x1b]8;file:///x\x07b'), 'ab');
  });

  it('leaves out repetitions without end', () => {
    assert.equal(filtered('a\x1b[2147483647bb'), 'ab');
    assert.equal(filtered('a\x1b[99999Lb'), 'ab');
  });

  it('lets no stream keep a terminal busy with repetitions, and takes those of programs', () => {
    const lines = (input: string): number =>
      [...filtered(input).matchAll(/\x1b\[(\d+)[LMST]/g)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      );
    for (const final of 'LMST') {
      const input = `\x1b[9999${final}`.repeat(10_000);
      const done = lines(input);
      assert.ok(done > 0 && done < 2 * input.length, final);
    }
    assert.ok(filtered('x\x1b[9999b'.repeat(10_000)).length < 50_000);
    assert.ok(filtered('\x1bc'.repeat(100_000)).length < 20_000);
    const program = '\x1b[5;20r\x1b[5;1H\x1b[2Lline\x1b[r\x1b[10Sx\x1b[79b\r\n'.repeat(10_000);
    assert.equal(filtered(program), program);
  });

  it('reads controls within a sequence as a terminal does', () => {
    assert.equal(filtered('\x1b[3\n1mx'), '\n\x1b[31mx');
    assert.equal(filtered('\x1b[3\x181mx'), '1mx');
    assert.equal(filtered('\x1b[3\x1b[31mx'), '\x1b[31mx');
    assert.equal(filtered('\x1b]0;title\x1b[31mx'), '\x1b[31mx');
  });

  it('returns to the first column at a line feed where the bytes are no terminal’s', () => {
    assert.equal(filtered('a\nb\n', true), 'a\r\nb\r\n');
    assert.equal(filtered('a\nb\n', false), 'a\nb\n');
  });

  it('gives the same for any chunking', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat({ max: 60 })), fc.boolean(), (bytes, cuts, returns) => {
        const filter = new ReplayFilter({ returnsAtLineFeed: returns });
        const places = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort(
          (a, b) => a - b,
        );
        let from = 0;
        let out = '';
        for (const place of places) {
          out += filter.write(bytes.subarray(from, place));
          from = place;
        }
        assert.equal(out, filtered(bytes, returns));
      }),
    );
  });

  it('answers with nothing but harmless sequences, whatever it reads', () => {
    // What is left once everything that may be there is taken away.
    const harmless =
      /\x1b\[[\d;:]*m|\x1b\[(?:\?)?[\d;]*[JK]|\x1b\[[\d;]*[@A-IL-MPSTXZ`abdefgrsu]|\x1b\[!p|\x1b\[\??[\d;]+[hl]|\x1b[78DEHMc]|\x1b[()*+][0-9A-Z]|\x1b\]8;(?:id=[\w.-]+)?;(?:https?:[\x21-\x7e]*)?\x1b\\|[\b\t\n\v\f\r\x0e\x0f]/g;
    fc.assert(
      fc.property(stream, (bytes) => {
        const rest = filtered(bytes).replace(harmless, '');
        assert.ok(!/[\0-\x1f\x7f-\x9f]/.test(rest), JSON.stringify(rest));
      }),
      { numRuns: 500 },
    );
  });

  it('knows what the text that comes next looks like', async () => {
    const parameter = fc.oneof(
      // xterm knows no rapid blinking.
      fc
        .integer({ min: 0, max: 109 })
        .filter((code) => code !== 6)
        .map(String),
      fc.constantFrom(
        ...['', '4:3', '4:0', '38;5;208', '48;5;17', '38;2;1;2;3', '48:2::9:8:7', '58:5:99'],
        ...['58;2;250;0;250', '59', '39', '0;1', '21', '8'],
      ),
    );
    const sequence = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.array(parameter, { maxLength: 4 }).map((p) => `\x1b[${p.join(';')}m`),
      },
      fc.constantFrom('x', '\x1b[!p', '\x1bc', '\x1b[2K'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(sequence, { maxLength: 8 }), async (sequences) => {
        const filter = new ReplayFilter({ returnsAtLineFeed: false });
        const before = filter.write(Buffer.from(sequences.join('')));
        const size = { cols: 20, rows: 2 };
        const whole = await feed(Buffer.from(`${before}\r_`), size);
        const again = await feed(Buffer.from(`${filter.pen}_`), size);
        assert.deepEqual(firstLook(again), firstLook(whole));
      }),
      { numRuns: 300 },
    );
  });

  it('goes on in a link, until that ends', () => {
    const filter = new ReplayFilter({ returnsAtLineFeed: false });
    filter.write(Buffer.from('\x1b]8;;https://a.example/\x07text'));
    assert.equal(filter.pen, '\x1b]8;;https://a.example/\x1b\\');
    filter.write(Buffer.from('\x1b]8;;\x07'));
    assert.equal(filter.pen, '');
    filter.write(Buffer.from('\x1b]8;;https://a.example/\x07\x1b]8;;file:///etc/passwd\x07'));
    assert.equal(filter.pen, '');
    for (const reset of ['\x1bc', '\x1b[!p']) {
      filter.write(Buffer.from(`\x1b]8;;https://a.example/\x07${reset}`));
      assert.equal(filter.pen, '');
    }
  });
});
