import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Batch, HistoryStore } from '../../src/history/store.js';
import { OPEN_SEQ, type RevisionRecord } from '../../src/model/revision.js';
import { KINDS } from '../../src/resources/registry.js';
import { sha256 } from '../../src/values/canonical-json.js';
import { latest, MINUTE, shift, toInstant, toMillis } from '../../src/values/instant.js';
import {
  batchOf,
  caseKey,
  ledgerEntry,
  minutesAfterStart,
  observationOf,
  observeCase,
  quarantineEntry,
  START,
  sampleCase,
  sampleCaseAnalysis,
  sampleMessage,
  sampleRun,
  sampleThreat,
  streamState,
  threatKey,
} from '../support/records.js';
import type { OpenedStore } from './history-store-suite.js';

const EVERYTHING = Number.MAX_SAFE_INTEGER - 1;

/** What `record` promises, one promise a test. Each test uses ids of its own in one shared history. */
export function describeRecord(open: () => Promise<OpenedStore>): void {
  describe('recording a batch', () => {
    let opened: OpenedStore;
    let store: HistoryStore;
    let made = 0;

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    });
    afterAll(() => opened.dispose());

    const newId = () => `r${++made}`;
    const record = (changes: Partial<Batch>) => store.record(batchOf(`batch-${++made}`, changes));
    const observe = async (id: string, description: string, basis?: number) => {
      const { seq } = await store.head();
      return record({
        observations: [observeCase(sampleCase(id, { description }), { basis: basis ?? seq })],
      });
    };
    const current = async (id: string) => (await store.get([caseKey(id)], EVERYTHING))[0];

    it('gives a new record its first revision', async () => {
      const observation = observeCase(sampleCase(newId()), {
        fetchedAt: '2026-03-02T07:59:58.000Z',
        origin: 'SIMULATED',
      });
      const now = latest(minutesAfterStart(5_000), shift((await store.head()).at, MINUTE));
      const run = sampleRun('run-of-the-first');
      const recorded = await record({ now, run, observations: [observation] });

      expect(recorded).toStrictEqual({
        seq: (await store.head()).seq,
        at: now,
        added: 1,
        changed: 0,
        unchanged: 0,
        deleted: 0,
        conflicts: [],
      });
      expect(await store.get([observation.key], recorded.seq)).toStrictEqual([
        {
          key: observation.key,
          seqFrom: recorded.seq,
          seqTo: OPEN_SEQ,
          observedFrom: now,
          observedTo: null,
          verifiedAt: '2026-03-02T07:59:58.000Z',
          digest: observation.digest,
          runId: 'run-of-the-first',
          origin: 'SIMULATED',
          deleted: false,
          record: observation.record,
        } satisfies RevisionRecord<'case'>,
      ]);
      expect(await store.get([observation.key], recorded.seq - 1)).toEqual([null]);
    });

    it('creates no revision of an unchanged record, and moves its verifiedAt forward only', async () => {
      const id = newId();
      const seen = (fetchedAt: string) => observeCase(sampleCase(id), { fetchedAt });
      const first = await record({ observations: [seen(minutesAfterStart(10))] });
      const later = await record({ observations: [seen(minutesAfterStart(20))] });
      await record({ observations: [seen(minutesAfterStart(15))] });

      expect(later).toMatchObject({ added: 0, changed: 0, unchanged: 1 });
      expect(await current(id)).toMatchObject({ seqFrom: first.seq, verifiedAt: minutesAfterStart(20) });
      expect(await store.countRevisions(caseKey(id), EVERYTHING)).toBe(1);
    });

    it('verifies a confirmed version, and names one that is no longer the newest', async () => {
      const id = newId();
      const old = observeCase(sampleCase(id), { fetchedAt: minutesAfterStart(10) });
      const first = await record({ observations: [old] });
      const later = { ...old, fetchedAt: minutesAfterStart(20) };
      const confirmed = await record({ confirmed: [later] });
      expect(confirmed).toMatchObject({ added: 0, changed: 0, unchanged: 0, conflicts: [] });
      expect(await current(id)).toMatchObject({ seqFrom: first.seq, verifiedAt: minutesAfterStart(20) });

      expect(await observe(id, 'two', first.seq)).toMatchObject({ changed: 0, conflicts: [caseKey(id)] });
      const second = await observe(id, 'two', confirmed.seq);
      const late = await record({ confirmed: [{ ...old, fetchedAt: minutesAfterStart(30) }] });
      expect(late).toMatchObject({ unchanged: 0, conflicts: [caseKey(id)] });
      expect(await current(id)).toMatchObject({ seqFrom: second.seq, record: { description: 'two' } });
    });

    it('reports a conflict if the same batch confirms another version than it observes', async () => {
      const id = newId();
      const old = observeCase(sampleCase(id));
      const { seq } = await record({ observations: [old] });
      const other = observeCase(sampleCase(id, { description: 'two' }), { basis: seq });
      const both = await record({ confirmed: [old], observations: [other] });
      expect(both).toMatchObject({ changed: 0, unchanged: 0, conflicts: [caseKey(id)] });
      const same = await record({ confirmed: [old], observations: [old], tombstones: [caseKey(id)] });
      expect(same).toMatchObject({ unchanged: 1, deleted: 0, conflicts: [] });
    });

    it('closes the old revision when the record has changed', async () => {
      const id = newId();
      const first = await observe(id, 'one');
      const second = await observe(id, 'two');

      expect(second).toMatchObject({ added: 0, changed: 1, unchanged: 0, conflicts: [] });
      const [newest, oldest] = await store.revisions(caseKey(id), EVERYTHING, 10);
      expect(newest).toMatchObject({ seqFrom: second.seq, seqTo: OPEN_SEQ, record: { description: 'two' } });
      expect(oldest).toMatchObject({
        seqFrom: first.seq,
        seqTo: second.seq,
        observedTo: second.at,
        record: { description: 'one' },
      });
      expect(await store.get([caseKey(id)], second.seq - 1)).toEqual([oldest]);
      expect(await store.get([caseKey(id)], second.seq)).toEqual([newest]);
    });

    it('reports a conflict if the stored record was confirmed after the basis of the observation', async () => {
      const id = newId();
      const first = await observe(id, 'one');
      const other = await observe(newId(), 'something else');
      const confirmed = await observe(id, 'one');

      const late = await observe(id, 'two', other.seq);
      expect(late).toMatchObject({ added: 0, changed: 0, unchanged: 0, conflicts: [caseKey(id)] });
      expect(await current(id)).toMatchObject({ seqFrom: first.seq, record: { description: 'one' } });

      const inTime = await observe(id, 'two', confirmed.seq);
      expect(inTime).toMatchObject({ changed: 1, conflicts: [] });
    });

    it('reports no conflict for an old observation of the stored version', async () => {
      const id = newId();
      await observe(id, 'one');
      expect(await observe(id, 'one', 0)).toMatchObject({ unchanged: 1, conflicts: [] });
    });

    it('records the rest of a batch with a conflict', async () => {
      const [held, fresh] = [newId(), newId()];
      await observe(held, 'one');
      const recorded = await record({
        observations: [
          observeCase(sampleCase(held, { description: 'two' }), { basis: 0 }),
          observeCase(sampleCase(fresh)),
        ],
      });
      expect(recorded).toMatchObject({ added: 1, conflicts: [caseKey(held)] });
      expect(await current(fresh)).not.toBeNull();
    });

    it('uses the first of two different observations of one key in a batch', async () => {
      const id = newId();
      const { seq: basis } = await store.head();
      const versions = ['one', 'two', 'one'].map((description) =>
        observeCase(sampleCase(id, { description }), { basis }),
      );
      const recorded = await record({ observations: versions });
      expect(recorded).toMatchObject({ added: 1, changed: 0, unchanged: 1, conflicts: [caseKey(id)] });
      expect(await current(id)).toMatchObject({ record: { description: 'one' } });
    });

    it('returns the first result for a batch that is already recorded, and changes nothing', async () => {
      const id = newId();
      const batch = batchOf(`batch-of-${id}`, {
        observations: [observeCase(sampleCase(id))],
        ledger: [ledgerEntry({ integration: id })],
      });
      const first = await store.record(batch);
      const { seq } = await observe(newId(), 'in between');
      const again = await store.record(batch);
      const withOthers = await store.record({ ...batch, observations: [observeCase(sampleCase(newId()))] });

      expect(again).toStrictEqual(first);
      expect(withOthers).toStrictEqual(first);
      expect((await store.head()).seq).toBe(seq);
      const stream = { integration: id, resource: 'threats', filterKey: 'receivedTime' } as const;
      const [whole, whenever] = ['2000-01-01T00:00:00.000Z', '2100-01-01T00:00:00.000Z'];
      expect(await store.ledger(stream, whole, whenever, EVERYTHING)).toHaveLength(1);
    });

    it('records one batch that is submitted several times concurrently only once', async () => {
      const id = newId();
      const batch = batchOf(`batch-of-${id}`, { observations: [observeCase(sampleCase(id))] });
      const answers = await Promise.all([store.record(batch), store.record(batch), store.record(batch)]);
      expect(answers[1]).toStrictEqual(answers[0]);
      expect(answers[2]).toStrictEqual(answers[0]);
      expect(await store.countRevisions(caseKey(id), EVERYTHING)).toBe(1);
    });

    it('numbers concurrent batches without gap or repetition, with instants in the same order', async () => {
      const { seq } = await store.head();
      const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => observe(newId(), `${n}`)));
      answers.sort((a, b) => a.seq - b.seq);
      expect(answers.map((recorded) => recorded.seq)).toEqual(answers.map((_, n) => seq + 1 + n));
      expect(new Set(answers.map(({ at }) => at)).size).toBe(12);
      expect(answers.map(({ at }) => at)).toEqual(answers.map(({ at }) => at).sort());
    });

    it('uses an instant just after the last one if the clock was set back', async () => {
      const later = await record({ now: minutesAfterStart(9_000) });
      const earlier = await record({ now: START });
      const same = await record({ now: earlier.at });
      expect(toMillis(earlier.at)).toBe(toMillis(later.at) + 1);
      expect(toMillis(same.at)).toBe(toMillis(earlier.at) + 1);
      expect(await record({ now: minutesAfterStart(9_001) })).toMatchObject({ at: minutesAfterStart(9_001) });
    });

    it('creates a tombstone with the last version of a deleted record', async () => {
      const id = newId();
      const observation = observeCase(sampleCase(id), { origin: 'SIMULATED' });
      const held = await record({ observations: [observation] });
      const gone = await record({ run: sampleRun('run-of-burial'), tombstones: [caseKey(id)] });

      expect(gone).toMatchObject({ added: 0, changed: 0, unchanged: 0, deleted: 1 });
      expect(await current(id)).toStrictEqual({
        key: caseKey(id),
        seqFrom: gone.seq,
        seqTo: OPEN_SEQ,
        observedFrom: gone.at,
        observedTo: null,
        verifiedAt: gone.at,
        digest: observation.digest,
        runId: 'run-of-burial',
        origin: 'SIMULATED',
        deleted: true,
        record: observation.record,
      });
      expect(await store.get([caseKey(id)], held.seq)).toMatchObject([{ deleted: false, seqTo: gone.seq }]);
      expect(await store.received(caseKey(id), gone.seq)).toBe(observation.received);
    });

    it('ignores tombstones for records that are not stored, already deleted, or observed in the same batch', async () => {
      const [never, buried, seen] = [newId(), newId(), newId()];
      await observe(buried, 'one');
      const before = await record({ tombstones: [caseKey(buried)] });
      const recorded = await record({
        observations: [observeCase(sampleCase(seen))],
        tombstones: [caseKey(never), caseKey(buried), caseKey(seen)],
      });
      expect(recorded).toMatchObject({ added: 1, deleted: 0 });
      expect(await current(never)).toBeNull();
      expect(await current(buried)).toMatchObject({ seqFrom: before.seq, verifiedAt: before.at });
      expect(await current(seen)).toMatchObject({ deleted: false });
    });

    it('gives a record that returns a new revision, even if the version is the same', async () => {
      const id = newId();
      await observe(id, 'one');
      const gone = await record({ tombstones: [caseKey(id)] });
      expect(await observe(id, 'one', gone.seq - 1)).toMatchObject({ added: 0, conflicts: [caseKey(id)] });
      const back = await observe(id, 'one', gone.seq);
      expect(back).toMatchObject({ added: 1, changed: 0, unchanged: 0 });
      expect((await store.revisions(caseKey(id), EVERYTHING, 9)).map((r) => r.deleted)).toEqual([
        false,
        true,
        false,
      ]);
    });

    it('separates accounts and kinds that share an id', async () => {
      const id = newId();
      const observations = [
        observeCase(sampleCase(id, { description: 'here' })),
        observeCase(sampleCase(id, { description: 'there' }), { integration: 'other' }),
        observationOf('caseAnalysis', id, sampleCaseAnalysis(id)),
      ];
      expect(await record({ observations })).toMatchObject({ added: 3, conflicts: [] });
      const keys = [caseKey(id, 'other'), caseKey(id), caseKey(id, 'nobody')];
      const found = await store.get(keys, EVERYTHING);
      expect(found.map((revision) => revision?.record.description)).toEqual(['there', 'here', undefined]);
      const analysis = await store.get([{ ...caseKey(id), kind: 'caseAnalysis' } as const], EVERYTHING);
      expect(analysis[0]?.record).toStrictEqual(sampleCaseAnalysis(id));
    });

    it('stores the received text exactly', async () => {
      const id = newId();
      const received = '{"big":"9223372036854775807","name":"Zoë \u0000 😀 \\ud83d","ﬁ":[1e21,-0.5]}';
      const observation = observationOf('threat', id, sampleThreat(id), { received });
      const { seq } = await record({ observations: [observation] });
      expect(await store.received(threatKey(id), seq)).toBe(received);
      const span = { afterSeq: seq - 1, toSeq: seq, kinds: KINDS, integrations: null, after: null, limit: 9 };
      expect(await store.changesReceived(span)).toMatchObject([{ key: threatKey(id), received }]);
      expect(await store.received(threatKey(id), seq + 1)).toBeNull();
      expect(await store.received(threatKey('never'), seq)).toBeNull();
    });

    it('returns text that is not well-formed, and names with a meaning to the store', async () => {
      const id = newId();
      const details = { 'a.b': { $set: 1, '': null }, constructor: 'x', cut: 'half \ud83d', nul: '\u0000' };
      const analysis = sampleCaseAnalysis(id);
      const record_ = { ...analysis, events: analysis.events.map((event) => ({ ...event, details })) };
      await record({ observations: [observationOf('caseAnalysis', id, record_)] });
      const [held] = await store.get([{ ...caseKey(id), kind: 'caseAnalysis' } as const], EVERYTHING);
      expect(held?.record).toStrictEqual(record_);
    });

    it('stores a record of over 20 MB', async () => {
      const id = newId();
      const urls = [`https://long.example/${'x'.repeat(20_000)}`];
      const messages = Array.from({ length: 1_100 }, (_, n) => sampleMessage(`${n}`, { urls }));
      const observation = observationOf('threat', id, sampleThreat(id, { messages }));
      expect(observation.received.length).toBeGreaterThan(20_000_000);
      const { seq } = await record({ observations: [observation] });
      const [held] = await store.get([threatKey(id)], EVERYTHING);
      expect(held?.record.messages).toHaveLength(1_100);
      expect(held?.record.messages[1_099]).toStrictEqual(messages[1_099]);
      expect(sha256((await store.received(threatKey(id), seq)) ?? '')).toBe(observation.digest);
    });

    it('accepts hundreds of observations at once', async () => {
      const ids = Array.from({ length: 400 }, newId);
      const seen = (description: (n: number) => string, basis: number) =>
        ids.map((id, n) => observeCase(sampleCase(id, { description: description(n) }), { basis }));
      const first = await record({ observations: seen(() => 'one', 0).slice(0, 300) });
      const second = await record({ observations: seen((n) => (n < 100 ? 'one' : 'two'), first.seq) });
      expect(first).toMatchObject({ added: 300 });
      expect(second).toMatchObject({ added: 100, changed: 200, unchanged: 100, conflicts: [] });
      const found = await store.get(ids.map((id) => caseKey(id)).reverse(), second.seq);
      expect(found.map((revision) => revision?.key.id)).toEqual([...ids].reverse());
      expect(found.filter((revision) => revision?.record.description === 'two')).toHaveLength(300);
      const received = found.map((held) => held && store.received(held.key, held.seqFrom));
      const digests = (await Promise.all(received)).map((text) => sha256(text ?? ''));
      expect(digests).toEqual(found.map((held) => held?.digest));
    });

    it('is durable after the store is closed and opened again', async () => {
      const id = newId();
      const batch = batchOf(`batch-of-${id}`, {
        now: toInstant(toMillis((await store.head()).at) + 60_000),
        observations: [observeCase(sampleCase(id))],
        ledger: [ledgerEntry({ integration: id })],
        streams: [streamState({ integration: id })],
        quarantine: [quarantineEntry(caseKey('bad', id))],
      });
      const recorded = await store.record(batch);
      const before = await store.head();
      store = await opened.reopen();

      expect(await store.head()).toStrictEqual(before);
      expect(await store.record(batch)).toStrictEqual(recorded);
      expect(await current(id)).toMatchObject({ seqFrom: recorded.seq });
      expect(await store.streams()).toContainEqual(streamState({ integration: id }));
      expect(await store.quarantined([caseKey('bad', id)])).toStrictEqual(batch.quarantine);
      expect(await observe(newId(), 'next')).toMatchObject({ seq: recorded.seq + 1 });
    });
  });
}
