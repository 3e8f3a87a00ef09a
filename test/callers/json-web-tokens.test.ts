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

test('a token lets in its subject, under the name it gives', async () => {
  const caller = { kind: 'JWT', id: 'person-1', name: 'person-1', role: 'reader' };
  expect(await tokens().callerOf(await sign())).toEqual(caller);
  expect(await tokens().callerOf(await sign({ name: 'Ada' }))).toEqual({ ...caller, name: 'Ada' });
});

describe.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('signed by %s', (alg) => {
  test('it lets in', async () => {
    await provider.rotate(alg);
    expect(await tokens().callerOf(await sign())).toMatchObject({ kind: 'JWT' });
  });
});

describe('the role', () => {
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
  ])('%s', async (_what, claims, roleClaim, role) => {
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
  ])('%s lets nobody in', async (_what, role) => {
    expect(await tokens().callerOf(await sign({ role }))).toBe('NO_ROLE');
  });

  test.each(['__proto__.role', 'constructor.name', 'toString'])('is not found at %s', async (roleClaim) => {
    expect(await tokens({ roleClaim }).callerOf(await sign())).toBe('NO_ROLE');
  });
});

describe('refused is a token', () => {
  test.each<[what: string, claims: Record<string, unknown>]>([
    ['for another audience', { aud: 'another' }],
    ['for none', { aud: undefined }],
    ['of another issuer', { iss: 'https://evil.example/' }],
    ['without a subject', { sub: undefined }],
    ['without an end', { exp: undefined }],
    ['that begins later', { nbf: Date.parse('2026-05-04T10:01:01Z') / 1000 }],
  ])('%s', async (_what, claims) => {
    expect(await tokens().callerOf(await sign(claims))).toBe('INVALID');
  });

  test('whose end is past by more than clocks may be off', async () => {
    const token = await sign();
    now += 359_000;
    expect(await tokens().callerOf(token)).toMatchObject({ kind: 'JWT' });
    now += 1_000;
    expect(await tokens().callerOf(token)).toBe('EXPIRED');
    expect(await tokens({ clockSkewMs: 0 }).callerOf(await sign({ exp: now / 1000 }))).toBe('EXPIRED');
  });

  test('that nobody signed', async () => {
    const token = new UnsecuredJWT({ role: 'admin' })
      .setSubject('x')
      .setAudience(AUDIENCE)
      .setIssuer(ISSUER)
      .setExpirationTime('1h')
      .encode();
    expect(await tokens().callerOf(token)).toBe('INVALID');
  });

  test('signed with the public key as if it were a shared secret', async () => {
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

  test('signed by a stranger under the id of a known key', async () => {
    const stranger = await IdentityProvider.start();
    const [known] = provider.publicKeys as [{ kid: string }];
    const [own] = stranger.publicKeys as [{ kid: string }];
    const [head = '', ...rest] = (await stranger.token({}, now)).split('.');
    const header = Buffer.from(head, 'base64url').toString().replace(own.kid, known.kid);
    const token = [Buffer.from(header).toString('base64url'), ...rest].join('.');
    expect(await tokens().callerOf(token)).toBe('INVALID');
    await stranger.stop();
  });

  test('that was altered', async () => {
    const [head, body = '', signature] = (await sign()).split('.');
    const claims = { ...JSON.parse(Buffer.from(body, 'base64url').toString()), role: 'admin' };
    const altered = Buffer.from(JSON.stringify(claims)).toString('base64url');
    expect(await tokens().callerOf([head, altered, signature].join('.'))).toBe('INVALID');
  });

  test.each(['', 'x', 'a.b.c', '..', 'e30.e30.e30'])('that is none: %j', async (token) => {
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

  test('that are new are found; asking for unknown ones over and over costs one fetch in half a minute', async () => {
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
    'that were fetched go on working while they cannot be fetched again (%s)',
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
    'that were never fetched: it is said that it cannot be told (%s), and tried again soon',
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

  test('that were taken back stop working with the next fetch', async () => {
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

describe('a token that was checked', () => {
  test('is not checked again for half a minute, and not past its end', async () => {
    const own = tokens({ clockSkewMs: 0 });
    const token = await provider.token({ exp: now / 1000 + 10 }, now);
    expect(await own.callerOf(token)).toMatchObject({ id: 'person-1' });
    now += 9_999;
    expect(await own.callerOf(token)).toMatchObject({ id: 'person-1' });
    now += 1;
    expect(await own.callerOf(token)).toBe('EXPIRED');
  });

  test('says nothing of another', async () => {
    const own = tokens();
    const [reader, admin] = [await sign({ sub: 'a' }), await sign({ sub: 'b', role: 'admin' })];
    for (let n = 0; n < 3; n += 1) {
      expect(await own.callerOf(reader)).toMatchObject({ id: 'a', role: 'reader' });
      expect(await own.callerOf(admin)).toMatchObject({ id: 'b', role: 'admin' });
      expect(await own.callerOf(reader.replace(/^[^.]+/, 'e30'))).toBe('INVALID');
    }
  });

  test('is taken at its word no longer when the clock is set back', async () => {
    const own = tokens({ clockSkewMs: 0 });
    const token = await sign({ nbf: now / 1000 });
    expect(await own.callerOf(token)).toMatchObject({ id: 'person-1' });
    now -= 1_000;
    expect(await own.callerOf(token)).toBe('INVALID');
  });
});
