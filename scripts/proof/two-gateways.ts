/*
 * Runs two gateways on one MongoDB, and in each round suspends the one that polls, kills its successor, starts it
 * again, and cuts both off from the database. Says whether both polled at once, whether anything was recorded twice or
 * lost, and how long nobody polled.
 *
 *   npx tsx scripts/proof/two-gateways.ts --history mongodb://… [--rounds 10] [--pause 60] [--away 20]
 */
import { parseArgs } from 'node:util';
import { buildService } from '../../test/support/service.js';
import { TwoGateways } from '../../test/support/two-gateways.js';

const { values } = parseArgs({
  options: {
    history: { type: 'string' },
    rounds: { type: 'string', default: '10' },
    /** Seconds for which a gateway is suspended. */
    pause: { type: 'string', default: '60' },
    /** Seconds without the database. */
    away: { type: 'string', default: '20' },
  },
});
if (!values.history) throw new Error('--history mongodb://host/database: an empty database of a replica set');
await buildService(null);
const both = await TwoGateways.start(values.history);
try {
  for (let n = 1; n <= Number(values.rounds); n++) {
    await both.round(Number(values.pause) * 1000, Number(values.away) * 1000);
    console.log(`round ${n} of ${values.rounds}`);
  }
  const report = await both.finish();
  console.log(JSON.stringify(report, null, 2));
  process.exitCode = report.faults.length === 0 ? 0 : 1;
} finally {
  await both.clear();
}
