import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { afterEach, describe, expect, it } from 'vitest';
import { openMongoStore } from '../../src/history/mongo/store.js';
import type { HistoryStore, OpenMode } from '../../src/history/store.js';
import { runFailover } from '../support/failover.js';
import { testMongo } from '../support/mongo.js';
import { batchOf, caseKey, ledgerEntry, observeCase, sampleCase } from '../support/records.js';
import { ReplicaSet } from '../support/replica-set.js';

// the run has MongoDB, or says that it is missing
const mongo = await testMongo();

let set: ReplicaSet | null = null;

afterEach(async () => {
  await set?.stop();
  set = null;
});

describe.skipIf(!mongo)('a replica set of three whose primary is killed', () => {
  it('loses nothing, and reads fail no longer than the election', async (test) => {
    set = (await ReplicaSet.start(3)) ?? test.skip('no mongod to start');
    const report = await runFailover(set, { kills: 2, everyMs: 5_000, say: () => {} });
    expect(report.faults).toEqual([]);
    expect(report.polls).toBeGreaterThan(3);
    expect(report.reads).toBeGreaterThan(20);
    // a busy machine also answers no ping in time: this is for reads that never succeed again
    expect(report.longestFailureMs).toBeLessThan(report.longestElectionMs + 90_000);
  }, 900_000);
});

describe.skipIf(!mongo)('reads from a secondary', () => {
  const DELAY_S = 5;
  const EVER = ['2020-01-01T00:00:00.000Z', '2030-01-01T00:00:00.000Z'] as const;

  /** How many reads a member has answered. */
  async function readsOf(url: string): Promise<number> {
    const client = new MongoClient(url);
    const { metrics } = await client.db('admin').command({ serverStatus: 1 });
    await client.close();
    return Number(metrics.commands.find.total) + Number(metrics.commands.aggregate.total);
  }

  /** Members that were only just put together close their connections once more. */
  async function open(url: string, mode: OpenMode): Promise<HistoryStore> {
    for (let tries = 1; ; tries++) {
      try {
        return await openMongoStore(url, mode);
      } catch (error) {
        if (tries === 5) throw error;
        await delay(1_000);
      }
    }
  }

  it('show each batch at once, from the primary while the secondary does not have it', async (test) => {
    const delayed = { priority: 0, votes: 0, secondaryDelaySecs: DELAY_S };
    set = (await ReplicaSet.start(2, [{}, delayed])) ?? test.skip('no mongod to start');
    const writer = await open(set.url('delayed'), 'write');
    const reader = await open(set.url('delayed', '&readPreference=secondary'), 'read');
    const stream = { integration: 'default', resource: 'threats', filterKey: 'receivedTime' } as const;
    const list = { kind: 'case', integrations: ['default'], filter: null } as const;
    const page = { ...list, orderBy: 'id', descending: false, after: null, limit: 100 } as const;
    try {
      for (let n = 1; n <= 12; n++) {
        const { seq } = await writer.record(
          batchOf(`${n}`, { observations: [observeCase(sampleCase(`${n}`))], ledger: [ledgerEntry()] }),
        );
        expect(await reader.head()).toMatchObject({ seq });
        expect((await reader.page({ ...page, seq })).items).toHaveLength(n);
        expect(await reader.count({ ...list, seq })).toBe(n);
        expect(await reader.get([caseKey(`${n}`)], seq)).toMatchObject([{ seqFrom: seq }]);
        expect(await reader.ledger(stream, ...EVER, seq)).toHaveLength(n);
        await delay(300);
      }
      // the secondary has it now: it answers, and what it answers is the same
      await delay((DELAY_S + 3) * 1000);
      const secondary = set.urlOf(1);
      const before = await readsOf(secondary);
      const { seq } = await reader.head();
      for (let n = 0; n < 20; n++) expect((await reader.page({ ...page, seq })).items).toHaveLength(12);
      expect(await reader.page({ ...page, seq: 5 })).toEqual(await writer.page({ ...page, seq: 5 }));
      expect((await readsOf(secondary)) - before).toBeGreaterThanOrEqual(40);
    } finally {
      await Promise.all([writer.close(), reader.close()]);
    }
  });
});
