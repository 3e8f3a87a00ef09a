import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { mintKey } from '../../src/callers/api-keys.js';
import { type Config, readEnv, toConfig } from '../../src/config/config.js';
import { describeProblems } from '../../src/config/reader.js';

const KEY = 'f3b9c1d07a5e48e2b6d4a9c8e7f01235';

function configOf(env: Record<string, string>): Config {
  const result = toConfig(readEnv(env));
  if (!result.ok) throw new Error(describeProblems(result.problems));
  return result.config;
}

/** What is wrong, as it is written to a terminal. */
function complaint(env: Record<string, string>): string {
  const result = toConfig(readEnv(env));
  return result.ok ? '' : describeProblems(result.problems);
}

describe('API_KEYS', () => {
  test('is parsed into names, roles and hashes; the keys are kept only in the list of secrets', () => {
    const { text } = mintKey();
    const config = configOf({ API_KEYS: ` reports:reader:${KEY}, jobs.nightly:operator:${text} ,` });
    const hash = (key: string) => createHash('sha256').update(key).digest('hex');
    expect(config.callers.fixedKeys).toEqual([
      { name: 'reports', role: 'reader', hash: hash(KEY) },
      { name: 'jobs.nightly', role: 'operator', hash: hash(text) },
    ]);
    expect(JSON.stringify(config)).not.toContain(KEY);
    const blotted = config.secrets.reduce((rest, secret) => secret.redactFrom(rest), `a ${KEY} b ${text} c`);
    expect(blotted).toBe('a [redacted] b [redacted] c');
  });

  test.each([
    ['a key alone', KEY, 'that is not name:role:key'],
    ['a key in the place of the role', `reports:${KEY}`, 'with an unknown role; roles are'],
    ['no name', `:reader:${KEY}`, 'that is not name:role:key'],
    ['a role that there is not', `reports:root:${KEY}`, 'with an unknown role; roles are'],
    ['a short key', 'reports:reader:abc123', 'fewer than 32 characters'],
    ['a key of a few characters over and over', `reports:reader:${'ab'.repeat(20)}`, 'can be guessed'],
    ['a key that no header can hold', `reports:reader:${KEY} ${KEY}`, 'can be guessed or cannot be sent'],
    ['a name twice', `reports:reader:${KEY},reports:admin:${KEY}x`, 'contains the name "reports" twice'],
    ['a fourth part', `reports:reader:${KEY}:more`, 'can be guessed or cannot be sent'],
  ])('is refused with %s, and the key is not repeated', (_what, value, wrong) => {
    expect(complaint({ API_KEYS: value })).toContain(wrong);
    expect(complaint({ API_KEYS: value })).not.toContain(KEY.slice(0, 12));
  });
});

describe('JSON web tokens', () => {
  const JWKS_URL = 'https://login.example.com/keys';

  test('are not accepted without JWKS_URL, and settings for them are reported', () => {
    const result = toConfig(readEnv({ JWT_AUDIENCE: 'x' }));
    expect(result).toMatchObject({ ok: true, config: { callers: { jwt: null } } });
    expect(result.warnings).toEqual(['JWT_AUDIENCE is set but JWKS_URL is not: no tokens are accepted']);
  });

  test('are checked with the configured values or the defaults', () => {
    const usual = {
      jwksUrl: JWKS_URL,
      audience: 'gateway',
      issuer: null,
      clockSkewMs: 60_000,
      roleClaim: 'role',
    };
    const env = { JWKS_URL, JWT_AUDIENCE: 'gateway' };
    expect(configOf(env).callers.jwt).toEqual(usual);
    const more = { JWT_ISSUER: 'https://i/', JWT_CLOCK_SKEW: '5s', JWT_ROLE_CLAIM: 'realm_access.roles' };
    const own = { issuer: 'https://i/', clockSkewMs: 5_000, roleClaim: 'realm_access.roles' };
    expect(configOf({ ...env, ...more }).callers.jwt).toEqual({ ...usual, ...own });
    expect(toConfig(readEnv(env)).warnings).toEqual([expect.stringContaining('JWT_ISSUER is not set')]);
  });

  test('without a configured audience are a configuration error, because tokens of any service would match', () => {
    expect(complaint({ JWKS_URL })).toMatch(/JWT_AUDIENCE is not set, but/);
  });

  test.each([
    ['http://login.example.com/keys', 'plain http'],
    ['ftp://login.example.com/keys', 'begins with ftp:'],
    ['login.example.com', 'is not a URL'],
    ['https://user:pass@login.example.com/keys', 'contains a user name or a password'],
  ])('are refused with JWKS_URL=%s', (url, wrong) => {
    expect(complaint({ JWKS_URL: url, JWT_AUDIENCE: 'x' })).toContain(wrong);
  });

  test('may use plain http for a JWKS_URL on this machine', () => {
    expect(configOf({ JWKS_URL: 'http://127.0.0.1:9/keys', JWT_AUDIENCE: 'x' }).callers.jwt).not.toBeNull();
  });
});

describe('TRUST_PROXY', () => {
  test.each<[string, unknown]>([
    ['1', 1],
    ['9', 9],
    ['10.0.0.1', ['10.0.0.1']],
    ['10.0.0.0/8, fd00::/8 ,::1', ['10.0.0.0/8', 'fd00::/8', '::1']],
  ])('%s is accepted', (text, expected) => {
    expect(configOf({ TRUST_PROXY: text }).http.trustProxy).toEqual(expected);
  });

  test.each([
    '0',
    '10',
    'yes',
    'true',
    '*',
    'all',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/33',
    'proxy.local',
    '10.0.0.0/8/8',
  ])('%s is refused, because every proxy or none would be trusted', (text) => {
    expect(complaint({ TRUST_PROXY: text })).toContain('TRUST_PROXY contains');
  });
});

describe('CORS_ORIGINS', () => {
  test('are matched exactly', () => {
    const { http } = configOf({ CORS_ORIGINS: 'https://a.example, http://localhost:5173' });
    expect(http.corsOrigins).toEqual(['https://a.example', 'http://localhost:5173']);
    expect(configOf({}).http.corsOrigins).toEqual([]);
  });

  test.each([
    '*',
    'null',
    'a.example',
    'https://a.example/',
    'https://*.a.example',
    'https://A.example',
    'file:///',
  ])('%s are refused', (origin) => {
    expect(complaint({ CORS_ORIGINS: `https://b.example,${origin}` })).toContain('CORS_ORIGINS contains');
  });
});
