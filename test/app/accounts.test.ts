import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Secret } from '../../src/values/secret.js';
import { Gateway } from './gateway.js';

const CONNECT = `mutation($name: ID!, $baseUrl: String, $token: Token!) {
  connectIntegration(name: $name, baseUrl: $baseUrl, token: $token) {
    integration { name origin baseUrl tokenHint tokenState tokenStoredAt createdAt }
    test { works parts { part outcome message } }
  }
}`;
const ROTATE = `mutation($name: ID!, $token: Token!) {
  rotateIntegrationToken(name: $name, token: $token) { integration { name tokenHint } }
}`;
const REMOVE = 'mutation($name: ID!) { removeIntegration(name: $name) { name integration { origin } } }';
const INTEGRATIONS =
  '{ integrations { name origin tokenState tokenMessage tokenHint streams { resource status } } }';

interface Listed {
  readonly name: string;
  readonly origin: string | null;
  readonly tokenState: string | null;
  readonly tokenHint: string | null;
  readonly streams: readonly { readonly resource: string; readonly status: string }[];
}

let gateway: Gateway;

beforeEach(() => {
  gateway = new Gateway();
});
afterEach(() => gateway.clear());

async function listed(): Promise<readonly Listed[]> {
  const { integrations } = await gateway.data<{ integrations: Listed[] }>(INTEGRATIONS);
  return integrations;
}

/** Waits until all streams of an integration stand so. */
async function stands(name: string, status: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const own = (await listed()).find((each) => each.name === name);
      expect(own?.streams.map((stream) => stream.status)).toEqual([status, status, status, status]);
    },
    { timeout: 200_000, interval: 50 },
  );
}

async function count(name: string): Promise<number> {
  const { threats } = await gateway.data<{ threats: { totalCount: number } }>(
    'query($in: [ID!]) { threats(integrations: $in, first: 1) { totalCount } }',
    { in: [name] },
  );
  return threats.totalCount;
}

/** Waits until so many threats of an integration are held. */
async function holds(name: string, threats: number): Promise<void> {
  await vi.waitFor(async () => expect(await count(name)).toBe(threats), { timeout: 200_000, interval: 50 });
}

test('a gateway without an account accepts one by mutation, polls it, recovers after a token rotation, and removes it', async () => {
  const first = 'first-token-0001';
  const second = 'second-token-0002';
  const emea = await gateway.tenant('one', { token: first });
  expect(await gateway.start()).toEqual([]);
  expect(await listed()).toEqual([]);

  const { connectIntegration } = await gateway.data<Record<string, unknown>>(CONNECT, {
    ...{ name: 'emea', baseUrl: emea.baseUrl, token: first },
  });
  expect(connectIntegration).toMatchObject({
    integration: {
      name: 'emea',
      origin: 'ABNORMAL',
      baseUrl: emea.baseUrl,
      tokenHint: '0001',
      tokenState: 'OK',
    },
    test: { works: true },
  });
  await holds('emea', 30);
  await stands('emea', 'OK');

  emea.renewToken(second);
  const poll = 'mutation { pollNow { finished polls { integration resource run { status trigger } } } }';
  const { pollNow } = await gateway.data<{ pollNow: { finished: boolean; polls: unknown[] } }>(poll);
  expect(pollNow.finished).toBe(true);
  expect(pollNow.polls).toHaveLength(3);
  await stands('emea', 'TOKEN_REJECTED');
  expect((await listed())[0]).toMatchObject({ tokenState: 'REJECTED' });

  await gateway.data(ROTATE, { name: 'emea', token: second });
  await stands('emea', 'OK');
  expect((await listed())[0]).toMatchObject({ tokenState: 'OK', tokenHint: '0002' });

  const { removeIntegration } = await gateway.data<Record<string, unknown>>(REMOVE, { name: 'emea' });
  expect(removeIntegration).toEqual({ name: 'emea', integration: { origin: null } });
  emea.resetStats();
  expect(await count('emea')).toBe(30);
  const { errors } = await gateway.ask('mutation { pollNow { finished } }');
  expect(errors[0]?.extensions.code).toBe('NOT_POSSIBLE');
  expect(emea.stats().requests).toBe(0);

  const log = gateway.lines.join('');
  expect(log).toContain('TOKEN_REJECTED');
  for (const token of [first, second]) expect(log).not.toContain(token);
});

test('accounts that a separate command adds, rotates and removes are picked up without a restart', async () => {
  const [first, second] = ['beside-token-0001', 'beside-token-0002'];
  const apac = await gateway.tenant('one', { token: second });
  await gateway.start();
  const { baseUrl } = apac;
  await gateway.beside((vault) => vault.add({ name: 'apac', baseUrl, token: new Secret(first) }));
  await stands('apac', 'TOKEN_REJECTED');
  await gateway.beside((vault) => vault.rotate('apac', new Secret(second)));
  await holds('apac', 30);
  await stands('apac', 'OK');
  await gateway.beside((vault) => vault.remove('apac'));
  await vi.waitFor(
    async () => expect(await listed()).toMatchObject([{ name: 'apac', origin: null }]),
    200_000,
  );
  apac.resetStats();
  expect(await count('apac')).toBe(30);
  expect(apac.stats().requests).toBe(0);
  for (const token of [first, second]) expect(gateway.lines.join('')).not.toContain(token);
});

test('an account whose token is refused does not stop the others, and each has its own budget', async () => {
  const good = await gateway.tenant('one', { token: 'good-token-0001' });
  const bad = await gateway.tenant('one', { token: 'bad-token-00001' });
  await gateway.start();
  await gateway.data(CONNECT, { name: 'bad', baseUrl: bad.baseUrl, token: 'not-that-token-1' });
  await gateway.data(CONNECT, { name: 'good', baseUrl: good.baseUrl, token: good.token });
  await stands('good', 'OK');
  await stands('bad', 'TOKEN_REJECTED');
  await holds('good', 30);
  const { upstreamBudget: used } = await gateway.data<{ upstreamBudget: { used: number; limit: number } }>(
    '{ upstreamBudget(integration: "bad") { used limit } }',
  );
  const { upstreamBudget: theirs } = await gateway.data<{ upstreamBudget: { used: number } }>(
    '{ upstreamBudget(integration: "good") { used } }',
  );
  expect(used.limit).toBe(60_000);
  expect(used.used).toBeLessThan(10);
  expect(theirs.used).toBeGreaterThan(30);
});

test('another address needs another token, and the history continues under the same name', async () => {
  const old = await gateway.tenant('one', { token: 'old-token-000001' });
  const young = await gateway.tenant('one', { token: 'new-token-000002' });
  await gateway.start();
  await gateway.data(CONNECT, { name: 'emea', baseUrl: old.baseUrl, token: old.token });
  await holds('emea', 30);
  const update = `mutation($baseUrl: String, $token: Token!) {
    updateIntegration(name: "emea", baseUrl: $baseUrl, token: $token) { integration { baseUrl } }
  }`;
  await gateway.data(update, { baseUrl: young.baseUrl, token: young.token });
  await vi.waitFor(() => expect(young.stats().requests).toBeGreaterThan(0), 200_000);
  old.resetStats();
  await vi.waitFor(() => expect(young.stats().requests).toBeGreaterThan(3), 200_000);
  await stands('emea', 'OK');
  expect(await count('emea')).toBe(30);
  expect(old.stats().requests).toBe(0);
});

describe('an invalid mutation is refused with a clear error', () => {
  test('that never contains the token, however malformed the input', async () => {
    const token = 'mistaken-token-0001';
    await gateway.start();
    const wrong: [query: string, variables: object][] = [
      [CONNECT, { name: 'a', token: { token } }],
      [CONNECT, { name: 'a', token: [token] }],
      [CONNECT, { name: 'Bad Name', token }],
      [CONNECT, { name: 'a', token: `Bearer ${token}` }],
      [CONNECT, { name: 'a', baseUrl: 'http://example.test', token }],
      [CONNECT, { name: 'a', baseUrl: 'http://10.0.0.1/v1', token }],
      [CONNECT, { token }],
      [ROTATE, { name: 'nobody', token }],
      [`mutation { connectIntegration(name: "a", token: [{ t: "${token}" }]) { integration { name } } }`, {}],
      [`mutation { connectIntegration(name: "a", token "${token}") { integration { name } } }`, {}],
      [
        `mutation($t: String) { rotateIntegrationToken(name: "a", token: $t) { integration { name } } }`,
        { t: token },
      ],
    ];
    for (const [query, variables] of wrong) {
      // more than once, since what comes again may take another way
      for (let time = 0; time < 3; time += 1) {
        const text = await (await gateway.post({ query, variables })).text();
        expect(text).toContain('"errors"');
        expect(text).not.toContain(token);
      }
    }
    expect(await listed()).toEqual([]);
    const trail = await gateway.data('{ auditTrail(first: 100) { nodes { detail target } } }');
    expect(JSON.stringify(trail)).not.toContain(token);
    expect(gateway.lines.join('')).not.toContain(token);
  });

  test('if the encryption key is not set', async () => {
    await gateway.clear();
    gateway = new Gateway({ ENCRYPTION_KEY: '', SIMULATOR: 'off' });
    expect(await gateway.start()).toEqual([]);
    const { errors } = await gateway.ask(CONNECT, { name: 'a', token: 'some-token-00001' });
    expect(errors[0]).toMatchObject({ extensions: { code: 'NOT_POSSIBLE' } });
    expect(errors[0]?.message).toContain('ENCRYPTION_KEY is not set');
  });

  test('if the history contains simulated records', async () => {
    await gateway.clear();
    gateway = new Gateway({ SIMULATOR: 'on' });
    expect(await gateway.start()).toEqual(['simulated']);
    await stands('simulated', 'OK');
    const { errors } = await gateway.ask(CONNECT, { name: 'a', token: 'some-token-00001' });
    expect(errors[0]).toMatchObject({ extensions: { code: 'NOT_POSSIBLE' } });
    expect(errors[0]?.message).toContain('contains records of the simulated tenant');
  });
});

test('the audit trail records who did what, including failed attempts', async () => {
  const emea = await gateway.tenant('one', { token: 'audit-token-0001' });
  await gateway.start();
  await gateway.data(CONNECT, { name: 'emea', baseUrl: emea.baseUrl, token: emea.token });
  await gateway.ask(ROTATE, { name: 'nobody', token: 'some-token-00001' });
  await gateway.data('mutation { pollNow(resources: [CASES]) { finished } }');
  await gateway.data(REMOVE, { name: 'emea' });
  const { auditTrail } = await gateway.data<{ auditTrail: Record<string, unknown> }>(`{
    auditTrail(first: 3) {
      totalCount
      nodes { index action target outcome caller { kind role } }
      pageInfo { hasNextPage endCursor }
      chain { intact length }
    }
  }`);
  expect(auditTrail).toMatchObject({
    totalCount: 5,
    nodes: [
      { index: 5, action: 'REMOVE_INTEGRATION', target: 'emea', outcome: 'SUCCEEDED' },
      { index: 4, action: 'POLL', target: null, outcome: 'SUCCEEDED' },
      { index: 3, action: 'ROTATE_INTEGRATION_TOKEN', target: 'nobody', outcome: 'FAILED' },
    ],
    pageInfo: { hasNextPage: true },
    chain: { intact: true, length: 5 },
  });
  const { endCursor } = auditTrail.pageInfo as { endCursor: string };
  const rest = await gateway.data(
    'query($after: String) { auditTrail(after: $after) { nodes { index action } } }',
    {
      after: endCursor,
    },
  );
  expect(rest).toEqual({
    auditTrail: {
      nodes: [
        { index: 2, action: 'TEST_INTEGRATION' },
        { index: 1, action: 'CONNECT_INTEGRATION' },
      ],
    },
  });
});

test('mutations run in the order of the document, and never by GET', async () => {
  const emea = await gateway.tenant('one', { token: 'order-token-0001' });
  await gateway.start();
  const both = `mutation($baseUrl: String, $token: Token!) {
    made: connectIntegration(name: "emea", baseUrl: $baseUrl, token: $token) { integration { name } }
    again: connectIntegration(name: "emea", baseUrl: $baseUrl, token: $token) { integration { name } }
    gone: removeIntegration(name: "emea") { name }
  }`;
  const variables = { baseUrl: emea.baseUrl, token: emea.token };
  for (let time = 0; time < 4; time += 1) {
    const { data, errors } = await gateway.ask(both, variables);
    expect(data).toEqual({ made: { integration: { name: 'emea' } }, again: null, gone: { name: 'emea' } });
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT']);
  }
  const { auditTrail } = await gateway.data<{ auditTrail: { totalCount: number } }>(
    '{ auditTrail { totalCount } }',
  );
  expect(auditTrail.totalCount).toBe(12);

  const query = encodeURIComponent('mutation { removeIntegration(name: "emea") { name } }');
  const headers = { 'apollo-require-preflight': 'yes', accept: 'application/json' };
  const response = await fetch(`${gateway.url}/graphql?query=${query}`, { headers });
  expect(response.status).toBe(405);
  expect(await gateway.data<typeof auditTrail & object>('{ auditTrail { totalCount } }')).toEqual({
    auditTrail: { totalCount: 12 },
  });
});

test('a gateway without an account is ready and reports that it has none', async () => {
  await gateway.start();
  const response = await fetch(`${gateway.url}/readyz`);
  expect([response.status, await response.text()]).toEqual([
    200,
    expect.stringContaining('no account is connected'),
  ]);
  const { errors } = await gateway.ask('mutation { pollNow { finished } }');
  expect(errors[0]).toMatchObject({ extensions: { code: 'NOT_POSSIBLE' } });
});

describe('a poll or reconciliation that an operator starts', () => {
  const POLL = `mutation($wait: Int, $in: [ID!]) {
    pollNow(wait: $wait, integrations: $in, resources: [THREATS]) {
      finished
      polls { integration resource finished run { runId status trigger counts { added } } }
    }
  }`;
  interface Polled {
    readonly finished: boolean;
    readonly polls: readonly {
      readonly finished: boolean;
      readonly run: { readonly runId: string } | null;
    }[];
  }
  const poll = async (variables: object): Promise<Polled> =>
    (await gateway.data<{ pollNow: Polled }>(POLL, variables)).pollNow;

  test('a poll on request continues after its caller stops waiting, and later requests join it', async () => {
    const emea = await gateway.tenant('one', { token: 'slow-token-00001', latencyMs: 150 });
    await gateway.start();
    await gateway.data(CONNECT.replace(/test [{].*[}] [}]/s, ''), {
      ...{ name: 'emea', baseUrl: emea.baseUrl, token: emea.token },
    });
    await vi.waitFor(() => expect(emea.stats().requests).toBeGreaterThan(8), 200_000);
    const begun = await poll({ wait: 0 });
    expect(begun).toMatchObject({
      finished: false,
      polls: [{ integration: 'emea', resource: 'THREATS', finished: false, run: { status: 'RUNNING' } }],
    });
    const both = [poll({ wait: 20, in: ['emea'] }), poll({ wait: 20, in: ['emea'] })];
    const [ended, joined] = await Promise.all(both);
    expect(ended).toMatchObject({
      finished: true,
      polls: [{ finished: true, run: { status: 'SUCCEEDED' } }],
    });
    expect(joined?.polls[0]?.run?.runId).toBe(ended?.polls[0]?.run?.runId);
    expect(await count('emea')).toBe(30);
  });

  test('compares the stored records with Abnormal’s, one comparison at a time', async () => {
    const emea = await gateway.tenant('one', { token: 'fast-token-00001' });
    await gateway.start();
    await gateway.data(CONNECT, { name: 'emea', baseUrl: emea.baseUrl, token: emea.token });
    await holds('emea', 30);
    await poll({ wait: 20 });
    const reconcile = `mutation($from: DateTime) {
      reconcileNow(resources: [THREATS], from: $from, wait: 20) {
        finished reconciliations { verdict integration resource held }
      }
    }`;
    const answers = await Promise.all([gateway.ask(reconcile), gateway.ask(reconcile)]);
    const codes = answers.flatMap(({ errors }) => errors.map(({ extensions }) => extensions.code));
    expect(codes).toEqual(['NOT_POSSIBLE']);
    const done = answers.find(({ errors }) => errors.length === 0);
    expect(done?.data).toMatchObject({
      reconcileNow: {
        finished: true,
        reconciliations: [{ verdict: 'MATCH', integration: 'emea', resource: 'THREATS' }],
      },
    });
    const late = await gateway.ask(reconcile, { from: '2999-01-01T00:00:00Z' });
    expect(late.errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  test('is refused for an unknown account and for a wait that is too long', async () => {
    const emea = await gateway.tenant('one', { token: 'fast-token-00001' });
    await gateway.start();
    await gateway.data(CONNECT, { name: 'emea', baseUrl: emea.baseUrl, token: emea.token });
    for (const variables of [{ in: ['nobody'] }, { wait: 26 }, { wait: -1 }]) {
      const { errors } = await gateway.ask(POLL, variables);
      expect(errors.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT']);
    }
  });
});
