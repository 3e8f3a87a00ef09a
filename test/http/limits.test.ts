import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Role } from '../../src/values/access.js';
import { Playground } from '../support/app.js';
import { hang, json, startUpstream, type UpstreamServer } from '../support/upstream-server.js';

const play = new Playground();
const folder = mkdtempSync(join(tmpdir(), 'gateway-limits-'));
let upstream: UpstreamServer | null = null;

afterEach(async () => {
  await play.stop();
  await upstream?.close();
  upstream = null;
});

afterAll(async () => {
  await play.clear();
  rmSync(folder, { recursive: true, force: true });
});

const MODERN = 'application/graphql-response+json';
const KEYS = { reader: 'reader-0123456789-0123456789-0123', operator: 'operator-0123456789-0123456789-01' };
const API_KEYS = Object.entries(KEYS)
  .map(([role, key]) => `${role}:${role}:${key}`)
  .join(',');

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { message: string; extensions: Record<string, unknown> }[];
  readonly extensions?: { cost?: { requested: number; actual: number; limit: number } };
}

async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answered> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: MODERN, ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, ...((await response.json()) as object) };
}

const as = (role: keyof typeof KEYS & Role) => ({ authorization: `Bearer ${KEYS[role]}` });
const codesOf = ({ errors = [] }: Answered) => errors.map(({ extensions }) => extensions.code);

describe('an operation', () => {
  test('that is too large or too expensive is refused in both media types, and no part of it runs', async () => {
    const { url } = await play.start();
    const deep = {
      query: `{ node(id: "x") { ${'... on Case { threats { nodes { '.repeat(1)}${'cases { nodes { threats { nodes { '.repeat(6)}id${' } } } }'.repeat(6)} } } } } }`,
    };
    const refused = await post(url, deep);
    expect(refused).toMatchObject({ status: 400, errors: [{ extensions: { limit: 'depth', allowed: 15 } }] });
    expect(refused.headers.get('content-type')).toContain(MODERN);
    expect(codesOf(refused)).toEqual(['LIMIT_EXCEEDED']);
    const measured = await (await fetch(`${url}/metrics`)).text();
    expect(measured).toMatch(/graphql_errors_total\{code="LIMIT_EXCEEDED"\} 1\b/);
    const older = await post(url, deep, { accept: 'application/json' });
    expect(older.status).toBe(200);
    expect(older.headers.get('content-type')).toContain('application/json');
    const dear =
      '{ threats(first: 100) { nodes { messages(first: 100) { nodes { subject } } cases(first: 100) { nodes { threats(first: 20) { nodes { id } } } } } } }';
    expect(await post(url, { query: dear })).toMatchObject({
      status: 400,
      errors: [{ extensions: { code: 'COST_EXCEEDED', requested: 220_200, limit: 100_000 } }],
    });
  });

  test('is measured in a GET as the server reads it', async () => {
    const { url } = await play.start({ COST_LIMITS: 'admin=50' });
    const params = new URLSearchParams({
      query: 'query ($first: Int) { cases(first: $first, after: "x") { nodes { id } } }',
      variables: '{"first": 51}',
    });
    const get = (search: string) =>
      fetch(`${url}/graphql?${search}`, { headers: { 'apollo-require-preflight': '1' } });
    expect(await (await get(`${params}`)).json()).toMatchObject({
      errors: [{ extensions: { code: 'COST_EXCEEDED', requested: 51, limit: 50 } }],
    });
    // what a proxy or a client may have left behind a “#” is not there for either
    expect(await (await get(`${params}#&variables={}`)).json()).toMatchObject({
      errors: [{ extensions: { code: 'COST_EXCEEDED' } }],
    });
  });

  test('reports its cost, also in a cached response', async () => {
    const { url } = await play.start();
    await play.collected(url);
    const query = '{ cases(first: 5) { nodes { caseId threats(first: 2) { nodes { threatId } } } } }';
    const first = await post(url, { query });
    const { cases } = first.data as { cases: { nodes: { threats: { nodes: unknown[] } }[] } };
    const { nodes } = cases;
    const given = nodes.length + nodes.reduce((sum, { threats }) => sum + threats.nodes.length, 0);
    expect(first.extensions).toEqual({ cost: { requested: 5 + 10 + 100, actual: given, limit: 100_000 } });
    for (let again = 0; again < 4; again += 1) {
      const { data, extensions } = await post(url, { query });
      expect({ data, extensions }).toEqual({ data: first.data, extensions: first.extensions });
    }
  });

  test('must be alone: a list of operations is refused', async () => {
    const { url } = await play.start();
    const answer = await post(url, [{ query: '{ __typename }' }, { query: '{ __typename }' }]);
    expect(answer.status).toBe(400);
    expect(answer.errors?.[0]).toMatchObject({
      message: expect.stringContaining('a list of 2'),
      extensions: { code: 'BAD_REQUEST' },
    });
    expect(answer.data).toBeUndefined();
  });

  test('is not stored under a hash for later use without its text', async () => {
    const { url } = await play.start();
    const query = '{ __typename }';
    const sha256Hash = createHash('sha256').update(query).digest('hex');
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    expect(codesOf(await post(url, { query, extensions }))).toEqual(['PERSISTED_QUERY_NOT_SUPPORTED']);
    expect(codesOf(await post(url, { extensions }))).toEqual(['PERSISTED_QUERY_NOT_SUPPORTED']);
  });
});

describe('the request rate', () => {
  test('is counted by caller, reported in headers, and refused with the time to retry', async () => {
    const { url } = await play.start({ API_KEYS, RATE_LIMIT: '3' });
    const ask = (role: keyof typeof KEYS) => post(url, { query: '{ __typename }' }, as(role));
    const answers = [await ask('reader'), await ask('reader'), await ask('reader'), await ask('reader')];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(answers.map(({ headers }) => headers.get('ratelimit-remaining'))).toEqual(['2', '1', '0', '0']);
    const [, , , last] = answers;
    expect(last && codesOf(last)).toEqual(['RATE_LIMITED']);
    expect(last?.headers.get('ratelimit-limit')).toBe('3');
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(last?.headers.get('ratelimit-reset'))).toBeLessThanOrEqual(60);
    expect((await ask('operator')).status).toBe(200);
    for (const path of ['healthz', 'healthz', 'healthz', 'healthz']) {
      expect((await fetch(`${url}/${path}`)).status).toBe(200);
    }
  });

  test('is not limited for this machine without authentication', async () => {
    const { url } = await play.start({ RATE_LIMIT: '2' });
    const statuses = [];
    for (let n = 0; n < 6; n += 1) statuses.push((await post(url, { query: '{ __typename }' })).status);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});

describe('an operation manifest', () => {
  const body = 'query Cases { cases(first: 1) { totalCount } }';
  const id = 'cases-by-number';
  const path = join(folder, 'manifest.json');
  const manifest = { format: 'apollo-persisted-query-manifest', version: 1 };

  function listed(operations: unknown, changes = {}): Record<string, string> {
    writeFileSync(
      path,
      typeof operations === 'string' ? operations : JSON.stringify({ ...manifest, operations, ...changes }),
    );
    return { API_KEYS, PERSISTED_OPERATIONS: path };
  }

  test('limits readers to its operations, by id or text, and no other role', async () => {
    const { url } = await play.start(listed([{ id, name: 'Cases', type: 'query', body }]));
    const byId = { extensions: { persistedQuery: { version: 1, sha256Hash: id } } };
    const data = { cases: { totalCount: expect.any(Number) } };
    expect(await post(url, byId, as('reader'))).toMatchObject({ status: 200, data });
    expect(await post(url, { query: body }, as('reader'))).toMatchObject({ status: 200, data });
    expect(await post(url, { query: body, ...byId }, as('reader'))).toMatchObject({ status: 200, data });
    expect(await post(url, byId, as('operator'))).toMatchObject({ status: 200, data });
    const extensions = JSON.stringify(byId.extensions);
    const get = await fetch(`${url}/graphql?${new URLSearchParams({ extensions })}`, {
      headers: { ...as('reader'), 'apollo-require-preflight': '1' },
    });
    expect(await get.json()).toMatchObject({ data });

    const other = { query: '{ threats(first: 1) { totalCount } }' };
    for (const refused of [
      other,
      { query: `${body} # and more` },
      { ...other, ...byId },
      { query: '{ __schema { types { name } } }' },
      { extensions: { persistedQuery: { version: 1, sha256Hash: 'unknown' } } },
    ]) {
      expect(codesOf(await post(url, refused, as('reader')))).toEqual(['OPERATION_NOT_LISTED']);
    }
    expect((await post(url, other, as('operator'))).data).toBeTruthy();
  });

  test.each([
    ['nothing of the kind', 'is not JSON', 'not json'],
    ['another format', '"format"', JSON.stringify({ version: 1, operations: [] })],
    ['no operations', '"operations"', JSON.stringify(manifest)],
    ['an operation without text', 'operation 1', JSON.stringify({ ...manifest, operations: [{ id }] })],
  ])('with %s is refused at startup', async (_what, why, text) => {
    await expect(play.start(listed(text))).rejects.toThrow(why);
  });

  test('that does not exist is refused at startup', async () => {
    const PERSISTED_OPERATIONS = join(folder, 'nowhere.json');
    await expect(play.start({ PERSISTED_OPERATIONS })).rejects.toThrow('nowhere.json');
  });
});

describe('a request that takes too long', () => {
  const BUDGET = '{ upstreamBudget { waiting { interactive } } }';

  async function startHanging(env: Record<string, string> = {}) {
    upstream = await startUpstream();
    for (const path of ['/threats', '/cases', '/abusecampaigns']) {
      upstream.on(path, json({ threats: [], cases: [], campaigns: [], total: 0, pageNumber: 1 }));
    }
    for (let n = 0; n < 40; n += 1) upstream.on(`/threats/t${n}`, hang);
    return play.start({
      ...{
        ABNORMAL_TOKEN: 'tok_0123456789',
        ABNORMAL_BASE_URL: upstream.baseUrl,
        HISTORY: play.history(`${Math.random()}.db`),
      },
      ...{ REQUEST_TIMEOUT: '3s', UPSTREAM_RPM: '10000', ...env },
    });
  }

  const asked = (from: number, to: number) =>
    `{ ${Array.from({ length: to - from }, (_, n) => `t${n}: threat(threatId: "t${from + n}") { threatId }`).join(' ')} }`;

  /** How many requests to Abnormal wait, once none does; as it stands when that never is. */
  async function waiting(url: string) {
    let interactive = Number.NaN;
    for (let tries = 0; tries < 5_000 && interactive !== 0; tries += 1) {
      const { data } = await post(url, { query: BUDGET });
      const { upstreamBudget } = data as { upstreamBudget: { waiting: { interactive: number } } };
      interactive = upstreamBudget.waiting.interactive;
      await delay(20);
    }
    return interactive;
  }

  test('gets an error, and everything that it waited for is cancelled', async () => {
    const { url } = await startHanging();
    const answer = await post(url, { query: asked(0, 20) });
    expect(answer).toMatchObject({ status: 200, data: null });
    expect(codesOf(answer)).toEqual(['TIMEOUT']);
    expect(await waiting(url)).toBe(0);
    // the places of those that were under way are free again: another gets to Abnormal
    const before = upstream?.requests.filter(({ path }) => path === '/threats/t30').length;
    await post(url, { query: asked(30, 31) });
    const after = upstream?.requests.filter(({ path }) => path === '/threats/t30').length;
    expect([before, after]).toEqual([0, 1]);
  });

  test('does not cancel what other requests wait for as well', async () => {
    const { url } = await startHanging({ REQUEST_TIMEOUT: '60s' });
    const record = { threatId: 't5', messages: [], nextPageNumber: null };
    let answerNow = () => {};
    upstream?.on('/threats/t5', (response, request) => {
      answerNow = () => json(record)(response, request);
    });
    const gone = new AbortController();
    const first = fetch(`${url}/graphql`, {
      ...{ method: 'POST', signal: gone.signal, body: JSON.stringify({ query: asked(5, 6) }) },
      headers: { 'content-type': 'application/json' },
    }).catch(() => 'gone');
    while (!upstream?.requests.some(({ path }) => path === '/threats/t5')) await delay(10);
    const second = post(url, { query: asked(5, 6) });
    // what is asked later is answered later: by then the second waits for the record too
    for (let n = 0; n < 5; n += 1) await post(url, { query: BUDGET });
    await delay(100);
    gone.abort();
    expect(await first).toBe('gone');
    await delay(100);
    answerNow();
    expect(await second).toMatchObject({ data: { t0: { threatId: 't5' } } });
    expect(upstream?.requests.filter(({ path }) => path === '/threats/t5').length).toBe(1);
  });

  test('is cancelled when its caller disconnects', async () => {
    const { url } = await startHanging({ REQUEST_TIMEOUT: '60s' });
    const gone = new AbortController();
    const request = fetch(`${url}/graphql`, {
      ...{ method: 'POST', signal: gone.signal, body: JSON.stringify({ query: asked(10, 30) }) },
      headers: { 'content-type': 'application/json' },
    }).catch(() => 'gone');
    while (!upstream?.requests.some(({ path }) => path === '/threats/t10')) await delay(10);
    gone.abort();
    expect(await request).toBe('gone');
    expect(await waiting(url)).toBe(0);
  });
});
