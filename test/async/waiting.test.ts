import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { nextTurn, type Sleep, waitOut } from '../../src/async/waiting.js';
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

describe('a turn of the event loop', () => {
  test('has one step of all work that lets other work run, in the order in which it came', async () => {
    const steps: string[] = [];
    const work = async (name: string) => {
      for (let n = 1; n <= 3; n += 1) {
        await nextTurn();
        steps.push(`${name}${n}`);
      }
    };
    const works = Promise.all(['a', 'b', 'c'].map(work));
    const ofEachTurn: number[] = [];
    for (let before = 0; steps.length < 9; before = steps.length) {
      await setImmediate();
      ofEachTurn.push(steps.length - before);
    }
    await works;
    expect(Math.max(...ofEachTurn)).toBe(1);
    expect(steps.join(' ')).toBe('a1 b1 c1 a2 b2 c2 a3 b3 c3');
  });
});
