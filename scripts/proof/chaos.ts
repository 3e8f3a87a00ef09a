/*
 * Lets a gateway live through everything that can go wrong, seed after seed: faults of every kind, kills,
 * interruptions, a history that fails, clocks that jump, data that moves, live reads and queries beside polls. At
 * every step what the ledger vouches for must be held; in the end, two polls without faults must bring the
 * history to the ground truth. A line a seed; exit 1 when a promise was broken.
 *
 *   npx tsx scripts/proof/chaos.ts [--seeds 200] [--first 1] [--steps 14] [--verbose]
 */
import { parseArgs } from 'node:util';
import { HOUR } from '../../src/values/instant.js';
import { type ChaosReport, runChaos } from '../../test/support/chaos/run.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    first: { type: 'string', default: '1' },
    steps: { type: 'string', default: '14' },
    verbose: { type: 'boolean', default: false },
  },
});

const first = Number(values.first);
const sum = { seeds: 0, broken: 0, hours: 0, requests: 0, checks: 0, revisions: 0, seams: 0, saidGone: 0 };
const faults: Record<string, number> = {};
const dooms: Record<string, number> = {};
for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
  const began = performance.now();
  const report = await runChaos({ seed, steps: Number(values.steps) }).catch(broken(seed));
  add(report);
  print(report, (performance.now() - began) / 1000);
}
console.log({ ...sum, hours: Math.round(sum.hours) });
console.log({ faults, dooms });
console.log(sum.broken > 0 ? 'FAILED' : 'every promise was kept');
process.exitCode = sum.broken > 0 ? 1 : 0;

function broken(seed: number): (error: unknown) => ChaosReport {
  return (error) => ({
    ...{ seed, events: [], simulatedMs: 0, requests: 0, faults: {}, checks: 0, revisions: 0, seams: 0 },
    ...{ dooms: { abort: 0, kill: 0, hiccup: 0 }, saidGone: 0 },
    problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
  });
}

function add(report: ChaosReport): void {
  sum.seeds += 1;
  sum.broken += report.problems.length > 0 ? 1 : 0;
  sum.hours += report.simulatedMs / HOUR;
  sum.requests += report.requests;
  sum.checks += report.checks;
  sum.revisions += report.revisions;
  sum.seams += report.seams;
  sum.saidGone += report.saidGone;
  for (const [kind, count] of Object.entries(report.faults)) faults[kind] = (faults[kind] ?? 0) + count;
  for (const [kind, count] of Object.entries(report.dooms)) dooms[kind] = (dooms[kind] ?? 0) + count;
}

function print(
  { seed, simulatedMs, requests, revisions, checks, problems, events }: ChaosReport,
  seconds: number,
) {
  const hours = (simulatedMs / HOUR).toFixed(0);
  const outcome = problems.length > 0 ? `${problems.length} PROBLEMS` : 'ok';
  console.log(
    `seed ${seed}: ${hours} h in ${seconds.toFixed(1)} s, ${requests} requests, ${revisions} revisions, ${checks} checks: ${outcome}`,
  );
  for (const problem of problems.slice(0, 8)) console.log(`  ${problem}`);
  if (values.verbose) for (const event of events) console.log(`    ${event}`);
}
