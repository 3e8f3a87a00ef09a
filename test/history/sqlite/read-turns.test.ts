import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ReadTurns } from '../../../src/history/sqlite/connection.js';

test('what is asked for at once is spread over turns of the event loop, in its order', async () => {
  const turns = new ReadTurns(50);
  let [now, isOver] = [0, false];
  const counting = (async () => {
    for (; !isOver; now += 1) await setImmediate();
  })();
  const begun: [n: number, turn: number][] = [];
  await Promise.all(
    Array.from({ length: 400 }, async (_, n) => {
      await turns.take(1);
      begun.push([n, now]);
    }),
  );
  isOver = true;
  await counting;
  expect(begun.map(([n]) => n)).toEqual(Array.from({ length: 400 }, (_, n) => n));
  for (const turn of new Set(begun.map(([, turn]) => turn)))
    expect(begun.filter(([, other]) => other === turn).length).toBeLessThanOrEqual(50);
});
