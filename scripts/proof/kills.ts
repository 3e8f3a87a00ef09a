/*
 * Kills the gateway (SIGKILL) at random instants of its collection, again and again, and lets it carry on.
 * After each kill the history must hold whole batches only: batch numbers without a hole, no revision twice, one
 * current revision a record. In the end a run that nobody kills must bring it to the ground truth.
 *
 *   npm run build && npx tsx scripts/proof/kills.ts [--kills 100] [--history sqlite:<file>|mongodb://…] [--seed 1]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openStore } from '../../src/history/open-store.js';
import { startSimulator } from '../../src/simulator/server.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { historyFaults } from '../../test/support/history-faults.js';
import { compareWithTruth } from '../../test/support/truth.js';
import { startGateway } from './child.js';

const { values } = parseArgs({
  options: {
    history: { type: 'string' },
    kills: { type: 'string', default: '100' },
    threats: { type: 'string', default: '6000' },
    days: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
  },
});

const kills = Number(values.kills);
const scratch = mkdtempSync(join(tmpdir(), 'kills-'));
const history = values.history ?? `sqlite:${join(scratch, 'history.db')}`;
const began = Date.now();
const from = toInstant(Math.floor(began / DAY) * DAY - Number(values.days) * DAY);
const tenant = createTenant({
  seed: values.seed,
  from,
  to: toInstant(began + DAY),
  threats: Number(values.threats),
  cases: Math.ceil(Number(values.threats) / 15),
  campaigns: Math.ceil(Number(values.threats) / 25),
});
// the tenant's clock stands: what is true does not move while it is compared
const simulator = await startSimulator({ tenant, clock: () => began, latencyMs: 2 });
const child = (args: string[]) =>
  startGateway(args, {
    baseUrl: simulator.baseUrl,
    token: simulator.token,
    history,
    env: { BACKFILL_FROM: from },
  });

const faults: string[] = [];
let killed = 0;
let finished = 0;
try {
  // a history to look at, should the first kill come before the gateway has made one
  await (await openStore(history, 'write')).close();
  const random = randomFrom(Number(values.seed));
  while (killed < kills) {
    const run = child(['poll', '--once']);
    const result = await Promise.race([run.ended, wait(300 + random() * 2500, 'kill' as const)]);
    if (result === 'kill') {
      run.process.kill('SIGKILL');
      await run.ended;
      killed += 1;
    } else {
      finished += 1;
      if (result !== 0) throw new Error(`a run ended with ${result}: ${run.errors()}`);
    }
    faults.push(...(await check()));
    if (killed % 10 === 0) console.log(`${killed} kills, ${finished} runs finished, ${faults.length} faults`);
  }
  for (const _ of [1, 2]) {
    const run = child(['poll', '--once']);
    const code = await run.ended;
    if (code !== 0) faults.push(`the last run ended with ${code}: ${run.errors()}`);
  }
  faults.push(...(await check()), ...(await compare()));
} finally {
  await simulator.close();
  rmSync(scratch, { recursive: true, force: true });
}
for (const fault of faults.slice(0, 20)) console.log(fault);
console.log(faults.length > 0 ? 'FAILED' : `${killed} kills: every batch whole, and the truth in the end`);
process.exitCode = faults.length > 0 ? 1 : 0;

async function check(): Promise<string[]> {
  const store = await openStore(history, 'read');
  try {
    return await historyFaults(store);
  } finally {
    await store.close();
  }
}

async function compare(): Promise<string[]> {
  const store = await openStore(history, 'read');
  try {
    const at = toInstant(began);
    const result = await compareWithTruth(store, tenant, { integration: 'default', at, isStill: true });
    console.log({ records: result.records, revisions: result.revisions });
    return [...result.faults, ...result.behind.map((name) => `behind: ${name}`)];
  } finally {
    await store.close();
  }
}

/** A small seeded generator (mulberry32): a failing run can be had again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
