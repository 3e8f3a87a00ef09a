import { expect, test } from 'vitest';
import { HOUR } from '../../src/values/instant.js';
import { pollUnchanged } from '../support/unchanged-polls.js';

/** Threats and cases, by default. */
const POLLS_A_YEAR = 365 * 6;

test('a year of polls that find nothing takes less than 100 MB, and the history stays verifiable', async () => {
  // long enough for the first pages of readings
  const { polls, bytes, findings } = await pollUnchanged({ days: 26, everyMs: 2 * HOUR, cases: 4 });
  expect(polls).toBe(312);
  expect((bytes / polls) * POLLS_A_YEAR).toBeLessThan(100e6);
  // runs, their readings and the seal, most readings joined
  expect(bytes / polls).toBeLessThan(6_700);
  expect(findings).toEqual([]);
});
