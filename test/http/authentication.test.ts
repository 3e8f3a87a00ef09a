import 'reflect-metadata';
import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KEY_CACHE_MS } from '../../src/callers/api-keys.js';
import { FAILURE_WINDOW_MS, MOST_FAILURES } from '../../src/callers/callers.js';
import { ConfigError } from '../../src/config/reader.js';
import { MINUTE } from '../../src/values/instant.js';
import { bearer, GuardedGateway, type Problem } from '../support/guarded-gateway.js';
import { AUDIENCE, IdentityProvider, ISSUER } from '../support/identity-provider.js';

const FIXED = 'a-key-that-is-given-in-the-environment-0123456789';

let rig: GuardedGateway;

beforeEach(async () => {
  rig = await GuardedGateway.open();
});

afterEach(() => rig.close());

describe('without any API key', () => {
  test('callers on this machine are admitted as admin', async () => {
    await rig.start();
    expect(await rig.code()).toBe('200');
    expect(await rig.code({}, '{ auditTrail(first: 1) { totalCount } }')).toBe('200');
  });

  test('a credential that cannot be checked is ignored', async () => {
    await rig.start();
    expect(await rig.code(bearer('x'))).toBe('200');
  });

  test('a request that was forwarded by a proxy, or is for another host name, is refused', async () => {
    await rig.start();
    expect(await rig.code({ 'x-forwarded-for': '192.0.2.1' })).toBe('WRONG_HOST');
    expect(await rig.code({ forwarded: 'for=192.0.2.1' })).toBe('WRONG_HOST');
    expect(await statusFor(rig.url, { host: 'evil.example' })).toBe(403);
  });

  test.each(['0.0.0.0', '::', '192.0.2.7', 'gateway.example'])(
    'the gateway does not start on %s, and explains how to create a key',
    async (HOST) => {
      const started = rig.start({ HOST });
      await expect(started).rejects.toThrow(ConfigError);
      await expect(started).rejects.toThrow(/others can reach.*keys api --name.*API_KEYS.*JWKS_URL/);
    },
  );

  test('the gateway does not start behind a proxy', async () => {
    await expect(rig.start({ TRUST_PROXY: '1' })).rejects.toThrow(/TRUST_PROXY.*keys api/);
  });

  test.each(['127.0.0.1', 'localhost', '127.8.8.8'])('the gateway starts on %s', async (HOST) => {
    await rig.start({ HOST });
    expect(await rig.code()).toBe('200');
  });

  test('all callers may read, and nothing else, if that is configured', async () => {
    await rig.start({ HOST: '0.0.0.0', ALLOW_UNAUTHENTICATED: 'yes' });
    rig.url = rig.url.replace('0.0.0.0', '127.0.0.1');
    expect(await statusFor(rig.url, { host: 'any.example' })).toBe(200);
    expect(await rig.code({ 'x-forwarded-for': '192.0.2.1' })).toBe('200');
    expect(await rig.code({}, 'mutation { pollNow { __typename } }')).toBe('FORBIDDEN');
  });

  test('the first key closes a running gateway to callers without a key, whatever is configured', async () => {
    await rig.start({ ALLOW_UNAUTHENTICATED: 'yes' });
    expect(await rig.code()).toBe('200');
    const { key, text } = await rig.key('reader');
    rig.now += KEY_CACHE_MS;
    expect(await rig.code()).toBe('UNAUTHENTICATED');
    expect(await rig.code(bearer(text))).toBe('200');
    await rig.keys.revoke(key.id);
    rig.now += KEY_CACHE_MS;
    expect(await rig.code()).toBe('UNAUTHENTICATED');
  });
});

describe('with API keys', () => {
  test('the gateway may listen on a reachable address', async () => {
    await rig.key('reader');
    await rig.start({ HOST: '0.0.0.0' });
    rig.url = rig.url.replace('0.0.0.0', '127.0.0.1');
    expect(await statusFor(rig.url, { host: 'gateway.example' }, '/graphql')).toBe(401);
  });

  test('a key is accepted in both headers, with the scheme in any case', async () => {
    const { text } = await rig.key('reader');
    await rig.start();
    expect(await rig.code({ authorization: `bearer  ${text} ` })).toBe('200');
    expect(await rig.code({ 'x-api-key': text })).toBe('200');
  });

  test.each<[what: string, headers: (text: string) => Record<string, string>, code: string]>([
    ['nothing', () => ({}), 'UNAUTHENTICATED'],
    ['an empty header', () => ({ authorization: '' }), 'UNAUTHENTICATED'],
    ['a scheme alone', () => ({ authorization: 'Bearer' }), 'UNAUTHENTICATED'],
    ['another scheme', (text) => ({ authorization: `Basic ${text}` }), 'UNAUTHENTICATED'],
    ['the key without a scheme', (text) => ({ authorization: text }), 'UNAUTHENTICATED'],
    ['two keys', (text) => ({ authorization: `Bearer ${text} ${text}` }), 'UNAUTHENTICATED'],
    ['a key cut off', (text) => bearer(text.slice(0, -1)), 'UNAUTHENTICATED'],
    [
      'a wrong one, and a right one in the other header',
      (text) => ({ ...bearer('x'), 'x-api-key': text }),
      'UNAUTHENTICATED',
    ],
    ['a cookie', (text) => ({ cookie: `authorization=Bearer ${text}` }), 'UNAUTHENTICATED'],
  ])('%s does not authenticate a caller', async (_what, headers, code) => {
    const { text } = await rig.key('admin');
    await rig.start();
    expect(await rig.code(headers(text))).toBe(code);
  });

  test('a refused caller gets instructions in the shape of a GraphQL error', async () => {
    const { text } = await rig.key('reader', MINUTE);
    await rig.start();
    const missing = await rig.ask();
    expect([missing.status, missing.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="abnormal-gateway"',
    ]);
    expect(missing.headers.get('content-type')).toMatch('application/json');
    expect(await missing.json()).toEqual({
      errors: [
        {
          message: expect.stringContaining('Authorization: Bearer'),
          extensions: { code: 'UNAUTHENTICATED' },
        },
      ],
    });
    rig.now += MINUTE;
    const expired = await rig.ask(bearer(text));
    expect(expired.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(((await expired.json()) as Problem).errors?.[0]?.message).toContain('expired');
  });

  test('keys from the environment are also accepted, each with its role', async () => {
    await rig.start({ API_KEYS: `reports:reader:${FIXED}, jobs:operator:${FIXED}x` });
    expect(await rig.code(bearer(FIXED))).toBe('200');
    expect(await rig.code(bearer(FIXED), 'mutation { pollNow { __typename } }')).toBe('FORBIDDEN');
    expect(await rig.code(bearer(`${FIXED}x`), 'mutation { pollNow { __typename } }')).not.toBe('FORBIDDEN');
    expect(await rig.code(bearer(`${FIXED}y`))).toBe('UNAUTHENTICATED');
    const { text } = await rig.key('reader');
    expect(await rig.code(bearer(text))).toBe('200');
  });

  test('health states are public, their reasons and the metrics are not', async () => {
    await rig.key('reader');
    await rig.start();
    expect(await (await fetch(`${rig.url}/healthz`)).json()).toEqual({ status: 'alive' });
    const ready = (await (await fetch(`${rig.url}/readyz`)).json()) as object;
    expect(Object.keys(ready)).toEqual(['status']);
    expect((await fetch(`${rig.url}/metrics`)).status).toBe(401);
  });

  test('the pages are public, and requests from them need a key', async () => {
    const { text } = await rig.key('reader');
    await rig.start();
    const accept = 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8';
    for (const path of ['/', '/ide/', '/graphql']) {
      const page = await fetch(`${rig.url}${path}`, { headers: { accept } });
      expect([path, page.status, page.headers.get('content-type')]).toEqual([
        ...[path, 200],
        expect.stringContaining('text/html'),
      ]);
    }
    const asked = (extra: Record<string, string>) =>
      fetch(`${rig.url}/graphql?query=${encodeURIComponent('{ runs(first: 1) { totalCount } }')}`, {
        headers: { accept: 'application/json, text/html;q=0.5', 'apollo-require-preflight': '1', ...extra },
      });
    expect((await asked({})).status).toBe(401);
    expect(await (await asked(bearer(text))).json()).toMatchObject({ data: { runs: {} } });
  });

  test('the pages can be switched off', async () => {
    await rig.key('reader');
    await rig.start({ LANDING_PAGE: 'off', IDE: 'off' });
    const accept = 'text/html';
    const statuses = ['/', '/ide/', '/graphql'].map(
      async (path) => (await fetch(`${rig.url}${path}`, { headers: { accept } })).status,
    );
    expect(await Promise.all(statuses)).toEqual([404, 404, 401]);
  });

  test('the schema is for authenticated callers, and for nobody if introspection is switched off', async () => {
    const { text } = await rig.key('reader');
    await rig.start();
    const introspection = '{ __schema { queryType { name } } }';
    expect(await rig.code({}, introspection)).toBe('UNAUTHENTICATED');
    expect(await rig.code(bearer(text), introspection)).toBe('200');
    await rig.stop();
    await rig.start({ INTROSPECTION: 'off' });
    expect(await rig.code(bearer(text), introspection)).toBe('GRAPHQL_VALIDATION_FAILED');
    const slip = await (await rig.ask(bearer(text), '{ threat { nodes { threatIdd } } thread }')).text();
    expect(slip).toContain('Cannot query field');
    expect(slip).not.toContain('Did you mean');
  });
});

describe('failed authentication attempts', () => {
  const wrong = (n: number) => bearer(`wrong-${n}`);

  test('get status 429 after ten, for that address and that minute', async () => {
    const { text } = await rig.key('reader');
    await rig.start({ TRUST_PROXY: '127.0.0.1' });
    const from = (address: string) => ({ 'x-forwarded-for': address });
    for (let n = 0; n < MOST_FAILURES; n += 1) {
      expect(await rig.code({ ...wrong(n), ...from('192.0.2.1') })).toBe('UNAUTHENTICATED');
    }
    const late = await rig.ask({ ...wrong(99), ...from('192.0.2.1') });
    expect(late.status).toBe(429);
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(late.headers.get('retry-after'))).toBeLessThanOrEqual(FAILURE_WINDOW_MS / 1000);
    // a guess that happens to be right is not told from one that is not
    expect(await rig.code({ ...bearer(text), ...from('192.0.2.1') })).toBe('TOO_MANY_FAILURES');
    expect(await rig.code({ ...bearer(text), ...from('192.0.2.2') })).toBe('200');
    rig.now += FAILURE_WINDOW_MS;
    expect(await rig.code({ ...bearer(text), ...from('192.0.2.1') })).toBe('200');
  });

  test('by others at an address do not lock out a caller that was admitted from there before', async () => {
    const { key, text } = await rig.key('reader');
    await rig.start();
    expect(await rig.code(bearer(text))).toBe('200');
    for (let n = 0; n <= MOST_FAILURES; n += 1) await rig.ask(wrong(n));
    expect(await rig.code(wrong(0))).toBe('TOO_MANY_FAILURES');
    expect(await rig.code(bearer(text))).toBe('200');
    await rig.keys.revoke(key.id);
    rig.now += KEY_CACHE_MS;
    expect(await rig.code(bearer(text))).toBe('UNAUTHENTICATED');
    expect(await rig.code(bearer(text))).toBe('TOO_MANY_FAILURES');
  });

  test('do not include requests without a credential', async () => {
    const { text } = await rig.key('reader');
    await rig.start();
    for (let n = 0; n < 3 * MOST_FAILURES; n += 1) await rig.ask();
    expect(await rig.code(bearer(text))).toBe('200');
  });

  test('count by the forwarded address only if the proxy is trusted', async () => {
    await rig.key('reader');
    await rig.start({ TRUST_PROXY: '192.0.2.99' });
    for (let n = 0; n < MOST_FAILURES; n += 1) {
      await rig.ask({ ...wrong(n), 'x-forwarded-for': `198.51.100.${n}` });
    }
    expect(await rig.code({ ...wrong(0), 'x-forwarded-for': '198.51.100.77' })).toBe('TOO_MANY_FAILURES');
  });

  test('are logged with the address and the id of the key, never with the credential', async () => {
    const { key, text } = await rig.key('reader', MINUTE);
    await rig.start({ API_KEYS: `reports:reader:${FIXED}` });
    rig.now += MINUTE;
    await rig.ask(bearer(text));
    await rig.ask(bearer('guessed-guessed-guessed'));
    await rig.ask(bearer(FIXED));
    await rig.ask({ 'x-api-key': `${FIXED}!` });
    const refusals = rig.logged.map((line) => JSON.parse(line)).filter(({ reason }) => reason !== undefined);
    expect(refusals).toMatchObject([
      { address: '127.0.0.1', key: key.id, reason: 'EXPIRED' },
      { address: '127.0.0.1', reason: 'UNKNOWN' },
      { address: '127.0.0.1', reason: 'UNKNOWN' },
    ]);
    const all = rig.logged.join('');
    for (const credential of [text, text.slice(17, 60), 'guessed-guessed', FIXED]) {
      expect(all).not.toContain(credential);
    }
  });
});

test('a request beyond the caller’s role is logged with the caller', async () => {
  const { key, text } = await rig.key('reader');
  await rig.start();
  expect(await rig.code(bearer(text), 'mutation { pollNow { __typename } }')).toBe('FORBIDDEN');
  const lines = rig.logged.map((line) => JSON.parse(line)).filter(({ asked }) => asked !== undefined);
  expect(lines).toMatchObject([
    {
      caller: { kind: 'API_KEY', id: key.id, role: 'reader' },
      asked: ['Mutation.pollNow needs the role operator; your role is reader.'],
    },
  ]);
});

describe('with an identity provider', () => {
  let provider: IdentityProvider;

  beforeAll(async () => {
    provider = await IdentityProvider.start();
  });

  afterAll(() => provider.stop());

  const env = () => ({ JWKS_URL: provider.jwksUrl, JWT_AUDIENCE: AUDIENCE, JWT_ISSUER: ISSUER });

  test('its tokens admit callers with the role in the token, in addition to keys', async () => {
    const { text } = await rig.key('reader');
    await rig.start(env());
    expect(await rig.code()).toBe('UNAUTHENTICATED');
    expect(await rig.code(bearer(text))).toBe('200');
    expect(await rig.code(bearer(await provider.token()))).toBe('200');
    expect(await rig.code(bearer(await provider.token()), 'mutation { pollNow { __typename } }')).toBe(
      'FORBIDDEN',
    );
    const operator = await provider.token({ role: ['operator'] });
    expect(await rig.code(bearer(operator), 'mutation { pollNow { __typename } }')).not.toBe('FORBIDDEN');
  });

  test('a valid token without a role is forbidden, and not a failed attempt', async () => {
    await rig.start(env());
    const token = await provider.token({ role: 'gardener' });
    for (let n = 0; n <= MOST_FAILURES; n += 1) {
      const answer = await rig.ask(bearer(token));
      expect(answer.status).toBe(403);
      expect(((await answer.json()) as Problem).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    }
  });

  test('a failure to reach it leaves known keys valid; without known keys the status is 503, not a failed attempt', async () => {
    provider.answer = 'HANGS_UP';
    const { text } = await rig.key('reader');
    await rig.start(env());
    const token = await provider.token();
    for (let n = 0; n <= MOST_FAILURES; n += 1) {
      const answer = await rig.ask(bearer(token));
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    }
    expect(await rig.code(bearer(text))).toBe('200');
    provider.answer = 'KEYS';
    rig.now += MINUTE;
    expect(await rig.code(bearer(await provider.token({}, rig.now)))).toBe('200');
    provider.answer = 'HANGS_UP';
    rig.now += 60 * MINUTE;
    expect(await rig.code(bearer(await provider.token({}, rig.now)))).toBe('200');
    provider.answer = 'KEYS';
  });
});

describe('pages of other origins', () => {
  const preflight = (origin: string) =>
    fetch(`${rig.url}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
  const allowed = (answer: Response) => answer.headers.get('access-control-allow-origin');

  test('may send no request by default', async () => {
    await rig.key('reader');
    await rig.start();
    expect(allowed(await preflight('https://console.example.com'))).toBeNull();
    expect(allowed(await rig.ask({ origin: 'https://console.example.com' }))).toBeNull();
  });

  test('may send requests if their exact origin is configured', async () => {
    const { text } = await rig.key('reader');
    await rig.start({ CORS_ORIGINS: 'https://console.example.com, http://localhost:5173' });
    const answer = await preflight('https://console.example.com');
    expect(answer.status).toBe(204);
    expect(allowed(answer)).toBe('https://console.example.com');
    expect(answer.headers.get('access-control-allow-headers')).toContain('authorization');
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    const asked = await rig.ask({ origin: 'http://localhost:5173', ...bearer(text) });
    expect([asked.status, allowed(asked)]).toEqual([200, 'http://localhost:5173']);
    // so that a page can say why it got nothing
    expect(allowed(await rig.ask({ origin: 'http://localhost:5173' }))).toBe('http://localhost:5173');
    for (const other of [
      'https://console.example.com.evil.example',
      'http://console.example.com',
      'https://evil.example',
      'null',
    ]) {
      expect([other, allowed(await preflight(other))]).toEqual([other, null]);
    }
  });
});

test('without authentication, a page of a configured origin may only read', async () => {
  await rig.start({ CORS_ORIGINS: 'http://localhost:5173' });
  const poll = 'mutation { pollNow(wait: 0) { __typename } }';
  const origin = 'http://localhost:5173';
  expect(await rig.code({ origin })).toBe('200');
  expect(await rig.code({ origin }, poll)).toBe('FORBIDDEN');
  expect(await rig.code({ origin: 'null' }, poll)).toBe('FORBIDDEN');
  // the gateway's own pages
  expect(await rig.code({ origin: rig.url }, poll)).toBe('200');
});

describe('response headers', () => {
  test('prevent that a response is rendered, framed or sniffed', async () => {
    await rig.start();
    for (const path of ['/healthz', '/nowhere', '/', '/ide/', '/graphql']) {
      const { headers } = await fetch(`${rig.url}${path}`, { headers: { accept: 'text/html' } });
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect([path, headers.get('content-security-policy')]).toEqual([
        path,
        expect.stringContaining("frame-ancestors 'none'"),
      ]);
    }
    const answer = await rig.ask();
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  test('of the home page allow its own style and no script', async () => {
    await rig.start();
    const home = await fetch(rig.url);
    const policy = home.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    const [, style = ''] = /<style>(.*?)<\/style>/s.exec(await home.text()) ?? [];
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(style))).toString('base64');
    expect(policy).toContain(`style-src 'sha256-${digest}'`);
    expect(policy).not.toContain('unsafe');
  });

  test('tell browsers to stay on TLS if a trusted proxy reports TLS', async () => {
    await rig.key('reader');
    await rig.start({ TRUST_PROXY: '1' });
    const by = async (proto: string) =>
      (await fetch(`${rig.url}/healthz`, { headers: { 'x-forwarded-proto': proto } })).headers.get(
        'strict-transport-security',
      );
    expect(await by('https')).toBe('max-age=31536000');
    expect(await by('http')).toBeNull();
    await rig.stop();
    await rig.start();
    expect(await by('https')).toBeNull();
  });
});

/** `fetch` does not let one say the `Host`. */
function statusFor(
  url: string,
  headers: Record<string, string>,
  path = '/healthz',
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${url}${path}`, { headers }, (answer) => resolve(answer.resume().statusCode))
      .on('error', reject)
      .end();
  });
}

describe('API keys in the graph', () => {
  const admin = async () => bearer((await rig.key('admin')).text);
  const asked = async <T>(query: string, headers: Record<string, string>): Promise<T> => {
    const { data, errors } = (await (await rig.ask(headers, query)).json()) as Problem;
    if (errors) throw new Error(errors.map(({ message }) => message).join('; '));
    return data as T;
  };

  interface Created {
    readonly createApiKey: { readonly key: string; readonly apiKey: { readonly id: string } };
  }

  test('are created by an admin, work at once, show their last use, and are revoked at once', async () => {
    await rig.start();
    const by = await admin();
    rig.now += KEY_CACHE_MS;
    const { createApiKey: made } = await asked<Created>(
      'mutation { createApiKey(name: "nightly jobs", role: OPERATOR, days: 30) { key apiKey { id } } }',
      by,
    );
    expect(await rig.code(bearer(made.key))).toBe('200');
    const list = '{ apiKeys { id name role state expiresAt lastUsedAt revokedAt } }';
    const { apiKeys } = await asked<{ apiKeys: { id: string; lastUsedAt: string }[] }>(list, by);
    expect(apiKeys).toHaveLength(2);
    expect(apiKeys[1]).toMatchObject({
      ...{ id: made.apiKey.id, name: 'nightly jobs', role: 'OPERATOR', state: 'ACTIVE', revokedAt: null },
      expiresAt: new Date(rig.now + 30 * 24 * 60 * MINUTE).toISOString(),
    });
    expect(JSON.stringify(apiKeys)).not.toContain(made.key.slice(17, 60));
    await asked(`mutation { revokeApiKey(id: "${made.apiKey.id}") { state } }`, by);
    expect(await rig.code(bearer(made.key))).toBe('UNAUTHENTICATED');
    const trail = '{ auditTrail(first: 2) { nodes { action target caller { kind role } } } }';
    const { auditTrail } = await asked<{ auditTrail: { nodes: unknown } }>(trail, by);
    const entry = { target: made.apiKey.id, caller: { kind: 'API_KEY', role: 'ADMIN' } };
    expect(auditTrail.nodes).toEqual([
      { action: 'REVOKE_API_KEY', ...entry },
      { action: 'CREATE_API_KEY', ...entry },
    ]);
    expect(rig.logged.join('')).not.toContain(made.key.slice(17, 60));
  });

  test('close the gateway with the first key', async () => {
    await rig.start();
    const { createApiKey: made } = await asked<Created>(
      'mutation { createApiKey(name: "first", role: ADMIN) { key apiKey { id } } }',
      {},
    );
    expect(await rig.code()).toBe('UNAUTHENTICATED');
    expect(await rig.code(bearer(made.key))).toBe('200');
  });

  test.each([
    ['a name of nothing', 'mutation { createApiKey(name: "", role: READER) { key } }'],
    [
      'a name that writes to a terminal',
      'mutation { createApiKey(name: "a\\u001b[31m", role: READER) { key } }',
    ],
    ['an end that has come', 'mutation { createApiKey(name: "x", role: READER, days: 0) { key } }'],
    ['a key that there is not', 'mutation { revokeApiKey(id: "000000000000") { id } }'],
  ])('are not created with %s', async (_what, query) => {
    await rig.start();
    expect(await rig.code(await admin(), query)).toBe('BAD_USER_INPUT');
  });
});
