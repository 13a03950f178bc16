import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { findLinks } from '../../../src/output/links/links.ts';

/** A link as `path line:column-endLine:endColumn`, with what is absent left out. */
function linksOf(line: string): string[] {
  return findLinks(line).map((link) => {
    if (link.kind === 'url') return link.url;
    const { path, line: first, column, endLine, endColumn } = link;
    const from = [first, column].filter((number) => number !== undefined).join(':');
    const to = [endLine, endColumn].filter((number) => number !== undefined).join(':');
    return [path, from].filter((part) => part !== '').join(' ') + (to === '' ? '' : `-${to}`);
  });
}

describe('links', () => {
  const found: [line: string, ...links: string[]][] = [
    // compilers
    ['src/main.c:12:5: error: expected ‘;’ before ‘}’ token', 'src/main.c 12:5'],
    ['In file included from ./include/a.h:3,', './include/a.h 3'],
    ['                 from main.c:1:', 'main.c 1'],
    [
      '/usr/include/c++/12/bits/stl_vector.h:1126:34: note: in',
      '/usr/include/c++/12/bits/stl_vector.h 1126:34',
    ],
    ['  --> src/main.rs:3:5', 'src/main.rs 3:5'],
    ["thread 'main' panicked at src/main.rs:2:5:", 'src/main.rs 2:5'],
    ['src/index.ts(12,5): error TS2304: Cannot find name', 'src/index.ts 12:5'],
    ['src/index.ts:12:5 - error TS2304: Cannot find name', 'src/index.ts 12:5'],
    ['C:\\src\\main.cpp(12,5): error C2065: undeclared', 'C:\\src\\main.cpp 12:5'],
    ['1>C:\\src\\main.cpp(12): error C2065', 'C:\\src\\main.cpp 12'],
    ['C:\\x\\y.ts:3:4', 'C:\\x\\y.ts 3:4'],
    ['c:/x/y.ts:3', 'c:/x/y.ts 3'],
    ['e: /home/u/App.kt: (12, 5): Unresolved reference', '/home/u/App.kt 12:5'],
    ['e: file:///home/u/App.kt:12:5 Unresolved reference', '/home/u/App.kt 12:5'],
    ['[error] /home/u/App.scala:12:5: not found', '/home/u/App.scala 12:5'],
    ['[javac] /home/u/App.java:12: error: cannot find symbol', '/home/u/App.java 12'],
    ['src/Foo.hs:12:5-9: error:', 'src/Foo.hs 12:5-12:9'],
    ['src/Foo.hs:(12,5)-(14,9): error', 'src/Foo.hs 12:5-14:9'],
    ['File "lib/x.ml", line 3, characters 4-7:', 'lib/x.ml 3:4-3:7'],
    ['File "lib/x.ml", lines 3-4, characters 4-7:', 'lib/x.ml 3:4-4:7'],
    ['foo.nim(12, 5) Error: undeclared', 'foo.nim 12:5'],
    ['main.go:12:2: undefined: x', 'main.go 12:2'],
    ['CMake Error at CMakeLists.txt:12 (message):', 'CMakeLists.txt 12'],
    ['make: *** [Makefile:12: all] Error 2', 'Makefile 12'],
    ['Dockerfile:3', 'Dockerfile 3'],
    ['  on main.tf line 12, in resource "x" "y":', 'main.tf 12'],
    ['foo.js: line 12, col 5, Error - Missing semicolon.', 'foo.js 12:5'],
    ['In deploy.sh line 12:', 'deploy.sh 12'],
    ['deploy.sh: line 12: foo: command not found', 'deploy.sh 12'],
    ["Build file '/home/u/build.gradle' line: 12", '/home/u/build.gradle 12'],
    ['F# (12,5,14,9): see a/b.fs(12,5,14,9): error', 'a/b.fs 12:5-14:9'],
    ['x.cs[12, 5]', 'x.cs 12:5'],
    ['src/a.ts(12:5)', 'src/a.ts 12:5'],
    // tests and stack traces
    ['  File "/app/x.py", line 12, in f', '/app/x.py 12'],
    ['  File "/my app/x.py", line 12, in f', '/my app/x.py 12'],
    ['tests/test_x.py:12: AssertionError', 'tests/test_x.py 12'],
    ['FAILED tests/test_x.py::test_it - assert 1 == 2', 'tests/test_x.py'],
    ['    at fn (/app/x.js:1:2)', '/app/x.js 1:2'],
    ['    at /app/x.js:1:2', '/app/x.js 1:2'],
    ['    at async file:///app/x.mjs:1:2', '/app/x.mjs 1:2'],
    ['    at Object.<anonymous> (src/foo.test.ts:12:34)', 'src/foo.test.ts 12:34'],
    ['    at new Foo (C:\\app\\x.js:1:2)', 'C:\\app\\x.js 1:2'],
    [' ❯ src/foo.test.ts:12:34', 'src/foo.test.ts 12:34'],
    [' ✓ src/foo.test.ts (12 tests) 3ms', 'src/foo.test.ts'],
    [' ✓ src/foo.test.ts (12)', 'src/foo.test.ts 12'],
    ['PASS src/foo.test.ts', 'src/foo.test.ts'],
    ['fn@/app/x.js:1:2', '/app/x.js 1:2'],
    ['fn@file:///app/x.js:1:2', '/app/x.js 1:2'],
    ['fn@C:\\app\\x.js:1:2', 'C:\\app\\x.js 1:2'],
    ['\tat com.example.Foo.bar(Foo.java:12)', 'Foo.java 12'],
    ['\tat com.example.FooKt.main(Foo.kt:12)', 'Foo.kt 12'],
    [
      '\t/usr/local/go/src/net/http/server.go:2136 +0x29',
      '/usr/local/go/src/net/http/server.go 2136',
    ],
    ['    foo_test.go:12: got 1, want 2', 'foo_test.go 12'],
    ['   at Foo.Bar() in C:\\x\\y.cs:line 12', 'C:\\x\\y.cs 12'],
    ['#0 /app/x.php(12): foo()', '/app/x.php 12'],
    ['PHP Fatal error: x in /app/x.php on line 12', '/app/x.php 12'],
    ['died at script.pl line 12.', 'script.pl 12'],
    ["\tfrom /app/x.rb:12:in `foo'", '/app/x.rb 12'],
    ["bin/rails:4:in 'foo'"],
    ['    (app 1.0.0) lib/foo.ex:12: Foo.bar/1', 'lib/foo.ex 12'],
    ['lua: foo.lua:12: attempt to call', 'foo.lua 12'],
    ['lib/main.dart 12:5  main.<fn>', 'lib/main.dart 12:5'],
    ['    #0 0x4f in main /app/x.c:12:3', '/app/x.c 12:3'],
    ['==1==    by 0x109: main (x.c:12)', 'x.c 12'],
    // further languages and tools
    ['    at file:///app/x.mjs:3:5', '/app/x.mjs 3:5'],
    ['    at async Promise.all (index 0)'],
    ['    at async run (/app/dist/x.cjs:3:5)', '/app/dist/x.cjs 3:5'],
    ['    at Module._compile (node:internal/modules/cjs/loader:1554:14)'],
    ['    at node:electron/js2c/asar_bundle:2:123'],
    ['    at ext:core/01_core.js:12:5'],
    ['    at f (eval at g (/app/x.js:3:5), <anonymous>:1:2)', '/app/x.js 3:5'],
    ['    at f (webpack://app/./src/x.ts:3:5)', './src/x.ts 3:5'],
    ['    at f (webpack-internal:///(rsc)/./src/x.ts:3:5)', './src/x.ts 3:5'],
    ['/app/x.js:3', '/app/x.js 3'],
    ['/app/x.py:3: DeprecationWarning: use y', '/app/x.py 3'],
    ['  File "x.py", line 3', 'x.py 3'],
    ['  File "run", line 3, in <module>', 'run 3'],
    ['  File "<string>", line 1, in <module>'],
    ['  File <frozen importlib._bootstrap>:228, in f'],
    ['tests/test_x.py::test_y FAILED                     [ 50%]', 'tests/test_x.py'],
    ['____ test_x.py:12: in f', 'test_x.py 12'],
    ['Exception in thread "main" a.b.Oops: no'],
    ['\tat a.b.C$D.lambda$run$0(C.java:12) ~[app.jar:1.0]', 'C.java 12'],
    ['\tat java.base/java.lang.Thread.run(Thread.java:840)', 'Thread.java 840'],
    ['see [/srv/My App/x.log] and (/srv/My App/y.log)', '/srv/My App/x.log', '/srv/My App/y.log'],
    ['   at A.B.C(String s) in /src/x.cs:line 12', '/src/x.cs 12'],
    ['goroutine 1 [running]:'],
    ['main.main()'],
    ['\t/home/u/main.go:12 +0x1d', '/home/u/main.go 12'],
    ['./main.go:12:5: undefined: x', './main.go 12:5'],
    ['vet: ./main.go:12:5: x', './main.go 12:5'],
    ['   --> src/main.rs:3:5', 'src/main.rs 3:5'],
    ['             at ./src/main.rs:3:5', './src/main.rs 3:5'],
    [
      '             at /rustc/90c5/library/std/src/panicking.rs:645:5',
      '/rustc/90c5/library/std/src/panicking.rs 645:5',
    ],
    ["x.rb:3:in 'Integer#/': divided by 0 (ZeroDivisionError)", 'x.rb 3'],
    ["\tfrom x.rb:3:in '<main>'", 'x.rb 3'],
    ['PHP Warning:  no in /srv/x.php on line 3', '/srv/x.php 3'],
    ['#1 {main}'],
    ['#1 /srv/x.php(3): f(Object(A\\B))', '/srv/x.php 3'],
    ['syntax error at x.pl line 3, near "}"', 'x.pl 3'],
    ['    test/x_test.exs:12: (test)', 'test/x_test.exs 12'],
    ['** (CompileError) lib/x.ex:3: undefined', 'lib/x.ex 3'],
    ['    │ └ 3:5: lib/x.ex:3:5: X.f/1', 'lib/x.ex 3:5'],
    ['{file,"src/x.erl"},{line,12}', 'src/x.erl 12'],
    ['main/main.swift:3: Fatal error: no', 'main/main.swift 3'],
    ['  error, called at app/Main.hs:3:5 in main:Main', 'app/Main.hs 3:5'],
    ['Called from Dune__exe__X in file "bin/x.ml", line 3, characters 4-8', 'bin/x.ml 3:4-3:8'],
    ['In file included from /usr/include/x.h:3,', '/usr/include/x.h 3'],
    ['x.c:3:5: error: no', 'x.c 3:5'],
    ['x.c:3:5:{3:1-3:9}: error: no', 'x.c 3:5'],
    ['x.cpp(3,5): error C2065', 'x.cpp 3:5'],
    ['x.cpp(3): fatal error C1083', 'x.cpp 3'],
    [
      'C:\\My App\\x.cs(3,5): error CS0103: no [C:\\My App\\My.csproj]',
      'C:\\My App\\x.cs 3:5',
      'C:\\My App\\My.csproj',
    ],
    ['ERROR in ./src/x.ts 12:5-9', './src/x.ts 12:5-12:9'],
    [' @ ./src/x.ts 3:0-20', './src/x.ts 3-3:20'],
    ['    src/x.scss 12:5  root stylesheet', 'src/x.scss 12:5'],
    ['src/x.ts:12:const a = "b/c.ts:3";', 'src/x.ts 12', 'b/c.ts 3'],
    ['src/x.ts:12:3d model', 'src/x.ts 12'],
    ['      at Context.<anonymous> (test/x.spec.js:12:5)', 'test/x.spec.js 12:5'],
    ['      at test/x.spec.js:12:5', 'test/x.spec.js 12:5'],
    [' FAIL  test/x.test.ts > a > b', 'test/x.test.ts'],
    ['---- src/lib.rs - f (line 12) stdout ----', 'src/lib.rs'],
    ['--- FAIL: TestX (0.00s)'],
    ['    x_test.go:12: no', 'x_test.go 12'],
    ['e: file:///home/u/My%20App/x.kt:3:5 no', '/home/u/My App/x.kt 3:5'],
    ['w: /home/u/x.kt: (3, 5): no', '/home/u/x.kt 3:5'],
    ['[ERROR] /x/Y.java:[12,5] cannot find symbol', '/x/Y.java 12:5'],
    ["Build file '/x/y.gradle.kts' line: 12", '/x/y.gradle.kts 12'],
    ['script.sh: line 3: x: command not found', 'script.sh 3'],
    ['./script.sh: 3: x: not found', './script.sh'],
    ['/bin/sh x.sh:3: no', 'x.sh 3'],
    ['Makefile:12: *** missing separator.  Stop.', 'Makefile 12'],
    ['make[1]: *** [sub/Makefile:12: all] Error 2', 'sub/Makefile 12'],
    ['CMake Error at CMakeLists.txt:3 (find_package):', 'CMakeLists.txt 3'],
    ['  cmake/x.cmake:12 (include)', 'cmake/x.cmake 12'],
    ['At C:\\x\\y.ps1:12 char:5', 'C:\\x\\y.ps1 12:5'],
    ['thread panicked at \\\\?\\C:\\x\\y.rs:3:5', 'C:\\x\\y.rs 3:5'],
    ["in '/x/y.yml': line 12, column 5, but may", '/x/y.yml 12:5'],
    ['      at /nix/store/abc-x/default.nix:12:5:', '/nix/store/abc-x/default.nix 12:5'],
    ['@ Main ./x.jl:12', './x.jl 12'],
    ['nginx: [emerg] unknown directive in /etc/nginx/nginx.conf:12', '/etc/nginx/nginx.conf 12'],
    ['HEAD:src/x.ts', 'src/x.ts'],
    ['-I/usr/include -o build/x.o', 'build/x.o'],
    ['PS C:\\work\\x.d> dir', 'C:\\work\\x.d'],
    // git, forms and punctuation
    ['diff --git a/src/x.ts b/src/x.ts', 'a/src/x.ts', 'b/src/x.ts'],
    ['--- a/src/x.ts', 'a/src/x.ts'],
    ['+++ b/src/x.ts', 'b/src/x.ts'],
    ['error:src/x.ts:3', 'src/x.ts 3'],
    ['see src/x.ts.', 'src/x.ts'],
    ['(src/x.ts)', 'src/x.ts'],
    ['`src/x.ts:3`', 'src/x.ts 3'],
    ['"src/x.ts":3:4', 'src/x.ts 3:4'],
    ['"x.ts",12', 'x.ts 12'],
    ["'/my dir/x.ts:3:4'", '/my dir/x.ts 3:4'],
    ["don't open /a/x.ts:3, it can't", '/a/x.ts 3'],
    ['~/x.ts:3', '~/x.ts 3'],
    ['../x.ts:3-9', '../x.ts 3-9'],
    ['x.ts:3:4-9', 'x.ts 3:4-3:9'],
    ['x.ts:3.4-5.6', 'x.ts 3:4-5:6'],
    ['src/x.ts#L12-L14', 'src/x.ts 12-14'],
    ['src/x.ts#12', 'src/x.ts 12'],
    ['.eslintrc.json:3', '.eslintrc.json 3'],
    ['app/(group)/[id]/page.tsx:3:4', 'app/(group)/[id]/page.tsx 3:4'],
    ['app/[[...slug]]/page.tsx:3', 'app/[[...slug]]/page.tsx 3'],
    ['node_modules/@scope/pkg/x.js:1:2', 'node_modules/@scope/pkg/x.js 1:2'],
    [
      'node_modules/.pnpm/a@1.2.3/node_modules/a/x.js:1:2',
      'node_modules/.pnpm/a@1.2.3/node_modules/a/x.js 1:2',
    ],
    ['größe/überblick.ts:3', 'größe/überblick.ts 3'],
    ['src/文件.ts:3:4', 'src/文件.ts 3:4'],
    ['/opt/tool/run:12', '/opt/tool/run 12'],
    ['x.ts:1 y.ts:2', 'x.ts 1', 'y.ts 2'],
    ['file:///a%20b/x.ts#L3', '/a b/x.ts 3'],
    ['file://localhost/a/x.ts', '/a/x.ts'],
    ['file://server/share/x.ts', '//server/share/x.ts'],
    ['file:////server/share/x.ts', '//server/share/x.ts'],
    ['file:///C:/x/y.ts:3:4', 'C:/x/y.ts 3:4'],
    // addresses
    ['at http://localhost:3000/a?b=c#d', 'http://localhost:3000/a?b=c#d'],
    ['(see https://example.com/a_(b)).', 'https://example.com/a_(b)'],
    ['<https://example.com>, and', 'https://example.com'],
    ['http://[::1]:8080/x', 'http://[::1]:8080/x'],
    ['git+https://example.com/x.git', 'https://example.com/x.git'],
    ['https://example.com/src/x.ts:12:5', 'https://example.com/src/x.ts:12:5'],
    ['url=https://example.com/a;', 'https://example.com/a'],
  ];
  for (const [line, ...links] of found) {
    it(line, () => {
      assert.deepEqual(linksOf(line), links);
    });
  }

  const notFound = [
    '12:30:45',
    '2026-11-23T05:02:38.123Z',
    '[2026/11/23 05:02:38] started',
    '23/Nov/2026:05:02:38 +0000',
    '3:4',
    '16:9 and 4:3',
    '1.2.3:4',
    'v1.2.3:4',
    'v1.2.3-rc.1:4',
    '12:34:56',
    'at 12:34:56.789 on 2026-11-23',
    '2026-11-23 12:34:56,789 INFO',
    '1.2.3:4',
    '3/4:1',
    '1/2 (3)',
    'host:8080',
    'host:8080/x.js:3',
    'localhost:3000/x.js:3:5',
    '[::1]:8080/x.js:3',
    'aa:bb:cc:dd:ee:ff',
    '01:23:45:67:89:ab',
    'fe80::1%eth0/64',
    'key:1',
    'foo: 12',
    'foo.bar: 12',
    'user.id:12',
    'server.port:8080',
    'x.shape (3, 4)',
    'df.iloc[3, 4]',
    'Math.max(3, 4)',
    'items.push(12)',
    'data.values: [1, 2]',
    'node:20',
    'node:20-alpine',
    'pkg@1.2.3',
    '@scope/pkg@1.2.3-beta.rc',
    'git@github.com:owner/repo.git',
    'd2047d6..e96afee',
    'index 3f2a1b4..9c8d7e6 100644',
    'sha256:0123456789abcdef',
    'total: 12 (3.5%)',
    'a.b.c.D: 12',
    'nginx:1.25',
    'registry.io/team/image:1.2.3',
    'localhost:3000',
    '127.0.0.1:8080',
    'example.com:443',
    'registry.npmjs.org:443',
    'db.internal:5432',
    'redis.default.svc:6379',
    'user@host.name:22',
    'fe80::1:2',
    '[::1]:8080',
    '2001:db8::8a2e:370:7334',
    '10.0.0.0/24',
    '2026/11/23',
    'and/or',
    'n/a.',
    'text/html; charset=utf-8',
    'Mozilla/5.0 (X11; Linux x86_64)',
    'github.com/owner/repo.git',
    'foo.bar()',
    'key: value.other',
    'at node:internal/modules/cjs/loader:1105:14',
    'at native',
    'at Foo.bar(Native Method)',
    '\\\\server\\share\\x.ts:3',
    '//server/share/x.ts:3',
    'ftp://example.com/x.ts:3',
    'http://',
    'took 12.5s:3',
    'a.b',
    'report.txt 10:42',
    'x.ts:0',
    'file:///a%00b/x.ts',
    'file:///a%zz/x.ts',
    '/dev/null',
    '...',
    './',
    '://',
    'c:',
    '@/',
    '"',
    '',
  ];
  for (const line of notFound) {
    it(`not in ${line}`, () => {
      assert.deepEqual(linksOf(line), []);
    });
  }

  it('cover the path and its position', () => {
    const text = (line: string) => findLinks(line).map(({ start, end }) => line.slice(start, end));
    assert.deepEqual(text('at fn (src/x.ts:1:2)'), ['src/x.ts:1:2']);
    assert.deepEqual(text('File "/x.py", line 12, in'), ['/x.py", line 12']);
    assert.deepEqual(text('src/x.ts(1,2): error'), ['src/x.ts(1,2)']);
    assert.deepEqual(text('see file:///a/x.ts:3.'), ['file:///a/x.ts:3']);
  });

  it('decode addresses, and take none that is no text', () => {
    for (const path of [
      '/a b/é.ts',
      '/漢/€.ts',
      '/😀/x.ts',
      '/100%/x.ts',
      '/\u{10ffff}\ue000\ud7ff.ts',
    ]) {
      assert.deepEqual(linksOf(`file://${path.split('/').map(encodeURIComponent).join('/')}`), [
        path,
      ]);
    }
    for (const bytes of [
      '%ff',
      '%c0%af',
      '%e0%80%80',
      '%ed%a0%80',
      '%f4%90%80%80',
      '%c3',
      '%',
      '%1',
    ]) {
      assert.deepEqual(linksOf(`file:///a${bytes}/x.ts`), [], bytes);
    }
  });

  it('are none in lines over 2,000 characters', () => {
    const line = 'src/x.ts:1:2 ';
    assert.equal(findLinks(line + ' '.repeat(2000 - line.length)).length, 1);
    assert.equal(findLinks(line + ' '.repeat(2001 - line.length)).length, 0);
  });

  it('are in order, apart and within any line', () => {
    const piece = fc.constantFrom(
      'a',
      '/',
      '\\',
      ':',
      '1',
      '12',
      '.ts',
      '.',
      '(',
      ')',
      '[',
      ']',
      '"',
      "'",
      '`',
      ' ',
      ',',
      '#L',
      'line ',
      'http://',
      'file:///',
      '@/',
      'C:\\',
      '-',
      '~',
      'é',
      '漢',
      '\u00a0',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const line = pieces.join('');
        let last = 0;
        for (const { start, end } of findLinks(line)) {
          assert.ok(start >= last && end > start && end <= line.length);
          last = end;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
