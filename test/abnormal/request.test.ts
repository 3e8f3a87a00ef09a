import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { createBudget } from '../../src/abnormal/budget.js';
import type { UpstreamError } from '../../src/abnormal/errors.js';
import { createAbnormalClient } from '../../src/abnormal/rest-client.js';
import {
  cutOff,
  hang,
  hangUp,
  json,
  type Reply,
  raw,
  stall,
  startUpstream,
} from '../support/upstream-server.js';
import { decodeError, type Harness, POLL, startHarness, TOKEN, upstreamError, WINDOW } from './harness.js';
import { VirtualTime } from './virtual-time.js';

let harness: Harness | null = null;
const once = { retry: { tries: 1 } };

async function start(...args: Parameters<typeof startHarness>): Promise<Harness> {
  harness = await startHarness(...args);
  return harness;
}

afterEach(async () => {
  await harness?.close();
  harness = null;
});

const listThreats = ({ client }: Harness) => client.list('threats', 'receivedTime', WINDOW, 1, POLL);
const EMPTY = json({ threats: [], pageNumber: 1 });

describe('a request', () => {
  test('is a GET with the token and the user agent, and accepts JSON', async () => {
    const h = await start({ userAgent: 'gateway-under-test/1' });
    h.server.on('/threats', EMPTY);
    await listThreats(h);
    const [request] = h.server.requests;
    expect(request?.method).toBe('GET');
    expect(request?.headers).toMatchObject({
      authorization: `Bearer ${TOKEN}`,
      accept: 'application/json',
      'user-agent': 'gateway-under-test/1',
    });
  });

  test('carries the token that is current when it is sent', async () => {
    let token = 'first-token-0123456789';
    const h = await start({ token: () => token });
    h.server.on('/threats', EMPTY);
    await listThreats(h);
    token = 'second-token-0123456789';
    await listThreats(h);
    expect(h.server.requests.map((request) => request.headers.authorization)).toEqual([
      'Bearer first-token-0123456789',
      'Bearer second-token-0123456789',
    ]);
  });

  test.each(['', 'two words', 'line\nbreak', 'schlüssel'])(
    'is not sent if the token is %j',
    async (token) => {
      const h = await start({ token: () => token });
      expect(await upstreamError(listThreats(h))).toMatchObject({ code: 'TOKEN_REJECTED' });
      expect(h.server.requests).toHaveLength(0);
    },
  );

  test('reuses the connection of the previous call', async () => {
    const h = await start();
    const ports = new Set<number | undefined>();
    h.server.on('/threats', (response, request) => {
      ports.add(response.socket?.remotePort);
      EMPTY(response, request);
    });
    for (let i = 0; i < 5; i += 1) await listThreats(h);
    expect(ports.size).toBe(1);
  });
});

describe('the host of a request', () => {
  const options = {
    token: () => TOKEN,
    budget: createBudget({ rpm: 300, concurrency: 4, clock: () => 0 }),
    timeoutMs: 1_000,
    clock: () => 0,
    log: pino({ level: 'silent' }),
  };

  test.each([
    ['http://api.abnormalplatform.com/v1', /https/],
    ['http://127.0.0.1.example.com/v1', /https/],
    ['http://localhost.example.com/v1', /https/],
    ['http://0.0.0.0:4000/v1', /https/],
    ['ftp://localhost/v1', /https/],
    ['https://user:secret@api.abnormalplatform.com/v1', /user name or password/],
    ['https://api.abnormalplatform.com/v1?a=b', /end with its path/],
    ['api.abnormalplatform.com', /not a URL/],
  ])('is refused if it is %s', (baseUrl, reason) => {
    expect(() => createAbnormalClient({ ...options, baseUrl })).toThrow(reason);
  });

  test.each([
    'https://api.abnormalplatform.com/v1/',
    'http://localhost:1/v1',
    'http://127.0.0.1/v1',
    'http://[::1]:1/v1',
  ])('is accepted if it is %s', (baseUrl) => createAbnormalClient({ ...options, baseUrl }).close());

  test.each([301, 302, 303, 307, 308])('does not change on a redirect with status %i', async (status) => {
    const other = await startUpstream();
    const h = await start();
    h.server.on('/threats', raw('', status, { location: `${other.baseUrl}/threats?stolen=${TOKEN}` }));
    const error = await upstreamError(listThreats(h));
    expect(error).toMatchObject({ code: 'REDIRECTED', status });
    expect(error.message).toContain(new URL(other.baseUrl).origin);
    expect(error.message).not.toContain(TOKEN);
    expect(other.requests).toHaveLength(0);
    expect(h.server.requests).toHaveLength(1);
    await other.close();
  });
});

describe('a response body', () => {
  test('that is compressed is read', async () => {
    const h = await start();
    const body = gzipSync(JSON.stringify({ threats: [{ threatId: 'a' }] }));
    h.server.on('/threats', raw(body, 200, { 'content-encoding': 'gzip' }));
    expect((await listThreats(h)).items).toHaveLength(1);
  });

  test('over the limit is cut off; the limit applies to the decompressed size', async () => {
    const h = await start({ maxBodyBytes: 100_000 });
    const large = JSON.stringify({ threats: [], padding: 'x'.repeat(5_000_000) });
    h.server.on('/threats', raw(large), raw(gzipSync(large), 200, { 'content-encoding': 'gzip' }));
    for (const _ of ['plain', 'compressed']) {
      const error = await upstreamError(listThreats(h));
      expect(error).toMatchObject({ code: 'TOO_LARGE', status: 200 });
      expect(error.message).toContain('100000 bytes');
      expect(error.body?.length).toBeGreaterThan(1_000);
      expect(Buffer.byteLength(error.body ?? '')).toBeLessThanOrEqual(65_536);
    }
    expect(h.server.requests).toHaveLength(2);
  });

  test('that breaks off is requested again, and then kept as far as it was received', async () => {
    const h = await start({ retry: { tries: 3 } });
    h.server.on('/threats', cutOff('{"threats":[{"threatId":"a"},'));
    const error = await upstreamError(listThreats(h));
    expect(error).toMatchObject({ code: 'BAD_BODY', status: 200, body: '{"threats":[{"threatId":"a"},' });
    expect(h.server.requests).toHaveLength(3);
  });

  test('that is truncated JSON is requested again', async () => {
    const h = await start();
    h.server.on('/threats', raw('{"threats":[{"threatId":"a"},'), raw(''), EMPTY);
    expect((await listThreats(h)).items).toEqual([]);
    expect(h.server.requests).toHaveLength(3);
  });

  test('of a refusal that breaks off does not hide the refusal', async () => {
    const h = await start(once);
    h.server.on('/threats', cutOff('{"message":"no licen', 402));
    expect(await upstreamError(listThreats(h))).toMatchObject({ code: 'NOT_LICENSED', status: 402 });
  });

  test('that is not UTF-8 is bad data, in a list and in a detail', async () => {
    const h = await start();
    const body = Buffer.from([
      ...Buffer.from('{"threatId":"a","messages":[],"tenantName":"'),
      0xff,
      0x22,
      0x7d,
    ]);
    h.server.on('/threats', raw(body));
    h.server.on('/threats/a', raw(body));
    expect(await upstreamError(listThreats(h))).toMatchObject({ code: 'BAD_BODY' });
    const error = await decodeError(h.client.detail('threat', 'a', null, POLL));
    expect(error.message).toMatch(/not UTF-8/);
    expect(error.body).toContain('"tenantName":"\uFFFD"');
  });

  test('with a duplicate key is bad data, because parsers disagree about which value counts', async () => {
    const h = await start();
    h.server.on('/cases/1', raw('{"caseId":1,"severity":"a","severity":"b"}'));
    const error = await decodeError(h.client.detail('case', '1', null, POLL));
    expect(error.message).toMatch(/"severity" occurs twice/);
  });

  test('with a byte order mark is read', async () => {
    const h = await start();
    h.server.on('/threats', raw('\uFEFF{"threats":[]}'));
    expect((await listThreats(h)).items).toEqual([]);
  });
});

describe('a response that never ends', () => {
  test.each<[string, Reply]>([
    ['a request without an answer', hang],
    ['a body without an end', stall('{"threats":[')],
  ])('(%s) is aborted after the time limit', async (_name, reply) => {
    const h = await start({ timeoutMs: 50, retry: { tries: 2 } });
    h.server.on('/threats', reply);
    const error = await upstreamError(listThreats(h));
    expect(error).toMatchObject({ code: 'TIMEOUT' });
    expect(error.message).toContain('50 ms');
    expect(h.server.requests).toHaveLength(2);
  });

  test('gets a new time limit for each attempt', async () => {
    const h = await start({ timeoutMs: 1_000 });
    h.server.on('/threats', hang, stall('{'), EMPTY);
    expect((await listThreats(h)).items).toEqual([]);
  });
});

describe('an unreachable upstream', () => {
  test('is tried again', async () => {
    const h = await start();
    h.server.on('/threats', hangUp, hangUp, EMPTY);
    expect((await listThreats(h)).items).toEqual([]);
  });

  test('is reported after the last attempt with the reason of the operating system', async () => {
    const gone = await startUpstream();
    await gone.close();
    const h = await start({ baseUrl: gone.baseUrl, retry: { tries: 2 } });
    const error = await upstreamError(listThreats(h));
    expect(error).toMatchObject({ code: 'UNREACHABLE', status: null, body: null });
    expect(error.message).toContain('ECONNREFUSED');
  });
});

describe('cancellation', () => {
  const cancelled = async (call: (signal: AbortSignal) => Promise<unknown>, when: () => Promise<void>) => {
    const controller = new AbortController();
    const error = upstreamError(call(controller.signal));
    await when();
    controller.abort();
    return error;
  };
  const seen = (h: Harness) => async () => {
    while (h.server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  const listWith = (h: Harness) => (signal: AbortSignal) => {
    return h.client.list('threats', 'receivedTime', WINDOW, 1, { priority: 'poll', signal });
  };

  test.each<[string, Reply]>([
    ['a request without an answer', hang],
    ['a body without an end', stall('{"threats":[')],
  ])('aborts %s', async (_name, reply) => {
    const h = await start({ timeoutMs: 3_600_000 });
    h.server.on('/threats', reply);
    expect(await cancelled(listWith(h), seen(h))).toMatchObject({ code: 'CANCELLED' });
    expect(h.server.requests).toHaveLength(1);
  });

  test('ends the wait for the next attempt', async () => {
    const h = await start({ retry: { baseMs: 3_600_000, capMs: 3_600_000, random: () => 1 } });
    h.server.on('/threats', json({}, 500));
    expect(await cancelled(listWith(h), seen(h))).toMatchObject({ code: 'CANCELLED' });
  });

  test('ends the wait in the queue', async () => {
    const time = new VirtualTime();
    const h = await start({
      clock: time.now,
      budget: createBudget({ rpm: 300, concurrency: 4, clock: time.now, startTimer: time.startTimer }),
    });
    h.budget.pause(60_000);
    const error = await cancelled(listWith(h), async () => {
      expect(h.budget.snapshot().waiting.poll).toBe(1);
    });
    expect(error).toMatchObject({ code: 'CANCELLED' });
    expect(h.budget.snapshot().waiting.poll).toBe(0);
    expect(h.server.requests).toHaveLength(0);
  });

  test('by closing the client ends every call, and every later call fails', async () => {
    const h = await start();
    h.server.on('/threats', hang);
    const error = upstreamError(listThreats(h));
    await seen(h)();
    h.client.close();
    expect(await error).toMatchObject({ code: 'CANCELLED' });
    expect(await upstreamError(listThreats(h))).toMatchObject({ code: 'CANCELLED' });
  });
});

describe('the API token', () => {
  const echoes: [string, Reply][] = [
    ['as it is', json({ message: `bad token ${TOKEN}` }, 401)],
    ['as JSON may write it', raw(`{"message":"bad token ${TOKEN.replaceAll('/', '\\/')}"}`, 401)],
    ['as URLs write it', json({ message: `bad token ${encodeURIComponent(TOKEN)}` }, 403)],
    ['cut off within it', cutOff(`{"message":"bad token ${TOKEN.slice(0, 20)}`)],
    ['beyond a size limit', raw(`${'x'.repeat(65_500)}${TOKEN}${'x'.repeat(100_000)}`, 500)],
    ['in an HTML page', raw(`<html><title>${TOKEN}</title></html>`, 200)],
    ['in a list that is none', json({ echo: TOKEN })],
    ['in an item without an id', json({ threats: [{ echo: TOKEN }] })],
  ];

  test.each(echoes)('echoed in %s appears in no error, response or log', async (_name, reply) => {
    const h = await start({ retry: { tries: 2 }, maxBodyBytes: 120_000 });
    h.server.on('/threats', reply);
    const outcome = await listThreats(h).catch((error: UpstreamError) => [
      error.message,
      error.body,
      error.stack,
    ]);
    const all = (JSON.stringify(outcome) + h.logged()).replaceAll('\\', '');
    for (const form of [TOKEN, encodeURIComponent(TOKEN), TOKEN.slice(0, 20)])
      expect(all).not.toContain(form);
  });

  test('echoed in a record appears in neither the record nor the payload', async () => {
    const h = await start();
    h.server.on('/cases/1', json({ caseId: 1, affectedEmployee: `Bearer ${TOKEN}` }));
    const { record, payload } = await h.client.detail('case', '1', null, POLL);
    expect(record.affectedEmployee).toBe('Bearer [token]');
    expect(JSON.stringify(payload)).not.toContain(TOKEN);
  });

  test('echoed in an undecodable record does not appear in the stored body', async () => {
    const h = await start();
    h.server.on('/cases/1', json({ caseId: { token: TOKEN } }));
    const error = await decodeError(h.client.detail('case', '1', null, POLL));
    expect(error.body).toBe('{"caseId":{"token":"[token]"}}');
    expect(`${error.message}${error.stack}`).not.toContain(TOKEN);
  });
});
