import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { newEncryptionKey } from '../../src/integrations/encryption-key.js';
import { DAY, toInstant } from '../../src/model/instant.js';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { buildService, Workplace } from '../support/service.js';

const [FIRST, SECOND] = ['e2e-first-token-0001', 'e2e-second-token-0002'];
const ENV = { ENCRYPTION_KEY: newEncryptionKey(), LOG_LEVEL: 'trace', UPSTREAM_RPM: '60000' };

let place: Workplace;
let account: Simulator;

beforeAll(() => buildService());
beforeEach(async () => {
  place = new Workplace();
  const now = Date.now();
  const span = { from: toInstant(now - 10 * DAY), to: toInstant(now) };
  const tenant = createTenant({ seed: 'e2e', ...span, threats: 20, cases: 6, campaigns: 4 });
  account = await startSimulator({ tenant, clock: Date.now, token: FIRST });
});
afterEach(async () => {
  await place.clear();
  await account.close();
});

/** Runs a command to its end and gives its exit code with what it printed. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const command = place.run(args, { ...ENV, ...env });
  const code = await command.exit;
  return { code, stdout: command.stdout, output: command.output };
}

interface Integration {
  readonly name: string;
  readonly origin: string | null;
  readonly tokenState: string | null;
  readonly streams: readonly { readonly status: string }[];
}

async function integrations(url: string): Promise<readonly Integration[]> {
  const query = '{ integrations { name origin tokenState streams { status } } }';
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
  return ((await answer.json()) as { data: { integrations: Integration[] } }).data.integrations;
}

async function becomes(url: string, wanted: Partial<Integration>): Promise<void> {
  await vi.waitFor(async () => expect((await integrations(url))[0]).toMatchObject(wanted), {
    ...{ timeout: 40_000, interval: 100 },
  });
}

const all = (status: string) => ({ streams: [{ status }, { status }, { status }, { status }] });

test('commands beside a running gateway add an account, rotate its token and remove it, without a restart', async () => {
  const service = place.run(['serve'], { ...ENV, PORT: '0' });
  const url = await service.url();
  expect(service.stdout).toMatch(/^account +none yet$/m);

  const add = ['integrations', 'add', 'emea', '--base-url', account.baseUrl];
  const added = await run(add, { ABNORMAL_NEW_TOKEN: FIRST });
  expect(added).toMatchObject({ code: 0 });
  await becomes(url, { name: 'emea', origin: 'ABNORMAL', tokenState: 'OK', ...all('OK') });

  account.renewToken(SECOND);
  await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: 'mutation { pollNow { finished } }' }),
  });
  await becomes(url, { tokenState: 'REJECTED', ...all('TOKEN_REJECTED') });
  expect(await run(['integrations', 'rotate', 'emea'], { ABNORMAL_NEW_TOKEN: SECOND })).toMatchObject({
    code: 0,
  });
  await becomes(url, { tokenState: 'OK', ...all('OK') });

  expect(await run(['integrations', 'remove', 'emea'])).toMatchObject({ code: 0 });
  await becomes(url, { name: 'emea', origin: null, tokenState: null });
  expect(await service.end()).toBe(0);
  for (const token of [FIRST, SECOND]) {
    for (const { output } of [service, added]) expect(output).not.toContain(token);
  }

  const again = await run(['poll', '--once']);
  expect(again).toMatchObject({ code: 2 });
  expect(again.output).toContain('There is no account to read');
});

test('poll, backfill and reconcile work on the accounts that are named', async () => {
  for (const name of ['emea', 'apac']) {
    const add = ['integrations', 'add', name, '--base-url', account.baseUrl, '--no-test'];
    expect(await run(add, { ABNORMAL_NEW_TOKEN: FIRST })).toMatchObject({ code: 0 });
  }
  const poll = ['poll', '--once', '--json', '-r', 'cases'];
  const passes = async (...args: string[]) => {
    const { code, stdout } = await run([...poll, ...args]);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as { passes: { integration: string }[] };
    return report.passes.map(({ integration }) => integration);
  };
  expect(await passes('--integration', 'emea')).toEqual(['emea']);
  expect(await passes()).toEqual(['apac', 'emea']);
  const wrong = await run(['backfill', '--from', '2d', '-i', 'nobody']);
  expect(wrong).toMatchObject({ code: 2 });
  expect(wrong.output).toContain('There is no account "nobody" to read: there is apac, emea.');
  const reconciled = await run(['reconcile', '-r', 'cases', '-i', 'apac', '-i', 'emea'], {
    LOG_LEVEL: 'silent',
  });
  expect(reconciled.output).toMatch(/^apac\/cases .*MATCH/m);
  expect(reconciled.output).toMatch(/^emea\/cases .*MATCH/m);
});
