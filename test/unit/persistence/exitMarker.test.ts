import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import {
  parseExitMarker,
  readExitMarker,
  writeKillMarkerIfAbsent,
} from '../../../src/persistence/exitMarker.ts';
import type { TaskPaths } from '../../../src/persistence/paths.ts';
import { assertFails, interrupted, pathsIn, put, temporaryDirectory, tree } from './support.ts';

const killed = { kind: 'killed' };
const code = (value: number): object => ({ kind: 'code', code: value });

describe('parseExitMarker', () => {
  it('reads any signed 32-bit number', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.constantFrom('', ' ', '\n', '\r\n', '\t', '\u0085'),
        (n, space) => {
          assert.deepEqual(parseExitMarker(`${space}${n}${space}`), code(n));
        },
      ),
    );
  });

  it('reads a sign and leading zeros as the seed’s language does', () => {
    assert.deepEqual(parseExitMarker('+5'), code(5));
    assert.deepEqual(parseExitMarker('-0'), code(0));
    assert.deepEqual(parseExitMarker('0000000000000000007'), code(7));
    assert.deepEqual(parseExitMarker('-2147483648'), code(-2147483648));
    assert.deepEqual(parseExitMarker('2147483647'), code(2147483647));
  });

  it('takes everything else for none', () => {
    for (const text of [
      '',
      ' \n',
      '2147483648',
      '-2147483649',
      '4294967296',
      '1.0',
      '1e2',
      '0x1',
      '1_0',
      '1 2',
      '+',
      '-',
      '--1',
      'Killed',
      '0illed',
      '\uFEFF1',
      '١',
      'NaN',
    ]) {
      assert.equal(parseExitMarker(text), undefined, JSON.stringify(text));
    }
  });

  it('takes no text for a code unless it is one in decimal', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const marker = parseExitMarker(text);
        if (marker?.kind === 'code') assert.match(text, /^\s*[+-]?[0-9]+\s*$/);
      }),
    );
  });

  it('reads killed', () => {
    assert.deepEqual(parseExitMarker('killed'), killed);
    assert.deepEqual(parseExitMarker(' killed\n'), killed);
  });
});

for (const layout of ['flat', 'directory'] as const) {
  describe(`the exit marker (readExitMarker, writeKillMarkerIfAbsent), ${layout} layout`, () => {
    const directory = temporaryDirectory();
    let paths: TaskPaths;
    beforeEach(() => {
      paths = pathsIn(directory(), layout);
      mkdirSync(dirname(paths.exit), { recursive: true });
    });

    it('is none where the file is absent or empty', () => {
      assert.equal(readExitMarker(paths), undefined);
      put(paths.exit, '');
      assert.equal(readExitMarker(paths), undefined);
    });

    it('is read from the file', () => {
      put(paths.exit, '137\n');
      assert.deepEqual(readExitMarker(paths), code(137));
    });

    it('is an error where the file is no text or too large', () => {
      put(paths.exit, Buffer.from([0xff]));
      assertFails(() => readExitMarker(paths), 'corrupt');
      put(paths.exit, '1'.repeat(70_000));
      assertFails(() => readExitMarker(paths), 'corrupt');
    });

    it('is not read through a symbolic link', () => {
      put(join(directory(), 'elsewhere'), '0');
      symlinkSync(join(directory(), 'elsewhere'), paths.exit);
      assertFails(() => readExitMarker(paths), 'unsafe-path');
      assertFails(() => {
        writeKillMarkerIfAbsent(paths);
      }, 'unsafe-path');
      assert.equal(readFileSync(join(directory(), 'elsewhere'), 'utf8'), '0');
    });

    it('is written as killed where it is absent, 0600, leaving nothing else', () => {
      writeKillMarkerIfAbsent(paths);
      assert.equal(readFileSync(paths.exit, 'utf8'), 'killed');
      assert.equal(statSync(paths.exit).mode & 0o777, 0o600);
      assert.ok(!tree(directory()).some((path) => path.includes('tmp')));
    });

    it('is left alone where the end is noted while it is being written', () => {
      writeKillMarkerIfAbsent(
        paths,
        interrupted(() => {
          put(paths.exit, '0');
        }),
      );
      assert.equal(readFileSync(paths.exit, 'utf8'), '0');
      assert.ok(!tree(directory()).some((path) => path.includes('tmp')));
    });

    it('is left alone where it says something', () => {
      for (const text of ['0', 'killed', 'nonsense']) {
        put(paths.exit, text);
        const { ino } = statSync(paths.exit);
        writeKillMarkerIfAbsent(paths);
        assert.equal(readFileSync(paths.exit, 'utf8'), text);
        assert.equal(statSync(paths.exit).ino, ino);
      }
    });
  });
}

describe('writeKillMarkerIfAbsent', () => {
  const directory = temporaryDirectory();

  it('leaves a blank marker alone in the flat layout, as the seed does', () => {
    const paths = pathsIn(directory(), 'flat');
    put(paths.exit, '');
    writeKillMarkerIfAbsent(paths);
    assert.equal(readFileSync(paths.exit, 'utf8'), '');
  });

  it('replaces a blank marker in the directory layout, where AFT makes it empty, by another file', () => {
    const paths = pathsIn(directory(), 'directory');
    for (const blank of ['', ' \n']) {
      put(paths.exit, blank);
      const { ino } = statSync(paths.exit);
      writeKillMarkerIfAbsent(paths);
      assert.equal(readFileSync(paths.exit, 'utf8'), 'killed');
      assert.notEqual(statSync(paths.exit).ino, ino);
    }
  });

  it('makes a missing session directory in the flat layout, as the seed does', () => {
    const paths = pathsIn(directory(), 'flat');
    writeKillMarkerIfAbsent(paths);
    assert.equal(readFileSync(paths.exit, 'utf8'), 'killed');
  });

  for (const layout of ['flat', 'directory'] as const) {
    it(`writes nothing through a session directory that is a link (${layout})`, () => {
      const paths = pathsIn(directory(), layout);
      const target = join(directory(), 'target');
      mkdirSync(target);
      mkdirSync(dirname(paths.sessionDir), { recursive: true });
      symlinkSync(target, paths.sessionDir);
      if (layout === 'directory') mkdirSync(dirname(paths.exit), { recursive: true });
      assertFails(() => {
        writeKillMarkerIfAbsent(paths);
      }, 'unsafe-path');
      assert.deepEqual(
        tree(target).filter((path) => path.endsWith('exit')),
        [],
      );
    });
  }

  it('makes nothing where the bundle of the directory layout is gone', () => {
    const paths = pathsIn(directory(), 'directory');
    assertFails(() => {
      writeKillMarkerIfAbsent(paths);
    }, 'not-found');
    assert.deepEqual(tree(directory()), []);
  });
});
