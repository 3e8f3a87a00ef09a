import { describe, expect, test } from 'vitest';
import { backoffFor, DEFAULT_RETRY, parseRetryAfter, pauseFor } from '../../src/abnormal/call.js';

const NOW = Date.parse('2026-03-01T12:00:00Z');

describe('Retry-After', () => {
  test.each([
    ['0', 0],
    ['17', 17_000],
    [' 1.5 ', 1_500],
    ['Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
    ['Sunday, 01-Mar-26 12:00:30 GMT', 30_000],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
    ['2026', 2_026_000],
    ['', null],
    [null, null],
  ])('with %j means a wait of %j ms', (header, ms) => expect(parseRetryAfter(header, NOW)).toBe(ms));
});

describe('the wait before a retry', () => {
  const settings = { ...DEFAULT_RETRY, baseMs: 100, capMs: 1_000, pauseMs: 60_000, maxPauseMs: 600_000 };
  const low = { ...settings, random: () => 0 };
  const high = { ...settings, random: () => 0.999_999 };

  test('after a pause is never shorter than requested, and at most a tenth longer', () => {
    expect(pauseFor(20_000, low)).toBe(20_000);
    expect(pauseFor(20_000, high)).toBeGreaterThan(21_999);
    expect(pauseFor(20_000, high)).toBeLessThanOrEqual(22_000);
  });

  test('after a pause without a requested time is 60 s, and is always positive and bounded', () => {
    expect(pauseFor(null, low)).toBe(60_000);
    expect(pauseFor(0, low)).toBe(100);
    expect(pauseFor(86_400_000, low)).toBe(600_000);
  });

  test('with back-off is random between zero and a limit that doubles up to its cap', () => {
    expect([1, 2, 3, 4, 5, 6].map((attempt) => backoffFor(attempt, null, low))).toEqual([0, 0, 0, 0, 0, 0]);
    const highest = [1, 2, 3, 4, 5, 6].map((attempt) => Math.round(backoffFor(attempt, null, high)));
    expect(highest).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  test('with back-off is at least what Retry-After requests', () => {
    expect(backoffFor(1, 5_000, high)).toBe(5_000);
  });
});
