import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caseNumbers, gather, int64Text, scatter, uuids } from '../../src/simulator/random.js';

const word = fc.integer({ min: 0, max: 0xffff_ffff });

describe('simulated ids', () => {
  it('permute 32-bit integers without collisions', () => {
    fc.assert(fc.property(word, (value) => gather(scatter(value)) === value));
  });

  it.each([
    ['uuids', uuids],
    ['case numbers', caseNumbers],
  ] as const)('include %s, which map back to their index, and nothing else does', (_, make) => {
    fc.assert(
      fc.property(word, fc.integer({ min: 1, max: 2_000_000 }), word, (seed, count, draw) => {
        const ids = make(seed, count);
        const index = draw % count;
        expect(ids.indexOf(ids.of(index))).toBe(index);
        expect(ids.indexOf(ids.of(count))).toBeNull();
        expect(make(seed ^ 1, count).of(index) === ids.of(index) && make === uuids).toBe(false);
      }),
    );
  });

  it.each(['', 'x', '0', '-1', '10412000.5', '00000000-0000-4000-8000-000000000000', 'ffffffff', '1e7'])(
    'do not include %j',
    (id) => {
      expect(uuids(1, 1000).indexOf(id)).toBeNull();
      expect(caseNumbers(1, 1000).indexOf(id)).toBeNull();
    },
  );

  it('include UUIDs of version 4', () => {
    for (let index = 0; index < 200; index++) {
      expect(uuids(7, 1000).of(index)).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
    }
  });

  it('cover the whole range of signed 64-bit integers', () => {
    expect(int64Text(0x8000_0000, 0)).toBe('-9223372036854775808');
    expect(int64Text(0x7fff_ffff, 0xffff_ffff)).toBe('9223372036854775807');
    expect(int64Text(0, 5)).toBe('5');
  });
});
