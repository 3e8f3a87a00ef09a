import { describe, expect, test } from 'vitest';
import { Pacing } from '../../src/http/refusal-throttle.js';

/** Keeps the thread busy. */
function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** The order in which a caller's refused requests and another's come to their turns. */
async function turnsOf(pacing: Pacing, isAnybodyElse: boolean): Promise<string[]> {
  const order: string[] = [];
  if (isAnybodyElse) (await pacing.enter('other'))?.end(false);
  const bad = async (n: number) => {
    const turn = await pacing.enter('bad');
    order.push(`bad ${n}`);
    work(20);
    turn?.end(true);
  };
  const other = async () => {
    const turn = await pacing.enter('other');
    order.push('other');
    turn?.end(false);
  };
  await bad(1);
  await Promise.all([bad(2), isAnybodyElse ? other() : undefined]);
  return order;
}

describe('callers that share the thread', () => {
  test('go before one that was refused, which waits for what it owes', async () => {
    expect(await turnsOf(new Pacing(), true)).toEqual(['bad 1', 'other', 'bad 2']);
  });

  test('do not wait while nobody else is there', async () => {
    const pacing = new Pacing();
    const order: string[] = [];
    const enter = async (n: number) => {
      const turn = await pacing.enter('alone');
      order.push(`turn ${n}`);
      turn?.end(true);
    };
    await enter(1);
    const second = enter(2);
    // nothing but what was promised already lies between
    await Promise.resolve().then(() => order.push('at once'));
    await second;
    expect(order).toEqual(['turn 1', 'turn 2', 'at once']);
  });

  test('are told so when too many of their requests wait, and all that wait come to their turn', async () => {
    const pacing = new Pacing();
    (await pacing.enter('other'))?.end(false);
    (await pacing.enter('bad'))?.end(true);
    const turns = await Promise.all(
      Array.from({ length: 130 }, async () => {
        const turn = await pacing.enter('bad');
        turn?.end(false);
        return turn !== null;
      }),
    );
    const given = turns.filter(Boolean).length;
    expect(given).toBeGreaterThanOrEqual(100);
    expect(given).toBeLessThan(130);
    expect(await pacing.enter('bad')).not.toBeNull();
  });
});
