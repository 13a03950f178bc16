import assert from 'node:assert/strict';
import fc from 'fast-check';
import { findLinkBelow, LinkLines } from '../../../src/output/links/linkLines.ts';
import { findLinks } from '../../../src/output/links/links.ts';

/** Of each line its links, as `text > path line:column`. */
function linksOf(...lines: string[]): string[][] {
  const reader = new LinkLines();
  return lines.map((text) =>
    reader.find(text).map((link) => {
      const shown = text.slice(link.start, link.end);
      if (link.kind === 'url') return shown;
      const position = [link.line, link.column].filter((number) => number !== undefined);
      return `${shown} > ${[link.path, position.join(':')].join(' ').trimEnd()}`;
    }),
  );
}

describe('links to a file that a line before names', () => {
  it('are the positions below a path, as ESLint writes them', () => {
    assert.deepEqual(
      linksOf('/app/src/x.ts', '  3:5   error  no', '  12:1  warning  see b.ts:3', '', '  3:5  x'),
      [
        ['/app/src/x.ts > /app/src/x.ts'],
        ['3:5 > /app/src/x.ts 3:5'],
        ['12:1 > /app/src/x.ts 12:1', 'b.ts:3 > b.ts 3'],
        [],
        [],
      ],
    );
  });

  it('are the lines below a path, as grep writes them with headings', () => {
    assert.deepEqual(
      linksOf('README.md', '1:# Title', '--', '11-before', '12:5:a match', '', 'src/a.ts', '3:x'),
      [
        [],
        ['1 > README.md 1'],
        [],
        [],
        ['12:5 > README.md 12:5'],
        [],
        ['src/a.ts > src/a.ts'],
        ['3 > src/a.ts 3'],
      ],
    );
  });

  it('are the parts of a diff, at the line in the new file', () => {
    assert.deepEqual(
      linksOf(
        'diff --git a/x.ts b/x.ts',
        '--- a/x.ts',
        '+++ b/x.ts',
        '@@ -1,5 +12,7 @@ function f() {',
        ' context',
        '',
        '@@ -30 +40 @@',
        '+++ /dev/null',
        '@@ -1,5 +0,0 @@',
      ).slice(3),
      [['@@ -1,5 +12,7 @@ > b/x.ts 12'], [], [], ['@@ -30 +40 @@ > b/x.ts 40'], [], []],
    );
  });

  it('are no times, and nothing below other text', () => {
    assert.deepEqual(linksOf('src/a.ts', '10:42:33 started', '10:42 too').flat(), [
      'src/a.ts > src/a.ts',
    ]);
    assert.deepEqual(linksOf('built src/a.ts', '3:x').flat(), ['src/a.ts > src/a.ts']);
    assert.deepEqual(linksOf('src/a.ts', 'done', '3:x').flat(), ['src/a.ts > src/a.ts']);
    assert.deepEqual(linksOf('@@ -1,5 +12,7 @@'), [[]]);
  });

  it('are the same for a line alone, with those before it to look back at', () => {
    const line = fc.oneof(
      fc.constantFrom(
        ...['/app/x.ts', 'README.md', 'src/a.ts', 'done', '', '--', '+++ b/x.ts', '+++ /dev/null'],
        ...['  3:5  error', '  0:5  x', '12:text', '12:5:text', '0:x', '10:42:33 x', '12-x'],
        ...['@@ -1,5 +12,7 @@', '@@ -1,5 +0,0 @@', '@@ x', '    indented', 'see src/b.ts:3'],
      ),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 12 }), (lines) => {
        const reader = new LinkLines();
        const found = lines.map((text) => reader.find(text)).at(-1);
        const last = lines.at(-1)!;
        const below = findLinkBelow(last, lines.slice(0, -1).reverse());
        const links = findLinks(last);
        assert.deepEqual(
          found,
          below === undefined ? links : [below, ...links.filter(({ start }) => start >= below.end)],
        );
      }),
      { numRuns: 500 },
    );
  });
});
