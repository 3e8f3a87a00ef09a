/*
 * Kills the primary of a replica set of three, again and again, while a simulated account is polled and its lists are
 * read, and says whether anything was lost and how long reads failed. Needs a mongod, as the tests do.
 *
 *   npx tsx scripts/proof/failover.ts [--kills 10] [--every 60]
 */
import { parseArgs } from 'node:util';
import { runFailover } from '../../test/support/failover.js';
import { ReplicaSet } from '../../test/support/replica-set.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '10' },
    /** Seconds from one kill to the next. */
    every: { type: 'string', default: '60' },
  },
});
const set = await ReplicaSet.start(3);
if (!set) throw new Error('there is no mongod on this machine');
try {
  const plan = { kills: Number(values.kills), everyMs: Number(values.every) * 1000 };
  const report = await runFailover(set, { ...plan, say: (line) => console.log(line) });
  console.log(JSON.stringify(report, null, 2));
  process.exitCode = report.faults.length === 0 ? 0 : 1;
} finally {
  await set.stop();
}
