import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { createCipher, encryptionKeyId } from '../../src/integrations/encryption.js';
import { Vault } from '../../src/integrations/stored-vault.js';
import { VaultError } from '../../src/integrations/vault.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { Secret } from '../../src/values/secret.js';
import { OracleStore } from '../support/oracle-store.js';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const KEY = randomBytes(32);
const NEWER = randomBytes(32);
const FIRST = 'first-token-of-acme-0001';
const SECOND = 'second-token-of-acme-0002';

let now: number;
let store: OracleStore;
let vault: Vault;

function vaultWith(keys: readonly Buffer[], allowPrivate = false): Vault {
  const [current, ...older] = keys;
  const cipher = current ? createCipher([current, ...older]) : null;
  return new Vault({ store, cipher, allowPrivate, clock: () => now });
}

beforeEach(() => {
  now = NOW;
  store = new OracleStore(() => now);
  vault = vaultWith([KEY]);
});

function addAcme(token = FIRST) {
  return vault.add({ name: 'acme', token: new Secret(token) });
}

async function tokenOf(name: string, from = vault): Promise<string> {
  return (await from.reveal(name)).reveal();
}

/** The refusal that `work` ends with; it never holds a token. */
async function refusal(work: Promise<unknown>): Promise<VaultError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof VaultError)) throw new Error(`expected a VaultError, got ${String(error)}`);
  for (const token of [FIRST, SECOND]) expect(`${error.message}${error.stack}`).not.toContain(token);
  return error;
}

/** Changes what is stored behind the vault's back. */
async function forge(name: string, change: object, as = name): Promise<void> {
  const document = await store.document('integrations', name);
  const there = await store.document('integrations', as);
  await store.putDocument('integrations', as, { ...document?.body, ...change }, there?.version ?? 0);
}

describe('an integration that is added', () => {
  test('is stored readably, except for its token, which is encrypted', async () => {
    const added = await addAcme();
    expect(added).toEqual({
      ...{ name: 'acme', baseUrl: 'https://api.abnormalplatform.com/v1', region: 'us' },
      createdAt: '2026-03-01T12:00:00.000Z',
      token: {
        ...{ storedAt: '2026-03-01T12:00:00.000Z', issuedAt: null, expiresAt: null },
        ...{ hint: '0001', keyId: encryptionKeyId(KEY) },
      },
      earlierTokens: [],
    });
    expect(await vault.list()).toEqual([added]);
    expect(await vault.get('acme')).toEqual(added);
    expect(JSON.stringify(added)).not.toContain(FIRST.slice(0, -4));
    expect(await tokenOf('acme')).toBe(FIRST);
  });

  test.each([
    [{ region: 'eu' } as const, 'https://eu.rest.abnormalsecurity.com/v1', 'eu'],
    [{ baseUrl: 'https://Mirror.example.org/v1/' }, 'https://mirror.example.org/v1', null],
    [{ baseUrl: 'https://rest.abnormalsecurity.us/v1' }, 'https://rest.abnormalsecurity.us/v1', 'gov'],
  ])('is read from its configured address', async (address, baseUrl, region) => {
    expect(await vault.add({ name: 'acme', token: new Secret(FIRST), ...address })).toMatchObject({
      baseUrl,
      region,
    });
  });

  test.each(['a', 'acme-eu', '0', '-', 'a'.repeat(40)])('may be named %s', async (name) => {
    expect(await vault.add({ name, token: new Secret(FIRST) })).toMatchObject({ name });
  });

  test.each([
    '',
    'Acme',
    'acme_eu',
    'a/b',
    'a b',
    'ä',
    'a'.repeat(41),
    'acme\n',
    '../x',
    'default',
    'simulated',
  ])('cannot be named %j', async (name) => {
    expect((await refusal(vault.add({ name, token: new Secret(FIRST) }))).code).toBe('BAD_NAME');
  });

  test.each([
    '',
    'short',
    'Bearer abcdefghijkl',
    '"abcdefghijkl"',
    'two words-of-it',
    'abc\ndefghijkl',
    'x'.repeat(9000),
  ])('cannot have the token %j', async (token) => {
    expect((await refusal(addAcme(token))).code).toBe('BAD_TOKEN');
    expect(await vault.list()).toEqual([]);
  });

  test('shows no characters of a token if four would reveal too much', async () => {
    expect((await addAcme('12345678901')).token.hint).toBe('');
  });

  test.each([
    ['http://api.example.org/v1', /plain http/],
    ['https://169.254.169.254/v1', /private network.*ALLOW_PRIVATE_ADDRESSES/],
  ])('cannot be read from %s', async (baseUrl, words) => {
    const refused = await refusal(vault.add({ name: 'acme', token: new Secret(FIRST), baseUrl }));
    expect(refused).toMatchObject({ code: 'BAD_ADDRESS', message: expect.stringMatching(words) });
  });

  test('may be read from a private network if allowed, but not over plain http', async () => {
    const allowed = vaultWith([KEY], true);
    const add = (name: string, baseUrl: string) => allowed.add({ name, token: new Secret(FIRST), baseUrl });
    expect(await add('acme', 'https://10.1.2.3/v1')).toMatchObject({ baseUrl: 'https://10.1.2.3/v1' });
    expect((await refusal(add('other', 'http://10.1.2.3/v1'))).code).toBe('BAD_ADDRESS');
  });

  test('does not replace another with the same name, even if both are added concurrently', async () => {
    const outcomes = await Promise.allSettled([addAcme(FIRST), addAcme(SECOND), addAcme(SECOND)]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = await refusal(addAcme());
    expect(refused).toMatchObject({
      code: 'EXISTS',
      message: expect.stringContaining('integrations rotate acme'),
    });
  });
});

describe('a token that is replaced', () => {
  test('is deleted, and the replacement is recorded', async () => {
    await addAcme();
    await vault.noteTimes('acme', '2026-03-01T12:00:00.000Z', {
      issuedAt: '2026-02-01T00:00:00.000Z',
      expiresAt: '2026-05-01T00:00:00.000Z',
    });
    now += 1000;
    const rotated = await vault.rotate('acme', new Secret(SECOND));
    expect(await tokenOf('acme')).toBe(SECOND);
    expect(rotated).toMatchObject({
      createdAt: '2026-03-01T12:00:00.000Z',
      token: { storedAt: '2026-03-01T12:00:01.000Z', issuedAt: null, expiresAt: null, hint: '0002' },
      earlierTokens: [
        {
          ...{ storedAt: '2026-03-01T12:00:00.000Z', issuedAt: '2026-02-01T00:00:00.000Z' },
          ...{ expiresAt: '2026-05-01T00:00:00.000Z', replacedAt: '2026-03-01T12:00:01.000Z' },
        },
      ],
    });
  });

  test('by several callers concurrently leaves the last one complete, and each with its own instant', async () => {
    await addAcme();
    const tokens = Array.from({ length: 8 }, (_, i) => `token-number-${i}-of-eight`);
    await Promise.all(tokens.map((token) => vault.rotate('acme', new Secret(token))));
    expect(tokens).toContain(await tokenOf('acme'));
    const [acme] = await vault.list();
    expect(acme?.earlierTokens).toHaveLength(8);
    const instants = [...(acme?.earlierTokens ?? []), acme?.token].map((token) => token?.storedAt);
    expect(new Set(instants).size).toBe(9);
  });

  test('may change together with the address, and the address together with the token', async () => {
    await addAcme();
    const moved = await vault.update('acme', { region: 'gov' }, new Secret(SECOND));
    expect(moved).toMatchObject({ region: 'gov' });
    expect(await tokenOf('acme')).toBe(SECOND);
  });

  test('must differ, or its age would restart; with another address its age continues', async () => {
    await addAcme();
    await vault.noteTimes('acme', toInstant(NOW), { issuedAt: null, expiresAt: toInstant(NOW + DAY) });
    now += DAY;
    const refused = await refusal(vault.rotate('acme', new Secret(FIRST)));
    expect(refused).toMatchObject({
      code: 'BAD_TOKEN',
      message: expect.stringContaining('has this token already'),
    });
    const moved = await vault.update('acme', { region: 'eu' }, new Secret(FIRST));
    const known = { storedAt: toInstant(NOW), issuedAt: null, expiresAt: toInstant(NOW + DAY) };
    expect(moved).toMatchObject({ region: 'eu', token: known, earlierTokens: [] });
    expect(await tokenOf('acme')).toBe(FIRST);
  });

  test('is kept if it changed since the caller read it', async () => {
    const { token } = await addAcme();
    await vault.rotate('acme', new Secret(SECOND));
    expect((await refusal(vault.reveal('acme', token.storedAt))).code).toBe('BUSY');
    await vault.noteTimes('acme', token.storedAt, { issuedAt: null, expiresAt: '2026-04-01T00:00:00.000Z' });
    expect((await vault.get('acme'))?.token.expiresAt).toBeNull();
  });
});

describe('an integration that is removed', () => {
  test('is deleted with its token, and may be added again', async () => {
    await addAcme();
    await vault.remove('acme');
    expect(await vault.list()).toEqual([]);
    for (const work of [
      vault.reveal('acme'),
      vault.remove('acme'),
      vault.rotate('acme', new Secret(SECOND)),
    ]) {
      expect((await refusal(work)).code).toBe('NOT_FOUND');
    }
    expect(await addAcme(SECOND)).toMatchObject({ earlierTokens: [] });
  });
});

describe('without an encryption key', () => {
  test('nothing fails while nothing is stored', async () => {
    const none = vaultWith([]);
    await none.check();
    expect(await none.list()).toEqual([]);
  });

  test('nothing can be added, and the error explains how to create a key', async () => {
    const refused = await refusal(vaultWith([]).add({ name: 'acme', token: new Secret(FIRST) }));
    expect(refused).toMatchObject({ code: 'NO_KEY', message: expect.stringContaining('keys encryption') });
  });

  test('stored accounts can be listed and removed, but not opened', async () => {
    await addAcme();
    const none = vaultWith([]);
    expect(await none.list()).toHaveLength(1);
    expect((await refusal(none.check())).message).toMatch(/"acme".*ENCRYPTION_KEY.*not set/);
    expect((await refusal(none.reveal('acme'))).code).toBe('NO_KEY');
    await none.remove('acme');
    await none.check();
  });
});

describe('a wrong encryption key', () => {
  test('is refused, and the error names the right key and the alternatives', async () => {
    await addAcme();
    const wrong = vaultWith([NEWER]);
    const refused = await refusal(wrong.check());
    expect(refused.code).toBe('NOT_OPENED');
    for (const part of [
      encryptionKeyId(KEY),
      encryptionKeyId(NEWER),
      'integrations rotate acme',
      'integrations remove acme',
    ]) {
      expect(refused.message).toContain(part);
    }
  });

  test('adds no account, but stores a token that is given again', async () => {
    await addAcme();
    const wrong = vaultWith([NEWER]);
    expect((await refusal(wrong.add({ name: 'other', token: new Secret(SECOND) }))).code).toBe('NOT_OPENED');
    await wrong.rotate('acme', new Secret(SECOND));
    await wrong.check();
    expect(await tokenOf('acme', wrong)).toBe(SECOND);
  });
});

describe('a manipulated document does not decrypt', () => {
  const other = { name: 'other', token: new Secret(SECOND) };

  test.each([
    ['an address, to have the token sent there', { baseUrl: 'https://collector.example.org/v1' }],
    ['a ciphertext', { sealed: `v1.${encryptionKeyId(KEY)}.${randomBytes(60).toString('base64url')}` }],
    ['a ciphertext that is none', { sealed: 'token' }],
    ['a document that does not read', { sealed: 7 }],
  ])('if it has %s', async (_what, change) => {
    await addAcme();
    await forge('acme', change);
    for (const work of [vault.check(), vault.reveal('acme'), vault.add(other)]) {
      expect((await refusal(work)).code).toBe('NOT_OPENED');
    }
    await vault.remove('acme');
    await vault.check();
  });

  test('if a token was moved to another integration, whether that exists or not', async () => {
    await addAcme();
    await vault.add(other);
    const acme = await store.document('integrations', 'acme');
    await forge('other', { sealed: acme?.body.sealed });
    expect((await refusal(vault.reveal('other'))).message).toMatch(
      /"other" cannot be decrypted: .*another integration/,
    );
    expect(await tokenOf('acme')).toBe(FIRST);
    await forge('acme', {}, 'third');
    expect((await refusal(vault.reveal('third'))).code).toBe('NOT_OPENED');
  });
});

describe('a rotation of encryption keys', () => {
  async function several(): Promise<void> {
    for (const name of ['a', 'b', 'c'])
      await vault.add({ name, token: new Secret(`token-of-integration-${name}`) });
  }

  test('encrypts everything with the first key, and the others are no longer needed', async () => {
    await several();
    const both = vaultWith([NEWER, KEY]);
    await both.check();
    await both.rotate('b', new Secret(SECOND));
    expect(await both.reseal()).toEqual({ resealed: 2, current: 1 });
    expect(await both.reseal()).toEqual({ resealed: 0, current: 3 });
    const newer = vaultWith([NEWER]);
    await newer.check();
    expect(await tokenOf('a', newer)).toBe('token-of-integration-a');
    expect(await tokenOf('b', newer)).toBe(SECOND);
    expect((await refusal(vault.check())).code).toBe('NOT_OPENED');
  });

  test('changes nothing else, neither the known dates of a token nor its fingerprint', async () => {
    await several();
    const [before] = await vault.list();
    await vaultWith([NEWER, KEY]).reseal();
    const [after] = await vault.list();
    expect(after).toMatchObject({
      earlierTokens: [],
      token: { storedAt: before?.token.storedAt, hint: before?.token.hint },
    });
  });

  test('keeps a token that is replaced concurrently', async () => {
    await several();
    const both = vaultWith([NEWER, KEY]);
    await Promise.all([
      both.reseal(),
      both.rotate('a', new Secret(SECOND)),
      both.rotate('c', new Secret(SECOND)),
    ]);
    const newer = vaultWith([NEWER]);
    await newer.check();
    expect([await tokenOf('a', newer), await tokenOf('c', newer)]).toEqual([SECOND, SECOND]);
  });

  test('changes nothing if one token cannot be decrypted', async () => {
    await several();
    await vaultWith([NEWER]).rotate('c', new Secret(SECOND));
    const mixed = vaultWith([randomBytes(32), KEY]);
    expect((await refusal(mixed.reseal())).message).toContain(encryptionKeyId(NEWER));
    expect(await tokenOf('a')).toBe('token-of-integration-a');
  });
});
