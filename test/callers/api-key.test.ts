import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSameHash, keyHash, mintKey, parseKey } from '../../src/callers/api-keys.js';

describe('a key', () => {
  test('is read back as the one that was made, and never made twice', () => {
    const keys = Array.from({ length: 200 }, mintKey);
    for (const { id, hash, text } of keys) expect(parseKey(text)).toEqual({ id, hash });
    expect(new Set(keys.map(({ text }) => text)).size).toBe(200);
    expect(new Set(keys.map(({ id }) => id)).size).toBe(200);
  });

  test('holds 32 random bytes, and of its secret nothing is in its id or its hash', () => {
    const { id, hash, text } = mintKey();
    const secret = text.slice('agk_'.length + id.length + 1, -8);
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    expect(hash).toEqual(keyHash(secret));
    expect(hash.toString('hex')).not.toContain(secret);
  });

  test('with one character changed, left out or put in is none', () => {
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
    'is not %j',
    (text) => {
      expect(parseKey(text)).toBeNull();
    },
  );
});

test('hashes are the same where each byte is; one that is shorter is another', () => {
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

test('nothing that is secret is compared but by hash and in constant time', () => {
  const lines = readdirSync('src/callers').flatMap((name) =>
    readFileSync(`src/callers/${name}`, 'utf8').split('\n'),
  );
  const compared = lines.filter((line) => /\b(hash|secret|credential|key)\b(\.\w+\(\))? *[!=]==/i.test(line));
  // whether there is one at all is no secret
  expect(compared.filter((line) => !/[!=]== (null|undefined|'')/.test(line))).toEqual([]);
  expect(lines.filter((line) => line.includes('timingSafeEqual('))).toHaveLength(1);
});
