import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Account } from '../../src/integrations/accounts.js';
import { newEncryptionKey } from '../../src/integrations/encryption.js';
import { vaultOf } from '../../src/integrations/stored-vault.js';
import {
  noteEnvironmentTimes,
  noteEnvironmentToken,
  readEnvironmentToken,
  readTokenHistories,
  readTokenSituations,
} from '../../src/integrations/token-history.js';
import { refreshTokenExpiry, tokenExpiryWarnings } from '../../src/integrations/token-watch.js';
import type { StreamStatus } from '../../src/model/stream.js';
import { DAY, HOUR, toInstant } from '../../src/values/instant.js';
import { Secret } from '../../src/values/secret.js';
import { type Harness, startHarness } from '../abnormal/harness.js';
import { fixedAccounts } from '../support/fixed-accounts.js';
import { OracleStore } from '../support/oracle-store.js';
import { batchOf, sampleRun } from '../support/records.js';
import { hangUp, json } from '../support/upstream-server.js';

const START = Date.parse('2026-03-01T12:00:00Z');
const FIRST = new Secret('first-token-of-the-environment');
const SECOND = new Secret('second-token-of-the-environment');
const settings = { encryptionKeys: [new Secret(newEncryptionKey())], allowPrivate: false };

let now: number;
let store: OracleStore;
const clock = () => now;
beforeEach(() => {
  now = START;
  store = new OracleStore(clock);
});

function vault() {
  return vaultOf(store, settings, clock);
}

describe('the token of the environment', () => {
  test('is dated from its first use, however often it is seen again', async () => {
    await noteEnvironmentToken(store, FIRST, clock);
    now += 40 * DAY;
    await noteEnvironmentToken(store, FIRST, clock);
    expect(await readEnvironmentToken(store)).toEqual({
      token: { storedAt: toInstant(START), issuedAt: null, expiresAt: null },
      earlierTokens: [],
    });
  });

  test('gets a new date when it changes, and the previous one is remembered', async () => {
    await noteEnvironmentToken(store, FIRST, clock);
    await noteEnvironmentTimes(store, toInstant(START), {
      issuedAt: null,
      expiresAt: toInstant(START + DAY),
    });
    now += 40 * DAY;
    await noteEnvironmentToken(store, SECOND, clock);
    const { token, earlierTokens = [] } = (await readEnvironmentToken(store)) ?? {};
    expect(token).toEqual({ storedAt: toInstant(now), issuedAt: null, expiresAt: null });
    expect(earlierTokens).toEqual([
      {
        ...{ storedAt: toInstant(START), issuedAt: null },
        ...{ expiresAt: toInstant(START + DAY), replacedAt: toInstant(now) },
      },
    ]);
    // what is learnt late is of the token that it was asked for
    await noteEnvironmentTimes(store, toInstant(START), {
      issuedAt: null,
      expiresAt: toInstant(START + 9 * DAY),
    });
    expect((await readEnvironmentToken(store))?.token.expiresAt).toBeNull();
  });

  test('is stored once by several replicas that start together', async () => {
    await Promise.all(Array.from({ length: 5 }, () => noteEnvironmentToken(store, FIRST, clock)));
    expect((await readEnvironmentToken(store))?.earlierTokens).toEqual([]);
  });

  test('is not stored, neither as text nor as a hash that could be guessed', async () => {
    await noteEnvironmentToken(store, FIRST, clock);
    const other = new OracleStore(clock);
    await noteEnvironmentToken(other, FIRST, clock);
    const print = async (from: OracleStore) =>
      (await from.document('settings', 'environment-token'))?.body.fingerprint;
    expect(await print(store)).not.toBe(await print(other));
  });

  test('has no stored data if it was never set', async () => {
    await noteEnvironmentTimes(store, toInstant(START), { issuedAt: null, expiresAt: null });
    expect(await readEnvironmentToken(store)).toBeNull();
    expect(await readTokenHistories(store)).toEqual([]);
  });
});

describe('the state of the tokens', () => {
  async function refuse(integration: string, status: StreamStatus = 'TOKEN_REJECTED'): Promise<void> {
    const stream = { integration, resource: 'threats', filterKey: 'receivedTime', status } as const;
    const at = toInstant(now);
    const state = { ...stream, message: status, collectFrom: at, lastAttemptAt: at, lastSuccessAt: null };
    const id = `${integration}-${now}`;
    await store.record(batchOf(id, { now: at, run: sampleRun(id, { integration }), streams: [state] }));
  }

  test('is known for the stored ones and the environment’s', async () => {
    await vault().add({ name: 'acme', token: FIRST });
    now += HOUR;
    await noteEnvironmentToken(store, SECOND, clock);
    const situations = await readTokenSituations(store);
    expect(Object.fromEntries(situations)).toEqual({
      acme: { storedAt: toInstant(START), issuedAt: null, expiresAt: null, isRejected: false },
      default: { storedAt: toInstant(now), issuedAt: null, expiresAt: null, isRejected: false },
    });
  });

  test('after a refusal belongs to the refused token, not to its successor', async () => {
    await vault().add({ name: 'acme', token: FIRST });
    await vault().add({ name: 'other', token: FIRST });
    now += HOUR;
    await refuse('acme');
    await refuse('other', 'FORBIDDEN');
    const isRejected = async (name: string) => (await readTokenSituations(store)).get(name)?.isRejected;
    expect([await isRejected('acme'), await isRejected('other')]).toEqual([true, false]);
    now += HOUR;
    await vault().rotate('acme', SECOND);
    expect(await isRejected('acme')).toBe(false);
    now += HOUR;
    await refuse('acme');
    expect(await isRejected('acme')).toBe(true);
  });

  test('leaves out unreadable documents, so that a report does not fail', async () => {
    await vault().add({ name: 'acme', token: FIRST });
    await store.putDocument('integrations', 'broken', { token: 'x' }, 0);
    expect((await readTokenHistories(store)).map(({ integration }) => integration)).toEqual(['acme']);
  });

  describe('in the log', () => {
    let lines: Record<string, unknown>[];
    let warn: () => Promise<void>;
    beforeEach(() => {
      lines = [];
      const log = pino(
        { base: null, timestamp: false },
        { write: (line: string) => void lines.push(JSON.parse(line)) },
      );
      warn = tokenExpiryWarnings({ store, log, clock });
    });

    test('is not mentioned while everything is fine', async () => {
      await vault().add({ name: 'acme', token: FIRST });
      now += 76 * DAY;
      await warn();
      expect(lines).toEqual([]);
    });

    test('is a warning once a day, and at once for another token', async () => {
      await vault().add({ name: 'acme', token: FIRST });
      now += 80 * DAY;
      for (let hour = 0; hour < 49; hour++) {
        await warn();
        now += HOUR;
      }
      expect(lines).toHaveLength(3);
      expect(lines[0]).toEqual({
        ...{ level: 40, integration: 'acme', tokenState: 'EXPIRING' },
        msg: 'The token is 80 days old: replace it by 2026-05-30. Create one in the Abnormal portal (Settings → Integrations → Abnormal REST API), which shows it once, and pass it to: integrations rotate acme',
      });
      await refuse('acme');
      await warn();
      expect(lines.map(({ tokenState }) => tokenState)).toEqual([
        'EXPIRING',
        'EXPIRING',
        'EXPIRING',
        'REJECTED',
      ]);
      await vault().rotate('acme', SECOND);
      await warn();
      expect(lines).toHaveLength(4);
    });

    test('is a note once a day for a valid token with more than read permissions', async () => {
      await vault().add({ name: 'acme', token: FIRST });
      const told = { issuedAt: toInstant(START), expiresAt: toInstant(START + 60 * DAY) };
      await vault().noteTimes('acme', toInstant(START), { ...told, permissions: ['soar_v1_read_cases'] });
      await warn();
      expect(lines).toEqual([]);
      await vault().noteTimes('acme', toInstant(START), { ...told, permissions: ['soar_v1_manage_cases'] });
      now += DAY;
      await warn();
      await warn();
      expect(lines).toMatchObject([
        { level: 30, tokenState: 'OK', msg: expect.stringContaining('has write permissions') },
      ]);
      // nothing of the old token is said of the next
      await vault().rotate('acme', SECOND);
      expect((await readTokenSituations(store)).get('acme')).not.toHaveProperty('permissions');
      expect((await readTokenHistories(store))[0]?.tokens.map(({ permissions }) => permissions)).toEqual([
        ['soar_v1_manage_cases'],
        undefined,
      ]);
    });

    test('names the place to change the environment’s token', async () => {
      await noteEnvironmentToken(store, FIRST, clock);
      now += 90 * DAY;
      await warn();
      expect(lines).toMatchObject([
        { tokenState: 'ROTATION_DUE', msg: expect.stringContaining('set ABNORMAL_TOKEN') },
      ]);
    });
  });
});

describe('the expiry of a token', () => {
  let harness: Harness;
  let learn: () => Promise<void>;
  beforeEach(async () => {
    harness = await startHarness({ clock });
    const { client } = harness;
    const account = (name: string, origin: Account['origin'] = 'ABNORMAL'): Account => {
      return { name, origin, baseUrl: harness.server.baseUrl, client };
    };
    const accounts = fixedAccounts(account('acme'), account('default'), account('simulated', 'SIMULATED'));
    const watching = refreshTokenExpiry({
      store,
      vault: vault(),
      accounts,
      clock,
      log: pino({ level: 'silent' }),
    });
    learn = () => watching(new AbortController().signal);
    await vault().add({ name: 'acme', token: FIRST });
    await noteEnvironmentToken(store, FIRST, clock);
  });
  afterEach(() => harness.close());

  const told = (expires_at: string) => {
    const token = {
      token_id: '1',
      name: 'x',
      status: 'active',
      created_at: '2026-02-01T00:00:00Z',
      expires_at,
    };
    return json({ data: [token] });
  };
  const ends = async () => {
    const situations = [...(await readTokenSituations(store))];
    return situations.map(([name, { expiresAt }]) => `${name} ${expiresAt?.slice(0, 10)}`);
  };

  test('is requested from Abnormal once a day and for a new token, and stored', async () => {
    harness.server.on('/soar/tokens', told('2026-05-01T00:00:00Z'));
    for (let hour = 0; hour < 24; hour++) {
      await learn();
      now += HOUR;
    }
    expect(harness.server.requests).toHaveLength(2);
    expect(await ends()).toEqual(['acme 2026-05-01', 'default 2026-05-01']);
    await learn();
    expect(harness.server.requests).toHaveLength(4);
    harness.server.on('/soar/tokens', told('2026-06-01T00:00:00Z'));
    await vault().rotate('acme', SECOND);
    await learn();
    expect(harness.server.requests).toHaveLength(5);
    expect(await ends()).toEqual(['acme 2026-06-01', 'default 2026-05-01']);
  });

  test('stays as it is if the response is missing or unusable', async () => {
    for (const reply of [
      json({ message: 'no' }, 403),
      json({ message: 'no' }, 401),
      json({ data: 1 }),
      hangUp,
    ]) {
      harness.server.on('/soar/tokens', reply);
      await learn();
      now += DAY;
    }
    expect(harness.server.requests).toHaveLength(8);
    expect(await ends()).toEqual(['acme undefined', 'default undefined']);
  });
});
