import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Anser from 'anser';
import { createAnsiSequenceParser } from 'ansi-sequence-parser';
import { findLinks } from '../../src/output/links/links.ts';
import { PtyRenderer } from '../../src/output/pty/ptyRenderer.ts';
import { Renderer } from '../../src/output/rendering/renderer.ts';
import { loadTerminal, type TerminalClass } from '../../src/output/pty/xterm.ts';
import { row, type Row } from './row.ts';

const rounds = 25;
const mebibyte = 1024 * 1024;
const size = { cols: 80, rows: 24 };

/** Captures with colours, captures of terminals, and the links in them. */
export async function benchRendering(): Promise<Row[]> {
  const TerminalClass = await loadTerminal();
  return [
    await colorRow(),
    await ptyRow(TerminalClass, 'a build log with colours', buildLog(8 * mebibyte)),
    await ptyRow(TerminalClass, 'a program that redraws its screen', screens(4 * mebibyte)),
    await ptyRow(TerminalClass, 'a log of tabs, marks and underlines', oddLog(4 * mebibyte)),
    await ptyRow(TerminalClass, 'a spinner beside its words', spinner(2 * mebibyte)),
    await ptyRow(TerminalClass, 'long lines of wide characters', wideLines(2 * mebibyte)),
    await ptyRow(TerminalClass, 'a picture of coloured half blocks', picture(2 * mebibyte)),
    await ptyRow(TerminalClass, 'colours without a line end', colorsInLine(2 * mebibyte)),
    await ptyRow(TerminalClass, 'a line without an end', Buffer.from(sentence.repeat(40_000))),
    await ptyRow(
      TerminalClass,
      'line feeds without a return',
      Buffer.from(`${sentence}\n`.repeat(40_000)),
    ),
    ...(await linkRows()),
  ];
}

async function colorRow(): Promise<Row> {
  const bytes = colored(4 * mebibyte);
  const text = bytes.toString('utf8');
  const [ours, anser, sequences] = await best(
    () => {
      const renderer = new Renderer();
      renderer.write(bytes);
      const change = renderer.takeChange();
      assert.ok(change.text.endsWith('\n') && change.spans.places.length > 0);
    },
    () => Anser.ansiToJson(text, { remove_empty: true }).length,
    () => {
      const parser = createAnsiSequenceParser();
      for (const line of text.split('\n')) parser.parse(line);
    },
  );
  return row(
    'rendering text with a colour change every 20 bytes',
    rate(bytes, ours),
    rate(bytes, Math.min(anser, sequences)),
    'MB/s',
    `more is better, to reach: ratio 3; floor: the faster of anser (${rate(bytes, anser).toFixed(0)} MB/s) and ansi-sequence-parser (${rate(bytes, sequences).toFixed(0)} MB/s); best of ${rounds}`,
  );
}

async function ptyRow(TerminalClass: TerminalClass, what: string, bytes: Buffer): Promise<Row> {
  const [ours, alone] = await best(
    async () => {
      const renderer = new PtyRenderer(TerminalClass, size);
      for (let at = 0; at < bytes.length; at += mebibyte) {
        renderer.write(bytes.subarray(at, at + mebibyte));
      }
      await renderer.settle();
      const { text } = renderer.whole();
      assert.ok(text.charCodeAt(text.length - 1) > 0);
    },
    async () => {
      const terminal = new TerminalClass(size);
      await new Promise<void>((resolve) => {
        terminal.write(bytes, resolve);
      });
    },
  );
  return row(
    `pty rendering, ${what}`,
    ours,
    alone,
    'ms',
    `to reach: ratio 1.3; floor: @xterm/headless alone, without reading its buffer; best of ${rounds}`,
  );
}

async function linkRows(): Promise<Row[]> {
  const log = compilerLog(4 * mebibyte);
  const slow = adversaries.map(([, unit]) => {
    const line = unit.repeat(Math.floor(2000 / unit.length));
    return Array.from({ length: 250 }, () => line);
  });
  const texts = [log, ...slow];
  const times = await best(
    ...texts.map((lines) => () => lines.reduce((sum, line) => sum + findLinks(line).length, 0)),
  );
  const [ours = 0, ...speeds] = texts.map((lines, index) => {
    const length = lines.reduce((sum, line) => sum + line.length + 1, 0);
    return length / 1e3 / (times[index] ?? 0);
  });
  return [
    row(
      'finding links in compiler logs',
      ours,
      25,
      'MB/s',
      `more is better; floor: what is to be reached; best of ${rounds}`,
    ),
    ...speeds.map((speed, index) =>
      row(
        `finding links in lines of ${adversaries[index]?.[0] ?? ''}`,
        speed,
        ours,
        'MB/s',
        'more is better, to reach: ratio 0.33; floor: compiler logs',
      ),
    ),
  ];
}

const adversaries: readonly (readonly [name: string, unit: string])[] = [
  ['opening brackets', '('],
  [':1', ':1'],
  ['double quotes', '"'],
  ['single quotes', "'"],
  ['spaces', ' '],
  ['digits', '1'],
  ['slashes', '/'],
  ['path starts', '/a'],
  ['names with dots', 'a.b '],
  ['opened folder names', 'a/[b'],
  ['scheme starts', 'a://'],
  ['line words', 'x.c line '],
  ['links of six characters', ':1-x.c'],
  ['brackets before paths with blanks', '(/a b'],
  ['quoted roots', '"/a 1.2- '],
  ['words that may be drives', '%:\\'],
  ['addresses that are no text', 'file:///%ff '],
  ['Python’s files', 'File "C:/'],
];

/** The same numbers each time: 0 to below `limit`. */
function numbers(): (limit: number) => number {
  let state = 12345;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

function fill(length: number, line: (next: (limit: number) => number) => string): string[] {
  const next = numbers();
  const lines: string[] = [];
  for (let written = 0; written < length;) {
    const text = line(next);
    lines.push(text);
    written += text.length;
  }
  return lines;
}

const words = ['compiling', 'module', 'test', 'passed', 'src/index.ts', 'warning:', 'ok', '42'];

const sentence = words.join(' ');

function colored(length: number): Buffer {
  const parts = (next: (limit: number) => number): string =>
    Array.from(
      { length: 5 },
      () =>
        `\x1b[3${next(8)}m${`${words[next(8)] ?? ''} ${words[next(8)] ?? ''}`.padEnd(15).slice(0, 15)}`,
    ).join('');
  return Buffer.from(fill(length, (next) => `${parts(next)}\x1b[0m\n`).join(''));
}

function buildLog(length: number): Buffer {
  const line = (next: (limit: number) => number): string =>
    `[${String(next(100_000)).padStart(8, '0')}] \x1b[3${next(8)}msrc/module${next(97)}\x1b[0m/part.ts:${next(800)}: ${words[next(8)] ?? ''} in ${next(1000)} ms${next(10) === 0 ? ' ✓' : ''}\r\n`;
  return Buffer.from(fill(length, line).join(''));
}

function screens(length: number): Buffer {
  const screen = (next: (limit: number) => number): string =>
    `\x1b[H${Array.from(
      { length: 22 },
      (_, index) =>
        `\x1b[${index + 1};1H\x1b[K\x1b[3${next(8)}mtask ${index}\x1b[0m\x1b[12G${'#'.repeat(next(40))}`,
    ).join('')}`;
  return Buffer.from(`\x1b[?1049h${fill(length, screen).join('')}`);
}

function oddLog(length: number): Buffer {
  const line = (next: (limit: number) => number): string =>
    `${next(1000)}\t\x1b[4m${words[next(8)] ?? ''}\x1b[24m e\u0301 😀\t${words[next(8)] ?? ''}\r\n`;
  return Buffer.from(fill(length, line).join(''));
}

function spinner(length: number): Buffer {
  const line = (next: (limit: number) => number): string =>
    `\x1b[1G\x1b[0K${'⠋⠙⠹⠸⠼⠴⠦⠧'.charAt(next(8))} \x1b[36mreify\x1b[39m: ${words[next(8)] ?? ''} ${'█'.repeat(next(20))}${next(30) === 0 ? '\r\n' : ''}`;
  return Buffer.from(fill(length, line).join(''));
}

function wideLines(length: number): Buffer {
  const line = (next: (limit: number) => number): string =>
    `${Array.from({ length: 60 + next(100) }, () => ['编译', '模块', '日本語', '한국어'][next(4)]).join('')}\t👍\r\n`;
  return Buffer.from(fill(length, line).join(''));
}

/** Each character has two RGB colours that no other has. */
function picture(length: number): Buffer {
  const line = (next: (limit: number) => number): string => {
    const color = (): string => `2;${next(256)};${next(256)};${next(256)}`;
    return `${Array.from({ length: 80 }, () => `\x1b[38;${color()};48;${color()}m▀`).join('')}\x1b[0m\r\n`;
  };
  return Buffer.from(fill(length, line).join(''));
}

function colorsInLine(length: number): Buffer {
  const character = (next: (limit: number) => number): string => `\x1b[3${next(8)}m${next(10)}`;
  return Buffer.from(fill(length, character).join(''));
}

function compilerLog(length: number): string[] {
  return fill(length, (next) => {
    switch (next(5)) {
      case 0:
        return `src/part${next(50)}/file${next(90)}.c:${next(900)}:${next(80)}: error: expected ';' before '}' token`;
      case 1:
        return `  ${next(900)} |   return compute(left, right) + table[index];`;
      case 2:
        return `src/app/view${next(90)}.ts(${next(900)},${next(80)}): error TS2322: Type 'string' is not assignable.`;
      case 3:
        return `[${next(100)}/${next(900)}] Building CXX object lib/CMakeFiles/core.dir/file${next(90)}.cpp.o`;
      default:
        return `    at Object.run (/home/user/project/src/file${next(90)}.js:${next(900)}:${next(80)})`;
    }
  });
}

function rate(bytes: Buffer, milliseconds: number): number {
  return bytes.length / 1e3 / milliseconds;
}

/** Milliseconds of each action's fastest round; they take turns, as the machine's load changes. */
async function best<Actions extends readonly (() => unknown)[]>(
  ...actions: Actions
): Promise<{ readonly [Index in keyof Actions]: number }> {
  const fastest = actions.map(() => Infinity);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, action] of actions.entries()) {
      await nextTurn();
      const began = performance.now();
      await action();
      fastest[index] = Math.min(fastest[index] ?? Infinity, performance.now() - began);
    }
  }
  return fastest as unknown as { readonly [Index in keyof Actions]: number };
}
