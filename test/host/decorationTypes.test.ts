import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { DecorationTypes } from '../../src/documents/decorationTypes.ts';
import type { Style } from '../../src/output/style.ts';

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

describe('decoration types', () => {
  const create = vscode.window.createTextEditorDecorationType;
  /** Those that VS Code has now. */
  const alive = new Set<vscode.TextEditorDecorationType>();
  let types: DecorationTypes;

  beforeEach(async () => {
    // The extension's own documents have theirs.
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    types = new DecorationTypes();
    vscode.window.createTextEditorDecorationType = (options) => {
      const type = create(options);
      alive.add(type);
      return {
        key: type.key,
        dispose: () => {
          alive.delete(type);
          type.dispose();
        },
      };
    };
  });

  afterEach(() => {
    types.dispose();
    alive.clear();
    vscode.window.createTextEditorDecorationType = create;
  });

  function rgb(value: number): Style {
    return { ...plainStyle, foreground: 0x1000000 + value };
  }

  it('are shared by equal styles', () => {
    assert.equal(types.get(rgb(1)), types.get({ ...rgb(1) }));
    assert.notEqual(types.get(rgb(1)), types.get({ ...rgb(1), bold: true }));
    assert.equal(alive.size, 2);
  });

  it('stand in for colours that look nearly the same, where there are very many', () => {
    for (let value = 0; value < 0x1000000; value += 997) assert.ok(types.get(rgb(value)));
    // 96 of their own, and of the palette its cube and its grays.
    assert.ok(types.count <= 96 + 240, String(types.count));
    assert.equal(alive.size, types.count);
  });

  it('are bounded whatever a program prints', () => {
    for (let value = 0; value < 256 * 8; value += 1) {
      types.get({
        ...plainStyle,
        foreground: value % 256,
        bold: (value & 256) > 0,
        italic: (value & 512) > 0,
        inverse: (value & 1024) > 0,
      });
    }
    assert.equal(types.count, 512);
    assert.equal(alive.size, 512);
  });

  it('go when they were not used for longest, but for those in use', () => {
    const first = types.get(rgb(0))!;
    for (let value = 1; value < 96; value += 1) types.get(rgb(value));
    const last = types.get(rgb(95));
    types.get(rgb(1));
    types.trim(new Set([first]), 3);
    assert.equal(alive.size, 3);
    assert.equal(types.get(rgb(0)), first);
    assert.equal(types.get(rgb(95)), last);
    assert.equal(alive.size, 3);
    // There is room for RGB again.
    assert.notEqual(types.get(rgb(0x123456)), types.get(rgb(0x123457)));
  });

  it('are all disposed in the end', () => {
    for (let value = 0; value < 200; value += 1) types.get(rgb(value * 1000));
    types.dispose();
    assert.equal(alive.size, 0);
    types = new DecorationTypes();
  });
});
