import { afterEach, describe, expect, it } from 'vitest';
import type { SeenRequest } from '../../src/simulator/server.js';
import { startHarness, stopAll } from './harness.js';

afterEach(stopAll);

describe('the rate limit', () => {
  it('refuses requests above it in any 60 s of the clock', async () => {
    const harness = await startHarness({}, { limits: { rpm: 3 } });
    const start = harness.now;
    const seen: number[] = [];
    for (const second of [0, 20, 40, 50, 59, 60, 60, 80, 99]) {
      harness.now = start + second * 1000;
      seen.push((await harness.get('/threats')).status);
    }
    expect(seen).toEqual([200, 200, 200, 429, 429, 200, 429, 200, 429]);
  });

  it('sends Retry-After as configured', async () => {
    const afters = async (retryAfter: 'none' | 'seconds' | 'date' | 'alternate') => {
      const harness = await startHarness({}, { limits: { rpm: 1, retryAfter } });
      await harness.get('/threats');
      harness.now += 15_000;
      const replies = [await harness.get('/threats'), await harness.get('/cases')];
      return replies.map((reply) => reply.headers['retry-after']);
    };
    expect(await afters('none')).toEqual([undefined, undefined]);
    expect(await afters('seconds')).toEqual(['45', '45']);
    expect(await afters('alternate')).toEqual(['45', undefined]);
    expect(await afters('date')).toEqual(Array.from({ length: 2 }, () => 'Sun, 01 Mar 2026 12:01:00 GMT'));
  });

  it('does not count refused requests or requests without a token', async () => {
    const harness = await startHarness({}, { limits: { rpm: 2 } });
    for (let count = 0; count < 5; count++) await harness.get('/threats', {});
    expect((await harness.get('/threats')).status).toBe(200);
    expect((await harness.get('/threats')).status).toBe(200);
    for (let count = 0; count < 5; count++) expect((await harness.get('/threats')).status).toBe(429);
    harness.now += 60_000;
    expect((await harness.get('/threats')).status).toBe(200);
  });
});

describe('the concurrency limit', () => {
  it('refuses concurrent requests above it for one resource', async () => {
    const { get } = await startHarness({}, { limits: { concurrency: 2 }, latencyMs: 50 });
    const [threats, cases] = [Array.from({ length: 5 }, () => '/threats'), ['/cases', '/cases']];
    const replies = await Promise.all([...threats, ...cases].map((path) => get(path)));
    const statuses = replies.map((reply) => reply.status);
    expect(statuses.slice(0, 5).sort()).toEqual([200, 200, 429, 429, 429]);
    expect(statuses.slice(5)).toEqual([200, 200]);
  });

  it('admits new requests when others have finished', async () => {
    const { get } = await startHarness({}, { limits: { concurrency: 1 } });
    for (let count = 0; count < 5; count++) expect((await get('/threats')).status).toBe(200);
  });
});

describe('the statistics', () => {
  it('count requests by purpose and response', async () => {
    const { get, simulator, tenant } = await startHarness(
      {},
      { faults: { rules: [{ fault: { kind: 'serverError' }, match: /^\/cases$/ }] } },
    );
    const threat = `/threats/${tenant.idOf('threat', 9)}`;
    const paths = [
      '/threats',
      threat,
      `${threat}?pageNumber=2`,
      `${threat}/links`,
      `${threat}/attachments`,
      '/cases',
      '/cases/1',
      '/abusecampaigns',
      '/nowhere',
    ];
    for (const path of paths) await get(path);
    await get('/threats', {});
    expect(simulator.stats()).toMatchObject({
      requests: 10,
      byKind: {
        'threats.list': { 200: 1, 401: 1 },
        'threats.detail': { 200: 1 },
        'threats.messagePage': { 200: 1 },
        'threats.links': { 200: 1 },
        'threats.attachments': { 200: 1 },
        'cases.list': { 500: 1 },
        'cases.detail': { 404: 1 },
        'campaigns.list': { 200: 1 },
        other: { 404: 1 },
      },
      byStatus: { 200: 6, 401: 1, 404: 2, 500: 1 },
      faults: { serverError: 1 },
    });
    simulator.resetStats();
    expect(simulator.stats()).toMatchObject({ requests: 0, byKind: {}, faults: {}, maxPerMinute: 0 });
  });

  it('contain the busiest minute by the clock', async () => {
    const harness = await startHarness();
    const start = harness.now;
    for (const second of [0, 30, 59, 61, 62, 130]) {
      harness.now = start + second * 1000;
      await harness.get('/threats');
    }
    expect(harness.simulator.stats().maxPerMinute).toBe(4);
  });

  it('contain the most concurrent requests of each resource', async () => {
    const { get, simulator } = await startHarness({}, { latencyMs: 50 });
    await Promise.all(['/threats', '/threats', '/threats', '/cases'].map((path) => get(path)));
    await get('/threats');
    expect(simulator.stats().maxConcurrency).toEqual({ threats: 3, cases: 1, campaigns: 0 });
  });
});

describe('the request hook and the log', () => {
  it('show headers to the hook, and no token in the log', async () => {
    const requests: SeenRequest[] = [];
    const lines: string[] = [];
    const { get, simulator, now } = await startHarness(
      {},
      { onRequest: (request) => requests.push(request), log: (line) => lines.push(line) },
    );
    await get('/cases?pageSize=3');
    expect(requests).toMatchObject([
      {
        at: now,
        method: 'GET',
        url: '/v1/cases?pageSize=3',
        resource: 'cases',
        headers: { authorization: `Bearer ${simulator.token}` },
      },
    ]);
    expect(lines).toEqual(['GET /v1/cases?pageSize=3 200']);
  });
});
