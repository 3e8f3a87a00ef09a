import { afterEach, expect, test } from 'vitest';
import { coverageOf } from '../../src/model/ledger.js';
import { streamsOf } from '../../src/model/stream.js';
import { CORE_RESOURCES } from '../../src/resources/registry.js';
import { DAY, HOUR, MINUTE, shift, toInstant } from '../../src/values/instant.js';
import { createTenantWorld, faultsOf, INTEGRATION, type World } from './harness.js';

const NOW = '2026-03-31T12:00:00.000Z';
const SINCE = shift(NOW, -5 * DAY);

let world: World;
afterEach(() => world.close());

/** How far on the streams are vouched for, by the latest of them. */
async function requiredUntil(): Promise<string> {
  const { seq } = await world.store.head();
  const end = shift(NOW, 30 * DAY);
  const streams = CORE_RESOURCES.flatMap((resource) => streamsOf(INTEGRATION, resource));
  const ends = streams.map(async (stream) => {
    const { gaps } = coverageOf(await world.store.ledger(stream, SINCE, end, seq), SINCE, end);
    // the last gap that nothing but another gap follows
    const tail = gaps.findLastIndex((gap, i) => gaps[i - 1]?.to !== gap.from);
    return gaps[tail]?.from ?? end;
  });
  return (await Promise.all(ends)).sort().at(-1) ?? SINCE;
}

async function begin(): Promise<void> {
  world = await createTenantWorld({
    now: NOW,
    tenant: {
      seed: 'clock',
      from: SINCE,
      to: shift(NOW, 5 * DAY),
      threats: 600,
      cases: 100,
      campaigns: 60,
      shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0 },
    },
    settings: { backfillFrom: SINCE },
  });
}

test('with a clock that is ahead, time that Abnormal has not reached is not marked as complete', async () => {
  await begin();
  world.clock.skewMs = 6 * HOUR;
  await world.poll();
  // Abnormal's date is good to the second
  expect((await requiredUntil()).slice(0, 19)).toBe(shift(NOW, -15 * MINUTE).slice(0, 19));
});

test('after a clock was ahead and was corrected when that time had come, no record is missing', async () => {
  await begin();
  world.clock.skewMs = 6 * HOUR;
  await world.poll();
  world.clock.skewMs = 0;
  world.clock.advance(25 * HOUR);
  await world.poll();
  await world.poll();
  const settled = shift(toInstant(world.clock()), -15 * MINUTE);
  for (const kind of ['threat', 'case', 'campaign'] as const) {
    expect(await faultsOf(world, kind, settled, SINCE)).toEqual([]);
  }
});
