import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { createCipher, encryptionKeyId } from '../../src/integrations/encryption.js';
import { createVault } from '../../src/integrations/stored-vault.js';
import type { Vault } from '../../src/integrations/vault.js';
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
  return createVault({ store, cipher, allowPrivate, clock: () => now });
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
  test('is there with all but its token, which only opens', async () => {
    const added = await addAcme();
    expect(added).toEqual({
      ...{ name: 'acme', baseUrl: 'https://api.abnormalplatform.com/v1', region: 'us', version: 1 },
      createdAt: '2026-03-01T12:00:00.000Z',
      updatedAt: '2026-03-01T12:00:00.000Z',
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
  ])('is read from where it is said to be', async (address, baseUrl, region) => {
    expect(await vault.add({ name: 'acme', token: new Secret(FIRST), ...address })).toMatchObject({
      baseUrl,
      region,
    });
  });

  test.each(['a', 'acme-eu', '0', '-', 'a'.repeat(40)])('may be called %s', async (name) => {
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
  ])('may not be called %j', async (name) => {
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
  ])('has no such token: %j', async (token) => {
    expect((await refusal(addAcme(token))).code).toBe('BAD_TOKEN');
    expect(await vault.list()).toEqual([]);
  });

  test('shows nothing of a token of which four characters would be much', async () => {
    expect((await addAcme('12345678901')).token.hint).toBe('');
  });

  test.each([
    ['http://api.example.org/v1', /plain http/],
    ['https://169.254.169.254/v1', /private network.*ALLOW_PRIVATE_ADDRESSES/],
  ])('is not read from %s', async (baseUrl, words) => {
    const refused = await refusal(vault.add({ name: 'acme', token: new Secret(FIRST), baseUrl }));
    expect(refused).toMatchObject({ code: 'BAD_ADDRESS', message: expect.stringMatching(words) });
  });

  test('may be read from a private network where that was allowed, but not in clear', async () => {
    const allowed = vaultWith([KEY], true);
    const add = (name: string, baseUrl: string) => allowed.add({ name, token: new Secret(FIRST), baseUrl });
    expect(await add('acme', 'https://10.1.2.3/v1')).toMatchObject({ baseUrl: 'https://10.1.2.3/v1' });
    expect((await refusal(add('other', 'http://10.1.2.3/v1'))).code).toBe('BAD_ADDRESS');
  });

  test('is not another’s of the same name, also when both come at once', async () => {
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
  test('is forgotten, but not that it was there', async () => {
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

  test('by several at once leaves the one that was last, whole, and an instant for each', async () => {
    await addAcme();
    const tokens = Array.from({ length: 8 }, (_, i) => `token-number-${i}-of-eight`);
    await Promise.all(tokens.map((token) => vault.rotate('acme', new Secret(token))));
    expect(tokens).toContain(await tokenOf('acme'));
    const [acme] = await vault.list();
    expect(acme?.earlierTokens).toHaveLength(8);
    const instants = [...(acme?.earlierTokens ?? []), acme?.token].map((token) => token?.storedAt);
    expect(new Set(instants).size).toBe(9);
  });

  test('goes with another address, and its address with another token', async () => {
    await addAcme();
    const moved = await vault.update('acme', { region: 'gov' }, new Secret(SECOND));
    expect(moved).toMatchObject({ region: 'gov', version: 2 });
    expect(await tokenOf('acme')).toBe(SECOND);
  });

  test('must be another, or it would seem younger than it is; with another address its age stays', async () => {
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

  test('is not what somebody meant who had seen the one before', async () => {
    const { token } = await addAcme();
    await vault.rotate('acme', new Secret(SECOND));
    expect((await refusal(vault.reveal('acme', token.storedAt))).code).toBe('BUSY');
    await vault.noteTimes('acme', token.storedAt, { issuedAt: null, expiresAt: '2026-04-01T00:00:00.000Z' });
    expect((await vault.get('acme'))?.token.expiresAt).toBeNull();
  });
});

describe('an integration that is removed', () => {
  test('is gone with its token, and may be added again', async () => {
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
    expect(await addAcme(SECOND)).toMatchObject({ version: 1, earlierTokens: [] });
  });
});

describe('without a key', () => {
  test('nothing is missing as long as nothing is stored', async () => {
    const none = vaultWith([]);
    await none.check();
    expect(await none.list()).toEqual([]);
  });

  test('nothing is added, and how to make one is said', async () => {
    const refused = await refusal(vaultWith([]).add({ name: 'acme', token: new Secret(FIRST) }));
    expect(refused).toMatchObject({ code: 'NO_KEY', message: expect.stringContaining('keys encryption') });
  });

  test('what is stored can be looked at and removed, not opened', async () => {
    await addAcme();
    const none = vaultWith([]);
    expect(await none.list()).toHaveLength(1);
    expect((await refusal(none.check())).message).toMatch(/"acme".*ENCRYPTION_KEY.*not set/);
    expect((await refusal(none.reveal('acme'))).code).toBe('NO_KEY');
    await none.remove('acme');
    await none.check();
  });
});

describe('a wrong key', () => {
  test('is refused, and which key is wanted, and what to do without it, is said', async () => {
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

  test('adds nothing beside what it does not open, but mends what it is given anew', async () => {
    await addAcme();
    const wrong = vaultWith([NEWER]);
    expect((await refusal(wrong.add({ name: 'other', token: new Secret(SECOND) }))).code).toBe('NOT_OPENED');
    await wrong.rotate('acme', new Secret(SECOND));
    await wrong.check();
    expect(await tokenOf('acme', wrong)).toBe(SECOND);
  });
});

describe('what somebody changed in the history does not open', () => {
  const other = { name: 'other', token: new Secret(SECOND) };

  test.each([
    ['an address, to have the token sent there', { baseUrl: 'https://collector.example.org/v1' }],
    ['a ciphertext', { sealed: `v1.${encryptionKeyId(KEY)}.${randomBytes(60).toString('base64url')}` }],
    ['a ciphertext that is none', { sealed: 'token' }],
    ['a document that does not read', { sealed: 7 }],
  ])('%s', async (_what, change) => {
    await addAcme();
    await forge('acme', change);
    for (const work of [vault.check(), vault.reveal('acme'), vault.add(other)]) {
      expect((await refusal(work)).code).toBe('NOT_OPENED');
    }
    await vault.remove('acme');
    await vault.check();
  });

  test('a token moved to another integration, whether that is there or not', async () => {
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

describe('keys that rotate', () => {
  async function several(): Promise<void> {
    for (const name of ['a', 'b', 'c'])
      await vault.add({ name, token: new Secret(`token-of-integration-${name}`) });
  }

  test('all is sealed anew under the first, and the others are needed no more', async () => {
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

  test('nothing else changes: neither what is known of the token nor what tells it from another', async () => {
    await several();
    const [before] = await vault.list();
    await vaultWith([NEWER, KEY]).reseal();
    const [after] = await vault.list();
    expect(after).toMatchObject({
      earlierTokens: [],
      token: { storedAt: before?.token.storedAt, hint: before?.token.hint },
    });
  });

  test('a token that is replaced meanwhile is the one that is kept', async () => {
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

  test('nothing is touched where one does not open', async () => {
    await several();
    await vaultWith([NEWER]).rotate('c', new Secret(SECOND));
    const mixed = vaultWith([randomBytes(32), KEY]);
    expect((await refusal(mixed.reseal())).message).toContain(encryptionKeyId(NEWER));
    expect(await tokenOf('a')).toBe('token-of-integration-a');
  });
});
