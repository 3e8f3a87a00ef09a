import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HistoryStore, PageItem, PageQuery, Position, StorePage } from '../../src/history/store.js';
import type { CaseRecord } from '../../src/resources/case/case.js';
import { KINDS } from '../../src/resources/registry.js';
import type { Filter } from '../../src/values/filter.js';
import {
  batchOf,
  campaignKey,
  caseKey,
  minutesAfterStart,
  observationOf,
  observeCampaign,
  observeCase,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleCaseAnalysis,
  sampleMessage,
  sampleThreat,
  threatKey,
} from '../support/records.js';
import type { OpenedStore } from './history-store-suite.js';

const EMPTY = { integrations: null, filter: null, seq: 5 } as const;

/** What the reads promise, on one small history that is written once. */
export function describeReads(open: () => Promise<OpenedStore>): void {
  describe('an empty history', () => {
    let opened: OpenedStore;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.dispose());

    it('has a head and pins before everything, and only empty lists', async () => {
      const { store } = opened;
      const nothing = { seq: 0, at: '1970-01-01T00:00:00.000Z' };
      expect(await store.head()).toStrictEqual(nothing);
      expect(await store.pinAt('2026-01-01T00:00:00.000Z')).toStrictEqual(nothing);
      expect(await store.get([caseKey('1')], 0)).toEqual([null]);
      expect(await store.get([], 0)).toEqual([]);
      const list = { ...EMPTY, kind: 'threat' } as const;
      const page = { ...list, orderBy: 'receivedTime', descending: true, after: null, limit: 5 };
      expect(await store.page(page)).toStrictEqual({ items: [], hasMore: false });
      expect(await store.count(list)).toBe(0);
      expect(await store.referrers('case', 'threatId', 'default', ['a', 'b'], 5)).toEqual([[], []]);
      expect(await store.firstRecorded({ kinds: ['threat', 'case'], integrations: ['default'] })).toBeNull();
      expect(await store.streams()).toEqual([]);
      expect(await store.countRuns(null)).toBe(0);
      expect(await store.ping()).toBeUndefined();
    });
  });

  describe('reads', () => {
    let opened: OpenedStore;
    let store: HistoryStore;

    /** Batches 1 to 4; each test reads them and writes nothing. */
    beforeAll(async () => {
      opened = await open();
      store = opened.store;
      await writeSmallHistory(store);
    });
    afterAll(() => opened.dispose());

    const cases = (changes: Partial<PageQuery<'case'>> = {}): PageQuery<'case'> => ({
      kind: 'case',
      integrations: null,
      filter: null,
      seq: 4,
      orderBy: 'lastModifiedTime',
      descending: false,
      after: null,
      limit: 100,
      ...changes,
    });
    const idsOf = async (query: PageQuery<'case'>) =>
      (await store.page(query)).items.map(({ position }) => `${position.integration}:${position.id}`);
    const matching = (filter: Filter) => idsOf(cases({ filter }));

    it('sort by value with nulls lowest, ties by integration and id, in both directions', async () => {
      const ascending = ['default:10', 'eu:1', 'default:2', 'default:3', 'eu:2', 'default:1'];
      expect(await idsOf(cases())).toEqual(ascending);
      expect(await idsOf(cases({ descending: true }))).toEqual([...ascending].reverse());
      expect(await idsOf(cases({ orderBy: 'id', integrations: ['default'] }))).toEqual([
        'default:1',
        'default:10',
        'default:2',
        'default:3',
      ]);
    });

    it('return consecutive pages, and the last page is marked', async () => {
      const walked: string[] = [];
      const lengths: number[] = [];
      let after: Position | null = null;
      for (let more = true; more; ) {
        const page: StorePage<PageItem<'case'>> = await store.page(cases({ limit: 2, after }));
        walked.push(...page.items.map(({ position }) => `${position.integration}:${position.id}`));
        lengths.push(page.items.length);
        after = page.items.at(-1)?.position ?? null;
        more = page.hasMore;
      }
      expect(lengths).toEqual([2, 2, 2]);
      expect(walked).toEqual(await idsOf(cases()));
    });

    it('return each item with its revision and position', async () => {
      const { items } = await store.page(cases({ filter: { field: 'id', eq: '10' } }));
      expect(items).toStrictEqual([
        {
          revision: (await store.get([caseKey('10')], 4))[0],
          position: { value: null, integration: 'default', id: '10' },
        },
      ]);
    });

    it('continue after a position without a record', async () => {
      const after = { value: minutesAfterStart(2), integration: 'default', id: '20' };
      expect(await idsOf(cases({ after }))).toEqual(['default:3', 'eu:2', 'default:1']);
      expect(await idsOf(cases({ after, descending: true }))).toEqual(['default:2', 'eu:1', 'default:10']);
      const nowhere = { value: null, integration: 'default', id: '~' };
      expect(await idsOf(cases({ after: nowhere, limit: 2 }))).toEqual(['eu:1', 'default:2']);
    });

    it('show the state at a seq, whatever came later', async () => {
      expect(await idsOf(cases({ seq: 1 }))).toEqual(['default:gone', 'default:2', 'default:1']);
      expect(await idsOf(cases({ seq: 2 }))).toEqual([
        'default:10',
        'default:gone',
        'default:2',
        'default:3',
        'default:1',
      ]);
      expect(await idsOf(cases({ seq: 0 }))).toEqual([]);
      expect(await store.count(cases({ seq: 2, filter: { field: 'description', eq: 'old words' } }))).toBe(1);
      expect(await store.count(cases({ filter: { field: 'description', eq: 'old words' } }))).toBe(0);
    });

    it('are limited to the requested accounts', async () => {
      expect(await idsOf(cases({ integrations: ['eu', 'nobody'] }))).toEqual(['eu:1', 'eu:2']);
      expect(await idsOf(cases({ integrations: [] }))).toEqual([]);
      expect(await store.count(cases({ integrations: ['default'] }))).toBe(4);
    });

    it('leave deleted records out of lists and counts', async () => {
      expect(await store.count(cases())).toBe(6);
      expect(await matching({ field: 'id', eq: 'gone' })).toEqual([]);
    });

    it('filter by each operator', async () => {
      const recent = minutesAfterStart(3);
      expect(await matching({ field: 'lastModifiedTime', gte: recent })).toEqual(['eu:2', 'default:1']);
      expect(await matching({ field: 'lastModifiedTime', lte: minutesAfterStart(1) })).toEqual(['eu:1']);
      expect(await matching({ field: 'severityLevel', in: ['LOW', null] })).toEqual(['default:10', 'eu:1']);
      expect(await matching({ field: 'open', eq: false })).toEqual(['default:3']);
      expect(await matching({ field: 'description', contains: 'ÜBER 100%' })).toEqual(['default:2']);
      expect(await matching({ field: 'description', contains: '_' })).toEqual([]);
      expect(await matching({ field: 'threatId', eq: 't2' })).toEqual(['eu:2', 'default:1']);
      expect(await matching({ field: 'threatId', eq: null })).toHaveLength(4);
      expect(await matching({ field: 'severityRank', gte: 2.5 })).toHaveLength(4);
    });

    it('combine filters; a comparison without a value is false, not unknown', async () => {
      const severe: Filter = { field: 'severityRank', gte: 0 };
      expect(await matching({ not: severe })).toEqual(['default:10']);
      expect(await matching({ not: { field: 'description', contains: 'e' } })).toContain('default:10');
      expect(await matching({ and: [severe, { or: [{ field: 'id', eq: '1' }, { not: severe }] }] })).toEqual([
        'eu:1',
        'default:1',
      ]);
      expect(await matching({ and: [] })).toHaveLength(6);
      expect(await matching({ or: [] })).toEqual([]);
      expect(await matching({ field: 'id', in: [] })).toEqual([]);
    });

    it('find the records that refer to others, in one account', async () => {
      const found = await store.referrers('case', 'threatId', 'default', ['t2', 'none', 't1', 't2'], 4);
      expect(found.map((list) => list.map(({ key }) => key.id))).toEqual([['1'], [], ['1'], ['1']]);
      const before = await store.referrers('case', 'threatId', 'default', ['t1'], 1);
      expect(before.map((list) => list.map(({ key }) => key.id))).toEqual([['2', 'gone']]);
      expect(await store.referrers('campaign', 'messageId', 'default', ['-77'], 4)).toEqual([
        await store.get([campaignKey('c1')], 4),
      ]);
      expect(await store.referrers('threat', 'messageId', 'default', ['-77'], 4)).toEqual([
        await store.get([threatKey('t1')], 4),
      ]);
    });

    it('list the versions of a record, newest first', async () => {
      const seqs = async (before: number, limit: number) =>
        (await store.revisions(caseKey('2'), before, limit)).map(({ seqFrom }) => seqFrom);
      expect(await seqs(99, 9)).toEqual([4, 3, 1]);
      expect(await seqs(99, 2)).toEqual([4, 3]);
      expect(await seqs(3, 9)).toEqual([1]);
      expect(await seqs(1, 9)).toEqual([]);
      expect(await store.countRevisions(caseKey('2'), 3)).toBe(2);
      expect(await store.countRevisions(caseKey('2'), 0)).toBe(0);
    });

    it('list changes in the order of recording, including tombstones', async () => {
      const query = { afterSeq: 0, toSeq: 4, kinds: KINDS, integrations: null, after: null, limit: 100 };
      const text = (revision: { seqFrom: number; key: { kind: string; integration: string; id: string } }) =>
        `${revision.seqFrom} ${revision.key.kind} ${revision.key.integration}:${revision.key.id}`;
      const all = await store.changes(query);
      expect(all.map(text)).toEqual([
        '1 case default:1',
        '1 case default:2',
        '1 case default:gone',
        '2 campaign default:c1',
        '2 case default:10',
        '2 case default:3',
        '2 caseAnalysis default:1',
        '2 threat default:t1',
        '3 case default:1',
        '3 case default:2',
        '3 case default:gone',
        '3 case eu:1',
        '3 case eu:2',
        '4 case default:2',
      ]);
      expect(all[10]).toMatchObject({ deleted: true });
      expect(await store.changes({ ...query, afterSeq: 1, toSeq: 2 })).toEqual(all.slice(3, 8));
      expect(await store.changes({ ...query, after: all[4] ?? null, limit: 3 })).toEqual(all.slice(5, 8));
      expect(await store.changes({ ...query, kinds: ['threat'], integrations: ['default'] })).toEqual([
        all[7],
      ]);
      expect(await store.changes({ ...query, kinds: [] })).toEqual([]);
    });

    it('pin the newest batch at or before an instant', async () => {
      const seqAt = async (asOf: string) => (await store.pinAt(asOf)).seq;
      expect(await store.pinAt(minutesAfterStart(20))).toStrictEqual({ seq: 2, at: minutesAfterStart(20) });
      expect(await seqAt('2026-03-02T08:19:59.999Z')).toBe(1);
      expect(await seqAt('2026-03-02T07:59:59.999Z')).toBe(0);
      expect(await seqAt('2999-01-01T00:00:00.000Z')).toBe(4);
      expect(await store.head()).toStrictEqual({ seq: 4, at: minutesAfterStart(40) });
    });
  });
}

async function writeSmallHistory(store: HistoryStore): Promise<void> {
  const seen = (
    id: string,
    minutes: number | null,
    changes: Partial<CaseRecord> = {},
    integration = 'default',
  ) => {
    const lastModifiedTime = minutes === null ? null : minutesAfterStart(minutes);
    return observeCase(sampleCase(id, { lastModifiedTime, ...changes }), { integration, basis: 9 });
  };
  await store.record(
    batchOf('1', {
      now: minutesAfterStart(10),
      observations: [
        seen('1', 3, { description: 'old words' }),
        seen('2', 2, { threatIds: ['t1'] }),
        seen('gone', 1, { threatIds: ['t1'] }),
      ],
    }),
  );
  await store.record(
    batchOf('2', {
      now: minutesAfterStart(20),
      observations: [
        seen('10', null, { severityLevelRaw: null, description: null }),
        seen('3', 2, { statusRaw: 'Acknowledged (Attack resolved)' }),
        observationOf('caseAnalysis', '1', sampleCaseAnalysis('1')),
        observeThreat(sampleThreat('t1', { messages: [sampleMessage('-77'), sampleMessage('78')] })),
        observeCampaign(sampleCampaign('c1', { messageId: '-77' })),
      ],
    }),
  );
  await store.record(
    batchOf('3', {
      now: minutesAfterStart(30),
      observations: [
        seen('1', 4, { threatIds: ['t2', 't1', 't2'], description: 'new words' }),
        seen('2', 2, { threatIds: [] }),
        seen('1', 1, { severityLevelRaw: 'LOW' }, 'eu'),
        seen('2', 3, { threatIds: ['t2'] }, 'eu'),
      ],
      tombstones: [caseKey('gone')],
    }),
  );
  await store.record(
    batchOf('4', {
      now: minutesAfterStart(40),
      observations: [seen('2', 2, { description: 'u\u0308ber 100% sure', severityLevelRaw: 'High' })],
    }),
  );
}
