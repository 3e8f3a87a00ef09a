import { benchCases } from './graphql/cases.js';
import { sqliteAsOfReport } from './history/as-of.js';
import { mongoAsOfReport } from './history/as-of-mongo.js';
import { countsReport } from './history/counts.js';
import { mongoEvidenceReport } from './history/evidence-mongo.js';
import { sqliteExportReport } from './history/export.js';
import { recordReport } from './history/record.js';
import { mongoRecordReport } from './history/record-mongo.js';
import { storageReport } from './history/storage.js';

/*
 * Every benchmark, one after the other: medians and ratios from one run. Compare the ratios, not the figures of
 * two machines. `npm run bench -- cases` runs only those whose name begins so.
 */

const BENCHES: readonly (readonly [name: string, run: () => Promise<string | undefined>])[] = [
  ['cases', () => benchCases().then(() => undefined)],
  ['record-sqlite', recordReport],
  ['record-mongodb', mongoRecordReport],
  ['storage-sqlite', storageReport],
  ['as-of-sqlite', sqliteAsOfReport],
  ['as-of-mongodb', () => mongoAsOfReport()],
  ['counts-sqlite', () => countsReport()],
  ['evidence-mongodb', mongoEvidenceReport],
  ['export-sqlite', sqliteExportReport],
];

const [wanted = ''] = process.argv.slice(2);
for (const [name, run] of BENCHES.filter(([name]) => name.startsWith(wanted))) {
  console.log(`\n${name}`);
  const report = await run();
  if (report !== undefined) console.log(report);
}
