import { setTimeout } from 'node:timers/promises';
import { openSqliteStore } from '../../src/history/sqlite-store.js';
import { shift } from '../../src/model/instant.js';
import {
  batchOf,
  ledgerEntry,
  observeThreat,
  START,
  sampleMessage,
  sampleThreat,
} from '../support/records.js';

/*
 * A process of its own that opens a history, for tests that end it: `hold` opens it to write and waits,
 * `record` records batch after batch and names each once it is in, `manage` opens it beside the writer and
 * writes documents and journal entries, naming each, `leave` makes the worker count, then leaves everything
 * open and has nothing more to do.
 */

const [task, path = ''] = process.argv.slice(2);
const PER_BATCH = 25;

const mode = task === 'manage' ? 'manage' : 'write';
const store = await openSqliteStore(path, mode, { limits: { walk: 0, scan: -1 } });
console.log('open');
if (task === 'hold') setInterval(() => {}, 60_000);
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
