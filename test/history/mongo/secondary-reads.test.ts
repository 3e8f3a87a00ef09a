import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openMongoStore } from '../../../src/history/mongo/store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import { Playground } from '../../support/app.js';
import { testMongo } from '../../support/mongo.js';
import { batchOf, caseKey, ledgerEntry, observeCase, sampleCase } from '../../support/records.js';
import { ReplicaSet } from '../../support/replica-set.js';

// the run has MongoDB, or says that it is missing
const mongo = await testMongo();

/** A read is answered or fails within this time. */
const MOST_MS = 3_000;
const PRIMARY = 0;
const SECONDARY = 2;
const STREAM = { integration: 'default', resource: 'threats', filterKey: 'receivedTime' } as const;
const EVER = ['2020-01-01T00:00:00.000Z', '2030-01-01T00:00:00.000Z'] as const;

/*
 * A primary, a hidden member with which it has a majority, and a secondary that clients see. A member with
 * secondaryDelaySecs would not do: MongoDB names it to no client, so it is never asked. Instead, the secondary stops
 * replicating for some time. The steps go on from each other, since members take long to start.
 */
describe.skipIf(!mongo)('reads of a history in MongoDB from a secondary', () => {
  let set: ReplicaSet;
  let writer: HistoryStore;
  let reader: HistoryStore;
  let written = 0;

  beforeAll(async () => {
    const hidden = { priority: 0, hidden: true };
    const started = await ReplicaSet.start(3, [{}, hidden, { priority: 0, votes: 0 }]);
    if (!started) return;
    set = started;
    expect(await set.primary()).toBe(PRIMARY);
    writer = await open('write');
    reader = await open('read');
  }, 300_000);
  beforeEach((context) => context.skip(set === undefined, 'no mongod to start'));
  afterAll(async () => {
    set?.resume(SECONDARY);
    await Promise.all([writer?.close(), reader?.close()]);
    await set?.stop();
  }, 60_000);

  /** Members that were only just put together close their connections once more. */
  async function open(mode: 'read' | 'write'): Promise<HistoryStore> {
    for (let tries = 1; ; tries++) {
      try {
        return await openMongoStore(set.url('history'), mode, { reads: 'secondary-preferred' });
      } catch (error) {
        if (tries === 5) throw error;
        await delay(1_000);
      }
    }
  }

  /** How many of the gateway's reads a member has answered; replication reads with another command. */
  async function answeredBy(member: number): Promise<number> {
    const client = new MongoClient(set.urlOf(member));
    const { metrics } = await client.db('admin').command({ serverStatus: 1 });
    await client.close();
    return Number(metrics.commands.aggregate.total);
  }

  async function write(): Promise<number> {
    written += 1;
    const observations = [observeCase(sampleCase(`${written}`))];
    return (await writer.record(batchOf(`${written}`, { observations, ledger: [ledgerEntry()] }))).seq;
  }

  /** Everything that a view has, in which record `n` was written by batch `n`; returns the longest read. */
  async function expectView(seq: number): Promise<number> {
    const list = { kind: 'case', integrations: ['default'], filter: null, seq } as const;
    const page = { ...list, orderBy: 'id', descending: false, after: null, limit: 100 } as const;
    let longestMs = 0;
    const timed = async <T>(read: Promise<T>): Promise<T> => {
      const begin = performance.now();
      const result = await read;
      longestMs = Math.max(longestMs, performance.now() - begin);
      return result;
    };
    expect((await timed(reader.page(page))).items).toHaveLength(seq);
    expect(await timed(reader.count(list))).toBe(seq);
    expect(await timed(reader.count({ ...list, filter: { field: 'id', in: [`${seq}`] } }))).toBe(1);
    expect(await timed(reader.get([caseKey(`${seq}`)], seq))).toMatchObject([{ seqFrom: seq }]);
    expect(await timed(reader.get([caseKey(`${seq + 1}`)], seq))).toEqual([null]);
    expect(await timed(reader.ledger(STREAM, ...EVER, seq))).toHaveLength(seq);
    return longestMs;
  }

  /** Waits until the secondary has what was written, and the gateway asks it again. */
  const settled = () => delay(3_000);

  it('are answered by the secondary, and the writer’s by the primary', async () => {
    for (let n = 1; n <= 8; n++) await write();
    await settled();
    const [before, primaryBefore] = [await answeredBy(SECONDARY), await answeredBy(PRIMARY)];
    const { seq } = await reader.head();
    for (let n = 0; n < 10; n++) await expectView(seq);
    await expectView(5);
    // at least four of the reads of a view aggregate
    expect((await answeredBy(SECONDARY)) - before).toBeGreaterThanOrEqual(11 * 4);
    expect((await answeredBy(PRIMARY)) - primaryBefore).toBeLessThan(4);
    const key = [caseKey('1')];
    for (let n = 0; n < 10; n++) expect(await writer.get(key, seq)).toMatchObject([{ seqFrom: 1 }]);
    expect((await answeredBy(PRIMARY)) - primaryBefore).toBeGreaterThanOrEqual(10);
  }, 60_000);

  it('are those of a gateway’s callers if MONGODB_READS says so', async () => {
    const playground = new Playground();
    const env = { HISTORY: set.url('gateway'), MONGODB_READS: 'secondary-preferred' };
    try {
      const { url } = await playground.start(env);
      await playground.collected(url);
      const before = await answeredBy(SECONDARY);
      for (let n = 1; n <= 20; n++) {
        const { data, errors } = await playground.ask(url, `{ threats(first: ${n}) { nodes { threatId } } }`);
        expect(errors).toBeUndefined();
        expect((data as { threats: { nodes: unknown[] } }).threats.nodes).toHaveLength(n);
        await delay(100);
      }
      expect((await answeredBy(SECONDARY)) - before).toBeGreaterThan(5);
    } finally {
      await playground.clear();
    }
  }, 120_000);

  it('show each batch at once while the secondary does not have it', async () => {
    await set.replicate(SECONDARY, false);
    const before = await answeredBy(SECONDARY);
    for (let n = 1; n <= 8; n++) {
      const seq = await write();
      expect(await reader.head()).toMatchObject({ seq });
      expect(await expectView(seq)).toBeLessThan(MOST_MS);
      await delay(400);
    }
    // it was asked, and its answers were refused
    expect((await answeredBy(SECONDARY)) - before).toBeGreaterThan(0);
    await set.replicate(SECONDARY, true);
    await settled();
    const caughtUp = await answeredBy(SECONDARY);
    await expectView((await reader.head()).seq);
    expect((await answeredBy(SECONDARY)) - caughtUp).toBeGreaterThanOrEqual(4);
  }, 60_000);

  it('are answered by the primary while the secondary is suspended', async () => {
    set.suspend(SECONDARY);
    for (let n = 0; n < 3; n++) {
      const { seq } = await reader.head();
      expect(await expectView(seq)).toBeLessThan(MOST_MS);
      await delay(1_200);
    }
    set.resume(SECONDARY);
  }, 60_000);

  it('go on after the secondary is killed', async () => {
    await settled();
    await expectView((await reader.head()).seq);
    await set.kill(SECONDARY);
    for (let n = 0; n < 3; n++) {
      expect(await expectView((await reader.head()).seq)).toBeLessThan(MOST_MS);
      const seq = await write();
      await reader.head();
      expect(await expectView(seq)).toBeLessThan(MOST_MS);
    }
  }, 60_000);
});
