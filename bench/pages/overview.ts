import 'reflect-metadata';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { createApp } from '../../src/app.js';
import { readEnv, toConfig } from '../../src/config/config.js';
import { CORE_STREAMS } from '../../src/controls/control.js';
import { sealHistory } from '../../src/evidence/seal/make-seals.js';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { batchOf, ledgerEntry, streamState } from '../../test/support/records.js';
import { compile, OPTIONS } from '../graphql/requests.js';
import { batch, median, observe, START_MS, threat } from '../history/payloads.js';
import type { BenchRow } from '../table.js';

/* The page at `/` over a large history: 200,000 threats of 180 days, as a browser waits for it. */

const PER_BATCH = 500;
const DAYS = 180;
const ROUNDS = 5;
const UNTIL_MS = START_MS + DAYS * DAY;

async function fill(path: string, threats: number): Promise<void> {
  const store = await openSqliteStore(path, 'write');
  const every = (DAYS * DAY) / threats;
  for (let first = 0; first < threats; first += PER_BATCH) {
    const { seq } = await store.head();
    const now = toInstant(START_MS + (first + PER_BATCH) * every);
    const records = Array.from({ length: PER_BATCH }, (_, i) =>
      threat(first + i, START_MS + (first + i) * every),
    );
    await store.record(
      batch(
        first,
        now,
        records.map((record) => observe(record, now, seq)),
      ),
    );
  }
  const readAt = toInstant(UNTIL_MS);
  const collectFrom = toInstant(START_MS);
  await store.record(
    batchOf('read', {
      now: readAt,
      ledger: CORE_STREAMS.map((stream) => ledgerEntry({ ...stream, from: collectFrom, to: readAt, readAt })),
      streams: CORE_STREAMS.map((stream) =>
        streamState({ ...stream, collectFrom, lastAttemptAt: readAt, lastSuccessAt: readAt }),
      ),
    }),
  );
  // as it is after each poll: a page does not wait for seals of what was recorded long ago
  await sealHistory(store, { signer: null, clock: () => UNTIL_MS });
  await store.close();
}

/** The time until the whole page is there, at first and when it is loaded again. */
export async function overviewRows(
  threats = Number(process.env.BENCH_THREATS ?? 200_000),
): Promise<BenchRow[]> {
  const given = process.env.BENCH_HISTORY;
  const folder = await mkdtemp(join(tmpdir(), 'bench-overview-'));
  const path = given ?? join(folder, 'history.db');
  try {
    if (!given) await fill(path, threats);
    const programs = compile();
    copyFileSync('package.json', `${programs}/package.json`);
    const env = { ...process.env, NODE_ENV: 'production' };
    const child = fork(`${programs}/bench/pages/overview.js`, [path], { execArgv: OPTIONS, env });
    const [rows] = (await once(child, 'message')) as [BenchRow[]];
    return rows;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** With the options of `npm start`, since a thread starts much more slowly from source. */
async function measure(path: string): Promise<BenchRow[]> {
  const env = { HISTORY: `sqlite:${path}`, PORT: '0', SIMULATOR: 'off', RATE_LIMIT: 'off' };
  const config = toConfig(readEnv(env));
  if (!config.ok) throw new Error(JSON.stringify(config.problems));
  const app = createApp(config.config, { log: pino({ level: 'silent' }), clock: () => UNTIL_MS + 1_000 });
  const { url } = await app.start();
  const rows: BenchRow[] = [];
  for (const window of ['7d', '30d', '90d']) {
    const times: number[] = [];
    const cpu: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const [begun, used] = [performance.now(), process.cpuUsage()];
      const answer = await fetch(`${url}/?window=${window}`);
      const text = await answer.text();
      times.push(performance.now() - begun);
      const { user, system } = process.cpuUsage(used);
      cpu.push((user + system) / 1_000);
      if (!answer.ok || !text.includes('id="controls"')) throw new Error(`no page: ${answer.status}`);
    }
    const show = (figures: readonly number[]) => figures.map((ms) => ms.toFixed(0)).join(', ');
    console.log(`${window}: ${show(times)} ms; CPU time of all threads ${show(cpu)} ms`);
    const row = { work: `the page at /, ${window}`, limit: { atMost: 1_000 } };
    rows.push({ ...row, measure: 'ms, first', value: times[0] ?? 0 });
    rows.push({ ...row, measure: 'ms, median of those after', value: median(times.slice(1)) });
  }
  await app.close();
  return rows;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (process.env.BENCH_FILL)
    await fill(process.env.BENCH_FILL, Number(process.env.BENCH_THREATS ?? 200_000));
  else {
    const rows = await measure(process.argv[2] ?? '');
    process.send?.(rows);
  }
}
