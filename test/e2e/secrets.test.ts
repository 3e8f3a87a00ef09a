import 'reflect-metadata';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type GraphQLObjectType, getNamedType, isLeafType, isObjectType, isRequiredArgument } from 'graphql';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBudget } from '../../src/abnormal/budget.js';
import { createAbnormalClient } from '../../src/abnormal/rest-client.js';
import { type App, createApp } from '../../src/app.js';
import { type Config, readEnv, toConfig } from '../../src/config/config.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { openStore } from '../../src/history/open-store.js';
import { KINDS } from '../../src/resources/registry.js';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { createTenant, type Tenant } from '../../src/simulator/tenant.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { echoesFor, type Parrot, startParrot } from '../support/parrot.js';

/*
 * A gateway collects, and is asked, through an upstream that repeats the token in every way that it may. The token
 * must then be nowhere but in the requests to that upstream.
 */

/** With characters that encodings change, so that an encoded token would be told from none. */
const TOKEN = 'tok-e2e/Zq9xKwPu+Vj7yLmGs=Rh4';
const FORMS = [TOKEN, encodeURIComponent(TOKEN), Buffer.from(TOKEN).toString('base64'), 'Zq9xKw', 'Vj7yLm'];

const logged: string[] = [];
let folder: string;
let history: string;
let other: Server;
let callsElsewhere = 0;
let tenant: Tenant;
let simulator: Simulator;
let parrot: Parrot;
let echoNames: string[];
let app: App;
let url: string;

function configOf(env: Readonly<Record<string, string>>): Config {
  const result = toConfig(readEnv(env));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  history = `sqlite:${join(folder, 'history.db')}`;
  other = createServer((_request, response) => {
    callsElsewhere += 1;
    response.end('{}');
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const now = Date.now();
  const span = { from: toInstant(now - 20 * DAY), to: toInstant(now) };
  tenant = createTenant({ seed: 'secrets', ...span, threats: 60, cases: 10, campaigns: 10 });
  simulator = await startSimulator({ tenant, clock: Date.now, token: TOKEN });
  const echoes = echoesFor(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
  echoNames = Object.keys(echoes);
  parrot = await startParrot(simulator.baseUrl, echoes);
  const config = configOf({
    ...{ PORT: '0', HISTORY: history, ABNORMAL_TOKEN: TOKEN, ABNORMAL_BASE_URL: parrot.baseUrl },
    ...{ POLL_THREATS_EVERY: '1s', POLL_CASES_EVERY: '1s', POLL_CAMPAIGNS_EVERY: '1s' },
    ...{ UPSTREAM_RPM: '60000', UPSTREAM_TIMEOUT: '2s', QUERY_LIMITS: 'depth=30,fields=100000' },
  });
  // no blotting out: what never reaches the log need not be taken out of it
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });
  app = createApp(config, { log, clock: Date.now });
  ({ url } = await app.start());
  await untilAllHeard(2);
});

afterAll(async () => {
  await app.close();
  await parrot.close();
  await simulator.close();
  await new Promise((resolve) => other.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

/** Asks for records one by one, beside the polls, until every echo was heard so often. */
async function untilAllHeard(times: number): Promise<void> {
  for (let i = 0; echoNames.some((name) => (parrot.heard.get(name) ?? 0) < times); i += 1) {
    const threat = JSON.stringify(tenant.idOf('threat', i % 60));
    const record = JSON.stringify(tenant.idOf('case', i % 10));
    expectNone(await ask(`{ threat(threatId: ${threat}, maxAge: 0) { threatId links { linkUrl } } }`));
    expectNone(await ask(`{ case(caseId: ${record}, maxAge: 0, staleIfError: false) { caseId } }`));
    expectNone(await ask('{ campaigns(first: 1, maxAge: 0, staleIfError: false) { nodes { campaignId } } }'));
  }
}

async function ask(query: string): Promise<string> {
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return answer.text();
}

function expectNone(text: string): void {
  for (const form of FORMS) expect(text.includes(form), `${form} in ${around(text, form)}`).toBe(false);
}

function around(text: string, form: string): string {
  const place = text.indexOf(form);
  return place < 0 ? '' : text.slice(Math.max(0, place - 200), place + 200);
}

/** Every field that can be asked for without arguments, so many objects deep. */
function selection(type: GraphQLObjectType, depth: number): string {
  const fields = Object.values(type.getFields()).flatMap((field) => {
    if (field.args.some(isRequiredArgument)) return [];
    const named = getNamedType(field.type);
    if (isLeafType(named)) return [field.name];
    if (!isObjectType(named) || depth === 0) return [];
    const inner = selection(named, depth - 1);
    return inner === '' ? [] : [`${field.name} { ${inner} }`];
  });
  return fields.join(' ');
}

describe('after polls and queries with responses that repeat the token in every form, it', () => {
  test('is in no log line, even at the most verbose level', () => {
    expect(logged.length).toBeGreaterThan(100);
    for (const line of logged) expectNone(line);
  });

  test('is in no stored record, although the rest of the response is', async () => {
    const store = await openStore(history, 'read');
    try {
      const all = { integrations: null, limit: 1000 };
      const quarantine = await store.quarantine({ ...all, kinds: KINDS, after: null });
      const runs = await store.runs({ ...all, before: null });
      expect(runs.some(({ errors }) => errors.some((error) => error.includes('is odd')))).toBe(true);
      expectNone(JSON.stringify([quarantine, runs, await store.streams()]));
    } finally {
      await store.close();
    }
  });

  const query = buildGatewaySchema().getQueryType();
  const roots = Object.values(query?.getFields() ?? {}).filter(({ args }) => !args.some(isRequiredArgument));
  test.each(roots.map((field) => [field.name, field] as const))(
    'is not in the field %s of the graph',
    async (name, field) => {
      const type = getNamedType(field.type);
      const inner = isObjectType(type) ? `{ ${selection(type, 3)} }` : '';
      const text = await ask(`{ ${name} ${inner} }`);
      expect(text).toContain('"data"');
      expectNone(text);
    },
  );

  test.each(['/healthz', '/readyz', '/metrics', '/'])('is not in the response of %s', async (path) => {
    const answer = await fetch(`${url}${path}`);
    expect(answer.status).toBeLessThan(500);
    expectNone(await answer.text());
  });

  test('was sent to no other host, wherever the upstream redirected', () => {
    expect(parrot.heard.get('a redirect to another host')).toBeGreaterThanOrEqual(2);
    expect(callsElsewhere).toBe(0);
  });

  test('is in no file on disk, as text or encoded', async () => {
    parrot.fallSilent();
    await delay(100);
    const files = readdirSync(folder);
    expect(files).toContain('history.db');
    for (const file of files) expectNone(readFileSync(join(folder, file), 'latin1'));
  });
});

describe('over plain HTTP', () => {
  const address = 'http://api.abnormal.example.test/v1';

  test('a base URL of another machine is refused before a request is sent', () => {
    const result = toConfig(readEnv({ ABNORMAL_TOKEN: TOKEN, ABNORMAL_BASE_URL: address }));
    expect(result.ok).toBe(false);
    expectNone(JSON.stringify(result));
  });

  test('no client can be created for such a URL', () => {
    const budget = createBudget({ rpm: 60, concurrency: 1, clock: Date.now });
    const log = pino({ level: 'silent' });
    const options = { baseUrl: address, token: () => TOKEN, budget, timeoutMs: 1000, clock: Date.now, log };
    expect(() => createAbnormalClient(options)).toThrow(/https:/);
  });
});
