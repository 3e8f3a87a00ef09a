import { describe, expect, test } from 'vitest';
import { addDrift, type DriftName, driftOf, MOST_NAMES, NO_DRIFT } from '../../src/model/drift.js';
import { minutesAfterStart } from '../support/records.js';

function name(path: string, minutes: number, changes: Partial<DriftName> = {}): DriftName {
  const at = minutesAfterStart(minutes);
  return { kind: 'FIELD', path, value: null, count: 1, firstSeenAt: at, lastSeenAt: at, ...changes };
}

describe('addDrift', () => {
  test('adds up equal entries, whichever came first', () => {
    const word = { kind: 'VALUE', value: 'x' } as const;
    const before = { names: [name('a', 5, { count: 2 }), name('b', 1)], beyond: 0 };
    const later = { names: [name('c', 9), name('a', 3), name('a', 7, word), name('a', 8)], beyond: 0 };
    expect(addDrift(before, later)).toEqual({
      names: [
        name('a', 0, { count: 4, firstSeenAt: minutesAfterStart(3), lastSeenAt: minutesAfterStart(8) }),
        ...[name('b', 1), name('c', 9), name('a', 7, word)],
      ],
      beyond: 0,
    });
  });

  test('stores a bounded number of names, and counts all others together', () => {
    const names = Array.from({ length: MOST_NAMES + 40 }, (_, n) => name(`f${n}`, n, { count: 2 }));
    const full = addDrift(NO_DRIFT, { names, beyond: 0 });
    expect(full.names).toEqual(names.slice(0, MOST_NAMES));
    expect(full.beyond).toBe(80);
    const again = addDrift(full, { names: [name('f7', 999), name('new', 999)], beyond: 3 });
    expect(again.names).toHaveLength(MOST_NAMES);
    expect(again.names[7]).toMatchObject({ path: 'f7', count: 3, lastSeenAt: minutesAfterStart(999) });
    expect(again.beyond).toBe(84);
  });

  test('counts no further than an Int allows', () => {
    const much = { names: [name('a', 1, { count: 2_147_483_000 })], beyond: 2_147_483_600 };
    const { names, beyond } = addDrift(much, { names: [name('a', 2, { count: 900 })], beyond: 900 });
    expect([names[0]?.count, beyond]).toEqual([2_147_483_647, 2_147_483_647]);
  });
});

test('a document is read as far as it is valid', () => {
  const good = name('a', 1);
  const names = [
    good,
    null,
    7,
    {},
    { ...good, kind: 'MOOD' },
    { ...good, path: 7 },
    { kind: 'FIELD', path: 'x' },
  ];
  expect(driftOf({ names, beyond: 3 })).toEqual({ names: [good], beyond: 3 });
  expect(driftOf({})).toEqual(NO_DRIFT);
  expect(driftOf({ names: 'x', beyond: 'y' })).toEqual(NO_DRIFT);
});
