import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, expect, test, vi } from 'vitest';
import { watchPosture } from '../../src/app/posture-watch.js';
import { postureRequest } from '../../src/app/reports.js';
import { readEnv, toConfig } from '../../src/config/config.js';
import { evaluatePosture } from '../../src/evidence/posture.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { CONTROL_IDS, NO_POLICY, type Policy } from '../../src/policy/policy.js';
import { Playground } from '../support/app.js';
import { hoursAfter, recordHistory } from '../support/evidence-history.js';

const ground = new Playground();
afterEach(() => ground.clear());

const FROM = '2026-09-01T00:00:00.000Z';
const WITHIN = { timeout: 30_000, interval: 50 };
const log = pino({ level: 'silent' });

/** A store that counts how often its records are walked through. */
function counted(store: HistoryStore) {
  const walks = { count: 0 };
  const counting = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (name === 'recorded') walks.count += 1;
        return value.apply(target, args);
      };
    },
  });
  return { walks, store: counting };
}

test('states are evaluated in the background, and again only when something has changed', async () => {
  const inner = await openStore('sqlite::memory:', 'write');
  for (const integration of ['acme', 'example'])
    await recordHistory(inner, { integration, from: FROM, to: hoursAfter(FROM, 48), prefix: integration });
  const { store, walks } = counted(inner);
  const config = toConfig(readEnv({}));
  if (!config.ok) throw new Error('the configuration is wrong');
  let [now, policy]: [string, Policy] = [hoursAfter(FROM, 48), NO_POLICY];
  const clock = () => Date.parse(now);
  const watch = watchPosture({ store, config: config.config, policy: () => policy, clock, log });
  const captured = { control: 'attacks-captured', window: '24h' } as const;
  const becomes = (verdict: string) =>
    vi.waitFor(
      () => expect(watch.states()).toContainEqual({ ...captured, integration: 'example', verdict }),
      WITHIN,
    );

  expect(watch.states()).toEqual([]);
  await becomes('PASS');
  expect(watch.states()).toHaveLength(2 * CONTROL_IDS.length * 4);

  const walked = walks.count;
  for (let i = 0; i < 5; i += 1) {
    watch.states();
    await delay(50);
  }
  expect(walks.count).toBe(walked);

  now = hoursAfter(FROM, 60);
  await becomes('INSUFFICIENT_DATA');
  expect(walks.count).toBeGreaterThan(walked);

  const controls = { 'attacks-captured': { notApplicable: 'x' } };
  policy = { ...NO_POLICY, file: { text: '', digest: 'd' }, controls };
  await becomes('NOT_APPLICABLE');
  await watch.close();
  await inner.close();
});

test('what was evaluated for metrics is not evaluated again for one window or control', async () => {
  const inner = await openStore('sqlite::memory:', 'write');
  await recordHistory(inner, { from: FROM, to: hoursAfter(FROM, 48), prefix: 'acme' });
  const { store, walks } = counted(inner);
  const config = toConfig(readEnv({}));
  if (!config.ok) throw new Error('the configuration is wrong');
  const clock = () => Date.parse(hoursAfter(FROM, 48));
  const services = { store, config: config.config, policy: () => NO_POLICY, clock, log };
  const watch = watchPosture(services);
  await vi.waitFor(() => expect(watch.states()).not.toEqual([]), WITHIN);
  const walked = walks.count;
  expect(walked).toBeGreaterThan(0);
  const asked = { windows: ['LAST_7_DAYS'], controls: ['attacks-captured'] } as const;
  const { states } = await evaluatePosture(store, await postureRequest(services, asked, String));
  expect(states).toMatchObject([{ window: 'LAST_7_DAYS', result: { control: 'attacks-captured' } }]);
  expect(walks.count).toBe(walked);
  await watch.close();
  await inner.close();
});

test('the metrics of a gateway have the state of each control for each window', async () => {
  const { url } = await ground.start();
  await ground.collected(url);
  const query = '{ posture(integrations: ["simulated"]) { states { control { id } verdict window } } }';
  const metrics = async () => (await fetch(`${url}/metrics`)).text();
  const series = await vi.waitFor(async () => {
    const lines = (await metrics()).split('\n').filter((line) => line.startsWith('abnormal_control_state{'));
    expect(lines).not.toEqual([]);
    return lines;
  }, WITHIN);
  expect(series).toHaveLength(CONTROL_IDS.length * 4);
  const { data } = await ground.ask(url, query);
  const { states } = (data as { posture: { states: { control: { id: string }; verdict: string }[] } })
    .posture;
  expect(states).toHaveLength(series.length);
  const [state] = states.filter(({ control }) => control.id === 'token-rotation');
  expect(state?.verdict).toBe('NOT_APPLICABLE');
  expect(series).toContain(
    'abnormal_control_state{control="token-rotation",integration="simulated",window="24h"} 3',
  );
});
