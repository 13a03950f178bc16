import assert from 'node:assert/strict';
import { layOut, lineOf, placeOf, type LayoutWords } from '../../../src/documents/outputLayout.ts';
import { OutputSection } from '../../../src/documents/outputSection.ts';
import { Renderer } from '../../../src/output/rendering/renderer.ts';
import type { OpenedText, ReplacingText } from '../../../src/output/outputText.ts';
import type { PackedSpans } from '../../../src/output/rendering/style.ts';

const words: LayoutWords = {
  heading: ({ stream }) => `=== ${stream} ===`,
  cut: ({ skippedBytes }) => (skippedBytes > 0 ? '[cut]' : undefined),
  rest: ({ excerpt }) => (excerpt === undefined ? undefined : '[rest]'),
  epitaph: undefined,
};

function rendered(text: string, skippedBytes = 0): OpenedText & ReplacingText {
  const renderer = new Renderer();
  renderer.write(Buffer.from(text));
  const { text: shown, spans } = renderer.takeChange();
  const totalBytes = skippedBytes + text.length;
  return { text: shown, spans, skippedBytes, totalBytes, growth: undefined, writtenAt: 0 };
}

/** Each styled part of a line: its text, and the colour of it. */
function styled(section: OutputSection, line: number): [string, number | undefined][] {
  const { start, end } = section.lineOffsets(line);
  const parts: [string, number | undefined][] = [];
  section.spans.visit(start, end, (from, to, style) => {
    parts.push([section.text.slice(from, to), style?.foreground]);
  });
  return parts;
}

describe('a section of an output document', () => {
  it('knows the styled parts of each line', () => {
    const section = new OutputSection(
      'stdout',
      1,
      rendered('a\x1b[31mb\x1b[0m\n\x1b[32mc\x1b[0md\n'),
    );
    assert.deepEqual(styled(section, 0), [['b', 1]]);
    assert.deepEqual(styled(section, 1), [['c', 2]]);
  });

  it('keeps them right while text comes and is rewritten', () => {
    const renderer = new Renderer();
    const write = (
      text: string,
    ): { text: string; spans: PackedSpans; replacedChars: number; totalBytes: number } => {
      renderer.write(Buffer.from(text));
      const { spans, ...change } = renderer.takeChange();
      return { ...change, spans, totalBytes: 0 };
    };
    const first = write('\x1b[31mone\x1b[0m\n\x1b[33m 10%');
    const section = new OutputSection('stdout', 1, { ...first, skippedBytes: 0, writtenAt: 0 });
    section.apply({ kind: 'append', ...write('\r\x1b[32m100%\x1b[0m\n') });
    section.apply({ kind: 'append', ...write('\x1b[34mtwo') });
    assert.equal(section.text, 'one\n100%\ntwo');
    assert.deepEqual(styled(section, 0), [['one', 1]]);
    assert.deepEqual(styled(section, 1), [['100%', 2]]);
    assert.deepEqual(styled(section, 2), [['two', 4]]);
    assert.equal(section.lineCount, 3);
  });

  it('keeps a line’s number when lines before it are cut, or come back', () => {
    const lines = Array.from({ length: 2000 }, (_, at) => `line ${at}\n`);
    const section = new OutputSection('stdout', 1, rendered(lines.slice(500).join(''), 4000));
    const before = layOut([section], words);
    const place = placeOf(before, 100)!;
    assert.equal(before.text.split('\n')[100], 'line 599');
    section.apply({
      kind: 'replace',
      missedBytes: 0,
      ...rendered(lines.slice(550).join(''), 4500),
    });
    const cut = layOut([section], words);
    assert.equal(cut.text.split('\n')[lineOf(cut, place)!], 'line 599');
    section.replace({ ...rendered(lines.join('')), growth: { replacedChars: 0, text: '' } });
    const whole = layOut([section], words);
    assert.equal(whole.text.split('\n')[lineOf(whole, place)!], 'line 599');
  });

  describe('in a log that repeats itself', () => {
    const ticks = (count: number): string => 'tick\n'.repeat(count);
    const log = `${ticks(1000)}ERROR 17\n`;

    /** The number of the line with the error. */
    function errorIn(section: OutputSection): number {
      return section.firstNumber + section.text.split('\n').indexOf('ERROR 17');
    }

    function replaced(from: string, fromBytes: number, to: string, toBytes: number): OutputSection {
      const section = new OutputSection('stdout', 1, rendered(from, fromBytes));
      section.apply({ kind: 'replace', missedBytes: 0, ...rendered(to, toBytes) });
      return section;
    }

    it('keeps a line’s number when as many like it are loaded before it', () => {
      const section = new OutputSection('stdout', 1, rendered(log, 7500));
      section.replace(rendered(ticks(1500) + log));
      assert.deepEqual([section.firstNumber, errorIn(section)], [-1500, 1000]);
    });

    it('keeps it when others come behind it meanwhile', () => {
      const section = new OutputSection('stdout', 1, rendered(log + ticks(40), 7500));
      const growth = { replacedChars: 0, text: ticks(860) };
      section.replace({ ...rendered(ticks(1500) + log + ticks(900)), growth });
      assert.deepEqual([section.firstNumber, errorIn(section)], [-1500, 1000]);
    });

    it('keeps it when many like it are cut before it', () => {
      const section = replaced(ticks(2000) + log, 0, log + ticks(5), 10_000);
      assert.deepEqual([section.firstNumber, errorIn(section)], [2000, 3000]);
    });

    it('counts those that are cut where nothing else is left', () => {
      const section = replaced(ticks(3000), 0, ticks(1005), 10_000);
      assert.equal(section.firstNumber, 2000);
    });

    it('counts them where not all of a line’s bytes are shown', () => {
      const tick = '\x1b[32mtick\x1b[0m\r\n';
      const section = replaced(tick.repeat(3000), 0, tick.repeat(1005), 2000 * tick.length);
      assert.equal(section.firstNumber, 2000);
    });

    it('finds the place that both share where the bytes of the lines differ', () => {
      const red = '\x1b[31mtick\x1b[0m\n';
      const kept = `${ticks(900)}ERROR 17\n${ticks(300)}`;
      const from = red.repeat(50) + kept;
      const section = replaced(from, 0, kept + ticks(5), 50 * red.length);
      assert.equal(section.firstNumber, 50);
    });

    it('keeps it where the last lines are rewritten', () => {
      const lines = Array.from({ length: 300 }, (_, at) => `line ${at % 7} of ${at}\n`).join('');
      const start = lines.indexOf('line 2 of 100\n');
      const section = replaced(`${lines}10%\n`, 0, `${lines.slice(start)}20%\nmore\n`, start);
      assert.equal(section.firstNumber, 100);
    });

    it('keeps it where AFT cuts the capture to its end', () => {
      const section = replaced(ticks(3000) + log, 0, log + ticks(5), 100);
      assert.deepEqual([section.firstNumber, errorIn(section)], [3000, 4000]);
    });

    it('gives the lines of another capture other numbers', () => {
      const other = Array.from({ length: 10 }, (_, at) => `other ${at}\n`).join('');
      const section = replaced(ticks(100), 0, other, 0);
      assert.equal(section.firstNumber, 101);
    });
  });

  describe('some of whose bytes were missed', () => {
    const missing = (): OutputSection => {
      const section = new OutputSection('stdout', 1, rendered('start\n'));
      section.apply({ kind: 'replace', missedBytes: 768, ...rendered('end\n', 774) });
      return section;
    };

    it('tells how many', () => {
      assert.deepEqual([missing().skippedBytes, missing().missedBytes], [774, 768]);
    });

    it('tells only those that are not loaded since', () => {
      const section = missing();
      section.replace(rendered(`${'x'.repeat(473)}\nend\n`, 300));
      assert.deepEqual([section.skippedBytes, section.missedBytes], [300, 294]);
      section.replace(rendered(`start\n${'x'.repeat(767)}\nend\n`));
      assert.equal(section.missedBytes, 0);
      section.apply({ kind: 'replace', missedBytes: 0, ...rendered('last\n', 774) });
      assert.equal(section.missedBytes, 0);
    });

    it('tells none that AFT has dropped', () => {
      const section = missing();
      section.apply({ kind: 'replace', missedBytes: 0, ...rendered('end\n', 10) });
      assert.deepEqual([section.skippedBytes, section.missedBytes], [10, 10]);
      section.apply({ kind: 'replace', missedBytes: 0, ...rendered('d\n', 2) });
      assert.equal(section.missedBytes, 0);
    });
  });
});

describe('the layout of an output document', () => {
  const section = (stream: 'stdout' | 'stderr', text: string): OutputSection =>
    new OutputSection(stream, 1, rendered(text));

  it('gives each of two streams a heading, and one alone none', () => {
    const both = layOut([section('stdout', 'a\nb'), section('stderr', 'c\n')], words);
    assert.equal(both.text, '=== stdout ===\na\nb\n=== stderr ===\nc\n');
    const places = both.sections.map(({ heading, first, last }) => [heading, first, last]);
    assert.deepEqual(places, [
      [0, 1, 2],
      [3, 4, 4],
    ]);
    const alone = layOut([section('stdout', 'a\n'), section('stderr', '')], words);
    assert.equal(alone.text, 'a\n');
    assert.equal(alone.sections[0]?.heading, undefined);
  });

  it('counts the lines as an editor does', () => {
    for (const text of ['', 'a', 'a\n', 'a\n\n', '\n']) {
      const { lineCount, text: all } = layOut([section('stdout', text)], words);
      assert.equal(lineCount, all.split('\n').length, JSON.stringify(text));
    }
  });

  it('says behind an excerpt what it does not show, and moves nothing for it', () => {
    for (const text of ['a\nb\n', 'a\nb']) {
      const excerpt = { line: 1, restBytes: 7 };
      const around = new OutputSection('stdout', 1, { ...rendered(text, 5), excerpt });
      const layout = layOut([around], words);
      assert.equal(layout.text, '[cut]\na\nb\n[rest]\n');
      assert.deepEqual([layout.sections[0]?.first, layout.sections[0]?.last], [1, 2]);
    }
  });

  it('moves nobody where text comes behind them', () => {
    const stdout = section('stdout', 'a\nb\n');
    const stderr = section('stderr', 'c\nd\n');
    const before = layOut([stdout, stderr], words);
    stderr.apply({ kind: 'append', replacedChars: 0, ...rendered('e\n') });
    const after = layOut([stdout, stderr], words);
    for (let line = 0; line <= 5; line += 1) {
      assert.equal(lineOf(after, placeOf(before, line)!), line);
    }
    stdout.apply({ kind: 'append', replacedChars: 0, ...rendered('b2\n') });
    const grown = layOut([stdout, stderr], words);
    assert.equal(lineOf(grown, placeOf(after, 4)!), 5);
  });
});
