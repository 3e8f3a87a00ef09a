import { fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { startSimulator } from '../../src/simulator/server.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { compile, OPTIONS } from '../graphql/requests.js';
import type { BenchRow } from '../table.js';
import { median } from './payloads.js';

const DAYS = 30;

/**
 * The processor time of a backfill for each threat, of all threads, beside that of a program that asks for the same
 * lists and details, parses them and inserts them. The account is served by this process, which does not count.
 */
export async function backfillRows(
  threats = Number(process.env.BENCH_THREATS ?? 10_000),
  rounds = Number(process.env.BENCH_ROUNDS ?? 3),
): Promise<BenchRow[]> {
  const programs = compile();
  copyFileSync('package.json', `${programs}/package.json`);
  const to = Math.floor(Date.now() / DAY) * DAY;
  const span = { from: toInstant(to - DAYS * DAY), to: toInstant(to) };
  const shares = { missingThreats: 0, deletedThreats: 0, withoutMessages: 0, hugeThreats: 0 };
  const counts = { threats, cases: 0, campaigns: 0 };
  const tenant = createTenant({ seed: 1, ...span, ...counts, shares, detailMessages: 'sample' });
  const simulator = await startSimulator({ tenant, clock: Date.now });
  const env = {
    ...{ PATH: process.env.PATH, NODE_ENV: 'production', LOG_LEVEL: 'error', UPSTREAM_RPM: '1000000' },
    ...{ ABNORMAL_TOKEN: simulator.token, ABNORMAL_BASE_URL: simulator.baseUrl },
  };
  const microsOf = async (way: 'gateway' | 'bare') => {
    const folder = await mkdtemp(join(tmpdir(), 'bench-backfill-'));
    try {
      const file = `${programs}/bench/history/backfill-child.js`;
      const extra = (process.env.BENCH_NODE_OPTIONS ?? '').split(' ').filter((option) => option !== '');
      const child = fork(file, [way, folder, span.from, span.to], {
        ...{ execArgv: [...OPTIONS, ...extra], env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
      });
      const failed = once(child, 'exit').then(([code]) => {
        throw new Error(`the ${way} ended with ${code}`);
      });
      const [micros] = (await Promise.race([once(child, 'message'), failed])) as [number];
      failed.catch(() => {});
      child.disconnect();
      await once(child, 'exit');
      const [name, table] = way === 'gateway' ? ['history', 'threat'] : ['bare-1', 'payloads'];
      const db = new DatabaseSync(join(folder, `${name}.db`), { readOnly: true });
      const stored = Number(Object.values(db.prepare(`SELECT count(*) FROM ${table}`).get() ?? {})[0]);
      db.close();
      if (stored !== threats) throw new Error(`the ${way} stored ${stored} of ${threats} threats`);
      return micros / threats;
    } finally {
      await rm(folder, { recursive: true });
    }
  };
  try {
    const ratios: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const [bare, gateway] = [await microsOf('bare'), await microsOf('gateway')];
      console.log(
        `processor time of one threat: bare ${bare.toFixed(0)} µs, backfill ${gateway.toFixed(0)} µs`,
      );
      ratios.push(gateway / bare);
    }
    const row = { work: 'a backfill into SQLite', measure: 'CPU / bare fetch, parse and insert' };
    return [{ ...row, value: median(ratios), limit: { atMost: 2.5 } }];
  } finally {
    await simulator.close();
  }
}
