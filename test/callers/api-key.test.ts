import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSameHash, keyHash, mintKey, parseKey } from '../../src/callers/api-keys.js';

describe('an API key', () => {
  test('parses to the key that was created, and no two keys are equal', () => {
    const keys = Array.from({ length: 200 }, mintKey);
    for (const { id, hash, text } of keys) expect(parseKey(text)).toEqual({ id, hash });
    expect(new Set(keys.map(({ text }) => text)).size).toBe(200);
    expect(new Set(keys.map(({ id }) => id)).size).toBe(200);
  });

  test('has 32 random bytes, and neither its id nor its hash reveals the secret', () => {
    const { id, hash, text } = mintKey();
    const secret = text.slice('agk_'.length + id.length + 1, -8);
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    expect(hash).toEqual(keyHash(secret));
    expect(hash.toString('hex')).not.toContain(secret);
  });

  test('with one character changed, removed or inserted is invalid', () => {
    const { text } = mintKey();
    const other = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_'.split(''));
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        other,
        fc.constantFrom('change', 'drop', 'add'),
        (at, char, how) => {
          fc.pre(how !== 'change' || text[at] !== char);
          const kept = how === 'add' ? text.slice(at) : text.slice(at + 1);
          const spoilt = text.slice(0, at) + (how === 'drop' ? '' : char) + kept;
          expect(parseKey(spoilt)).toBeNull();
        },
      ),
    );
  });

  test.each(['', 'agk_', 'agk_x_y', 'eyJhbGciOiJub25lIn0.e30.', `agk_${'0'.repeat(12)}_${'A'.repeat(51)}`])(
    'is invalid: %j',
    (text) => {
      expect(parseKey(text)).toBeNull();
    },
  );
});

test('hashes are equal only if every byte is equal; a shorter hash differs', () => {
  const one = keyHash('one');
  expect(isSameHash(one, keyHash('one'))).toBe(true);
  expect(isSameHash(one, keyHash('two'))).toBe(false);
  expect(isSameHash(one, one.subarray(1))).toBe(false);
  for (let at = 0; at < one.length; at += 1) {
    const flipped = Buffer.from(one);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    expect(isSameHash(one, flipped)).toBe(false);
  }
});

test('every comparison of a secret uses hashes and constant time', () => {
  const lines = readdirSync('src/callers').flatMap((name) =>
    readFileSync(`src/callers/${name}`, 'utf8').split('\n'),
  );
  const compared = lines.filter((line) => /\b(hash|secret|credential|key)\b(\.\w+\(\))? *[!=]==/i.test(line));
  // whether there is one at all is no secret
  expect(compared.filter((line) => !/[!=]== (null|undefined|'')/.test(line))).toEqual([]);
  expect(lines.filter((line) => line.includes('timingSafeEqual('))).toHaveLength(1);
});
