import assert from 'node:assert/strict';
import fc from 'fast-check';
import { OutputSection } from '../../../src/documents/outputSection.ts';
import { findShownLinks } from '../../../src/documents/shownLinks.ts';
import { Renderer } from '../../../src/output/rendering/renderer.ts';

/** A section that has come in these pieces. */
function sectionOf(...pieces: readonly (string | Uint8Array)[]): OutputSection {
  const renderer = new Renderer();
  const next = (piece: string | Uint8Array) => {
    renderer.write(Buffer.from(piece as string));
    return { ...renderer.takeChange(), totalBytes: 0 };
  };
  const opened = { ...next(''), skippedBytes: 0, writtenAt: 0 };
  const section = new OutputSection('stdout', 1, opened);
  for (const piece of pieces) section.apply({ kind: 'append', ...next(piece) });
  return section;
}

/** `text > target`, with a question mark where it is to be asked about. */
function linksOf(line: string, written: string, isAll = true): string[] {
  return shown(line, [sectionOf(written)], isAll);
}

function shown(line: string, sections: readonly OutputSection[], isAll = true): string[] {
  return findShownLinks(line, sections, isAll).map(({ start, end, targets, isCertain }) => {
    const words = targets.map((target) =>
      typeof target === 'string'
        ? target
        : [target.path, target.line, target.column].filter((part) => part !== undefined).join(':'),
    );
    return `${line.slice(start, end)} > ${words.join(' ')}${isCertain ? '' : ' ?'}`;
  });
}

const eslint = (file: string): string => `${file}\n  3:5  error  no\n\n`;
const linked = (target: string, text: string): string => `\x1b]8;;${target}\x07${text}\x1b]8;;\x07`;

describe('the links of a line that a terminal shows', () => {
  it('are those in its text, wherever it stands', () => {
    assert.deepEqual(linksOf('at src/a.ts:3:5', ''), ['src/a.ts:3:5 > src/a.ts:3:5']);
    assert.deepEqual(linksOf('at src/a.ts:3:5', '', false), ['src/a.ts:3:5 > src/a.ts:3:5']);
    assert.deepEqual(linksOf('see https://example.org/a.ts', ''), []);
    assert.deepEqual(linksOf('', '\n\n'), []);
  });

  it('are those that the lines before it give', () => {
    assert.deepEqual(linksOf('  3:5  error  no', eslint('src/a.ts')), ['3:5 > src/a.ts:3:5']);
    assert.deepEqual(linksOf('12:text src/b.ts:3', 'a.ts\n11-x\n12:text src/b.ts:3\n'), [
      '12 > a.ts:12',
      'src/b.ts:3 > src/b.ts:3',
    ]);
    assert.deepEqual(linksOf('@@ -1 +4,2 @@ f', '+++ b/a.ts\n@@ -1 +4,2 @@ f\n x\n'), [
      '@@ -1 +4,2 @@ > b/a.ts:4',
    ]);
  });

  it('are those that programs made there', () => {
    assert.deepEqual(linksOf('see here!', `see ${linked('file:///x/a.ts', 'here')}!\n`), [
      'here > file:///x/a.ts',
    ]);
    // The text may look like another file.
    assert.deepEqual(linksOf('src/a.ts:3 x', `${linked('file:///b.ts', 'src/a.ts:3')} x\n`), [
      'src/a.ts:3 > file:///b.ts',
    ]);
    // A terminal's line ends where its text does.
    assert.deepEqual(linksOf('a', `${linked('file:///b.ts', 'a  ')}\n`), ['a > file:///b.ts']);
  });

  it('are certain only where each such line has the same one', () => {
    const line = '  3:5  error  no';
    const twice = eslint('src/a.ts') + eslint('src/a.ts');
    assert.deepEqual(linksOf(line, twice), ['3:5 > src/a.ts:3:5']);
    assert.deepEqual(linksOf(line, eslint('src/a.ts') + eslint('src/b.ts')), [
      '3:5 > src/a.ts:3:5 src/b.ts:3:5 ?',
    ]);
    assert.deepEqual(linksOf(line, `${eslint('src/a.ts')}done\n${line}\n`), [
      '3:5 > src/a.ts:3:5 ?',
    ]);
    assert.deepEqual(shown(line, [sectionOf(eslint('a.ts')), sectionOf(eslint('b.ts'))]), [
      '3:5 > a.ts:3:5 b.ts:3:5 ?',
    ]);
    const [one, other] = [linked('file:///1', 'x'), linked('file:///2', 'x')];
    assert.deepEqual(linksOf('x', `${one}\n${other}\n`), ['x > file:///1 file:///2 ?']);
    const path = 'src/a.ts:3';
    assert.deepEqual(linksOf(path, `${linked('file:///b.ts', path)}\n${path}\n`), [
      'src/a.ts:3 > file:///b.ts src/a.ts:3 ?',
    ]);
    assert.deepEqual(linksOf('xy', `${one}y\nx${linked('file:///2', 'y')}\n`).length, 2);
  });

  it('are not certain where the line may stand in what is not known any more', () => {
    const line = '  3:5  error  no';
    assert.deepEqual(linksOf(line, eslint('src/a.ts'), false), ['3:5 > src/a.ts:3:5 ?']);
    assert.deepEqual(linksOf(line, eslint('src/a.ts').repeat(200)), ['3:5 > src/a.ts:3:5 ?']);
    // What a terminal shows is the end.
    assert.deepEqual(linksOf(line, eslint('src/a.ts').repeat(200) + eslint('src/b.ts')), [
      '3:5 > src/a.ts:3:5 src/b.ts:3:5 ?',
    ]);
  });

  it('are the same for any chunking', () => {
    const written = Buffer.from(
      eslint('src/a.ts') +
        `é ${linked('file:///x/é.ts', 'é🚀')} 10%\r20%\n` +
        `+++ b/x.ts\n@@ -1 +4 @@\n\x1b[31m${linked('https://a.example/', 'w\x1b[32mw')}\x1b[0m\n`,
    );
    const whole = sectionOf(written);
    const lines = whole.text.split('\n');
    fc.assert(
      fc.property(fc.array(fc.nat({ max: written.length })), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), written.length];
        const pieces = places.map((place, at) => written.subarray(places[at - 1] ?? 0, place));
        const section = sectionOf(...pieces);
        for (const line of lines) {
          assert.deepEqual(
            findShownLinks(line, [section], true),
            findShownLinks(line, [whole], true),
          );
        }
      }),
    );
  });
});
