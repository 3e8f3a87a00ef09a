import { describe, expect, test } from 'vitest';
import { createLoaders } from '../../../src/graphql/request/loaders.js';
import type { HistoryStore } from '../../../src/history/store.js';
import { OracleStore } from '../../support/oracle-store.js';
import {
  batchOf,
  caseKey,
  minutesAfterStart,
  observeCase,
  observeThreat,
  sampleCase,
  sampleThreat,
  threatKey,
} from '../../support/records.js';

/** A history of three batches, with a note of how often each method was called. */
async function history(): Promise<{ store: HistoryStore; calls: Record<string, number> }> {
  const oracle = new OracleStore(() => 0);
  await oracle.record(
    batchOf('1', {
      observations: [observeThreat(sampleThreat('t1')), observeCase(sampleCase('c1', { threatIds: ['t1'] }))],
    }),
  );
  await oracle.record(
    batchOf('2', {
      now: minutesAfterStart(2),
      observations: [observeThreat(sampleThreat('t2'), { basis: 1 })],
    }),
  );
  await oracle.record(
    batchOf('3', {
      now: minutesAfterStart(3),
      observations: [observeThreat(sampleThreat('t1', { recipientCount: 9 }), { basis: 2 })],
    }),
  );
  const calls: Record<string, number> = {};
  const store = new Proxy(oracle, {
    get(target, name: keyof HistoryStore) {
      const method = target[name];
      if (typeof method !== 'function') return method;
      return (...args: never[]) => {
        calls[name] = (calls[name] ?? 0) + 1;
        return (method as (...all: never[]) => unknown).apply(target, args);
      };
    },
  });
  return { store, calls };
}

describe('records', () => {
  test('of one kind and view are read in one call, as the view shows them', async () => {
    const { store, calls } = await history();
    const { records } = createLoaders(store);
    const [t1, t2, none, again, older, c1] = await Promise.all([
      records.load<'threat'>(threatKey('t1'), 3),
      records.load<'threat'>(threatKey('t2'), 3),
      records.load<'threat'>(threatKey('t3'), 3),
      records.load<'threat'>(threatKey('t1'), 3),
      records.load<'threat'>(threatKey('t1'), 1),
      records.load<'case'>(caseKey('c1'), 3),
    ]);
    expect([t1?.record.recipientCount, t2?.record.threatId, none]).toEqual([9, 't2', null]);
    expect(again).toBe(t1);
    expect([older?.record.recipientCount, c1?.record.caseId]).toEqual([1, 'c1']);
    expect(calls.get).toBe(3);
  });

  test('of several lists are read in one call, each list in its own order', async () => {
    const { store, calls } = await history();
    const { records } = createLoaders(store);
    const lists = await Promise.all([
      records.loadAll('threat', [threatKey('t2'), threatKey('gone'), threatKey('t1')], 3),
      records.loadAll('threat', [threatKey('t1'), threatKey('t1')], 3),
      records.loadAll('threat', [], 3),
      records.loadAll('threat', [threatKey('t1'), threatKey('t2')], 1),
    ]);
    const shown = lists.map((list) =>
      list.map((found) => found && `${found.key.id} ${found.record.recipientCount}`),
    );
    expect(shown).toEqual([['t2 1', null, 't1 9'], ['t1 9', 't1 9'], [], ['t1 1', null]]);
    expect(calls.get).toBe(2);
  });

  test('that are known already are not read', async () => {
    const { store, calls } = await history();
    const { records } = createLoaders(store);
    const known = await records.load<'threat'>(threatKey('t1'), 3);
    if (known) records.prime(known, 2);
    expect(await records.load<'threat'>(threatKey('t1'), 2)).toBe(known);
    expect(calls.get).toBe(1);
  });
});

test('referrers are read together, and each record gets its own', async () => {
  const { store, calls } = await history();
  const { referrers } = createLoaders(store);
  const of = (value: string, seq = 3) =>
    referrers.load({ kind: 'case', field: 'threatId', integration: 'default', value, seq });
  const [named, unnamed, before] = await Promise.all([of('t1'), of('t2'), of('t1', 0)]);
  expect([named, unnamed, before].map((found) => found?.map(({ key }) => key.id))).toEqual([['c1'], [], []]);
  expect(calls.referrers).toBe(2);
});

test('revisions are counted up to a view', async () => {
  const { revisionCounts } = createLoaders((await history()).store);
  const count = (seq: number) => revisionCounts.load({ key: threatKey('t1'), seq });
  expect(await Promise.all([count(1), count(2), count(3)])).toEqual([1, 1, 2]);
});

test('the head is read once for concurrent callers, and again for later ones', async () => {
  const { store, calls } = await history();
  const { current } = createLoaders(store);
  const together = await Promise.all([current.head(), current.head(), current.head()]);
  expect(together.map(({ seq }) => seq)).toEqual([3, 3, 3]);
  expect(calls.head).toBe(1);
  await store.record(batchOf('4', { now: minutesAfterStart(4) }));
  expect((await current.head()).seq).toBe(4);
});
