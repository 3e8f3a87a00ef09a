import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { type OverviewServices, readOverview } from '../../src/pages/overview.js';
import type { Answer } from '../../src/pages/overview-query.js';
import { LOCAL_CALLER } from '../../src/values/access.js';

const NOW = '2026-10-20T12:00:00.000Z';
const REQUEST = { caller: LOCAL_CALLER, signal: new AbortController().signal };
const CONTROL = { id: 'token-rotation', title: 'Tokens are rotated' };

/** A gateway that answers only what is asked about current states, after as long as a test says. */
function gateway() {
  const asked: string[] = [];
  const signals: AbortSignal[] = [];
  const fault = {
    message: 'The history cannot be read now.',
    path: ['posture'],
    code: 'HISTORY_UNAVAILABLE',
  };
  const [clock, answers] = [{ now: Date.parse(NOW) }, [] as ((isWrong: boolean) => void)[]];
  const services: OverviewServices = {
    async ask<T>(query: string, { asOf }: { asOf?: string }, { signal }: typeof REQUEST) {
      const name = /query (\w+)/.exec(query)?.[1] ?? '';
      if (name !== 'States' && name !== 'Places') return { data: null, errors: [] };
      asked.push(name);
      signals.push(signal);
      const isWrong = await new Promise<boolean>((resolve) => {
        answers.push(resolve);
      });
      if (isWrong) return { data: null, errors: [fault] };
      const state = {
        ...{ control: CONTROL, verdict: 'PASS', headline: { text: `of ${asOf}`, next: null } },
        ...{ wouldChange: null, validUntil: null, exceptions: 0, waived: 0, period: { text: '' } },
        ...{ since: { at: NOW, before: 'FAIL' }, trend: { direction: 'STEADY' } },
      };
      return { data: { posture: { asOf, now: asOf, states: [state] } }, errors: [] } as unknown as Answer<T>;
    },
    head: async () => ({ seq: 1, at: NOW }),
    newestSeal: async () => null,
    collectedFrom: async () => null,
    pollEvery: { THREATS: 1, CASES: 1, CAMPAIGNS: 1 },
    background: new Map(),
    title: () => 'Example',
    ...{ hasIde: false, clock: () => clock.now, log: pino({ level: 'silent' }) },
  };
  const load = async (window = '7d') => {
    const { html } = await readOverview(services, REQUEST, window);
    return /<section id="controls".*?<\/section>/s.exec(html)?.[0] ?? '';
  };
  const answer = async ({ isWrong = false } = {}) => {
    for (const each of answers.splice(0)) each(isWrong);
    await delay(5);
  };
  return { asked, signals, clock, load, answer };
}

test('current states are evaluated once at a time, and no page waits for them', async () => {
  const { asked, load, answer } = gateway();
  const begun = performance.now();
  const pages = [await load(), await load()];
  expect(performance.now() - begun).toBeLessThan(1_000);
  for (const page of pages) expect(page).toContain('being evaluated for the last 7 days');
  expect(asked).toEqual(['States']);
  await answer();
  expect(await load()).toContain(`of ${NOW}`);
});

test('after an evaluation, the last states are shown until twenty times its duration has passed', async () => {
  const { asked, clock, load, answer } = gateway();
  await load();
  clock.now += 60_000;
  await answer();
  clock.now += 19 * 60_000;
  const page = await load();
  expect(page).toContain(`of ${NOW}`);
  expect(page).toContain('being looked up');
  expect(asked).toEqual(['States', 'Places']);
  clock.now += 2 * 60_000;
  expect(await load()).toContain(`of ${NOW}`);
  expect(asked).toEqual(['States', 'Places', 'States']);
});

test('each window is evaluated for itself', async () => {
  const { asked, load } = gateway();
  await load('24h');
  expect(await load('30d')).toContain('being evaluated for the last 30 days');
  expect(asked).toEqual(['States', 'States']);
});

test('an evaluation that failed is not shown in place of the last states', async () => {
  const { clock, load, answer } = gateway();
  await load();
  await answer();
  clock.now += 60_000;
  expect(await load()).toContain(`of ${NOW}`);
  clock.now += 60_000;
  await answer({ isWrong: true });
  expect(await load()).toContain(`of ${NOW}`);
});

test('an evaluation does not end with the request that began it', async () => {
  const { signals, load } = gateway();
  await load();
  expect(signals).toHaveLength(1);
  expect(signals).not.toContain(REQUEST.signal);
});
