import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sealHistory } from '../../../src/evidence/seal/make-seals.js';
import { bodyOf, sealIn } from '../../../src/evidence/seal/seal.js';
import { verifyHistory } from '../../../src/evidence/verify/verify.js';
import { openMongoStore } from '../../../src/history/mongo/store.js';
import { openSqliteStore } from '../../../src/history/sqlite/store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import { testMongo } from '../../support/mongo.js';
import {
  batchOf,
  ledgerEntry,
  observeThreat,
  START,
  sampleRun,
  sampleThreat,
  streamState,
} from '../../support/records.js';
import { historyShape, recordShape, SIGNER } from '../../support/sealed-history.js';

const mongo = await testMongo();
const clock = () => Date.parse(START) + 60_000;
const CHECK = { publicKeys: [SIGNER.publicKey], mustBeSigned: true, held: [] };

async function sealsOf(store: HistoryStore) {
  const entries = await store.journal({ journal: 'seals', from: null, descending: false, limit: 1000 });
  return entries.map(({ body }) => {
    const seal = sealIn(body);
    const said = seal && bodyOf(seal);
    if (!seal || !said) throw new Error('not a seal');
    return { ...said, hash: seal.hash };
  });
}

/** A poll that brings one threat. */
async function poll(store: HistoryStore, n: number, status: 'RUNNING' | 'SUCCEEDED' = 'SUCCEEDED') {
  const { seq } = await store.head();
  await store.record(
    batchOf(`batch-${n}`, {
      run: sampleRun(`run-${n}`, { status, endedAt: status === 'RUNNING' ? null : START, startedAt: START }),
      observations: [observeThreat(sampleThreat(`t${n}`), { basis: seq })],
      ledger: [ledgerEntry({ runId: `run-${n}`, readAt: START })],
      streams: [streamState()],
    }),
  );
}

describe('sealing', () => {
  it('covers every batch once, and includes runs with their parameters, and what is and is not stored', async () => {
    const store = await openSqliteStore(':memory:', 'write');
    await poll(store, 1);
    await poll(store, 2, 'RUNNING');
    await sealHistory(store, { signer: SIGNER, clock });
    await poll(store, 2, 'SUCCEEDED');
    await poll(store, 3);
    await sealHistory(store, { signer: SIGNER, clock });
    const [first, second, ...rest] = await sealsOf(store);
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ fromSeq: 0, toSeq: 2, previous: null, revisions: { count: 2 } });
    expect(first?.runs).toMatchObject([{ id: 'run-1', parameters: { from: '2026-03-01', 'max.pages': 8 } }]);
    expect(second).toMatchObject({ fromSeq: 2, toSeq: 3, previous: first?.hash, ledger: { count: 1 } });
    expect(second?.coverage).toMatchObject([
      {
        stream: 'default/threats/receivedTime',
        from: '2026-02-01T00:00:00.000Z',
        complete: false,
        windows: { COMPLETE: 3 },
        gaps: [
          { reason: 'NOT_COLLECTED', from: '2026-03-02T00:00:00.000Z' },
          { reason: 'NOT_COLLECTED', to: '2026-03-01T00:00:00.000Z' },
        ],
        gapCount: 2,
      },
    ]);
    expect(second?.runs.map(({ id }) => id)).toEqual(['run-3']);
    await store.close();
  });

  it('creates no seal if nothing was recorded since the last one', async () => {
    const store = await openSqliteStore(':memory:', 'write');
    expect(await sealHistory(store, { signer: SIGNER, clock })).toEqual([]);
    await poll(store, 1);
    expect(await sealHistory(store, { signer: SIGNER, clock })).toHaveLength(1);
    expect(await sealHistory(store, { signer: SIGNER, clock })).toEqual([]);
    await store.close();
  });

  it('seals everything that is unsealed, in seals of a bounded size', async () => {
    const store = await openSqliteStore(':memory:', 'write');
    for (let n = 1; n <= 10; n++) await poll(store, n);
    await sealHistory(store, { signer: SIGNER, clock, enough: 4 });
    expect((await sealsOf(store)).map(({ toSeq, runs }) => [toSeq, runs.length])).toEqual([
      [4, 10],
      [8, 0],
      [10, 0],
    ]);
    expect(await verifyHistory(store, CHECK)).toMatchObject({ verdict: 'INTACT', revisions: 10, runs: 10 });
    await store.close();
  });

  it('adds nothing after a last seal that was altered', async () => {
    const store = await openSqliteStore(':memory:', 'write');
    await poll(store, 1);
    await store.append('seals', 1, START, { text: '{}', hash: '', signature: null, leaves: '' });
    await expect(sealHistory(store, { signer: SIGNER, clock })).rejects.toThrow(
      'Seal 1 is not as it was made',
    );
    await store.close();
  });
});

describe.skipIf(!mongo)('sealing in MongoDB', () => {
  it('by many processes at once makes one chain without a fork, and each of them ends', async () => {
    if (!mongo) throw new Error('no MongoDB');
    const url = mongo.freshUrl();
    const store = await openMongoStore(url, 'write');
    const stores = [store, await openMongoStore(url, 'write'), await openMongoStore(url, 'write')];
    try {
      for (let n = 1; n <= 12; n++) await poll(store, n);
      const made = await Promise.all(
        [...stores, ...stores].map((each) => sealHistory(each, { signer: SIGNER, clock, enough: 3 })),
      );
      const seals = await sealsOf(store);
      expect(
        made
          .flat()
          .map(({ index }) => index)
          .sort(),
      ).toEqual(seals.map(({ index }) => index));
      expect(seals.at(-1)).toMatchObject({ toSeq: 12 });
      expect(await verifyHistory(store, CHECK)).toMatchObject({ verdict: 'INTACT', revisions: 12 });
    } finally {
      await Promise.all(stores.map((each) => each.close()));
      await mongo.drop(url);
    }
  });

  it('an untouched history verifies as intact, in every shape', async () => {
    if (!mongo) throw new Error('no MongoDB');
    await fc.assert(
      fc.asyncProperty(historyShape, async (shape) => {
        const url = mongo.freshUrl();
        const store = await openMongoStore(url, 'write');
        try {
          await recordShape(store, shape, 'SIGNED');
          const { verdict, findings } = await verifyHistory(store, { ...CHECK, mustBeSigned: false });
          expect(findings).toEqual([]);
          expect(verdict).toBe('INTACT');
        } finally {
          await store.close();
          await mongo.drop(url);
        }
      }),
      { numRuns: 3 },
    );
  }, 300_000);
});
