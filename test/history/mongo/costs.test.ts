import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatisticsQuery } from '../../../src/history/statistics.js';
import type { HistoryStore, ListQuery, PageQuery } from '../../../src/history/store.js';
import type { Filter } from '../../../src/values/filter.js';
import { shift } from '../../../src/values/instant.js';
import { testMongo } from '../../support/mongo.js';
import { MeasuredMongo, type MongoCost } from '../../support/mongo-costs.js';
import {
  batchOf,
  ledgerEntry,
  observeCampaign,
  observeCase,
  observeThreat,
  START,
  sampleCampaign,
  sampleCase,
  sampleMessage,
  sampleThreat,
  threatKey,
} from '../../support/records.js';

const THREATS = 2_000;
const CASES = 20;
const HOUR = 3_600_000;

const STREAM = { integration: 'default', resource: 'threats', filterKey: 'receivedTime' } as const;

const mongo = await testMongo();

const timeOf = (n: number) => shift(START, -n * HOUR);

/** Threat number `n`, one an hour into the past; each tenth is of one sender and one recipient. */
function threatOf(n: number, recipientCount = 1) {
  const receivedTime = n % 400 === 399 ? null : timeOf(n);
  const from = n % 100 === 0 ? 'rare@sender.example' : `s${n}@sender.example`;
  const to = n % 50 === 0 ? 'pat@customer.example' : `r${n}@customer.example`;
  const people = { fromAddress: from, recipientAddress: to, toAddresses: [to] };
  const messages = [sampleMessage(`m${n}`, { ...people, receivedTime })];
  return sampleThreat(`t${n}`, { recipientCount, messages });
}

/** 40 batches of threats, each with its window; then a few cases, and 200 threats once more with a change. */
async function fill(store: HistoryStore): Promise<void> {
  const size = THREATS / 40;
  for (let part = 0; part < 40; part += 1) {
    const own = Array.from({ length: size }, (_, i) => part * size + i);
    const ledger = own.map((n) => ledgerEntry({ from: timeOf(n + 1), to: timeOf(n) }));
    const observations = own.map((n) => observeThreat(threatOf(n)));
    await store.record(batchOf(`threats-${part}`, { observations, ledger }));
  }
  const cases = Array.from({ length: CASES }, (_, n) => observeCase(sampleCase(`c${n}`)));
  const campaigns = [observeCampaign(sampleCampaign('k'))];
  await store.record(batchOf('cases', { observations: [...cases, ...campaigns] }));
  const { seq } = await store.head();
  const changed = Array.from({ length: 200 }, (_, n) => observeThreat(threatOf(n * 7, 2), { basis: seq }));
  await store.record(batchOf('changed', { observations: changed }));
}

describe.skipIf(!mongo)('what reads of a history in MongoDB cost', () => {
  let url: string;
  let measured: MeasuredMongo;
  let head: number;

  beforeAll(async () => {
    url = mongo?.freshUrl() ?? '';
    measured = await MeasuredMongo.open(url);
    await fill(measured.store);
    head = (await measured.store.head()).seq;
  }, 120_000);
  afterAll(async () => {
    await measured?.close();
    await mongo?.drop(url);
  });

  function expectBounded(cost: MongoCost, rows: number): void {
    expect(cost.plans.filter((plan) => plan.includes('COLLSCAN'))).toEqual([]);
    // each bound of an index may take a key more
    expect(cost.keys, 'keys').toBeLessThanOrEqual(2 * rows + 2);
    expect(cost.documents, 'documents').toBeLessThanOrEqual(2 * rows);
  }

  const ids = Array.from({ length: 20 }, (_, n) => `t${n * 37}`);
  const span = (from: number, to: number): Filter => ({
    and: [
      { field: 'receivedTime', gte: timeOf(to - 1) },
      { field: 'receivedTime', lte: timeOf(from) },
    ],
  });
  const COUNTS: readonly (readonly [string, Filter, number])[] = [
    ['a span of time', span(100, 300), 200],
    ['a message id', { field: 'messageId', eq: 'm77' }, 1],
    ['20 ids', { field: 'id', in: ids }, 20],
    ['a recipient', { field: 'recipientAddress', eq: 'pat@customer.example' }, 40],
    ['a sender', { field: 'fromAddress', eq: 'rare@sender.example' }, 20],
    ['two senders', { field: 'fromAddress', in: ['rare@sender.example', 's17@sender.example'] }, 21],
    ['no time', { field: 'receivedTime', eq: null }, 5],
  ];

  it('a count without a filter reads one document, in each view', async () => {
    for (const seq of [head, 20]) {
      for (const integrations of [null, ['default']]) {
        const query: ListQuery<'threat'> = { kind: 'threat', integrations, filter: null, seq };
        const cost = await measured.cost((store) => store.count(query));
        expect(cost.result).toBe(Math.min(THREATS, (seq * THREATS) / 40));
        expect(cost).toMatchObject({ commands: ['find batches'], keys: 1, documents: 1 });
      }
    }
  });

  it.each(COUNTS)('a count by %s reads at most twice what it counts', async (_, filter, rows) => {
    for (const integrations of [null, ['default']]) {
      const query: ListQuery<'threat'> = { kind: 'threat', integrations, filter, seq: head };
      const cost = await measured.cost((store) => store.count(query));
      expect(cost.result).toBe(rows);
      expectBounded(cost, rows);
      expect(cost.commands).toEqual(['aggregate revisions']);
    }
  });

  it.each(COUNTS)(
    'a page by %s reads at most twice what it shows, in one round trip',
    async (_, filter, rows) => {
      for (const orderBy of ['receivedTime', 'latestRemediationTime']) {
        // in another order, the index of that is walked
        if (('and' in filter || ('eq' in filter && filter.eq === null)) && orderBy !== 'receivedTime')
          continue;
        const query = pageQuery({ filter, orderBy });
        const cost = await measured.cost((store) => store.page(query));
        expect(cost.result.items).toHaveLength(Math.min(rows, query.limit));
        // a text for each row
        expectBounded(cost, 2 * Math.min(rows, query.limit + 1));
        expect(cost.commands).toEqual(['aggregate revisions']);
      }
    },
  );

  function pageQuery(changes: Partial<PageQuery<'threat'>> = {}): PageQuery<'threat'> {
    return {
      ...{ kind: 'threat', integrations: null, filter: null, seq: head, orderBy: 'receivedTime' },
      ...{ descending: true, after: null, limit: 50, ...changes },
    };
  }

  it('a page is one round trip wherever it is, and sorts nothing', async () => {
    for (const descending of [true, false]) {
      let after: PageQuery['after'] = null;
      for (let shown = 0; shown < THREATS; shown += 500) {
        const query: PageQuery<'threat'> = pageQuery({ descending, after, limit: 500 });
        const cost = await measured.cost((store) => store.page(query));
        expect(cost.commands).toEqual(['aggregate revisions']);
        expect(cost.isSorted).toBe(false);
        // an entry of the index for each version, and a text for each row
        expectBounded(cost, 2 * 501);
        after = cost.result.items.at(-1)?.position ?? null;
      }
    }
  });

  it('a page of a view of the past is one round trip after the view is found', async () => {
    const first = await measured.store.pinAt(shift(START, 20));
    const cost = await measured.cost((store) => store.page(pageQuery({ seq: first.seq })));
    expect(cost.commands).toEqual(['aggregate revisions']);
    expect(cost.result.items).toHaveLength(50);
  });

  it('records and versions are read with their texts in one round trip', async () => {
    const one = [threatKey('t7')];
    const all = async (items: AsyncIterable<unknown>) => {
      for await (const _ of items);
    };
    const reads: readonly ((store: HistoryStore) => Promise<unknown>)[] = [
      (store) => store.get([...one, threatKey('t8'), threatKey('none')], head),
      (store) =>
        store.get(
          ids.map((id) => threatKey(id)),
          head,
        ),
      (store) => all(store.versions(one, head)),
      (store) => store.revisions(threatKey('t7'), head + 1, 10),
      (store) => store.referrers('threat', 'messageId', 'default', ['m7'], head),
      (store) => store.changes({ ...everything, kinds: ['threat'], limit: 200 }),
      (store) => store.changesReceived({ ...everything, kinds: ['threat', 'case'], limit: 200 }),
    ];
    for (const read of reads) expect(await measured.commandsOf(read)).toEqual(['aggregate revisions']);
    // it is stored with those of other versions
    const received = await measured.commandsOf((store) => store.received(threatKey('t7'), head));
    expect(received).toEqual(['aggregate revisions', 'find bodies']);
  });

  const everything = { afterSeq: 0, toSeq: 1_000, integrations: null, after: null } as const;

  it.each([
    ['one rare kind', ['case'], CASES],
    ['two rare kinds', ['case', 'campaign'], CASES + 1],
    ['a kind that has none', ['caseAnalysis'], 0],
  ] as const)('changes of %s are read without those of others', async (_, kinds, rows) => {
    const cost = await measured.cost((store) => store.changes({ ...everything, kinds, limit: 100 }));
    expect(cost.result).toHaveLength(rows);
    expectBounded(cost, 2 * rows);
    expect(cost.isSorted).toBe(false);
  });

  it.each([
    ['records are read from an index of their time', 'RECORD', 'firstReceivedTime', 200],
    ['messages are read from the threats of the window', 'ITEM', 'receivedTime', 200],
  ] as const)('statistics of %s', async (_, unit, time, rows) => {
    const query: StatisticsQuery = {
      ...{ kind: 'threat', unit, integrations: null, filter: null, seq: head, time },
      edges: [Date.parse(timeOf(299)), Date.parse(timeOf(199)), Date.parse(timeOf(99))],
      groupBy: [{ type: 'FIELD', field: 'attackType' }],
      ...{ top: 5, minCount: 1, whole: null, measure: { type: 'COUNT' } },
    };
    const cost = await measured.cost((store) => store.statistics(query));
    expect(cost.result.total.all).toBe(200);
    expect(cost.plans.filter((plan) => plan.includes('COLLSCAN'))).toEqual([]);
    expect(cost.documents).toBeLessThanOrEqual(2.5 * rows);
    // each page seeks once more, and so does what has no time
    expect(cost.keys).toBeLessThanOrEqual(2.5 * rows);
  });

  it('the ledger of an old day is read without that of later days', async () => {
    const [from, to] = [timeOf(THREATS - 1), timeOf(THREATS - 20)];
    const cost = await measured.cost((store) => store.ledger(STREAM, from, to, head));
    expect(cost.result).toHaveLength(19);
    // a seek for each length of windows
    expect(cost.keys).toBeLessThanOrEqual(2 * 19 + 11);
    expect(cost.documents).toBe(19);
    expect(cost.commands).toEqual(['find ledger']);
  });

  it('batches without records that come together take one transaction', async () => {
    const { seq } = await measured.store.head();
    const batch = (id: string) => batchOf(id, { ledger: [ledgerEntry()] });
    const record = (ids: readonly string[]) =>
      measured.cost((store) => Promise.all(ids.map((id) => store.record(batch(id)))));
    const { commands, result } = await record(['a', 'b', 'c']);
    expect(commands.filter((command) => command === 'commitTransaction')).toHaveLength(1);
    expect(commands.length).toBeLessThanOrEqual(6);
    expect(result.map((recorded) => recorded.seq)).toEqual([seq + 1, seq + 2, seq + 3]);
    expect(new Set(result.map(({ at }) => at)).size).toBe(3);
    const notes = await measured.store.batches({ afterSeq: seq, toSeq: seq + 9, limit: 9 });
    expect(notes.map(({ id, recorded }) => [id, recorded])).toEqual([
      ['a', result[0]],
      ['b', result[1]],
      ['c', result[2]],
    ]);

    // one that is there already does not keep the others out
    const again = await record(['d', 'b', 'e']);
    expect(again.result.map((recorded) => recorded.seq)).toEqual([seq + 4, seq + 2, seq + 5]);
    const recorded = await measured.store.ledger(
      STREAM,
      '2000-01-01T00:00:00.000Z',
      '2100-01-01T00:00:00.000Z',
      seq + 9,
    );
    expect(recorded.filter((entry) => entry.seq > seq).map((entry) => entry.seq - seq)).toEqual([
      1, 2, 3, 4, 5,
    ]);
  });

  it('a batch takes the same few commands however many records it has', async () => {
    const inserted = ['insert bodies', 'insert revisions'];
    const around = {
      before: ['findAndModify meta', 'aggregate batches', 'find revisions'],
      after: ['update runs', 'insert batches', 'commitTransaction'],
    };
    for (const [id, size] of [
      ['one', 1],
      ['many', 200],
    ] as const) {
      const observations = Array.from({ length: size }, (_, n) => observeThreat(threatOf(5_000 + size + n)));
      const recorded = await measured.commandsOf((store) => store.record(batchOf(id, { observations })));
      expect(recorded.sort()).toEqual([...around.before, ...inserted, ...around.after].sort());
      const again = await measured.commandsOf((store) =>
        store.record(batchOf(`${id} again`, { observations })),
      );
      expect(again.sort()).toEqual([...around.before, 'update revisions', ...around.after].sort());
    }
  });
});
