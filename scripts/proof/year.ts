/*
 * Polls a simulated account that does not change for a simulated year, seals each poll, and prints how many bytes the
 * history took for it, in addition to the records. Then verifies the history.
 *
 *   npx tsx scripts/proof/year.ts [--days 365] [--every 240] [--limit 100]
 */
import { parseArgs } from 'node:util';
import { MINUTE } from '../../src/values/instant.js';
import { pollUnchanged } from '../../test/support/unchanged-polls.js';

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '365' },
    /** Minutes between two polls of threats and cases. */
    every: { type: 'string', default: '240' },
    /** MB that are allowed. */
    limit: { type: 'string', default: '100' },
  },
});
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
const { polls, bytes, findings } = await pollUnchanged({
  days: Number(values.days),
  everyMs: Number(values.every) * MINUTE,
  say: (done, grown) => console.log(`${done} polls, ${megabytes(grown)} MB`),
});
console.log(`${polls} polls took ${megabytes(bytes)} MB: ${Math.round(bytes / polls)} bytes each`);
console.log(findings.length === 0 ? 'verify: intact' : findings.slice(0, 10).join('\n'));
process.exitCode = bytes <= Number(values.limit) * 1e6 && findings.length === 0 ? 0 : 1;
