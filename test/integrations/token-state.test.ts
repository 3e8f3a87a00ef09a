import { describe, expect, test } from 'vitest';
import {
  describeTokenState,
  replaceBy,
  type TokenSituation,
  tokenState,
} from '../../src/integrations/token-state.js';
import { DAY, type Instant, toInstant } from '../../src/model/instant.js';

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

describe('where nobody says when it ends, a token is by its age', () => {
  test.each([
    ['OK', 0, 0],
    ['OK', 76, 0],
    ['EXPIRING', 76, 1],
    ['EXPIRING', 90, -1],
    ['ROTATION_DUE', 90, 0],
    ['ROTATION_DUE', 400, 0],
    ['OK', -1, 0],
  ])('%s at %d days and %d ms', (state, days, ms) => {
    expect(stateOf({ storedAt: ago(days, ms) })).toBe(state);
    // that it was made earlier counts for more than that it was given later
    expect(stateOf({ issuedAt: ago(days, ms), storedAt: ago(1) })).toBe(state);
  });
});

describe('where its end is known, a token is by that', () => {
  test.each([
    ['OK', 14, 0],
    ['EXPIRING', 14, -1],
    ['EXPIRING', 0, 1],
    ['ROTATION_DUE', 0, 0],
    ['ROTATION_DUE', -10, 0],
  ])('%s with %d days and %d ms left', (state, days, ms) => {
    expect(stateOf({ expiresAt: toInstant(NOW + days * DAY + ms), storedAt: ago(1) })).toBe(state);
    expect(stateOf({ expiresAt: toInstant(NOW + days * DAY + ms) })).toBe(state);
  });

  test('and is to be replaced at 90 days all the same, though not announced by its age', () => {
    const expiresAt = ago(-200);
    expect(stateOf({ expiresAt, storedAt: ago(80) })).toBe('OK');
    expect(stateOf({ expiresAt, storedAt: ago(90) })).toBe('ROTATION_DUE');
  });
});

test('a token that Abnormal refuses is refused, whatever else is known', () => {
  expect(stateOf({ isRejected: true })).toBe('REJECTED');
  expect(stateOf({ isRejected: true, storedAt: ago(100), expiresAt: ago(10) })).toBe('REJECTED');
});

test('nothing is assumed of a token of which nothing is known', () => {
  expect(stateOf({})).toBe('UNKNOWN');
});

test.each([
  [{ storedAt: ago(10) }, ago(-80)],
  [{ storedAt: ago(10), issuedAt: ago(30) }, ago(-60)],
  [{ storedAt: ago(10), expiresAt: ago(-5) }, ago(-5)],
  [{ storedAt: ago(10), expiresAt: ago(-500) }, ago(-80)],
  [{ expiresAt: ago(-5) }, ago(-5)],
  [{}, null],
])('is to be replaced by whichever comes first', (known, day) => {
  expect(replaceBy({ ...NOTHING, ...known })).toBe(day);
});

test.each([
  [{ storedAt: ago(3) }, 'The token is 3 days old.'],
  [{ expiresAt: ago(-30), storedAt: ago(1) }, 'The token ends on 2026-07-15 and is 1 day old.'],
  [{ storedAt: ago(80) }, 'The token is 80 days old: replace it by 2026-06-25. Do this.'],
  [{ expiresAt: ago(-3) }, 'The token ends on 2026-06-18: replace it by 2026-06-18. Do this.'],
  [{ storedAt: ago(95) }, 'The token is 95 days old: it is to be replaced now. Do this.'],
  [{ expiresAt: ago(3) }, 'The token ended on 2026-06-12: it is to be replaced now. Do this.'],
  [{ isRejected: true }, /^Abnormal refuses the token: .* Do this\.$/],
  [{}, 'Neither the age of the token nor when it ends is known.'],
])('says how it stands and what to do', (known, words) => {
  expect(describeTokenState({ ...NOTHING, ...known }, now, 'Do this.')).toEqual(
    typeof words === 'string' ? words : expect.stringMatching(words),
  );
});
