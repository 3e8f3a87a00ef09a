import { describe, expect, test } from 'vitest';
import { RefusalThrottle } from '../../src/http/refusal-throttle.js';

/** Keeps the thread busy. */
function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** The order in which a caller's refused requests and another's come to their turns. */
async function turnsOf(pacing: RefusalThrottle, isAnybodyElse: boolean): Promise<string[]> {
  const order: string[] = [];
  if (isAnybodyElse) (await pacing.acquire('other'))?.end(false);
  const bad = async (n: number) => {
    const turn = await pacing.acquire('bad');
    order.push(`bad ${n}`);
    work(20);
    turn?.end(true);
  };
  const other = async () => {
    const turn = await pacing.acquire('other');
    order.push('other');
    turn?.end(false);
  };
  await bad(1);
  await Promise.all([bad(2), isAnybodyElse ? other() : undefined]);
  return order;
}

describe('callers that share the event loop', () => {
  test('are served before a caller with refused requests, which must wait', async () => {
    expect(await turnsOf(new RefusalThrottle(), true)).toEqual(['bad 1', 'other', 'bad 2']);
  });

  test('do not wait while there is no other caller', async () => {
    const pacing = new RefusalThrottle();
    const order: string[] = [];
    const acquire = async (n: number) => {
      const turn = await pacing.acquire('alone');
      order.push(`turn ${n}`);
      turn?.end(true);
    };
    await acquire(1);
    const second = acquire(2);
    // nothing but what was promised already lies between
    await Promise.resolve().then(() => order.push('at once'));
    await second;
    expect(order).toEqual(['turn 1', 'turn 2', 'at once']);
  });

  test('get an error if too many of their requests wait, and all waiting requests are served', async () => {
    const pacing = new RefusalThrottle();
    (await pacing.acquire('other'))?.end(false);
    (await pacing.acquire('bad'))?.end(true);
    const turns = await Promise.all(
      Array.from({ length: 130 }, async () => {
        const turn = await pacing.acquire('bad');
        turn?.end(false);
        return turn !== null;
      }),
    );
    const given = turns.filter(Boolean).length;
    expect(given).toBeGreaterThanOrEqual(100);
    expect(given).toBeLessThan(130);
    expect(await pacing.acquire('bad')).not.toBeNull();
  });
});
