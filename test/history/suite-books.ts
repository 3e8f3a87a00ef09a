import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateDigest } from '../../src/history/batch-plan.js';
import type { Batch, HistoryStore } from '../../src/history/store.js';
import type { ReconciliationRecord, RunRecord } from '../../src/model/run.js';
import { KINDS } from '../../src/resources/registry.js';
import {
  batchOf,
  caseKey,
  ledgerEntry,
  minutesAfterStart,
  observeCase,
  quarantineEntry,
  START,
  sampleCase,
  sampleRun,
  streamState,
  threatKey,
} from '../support/records.js';
import type { OpenedStore } from './history-store-suite.js';

const DAY = (day: number) => `2026-03-${String(day).padStart(2, '0')}T00:00:00.000Z`;
const EVERYTHING = Number.MAX_SAFE_INTEGER - 1;

/** The ledger, the runs, the streams, the quarantine and the leases. */
export function describeBooks(open: () => Promise<OpenedStore>): void {
  describe('the ledger, streams, runs, quarantine and leases', () => {
    let opened: OpenedStore;
    let store: HistoryStore;
    let made = 0;

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    });
    afterAll(() => opened.dispose());

    const newAccount = () => `account-${++made}`;
    const record = (changes: Partial<Batch>) => store.record(batchOf(`batch-${++made}`, changes));

    it('return the ledger entries that touch a window, in the order of recording', async () => {
      const integration = newAccount();
      const entry = (from: number, to: number) => ledgerEntry({ integration, from: DAY(from), to: DAY(to) });
      const first = await record({ ledger: [entry(3, 5), entry(1, 3)] });
      const second = await record({ ledger: [entry(4, 9), { ...entry(1, 9), resource: 'cases' }] });
      const [a, b] = [entry(3, 5), entry(1, 3)].map((e) => ({ ...e, seq: first.seq }));
      const c = { ...entry(4, 9), seq: second.seq };

      const { resource, filterKey } = c;
      const read = (from: number, to: number, seq = EVERYTHING) =>
        store.ledger({ integration, resource, filterKey }, DAY(from), DAY(to), seq);
      expect(await read(1, 9)).toStrictEqual([a, b, c]);
      expect(await read(1, 9, first.seq)).toStrictEqual([a, b]);
      expect(await read(5, 6)).toStrictEqual([c]);
      expect(await read(2, 3)).toStrictEqual([b]);
      expect(await read(9, 20)).toStrictEqual([]);
    });

    it('keep every reading of the same window', async () => {
      const integration = newAccount();
      const failed = ledgerEntry({ integration, status: 'FAILED', declared: null, reason: 'HTTP 500' });
      const { seq } = await record({ ledger: [failed, failed] });
      const stream = { integration, resource: 'threats', filterKey: 'receivedTime' } as const;
      const entries = await store.ledger(stream, failed.from, failed.to, seq);
      expect(entries).toStrictEqual([
        { ...failed, seq },
        { ...failed, seq },
      ]);
    });

    it('keep the last state of each stream', async () => {
      const integration = newAccount();
      const threats = streamState({ integration });
      const remediated = streamState({
        integration,
        filterKey: 'latestTimeRemediated',
        status: 'NEVER_READ',
      });
      await record({ streams: [threats, remediated] });
      const refused = streamState({ integration, status: 'TOKEN_REJECTED', message: 'Renew the token.' });
      await record({ streams: [refused] });
      const own = (await store.streams()).filter((state) => state.integration === integration);
      expect(own).toHaveLength(2);
      expect(own).toContainEqual(refused);
      expect(own).toContainEqual(remediated);
    });

    it('list runs newest first, with their state after the last batch', async () => {
      const integration = newAccount();
      const run = (id: string, minutes: number) =>
        sampleRun(`${integration}-${id}`, { integration, startedAt: minutesAfterStart(minutes) });
      const [a, b, c] = [run('a', 1), run('b', 2), run('c', 2)];
      for (const started of [c, a, b]) await record({ run: started });
      const ended = { ...a, status: 'PARTIAL', endedAt: START, errors: ['one', 'two'] } as const;
      await record({ run: ended });

      const integrations = [integration];
      const page = (before: { startedAt: string; id: string } | null, limit = 9) =>
        store.runs({ integrations, before, limit });
      expect(await page(null)).toStrictEqual([c, b, ended]);
      expect(await page(null, 1)).toStrictEqual([c]);
      expect(await page(c)).toStrictEqual([b, ended]);
      expect(await page(a)).toStrictEqual([]);
      expect(await store.countRuns(integrations)).toBe(3);
      expect(await store.countRuns([])).toBe(0);
      expect(await store.run(a.id)).toStrictEqual(ended);
      expect(await store.run('never')).toBeNull();
    });

    it('keep all runs of a batch that ends several, and state them', async () => {
      const integration = newAccount();
      const [first, ...otherRuns] = (['threats', 'cases', 'campaigns'] as const).map((resource, n) =>
        sampleRun(`${integration}-${resource}`, { integration, resource, startedAt: minutesAfterStart(n) }),
      );
      const { seq } = await record({ ...(first && { run: first }), otherRuns });
      const query = { integrations: [integration], before: null, limit: 9 };
      expect(await store.runs(query)).toStrictEqual([first, ...otherRuns].reverse());
      expect(await store.countRuns([integration], first?.trigger)).toBe(3);
      const [note] = await store.batches({ afterSeq: seq - 1, toSeq: seq, limit: 9 });
      const stated = otherRuns.map((run) => [run.id, stateDigest(run)]);
      expect(note?.stated).toMatchObject({ run: [first?.id, stateDigest(first)], otherRuns: stated });
      const ended = { ...sampleRun(otherRuns[0]?.id ?? ''), integration, endedAt: START };
      await record({ run: ended });
      expect(await store.run(ended.id)).toStrictEqual(ended);
    });

    it('list the runs with a given trigger, with their findings', async () => {
      const integration = newAccount();
      const ids = { count: 130, ids: ['a', 'b $c.d'] };
      const reconciliation: ReconciliationRecord = {
        ...{
          from: START,
          to: minutesAfterStart(60),
          verdict: 'SHORT',
          reason: '130 are missing',
          failure: null,
        },
        ...{ sources: ['EXPORT', 'LIST'], basis: 'IDS', population: 200, declared: null, held: 70 },
        ...{ missing: ids, extra: { count: 0, ids: [] }, gone: { count: 0, ids: [] } },
        opened: [{ from: START, to: minutesAfterStart(1) }],
      };
      const run = (id: string, minutes: number, changes: Partial<RunRecord> = {}) =>
        sampleRun(`${integration}-${id}`, { integration, startedAt: minutesAfterStart(minutes), ...changes });
      const found = run('found', 1, { trigger: 'RECONCILE', reconciliation });
      const running = run('running', 3, { trigger: 'RECONCILE' });
      for (const each of [found, run('poll', 2), running, run('live', 4, { trigger: 'LIVE' })]) {
        await record({ run: each });
      }
      const query = { integrations: [integration], before: null, limit: 9, trigger: 'RECONCILE' } as const;
      expect(await store.runs(query)).toStrictEqual([running, found]);
      expect(await store.runs({ ...query, before: running, limit: 1 })).toStrictEqual([found]);
      expect(await store.runs({ ...query, trigger: 'BACKFILL' })).toStrictEqual([]);
      expect(await store.runs({ ...query, integrations: null, limit: 2 })).toStrictEqual([running, found]);
      expect(await store.countRuns([integration], 'RECONCILE')).toBe(2);
      expect(await store.countRuns([integration])).toBe(4);
      expect(await store.run(found.id)).toStrictEqual(found);
    });

    it('quarantine records by integration, kind and id', async () => {
      const integration = newAccount();
      const keys = [
        caseKey('2', integration),
        caseKey('10', integration),
        threatKey('1', integration),
        caseKey('1', `${integration}-b`),
      ];
      const entries = keys.map((key) => quarantineEntry(key));
      await record({ quarantine: entries });
      const again = quarantineEntry(caseKey('2', integration), { tries: 2, code: 'FAILED', body: null });
      await record({ quarantine: [again] });

      const query = { integrations: [integration, `${integration}-b`], kinds: KINDS, after: null, limit: 9 };
      const expected = [entries[1], again, entries[2], entries[3]];
      expect(await store.quarantine(query)).toStrictEqual(expected);
      expect(await store.quarantine({ ...query, limit: 2 })).toStrictEqual(expected.slice(0, 2));
      expect(await store.quarantine({ ...query, after: again.key })).toStrictEqual(expected.slice(2));
      expect(await store.quarantine({ ...query, kinds: ['threat'] })).toStrictEqual([entries[2]]);
      expect(await store.quarantine({ ...query, integrations: [] })).toStrictEqual([]);
      const { integrations } = query;
      expect(await store.countQuarantine({ integrations, kinds: KINDS })).toBe(4);
      expect(await store.countQuarantine({ integrations: [integration], kinds: ['case', 'threat'] })).toBe(3);
      expect(await store.countQuarantine({ integrations, kinds: ['threat'] })).toBe(1);
      expect(await store.countQuarantine({ integrations, kinds: KINDS, codes: ['FAILED'] })).toBe(1);
      expect(await store.countQuarantine({ integrations, kinds: KINDS, codes: [] })).toBe(0);
      expect(await store.countQuarantine({ integrations: [], kinds: KINDS })).toBe(0);
      expect(await store.countQuarantine({ integrations: null, kinds: KINDS })).toBeGreaterThanOrEqual(4);
      expect(
        await store.quarantined([threatKey('1', integration), threatKey('9', integration)]),
      ).toStrictEqual([entries[2], null]);
    });

    it('release quarantined records that were observed, conflicting or not, deleted, or reported as fine', async () => {
      const integration = newAccount();
      const key = (id: string) => caseKey(id, integration);
      const seen = (id: string, description: string) =>
        observeCase(sampleCase(id, { description }), { integration, basis: 0 });
      await record({ observations: [seen('conflict', 'one')] });
      const ids = ['seen', 'conflict', 'gone', 'well', 'still'];
      await record({ quarantine: ids.map((id) => quarantineEntry(key(id))) });
      const recorded = await record({
        quarantine: [quarantineEntry(key('seen')), quarantineEntry(key('new'))],
        observations: [seen('seen', 'one'), seen('conflict', 'two')],
        tombstones: [key('gone')],
        released: [key('well'), key('never')],
      });
      expect(recorded.conflicts).toEqual([key('conflict')]);
      const query = { integrations: [integration], kinds: KINDS, after: null, limit: 9 };
      expect((await store.quarantine(query)).map((entry) => entry.key.id)).toEqual(['new', 'still']);
    });

    it('keep a tombstoned record in quarantine if its batch quarantines it', async () => {
      const integration = newAccount();
      const key = caseKey('gone', integration);
      const kept = quarantineEntry(key, { code: 'GONE' });
      await record({ quarantine: [quarantineEntry(key)] });
      await record({ tombstones: [key], quarantine: [kept] });
      expect(await store.quarantined([key])).toStrictEqual([kept]);
      await record({ tombstones: [key] });
      expect(await store.quarantined([key])).toStrictEqual([null]);
    });

    it('return a ledger entry with the missing records it names, if any', async () => {
      const integration = newAccount();
      const missing = [{ id: 'a', code: 'GONE', reason: 'not there', since: START }] as const;
      const stream = { integration, resource: 'threats', filterKey: 'receivedTime' } as const;
      const entries = [ledgerEntry({ ...stream, missing }), ledgerEntry(stream)];
      const { seq } = await record({ ledger: entries });
      const [first, second] = await store.ledger(
        stream,
        entries[0]?.from ?? START,
        entries[0]?.to ?? START,
        seq,
      );
      expect(first?.missing).toStrictEqual(missing);
      expect(second).not.toHaveProperty('missing');
    });

    it('give a lease to one holder at a time, until it is released', async () => {
      const name = newAccount();
      expect(await store.acquireLease(name, 'a', 60_000)).toBe(true);
      expect(await store.acquireLease(name, 'b', 60_000)).toBe(false);
      expect(await store.acquireLease(name, 'a', 60_000)).toBe(true);
      expect(await store.acquireLease(newAccount(), 'b', 60_000)).toBe(true);
      await store.releaseLease(name, 'b');
      expect(await store.acquireLease(name, 'b', 60_000)).toBe(false);
      await store.releaseLease(name, 'a');
      expect(await store.acquireLease(name, 'b', 60_000)).toBe(true);
    });

    it('give a lease to another holder after it has expired', async () => {
      const name = newAccount();
      expect(await store.acquireLease(name, 'a', 400)).toBe(true);
      await expect.poll(() => store.acquireLease(name, 'b', 60_000), { timeout: 60_000 }).toBe(true);
      expect(await store.acquireLease(name, 'a', 60_000)).toBe(false);
    });

    it('give a lease to one of several concurrent holders', async () => {
      const name = newAccount();
      const holders = ['a', 'b', 'c', 'd', 'e'];
      const answers = await Promise.all(holders.map((holder) => store.acquireLease(name, holder, 60_000)));
      expect(answers.filter(Boolean)).toHaveLength(1);
    });

    it('fail their ping after the store is closed', async () => {
      await store.close();
      await expect(store.ping()).rejects.toMatchObject({ name: 'HistoryError', code: 'UNAVAILABLE' });
      store = await opened.reopen();
      await store.ping();
    });
  });
}
