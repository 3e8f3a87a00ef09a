import { describe, expect, test } from 'vitest';
import { type Sleep, waitOut } from '../../src/async/waiting.js';
import { DAY, HOUR } from '../../src/values/instant.js';

describe('a long wait', () => {
  test('is split into several timers, and ends early when the clock jumps forward', async () => {
    let now = 0;
    const pieces: number[] = [];
    const sleep: Sleep = async (ms) => {
      pieces.push(ms);
      now += pieces.length === 2 ? 20 * DAY : ms;
    };
    await waitOut(40 * DAY, () => now, sleep, new AbortController().signal);
    expect(Math.max(...pieces)).toBe(HOUR);
    expect(pieces).toHaveLength(20 * 24 + 1);
  });

  test('does not get longer when the clock is set back', async () => {
    let now = 0;
    let slept = 0;
    const sleep: Sleep = async (ms) => {
      slept += ms;
      now -= DAY;
    };
    await waitOut(4 * HOUR, () => now, sleep, new AbortController().signal);
    expect(slept).toBe(4 * HOUR);
  });
});
