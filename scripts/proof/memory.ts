/*
 * Collects many simulated threats in a process of its own and prints the most memory that process had resident,
 * as the kernel counts it (`VmHWM` in /proc: Linux only). The simulator runs in this process and does not count.
 *
 *   npm run build && npx tsx scripts/proof/memory.ts [--threats 200000] [--history sqlite:<file>|mongodb://…] [--limit 350]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openStore } from '../../src/history/open-store.js';
import { startSimulator } from '../../src/simulator/server.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { startGateway } from './child.js';

const MIB = 1024 * 1024;

const { values } = parseArgs({
  options: {
    threats: { type: 'string', default: '200000' },
    history: { type: 'string' },
    /** MiB that are allowed. */
    limit: { type: 'string', default: '350' },
  },
});

const scratch = mkdtempSync(join(tmpdir(), 'memory-'));
const history = values.history ?? `sqlite:${join(scratch, 'history.db')}`;
const now = Date.now();
const from = toInstant(Math.floor(now / DAY) * DAY - 90 * DAY);
const tenant = createTenant({
  seed: 1,
  from,
  to: toInstant(now),
  threats: Number(values.threats),
  cases: Math.ceil(Number(values.threats) / 15),
  campaigns: Math.ceil(Number(values.threats) / 25),
});
const simulator = await startSimulator({ tenant, clock: Date.now });
const child = startGateway(['backfill', '--from', from], {
  baseUrl: simulator.baseUrl,
  token: simulator.token,
  history,
});

let peak = 0;
const sampling = setInterval(() => {
  peak = Math.max(peak, child.peakMemory());
}, 200);
const telling = setInterval(() => {
  console.log(`${simulator.stats().requests} requests, ${(peak / MIB).toFixed(0)} MiB`);
}, 30_000);
try {
  const began = performance.now();
  const code = await child.ended;
  const seconds = (performance.now() - began) / 1000;
  if (code !== 0) throw new Error(`the gateway ended with ${code}: ${child.errors()}`);
  const held = await countThreats();
  console.log(`${held} threats in ${seconds.toFixed(0)} s (${(held / seconds).toFixed(0)} a second)`);
  console.log(`peak resident memory ${(peak / MIB).toFixed(0)} MiB, allowed ${values.limit}`);
  process.exitCode = peak > Number(values.limit) * MIB ? 1 : 0;
} finally {
  clearInterval(sampling);
  clearInterval(telling);
  child.process.kill('SIGKILL');
  await simulator.close();
  rmSync(scratch, { recursive: true, force: true });
}

async function countThreats(): Promise<number> {
  const store = await openStore(history, 'read');
  try {
    const { seq } = await store.head();
    return await store.count({ kind: 'threat', integrations: null, filter: null, seq });
  } finally {
    await store.close();
  }
}
