import { requestRows } from './graphql/requests.js';
import { sqliteAsOfReport } from './history/as-of.js';
import { mongoAsOfReport } from './history/as-of-mongo.js';
import { backfillRows } from './history/backfill.js';
import { countsReport } from './history/counts.js';
import { mongoEvidenceReport } from './history/evidence-mongo.js';
import { sqliteExportReport } from './history/export.js';
import { recordRows } from './history/record.js';
import { mongoRecordRows } from './history/record-mongo.js';
import { storageReport } from './history/storage.js';
import { mongoStorageReport } from './history/storage-mongo.js';
import { overviewRows } from './pages/overview.js';
import { stallRows } from './stalls/stalls.js';
import { type BenchRow, isWithin, tableOf } from './table.js';

/*
 * Every benchmark, one after the other: medians and ratios from one run. Compare the ratios, not the figures of
 * two machines. `npm run bench -- requests` runs only those whose name begins so. The exit code is 1 if a row
 * of the table is beyond its limit.
 */

const BENCHES: readonly (readonly [name: string, run: () => Promise<string | readonly BenchRow[]>])[] = [
  ['requests', requestRows],
  ['record-sqlite', recordRows],
  ['record-mongodb', mongoRecordRows],
  ['backfill-sqlite', () => backfillRows()],
  ['storage-sqlite', storageReport],
  ['storage-mongodb', mongoStorageReport],
  ['as-of-sqlite', sqliteAsOfReport],
  ['as-of-mongodb', () => mongoAsOfReport()],
  ['counts-sqlite', () => countsReport()],
  ['evidence-mongodb', mongoEvidenceReport],
  ['export-sqlite', sqliteExportReport],
  ['overview-sqlite', () => overviewRows()],
  ['stalls', () => stallRows()],
];

const [wanted = ''] = process.argv.slice(2);
const rows: BenchRow[] = [];
for (const [name, run] of BENCHES.filter(([name]) => name.startsWith(wanted))) {
  console.log(`\n${name}`);
  const result = await run();
  if (typeof result === 'string') console.log(result);
  else rows.push(...result);
}
if (rows.length > 0) console.log(`\n${tableOf(rows)}`);
if (!rows.every(isWithin)) process.exitCode = 1;
