/*
 * Collects a simulated tenant that keeps changing while it is read, through 429s, 5xx and hangs, and holds the
 * history against the ground truth, id for id and version for version.
 *
 *   npx tsx scripts/proof/nothing-missing.ts [--history sqlite:<file>|mongodb://…] [--threats 20000] [--cases 1500]
 *     [--campaigns 800] [--days 90] [--seed 1] [--calm]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { createBudget } from '../../src/abnormal/budget.js';
import { createAbnormalClient } from '../../src/abnormal/rest-client.js';
import { openStore } from '../../src/history/open-store.js';
import type { FaultPlan } from '../../src/simulator/faults.js';
import { startSimulator } from '../../src/simulator/server.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { DEFAULT_SYNC_SETTINGS } from '../../src/sync/context.js';
import { createSync } from '../../src/sync/create-sync.js';
import type { PollReport } from '../../src/sync/sync.js';
import { DAY, HOUR, shift, toInstant } from '../../src/values/instant.js';
import { createFastClock } from '../../test/support/fast-clock.js';
import { fixedAccounts } from '../../test/support/fixed-accounts.js';
import { compareWithTruth } from '../../test/support/truth.js';

const START = '2026-03-31T06:00:00.000Z';
/** Ten simulated minutes a second: the account's real limits then cost little real time. */
const SPEED = 600;
const INTEGRATION = 'default';

const { values } = parseArgs({
  options: {
    history: { type: 'string' },
    threats: { type: 'string', default: '20000' },
    cases: { type: 'string', default: '1500' },
    campaigns: { type: 'string', default: '800' },
    days: { type: 'string', default: '90' },
    seed: { type: 'string', default: '1' },
    /** Leaves the faults out, for figures of what the sync itself costs. */
    calm: { type: 'boolean', default: false },
  },
});

const from = shift(START, -Number(values.days) * DAY);
const scratch = mkdtempSync(join(tmpdir(), 'nothing-missing-'));
const history = values.history ?? `sqlite:${join(scratch, 'history.db')}`;
const clock = createFastClock(START, SPEED);
const tenant = createTenant({
  seed: values.seed,
  from,
  to: shift(START, 10 * DAY),
  threats: Number(values.threats),
  cases: Number(values.cases),
  campaigns: Number(values.campaigns),
});
const faults: FaultPlan = {
  seed: values.seed,
  rules: [
    { fault: { kind: 'rateLimited', retryAfter: '5' }, probability: 0.002 },
    { fault: { kind: 'serverError' }, probability: 0.005 },
    { fault: { kind: 'truncated' }, probability: 0.001 },
    { fault: { kind: 'reset' }, probability: 0.001 },
    { fault: { kind: 'hang' }, probability: 0.0003 },
  ],
};
const simulator = await startSimulator({
  tenant,
  clock: clock.now,
  limits: { rpm: 300, concurrency: 4, retryAfter: 'alternate' },
  ...(values.calm ? {} : { faults }),
});
const store = await openStore(history, 'write', { now: clock.now });
const log = pino({ level: 'error' });
const budget = createBudget({ rpm: 300, concurrency: 4, clock: clock.now, startTimer: clock.startTimer });
const client = createAbnormalClient({
  baseUrl: simulator.baseUrl,
  token: () => simulator.token,
  budget,
  // a second of real time
  timeoutMs: SPEED * 1000,
  clock: clock.now,
  log,
  startTimer: clock.startTimer,
});
const sync = createSync({
  store,
  accounts: fixedAccounts({ name: INTEGRATION, origin: 'SIMULATED', baseUrl: simulator.baseUrl, client }),
  settings: { ...DEFAULT_SYNC_SETTINGS, backfillFrom: from },
  clock: clock.now,
  log,
});
const { signal } = new AbortController();

let failed = true;
try {
  const began = performance.now();
  report('backfill', await sync.backfill({ from, signal }));
  clock.advance(25 * HOUR);
  report('first poll', await sync.poll({ signal }));
  clock.advance(25 * HOUR);
  simulator.setFaults(null);
  const at = toInstant(clock.now());
  report('second poll', await sync.poll({ signal }));
  simulator.resetStats();
  report('a poll right after', await sync.poll({ signal }));
  console.log(`which cost ${JSON.stringify(simulator.stats().byKind)}`);
  console.log(`took ${((performance.now() - began) / 1000).toFixed(0)} s in ${store.description}`);
  const {
    records,
    revisions,
    behind,
    faults: wrong,
  } = await compareWithTruth(store, tenant, {
    integration: INTEGRATION,
    at,
    until: toInstant(clock.now()),
    slackMs: 30 * 60_000,
  });
  console.log({ at, records, revisions, behind: behind.length, faults: wrong.length });
  for (const line of [...behind.slice(0, 10).map((name) => `behind: ${name}`), ...wrong.slice(0, 20)])
    console.log(line);
  failed = wrong.length > 0 || behind.length > 0;
} finally {
  client.close();
  await sync.close();
  await store.close();
  await simulator.close();
  rmSync(scratch, { recursive: true, force: true });
}
console.log(failed ? 'FAILED' : 'the history equals the truth');
process.exitCode = failed ? 1 : 0;

function report(what: string, { passes }: PollReport): void {
  console.log(`${what}, ${toInstant(clock.now())}`);
  for (const { resource, status, counts, reread, callsPerNew, errors } of passes) {
    const { added, changed, deleted, quarantined, calls, listCalls, detailCalls } = counts;
    const cost = { calls, listCalls, detailCalls, callsPerNew, reread: reread?.calls ?? 0 };
    const line = { added, changed, deleted, quarantined, ...cost };
    console.log(`  ${resource} ${status} ${JSON.stringify(line)}`);
    for (const error of errors.slice(0, 3)) console.log(`    ${error}`);
  }
}
