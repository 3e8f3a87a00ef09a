import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeTokenState, replaceBy, type TokenSituation, tokenState } from '../../src/model/token.js';
import { DAY, type Instant, toInstant } from '../../src/values/instant.js';

const NOW = Date.parse('2026-06-15T12:00:00Z');
const now = toInstant(NOW);
const NOTHING: TokenSituation = { issuedAt: null, expiresAt: null, storedAt: null, isRejected: false };

/** The instant so many days before (negative: after) now, and so many milliseconds. */
function ago(days: number, ms = 0): Instant {
  return toInstant(NOW - days * DAY - ms);
}

function stateOf(known: Partial<TokenSituation>): string {
  return tokenState({ ...NOTHING, ...known }, now);
}

describe('a token without a known expiry depends on its age', () => {
  test.each([
    ['OK', 0, 0],
    ['OK', 76, 0],
    ['EXPIRING', 76, 1],
    ['EXPIRING', 90, -1],
    ['ROTATION_DUE', 90, 0],
    ['ROTATION_DUE', 400, 0],
    ['OK', -1, 0],
  ])('and is %s at %d days and %d ms', (state, days, ms) => {
    expect(stateOf({ storedAt: ago(days, ms) })).toBe(state);
    // that it was made earlier counts for more than that it was given later
    expect(stateOf({ issuedAt: ago(days, ms), storedAt: ago(1) })).toBe(state);
  });
});

describe('a token with a known expiry depends on it', () => {
  test.each([
    ['OK', 14, 0],
    ['EXPIRING', 14, -1],
    ['EXPIRING', 0, 1],
    ['ROTATION_DUE', 0, 0],
    ['ROTATION_DUE', -10, 0],
  ])('and is %s with %d days and %d ms left', (state, days, ms) => {
    expect(stateOf({ expiresAt: toInstant(NOW + days * DAY + ms), storedAt: ago(1) })).toBe(state);
    expect(stateOf({ expiresAt: toInstant(NOW + days * DAY + ms) })).toBe(state);
  });
});

const known = fc.record({
  issuedAt: fc.option(fc.integer({ min: -100, max: 500 }).map((days) => ago(days))),
  expiresAt: fc.option(fc.integer({ min: -500, max: 500 }).map((days) => ago(days))),
  storedAt: fc.option(fc.integer({ min: -100, max: 500 }).map((days) => ago(days))),
});

test('every token gets a warning in the 14 days before it is due', () => {
  fc.assert(
    fc.property(known, (facts) => {
      const token = { ...NOTHING, ...facts };
      const by = replaceBy(token);
      if (by === null) return;
      const at = (ms: number) => tokenState(token, toInstant(Date.parse(by) + ms));
      expect([at(-14 * DAY), at(1 - 14 * DAY), at(-1), at(0)]).toEqual([
        ...['OK', 'EXPIRING', 'EXPIRING', 'ROTATION_DUE'],
      ]);
    }),
  );
});

test('no sentence says "ended" about the future or "ends" about the past', () => {
  fc.assert(
    fc.property(known, fc.boolean(), (facts, isRejected) => {
      const text = describeTokenState({ ...NOTHING, ...facts, isRejected }, now, 'Do this.');
      for (const [, word, day = ''] of text.matchAll(/(ends|ended) on ([\d-]+)/g)) {
        expect([text, word === 'ended' ? day <= now.slice(0, 10) : day >= now.slice(0, 10)]).toEqual([
          ...[text, true],
        ]);
      }
    }),
  );
});

test('a token that Abnormal refuses is refused, whatever else is known', () => {
  expect(stateOf({ isRejected: true })).toBe('REJECTED');
  expect(stateOf({ isRejected: true, storedAt: ago(100), expiresAt: ago(10) })).toBe('REJECTED');
});

test('a token without any known date is unknown', () => {
  expect(stateOf({})).toBe('UNKNOWN');
});

test.each([
  [{ storedAt: ago(10) }, ago(-80)],
  [{ storedAt: ago(10), issuedAt: ago(30) }, ago(-60)],
  [{ storedAt: ago(10), expiresAt: ago(-5) }, ago(-5)],
  [{ storedAt: ago(10), expiresAt: ago(-500) }, ago(-80)],
  [{ expiresAt: ago(-5) }, ago(-5)],
  [{}, null],
])('a token is due at the earlier of its two dates', (known, day) => {
  expect(replaceBy({ ...NOTHING, ...known })).toBe(day);
});

test.each([
  [{ storedAt: ago(3) }, 'The token is 3 days old.'],
  [{ expiresAt: ago(-30), storedAt: ago(1) }, 'The token expires on 2026-07-15 and is 1 day old.'],
  [{ storedAt: ago(80) }, 'The token is 80 days old: replace it by 2026-06-25. Do this.'],
  [
    { expiresAt: ago(-60), storedAt: ago(95) },
    'The token expires on 2026-08-14 and is 95 days old: replace it now. Do this.',
  ],
  [
    { expiresAt: ago(-60), storedAt: ago(80) },
    'The token expires on 2026-08-14 and is 80 days old: replace it by 2026-06-25. Do this.',
  ],
  [{ expiresAt: ago(-3) }, 'The token expires on 2026-06-18: replace it by 2026-06-18. Do this.'],
  [{ storedAt: ago(95) }, 'The token is 95 days old: replace it now. Do this.'],
  [{ expiresAt: ago(3) }, 'The token expired on 2026-06-12: replace it now. Do this.'],
  [{ isRejected: true }, /^Abnormal rejects the token: .* Do this\.$/],
  [{}, 'Neither the age nor the end of the token is known.'],
])('the text for a token says its state and what to do', (known, words) => {
  expect(describeTokenState({ ...NOTHING, ...known }, now, 'Do this.')).toEqual(
    typeof words === 'string' ? words : expect.stringMatching(words),
  );
});
