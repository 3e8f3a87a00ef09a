import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Tested as AnyTested,
  type IntegrationTest,
  type TestedPart,
  testIntegration,
} from '../../src/integrations/connection-test.js';
import { CORE_RESOURCES, type CoreResource, RESOURCES, type Resource } from '../../src/resources/registry.js';
import type { Fault, FaultRule } from '../../src/simulator/faults.js';
import type { SimulatedToken } from '../../src/simulator/routes.js';
import type { SimulatorOptions } from '../../src/simulator/server.js';
import { type Harness, startHarness, TOKEN } from '../abnormal/harness.js';
import { startHarness as startSimulated, stopAll } from '../simulator/harness.js';
import { cutOff, hang, hangUp, json, type Reply, raw } from '../support/upstream-server.js';

/** The resources that every test here asks for. */
type Tested = Exclude<AnyTested, Resource> | CoreResource;

const NOW = Date.parse('2026-03-01T12:00:00Z');
const clock = () => NOW;

function partOf({ parts }: IntegrationTest, name: Tested): TestedPart {
  const part = parts.find((each) => each.part === name);
  if (!part) throw new Error(`nothing is said of ${name}`);
  return part;
}

function outcomes({ parts }: IntegrationTest): string[] {
  return parts.map(({ part, outcome }) => `${part} ${outcome}`);
}

describe('the test of a connection', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await startHarness({ clock, timeoutMs: 3_000 });
    answer({});
  });
  afterEach(() => harness.close());

  const PATHS = {
    cases: '/cases',
    threats: '/threats',
    campaigns: '/abusecampaigns',
    tokens: '/soar/tokens',
  };
  const LISTS = {
    cases: json({ cases: [{ caseId: '1' }, { caseId: '2' }], pageNumber: 1, total: 2 }),
    threats: json({ threats: [{ threatId: 'a' }], pageNumber: 1, nextPageNumber: 2, total: 250 }),
    campaigns: json({ campaigns: [{ campaignId: 'c' }], pageNumber: 1, nextPageNumber: 2 }),
    tokens: json({ message: 'no' }, 403),
  };

  function answer(replies: Partial<Record<Tested, Reply>>): void {
    for (const part of Object.keys(PATHS) as Tested[])
      harness.server.on(PATHS[part], replies[part] ?? LISTS[part]);
  }

  async function run(replies: Partial<Record<Tested, Reply>> = {}, name = 'acme'): Promise<IntegrationTest> {
    answer(replies);
    const found = await testIntegration({ resources: CORE_RESOURCES, client: harness.client, name, clock });
    expect(found.calls).toBe(harness.server.requests.length);
    expect(JSON.stringify(found) + harness.logged()).not.toContain(TOKEN);
    for (const { message } of found.parts) expect(message).toMatch(/^[A-Z].*\.$/s);
    return found;
  }

  test('reports what works and the counts, with one call each', async () => {
    const found = await run();
    expect(found).toMatchObject({ works: true, testedAt: '2026-03-01T12:00:00.000Z', token: null, calls: 4 });
    expect(found.parts.map(({ message }) => message)).toEqual([
      'The list of cases works: 2 in the last 7 days.',
      'The list of threats works: 250 in the last 7 days.',
      'The list of campaigns works: at least 1 in the last 7 days.',
      'Abnormal does not return the end of the token for this account: its age counts from when it was stored in the gateway, and it must be replaced after 90 days.',
    ]);
    expect(partOf(found, 'threats')).toMatchObject({ outcome: 'WORKS', seen: 250, isAll: true, code: null });
    expect(partOf(found, 'campaigns')).toMatchObject({ seen: 1, isAll: false });
  });

  test('requests the cases first, all within the bounds of the vendor’s documentation', async () => {
    await run();
    const asked = harness.server.requests.map(({ method, path, query }) => [
      method,
      path,
      query.get('filter'),
    ]);
    expect(asked).toEqual([
      ['GET', '/cases', 'lastModifiedTime gte 2026-02-22T12:00:00Z lte 2026-03-01T12:00:00Z'],
      ['GET', '/threats', 'receivedTime gte 2026-02-22T12:00:00Z lte 2026-03-01T12:00:00Z'],
      ['GET', '/abusecampaigns', 'lastReportedTime gte 2026-02-22T12:00:00Z lte 2026-03-01T12:00:00Z'],
      ['GET', '/soar/tokens', null],
    ]);
    expect(harness.budget.snapshot().used).toBe(4);
  });

  test('passes with an empty list, and says that new records may not be listed yet', async () => {
    const found = await run({ cases: json({ cases: [] }), threats: json({ threats: [], total: 0 }) });
    expect(found.works).toBe(true);
    for (const part of ['cases', 'threats'] as const) {
      expect(partOf(found, part)).toMatchObject({ outcome: 'EMPTY', seen: 0, code: null });
      expect(partOf(found, part).message).toContain('15 minutes');
    }
  });

  const NONE = {
    cases: json({ cases: [] }),
    threats: json({ threats: [], total: 0 }),
    campaigns: json({ campaigns: [] }),
  };
  test('names permissions that the token may be missing if all lists are empty', async () => {
    const found = await run(NONE);
    expect(found.works).toBe(true);
    expect(partOf(found, 'threats').message).toMatch(/full portal access for the API.*allowlist/);
  });

  test.each([
    { ...NONE, campaigns: LISTS.campaigns },
    { ...NONE, threats: json({ message: 'no' }, 500) },
  ])('does not name permissions if a list has records or fails: %#', async (replies) => {
    expect(JSON.stringify(await run(replies))).not.toContain('full portal access');
  });

  const hopeless: [string, Reply, string, RegExp][] = [
    [
      'a token that is refused',
      json({ message: 'no' }, 401),
      'TOKEN_REJECTED',
      /token.*Create one in the Abnormal portal/,
    ],
    ['too many requests', json({ message: 'no' }, 429), 'RATE_LIMITED', /300 requests a minute/],
    ['a connection that ends', hangUp, 'UNREACHABLE', /network, a proxy or firewall/],
    ['no answer', hang, 'TIMEOUT', /UPSTREAM_TIMEOUT/],
    [
      'a redirect',
      raw('', 302, { location: 'https://login.example.org/' }),
      'REDIRECTED',
      /does not follow redirects/,
    ],
  ];
  test.each(hopeless)(
    'ends after %s, because no other request would succeed',
    async (_what, reply, code, words) => {
      const found = await run({ cases: reply, threats: reply, campaigns: reply });
      expect(found.works).toBe(false);
      expect(partOf(found, 'cases')).toMatchObject({
        outcome: 'FAILED',
        code,
        message: expect.stringMatching(words),
      });
      expect(outcomes(found).slice(1)).toEqual(['threats SKIPPED', 'campaigns SKIPPED', 'tokens SKIPPED']);
      expect(found.calls).toBeLessThanOrEqual(2);
    },
  );

  test('skips the remaining lists after one in the middle refuses the token', async () => {
    const found = await run({ threats: json({ message: 'no' }, 401) });
    expect(outcomes(found)).toEqual(['cases WORKS', 'threats FAILED', 'campaigns SKIPPED', 'tokens SKIPPED']);
    expect(found.works).toBe(false);
  });

  test('retries once on a connection that was closed meanwhile', async () => {
    answer({});
    harness.server.on('/cases', hangUp, LISTS.cases);
    const found = await testIntegration({
      resources: CORE_RESOURCES,
      client: harness.client,
      name: 'acme',
      clock,
    });
    expect(found).toMatchObject({ works: true, calls: 5 });
  });

  const single: [string, Reply, string, RegExp][] = [
    ['off the allowlist', json({ message: 'no' }, 403), 'FORBIDDEN', /on the allowlist/],
    ['an error of theirs', raw('<html>', 500), 'SERVER_ERROR', /on Abnormal's side/],
    ['no JSON', raw('<html>hello</html>'), 'BAD_BODY', /login page/],
    ['JSON that is no list', json({ items: [] }), 'BAD_BODY', /instead of a list of cases/],
    ['an answer that breaks off', cutOff('{"cases":['), 'BAD_BODY', /ended after/],
    ['a bad request', json({ message: 'odd' }, 400), 'BAD_REQUEST', /newer version/],
    [
      'too old',
      json({ message: 'beyond the retention period' }, 400),
      'OUT_OF_RETENTION',
      /older than Abnormal's retention/,
    ],
    ['a page that leads back', json({ cases: [], pageNumber: 1, nextPageNumber: 1 }), 'PAGING', /page 1/],
  ];
  test.each(single)('reports %s for that list, and tests the others', async (_what, reply, code, words) => {
    const found = await run({ cases: reply });
    expect(partOf(found, 'cases')).toMatchObject({
      outcome: 'FAILED',
      code,
      message: expect.stringMatching(words),
    });
    expect(outcomes(found).slice(1)).toEqual(['threats WORKS', 'campaigns WORKS', 'tokens NOT_ANSWERED']);
    expect(found).toMatchObject({ works: false, calls: 4 });
  });

  test.each([
    ['cases', json({ message: 'no' }, 402), 'NOT_LICENSED', /Account Takeover/],
    ['cases', json({ message: 'no licence' }, 403), 'NOT_LICENSED', /Account Takeover/],
    ['campaigns', json({ message: 'Not Found' }, 404), 'NOT_ENABLED', /add-on is not enabled/],
  ] as const)(
    'does not fail for a missing feature of the account: %s',
    async (part, reply, outcome, words) => {
      const found = await run({ [part]: reply });
      expect(found.works).toBe(true);
      expect(partOf(found, part)).toMatchObject({
        outcome,
        code: outcome,
        message: expect.stringMatching(words),
      });
      expect(found.calls).toBeLessThanOrEqual(7);
    },
  );

  test('reports a wrong address if there are no threats, because every account has them', async () => {
    const none = json({ message: 'Not Found' }, 404);
    const found = await run({ cases: none, threats: none, campaigns: none });
    expect(found.works).toBe(false);
    expect(partOf(found, 'threats')).toMatchObject({ outcome: 'FAILED', code: 'NOT_ENABLED' });
    expect(partOf(found, 'threats').message).toContain('base URL is wrong');
  });

  test('reports that an upstream is gone', async () => {
    await harness.server.close();
    const found = await testIntegration({
      resources: CORE_RESOURCES,
      client: harness.client,
      name: 'acme',
      clock,
    });
    expect(partOf(found, 'cases')).toMatchObject({ outcome: 'FAILED', code: 'UNREACHABLE' });
  });

  test('ends when its caller leaves', async () => {
    answer({ cases: hang });
    const stop = new AbortController();
    const test = testIntegration({
      resources: CORE_RESOURCES,
      client: harness.client,
      name: 'acme',
      clock,
      signal: stop.signal,
    });
    stop.abort();
    expect(partOf(await test, 'cases')).toMatchObject({ outcome: 'FAILED', code: 'CANCELLED' });
  });

  const token = (
    id: string,
    name: string | null,
    expires_at: string | null,
    status: string | null = 'active',
  ) => {
    return {
      token_id: id,
      name,
      status,
      version: 'v2',
      created_at: '2026-02-01T00:00:00Z',
      expires_at,
      permissions: [],
    };
  };
  const told = (...data: object[]) => json({ data, pagination: {} });
  const ours = { issuedAt: '2026-02-01T00:00:00.000Z', expiresAt: '2026-05-02T00:00:00.000Z' };

  test.each([
    ['the only one', told(token('1', 'whatever', '2026-05-02T00:00:00Z')), ours],
    [
      'the only one that is valid',
      told(
        token('1', null, '2026-05-02T00:00:00Z'),
        token('2', 'acme', '2026-02-28T00:00:00Z'),
        token('3', 'acme', null, 'revoked'),
      ),
      ours,
    ],
    [
      'the only one of its name',
      told(token('1', ' Acme ', '2026-05-02T00:00:00Z'), token('2', 'siem', null)),
      ours,
    ],
    ['one that has no end', told(token('1', 'acme', null)), { ...ours, expiresAt: null }],
  ])('finds the expiry of the token by %s', async (_what, tokens, times) => {
    const found = await run({ tokens });
    expect(found.token).toEqual(times);
    expect(partOf(found, 'tokens').outcome).toBe('WORKS');
  });

  test.each([
    [
      'of several of other names',
      told(token('1', 'siem', null), token('2', 'soar', null)),
      /2 valid tokens.*token "acme"/,
    ],
    ['of several of its name', told(token('1', 'acme', null), token('2', 'acme', null)), /2 valid tokens/],
    ['of none', told(), /lists no valid token/],
  ])('does not choose a token %s', async (_what, tokens, words) => {
    const found = await run({ tokens });
    expect(found).toMatchObject({ works: true, token: null });
    expect(partOf(found, 'tokens')).toMatchObject({
      outcome: 'NOT_ANSWERED',
      message: expect.stringMatching(words),
    });
  });

  test.each([
    ['an error', raw('', 500), 'SERVER_ERROR'],
    ['what does not read', json({ data: 7 }), 'UNDECODABLE'],
  ])('does not depend on the token list: %s', async (_what, tokens, code) => {
    const found = await run({ tokens });
    expect(found).toMatchObject({ works: true, token: null });
    expect(partOf(found, 'tokens')).toMatchObject({ outcome: 'FAILED', code });
  });
});

describe('the test of a connection to the simulated tenant', () => {
  afterEach(stopAll);

  async function run(
    rules: readonly FaultRule[],
    options: Partial<SimulatorOptions> = {},
    resources: readonly Resource[] = CORE_RESOURCES,
  ) {
    const { simulator } = await startSimulated({}, { faults: { rules }, ...options });
    const secret = simulator.token;
    const harness = await startHarness({
      baseUrl: simulator.baseUrl,
      token: () => secret,
      clock,
      timeoutMs: 3_000,
    });
    try {
      const found = await testIntegration({
        resources,
        client: harness.client,
        name: 'acme',
        clock,
      });
      expect(JSON.stringify(found) + harness.logged()).not.toContain(secret);
      return { found, stats: simulator.stats() };
    } finally {
      await harness.close();
    }
  }

  test('passes, with the counts of the tenant', async () => {
    const { found, stats } = await run([]);
    expect(found.works).toBe(true);
    expect(partOf(found, 'threats').seen).toBeGreaterThan(100);
    expect(stats.requests).toBe(4);
    expect(stats.byStatus).toEqual({ 200: 3, 404: 1 });
  });

  test('reports on each resource, also if the account has no licence for one', async () => {
    const noLicence = { fault: { kind: 'status', status: 402 }, match: /^\/vendor-cases/ } as const;
    const { found } = await run([noLicence], {}, RESOURCES);
    const outcomes = Object.fromEntries(found.parts.map(({ part, outcome }) => [part, outcome]));
    const expected = Object.fromEntries(
      RESOURCES.map((resource) => [resource, expect.stringMatching(/^(WORKS|EMPTY)$/)]),
    );
    expect(outcomes).toMatchObject({ ...expected, vendorCases: 'NOT_LICENSED' });
  });

  test('finds the expiry of the only valid token', async () => {
    const made = (id: string, createdAt: string, expiresAt: string): SimulatedToken => ({
      id,
      name: id,
      createdAt,
      expiresAt,
    });
    const tokens = [
      made('old', '2025-10-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'),
      made('new', '2026-01-01T00:00:00.000Z', '2026-04-01T00:00:00.000Z'),
    ];
    const { found } = await run([], { tokens });
    expect(found.token).toEqual({
      issuedAt: '2026-01-01T00:00:00.000Z',
      expiresAt: '2026-04-01T00:00:00.000Z',
      permissions: ['soar_v1_read_threats'],
    });
    const what = 'The token expires on 2026-04-01. Its permissions: soar_v1_read_threats.';
    expect(partOf(found, 'tokens').message).toBe(what);
  });

  test('names a token with more than read permissions', async () => {
    const permissions = ['soar_v1_read_threats', 'soar_v1_manage_threat'];
    const times = { createdAt: '2026-01-01T00:00:00.000Z', expiresAt: '2026-04-01T00:00:00.000Z' };
    const { found } = await run([], { tokens: [{ id: '1', name: 'acme', ...times, permissions }] });
    expect(found).toMatchObject({ works: true, token: { permissions } });
    expect(partOf(found, 'tokens').message).toBe(
      'The token expires on 2026-04-01. The token has write permissions (soar_v1_manage_threat). The gateway only reads: use a token with read permissions only.',
    );
  });

  const faults: Fault[] = [
    { kind: 'rateLimited' },
    { kind: 'rateLimited', retryAfter: '1' },
    { kind: 'serverError' },
    { kind: 'hang' },
    { kind: 'truncated' },
    { kind: 'cutJson' },
    { kind: 'emptyBody' },
    { kind: 'missingKey' },
    { kind: 'wrongContent' },
    { kind: 'reset' },
    { kind: 'redirect', location: 'https://elsewhere.example.org/v1' },
    { kind: 'echo' },
    { kind: 'unauthorized' },
    { kind: 'notLicensed', status: 402 },
    { kind: 'notLicensed', status: 403 },
    { kind: 'forbidden' },
    { kind: 'nextPage', page: 1 },
    { kind: 'huge', bytes: 40_000_000 },
    { kind: 'status', status: 418 },
  ];
  test.each(faults)('returns a result for every failure of the list of cases: $kind', async (fault) => {
    const { found } = await run([{ fault, match: /^\/cases/ }]);
    const { outcome, code, message } = partOf(found, 'cases');
    const isLicence = fault.kind === 'notLicensed';
    expect(outcome).toBe(isLicence ? 'NOT_LICENSED' : 'FAILED');
    expect(code).not.toBeNull();
    expect(message.length).toBeGreaterThan(40);
    expect(found.works).toBe(isLicence);
    expect(found.calls).toBeLessThanOrEqual(5);
  });
});
