import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KEY_CACHE_MS } from '../../src/callers/api-keys.js';
import { MOST_FAILURES } from '../../src/callers/callers.js';
import { SESSION_MS, Sessions } from '../../src/callers/sessions.js';
import { openStore } from '../../src/history/open-store.js';
import type { Role } from '../../src/values/access.js';
import { MINUTE } from '../../src/values/instant.js';
import { bearer, GuardedGateway } from '../support/guarded-gateway.js';
import { AUDIENCE, IdentityProvider, ISSUER } from '../support/identity-provider.js';

const BROWSER = { accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8' };
const OWN = { 'sec-fetch-site': 'same-origin' };
const QUERY = '{ runs(first: 1) { totalCount } }';

let rig: GuardedGateway;

beforeEach(async () => {
  rig = await GuardedGateway.open();
});
afterEach(() => rig.close());

function open(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${rig.url}${path}`, { headers: { ...BROWSER, ...headers }, redirect: 'manual' });
}

function submit(form: Record<string, string>, headers: Record<string, string> = OWN, path = '/sign-in') {
  return fetch(`${rig.url}${path}`, {
    ...{ method: 'POST', redirect: 'manual', body: new URLSearchParams(form) },
    headers: { ...BROWSER, ...headers },
  });
}

/** What a browser sends back of a cookie that it got. */
function cookieOf(answer: Response): { readonly cookie: string } {
  return { cookie: answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '' };
}

async function signIn(role: Role, lifetimeMs: number | null = null) {
  const { key, text } = await rig.key(role, lifetimeMs);
  if (rig.url === '') await rig.start();
  return { key, text, session: cookieOf(await submit({ key: text })) };
}

describe('a browser without a session', () => {
  test('gets a form at / and at the reports, and programs get an error', async () => {
    const { text } = await rig.key('operator');
    await rig.start();
    for (const [path, status] of [
      ['/', 200],
      ['/reports', 401],
      ['/reports/2026-01', 401],
    ] as const) {
      const page = await open(path);
      expect([path, page.status, page.headers.get('content-type')]).toEqual([
        path,
        status,
        'text/html; charset=utf-8',
      ]);
      const html = await page.text();
      expect(html).toContain('<form method="post" action="/sign-in">');
      expect(html).toContain('ask the operator of the gateway');
      expect(page.headers.get('content-security-policy')).toContain("form-action 'self'");
      const program = await open(path, { accept: 'application/json' });
      expect([program.status, await program.json()]).toMatchObject([
        401,
        { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
      ]);
      expect((await open(path, bearer(text))).status).toBe(200);
    }
  });

  test('that follows a link of another site loads the page again, so that it sends its cookie', async () => {
    await rig.key('reader');
    await rig.start();
    const page = await open('/?window=30d', { 'sec-fetch-site': 'cross-site' });
    expect(await page.text()).toContain('<meta http-equiv="refresh" content="0; url=/?window=30d">');
  });

  test('is asked for nothing while authentication is off', async () => {
    await rig.start();
    expect(await (await open('/')).text()).toContain('id="collection"');
    expect((await submit({ key: 'x' })).headers.get('location')).toBe('/');
  });
});

describe('signing in with a key', () => {
  test('sets a cookie for this machine, which opens the pages and the graph with the role of the key', async () => {
    const { text } = await rig.key('operator');
    await rig.start();
    const answer = await submit({ key: ` ${text} `, to: '/reports' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/reports']);
    const cookie = answer.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^abnormal-gateway=[\w.-]+; Max-Age=14400; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(text.slice(20));
    const session = cookieOf(answer);
    for (const path of ['/', '/reports', '/ide/'])
      expect([path, (await open(path, session)).status]).toEqual([path, 200]);
    expect(await (await open('/', session)).text()).toContain(
      'Signed in as <strong>operator</strong> (operator)',
    );
    expect(await rig.code({ ...session, ...OWN })).toBe('200');
    expect(await rig.code({ ...session, ...OWN }, '{ auditTrail(first: 1) { totalCount } }')).toBe(
      'FORBIDDEN',
    );
    expect((await open('/metrics', session)).status).toBe(401);
    expect(rig.logged.join('')).not.toContain(text.slice(20));
  });

  test('sets a cookie for TLS behind a proxy, and none over a connection that others can read', async () => {
    const { text } = await rig.key('reader');
    await rig.start({ TRUST_PROXY: '1' });
    const tls = {
      ...OWN,
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'gateway.example',
    };
    const answer = await submit({ key: text }, tls);
    expect(answer.headers.get('set-cookie')).toMatch(
      /^__Host-abnormal-gateway=.*; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect((await open('/', { ...tls, ...cookieOf(answer) })).status).toBe(200);
    const clear = await submit({ key: text }, { ...tls, 'x-forwarded-proto': 'http' });
    expect([clear.status, clear.headers.get('set-cookie')]).toEqual([400, null]);
    expect(await clear.text()).toContain('https');
  });

  test('also works with a key of the environment', async () => {
    const fixed = 'a-key-that-is-given-in-the-environment-0123456789';
    await rig.start({ API_KEYS: `reports:reader:${fixed}` });
    const session = cookieOf(await submit({ key: fixed }));
    expect(await rig.code({ ...session, ...OWN })).toBe('200');
  });

  test.each([
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/sign-out',
    'javascript:alert(1)',
    '/reports/"><script>',
  ])('leads to a page of this gateway, not to %s', async (to) => {
    const { text } = await rig.key('reader');
    await rig.start();
    expect((await submit({ key: text, to })).headers.get('location')).toBe('/');
    const form = await (await open(`/sign-in?to=${encodeURIComponent(to)}`)).text();
    expect(form).toContain('name="to" value="/"');
  });

  test('refuses wrong keys with a page, and makes their address wait like wrong keys of programs', async () => {
    const { text } = await rig.key('reader');
    await rig.start();
    expect((await submit({ key: '' })).status).toBe(400);
    for (let n = 0; n < MOST_FAILURES; n += 1) {
      const answer = await submit({ key: `${text.slice(0, -9)}x${text.slice(-8)}` });
      expect([answer.status, answer.headers.get('set-cookie')]).toEqual([401, null]);
      expect(await answer.text()).toContain('role="alert">The credential is not valid.');
    }
    const late = await submit({ key: text });
    expect([late.status, Number(late.headers.get('retry-after')) > 0]).toEqual([429, true]);
    expect(await rig.code(bearer(text))).toBe('TOO_MANY_FAILURES');
  });
});

describe('a session', () => {
  test('ends with its key, after four hours, and when the browser signs out', async () => {
    const { key, session } = await signIn('reader');
    const out = await submit({}, { ...OWN, ...session }, '/sign-out');
    expect([out.status, out.headers.get('set-cookie')]).toEqual([303, expect.stringContaining('Max-Age=0')]);
    rig.now += SESSION_MS - MINUTE;
    expect(await rig.code({ ...session, ...OWN })).toBe('200');
    rig.now += 2 * MINUTE;
    expect(await rig.code({ ...session, ...OWN })).toBe('UNAUTHENTICATED');
    const second = await signIn('reader', MINUTE);
    rig.now += MINUTE;
    expect(await rig.code({ ...second.session, ...OWN })).toBe('UNAUTHENTICATED');
    const third = await signIn('reader');
    await rig.keys.revoke(third.key.id);
    rig.now += KEY_CACHE_MS;
    for (let n = 0; n <= MOST_FAILURES; n += 1)
      expect(await rig.code({ ...third.session, ...OWN })).toBe('UNAUTHENTICATED');
    expect(await (await open('/', third.session)).text()).toContain('action="/sign-in"');
    // a session that has ended is no guess, so nobody has to wait
    expect((await signIn('reader')).session.cookie).toContain('abnormal-gateway=');
    expect(key.revokedAt).toBeNull();
  });

  test('is not accepted if it was changed, is of another history, or is the key itself', async () => {
    const { session, text } = await signIn('admin');
    const [name, value = ''] = session.cookie.split('=');
    const other = await GuardedGateway.open();
    try {
      const { text: foreign } = await other.key('admin');
      await other.start();
      const answer = await fetch(`${other.url}/sign-in`, {
        ...{ method: 'POST', redirect: 'manual', body: new URLSearchParams({ key: foreign }), headers: OWN },
      });
      const changed = `${value.slice(0, -3)}${value.endsWith('A') ? 'B' : 'A'}AA`;
      for (const text of [
        changed,
        value.slice(1),
        cookieOf(answer).cookie.split('=')[1],
        '',
        'x'.repeat(5_000),
      ])
        expect(await rig.code({ cookie: `${name}=${text}`, ...OWN })).toBe('UNAUTHENTICATED');
      expect(await rig.code({ cookie: `${name}=${text}`, ...OWN })).toBe('UNAUTHENTICATED');
    } finally {
      await other.close();
    }
  });

  test('of one replica is opened by another, also if both create the key at once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sessions-'));
    const store = await openStore(`sqlite:${join(folder, 'history.db')}`, 'manage');
    try {
      const clock = () => rig.now;
      const replicas = Array.from({ length: 4 }, () => new Sessions({ store, clock }));
      const sessions = await Promise.all(replicas.map((replica, n) => replica.seal(`credential-${n}`)));
      for (const replica of replicas) {
        const opened = await Promise.all(sessions.map((session) => replica.open(session ?? '')));
        expect(opened).toEqual(['credential-0', 'credential-1', 'credential-2', 'credential-3']);
      }
      expect(await replicas[0]?.seal('x'.repeat(4_000))).toBeNull();
    } finally {
      await store.close();
      await rm(folder, { recursive: true });
    }
  });
});

describe('a request that another site makes a browser send', () => {
  const MUTATION = 'mutation { pollNow(wait: 0) { __typename } }';

  test.each<[what: string, headers: Record<string, string>, code: string]>([
    ['from a page of this gateway', OWN, '200'],
    ['from another site', { 'sec-fetch-site': 'cross-site' }, 'FORBIDDEN'],
    ['from another host of the same site', { 'sec-fetch-site': 'same-site' }, 'FORBIDDEN'],
    ['by an address that was typed', { 'sec-fetch-site': 'none' }, 'FORBIDDEN'],
    ['from an older browser, of this origin', { origin: 'OWN' }, '200'],
    ['from an older browser, of another origin', { origin: 'https://evil.example' }, 'FORBIDDEN'],
    ['from a sandboxed page', { origin: 'null' }, 'FORBIDDEN'],
    ['without saying from where', {}, 'FORBIDDEN'],
  ])('%s: %o is answered with %s', async (_what, headers, code) => {
    const { session } = await signIn('admin');
    const own = headers.origin === 'OWN' ? { origin: rig.url } : headers;
    for (const query of [QUERY, MUTATION]) expect(await rig.code({ ...session, ...own }, query)).toBe(code);
  });

  test('is refused without a content type or header that a form cannot send', async () => {
    const { session } = await signIn('admin');
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const body = JSON.stringify({ query: MUTATION });
      const headers = { ...session, ...OWN, 'content-type': type };
      const answer = await fetch(`${rig.url}/graphql`, { method: 'POST', headers, body });
      expect([type, answer.status]).toEqual([type, 403]);
    }
  });

  test('cannot change anything by GET, sign a browser in, or sign it out', async () => {
    const { session, text } = await signIn('admin');
    const search = new URLSearchParams({ query: MUTATION });
    const get = await fetch(`${rig.url}/graphql?${search}`, {
      headers: { ...session, accept: 'application/json', 'apollo-require-preflight': '1' },
    });
    expect(get.status).toBeGreaterThanOrEqual(400);
    const cross = { 'sec-fetch-site': 'cross-site' };
    const login = await submit({ key: text }, cross);
    expect([login.status, login.headers.get('set-cookie')]).toEqual([403, null]);
    const logout = await submit({}, { ...cross, ...session }, '/sign-out');
    expect(logout.headers.get('set-cookie')).toBeNull();
  });
});

test('a role that is too low is explained on a page, with what to ask for', async () => {
  const { session } = await signIn('reader');
  for (const path of ['/reports', '/reports/2026-01?format=html']) {
    const page = await open(path, session);
    expect([page.status, page.headers.get('content-type')]).toEqual([403, 'text/html; charset=utf-8']);
    expect(await page.text()).toContain(
      'needs the role <strong>operator</strong>; your role is <strong>reader</strong>',
    );
  }
});

describe('the token of a trusted proxy', () => {
  let provider: IdentityProvider;
  beforeAll(async () => {
    provider = await IdentityProvider.start();
  });
  afterAll(() => provider.stop());

  const PROXY = { ...OWN, 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' };
  const env = () => ({
    ...{ JWKS_URL: provider.jwksUrl, JWT_AUDIENCE: AUDIENCE, JWT_ISSUER: ISSUER },
    ...{ TRUST_PROXY: '1', SIGN_IN_HEADER: 'X-Forwarded-Access-Token' },
  });
  const passing = (token: string) => ({ ...PROXY, 'x-forwarded-access-token': token });

  test('signs a browser in with its role, until the token ends', async () => {
    await rig.start(env());
    const token = await provider.token({ role: 'operator' }, rig.now);
    expect(await (await open('/sign-in', passing(token))).text()).toContain(
      'Sign in with your identity provider',
    );
    const answer = await submit({ with: 'proxy' }, passing(token));
    const session = { ...PROXY, ...cookieOf(answer) };
    expect(await (await open('/', session)).text()).toContain('(operator)');
    rig.now += 10 * MINUTE;
    expect(await rig.code(session)).toBe('UNAUTHENTICATED');
  });

  test('counts only if a proxy passed it, if it is valid, and if it has a role', async () => {
    await rig.start(env());
    const token = await provider.token({}, rig.now);
    const direct = await submit({ with: 'proxy' }, { ...OWN, 'x-forwarded-access-token': token });
    expect([direct.status, direct.headers.get('set-cookie')]).toEqual([400, null]);
    expect((await submit({ with: 'proxy' }, passing(`${token}x`))).status).toBe(401);
    const none = await submit({ with: 'proxy' }, passing(await provider.token({ role: undefined }, rig.now)));
    expect([none.status, await none.text()]).toEqual([403, expect.stringContaining('none of the roles')]);
    // it alone opens nothing
    expect(await rig.code(passing(token))).toBe('UNAUTHENTICATED');
  });

  test('is not read unless it is configured, and needs a proxy and an identity provider', async () => {
    const { SIGN_IN_HEADER, ...without } = env();
    await rig.start(without);
    const token = await provider.token({}, rig.now);
    expect(await (await open('/sign-in', passing(token))).text()).not.toContain('identity provider</button>');
    expect((await submit({ with: 'proxy' }, passing(token))).status).toBe(400);
    await rig.stop();
    await expect(rig.start({ SIGN_IN_HEADER })).rejects.toThrow(/is set without TRUST_PROXY and JWKS_URL/);
  });

  test('that is too long for a cookie is refused with what to do', async () => {
    await rig.start(env());
    const token = await provider.token(
      { groups: Array.from({ length: 400 }, (_, i) => `group-${i}`) },
      rig.now,
    );
    const answer = await submit({ with: 'proxy' }, passing(token));
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining('too long for a cookie'),
    ]);
  });
});
