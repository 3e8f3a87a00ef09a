import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createEmptyWarnings, emptyAccounts } from '../../src/integrations/token-watch.js';
import type { SimulatorOptions } from '../../src/simulator/server.js';
import { DAY, HOUR, MINUTE } from '../../src/values/instant.js';
import { createTenantWorld, type World } from './harness.js';

const NOW = '2026-03-10T12:00:00.000Z';
const SPAN = { seed: 3, from: '2026-03-01T00:00:00.000Z', to: '2026-03-20T00:00:00.000Z' };
const NONE = { threats: 0, cases: 0, campaigns: 0 };

let world: World;
let open: World[];
beforeEach(() => {
  open = [];
});
afterEach(async () => {
  for (const each of open) await each.close();
});

async function start(counts: Partial<typeof NONE>, simulator: Partial<SimulatorOptions> = {}) {
  world = await createTenantWorld({ now: NOW, tenant: { ...SPAN, ...NONE, ...counts }, simulator });
  open.push(world);
}

async function messages(): Promise<string[]> {
  const empty = await emptyAccounts(world.store, await world.store.streams());
  expect([...empty.keys()]).toEqual(empty.size === 0 ? [] : [world.account.name]);
  return [...empty.values()];
}

async function pollAfter(ms: number): Promise<void> {
  world.clock.advance(ms);
  await world.poll();
}

describe('an account that returns only empty lists', () => {
  test('is reported after it has done so for longer than the ingestion lag', async () => {
    await start({});
    expect(await messages()).toEqual([]);
    await pollAfter(0);
    expect(await messages()).toEqual([]);
    await pollAfter(10 * MINUTE);
    expect(await messages()).toEqual([]);
    await pollAfter(10 * MINUTE);
    const [message] = await messages();
    expect(message).toMatch(/^Abnormal responds, but has listed no threat, case or campaign since 20\d\d-/);
    expect(message).toMatch(/full portal access for the API.*allowlist/);
  });

  test('is logged as a warning once a day', async () => {
    await start({});
    const lines: unknown[] = [];
    const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    const warn = createEmptyWarnings({ store: world.store, log, clock: world.clock });
    for (const ms of [0, 20 * MINUTE, HOUR, DAY]) {
      await pollAfter(ms);
      await warn();
    }
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({ level: 40, integration: world.account.name });
  });

  test.each([{ threats: 3 }, { cases: 3 }, { campaigns: 3 }])(
    'does not include an account with some data: %o',
    async (counts) => {
      await start(counts);
      await pollAfter(0);
      await pollAfter(10 * DAY);
      expect(await messages()).toEqual([]);
    },
  );

  test('does not include an account that refuses, which has its own message', async () => {
    await start({}, { faults: { rules: [{ fault: { kind: 'forbidden' } }] } });
    await pollAfter(0);
    await pollAfter(HOUR);
    expect(await messages()).toEqual([]);
  });
});
