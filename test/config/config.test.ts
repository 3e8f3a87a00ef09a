import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Config, readEnv, toConfig } from '../../src/config/config.js';
import { describeProblems } from '../../src/config/reader.js';
import { DEFAULT_RESOURCES } from '../../src/resources/registry.js';
import { DEFAULT_COST_LIMITS, DEFAULT_QUERY_LIMITS } from '../../src/values/access.js';
import { formatDuration, parseDuration, parseInstant } from '../../src/values/instant.js';

const TOKEN = 'tok_5f1c9a7e2b';

function configOf(env: Record<string, string>): Config {
  const result = toConfig(readEnv(env));
  if (!result.ok) throw new Error(describeProblems(result.problems));
  return result.config;
}

function problemsOf(env: Record<string, string>): Record<string, string> {
  const result = toConfig(readEnv(env));
  return result.ok ? {} : Object.fromEntries(result.problems.map((p) => [p.name, p.wrong]));
}

function warningsOf(env: Record<string, string>): readonly string[] {
  return toConfig(readEnv(env)).warnings;
}

describe('the limits', () => {
  test('are set by name, and the others keep their defaults', () => {
    const { limits } = configOf({
      ...{ RATE_LIMIT: 'off', REQUEST_TIMEOUT: '5s', QUERY_LIMITS: 'depth=20, aliases=7' },
      ...{ COST_LIMITS: 'reader=10', REDACT: 'subject, names', PERSISTED_OPERATIONS: 'list.json' },
    });
    expect(limits).toEqual({
      ratePerMinute: 0,
      requestTimeout: 5_000,
      query: { ...DEFAULT_QUERY_LIMITS, depth: 20, aliases: 7 },
      cost: { ...DEFAULT_COST_LIMITS, reader: 10 },
      persistedOperations: 'list.json',
      redact: new Set(['subject', 'names']),
    });
    expect(configOf({ REDACT: 'all' }).limits.redact.size).toBeGreaterThan(5);
  });

  test('are refused if invalid, each with the accepted values', () => {
    const result = toConfig(
      readEnv({ QUERY_LIMITS: 'deepness=3,depth=0', COST_LIMITS: 'reader', REDACT: 'subject,everything' }),
    );
    const names = result.ok ? [] : result.problems.map(({ name, wrong }) => `${name} ${wrong}`);
    expect(names).toEqual([
      'QUERY_LIMITS contains "deepness=3"',
      'QUERY_LIMITS contains "depth=0"',
      'COST_LIMITS contains "reader"',
      'REDACT contains "everything"',
    ]);
  });
});

describe('without any environment variable', () => {
  test('the service uses the simulated tenant, listens on loopback and has its own history file', () => {
    expect(configOf({})).toEqual({
      account: null,
      simulator: null,
      vault: { newToken: null, encryptionKeys: [], allowPrivate: false, webhookSecrets: new Map() },
      history: 'sqlite:./data/simulated.db',
      historyReads: 'primary',
      http: {
        ...{ host: '127.0.0.1', port: 4000, ide: true, landingPage: true, introspection: true },
        ...{ anyHost: false, openMetrics: false, trustProxy: null, signInHeader: null, corsOrigins: [] },
        ...{ accessLog: false, isSubgraph: false },
      },
      callers: { fixedKeys: [], jwt: null },
      poll: {
        every: {
          ...{ threats: 14_400_000, cases: 14_400_000, campaigns: 86_400_000 },
          ...{ vendorCases: 86_400_000, notAnalyzedMessages: 86_400_000, detection360Reports: 86_400_000 },
          portalAuditLogs: 14_400_000,
        },
        collect: DEFAULT_RESOURCES,
        collectParts: [],
        backfillFrom: null,
        ingestionLag: 900_000,
        rereadHorizon: 2_592_000_000,
        reconcileEvery: 86_400_000,
      },
      maxAge: 300_000,
      upstream: { rpm: null, concurrency: 4, timeout: 30_000 },
      limits: {
        ratePerMinute: 3_000,
        requestTimeout: 30_000,
        query: DEFAULT_QUERY_LIMITS,
        cost: DEFAULT_COST_LIMITS,
        persistedOperations: null,
        redact: new Set(),
      },
      logLevel: null,
      proof: { hook: null, signer: null },
      policy: null,
      secrets: [],
    });
  });

  test('a variable with an empty or blank value counts as unset', () => {
    expect(configOf({ PORT: '', HISTORY: '  ', ABNORMAL_TOKEN: '' })).toEqual(configOf({}));
  });
});

describe('the encrypted vault', () => {
  const KEY = 'q83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI0Vng=';
  const OLD = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
  const keysOf = (text: string) =>
    configOf({ ENCRYPTION_KEY: text }).vault.encryptionKeys.map((key) => key.reveal());

  test('accepts one key, or the current key and older keys', () => {
    expect(keysOf(KEY)).toEqual([KEY]);
    expect(keysOf(`${KEY}, ${OLD}`)).toEqual([KEY, OLD]);
  });

  test('stores its accounts in the persistent history, even without a token in the environment', () => {
    expect(configOf({ ENCRYPTION_KEY: KEY }).history).toBe('sqlite:./data/history.db');
  });

  test.each([
    ['a password', 'correct horse battery', 'is not a key of 32 random bytes'],
    ['a short key', KEY.slice(4), 'is not a key of 32 random bytes'],
    [
      'a bad second key',
      `${KEY},${OLD.slice(2)}`,
      'has at position 2 of 2 a value that is not a key of 32 random bytes',
    ],
    ['a comma too many', `${KEY},`, 'has at position 2 of 2 a value that is not a key of 32 random bytes'],
    ['one key twice', `${KEY},${Buffer.from(KEY, 'base64').toString('hex')}`, 'contains a key twice'],
  ])('refuses %s without repeating it', (_what, text, wrong) => {
    expect(problemsOf({ ENCRYPTION_KEY: text })).toEqual({ ENCRYPTION_KEY: wrong });
    const result = toConfig(readEnv({ ENCRYPTION_KEY: text }));
    const said = result.ok ? '' : describeProblems(result.problems);
    for (const part of text.split(/[ ,]+/).filter((each) => each !== '')) expect(said).not.toContain(part);
  });

  test('keeps its keys, in each form, and the new token out of all output', () => {
    const { secrets } = configOf({ ENCRYPTION_KEY: `${KEY},${OLD}`, ABNORMAL_NEW_TOKEN: TOKEN });
    const text = `${KEY} ${Buffer.from(KEY, 'base64').toString('hex')} ${OLD} ${Buffer.from(OLD, 'hex').toString('base64')} ${TOKEN}`;
    const blotted = secrets.reduce((rest, secret) => secret.redactFrom(rest), text);
    expect(blotted.replaceAll('[redacted]', '').trim()).toBe('');
    expect(inspect(configOf({ ENCRYPTION_KEY: KEY }), { depth: 9 })).not.toContain(KEY);
  });

  test('allows tokens to be sent into private networks only if configured', () => {
    expect(configOf({ ALLOW_PRIVATE_ADDRESSES: 'yes' }).vault.allowPrivate).toBe(true);
    expect(problemsOf({ ALLOW_PRIVATE_ADDRESSES: 'maybe' })).toHaveProperty('ALLOW_PRIVATE_ADDRESSES');
  });

  test('reads the secrets of webhooks by name, and repeats none of them', () => {
    const [one, two] = [5, 6].map((byte) => `whsec_${Buffer.alloc(24, byte).toString('base64')}`);
    const { vault, secrets } = configOf({ WEBHOOK_SECRETS: `siem=${one}, chat=${two}` });
    expect([...vault.webhookSecrets].map(([name, secret]) => [name, secret.reveal()])).toEqual([
      ['siem', one],
      ['chat', two],
    ]);
    expect(secrets.map((secret) => secret.reveal())).toEqual(expect.arrayContaining([one, two]));
    for (const text of [`siem=${one},siem=${two}`, `siem=${one?.slice(0, 30)}`, `${one}`, `Siem=${one}`]) {
      const result = toConfig(readEnv({ WEBHOOK_SECRETS: text }));
      const said = result.ok ? '' : describeProblems(result.problems);
      expect(said).toContain('WEBHOOK_SECRETS');
      expect(said).not.toContain(one?.slice(6, 30));
    }
  });
});

describe('the account of the environment', () => {
  test('uses the US host and the persistent history if a token is set', () => {
    const config = configOf({ ABNORMAL_TOKEN: ` ${TOKEN}\n` });
    expect(config.account?.token.reveal()).toBe(TOKEN);
    expect(config.account?.baseUrl).toBe('https://api.abnormalplatform.com/v1');
    expect(config.history).toBe('sqlite:./data/history.db');
  });

  test.each([
    ['eu', 'https://eu.rest.abnormalsecurity.com/v1'],
    ['GOV', 'https://rest.abnormalsecurity.us/v1'],
  ])('in the region %s uses %s', (region, url) => {
    expect(configOf({ ABNORMAL_TOKEN: TOKEN, ABNORMAL_REGION: region }).account?.baseUrl).toBe(url);
  });

  test.each(['http://127.0.0.1:9999/v1', 'http://localhost:1/v1/', 'http://[::1]:80/v1'])(
    'may use plain http to this machine: %s',
    (url) => {
      expect(configOf({ ABNORMAL_TOKEN: TOKEN, ABNORMAL_BASE_URL: url }).account?.baseUrl).toBe(
        url.replace(/\/$/, ''),
      );
    },
  );

  test.each([
    ['http://api.example.com/v1', /plain http/],
    ['http://127.0.0.1.example.com/v1', /plain http/],
    ['ftp://api.example.com', /begins with ftp:/],
    ['https://user:hunter22@api.example.com/v1', /user name or a password/],
    ['https://api.example.com/v1?x=1', /query/],
    ['api.example.com', /not a URL/],
  ])('is refused with the base URL %s', (url, why) => {
    expect(problemsOf({ ABNORMAL_TOKEN: TOKEN, ABNORMAL_BASE_URL: url }).ABNORMAL_BASE_URL).toMatch(why);
  });

  test('is refused if the region and the base URL disagree', () => {
    const env = {
      ABNORMAL_TOKEN: TOKEN,
      ABNORMAL_REGION: 'eu',
      ABNORMAL_BASE_URL: 'https://other.example/v1',
    };
    expect(problemsOf(env).ABNORMAL_BASE_URL).toMatch(/ABNORMAL_REGION=eu/);
  });

  test.each([
    ['Bearer abcdefgh1234', /Bearer/],
    ['"abcdefgh1234"', /quotation/],
    ['abcd efgh', /spaces/],
    ['abc', /only 3/],
  ])('is refused with the token %s, which the message does not repeat', (token, why) => {
    const result = toConfig(readEnv({ ABNORMAL_TOKEN: token }));
    if (result.ok) throw new Error('accepted');
    expect(result.problems[0]?.wrong).toMatch(why);
    expect(describeProblems(result.problems)).not.toContain(token);
  });

  test('has a token that is never printed', () => {
    const config = configOf({ ABNORMAL_TOKEN: TOKEN });
    for (const text of [JSON.stringify(config), inspect(config, { depth: 9 }), `${config.account?.token}`]) {
      expect(text).not.toContain(TOKEN);
    }
  });
});

test('all credentials of a configuration are collected, so that no output contains them', () => {
  const history = 'mongodb+srv://gateway:p%40ss%2Fword@cluster.example/history';
  const { secrets } = configOf({ ABNORMAL_TOKEN: TOKEN, HISTORY: history });
  const text = `${TOKEN} ${history} p@ss/word`;
  expect(secrets.reduce((rest, secret) => secret.redactFrom(rest), text)).toBe(
    '[redacted] mongodb+srv://gateway:[redacted]@cluster.example/history [redacted]',
  );
});

describe('configuration errors', () => {
  test('are reported together, each with its name, the accepted values and an example', () => {
    const env = {
      PORT: 'banana',
      HISTORY: 'postgres://user:hunter22@db/history',
      POLL_THREATS_EVERY: '4',
      UPSTREAM_RPM: '0',
      LOG_LEVEL: 'loud',
      BACKFILL_FROM: '2026-02-30',
      ABNORMAL_REGION: 'mars',
      DEFAULT_MAX_AGE: '-1',
      IDE: 'maybe',
    };
    const result = toConfig(readEnv(env));
    if (result.ok) throw new Error('accepted');
    expect(result.problems.map((p) => p.name).sort()).toEqual(Object.keys(env).sort());
    const text = describeProblems(result.problems);
    expect(text).toContain('9 problems');
    for (const name of Object.keys(env)) expect(text).toContain(`Example: ${name}=`);
    expect(text).not.toContain('hunter22');
  });

  test('have examples that are themselves accepted', () => {
    const result = toConfig(
      readEnv({ PORT: 'x', POLL_CASES_EVERY: 'x', IDE: 'x', BACKFILL_FROM: 'x', HISTORY: 'x' }),
    );
    if (result.ok) throw new Error('accepted');
    const env = Object.fromEntries(result.problems.map((p) => p.example.split('=', 2) as [string, string]));
    expect(problemsOf(env)).toEqual({});
  });
});

describe('configuration warnings', () => {
  test.each([
    ['ABNORMAL_TOKEM', 'ABNORMAL_TOKEN'],
    ['abnormal_token', 'ABNORMAL_TOKEN'],
    ['POLL_THREAT_EVERY', 'POLL_THREATS_EVERY'],
    ['BACKFIL_FROM', 'BACKFILL_FROM'],
    ['UPSTREAM_RPS', 'UPSTREAM_RPM'],
  ])('include that %s probably means %s', (name, meant) => {
    expect(warningsOf({ [name]: 'x' })).toEqual([expect.stringContaining(`did you mean ${meant}?`)]);
  });

  test.each(['HOSTNAME', 'HISTFILE', 'PATH', 'PWD', 'SHELL', 'EDITOR', 'NODE_ENV'])(
    'do not include the common variable %s',
    (name) => {
      expect(warningsOf({ [name]: 'x' })).toEqual([]);
    },
  );

  test('include an address without a token, which is unused', () => {
    expect(warningsOf({ ABNORMAL_REGION: 'eu' })).toEqual([expect.stringContaining('simulated tenant')]);
  });
});

describe('RECONCILE_EVERY', () => {
  test.each([
    ['12h', 43_200_000],
    ['off', 0],
    ['OFF', 0],
    ['0', 0],
    ['0h', 0],
  ])('as %s is %d ms', (text, ms) => {
    expect(configOf({ RECONCILE_EVERY: text }).poll.reconcileEvery).toBe(ms);
  });

  test.each(['5m', 'never', '31d'])('as %s is refused', (text) => {
    expect(problemsOf({ RECONCILE_EVERY: text }).RECONCILE_EVERY).toContain(JSON.stringify(text));
  });
});

describe('durations and instants', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['15m', 900_000],
    ['4h', 14_400_000],
    ['30d', 2_592_000_000],
  ])('the duration %s is parsed and formatted', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
    expect(formatDuration(ms)).toBe(text);
  });

  test.each(['', '4', 'h', '1.5h', '-4h', '4 h', '4w', '1h30m'])('%j is not a duration', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  test.each([
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31T08:15Z', '2026-01-31T08:15:00.000Z'],
    ['2026-01-31T08:15:30.5+02:00', '2026-01-31T06:15:30.500Z'],
  ])('%s is parsed as %s', (text, instant) => {
    expect(parseInstant(text)).toBe(instant);
  });

  test.each(['2026-02-30', '2026-13-01', '2026-01-31T08:15', 'yesterday', '31.01.2026'])(
    '%j is not an instant',
    (t) => {
      expect(parseInstant(t)).toBeNull();
    },
  );
});

describe('COLLECT', () => {
  const collected = (COLLECT: string) => {
    const read = toConfig(readEnv({ COLLECT }));
    return read.ok
      ? [...read.config.poll.collect, ...read.config.poll.collectParts]
      : describeProblems(read.problems);
  };

  test('names resources and parts of threats, dashed or as in the graph, in any order', () => {
    expect(collected('vendor-cases, threats,portalAuditLogs,threat-links')).toEqual([
      ...['threats', 'vendorCases', 'portalAuditLogs', 'threatLinks'],
    ]);
  });

  test.each(['threats,mail', 'threat-links', ','])('refuses %s and lists what is accepted', (text) => {
    expect(collected(text)).toMatch(
      /COLLECT names .*Accepted: a list of threats, cases, .*threat-attachments/s,
    );
  });
});
