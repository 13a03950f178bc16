import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createSearchKernel, textStart } from '../../../src/output/search/searchKernel.ts';

describe('searchKernel', () => {
  const capacity = 64 * 1024;
  const kernel = createSearchKernel(capacity);

  function put(text: Uint8Array): number {
    // What a block before has left behind the end must not matter.
    kernel.memory.fill(0x0a, textStart, textStart + text.length + 256);
    kernel.memory.set(text, textStart);
    return textStart + text.length;
  }

  /** Few letters, so that needles occur. */
  const letters = fc.array(fc.constantFrom(...Buffer.from('abAB\n\r\t\0\x1b[m ')), {
    maxLength: 200,
  });

  it('finds every occurrence that indexOf finds, and no other', () => {
    fc.assert(
      fc.property(
        letters,
        fc.array(fc.constantFrom(...Buffer.from('abAB\n')), { minLength: 1, maxLength: 6 }),
        (text, needle) => {
          const end = put(Uint8Array.from(text));
          const bytes = Uint8Array.from(needle);
          kernel.setNeedle({ bytes, ignoreCase: false });
          const whole = Buffer.from(text);
          for (let at = 0; at <= text.length; at++) {
            const expected = whole.indexOf(bytes, at);
            const found = kernel.find(textStart + at, end);
            assert.equal(
              found,
              expected < 0 || at + needle.length > text.length ? -1 : textStart + expected,
            );
          }
        },
      ),
    );
  });

  it('takes ASCII letters in either case where it is asked to, and no other bytes', () => {
    fc.assert(
      fc.property(
        letters,
        fc.array(fc.constantFrom(...Buffer.from('aB[ ')), { minLength: 1, maxLength: 5 }),
        (text, needle) => {
          const end = put(Uint8Array.from(text));
          kernel.setNeedle({ bytes: Uint8Array.from(needle), ignoreCase: true });
          const expected = Buffer.from(text)
            .toString('latin1')
            .toLowerCase()
            .indexOf(Buffer.from(needle).toString('latin1').toLowerCase());
          assert.equal(kernel.find(textStart, end), expected < 0 ? -1 : textStart + expected);
        },
      ),
    );
    const end = put(Buffer.from('{'));
    kernel.setNeedle({ bytes: Buffer.from('['), ignoreCase: true });
    assert.equal(kernel.find(textStart, end), -1);
  });

  it('finds a needle at the very end of a large text', () => {
    const text = Buffer.alloc(capacity, 'x');
    text.write('needle', capacity - 6);
    const end = put(text);
    kernel.setNeedle({ bytes: Buffer.from('needle'), ignoreCase: false });
    assert.equal(kernel.find(textStart, end), end - 6);
    assert.equal(kernel.find(textStart, end - 1), -1);
  });

  it('finds the control characters that change what is shown', () => {
    fc.assert(
      fc.property(letters, (text) => {
        const end = put(Uint8Array.from(text));
        // The byte behind the end is a line feed here.
        const expected = text.findIndex(
          (byte, at) =>
            byte < 0x20 &&
            byte !== 9 &&
            byte !== 10 &&
            !(byte === 13 && (text[at + 1] ?? 10) === 10),
        );
        assert.equal(kernel.findControl(textStart, end), expected < 0 ? -1 : textStart + expected);
      }),
    );
  });

  it('counts lines and looks for controls in one pass', () => {
    fc.assert(
      fc.property(letters, (text) => {
        const end = put(Uint8Array.from(text));
        const control = kernel.findControl(textStart, end);
        const expected = control < 0 ? kernel.countLines(textStart, end) : -1;
        assert.equal(kernel.countPlainLines(textStart, end), expected);
        const plain = text.filter((byte) => byte >= 0x20 || byte === 10);
        const lines = plain.filter((byte) => byte === 10).length;
        assert.equal(kernel.countPlainLines(textStart, put(Uint8Array.from(plain))), lines);
      }),
    );
  });

  it('counts line feeds within the bounds', () => {
    fc.assert(
      fc.property(letters, (text) => {
        const end = put(Uint8Array.from(text));
        for (const at of [0, 1, 5, text.length]) {
          const expected = text.slice(at).filter((byte) => byte === 10).length;
          assert.equal(kernel.countLines(Math.min(end, textStart + at), end), expected);
        }
      }),
    );
  });
});
