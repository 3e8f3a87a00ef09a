import { afterEach, describe, expect, test } from 'vitest';
import { createBudget } from '../../src/abnormal/budget.js';
import { newMeter } from '../../src/abnormal/call.js';
import { json, type Reply, raw } from '../support/upstream-server.js';
import { decodeError, type Harness, POLL, startHarness, upstreamError, WINDOW } from './harness.js';
import { settled, until, VirtualTime } from './virtual-time.js';

let harness: Harness | null = null;

async function start(...args: Parameters<typeof startHarness>): Promise<Harness> {
  harness = await startHarness(...args);
  return harness;
}

afterEach(async () => {
  await harness?.close();
  harness = null;
});

const listThreats = ({ client }: Harness) => client.list('threats', 'receivedTime', WINDOW, 1, POLL);
const getCase = ({ client }: Harness) => client.detail('case', '7', null, POLL);
const EMPTY = json({ threats: [] });

describe('a retry', () => {
  test.each([408, 429, 500, 502, 503, 504, 520])(
    'follows status %i until the request succeeds',
    async (status) => {
      const h = await start();
      h.server.on('/threats', json({ message: 'later' }, status, { 'retry-after': '0' }), EMPTY);
      expect((await listThreats(h)).items).toEqual([]);
      expect(h.server.requests).toHaveLength(2);
    },
  );

  test('happens at most four times, and then the error names the last response', async () => {
    const h = await start();
    h.server.on('/threats', json({ message: 'out of order' }, 503));
    const error = await upstreamError(listThreats(h));
    expect(error).toMatchObject({ code: 'SERVER_ERROR', status: 503, body: '{"message":"out of order"}' });
    expect(error.message).toContain('responded with 503 to the list of threats');
    expect(error.message).toContain('"out of order"');
    expect(h.server.requests).toHaveLength(5);
  });

  test('does not happen for a response that would be the same again', async () => {
    for (const status of [400, 401, 402, 403, 404, 405, 409, 410, 418, 422]) {
      const h = await start();
      h.server.on('/cases/7', json({ message: 'no' }, status));
      await upstreamError(getCase(h));
      expect(h.server.requests, String(status)).toHaveLength(1);
      await h.close();
    }
  });
});

/** A client whose waits all pass in virtual time, while what it sends and gets is real. */
async function startVirtual(): Promise<Harness & { readonly time: VirtualTime }> {
  const time = new VirtualTime();
  const budget = createBudget({ rpm: 300, concurrency: 4, clock: time.now, startTimer: time.startTimer });
  const h = await start({
    clock: time.now,
    budget,
    startTimer: time.startTimer,
    timeoutMs: 3_600_000,
    retry: { baseMs: 500, capMs: 30_000, pauseMs: 60_000, random: () => 0 },
  });
  return { ...h, time };
}

describe('a response with status 429', () => {
  const HTTP_DATE = 'Sun, 01 Mar 2026 00:00:25 GMT';

  test.each<[string, Record<string, string>, number]>([
    ['without Retry-After', {}, 60_000],
    ['with Retry-After in seconds', { 'retry-after': '17' }, 17_000],
    ['with Retry-After as a date', { 'retry-after': HTTP_DATE }, 25_000],
    ['with a Retry-After that says nothing', { 'retry-after': 'soon' }, 60_000],
  ])('with %s stops the whole account for that time', async (_name, headers, pause) => {
    const h = await startVirtual();
    h.server.on('/threats', json({ message: 'slow down' }, 429, headers), EMPTY);
    h.server.on('/cases/7', json({ caseId: 7 }));
    const list = listThreats(h);
    await until(() => h.budget.snapshot().waiting.poll === 1);
    const other = h.client.detail('case', '7', null, { priority: 'interactive' });
    await h.time.advance(pause - 1);
    await settled();
    expect(h.server.requests).toHaveLength(1);
    await h.time.advance(1);
    await Promise.all([list, other]);
    expect(h.server.requests).toHaveLength(3);
  });

  test('after the last retry names who may be using up the allowance', async () => {
    const h = await start({ retry: { tries: 2, pauseMs: 1 } });
    h.server.on('/threats', raw('slow down', 429));
    const error = await upstreamError(listThreats(h));
    expect(error).toMatchObject({ code: 'RATE_LIMITED', status: 429 });
    expect(error.message).toMatch(/"slow down".*300 requests a minute.*UPSTREAM_RPM/s);
  });
});

test('a 503 with Retry-After is not retried earlier', async () => {
  const h = await startVirtual();
  h.server.on('/threats', json({}, 503, { 'retry-after': '40' }), EMPTY);
  const list = listThreats(h);
  await until(() => h.logged().includes('upstream retry'));
  await h.time.advance(39_999);
  await settled();
  expect(h.server.requests).toHaveLength(1);
  await h.time.advance(1);
  await list;
});

describe('the meaning of a response', () => {
  const licence = json({ message: 'Your license does not include this product' }, 403);
  test.each<[string, Reply, string, RegExp]>([
    [
      '401',
      json({ message: 'not authorized' }, 401),
      'TOKEN_REJECTED',
      /"not authorized".*revoked.*Settings/s,
    ],
    ['402', json({}, 402), 'NOT_LICENSED', /licence/],
    ['403 that names the licence', licence, 'NOT_LICENSED', /license does not include/],
    [
      '403 that names the subscription',
      json({ error: 'no Subscription' }, 403),
      'NOT_LICENSED',
      /no Subscription/,
    ],
    ['another 403', json({ message: 'Forbidden' }, 403), 'FORBIDDEN', /on the allowlist.*not enabled/s],
    ['404', json({ detail: 'Not found.' }, 404), 'NOT_FOUND', /"Not found".*deleted/s],
    ['410', raw('', 410), 'NOT_FOUND', /410/],
    ['400', json({ message: 'bad' }, 400), 'BAD_REQUEST', /"bad"/],
    [
      '400 that names the retention',
      json({ error: { message: 'beyond Retention period' } }, 400),
      'OUT_OF_RETENTION',
      /older/,
    ],
    [
      'an HTML refusal',
      raw('<!DOCTYPE html><title>Bad\n Gateway</title>', 405),
      'BAD_REQUEST',
      /HTML page titled "Bad Gateway"/,
    ],
    ['204', raw('', 204), 'BAD_BODY', /204/],
    ['202', json({ ok: true }, 202), 'BAD_BODY', /202/],
    ['304', raw('', 304), 'REDIRECTED', /304/],
    ['an HTML page', raw('<html><body>Sign in</body></html>'), 'BAD_BODY', /login page/],
    ['plain text', raw('OK'), 'BAD_BODY', /not JSON/],
  ])('a detail request that gets %s fails with the right code', async (_name, reply, code, message) => {
    const h = await start();
    h.server.on('/cases/7', reply);
    const error = await upstreamError(getCase(h));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(h.server.requests).toHaveLength(1);
  });

  test('a long error text is cut in the message and kept in the body', async () => {
    const h = await start();
    h.server.on('/cases/7', json({ message: 'word '.repeat(50_000) }, 400));
    const error = await upstreamError(getCase(h));
    expect(error.message.length).toBeLessThan(600);
    expect(Buffer.byteLength(error.body ?? '')).toBeLessThanOrEqual(65_536);
    expect(error.body?.length).toBeGreaterThan(65_000);
  });

  test('too deep nesting is bad data for a detail and an error for a list', async () => {
    const h = await start();
    const deep = `{"caseId":7,"x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    h.server.on('/cases/7', raw(deep));
    h.server.on('/threats', raw(deep));
    expect((await decodeError(getCase(h))).message).toMatch(/nested/);
    expect(await upstreamError(listThreats(h))).toMatchObject({ code: 'BAD_BODY' });
  });
});

describe('the meter', () => {
  test('counts what each kind of call costs', async () => {
    const h = await start();
    h.server.on('/threats', json({}, 500), EMPTY);
    h.server.on(
      '/threats/a',
      json({ threatId: 'a', messages: [], pageNumber: 1, nextPageNumber: 2 }),
      json({}, 502),
      json({ threatId: 'a', messages: [], pageNumber: 2 }),
    );
    h.server.on('/threats/a/links', json({ links: [] }));
    const meter = newMeter();
    const options = { ...POLL, meter };
    await h.client.list('threats', 'receivedTime', WINDOW, 1, options);
    expect(meter).toEqual({ calls: 2, listCalls: 1, detailCalls: 0, messagePageCalls: 0, retries: 1 });
    await h.client.detail('threat', 'a', null, options);
    expect(meter).toEqual({ calls: 5, listCalls: 1, detailCalls: 1, messagePageCalls: 1, retries: 2 });
    await h.client.detail('threatLinks', 'a', null, options);
    expect(meter).toEqual({ calls: 6, listCalls: 1, detailCalls: 2, messagePageCalls: 1, retries: 2 });
  });
});
