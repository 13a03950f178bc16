import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { contrast } from '../../src/documents/contrast.ts';
import { contrastSetting, DecorationTypes } from '../../src/documents/decorationTypes.ts';
import type { Style } from '../../src/output/rendering/style.ts';
import { outputUri } from '../../src/vscode/uris.ts';
import { writeTaskFixture } from '../support/taskFixture.ts';
import { showStorage, taskWhere, until } from './fixture.ts';

const plainStyle: Style = {
  foreground: undefined,
  background: undefined,
  underlineColor: undefined,
  underline: 'none',
  bold: false,
  dim: false,
  italic: false,
  blink: false,
  inverse: false,
  hidden: false,
  strikethrough: false,
  overline: false,
};

const none: ReadonlySet<vscode.TextEditorDecorationType> = new Set();

describe('decoration types', () => {
  const create = vscode.window.createTextEditorDecorationType;
  /** Those that VS Code has now. */
  const alive = new Map<vscode.TextEditorDecorationType, vscode.DecorationRenderOptions>();
  const made = new vscode.EventEmitter<void>();
  let types: DecorationTypes;

  beforeEach(async () => {
    // The extension's own documents have theirs.
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    types = new DecorationTypes();
    vscode.window.createTextEditorDecorationType = (options) => {
      const created = create(options);
      const type = {
        key: created.key,
        dispose: () => {
          alive.delete(type);
          created.dispose();
        },
      };
      alive.set(type, options);
      made.fire();
      return type;
    };
  });

  afterEach(() => {
    types.dispose();
    alive.clear();
    vscode.window.createTextEditorDecorationType = create;
  });

  function typeOf(style: Style): vscode.TextEditorDecorationType | undefined {
    return types.typesOf([style], none).get(style);
  }

  function rgb(value: number): Style {
    return { ...plainStyle, foreground: 0x1000000 + value };
  }

  const rgbs = (from: number, to: number): Style[] =>
    Array.from({ length: to - from }, (_, at) => rgb((from + at) * 997));

  it('are shared by equal styles', () => {
    assert.equal(typeOf(rgb(1)), typeOf({ ...rgb(1) }));
    assert.notEqual(typeOf(rgb(1)), typeOf({ ...rgb(1), bold: true }));
    assert.equal(alive.size, 2);
    const both = types.typesOf([rgb(2), rgb(2)], none);
    assert.equal(new Set(both.values()).size, 1);
    assert.equal(alive.size, 3);
  });

  it('stand in for colours that look nearly the same, where very many are on screen', () => {
    const styles = rgbs(0, 10_000);
    assert.equal(types.typesOf(styles, none).size, styles.length);
    // 96 of their own, and of the palette its cube and its grays.
    assert.ok(types.count > 200 && types.count <= 96 + 240, String(types.count));
    assert.equal(alive.size, types.count);
  });

  it('make room for the colours of another screen', () => {
    const before = types.typesOf(rgbs(0, 96), none);
    const shown = new Set(types.typesOf(rgbs(200, 230), none).values());
    assert.equal(alive.size, 96);
    const after = types.typesOf(rgbs(300, 396), shown);
    // What another editor shows stays.
    for (const type of shown) assert.ok(alive.has(type));
    for (const type of before.values()) assert.ok(!alive.has(type));
    assert.equal(after.size, 96);
    assert.ok(new Set(after.values()).size >= 96 - shown.size);
  });

  it('are bounded whatever a program prints', () => {
    const styles = Array.from({ length: 256 * 8 }, (_, value): Style => ({
      ...plainStyle,
      foreground: value % 256,
      bold: (value & 256) > 0,
      italic: (value & 512) > 0,
      inverse: (value & 1024) > 0,
    }));
    assert.equal(types.typesOf(styles, none).size, 512);
    assert.equal(alive.size, 512);
    assert.equal(types.typesOf(styles.slice(-512), none).size, 512);
    assert.equal(alive.size, 512);
  });

  it('go when they were not used for longest, but for those in use', () => {
    const first = typeOf(rgb(0))!;
    for (let value = 1; value < 96; value += 1) typeOf(rgb(value));
    const last = typeOf(rgb(95));
    const touched = typeOf(rgb(1));
    types.trim(new Set([first]), 3);
    assert.deepEqual(new Set(alive.keys()), new Set([first, last, touched]));
    assert.equal(typeOf(rgb(0)), first);
    assert.equal(typeOf(rgb(95)), last);
  });

  it('have another colour where their own could not be read on a theme’s kind of background', () => {
    const number = (options: vscode.ThemableDecorationRenderOptions | undefined): number =>
      parseInt((options?.color as string).slice(1), 16);
    const pale = alive.get(typeOf(rgb(0xffffc8))!)!;
    assert.equal(pale.color, '#ffffc8');
    assert.equal(pale.dark, undefined);
    assert.ok(contrast(number(pale.light), 0xffffff) >= 4.5);
    const deep = alive.get(typeOf(rgb(0x3c))!)!;
    assert.equal(deep.light, undefined);
    assert.ok(contrast(number(deep.dark), 0) >= 4.5);
    const themed = alive.get(typeOf({ ...rgb(0x3c), background: 7 })!)!;
    assert.deepEqual([themed.light, themed.dark], [undefined, undefined]);
  });

  it('are made anew where the contrast that text is to have is changed', async () => {
    const storage = await showStorage();
    const stdout = '\x1b[38;2;255;255;200mpale\x1b[0m\n';
    const { key } = writeTaskFixture({ storage: storage.directory, stdout });
    await taskWhere(key);
    const setContrast = async (ratio: number | undefined): Promise<void> => {
      const configuration = vscode.workspace.getConfiguration();
      await configuration.update(contrastSetting, ratio, vscode.ConfigurationTarget.Global);
    };
    const isAlone = (fits: (options: vscode.DecorationRenderOptions) => boolean) => () =>
      (alive.size === 1 && [...alive.values()].every(fits)) || undefined;
    try {
      await vscode.window.showTextDocument(outputUri(key, 'stdout'));
      await until(
        isAlone(({ light }) => light !== undefined),
        made.event,
      );
      await setContrast(1);
      await until(
        isAlone(({ light }) => light === undefined),
        made.event,
      );
    } finally {
      await setContrast(undefined);
      await storage.remove();
    }
  });

  it('are bounded, those on screen among them, while one scrolls through thousands of looks', async () => {
    const storage = await showStorage();
    // None comes again in another line, but for the RGB colour: two lines share it.
    const background = (line: number): number => Math.floor(line / 2) * 997;
    const ofPalette = (line: number): string =>
      [1, 3, 4, 9]
        .map((sgr) => `\x1b[${sgr};38;5;${line % 251};48;5;${line % 241}mx\x1b[0m`)
        .join('');
    let stdout = '';
    for (let line = 0; line < 800; line += 1) {
      const [, red, green, blue] = [24, 16, 8, 0].map((bits) => (background(line) >> bits) & 255);
      stdout += `\x1b[48;2;${red};${green};${blue}mrgb\x1b[0m${ofPalette(line)}\n`;
    }
    const { key } = writeTaskFixture({ storage: storage.directory, stdout });
    await taskWhere(key);
    const seen = new Set<vscode.TextEditorDecorationType>();
    try {
      const editor = await vscode.window.showTextDocument(outputUri(key, 'stdout'));
      for (let line = 0; line < 800; line += 150) {
        const range = new vscode.Range(line, 0, line, 0);
        editor.revealRange(range, vscode.TextEditorRevealType.InCenter);
        const color = `#${background(line).toString(16).padStart(6, '0')}`;
        // Its own: so few RGB colours are on screen and around it.
        await until(
          () =>
            [...alive.values()].some(({ backgroundColor }) => backgroundColor === color) ||
            undefined,
          made.event,
        );
        for (const type of alive.keys()) seen.add(type);
        assert.ok(alive.size <= 512, String(alive.size));
      }
      assert.ok(seen.size > 2 * 512, String(seen.size));
    } finally {
      await storage.remove();
    }
  });

  it('are all disposed in the end', () => {
    types.typesOf(rgbs(0, 200), none);
    types.dispose();
    assert.equal(alive.size, 0);
    types = new DecorationTypes();
  });
});
