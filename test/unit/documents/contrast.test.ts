import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { contrast, readableOn } from '../../../src/documents/contrast.ts';

describe('contrast', () => {
  it('is that of WCAG', () => {
    assert.equal(contrast(0xffffff, 0x000000), 21);
    assert.equal(contrast(0x123456, 0x123456), 1);
    assert.equal(contrast(0x777777, 0xffffff).toFixed(2), '4.48');
    assert.equal(contrast(0xffffff, 0x777777), contrast(0x777777, 0xffffff));
  });

  const color = fc.integer({ min: 0, max: 0xffffff });

  it('is reached wherever black or white reach it, and what has it is left as it is', () => {
    fc.assert(
      fc.property(
        color,
        color,
        fc.double({ min: 1, max: 21, noNaN: true }),
        (text, behind, ratio) => {
          const readable = readableOn(text, behind, ratio);
          const most = Math.max(contrast(0, behind), contrast(0xffffff, behind));
          assert.ok(contrast(readable, behind) >= Math.min(ratio, most));
          if (contrast(text, behind) >= ratio) assert.equal(readable, text);
        },
      ),
    );
  });

  it('is asked for of no colour where the ratio is 1', () => {
    fc.assert(
      fc.property(color, color, (text, behind) => {
        assert.equal(readableOn(text, behind, 1), text);
      }),
    );
  });

  it('is reached away from what is behind, and keeps the hue', () => {
    const blue = readableOn(0x0000af, 0x1e1e1e, 4.5);
    assert.ok((blue & 0xff) > blue >> 16 && blue >> 16 > 0);
    const yellow = readableOn(0xffff00, 0xffffff, 4.5);
    assert.ok(yellow >> 16 > (yellow & 0xff) && yellow >> 16 < 0xff);
  });
});
