import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compileSearch, requiredText } from '../../../src/output/search/searchPattern.ts';

describe('compileSearch', () => {
  const query = { text: '', isRegex: false, matchCase: false, wholeWord: false };

  it('takes a text literally', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        const { expression } = compileSearch({ ...query, text, matchCase: true });
        assert.equal(expression.exec(`x${text}y`)?.[0], text);
      }),
    );
  });

  it('ignores case, also beyond ASCII', () => {
    assert.match('ÉCOLE', compileSearch({ ...query, text: 'école' }).expression);
    assert.doesNotMatch(
      'ÉCOLE',
      compileSearch({ ...query, text: 'école', matchCase: true }).expression,
    );
  });

  it('knows whole words, also those beyond ASCII', () => {
    const { expression } = compileSearch({ ...query, text: 'caf', wholeWord: true });
    assert.doesNotMatch('café', expression);
    assert.doesNotMatch('caf_1', expression);
    assert.match('(caf)', expression);
  });

  it('takes what only the lenient syntax of regular expressions allows', () => {
    const { expression } = compileSearch({
      ...query,
      text: String.raw`a\-b`,
      isRegex: true,
      wholeWord: true,
    });
    assert.match('x a-b y', expression);
  });

  it('throws for a regular expression that is none', () => {
    assert.throws(() => compileSearch({ ...query, text: '(', isRegex: true }), SyntaxError);
  });

  it('gives a needle that every match has in it', () => {
    const patterns = [
      'zan\\w+ \\d',
      'a|b',
      '(ab)+c',
      'x?yz*',
      '[a-c]{2}foo',
      'ab{0,2}c',
      '\\bfoo\\.bar',
      '^k+s$',
      'a(?=bc)',
      'ſtop',
      'a\\x41b',
    ];
    const alphabet = Array.from('abcxyzfo.ksK123 z');
    fc.assert(
      fc.property(
        fc.constantFrom(...patterns),
        fc
          .array(fc.constantFrom(...alphabet, 'zanzi 1', 'foo.bar', 'ſTOP', '\u212a'))
          .map((parts) => parts.join('')),
        fc.boolean(),
        (text, line, matchCase) => {
          const { expression, needle } = compileSearch({
            ...query,
            text,
            isRegex: true,
            matchCase,
          });
          if (needle === undefined || !expression.test(line)) return;
          const fold = (value: string): string => (needle.ignoreCase ? value.toLowerCase() : value);
          const bytes = fold(Buffer.from(needle.bytes).toString('latin1'));
          assert.ok(fold(Buffer.from(line).toString('latin1')).includes(bytes), `${text}: ${line}`);
        },
      ),
      { numRuns: 2000 },
    );
  });

  for (const [source, text] of [
    ['zanz\\w+ \\d', 'zanz'],
    ['foo\\.bar', 'foo.bar'],
    ['(foo|bar)baz', 'baz'],
    ['foo|bar', ''],
    ['colou?r', 'colo'],
    ['ab+cd', 'ab'],
    ['[abc]+', ''],
    ['a{2}b', 'a'],
    ['\\u0041bc', ''],
  ] as const) {
    it(`knows that ${source} needs ${JSON.stringify(text)}`, () => {
      assert.equal(requiredText(source), text);
    });
  }
});
