import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { DatabaseSync } from '@photostructure/sqlite';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import { startSimulator } from '../../src/simulator/server.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { DAY, HOUR, MINUTE, toInstant } from '../../src/values/instant.js';
import { compile, OPTIONS } from '../graphql/requests.js';
import { batch, observe, START_MS, threat } from '../history/payloads.js';
import type { BenchRow } from '../table.js';
import type { StallReport } from './loop-delay.js';

/*
 * The longest stall of the event loop of `npm start` over a history whose columns an earlier version did not make, while
 * it makes them, reads a simulated account from 60 days ago on, and serves a report, an export, statistics and large
 * responses all the time; `verify` runs in a process of its own. What an idle process of the same machine shows
 * is subtracted.
 */

const PER_BATCH = 500;
const LIMIT_MS = 50;

const [from, until] = ['2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'];
const FIELDS = `messageId subject fromAddress fromName senderDomain recipientAddress toAddresses receivedTime sentTime
  internetMessageId attackType attackStrategy attackVector remediation remediationTime urls summaryInsights portalUrl`;
/** So many lists of 100 threats are about 5 MB. */
const LISTS = Array.from({ length: 8 }, (_, n) => n);
const LARGE = `query Large(${LISTS.map((n) => `$until${n}: DateTime`).join(', ')}) {
  ${LISTS.map((n) => `list${n}: threats(first: 100, filter: { receivedTime: { lte: $until${n} } }) { ...Page }`).join('\n')}
}
fragment Page on ThreatConnection {
  nodes { id threatId subject messages(first: 10) { nodes { ${FIELDS} } } revisions(first: 3) { nodes { received } } }
}`;
const STATISTICS = `query Statistics($from: DateTime!, $to: DateTime!) {
  messageStatistics(from: $from, to: $to, interval: DAY, groupBy: [RECIPIENT_ADDRESS], top: 10) {
    total { count } groups { count buckets { count } }
  }
}`;

async function fill(path: string, threats: number): Promise<void> {
  const store = await openSqliteStore(path, 'write');
  for (let first = 0; first < threats; first += PER_BATCH) {
    const now = toInstant(START_MS + (first + PER_BATCH) * MINUTE);
    const observations = Array.from({ length: PER_BATCH }, (_, i) => {
      const record = threat(first + i, START_MS + (first + i) * MINUTE);
      return { ...observe(record, now, 0), origin: 'ABNORMAL' as const };
    });
    await store.record(batch(first, now, observations));
  }
  await store.close();
  const db = new DatabaseSync(path);
  db.exec("DELETE FROM column_blocks WHERE kind <> ''");
  db.close();
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  server.close();
  return port;
}

async function stallOf(child: ChildProcess): Promise<number> {
  child.send('report');
  const [{ longestMs }] = (await once(child, 'message')) as [StallReport];
  return longestMs;
}

async function bytesOf(url: string, body?: object): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, body && { method: 'POST', headers, body: JSON.stringify(body) });
  let bytes = 0;
  for await (const piece of response.body ?? []) bytes += piece.length;
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return bytes;
}

/** A row for each work alone, and one for all at once. */
export async function stallRows(
  threats = Number(process.env.BENCH_STALL_THREATS ?? 50_000),
  seconds = Number(process.env.BENCH_SECONDS ?? 20),
): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-stalls-'));
  const path = join(folder, 'history.db');
  await fill(path, threats);
  const programs = compile();
  copyFileSync('package.json', `${programs}/package.json`);
  const now = Date.now();
  const tenant = createTenant({
    ...{ seed: 1, from: toInstant(now - 60 * DAY), to: toInstant(now) },
    ...{ threats: 20_000, cases: 1_000, campaigns: 1_000 },
  });
  const simulator = await startSimulator({ tenant, clock: Date.now });
  const port = await freePort();
  const env = {
    ...{ PATH: process.env.PATH, HISTORY: `sqlite:${path}`, PORT: String(port), LOG_LEVEL: 'error' },
    ...{ ABNORMAL_TOKEN: simulator.token, ABNORMAL_BASE_URL: simulator.baseUrl, UPSTREAM_RPM: '1000000' },
    ...{ BACKFILL_FROM: toInstant(now - 60 * DAY), NODE_ENV: 'production' },
  };
  const children: ChildProcess[] = [];
  const start = (file: string, args: readonly string[]) => {
    const preload = ['--import', pathToFileURL(`${programs}/bench/stalls/loop-delay.js`).href];
    const extra = (process.env.BENCH_NODE_OPTIONS ?? '').split(' ').filter((option) => option !== '');
    const execArgv = [...OPTIONS, ...extra, ...preload];
    const child = fork(`${programs}/${file}`, args, {
      execArgv,
      env,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    children.push(child);
    return child;
  };
  try {
    const idle = start('bench/stalls/idle.js', []);
    const gateway = start('src/main.js', ['serve']);
    const url = `http://127.0.0.1:${port}`;
    while (!(await bytesOf(`${url}/healthz`).catch(() => 0))) await delay(100);
    const statistics = { query: STATISTICS, variables: { from, to: until } };
    let [largest, n] = [0, 0];
    const works: Record<string, () => Promise<unknown>> = {
      'the columns of an old history, and a backfill': () => delay(500),
      'a report over HTTP': () => bytesOf(`${url}/reports/2026-01?format=json`),
      'an export': () => bytesOf(`${url}/reports/2026-01?format=ndjson&rows=revisions`),
      statistics: () => bytesOf(`${url}/graphql`, statistics),
      'a large response': async () => {
        n += 1;
        const end = (list: number) => toInstant(Date.parse(until) - n * MINUTE - list * 2 * HOUR);
        const variables = Object.fromEntries(LISTS.map((list) => [`until${list}`, end(list)]));
        largest = Math.max(largest, await bytesOf(`${url}/graphql`, { query: LARGE, variables }));
      },
      verify: async () => void (await once(start('src/main.js', ['verify']), 'exit')),
    };
    const rows: BenchRow[] = [];
    const measure = async (name: string, running: readonly (() => Promise<unknown>)[]) => {
      await Promise.all([stallOf(idle), stallOf(gateway)]);
      const end = Date.now() + seconds * 1_000;
      const repeated = running.map(async (run) => {
        while (Date.now() < end) await run();
      });
      await Promise.all(repeated);
      const [machine, own] = await Promise.all([stallOf(idle), stallOf(gateway)]);
      console.log(`${name}: ${own.toFixed(0)} ms, an idle process ${machine.toFixed(0)} ms`);
      const value = Math.max(0, own - machine);
      rows.push({ work: name, measure: 'longest stall, ms', value, limit: { atMost: LIMIT_MS } });
    };
    for (const [name, run] of Object.entries(works)) await measure(name, [run]);
    await measure('all of these at once', Object.values(works));
    console.log(`${threats} threats, responses of up to ${(largest / 1e6).toFixed(1)} MB`);
    return rows;
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await simulator.close();
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(await stallRows());
