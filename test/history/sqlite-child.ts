import { createInterface } from 'node:readline';
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
 * A process of its own that opens a history, for tests that end it: `hold` opens it to write and waits, `record`
 * records batch after batch and names each once it is in, `manage` opens it beside the writer and writes documents and
 * journal entries, naming each, `sample` records texts of all sorts and ends, `dump` prints all that these made, `open`
 * creates histories with names of their own and opens and closes each a few times, `compete` opens it to write at the
 * instant of the first line that it reads, closes it at that of the next, and so on, `leave` makes the worker count,
 * then leaves everything open and has nothing more to do.
 */

const [task, path = ''] = process.argv.slice(2);
const PER_BATCH = 25;
const HISTORIES = 12;
const TIMES = 6;

const mode = task === 'manage' || task === 'compete' ? 'manage' : 'write';
const store = await openSqliteStore(path, mode, { limits: { walk: 0, scan: -1, records: -1 } });
console.log('open');
if (task === 'hold') setInterval(() => {}, 60_000);
if (task === 'sample' || task === 'dump') {
  await (task === 'sample' ? recordSample(store) : dump(store));
  await store.close();
}
for (let n = 0; task === 'open' && n < HISTORIES; n += 1) {
  for (let time = 1; time <= TIMES; time += 1) {
    const made = await openSqliteStore(`${path}-${n}`, 'write');
    await made.putDocument('settings', 'opened', { time }, time - 1);
    await made.close();
  }
  console.log(`left ${n}`);
  // lets what was said go out
  await setTimeout(2);
}
if (task === 'compete') {
  let writer: HistoryStore | 'closed' | 'IN_USE' = 'closed';
  for await (const line of createInterface({ input: process.stdin })) {
    while (Date.now() < Number(line));
    if (writer === 'closed') writer = await openSqliteStore(path, 'write').catch(({ code }) => code);
    else {
      if (typeof writer !== 'string') await writer.close();
      writer = 'closed';
    }
    console.log(typeof writer === 'string' ? writer : 'open');
  }
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
