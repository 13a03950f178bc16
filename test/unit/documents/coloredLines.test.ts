import * as assert from 'node:assert/strict';
import { around, covers, shownFirst } from '../../../src/documents/coloredLines.ts';

describe('the lines that are coloured', () => {
  it('are those on screen, and a screenful before and behind', () => {
    assert.deepEqual(around([{ from: 100, to: 149 }]), [{ from: 50, to: 199 }]);
    assert.deepEqual(around([{ from: 10, to: 59 }]), [{ from: 0, to: 109 }]);
    assert.deepEqual(around([]), []);
  });

  it('are in parts where lines are folded away, and in one where the parts touch', () => {
    const folded = [
      { from: 0, to: 9 },
      { from: 1000, to: 1009 },
    ];
    assert.deepEqual(around(folded), [
      { from: 0, to: 29 },
      { from: 980, to: 1029 },
    ]);
    const near = [
      { from: 0, to: 9 },
      { from: 40, to: 49 },
    ];
    assert.deepEqual(around(near), [{ from: 0, to: 69 }]);
  });

  it('come once each, those on screen before the others', () => {
    const shown = [
      { from: 4, to: 5 },
      { from: 8, to: 8 },
    ];
    const lines = [...shownFirst(shown, around(shown))];
    assert.deepEqual(lines, [4, 5, 8, 1, 2, 3, 6, 7, 9, 10, 11]);
  });

  it('cover a screen that lies in them, and none that goes beyond', () => {
    const lines = around([{ from: 100, to: 149 }]);
    assert.ok(covers(lines, [{ from: 150, to: 199 }]));
    assert.ok(!covers(lines, [{ from: 151, to: 200 }]));
    assert.ok(!covers([{ from: 100, to: 149 }], [{ from: 101, to: 150 }]));
  });
});
