import canonicalizeModule from 'canonicalize';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalJson, sha256 } from '../../src/values/canonical-json.js';

// the package is CommonJS but its types are ES module: the import is the function itself
const canonicalize = canonicalizeModule as unknown as (value: unknown) => string;

it('canonical JSON is that of the reference implementation, for any JSON', () => {
  const json = fc.jsonValue({ stringUnit: 'binary', maxDepth: 4 });
  fc.assert(
    fc.property(json, (value) => {
      expect(canonicalJson(value)).toBe(canonicalize(value));
    }),
    { numRuns: 2_000 },
  );
});

it('objects with the same number of keys are not mixed up', () => {
  const objects = [
    { b: 1, a: 2 },
    { a: 1, b: 2 },
    { 'b\0a': 1, c: 2 },
    { b: 1, 'a\0c': 2 },
    { 10: 1, 2: 2 },
  ];
  for (const value of [...objects, ...objects]) expect(canonicalJson(value)).toBe(canonicalize(value));
});

it('half of a surrogate pair is escaped, an absent member is left out, and an absent element is null', () => {
  expect(canonicalJson({ b: 'cut \ud83d', a: undefined })).toBe('{"b":"cut \\ud83d"}');
  expect(canonicalJson([undefined, 1])).toBe('[null,1]');
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, undefined])
    expect(() => canonicalJson(value)).toThrow('not a JSON value');
});

it('a digest is the SHA-256 of the UTF-8 text, in hex', () => {
  expect(sha256('Größe')).toBe('aedc3f80989a6546962705852b2f4a481dbd1e490760693525c3724bacab3f50');
});
