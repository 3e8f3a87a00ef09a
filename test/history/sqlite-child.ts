import { setTimeout } from 'node:timers/promises';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import type { Filter } from '../../src/values/filter.js';
import { shift } from '../../src/values/instant.js';
import {
  batchOf,
  ledgerEntry,
  observeCase,
  observeThreat,
  START,
  sampleCase,
  sampleMessage,
  sampleThreat,
} from '../support/records.js';

/*
 * A process of its own that opens a history, for tests that end it: `hold` opens it to write and waits,
 * `record` records batch after batch and names each once it is in, `manage` opens it beside the writer and
 * writes documents and journal entries, naming each, `sample` records texts of all sorts and ends, `dump` prints all
 * that these made, `leave` makes the worker count, then leaves everything
 * open and has nothing more to do.
 */

const [task, path = ''] = process.argv.slice(2);
const PER_BATCH = 25;

const mode = task === 'manage' ? 'manage' : 'write';
const store = await openSqliteStore(path, mode, { limits: { walk: 0, scan: -1 } });
console.log('open');
if (task === 'hold') setInterval(() => {}, 60_000);
if (task === 'sample' || task === 'dump') {
  await (task === 'sample' ? recordSample(store) : dump(store));
  await store.close();
}
if (task === 'leave') {
  const list = { kind: 'threat', integrations: null, seq: (await store.head()).seq } as const;
  console.log(`counted ${await store.count({ ...list, filter: { field: 'unremediated', eq: false } })}`);
}
for (let n = 1; task === 'manage'; n += 1) {
  const put = await store.putDocument('settings', 'managed', { n }, n - 1);
  const appended = await store.append('audit', n, START, { n });
  console.log(put && appended ? `kept ${n}` : 'refused');
  // lets what was said go out, and the other process have its turn
  await setTimeout(2);
}
while (task === 'record') {
  const { seq } = await store.head();
  // half of each batch changes records of the batch before
  const observations = Array.from({ length: PER_BATCH }, (_, i) => {
    const id = `t${seq * 12 + i}`;
    const messages = [sampleMessage(String(i), { subject: `seen by batch ${seq + 1}` })];
    return observeThreat(sampleThreat(id, { messages }), { basis: seq });
  });
  const ledger = [ledgerEntry({ listed: seq + 1 })];
  const id = `batch-${seq + 1}`;
  const recorded = await store.record(batchOf(id, { now: shift(START, seq * 1_000), observations, ledger }));
  console.log(`recorded ${recorded.seq}`);
}

async function recordSample(store: HistoryStore): Promise<void> {
  const texts = ['plain', '', 'a\0b', 'é\0Ж😀', 'half \ud800 pair', 'x'.repeat(1_000_000)];
  const observations = texts.map((description, n) => observeCase(sampleCase(`case-${n}`, { description })));
  await store.record(batchOf('sample', { observations }));
  await store.putDocument('settings', 'sample', { texts }, 0);
  await store.append('audit', 1, START, { texts });
}

async function dump(store: HistoryStore): Promise<void> {
  const { seq } = await store.head();
  const whole = {
    afterSeq: 0,
    toSeq: seq,
    kinds: ['case'],
    integrations: null,
    after: null,
    limit: 100,
  } as const;
  const found = async (filter: Filter) => store.count({ kind: 'case', integrations: null, seq, filter });
  const all = {
    ...{ revisions: await store.changes(whole), received: await store.changesReceived(whole) },
    ...{ document: await store.document('settings', 'sample'), runs: await store.countRuns(null) },
    ...{ equal: await found({ field: 'description', eq: 'a\0b' }) },
    ...{ part: await found({ field: 'description', contains: '\0Ж' }) },
  };
  console.log(JSON.stringify(all));
}
