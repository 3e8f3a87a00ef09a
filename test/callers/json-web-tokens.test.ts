import { SignJWT, UnsecuredJWT } from 'jose';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CHECKED_MS,
  JsonWebTokens,
  JWKS_AGE_MS,
  JWKS_REST_MS,
  JWKS_RETRY_MS,
  type JwtOptions,
} from '../../src/callers/json-web-tokens.js';
import { AUDIENCE, IdentityProvider, ISSUER } from '../support/identity-provider.js';

let provider: IdentityProvider;
let now: number;

beforeEach(async () => {
  now = Date.parse('2026-05-04T10:00:00Z');
  provider = await IdentityProvider.start();
});

afterEach(() => provider.stop());

function tokens(changes: Partial<JwtOptions> = {}): JsonWebTokens {
  return new JsonWebTokens({
    ...{ jwksUrl: provider.jwksUrl, audience: AUDIENCE, issuer: ISSUER, clockSkewMs: 60_000 },
    ...{ roleClaim: 'role', clock: () => now, log: pino({ level: 'silent' }) },
    ...changes,
  });
}

const sign = (claims: Record<string, unknown> = {}) => provider.token(claims, now);

test('a token admits its subject under the name in the token', async () => {
  const caller = { kind: 'JWT', id: 'person-1', name: 'person-1', role: 'reader' };
  expect(await tokens().callerOf(await sign())).toEqual(caller);
  expect(await tokens().callerOf(await sign({ name: 'Ada' }))).toEqual({ ...caller, name: 'Ada' });
});

describe.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('a token signed with %s', (alg) => {
  test('is accepted', async () => {
    await provider.rotate(alg);
    expect(await tokens().callerOf(await sign())).toMatchObject({ kind: 'JWT' });
  });
});

describe('the role of a token', () => {
  test.each<[what: string, claims: Record<string, unknown>, roleClaim: string, role: string]>([
    ['of a text', { role: 'operator' }, 'role', 'operator'],
    ['of a list: the highest', { role: ['reader', 'admin', 'gardener'] }, 'role', 'admin'],
    ['of another claim', { groups: ['operator'] }, 'groups', 'operator'],
    ['of a claim that is a URL', { 'https://x.test/role': 'admin' }, 'https://x.test/role', 'admin'],
    [
      'of a claim within another',
      { realm_access: { roles: ['operator'] } },
      'realm_access.roles',
      'operator',
    ],
  ])('is read from %s', async (_what, claims, roleClaim, role) => {
    expect(await tokens({ roleClaim }).callerOf(await sign(claims))).toMatchObject({ role });
  });

  test.each<[what: string, claim: unknown]>([
    ['none', undefined],
    ['one that is not known', 'owner'],
    ['one in capitals', 'ADMIN'],
    ['a list without any', ['gardener']],
    ['a list in a list', [['admin']]],
    ['an object', { admin: true }],
    ['true', true],
  ])('admits nobody if it is %s', async (_what, role) => {
    expect(await tokens().callerOf(await sign({ role }))).toBe('NO_ROLE');
  });

  test.each(['__proto__.role', 'constructor.name', 'toString'])('is not found at %s', async (roleClaim) => {
    expect(await tokens({ roleClaim }).callerOf(await sign())).toBe('NO_ROLE');
  });
});

describe('a token is refused', () => {
  test.each<[what: string, claims: Record<string, unknown>]>([
    ['for another audience', { aud: 'another' }],
    ['for none', { aud: undefined }],
    ['of another issuer', { iss: 'https://evil.example/' }],
    ['without a subject', { sub: undefined }],
    ['without an end', { exp: undefined }],
    ['that begins later', { nbf: Date.parse('2026-05-04T10:01:01Z') / 1000 }],
  ])('if it is one %s', async (_what, claims) => {
    expect(await tokens().callerOf(await sign(claims))).toBe('INVALID');
  });

  test('if it expired longer ago than the clock tolerance', async () => {
    const token = await sign();
    now += 359_000;
    expect(await tokens().callerOf(token)).toMatchObject({ kind: 'JWT' });
    now += 1_000;
    expect(await tokens().callerOf(token)).toBe('EXPIRED');
    expect(await tokens({ clockSkewMs: 0 }).callerOf(await sign({ exp: now / 1000 }))).toBe('EXPIRED');
  });

  test('if it is not signed', async () => {
    const token = new UnsecuredJWT({ role: 'admin' })
      .setSubject('x')
      .setAudience(AUDIENCE)
      .setIssuer(ISSUER)
      .setExpirationTime('1h')
      .encode();
    expect(await tokens().callerOf(token)).toBe('INVALID');
  });

  test('if it is signed with the public key as a shared secret', async () => {
    const [jwk] = provider.publicKeys as [{ kid: string }];
    const secret = new TextEncoder().encode(JSON.stringify(jwk).padEnd(64, ' '));
    const token = await new SignJWT({
      role: 'admin',
      sub: 'x',
      aud: AUDIENCE,
      iss: ISSUER,
      exp: now / 1000 + 60,
    })
      .setProtectedHeader({ alg: 'HS256', kid: jwk.kid })
      .sign(secret);
    expect(await tokens().callerOf(token)).toBe('INVALID');
  });

  test('if a stranger signed it under the id of a known key', async () => {
    const stranger = await IdentityProvider.start();
    const [known] = provider.publicKeys as [{ kid: string }];
    const [own] = stranger.publicKeys as [{ kid: string }];
    const [head = '', ...rest] = (await stranger.token({}, now)).split('.');
    const header = Buffer.from(head, 'base64url').toString().replace(own.kid, known.kid);
    const token = [Buffer.from(header).toString('base64url'), ...rest].join('.');
    expect(await tokens().callerOf(token)).toBe('INVALID');
    await stranger.stop();
  });

  test('if it was altered', async () => {
    const [head, body = '', signature] = (await sign()).split('.');
    const claims = { ...JSON.parse(Buffer.from(body, 'base64url').toString()), role: 'admin' };
    const altered = Buffer.from(JSON.stringify(claims)).toString('base64url');
    expect(await tokens().callerOf([head, altered, signature].join('.'))).toBe('INVALID');
  });

  test.each(['', 'x', 'a.b.c', '..', 'e30.e30.e30'])('if it is malformed: %j', async (token) => {
    expect(await tokens().callerOf(token)).toBe('INVALID');
  });
});

describe('the signing keys', () => {
  test('are fetched once for many tokens', async () => {
    const own = tokens();
    const all = await Promise.all(Array.from({ length: 20 }, async () => own.callerOf(await sign())));
    expect(all.every((caller) => typeof caller === 'object')).toBe(true);
    expect(provider.fetches).toBe(1);
  });

  test('that are new are found; repeated unknown ids cause one fetch in 30 seconds', async () => {
    const own = tokens();
    await own.callerOf(await sign());
    await provider.rotate();
    now += JWKS_REST_MS;
    expect(await own.callerOf(await sign())).toMatchObject({ kind: 'JWT' });
    expect(provider.fetches).toBe(2);
    const stranger = await IdentityProvider.start();
    for (let n = 0; n < 20; n += 1) expect(await own.callerOf(await stranger.token({}, now))).toBe('INVALID');
    expect(provider.fetches).toBe(2);
    await stranger.stop();
  });

  test.each(['ERROR', 'NO_KEYS', 'HANGS_UP', 'REDIRECT', 'HUGE'] as const)(
    'that were fetched stay valid while a new fetch fails (%s)',
    async (answer) => {
      const own = tokens();
      await own.callerOf(await sign());
      provider.answer = answer;
      for (let n = 0; n < 5; n += 1) {
        now += 2 * JWKS_AGE_MS;
        do expect(await own.callerOf(await sign())).toMatchObject({ kind: 'JWT' });
        while (provider.fetches < n + 2);
      }
    },
  );

  test.each(['ERROR', 'NO_KEYS', 'HANGS_UP', 'REDIRECT', 'HUGE'] as const)(
    'that were never fetched (%s) make validation unavailable, and the fetch is soon retried',
    async (answer) => {
      provider.answer = answer;
      const own = tokens();
      for (let n = 0; n < 5; n += 1) expect(await own.callerOf(await sign())).toBe('UNAVAILABLE');
      expect(provider.fetches).toBe(1);
      provider.answer = 'KEYS';
      now += JWKS_RETRY_MS;
      expect(await own.callerOf(await sign())).toMatchObject({ kind: 'JWT' });
    },
  );

  test('that were withdrawn stop working after the next fetch', async () => {
    const own = tokens();
    const token = await provider.token({}, now + 2 * JWKS_AGE_MS);
    await own.callerOf(await sign());
    await provider.rotate();
    now += JWKS_AGE_MS;
    // this one still comes by the old keys, and has the new ones fetched
    expect(await own.callerOf(token)).toMatchObject({ kind: 'JWT' });
    while (provider.fetches < 2) await new Promise(setImmediate);
    now += CHECKED_MS;
    while ((await own.callerOf(token)) !== 'INVALID') {
      now += CHECKED_MS;
      await new Promise(setImmediate);
    }
  });
});

describe('a validated token', () => {
  test('is not validated again for 30 seconds, and never after its expiry', async () => {
    const own = tokens({ clockSkewMs: 0 });
    const token = await provider.token({ exp: now / 1000 + 10 }, now);
    expect(await own.callerOf(token)).toMatchObject({ id: 'person-1' });
    now += 9_999;
    expect(await own.callerOf(token)).toMatchObject({ id: 'person-1' });
    now += 1;
    expect(await own.callerOf(token)).toBe('EXPIRED');
  });

  test('does not affect the validation of another token', async () => {
    const own = tokens();
    const [reader, admin] = [await sign({ sub: 'a' }), await sign({ sub: 'b', role: 'admin' })];
    for (let n = 0; n < 3; n += 1) {
      expect(await own.callerOf(reader)).toMatchObject({ id: 'a', role: 'reader' });
      expect(await own.callerOf(admin)).toMatchObject({ id: 'b', role: 'admin' });
      expect(await own.callerOf(reader.replace(/^[^.]+/, 'e30'))).toBe('INVALID');
    }
  });

  test('is validated again if the clock is set back', async () => {
    const own = tokens({ clockSkewMs: 0 });
    const token = await sign({ nbf: now / 1000 });
    expect(await own.callerOf(token)).toMatchObject({ id: 'person-1' });
    now -= 1_000;
    expect(await own.callerOf(token)).toBe('INVALID');
  });
});
