import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openHistory } from '../../src/app/collector.js';
import { toAuditEntry } from '../../src/audit-trail.js';
import { commandCaller } from '../../src/cli/options.js';
import { noteReport } from '../../src/cli/report.js';
import { createLog } from '../../src/log.js';
import { Playground } from '../support/app.js';

let ground: Playground;
const lines: string[] = [];
const log = createLog({
  ...{ level: 'warn', pretty: false, secrets: [] },
  destination: { write: (line) => void lines.push(line) },
});
const clock = () => Date.UTC(2026, 9, 1);

beforeEach(() => {
  ground = new Playground();
  lines.length = 0;
});
afterEach(() => ground.clear());

test('a report made next to a running gateway is recorded in the audit trail with its author', async () => {
  const config = ground.config();
  const writer = await openHistory(config, 'write', ground.options);
  await noteReport({ config, log, clock }, { period: '2026-09', format: 'csv', out: 'a.csv' });
  await noteReport({ config, log, clock }, { sinceLast: true, job: 'nightly', rows: 'revisions' });
  const entries = await writer.journal({ journal: 'audit', from: null, descending: false, limit: 9 });
  await writer.close();
  expect(entries.map(toAuditEntry)).toMatchObject([
    { action: 'REPORT', target: '2026-09', detail: 'csv, to a file', caller: commandCaller() },
    { action: 'EXPORT', target: 'since the last of the job nightly', detail: 'text, to the standard output' },
  ]);
  expect(lines).toEqual([]);
});

test('a history that cannot be written does not prevent a report, and a warning is printed', async () => {
  const config = ground.config();
  writeFileSync(config.history.replace('sqlite:', ''), 'no database at all');
  await noteReport({ config, log, clock }, { period: '2026-09' });
  expect(lines.join('')).toContain('could not be recorded in the audit trail');
});
