/*
 * Walks by cursor through a history of many threats, served by a gateway with the heap of `npm start`, then gets
 * reports about all of them from another one, and prints the memory that they have resident (`VmRSS` in /proc: Linux only).
 * The walk must give each threat once, and the memory must stay level, below the limit from the first page to the last.
 *
 *   npm run build && npx tsx scripts/proof/walk.ts [--threats 100000] [--limit 260]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { batch, observe, START_MS, threat } from '../../bench/history/payloads.js';
import { openStore } from '../../src/history/open-store.js';
import { DAY, MINUTE, shift, toInstant } from '../../src/values/instant.js';
import { recordHistory } from '../../test/support/evidence-history.js';
import { type Child, startGateway } from './child.js';

const MIB = 1024 * 1024;
const PER_BATCH = 500;
/** In which all threats were received. */
const QUARTER = '2026-Q1';
const FORMS = ['html', 'json', 'csv&rows=population', 'ndjson&rows=revisions'];
const QUERY = `query($after: String) { threats(first: 100, after: $after) {
  nodes { threatId subject messagesHeld } pageInfo { hasNextPage endCursor } } }`;

interface Page {
  readonly nodes: readonly { readonly threatId: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

const { values } = parseArgs({
  options: {
    threats: { type: 'string', default: '100000' },
    /** MiB that are allowed. */
    limit: { type: 'string', default: '260' },
  },
});

const scratch = mkdtempSync(join(tmpdir(), 'walk-'));
const history = `sqlite:${join(scratch, 'history.db')}`;
const expected = Number(values.threats);
await fill();
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
try {
  const peaks = [await served(walk), await served(reports)];
  process.exitCode = peaks.every((peak) => peak <= Number(values.limit) * MIB) ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** The most memory that a gateway has resident while it does this work. */
async function served(work: (child: Child) => Promise<void>): Promise<number> {
  const child = startGateway([], {
    // no account: nothing is collected meanwhile
    ...{ baseUrl: '', token: '', history },
    env: { SIMULATOR: 'off', PORT: String(port) },
  });
  try {
    await Promise.race([untilReady(), child.ended.then(() => Promise.reject(new Error(child.errors())))]);
    await work(child);
    const peak = child.peakMemory();
    console.log(`peak resident memory ${inMib(peak)} MiB, allowed ${values.limit}`);
    return peak;
  } finally {
    child.process.kill('SIGKILL');
    await child.ended;
  }
}

async function walk(child: Child): Promise<void> {
  const began = performance.now();
  const ids = new Set<string>();
  for (let after: string | null = null, pages = 1; ; pages += 1) {
    const { nodes, pageInfo } = await read(after);
    for (const { threatId } of nodes) ids.add(threatId);
    if (pages % 100 === 0) console.log(`page ${pages}: ${inMib(child.memory())} MiB`);
    if (!pageInfo.hasNextPage) break;
    after = pageInfo.endCursor;
  }
  const seconds = (performance.now() - began) / 1000;
  console.log(`${ids.size} of ${expected} threats in ${seconds.toFixed(0)} s`);
  if (ids.size !== expected) throw new Error('The walk does not give each threat once.');
}

async function reports(child: Child): Promise<void> {
  for (const form of FORMS) {
    const bytes = await sizeOf(`${url}/reports/${QUARTER}?format=${form}`);
    console.log(`a report of ${(bytes / 1e6).toFixed(1)} MB, ${form}: ${inMib(child.memory())} MiB`);
  }
}

async function fill(): Promise<void> {
  const store = await openStore(history, 'write');
  const from = toInstant(START_MS);
  await recordHistory(store, { from, to: shift(from, 90 * DAY) });
  for (let first = 0; first < expected; first += PER_BATCH) {
    const count = Math.min(PER_BATCH, expected - first);
    const now = shift(from, 90 * DAY + first + count);
    const { seq } = await store.head();
    const some = Array.from({ length: count }, (_, n) => ({
      ...observe(threat(first + n, START_MS + (first + n) * MINUTE), now, seq),
      origin: 'ABNORMAL' as const,
    }));
    await store.record(batch(first / PER_BATCH + 1, now, some));
  }
  await store.close();
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function untilReady(): Promise<void> {
  while (
    !(await fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await wait(200);
}

async function sizeOf(of: string): Promise<number> {
  const response = await fetch(of);
  if (!response.ok) throw new Error(`${of} answered ${response.status}: ${await response.text()}`);
  let bytes = 0;
  for await (const piece of response.body ?? []) bytes += piece.length;
  return bytes;
}

async function read(after: string | null): Promise<Page> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: QUERY, variables: { after } }),
  });
  const { data } = (await response.json()) as { data: { threats: Page } };
  return data.threats;
}

function inMib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}
