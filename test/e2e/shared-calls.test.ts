import 'reflect-metadata';
import diagnostics from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type App, createApp } from '../../src/app.js';
import { readEnv, toConfig } from '../../src/config/config.js';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { createTenant, type Tenant } from '../../src/simulator/tenant.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { isCollected, type Runs as Polls, RUNS } from '../support/collected.js';
import { type Gate, startGate } from '../support/gate.js';

/*
 * What many callers at once cost Abnormal, counted at the upstream: a gate before it keeps every answer back until
 * all callers wait, so that none comes late.
 */

let folder: string;
let tenant: Tenant;
let simulator: Simulator;
let gate: Gate;
let app: App;
let url: string;
let begun = 0;
/** How far the clock of the gateway and of Abnormal has been put forward, in milliseconds. */
let ahead = 0;
const clock = () => Date.now() + ahead;

function countRequest({ request }: { request: IncomingMessage }): void {
  if (request.url?.startsWith('/graphql')) begun += 1;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shared-calls-'));
  const now = Date.now();
  const span = { from: toInstant(now - 20 * DAY), to: toInstant(now + 7 * DAY) };
  tenant = createTenant({ seed: 'shared', ...span, threats: 81, cases: 108, campaigns: 13 });
  simulator = await startSimulator({ tenant, clock });
  gate = await startGate(simulator.baseUrl);
  const config = toConfig(
    readEnv({
      ...{ PORT: '0', HISTORY: `sqlite:${join(folder, 'history.db')}`, RECONCILE_EVERY: 'off' },
      REQUEST_TIMEOUT: '10m',
      ...{ ABNORMAL_TOKEN: simulator.token, ABNORMAL_BASE_URL: gate.baseUrl, UPSTREAM_RPM: '60000' },
    }),
  );
  if (!config.ok) throw new Error(JSON.stringify(config.problems));
  const log = pino({ level: 'silent' });
  app = createApp(config.config, { log, clock, settings: { liveWaitMs: 120_000 } });
  ({ url } = await app.start());
  await untilCollected();
  diagnostics.subscribe('http.server.request.start', countRequest as diagnostics.ChannelListener);
});

afterAll(async () => {
  diagnostics.unsubscribe('http.server.request.start', countRequest as diagnostics.ChannelListener);
  gate.open();
  await app.close();
  await gate.close();
  await simulator.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  gate.open();
  gate.forget();
  begun = 0;
});

interface Answer<T> {
  readonly data: T;
  readonly errors?: readonly { readonly message: string }[];
}

async function ask<T>(query: string, variables: object = {}): Promise<Answer<T>> {
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return (await answer.json()) as Answer<T>;
}

interface Runs {
  readonly runs: {
    readonly nodes: readonly { trigger: string; status: string; parameters: Record<string, unknown> }[];
  };
}

async function untilCollected(): Promise<void> {
  for (;;) {
    const { data } = await ask<{ runs: Polls }>(`{ ${RUNS} }`);
    if (isCollected(data.runs)) return;
    await delay(50);
  }
}

/** How many live readings of lists there were. */
async function liveReadings(): Promise<number> {
  const { data } = await ask<Runs>('{ runs(first: 100) { nodes { trigger status parameters } } }');
  return data.runs.nodes.filter(({ trigger, parameters }) => trigger === 'LIVE' && 'to' in parameters).length;
}

/** Resolves when so many requests have come and all that can be done for them without Abnormal is done. */
async function allWait(count: number): Promise<void> {
  while (begun < count) await delay(20);
  for (let isIdle = false; !isIdle; ) {
    const before = performance.eventLoopUtilization();
    await delay(200);
    isIdle = performance.eventLoopUtilization(before).utilization < 0.1;
  }
}

/** Asks `count` times at once, with Abnormal silent until all wait. */
async function askAtOnce<T>(count: number, query: (i: number) => [string, object]): Promise<Answer<T>[]> {
  gate.shut();
  const answers = Promise.all(Array.from({ length: count }, (_, i) => ask<T>(...query(i))));
  await allWait(count);
  gate.open();
  return answers;
}

interface Case {
  readonly case: { readonly provenance: { readonly verifiedAt: string } };
}

const CASE =
  'query ($id: ID!) { case(caseId: $id, maxAge: 0) { caseId provenance { stale source verifiedAt } } }';

describe('concurrent callers', () => {
  test('(a thousand) that need fifty fresh cases cause fifty requests', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => tenant.idOf('case', i));
    const before = toInstant(Date.now());
    const answers = await askAtOnce<Case>(1000, (i) => [CASE, { id: ids[i % 50] }]);
    for (const [i, { data, errors }] of answers.entries()) {
      expect(errors).toBeUndefined();
      expect(data.case).toMatchObject({ caseId: ids[i % 50], provenance: { stale: false, source: 'LIVE' } });
      expect(data.case.provenance.verifiedAt >= before).toBe(true);
    }
    expect(gate.seen.map((path) => path.replace(/^\/v1/, '')).sort()).toEqual(
      ids.map((id) => `/cases/${id}`).sort(),
    );
  });

  test('(one) with many fields and aliases of one case cause one request', async () => {
    const id = tenant.idOf('case', 3);
    const aliases = Array.from(
      { length: 8 },
      (_, i) => `a${i}: case(caseId: "${id}", maxAge: 0) { severity }`,
    );
    const { errors } = await ask(`{ ${aliases.join(' ')} }`);
    expect(errors).toBeUndefined();
    expect(gate.seen).toEqual([`/v1/cases/${id}`]);
  });

  test('(a hundred) that need the newest cases cause one reading of what is new', async () => {
    // a reading is joined for as long as the answer may be old: however long it takes until all have asked
    ahead += 2 * DAY;
    const before = await liveReadings();
    const query = '{ cases(first: 50, maxAge: 60) { nodes { caseId } freshness { stale } } }';
    const answers = await askAtOnce<{ cases: { nodes: unknown[] } }>(100, () => [query, {}]);
    const [first] = answers;
    expect(first?.data.cases.nodes).toHaveLength(50);
    for (const { data, errors } of answers) {
      expect(errors).toBeUndefined();
      expect(data).toEqual(first?.data);
    }
    const lists = gate.seen.filter((path) => path.startsWith('/v1/cases?'));
    expect(lists).toHaveLength(1);
    expect(await liveReadings()).toBe(before + 1);
  });

  test.each([
    ['cases', 'caseId'],
    ['threats', 'threatId'],
  ])(
    '(two hundred) that need a list of %s all get LIVE for the reading that they waited for',
    async (root, id) => {
      ahead += 2 * DAY;
      const query = `{ list: ${root}(first: 50, maxAge: 60) { nodes { ${id} provenance { source verifiedAt } } freshness { live } } }`;
      type List = {
        list: {
          nodes: { provenance: { source: string; verifiedAt: string } }[];
          freshness: { live: boolean };
        };
      };
      const before = toInstant(clock());
      const answers = await askAtOnce<List>(200, () => [query, {}]);
      const [first] = answers;
      const sources = first?.data.list.nodes.map(({ provenance }) => provenance) ?? [];
      expect(sources.filter(({ source }) => source === 'LIVE').length).toBeGreaterThan(0);
      for (const { source, verifiedAt } of sources)
        expect(source).toBe(verifiedAt >= before ? 'LIVE' : 'RECORDED');
      for (const { data } of answers) {
        expect(data.list.freshness.live).toBe(true);
        expect(data).toEqual(first?.data);
      }
    },
  );
});
