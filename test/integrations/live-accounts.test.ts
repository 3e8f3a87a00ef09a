import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createBudget } from '../../src/abnormal/budget.js';
import type { CallOptions } from '../../src/abnormal/client.js';
import type { UpstreamError } from '../../src/abnormal/errors.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import type { Account } from '../../src/integrations/accounts.js';
import { newEncryptionKey } from '../../src/integrations/encryption.js';
import { type LiveAccounts, openLiveAccounts } from '../../src/integrations/live-accounts.js';
import { type Vault, vaultOf } from '../../src/integrations/stored-vault.js';
import { Secret } from '../../src/values/secret.js';
import { json, startUpstream, type UpstreamServer } from '../support/upstream-server.js';

const TOKENS = [new Secret('first-token-0001'), new Secret('second-token-0002')] as const;
const WINDOW = { from: '2026-03-01T00:00:00.000Z', to: '2026-03-02T00:00:00.000Z' };
const OPTIONS: CallOptions = { priority: 'poll' };
const key = new Secret(newEncryptionKey());

let folder: string;
let store: HistoryStore;
let vault: Vault;
let upstream: UpstreamServer;
let accounts: LiveAccounts;
const lines: string[] = [];

beforeEach(async () => {
  lines.length = 0;
  folder = await mkdtemp(join(tmpdir(), 'accounts-'));
  store = await openStore(`sqlite:${join(folder, 'history.db')}`, 'write');
  vault = vaultWith(key);
  upstream = await startUpstream();
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const clock = Date.now;
  accounts = await openLiveAccounts({
    ...{ vault, own: null, everyMs: 3_600_000, log },
    accountOptions: { timeoutMs: 5_000, clock, log },
    budgetFor: () => createBudget({ rpm: 60_000, concurrency: 4, clock }),
  });
});
afterEach(async () => {
  await accounts.close();
  await upstream.close();
  await store.close();
  await rm(folder, { recursive: true });
});

function vaultWith(secret: Secret): Vault {
  return vaultOf(store, { encryptionKeys: [secret], allowPrivate: false }, Date.now);
}

function account(name = 'emea'): Account {
  const found = accounts.get(name);
  if (!found) throw new Error(`no account ${name}`);
  return found;
}

const list = ({ client }: Account) => client.list('cases', 'lastModifiedTime', WINDOW, 1, OPTIONS);
const sentTokens = () =>
  upstream.requests.map(({ headers }) => headers.authorization?.replace('Bearer ', ''));

async function connect(name = 'emea'): Promise<void> {
  await vault.add({ name, baseUrl: upstream.baseUrl, token: TOKENS[0] });
  await accounts.refresh();
}

test('a new token is used from the next request on, by every holder of the account', async () => {
  upstream.on('/cases', json({ cases: [] }));
  await connect();
  const before = account();
  const budget = accounts.budgets.get('emea');
  await list(before);
  await vault.rotate('emea', TOKENS[1]);
  await accounts.refresh();
  await list(before);
  await list(account());
  expect(sentTokens()).toEqual(['first-token-0001', 'second-token-0002', 'second-token-0002']);
  expect(account()).not.toBe(before);
  expect(accounts.budgets.get('emea')).toBe(budget);
});

test('requests in flight finish when an account is removed, and no new one starts', async () => {
  let answer: (() => void) | null = null;
  const hasArrived = new Promise<void>((arrived) => {
    upstream.on('/cases', (response, request) => {
      answer = () => json({ cases: [] })(response, request);
      arrived();
    });
  });
  await connect();
  const gone = account();
  const underway = list(gone);
  await hasArrived;
  await vault.remove('emea');
  await accounts.refresh();
  expect(accounts.list()).toEqual([]);
  expect(accounts.budgets.size).toBe(0);
  await expect(list(gone)).rejects.toMatchObject({ code: 'CANCELLED' } satisfies Partial<UpstreamError>);
  (answer as (() => void) | null)?.();
  expect((await underway).items).toEqual([]);
  expect(upstream.requests).toHaveLength(1);
});

test('an account that returns has its former budget', async () => {
  await connect();
  const budget = accounts.budgets.get('emea');
  await vault.remove('emea');
  await accounts.refresh();
  await connect();
  expect(accounts.budgets.get('emea')).toBe(budget);
});

test('a refresh reports what changed and nothing else', async () => {
  let changes = 0;
  const end = accounts.onChange(() => {
    changes += 1;
  });
  await connect();
  expect(changes).toBe(1);
  await accounts.refresh();
  const storedAt = (await vault.get('emea'))?.token.storedAt ?? '';
  await vault.noteTimes('emea', storedAt, { issuedAt: null, expiresAt: '2026-12-01T00:00:00.000Z' });
  await vault.reseal();
  await accounts.refresh();
  expect(changes).toBe(1);
  end();
  await vault.remove('emea');
  await accounts.refresh();
  expect(changes).toBe(1);
});

test('a token that cannot be decrypted is reported once, and the other accounts are still read', async () => {
  await connect();
  // as a process with another key would store it
  const document = await store.document('integrations', 'emea');
  const foreign = {
    ...document?.body,
    keyId: 'ffffffff',
    sealed: String(document?.body.sealed).replace(/.{4}$/, 'AAAA'),
  };
  await store.putDocument('integrations', 'other', foreign, 0);
  await accounts.refresh();
  await accounts.refresh();
  expect(accounts.list().map(({ name }) => name)).toEqual(['emea']);
  expect(lines.filter((line) => line.includes('"integration":"other"'))).toHaveLength(1);
});
