import assert from 'node:assert/strict';
import type { FilePosition } from '../../../src/output/links/linkSuffix.ts';
import { findLinks } from '../../../src/output/links/links.ts';

/** `line`, `line:column`, `line-endLine`, `line:column-endLine:endColumn`. */
function position(text: string): FilePosition {
  const [from = '', to] = text.split('-');
  const [line, column] = from.split(':');
  const [endLine, endColumn] = to?.split(':') ?? [];
  const named = { line, column, endLine, endColumn };
  const given = Object.entries(named).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, Number(value)]));
}

const folders = [
  '/srv/app/main.ts',
  './src/main.ts',
  '../src/main.ts',
  'src/main.ts',
  'src/@scope/a-b_c+d~1/main.test.ts',
  '~/src/main.ts',
  'C:\\src\\main.ts',
  'c:/src/main.ts',
  'src\\main.ts',
  '.\\main.ts',
  'src/größe/文件.ts',
  'file:///srv/app/main.ts',
  'file:///C:/src/main.ts',
  'app/(group)/[id]/page.tsx',
];
const names = ['main.ts', 'Makefile', '.eslintrc.json', 'a.test.tsx'];
const withoutExtension = ['/opt/bin/run', './run', '~/run', 'C:\\run'];

/** The path in a link to a `file:` address. */
function pathOf(written: string): string {
  return written.replace(/^file:\/\/(?:\/(?=C:))?/, '');
}

const tight: Readonly<Record<string, string>> = {
  ':24': '24',
  ':24:7': '24:7',
  ':24.7': '24:7',
  ':24-31': '24-31',
  ':24:7-58': '24:7-24:58',
  ':24.7-58': '24:7-24:58',
  ':24:7-31:58': '24:7-31:58',
  ':24.7-31.58': '24:7-31:58',
  ':(24,7)-(31,58)': '24:7-31:58',
  ':24 char:7': '24:7',
  ':L24': '24',
  ':L24-L31': '24-31',
  '#24': '24',
  '#24:7': '24:7',
  '#24.7': '24:7',
  '#24:7-58': '24:7-24:58',
  '#24.7-58': '24:7-24:58',
  '#24.7-31.58': '24:7-31:58',
  '#L24': '24',
  '#L24-L31': '24-31',
  '#L24-31': '24-31',
  '#L24C7': '24:7',
  '#L24,7': '24:7',
  '#L24C7-L31C58': '24:7-31:58',
  '(24)': '24',
  '(24,7)': '24:7',
  '(24, 7)': '24:7',
  '(24,\u00a07)': '24:7',
  '(24:7)': '24:7',
  '(24-31)': '24-31',
  '(24,7-58)': '24:7-24:58',
  '(24,7,31,58)': '24:7-31:58',
  '[24]': '24',
  '[24,7]': '24:7',
  '[24, 7]': '24:7',
  '[24:7]': '24:7',
  ', line 24': '24',
  ', line 24, col 7': '24:7',
  ', line 24, column 7': '24:7',
  ', line 24, character 7': '24:7',
  ', line 24, characters 7-58': '24:7-24:58',
  ', lines 24-31': '24-31',
  ', lines 24-31, characters 7-58': '24:7-31:58',
  ':line 24': '24',
  ':line 24, col 7': '24:7',
  ':line 24, column 7': '24:7',
  ': line 24': '24',
  ': line 24, col 7': '24:7',
  ': line 24, column 7': '24:7',
  ' on line 24': '24',
  ' at line 24, col 7': '24:7',
  ' on line 24, column 7': '24:7',
  ' on line\u00a024,\u00a0column 7': '24:7',
  ' line 24': '24',
  ' line 24 column 7': '24:7',
  ' (line 24': '24',
  ' (line 24, column 7': '24:7',
  '; line: 24': '24',
};

/** These ask for a name that a file has. */
const named: Readonly<Record<string, string>> = {
  ' (24,7)': '24:7',
  ' (24, 7)': '24:7',
  ' (24:7)': '24:7',
  ': (24,7)': '24:7',
  ': (24, 7)': '24:7',
  ' [24,7]': '24:7',
  ' [24, 7]': '24:7',
  '\u00a0[24, 7]': '24:7',
  ': [24,7]': '24:7',
  ':[24,7]': '24:7',
};

/** These count other things after a name alone. */
const loose: Readonly<Record<string, string>> = {
  ' (24)': '24',
  ': (24)': '24',
  ' [24]': '24',
  ': [24]': '24',
  ' 24:7': '24:7',
  '\u00a024:7': '24:7',
  ' 24:7-58': '24:7-24:58',
  ' 24.7-58': '24:7-24:58',
  ' 24.7-31.58': '24:7-31:58',
};

/** And these after words, so they are at the end of their line. */
const last: Readonly<Record<string, string>> = {
  ' 24': '24',
  ' 24.7': '24:7',
  ', 24': '24',
  ', 24:7': '24:7',
};

/** After a closing quote. */
const quoted: Readonly<Record<string, string>> = {
  ',24': '24',
  ', 24': '24',
  ',24:7': '24:7',
  ',24.7': '24:7',
  '},{line,24}': '24',
};

const wrappings: readonly [before: string, after: string][] = [
  ['', ''],
  ['error: ', ': unexpected'],
  ['error in ', ' near the end'],
  ['at f (', ')'],
  ['[', ']'],
  ['<', '>'],
  ['|', '|'],
  ['{', '}'],
  ['--> ', ''],
  ['file=', ';'],
  ['see ', '.'],
  ['see ', ', and'],
  ['see ', '!'],
  ['‘', '’'],
  ['"', '"'],
  ["'", "'"],
  ['`', '`'],
  ['\t', '\t'],
  ['e: ', ' '],
];

function check(before: string, written: string, after: string, link: string, at: FilePosition) {
  const line = before + written + after;
  assert.deepEqual(
    findLinks(line),
    [
      {
        kind: 'file',
        start: before.length,
        end: before.length + written.length,
        path: link,
        ...at,
      },
    ],
    line,
  );
}

function checkAll(
  kinds: readonly (readonly string[])[],
  suffixes: Readonly<Record<string, string>>,
  around: readonly [before: string, after: string][],
): void {
  for (const path of kinds.flat()) {
    for (const [suffix, text] of Object.entries(suffixes)) {
      for (const [before, after] of around) {
        check(before, path + suffix, after, pathOf(path), position(text));
      }
    }
  }
}

describe('link forms', () => {
  it('close to a path: every form after every kind of path in every wrapping', () => {
    checkAll([folders, names, withoutExtension], tight, wrappings);
  });

  it('that begin with a blank, after a name that files have', () => {
    checkAll([folders, ['main.ts']], named, wrappings);
  });

  it('of a number behind a blank, after a path with folders', () => {
    checkAll([folders], loose, wrappings);
    checkAll([folders], last, [
      ['', ''],
      ['error in ', ''],
      ['see ', '.'],
      ['(', ')'],
    ]);
  });

  for (const quote of ['"', "'", '`']) {
    it(`after a path in ${quote}`, () => {
      const paths = [...folders, ...names, '/srv/my app/main.ts', 'C:\\my app\\main.ts'];
      const plain = paths.filter((path) => !path.startsWith('file:'));
      for (const path of plain) {
        for (const [suffix, text] of Object.entries({ ...tight, ...quoted })) {
          const written = path + quote + suffix;
          check(`echo ${quote}`, written, ' here', path, position(text));
          check(quote, written, '', path, position(text));
        }
      }
    });

    it(`in ${quote} with its path, blanks or not`, () => {
      for (const path of ['/srv/my app/main.ts', './my app/main.ts', 'C:\\my app\\main.ts']) {
        check(quote, path, quote, path, {});
        for (const [suffix, text] of Object.entries(tight)) {
          if (/^[:#([]/.test(suffix)) check(quote, path + suffix, quote, path, position(text));
        }
      }
    });
  }

  it('after a path with blanks and without quotes, where it begins a line or a place in code', () => {
    const paths = [
      'C:\\Program Files (x86)\\my app\\main.cpp',
      '/Users/me/My Project/src/main.c',
      './my app/main.c',
    ];
    const around: [string, string][] = [
      ['', ': error C2065'],
      ['  ', ' : warning'],
      ['    at f (', ')'],
      ['    at ', ''],
      ['   at F.G() in ', ''],
    ];
    const close = Object.entries(tight).filter(([suffix]) => !suffix.startsWith(' '));
    checkAll([paths], Object.fromEntries(close), around);
    for (const path of paths) check('', path, '', path, {});
  });

  it('that say nothing of a line: the path alone, with what ends a sentence left out', () => {
    for (const path of folders) {
      for (const [before, after] of wrappings) check(before, path, after, pathOf(path), {});
    }
  });

  it('of git, whatever the file is called', () => {
    check('--- ', 'a/bin/run', '', 'a/bin/run', {});
    check('+++ ', 'b/bin/run', '\t2026-11-23', 'b/bin/run', {});
    const both = findLinks('diff --git a/bin/run b/bin/go').map(({ start, end }) => [start, end]);
    assert.deepEqual(both, [
      [11, 20],
      [21, 29],
    ]);
  });
});
