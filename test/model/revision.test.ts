import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, sha256 } from '../../src/values/canonical-json.js';

/** The value with the keys of its objects in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, part]) => [key, reordered(part)] as const);
  return Object.fromEntries(entries.reverse());
}

describe('canonical JSON', () => {
  test('is one text for one value, whatever the order of its keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(reordered(value))).toBe(text);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  test('sorts keys by UTF-16 units, and writes numbers and texts as RFC 8785 says', () => {
    expect(canonicalJson({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '😀': 5, '\u0080': 6, ö: 7 })).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
    );
    expect(canonicalJson([1e21, 1e-7, -0, 4.5, Number('333333333.33333329')])).toBe(
      '[1e+21,1e-7,0,4.5,333333333.3333333]',
    );
    expect(canonicalJson('\u0007\u2028"\\/')).toBe('"\\u0007\u2028\\"\\\\/"');
  });

  test('rejects a value that JSON cannot represent', () => {
    expect(() => canonicalJson(undefined)).toThrow(TypeError);
    expect(() => canonicalJson(() => 1)).toThrow(TypeError);
  });
});

test('SHA-256 is computed over UTF-8 and written in hex', () => {
  expect(sha256('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(sha256('é')).toBe(sha256(Buffer.from([0xc3, 0xa9]).toString('utf8')));
});
