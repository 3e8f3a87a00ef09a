import { get as httpGet } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { Fault, FaultPlan } from '../../src/simulator/faults.js';
import { shift } from '../../src/values/instant.js';
import { NOW, parse, startHarness, stopAll } from './harness.js';

afterEach(stopAll);

const always = (fault: Fault): FaultPlan => ({ rules: [{ fault }] });
const LIST = `/threats?filter=${encodeURIComponent('receivedTime gte 2026-02-20T00:00:00Z lte 2026-02-27T00:00:00Z')}`;

async function withFault(fault: Fault) {
  const harness = await startHarness({}, { faults: always(fault) });
  return { ...harness, id: harness.tenant.idOf('threat', 9) };
}

describe('a fault with its own status', () => {
  it.each<[Fault, number, RegExp]>([
    [{ kind: 'rateLimited' }, 429, /exceeds allowed number/],
    [{ kind: 'serverError' }, 500, /<html>/],
    [{ kind: 'serverError', status: 502 }, 502, /<html>/],
    [{ kind: 'unauthorized' }, 401, /not verify/],
    [{ kind: 'notLicensed' }, 403, /license/],
    [{ kind: 'notLicensed', status: 402 }, 402, /license/],
    [{ kind: 'forbidden' }, 403, /allowlist/],
    [{ kind: 'notFound' }, 404, /Not Found/],
    [{ kind: 'status', status: 418, body: '{"error":"teapot"}' }, 418, /teapot/],
    [{ kind: 'wrongContent' }, 200, /<html>/],
  ])('is sent: %j', async (fault, status, body) => {
    const { get } = await withFault(fault);
    const reply = await get('/threats');
    expect(reply.status).toBe(status);
    expect(reply.text).toMatch(body);
    expect(reply.headers['retry-after']).toBeUndefined();
  });

  it('includes Retry-After if configured', async () => {
    const { get } = await withFault({ kind: 'rateLimited', retryAfter: '7' });
    expect((await get('/threats')).headers['retry-after']).toBe('7');
  });

  it('can be a redirect', async () => {
    const { get } = await withFault({ kind: 'redirect', location: 'https://elsewhere.test/v1/threats' });
    const reply = await get('/threats');
    expect([reply.status, reply.headers.location]).toEqual([302, 'https://elsewhere.test/v1/threats']);
  });

  it('can echo the token', async () => {
    const { get, simulator } = await withFault({ kind: 'echo' });
    const reply = await get('/threats');
    expect(reply.status).toBe(500);
    expect(reply.text).toContain(`Bearer ${simulator.token}`);
  });
});

describe('a damaged response', () => {
  it('is cut off on the wire', async () => {
    const { get } = await withFault({ kind: 'truncated' });
    await expect(get('/threats')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('is complete but contains half the JSON', async () => {
    const { get } = await withFault({ kind: 'cutJson' });
    const reply = await get(LIST);
    expect(reply.status).toBe(200);
    expect(() => JSON.parse(reply.text)).toThrow(SyntaxError);
  });

  it('is empty, or has no collection', async () => {
    expect(await (await withFault({ kind: 'emptyBody' })).get(LIST)).toMatchObject({ status: 200, text: '' });
    expect(await (await withFault({ kind: 'missingKey' })).json(LIST)).toEqual({ pageNumber: 1 });
  });

  it('has a number in place of a list', async () => {
    const { json, id } = await withFault({ kind: 'undecodable' });
    expect(await json(`/threats/${id}`)).toMatchObject({ threatId: id, messages: 7 });
    expect(await json(LIST)).toMatchObject({ threats: 7 });
  });

  it('names a page that leads back, and is otherwise correct', async () => {
    const { json, simulator } = await withFault({ kind: 'nextPage', page: 1 });
    const looped = await json(`${LIST}&pageSize=10`);
    simulator.setFaults(null);
    const proper = await json(`${LIST}&pageSize=10`);
    expect(proper.nextPageNumber).toBe(2);
    expect(looped).toEqual({ ...proper, nextPageNumber: 1 });
  });

  it('is as large as configured', async () => {
    const { get } = await withFault({ kind: 'huge', bytes: 3_000_000 });
    const reply = await get(LIST);
    expect(Buffer.byteLength(reply.text)).toBe(3_000_000);
    expect(JSON.parse(reply.text).threats).toHaveLength(100);
  });

  it('is delayed', async () => {
    const { get } = await withFault({ kind: 'slow', ms: 30 });
    expect((await get(LIST)).status).toBe(200);
  });
});

describe('a missing response', () => {
  it('resets the connection', async () => {
    const { get, simulator } = await withFault({ kind: 'reset' });
    await expect(get('/threats')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(simulator.stats().byStatus).toEqual({ 0: 1 });
  });

  it('hangs until the caller gives up, while others are served', async () => {
    const { get, simulator } = await withFault({ kind: 'hang' });
    const hanging = new Promise<string>((resolve) => {
      const headers = { authorization: `Bearer ${simulator.token}` };
      const request = httpGet(`${simulator.baseUrl}/threats`, { headers }, () => resolve('answered'));
      request.on('error', () => resolve('gave up'));
      request.on('socket', (socket) => socket.on('connect', () => setTimeout(() => request.destroy(), 100)));
    });
    simulator.setFaults({ rules: [{ fault: { kind: 'hang' }, times: 1 }] });
    expect(await hanging).toBe('gave up');
    expect((await get('/threats')).status).toBe(200);
  });

  it('counts a caller who gave up before a slow response as unanswered', async () => {
    const { get, simulator } = await withFault({ kind: 'slow', ms: 100 });
    const headers = { authorization: `Bearer ${simulator.token}` };
    const request = httpGet(`${simulator.baseUrl}/threats`, { headers }).on('error', () => {});
    while (simulator.stats().requests === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    request.destroy();
    while (simulator.stats().byStatus[0] !== 1) await new Promise((resolve) => setTimeout(resolve, 5));
    simulator.setFaults(null);
    expect((await get('/threats')).status).toBe(200);
  });

  it('does not keep the simulator from closing', async () => {
    const { get, simulator } = await withFault({ kind: 'hang' });
    const hanging = get('/threats').catch(() => 'cut');
    while (simulator.stats().requests === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await simulator.close();
    expect(await hanging).toBe('cut');
  });
});

describe('fault rules', () => {
  const statuses = async (plan: FaultPlan, paths: readonly string[]) => {
    const { get } = await startHarness({}, { faults: plan });
    const seen: number[] = [];
    for (const path of paths) seen.push((await get(path)).status);
    return seen;
  };
  const fault: Fault = { kind: 'serverError' };
  const times = (count: number) => Array.from({ length: count }, () => '/threats');

  it('apply to the requests they match', async () => {
    const plan: FaultPlan = { rules: [{ fault, match: /^\/cases\b/ }] };
    expect(await statuses(plan, ['/threats', '/cases', '/cases?pageSize=1', '/abusecampaigns'])).toEqual([
      200, 500, 500, 200,
    ]);
  });

  it('apply to the nth request, or the first n', async () => {
    expect(await statuses({ rules: [{ fault, nth: 2 }] }, times(4))).toEqual([200, 500, 200, 200]);
    expect(await statuses({ rules: [{ fault, nth: [1, 4] }] }, times(4))).toEqual([500, 200, 200, 500]);
    expect(await statuses({ rules: [{ fault, times: 2 }] }, times(4))).toEqual([500, 500, 200, 200]);
  });

  it('apply between two instants of the clock', async () => {
    const plan: FaultPlan = {
      rules: [{ fault: { kind: 'unauthorized' }, from: NOW, until: shift(NOW, 5000) }],
    };
    const harness = await startHarness({}, { faults: plan });
    const seen: number[] = [];
    for (const step of [-1, 0, 4999, 5000]) {
      harness.now = Date.parse(NOW) + step;
      seen.push((await harness.get('/threats')).status);
    }
    expect(seen).toEqual([200, 401, 401, 200]);
  });

  it('apply to a share of the requests, the same for the same seed', async () => {
    const plan = (seed: number): FaultPlan => ({ seed, rules: [{ fault, probability: 0.3 }] });
    const one = await statuses(plan(1), times(200));
    const struck = one.filter((status) => status === 500).length;
    expect(struck).toBeGreaterThan(35);
    expect(struck).toBeLessThan(90);
    expect(await statuses(plan(1), times(200))).toEqual(one);
    expect(await statuses(plan(2), times(200))).not.toEqual(one);
  });

  it('apply in order: the first match wins', async () => {
    const plan: FaultPlan = { rules: [{ fault, nth: 1 }, { fault: { kind: 'forbidden' } }] };
    expect(await statuses(plan, times(2))).toEqual([500, 403]);
  });

  it('can select one record', async () => {
    const harness = await startHarness();
    const [bad, good] = [harness.tenant.idOf('threat', 9), harness.tenant.idOf('threat', 10)];
    harness.simulator.setFaults({ rules: [{ fault: { kind: 'notFound' }, match: new RegExp(`/${bad}$`) }] });
    expect((await harness.get(`/threats/${bad}`)).status).toBe(404);
    expect((await harness.get(`/threats/${good}`)).status).toBe(200);
    expect(parse((await harness.get(LIST)).text).threats).toHaveLength(100);
  });
});
