import * as assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { outputUri } from '../../src/vscode/uris.ts';
import { writeTaskFixture } from '../support/taskFixture.ts';
import { running, showStorage, taskWhere, textWhere, until } from './fixture.ts';

/** What an editor has beside its lines, as VS Code was told. */
describe('the notes beside an output document', () => {
  const window = Object.getOwnPropertyDescriptor(vscode.window, 'visibleTextEditors')!;
  const told = new vscode.EventEmitter<void>();
  let notes: readonly [line: number, words: string][];
  let storage: Awaited<ReturnType<typeof showStorage>>;

  /** VS Code has no way to ask what decorations an editor has. */
  function listening(editor: vscode.TextEditor): vscode.TextEditor {
    const setDecorations: vscode.TextEditor['setDecorations'] = (type, ranges) => {
      editor.setDecorations(type, ranges);
      const found = ranges.flatMap((decoration): [number, string][] => {
        const { range, renderOptions } = decoration as vscode.DecorationOptions;
        const words = renderOptions?.after?.contentText;
        return words === undefined ? [] : [[range.start.line, words]];
      });
      if (found.length === 0 && ranges.length > 0) return;
      notes = found;
      told.fire();
    };
    return Object.create(editor, { setDecorations: { value: setDecorations } }) as typeof editor;
  }

  beforeEach(async () => {
    storage = await showStorage();
    notes = [];
    const known = new WeakMap<vscode.TextEditor, vscode.TextEditor>();
    Object.defineProperty(vscode.window, 'visibleTextEditors', {
      configurable: true,
      get: () =>
        (window.get!() as readonly vscode.TextEditor[]).map((editor) => {
          if (!known.has(editor)) known.set(editor, listening(editor));
          return known.get(editor);
        }),
    });
  });

  afterEach(async () => {
    Object.defineProperty(vscode.window, 'visibleTextEditors', window);
    await storage.remove();
  });

  function lines(count: number, name: string): string {
    return Array.from({ length: count }, (_, at) => `${name} ${at}\n`).join('');
  }

  it('tell at the end of the last stream how much came in the one above, until that was seen', async () => {
    const task = writeTaskFixture({
      storage: storage.directory,
      record: running,
      stdout: lines(300, 'out'),
      stderr: lines(300, 'err'),
    });
    await taskWhere(task.key);
    const uri = outputUri(task.key, 'output');
    const editor = await vscode.window.showTextDocument(uri);
    const shows = async (line: string): Promise<void> => {
      const { document } = editor;
      const at = document.getText().slice(0, document.getText().indexOf(line)).split('\n').length;
      editor.revealRange(new vscode.Range(at, 0, at, 0));
      await until(
        () =>
          editor.visibleRanges.some(({ start, end }) => start.line < at && at <= end.line) ||
          undefined,
        vscode.window.onDidChangeTextEditorVisibleRanges,
      );
    };
    await shows('err 299');
    appendFileSync(task.paths.stdout, `${'x'.repeat(2047)}\n`);
    await until(() => (notes.length === 2 ? true : undefined), told.event);
    assert.deepEqual(notes, [
      [0, '2 KB new'],
      [editor.document.lineCount - 1, 'stdout: 2 KB new, above'],
    ]);
    await shows('out 299');
    await textWhere(uri, (text) => text.includes('xxx'));
    await shows('xxx');
    await until(() => (notes.length === 0 ? true : undefined), told.event);
  });
});
