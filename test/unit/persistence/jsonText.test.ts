import assert from 'node:assert/strict';
import fc from 'fast-check';
import { PersistenceError } from '../../../src/persistence/errors.ts';
import { formatJson, jsonMembers } from '../../../src/persistence/jsonText.ts';

describe('jsonMembers', () => {
  it('finds each member and its value in the order of the text', () => {
    const text = ' {"b" : [1, {"x": "]}"}] ,\n"2":-1e3,"a\\"":"\\\\" , "1":{} , "e":null}';
    assert.deepEqual(
      jsonMembers(text).map(({ key, start, end }) => [key, text.slice(start, end)]),
      [
        ['b', '[1, {"x": "]}"}]'],
        ['2', '-1e3'],
        ['a"', '"\\\\"'],
        ['1', '{}'],
        ['e', 'null'],
      ],
    );
  });

  it('finds doubled keys and __proto__ as often as they are there', () => {
    const keys = jsonMembers('{"a":1,"a":2,"__proto__":3}').map(({ key }) => key);
    assert.deepEqual(keys, ['a', 'a', '__proto__']);
  });

  it('finds nothing in an empty object', () => {
    assert.deepEqual(jsonMembers('{ }'), []);
  });

  it('agrees with JSON.parse about any object, however it is laid out', () => {
    const anyObject = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(anyObject, fc.constantFrom('', ' ', '  ', '\t'), (object, indent) => {
        const text = JSON.stringify(object, null, indent);
        const found = jsonMembers(text).map(({ key, start, end }) => [
          key,
          JSON.parse(text.slice(start, end)) as unknown,
        ]);
        assert.deepEqual(found, Object.entries(JSON.parse(text) as object));
      }),
    );
  });
});

describe('formatJson', () => {
  it('lays out as JSON.stringify does', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('', ' ', '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const same = JSON.parse(text) as unknown;
        assert.equal(formatJson(text, '  '), JSON.stringify(same, null, 2));
        assert.equal(formatJson(text, ''), JSON.stringify(same));
      }),
    );
  });

  it('refuses what is nested deeper than AFT reads', () => {
    const nested = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    assert.equal(formatJson(nested(100), ''), nested(100));
    assert.throws(() => formatJson(nested(20_000), '  '), PersistenceError);
  });

  it('keeps numbers digit for digit and keys in their place', () => {
    const text = '{"2":1.0,"1":12345678901234567890,"a":1E+2}';
    assert.equal(formatJson(text, ''), text);
  });
});
