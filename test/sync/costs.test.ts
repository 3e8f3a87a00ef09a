import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { dashed } from '../../src/config/reader.js';
import { RESOURCES, type Resource } from '../../src/resources/registry.js';
import { demoTenant } from '../../src/simulator/tenant.js';
import { DEFAULT_SYNC_SETTINGS } from '../../src/sync/context.js';
import { HOUR, toMillis } from '../../src/values/instant.js';
import { createTenantWorld, passOf, type World } from './harness.js';

const NOW = '2026-03-30T00:00:00.000Z';

let world: World;
afterEach(() => world.close());

/** What docs/resources.md says a resource costs: in the first thirty days, and per day from then on. */
function documented(): Record<string, [first: number, daily: number]> {
  const text = readFileSync('docs/resources.md', 'utf8');
  const [, table = ''] = text.split('## Cost\n', 2);
  const rows = [...table.matchAll(/^\| `([a-z0-9-]+)` \| ([\d,]+) \| ([\d,]+) \|/gm)];
  const numberOf = (cell = '') => Number(cell.replaceAll(',', ''));
  return Object.fromEntries(rows.map(([, name, first, daily]) => [name, [numberOf(first), numberOf(daily)]]));
}

test('docs/resources.md has the requests that each resource costs on the simulated tenant', async () => {
  world = await createTenantWorld({ now: NOW, tenant: demoTenant(toMillis(NOW)) });
  const calls = async (resource: Resource) => {
    const { counts, reread } = passOf(await world.poll(resource), resource);
    return counts.calls + (reread?.calls ?? 0);
  };
  const costs: Record<string, [number, number]> = {};
  for (const resource of RESOURCES) costs[dashed(resource)] = [await calls(resource), 0];
  const days = 2;
  for (let hour = 1; hour <= days * 24; hour += 1) {
    world.clock.advance(HOUR);
    for (const resource of RESOURCES) {
      const interval = DEFAULT_SYNC_SETTINGS.intervals[resource];
      if ((hour * HOUR) % interval !== 0) continue;
      const cost = costs[dashed(resource)];
      if (cost) cost[1] += (await calls(resource)) / days;
    }
  }
  const rounded = Object.entries(costs).map(([name, [first, daily]]) => [name, [first, Math.round(daily)]]);
  expect(documented()).toEqual(Object.fromEntries(rounded));
});
