import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DecodeError } from '../../src/resources/wire.js';
import type { SimulatedToken } from '../../src/simulator/routes.js';
import { startSimulator } from '../../src/simulator/server.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { hangUp, json, raw } from '../support/upstream-server.js';
import { type Harness, POLL, startHarness, upstreamError } from './harness.js';

const PATH = '/soar/tokens';
const ONE = { token_id: '6a2f', name: 'gateway', version: 'v2', status: 'active', permissions: [] };

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness();
});
afterEach(() => harness.close());

describe('the list of API tokens', () => {
  test('contains what Abnormal reports about each token, with times in UTC', async () => {
    const times = { created_at: '2026-01-02T03:04:05.678901+02:00', expires_at: '2026-04-02 03:04:05' };
    harness.server.on(PATH, json({ data: [{ ...ONE, ...times, status: ' Active' }], pagination: {} }));
    expect(await harness.client.tokens(POLL)).toEqual([
      {
        ...{ id: '6a2f', name: 'gateway', status: 'active' },
        ...{ createdAt: '2026-01-02T01:04:05.678Z', expiresAt: '2026-04-02T03:04:05.000Z' },
        permissions: null,
      },
    ]);
    expect(harness.server.requests.map(({ query }) => query.get('limit'))).toEqual(['200']);
  });

  test('contains the permissions of a token, up to the number and length that can be stored', async () => {
    const permissions = Array.from({ length: 500 }, (_, index) => `read_${index}_${'x'.repeat(5000)}`);
    harness.server.on(PATH, json({ data: [{ ...ONE, permissions }], pagination: {} }));
    const [token] = (await harness.client.tokens(POLL)) ?? [];
    expect(token?.permissions).toHaveLength(200);
    expect(token?.permissions?.every((name) => name.length === 100)).toBe(true);
  });

  test('keeps a token with unreadable times', async () => {
    harness.server.on(PATH, json({ data: [{ ...ONE, created_at: 'last week', expires_at: null }] }));
    expect(await harness.client.tokens(POLL)).toMatchObject([
      { id: '6a2f', createdAt: null, expiresAt: null },
    ]);
  });

  test('may be empty, which differs from an unavailable list', async () => {
    harness.server.on(PATH, json({ data: [] }));
    expect(await harness.client.tokens(POLL)).toEqual([]);
  });

  test.each([400, 402, 403, 404])('is unavailable if the status is %d', async (status) => {
    harness.server.on(PATH, json({ message: 'no' }, status));
    expect(await harness.client.tokens(POLL)).toBeNull();
  });

  test.each([
    ['a body without a list', json({ status: 'success' })],
    ['a list of something else', json({ data: ['6a2f'] })],
    ['a token without an id', json({ data: [{ ...ONE, token_id: '' }] })],
  ])('is rejected: %s', async (_what, reply) => {
    harness.server.on(PATH, reply);
    await expect(harness.client.tokens(POLL)).rejects.toThrow(DecodeError);
  });

  test.each([
    ['TOKEN_REJECTED', json({ message: 'no' }, 401)],
    ['SERVER_ERROR', raw('', 500)],
    ['UNREACHABLE', hangUp],
    ['BAD_BODY', raw('<html>')],
  ])('fails like any other request: %s', async (code, reply) => {
    harness.server.on(PATH, reply);
    expect((await upstreamError(harness.client.tokens(POLL))).code).toBe(code);
  });
});

describe('the token list of the simulator', () => {
  const now = Date.parse('2026-03-01T00:00:00Z');
  const tenant = createTenant({
    ...{ seed: 1, from: '2026-01-01T00:00:00.000Z', to: '2026-02-01T00:00:00.000Z' },
    ...{ threats: 1, cases: 0, campaigns: 0 },
  });
  const token = (id: string, createdAt: string, expiresAt: string, isRevoked = false): SimulatedToken => ({
    ...{ id, name: `token ${id}`, isRevoked },
    ...{ createdAt: `${createdAt}T00:00:00.000Z`, expiresAt: `${expiresAt}T00:00:00.000Z` },
  });

  async function ask(query: string, tokens?: readonly SimulatedToken[]) {
    const simulator = await startSimulator({ tenant, clock: () => now, ...(tokens ? { tokens } : {}) });
    try {
      const headers = { authorization: `Bearer ${simulator.token}` };
      const answer = await fetch(`${simulator.baseUrl}/soar/tokens${query}`, { headers });
      const body = (await answer.json()) as { data?: { token_id: string; status: string }[] };
      return { status: answer.status, tokens: body.data?.map((each) => `${each.token_id} ${each.status}`) };
    } finally {
      await simulator.close();
    }
  }
  const all = [
    token('a', '2026-01-01', '2026-04-01'),
    token('b', '2026-02-01', '2026-05-01'),
    token('c', '2025-11-01', '2026-02-01'),
    token('d', '2026-02-02', '2026-05-02', true),
    token('e', '2026-03-02', '2026-06-02'),
  ];

  test('answers 404 if no tokens are configured', async () => {
    expect(await ask('')).toEqual({ status: 404, tokens: undefined });
  });

  test.each([
    ['', ['b active', 'a active']],
    ['?sort_by=created_at', ['a active', 'b active']],
    ['?show_all=true&sort_by=expires_at', ['c expired', 'a active', 'b active', 'd revoked']],
    ['?limit=1&offset=1', ['a active']],
  ])('contains the valid tokens, newest first, unless asked otherwise: %s', async (query, tokens) => {
    expect(await ask(query, all)).toEqual({ status: 200, tokens });
  });

  test('refuses to return more than 200', async () => {
    expect(await ask('?limit=201', all)).toMatchObject({ status: 400 });
  });
});
