import 'reflect-metadata';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Input } from '../../src/cli/command.js';
import { runCommand } from '../../src/cli/run-command.js';
import { openStore } from '../../src/history/open-store.js';
import type { SimulatedToken } from '../../src/simulator/routes.js';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { DAY, toInstant } from '../../src/values/instant.js';

const START = Date.parse('2026-03-01T12:00:00Z');
const FIRST = 'first-token-of-acme-0001';
const SECOND = 'second-token-of-acme-0002';
const TENANT = createTenant({
  ...{ seed: 5, from: '2026-02-20T00:00:00.000Z', to: '2026-03-10T00:00:00.000Z' },
  ...{ threats: 40, cases: 20, campaigns: 20 },
});

let folder: string;
let now: number;
let upstream: Simulator;
let key: string;
/** All that any command of a test has written. */
let written: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'integrations-'));
  now = START;
  written = '';
  upstream = await startSimulator({ tenant: TENANT, clock: () => now, token: FIRST, tokens: [madeToken()] });
  key = (await run(['keys', 'encryption'], { key: '' })).out.trim();
});
afterEach(async () => {
  await upstream.close();
  const held = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'));
  rmSync(folder, { recursive: true });
  for (const token of [FIRST, SECOND]) {
    expect(written).not.toContain(token);
    expect(held.join('')).not.toContain(token);
  }
});

function madeToken(): SimulatedToken {
  return {
    id: '1',
    name: 'x',
    createdAt: toInstant(START - 10 * DAY),
    expiresAt: toInstant(START + 50 * DAY),
  };
}

interface Given {
  readonly input?: string | Input;
  readonly key?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stop?: AbortSignal;
}

async function run(args: readonly string[], given: Given = {}) {
  const { input = '', key: ENCRYPTION_KEY = key, env = {}, stop = new AbortController().signal } = given;
  const [outs, errs]: [string[], string[]] = [[], []];
  const terminal = {
    out: { write: (text: string) => outs.push(text) },
    err: { write: (text: string) => errs.push(text) },
    in: typeof input === 'string' ? Readable.from(input === '' ? [] : [input]) : input,
  };
  const code = await runCommand({
    arguments: args,
    env: {
      HISTORY: `sqlite:${join(folder, 'history.db')}`,
      UPSTREAM_RPM: '60000',
      LOG_LEVEL: 'debug',
      ENCRYPTION_KEY,
      ...env,
    },
    ...{ terminal, stop, clock: () => now },
  });
  const [out, err] = [outs.join(''), errs.join('')];
  written += out + err;
  return { code, out, err };
}

function addAcme(given: Given = {}, ...more: string[]) {
  return run(['integrations', 'add', 'acme', '--base-url', upstream.baseUrl, ...more], {
    input: `${FIRST}\n`,
    ...given,
  });
}

async function listed(): Promise<Record<string, unknown>[]> {
  return JSON.parse((await run(['integrations', 'list', '--json'])).out);
}

async function trail(): Promise<string[]> {
  const store = await openStore(`sqlite:${join(folder, 'history.db')}`, 'read');
  try {
    const entries = await store.journal({ journal: 'audit', from: null, descending: false, limit: 100 });
    return entries.map(({ body }) => `${body.action} ${body.target} ${body.outcome}`);
  } finally {
    await store.close();
  }
}

describe('integrations add', () => {
  test('stores an account, tests the connection and reports what works', async () => {
    const { code, out, err } = await addAcme();
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('upstream') });
    expect(out).toMatch(/^Added acme: http:\/\/127\.0\.0\.1:\d+\/v1, token …0001\nacme works\n/);
    expect(out).toMatch(/ {2}cases +WORKS +The list of cases works: \d+ in the last 7 days\./);
    expect(out).toMatch(/ {2}tokens +WORKS +The token expires on 2026-04-20\./);
    expect(await listed()).toEqual([
      {
        ...{ name: 'acme', source: 'STORED', baseUrl: upstream.baseUrl, region: null, tokenHint: '0001' },
        ...{
          createdAt: toInstant(START),
          tokenStoredAt: toInstant(START),
          keyId: expect.stringMatching(/^[\da-f]{8}$/),
        },
        ...{ tokenIssuedAt: madeToken().createdAt, tokenExpiresAt: madeToken().expiresAt },
        tokenPermissions: ['soar_v1_read_threats'],
        ...{ tokenState: 'OK', tokenMessage: 'The token expires on 2026-04-20 and is 10 days old.' },
      },
    ]);
    expect(await trail()).toEqual(['CONNECT_INTEGRATION acme SUCCEEDED']);
  });

  test('keeps an account whose connection test fails, and ends with 1', async () => {
    upstream.setFaults({ rules: [{ fault: { kind: 'forbidden' } }] });
    const { code, out } = await addAcme();
    expect(code).toBe(1);
    expect(out).toMatch(
      /acme does not work\n {2}cases +FAILED .*IP address of this gateway is not on the allowlist/,
    );
    expect(await listed()).toHaveLength(1);
  });

  test('sends no request with --no-test', async () => {
    expect(await addAcme({}, '--no-test')).toMatchObject({
      code: 0,
      out: expect.not.stringContaining('works'),
    });
    expect(upstream.stats().requests).toBe(0);
  });

  test('takes the token from the environment if it is set, and then reads no input', async () => {
    const never = new Readable({ read() {} });
    expect((await addAcme({ input: never, env: { ABNORMAL_NEW_TOKEN: FIRST } })).code).toBe(0);
  });

  test.each([
    [
      'without a key',
      ['acme'],
      { key: '' },
      2,
      /ENCRYPTION_KEY is not set\. Create a key with: abnormal-gateway keys encryption/,
    ],
    [
      'without a token',
      ['acme'],
      { input: ' \n' },
      2,
      /The token is missing. Pass it on standard input or in .*ABNORMAL_NEW_TOKEN/,
    ],
    ['with two tokens', ['acme'], { input: `${FIRST}\n${SECOND}\n` }, 2, /The token contains spaces/],
    ['with a header for a token', ['acme'], { input: `Bearer ${FIRST}` }, 2, /"Bearer"/],
    ['under a name that is taken', ['default'], {}, 2, /ABNORMAL_TOKEN names/],
    ['under the simulated tenant’s name', ['simulated'], {}, 2, /simulated tenant/],
    ['under no name', ['Acme Corp'], {}, 2, /1 to 40 characters/],
    ['in clear', ['acme', '--base-url', 'http://api.example.org/v1'], {}, 2, /plain http/],
    [
      'into a private network',
      ['acme', '--base-url', 'https://192.168.7.7/v1'],
      {},
      2,
      /ALLOW_PRIVATE_ADDRESSES/,
    ],
    ['with an unknown region', ['acme', '--region', 'mars'], {}, 2, /Allowed choices are us, eu, gov/],
    [
      'with region and address',
      ['acme', '--region', 'eu', '--base-url', 'https://a.example.org'],
      {},
      2,
      /cannot be used with/,
    ],
    ['with the token as an argument', ['acme', 'first-token'], {}, 2, /too many arguments/],
  ])('refuses an account %s', async (_what, args, given, code, words) => {
    const refused = await run(['integrations', 'add', ...args], { input: FIRST, ...given });
    expect(refused).toMatchObject({ code, out: '' });
    expect(refused.err).toMatch(words);
    expect(await listed()).toEqual([]);
  });

  test('checks the arguments before it asks for the token', async () => {
    await addAcme();
    const never = new Readable({ read() {} });
    expect(await addAcme({ input: never })).toMatchObject({
      code: 1,
      err: expect.stringContaining('already exists'),
    });
    expect(await addAcme({ input: never, key: '' })).toMatchObject({ code: 1 });
  });

  test('does not add an account to a history of simulated records', async () => {
    const env = { SIMULATOR: 'on', BACKFILL_FROM: '2026-03-01' };
    await run(['poll', '--once', '--resource', 'campaigns'], { key: '', env });
    expect(await addAcme()).toMatchObject({
      code: 2,
      err: expect.stringContaining('records of the simulated tenant'),
    });
  });

  test('ends on a signal while it waits for the token', async () => {
    const stop = new AbortController();
    const adding = addAcme({ input: new Readable({ read() {} }), stop: stop.signal });
    setImmediate(() => stop.abort('SIGTERM'));
    expect((await adding).code).not.toBe(0);
    expect(await listed()).toEqual([]);
  });
});

describe('a token typed at a terminal', () => {
  function keyboard(...keys: string[]) {
    const modes: boolean[] = [];
    const input: Input = Object.assign(Readable.from(keys), {
      isTTY: true,
      setRawMode: (mode: boolean) => void modes.push(mode),
    });
    return { input, modes };
  }

  test('is prompted for and not echoed, and the terminal is restored', async () => {
    const { input, modes } = keyboard(
      'wrong',
      '\u007f\u007f\u007f\u007f\u007f',
      '\u001b[200~',
      FIRST,
      '\u001b[201~',
      '\r',
      'rest',
    );
    const { code, err } = await addAcme({ input });
    expect(code).toBe(0);
    expect(err).toContain('The token of "acme" (it is not shown; end with Enter): ');
    expect(modes).toEqual([true, false]);
  });

  test('can be cancelled', async () => {
    const { input, modes } = keyboard('first-', '\u0003');
    expect(await addAcme({ input })).toMatchObject({ code: 2, out: '' });
    expect(modes).toEqual([true, false]);
  });
});

describe('integrations list', () => {
  test('explains how to begin if there is no integration', async () => {
    expect((await run(['integrations', 'list'])).out).toContain('integrations add');
  });

  test('shows the state of each token and what to do', async () => {
    await addAcme({}, '--no-test');
    now += 80 * DAY;
    const { out } = await run(['integrations', 'list'], {
      env: { ABNORMAL_TOKEN: SECOND, ABNORMAL_REGION: 'gov' },
    });
    const [heading = '', environment = '', acme = '', ...messages] = out.trimEnd().split('\n');
    expect(heading.split(/ {2,}/)).toEqual(['NAME', 'ADDRESS', 'TOKEN', 'STATE', 'STORED SINCE', 'ENDS']);
    expect(environment.split(/ {2,}/)).toEqual([
      ...[
        'default',
        'https://rest.abnormalsecurity.us/v1 (gov)',
        '…0002 in ABNORMAL_TOKEN',
        'UNKNOWN',
        '-',
        '-',
      ],
    ]);
    expect(acme.split(/ {2,}/)).toEqual(['acme', upstream.baseUrl, '…0001', 'EXPIRING', '2026-03-01', '-']);
    expect(messages[1]).toMatch(
      /^acme: The token is 80 days old: replace it by 2026-05-30\. .*integrations rotate acme$/,
    );
  });
});

describe('integrations test', () => {
  test('tests every account, including the environment’s, and stores when a token expires', async () => {
    await addAcme({}, '--no-test');
    const env = { ABNORMAL_TOKEN: FIRST, ABNORMAL_BASE_URL: upstream.baseUrl };
    const { code, out } = await run(['integrations', 'test', '--json'], { env });
    const results = JSON.parse(out) as {
      integration: string;
      works: boolean;
      parts: object[];
      calls: number;
    }[];
    expect(code).toBe(0);
    expect(results.map(({ integration, works, calls }) => [integration, works, calls])).toEqual([
      ['default', true, 8],
      ['acme', true, 8],
    ]);
    expect((await listed())[0]).toMatchObject({ tokenExpiresAt: madeToken().expiresAt });
    expect((await trail()).slice(1)).toEqual([
      'TEST_INTEGRATION default SUCCEEDED',
      'TEST_INTEGRATION acme SUCCEEDED',
    ]);
  });

  test('ends with 1 and the reason if an account does not work', async () => {
    await addAcme();
    upstream.setFaults({ rules: [{ fault: { kind: 'unauthorized' } }] });
    const { code, out } = await run(['integrations', 'test', 'acme']);
    expect(code).toBe(1);
    expect(out).toMatch(/^acme does not work\n {2}cases +FAILED .*401.*Create one in the Abnormal portal/);
    expect(out).toMatch(/ {2}tokens +SKIPPED .*see cases\./);
  });

  test('lists the known names if the given name is unknown', async () => {
    expect((await run(['integrations', 'test'])).err).toContain('add one with: integrations add');
    await addAcme();
    expect((await run(['integrations', 'test', 'other'])).err).toContain(
      'no integration "other": known integrations: acme',
    );
  });
});

describe('integrations rotate', () => {
  const rotate = (token: string, ...args: string[]) =>
    run(['integrations', 'rotate', 'acme', ...args], { input: token });

  test('replaces the token after a successful test', async () => {
    await addAcme();
    const [before] = await listed();
    const other = await startSimulator({ tenant: TENANT, clock: () => now, token: SECOND });
    try {
      now += DAY;
      expect((await rotate(SECOND, '--base-url', other.baseUrl)).code).toBe(0);
    } finally {
      await other.close();
    }
    const [after] = await listed();
    expect(after).toMatchObject({
      tokenHint: '0002',
      tokenStoredAt: toInstant(now),
      tokenExpiresAt: null,
      baseUrl: other.baseUrl,
    });
    expect(after?.createdAt).toBe(before?.createdAt);
    expect((await trail()).at(-1)).toBe('UPDATE_INTEGRATION acme SUCCEEDED');
  });

  test('keeps the old token if Abnormal refuses the new one', async () => {
    await addAcme();
    const { code, out } = await rotate(SECOND);
    expect(code).toBe(1);
    expect(out).toMatch(/TOKEN|401/);
    expect(out).toContain('The token of acme was not replaced.');
    expect((await listed())[0]).toMatchObject({ tokenHint: '0001' });
    expect((await run(['integrations', 'test', 'acme'])).code).toBe(0);
  });

  test('stores the new token untested with --no-test or if nothing can be tested', async () => {
    await addAcme();
    expect((await rotate(SECOND, '--no-test')).code).toBe(0);
    expect((await listed())[0]).toMatchObject({ tokenHint: '0002' });
    upstream.setFaults({ rules: [{ fault: { kind: 'serverError' } }] });
    expect((await rotate(FIRST)).code).toBe(1);
    expect((await listed())[0]).toMatchObject({ tokenHint: '0001' });
    expect((await trail()).at(-1)).toBe('ROTATE_INTEGRATION_TOKEN acme SUCCEEDED');
  });

  test('recognises the stored token before it sends any request', async () => {
    await addAcme();
    const seen = upstream.stats().requests;
    const already = { code: 2, err: expect.stringContaining('"acme" has this token already') };
    expect(await rotate(FIRST)).toMatchObject(already);
    expect(await rotate(FIRST, '--base-url', upstream.baseUrl)).toMatchObject(already);
    expect(await rotate(FIRST, '--no-test')).toMatchObject(already);
    expect(upstream.stats().requests).toBe(seen);
    expect((await trail()).filter((line) => line.startsWith('ROTATE'))).toEqual([]);
  });

  test('changes the address if the stored token is given with another address, and says so first', async () => {
    await addAcme();
    const other = await startSimulator({ tenant: TENANT, clock: () => now, token: FIRST });
    try {
      const { code, out } = await rotate(FIRST, '--base-url', other.baseUrl);
      expect(code).toBe(0);
      expect(out).toMatch(/^acme has this token already; only the address changes\.\nacme works/);
      expect((await listed())[0]).toMatchObject({ baseUrl: other.baseUrl, tokenHint: '0001' });
    } finally {
      await other.close();
    }
  });

  test('points out a token with more than read permissions, even if it works', async () => {
    await upstream.close();
    const tokens = [{ ...madeToken(), permissions: ['soar_v1_read_threats', 'soar_v1_manage_threat'] }];
    upstream = await startSimulator({ tenant: TENANT, clock: () => now, token: FIRST, tokens });
    await addAcme();
    const { out } = await run(['integrations', 'list']);
    const note = /\nacme: The token expires on .* has write permissions \(soar_v1_manage_threat\)/;
    expect(out).toMatch(note);
    expect((await run(['status'])).out).toMatch(note);
    expect(JSON.parse((await run(['status', '--json'])).out)).toMatchObject({
      tokens: [{ integration: 'acme', state: 'OK', mayAct: true, permissions: tokens[0]?.permissions }],
      empty: [],
    });
  });

  test('sends a token only to the address that it was given for', async () => {
    await addAcme();
    const seen = upstream.stats().requests;
    expect((await rotate('', '--region', 'eu')).code).toBe(2);
    expect((await listed())[0]).toMatchObject({ baseUrl: upstream.baseUrl });
    expect(upstream.stats().requests).toBe(seen);
  });

  test('explains where the environment’s token is changed, and lists the known names', async () => {
    expect((await run(['integrations', 'rotate', 'default'], { input: FIRST })).err).toContain(
      'Set ABNORMAL_TOKEN',
    );
    expect(await rotate(SECOND)).toMatchObject({
      code: 1,
      err: expect.stringContaining('integrations list'),
    });
  });
});

test('integrations remove deletes the token and says that the history stays', async () => {
  await addAcme();
  const remove = () => run(['integrations', 'remove', 'acme']);
  expect(await remove()).toMatchObject({ code: 0, out: expect.stringContaining('Its history stays') });
  expect(await listed()).toEqual([]);
  expect((await remove()).code).toBe(1);
  expect((await trail()).slice(1)).toEqual([
    'REMOVE_INTEGRATION acme SUCCEEDED',
    'REMOVE_INTEGRATION acme FAILED',
  ]);
  expect((await addAcme()).code).toBe(0);
});

describe('keys', () => {
  const makeKey = async () => (await run(['keys', 'encryption'])).out.trim();

  test('encryption prints only a key on standard output, and the instructions on standard error', async () => {
    const { code, out, err } = await run(['keys', 'encryption'], { key: '' });
    expect(code).toBe(0);
    expect(Buffer.from(out.trim(), 'base64')).toHaveLength(32);
    expect(out).toMatch(/^\S{44}\n$/);
    expect(err).toContain('ENCRYPTION_KEY');
    expect(err).not.toContain(out.trim());
  });

  test('rotate encrypts all tokens again, and the old key is no longer needed', async () => {
    await addAcme();
    const [old, newer] = [key, await makeKey()];
    const { code, out } = await run(['keys', 'rotate'], { key: `${newer},${old}` });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('Re-encrypted: 1.') });
    expect((await run(['integrations', 'test'], { key: newer })).code).toBe(0);
    expect(await run(['integrations', 'test'], { key: old })).toMatchObject({ code: 2, out: '' });
    expect((await run(['keys', 'rotate'], { key: newer })).out).toContain('Re-encrypted: 0.');
    expect(await trail()).toContain('ROTATE_ENCRYPTION_KEY null SUCCEEDED');
  });

  test('rotate says which key is missing', async () => {
    expect(await run(['keys', 'rotate'], { key: '' })).toMatchObject({
      code: 2,
      err: expect.stringContaining('keys encryption'),
    });
  });

  test.each(['serve', 'poll --once', 'backfill --from 2026-02-28', 'integrations test', 'keys rotate'])(
    'a wrong key is refused by %s with instructions, and no request is sent',
    async (command) => {
      await addAcme();
      const seen = upstream.stats().requests;
      const [right, wrong] = [key, await makeKey()];
      const refused = await run(command.split(' '), { key: wrong, env: { PORT: '0' } });
      expect(refused).toMatchObject({ code: 2, out: '' });
      expect(refused.err).toMatch(/ENCRYPTION_KEY is not the key of the token of the integration "acme"/);
      expect(refused.err).toContain('integrations rotate acme');
      for (const secret of [right, wrong]) expect(refused.err).not.toContain(secret);
      const missing = await run(command.split(' '), { key: '', env: { PORT: '0' } });
      expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('ENCRYPTION_KEY') });
      expect(upstream.stats().requests).toBe(seen);
    },
  );

  test('a malformed key is refused without being repeated', async () => {
    const refused = await run(['integrations', 'list'], { key: 'correct-horse-battery-staple' });
    expect(refused).toMatchObject({ code: 2, out: '' });
    expect(refused.err).not.toContain('correct');
  });
});

test('a stored account is collected like any other, and a report evaluates the age of its token', async () => {
  await addAcme();
  const poll = () => run(['poll', '--once', '--json'], { env: { BACKFILL_FROM: '2026-02-27' } });
  const { passes } = JSON.parse((await poll()).out) as { passes: { integration: string; status: string }[] };
  expect(passes.map(({ integration, status }) => `${integration} ${status}`)).toEqual(
    Array(6).fill('acme SUCCEEDED'),
  );
  now = Date.parse('2026-06-01T12:00:00Z');
  await poll();
  const report = (period: string) =>
    run(['report', '--period', period, '--controls', 'token-rotation', '--format', 'json']);
  expect((await report('2026-03')).out).toMatch(/"verdict": ?"PASS"/);
  const may = await report('2026-05');
  expect(may.out).toMatch(/"verdict": ?"FAIL"/);
  expect(may.out).toContain('the token of acme: expired 2026-04-20');
});
