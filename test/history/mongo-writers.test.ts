import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { openMongoStore } from '../../src/history/mongo/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { testMongo } from '../support/mongo.js';
import { faultsOf } from '../support/mongo-faults.js';
import { recordStep, SHARED_CASES } from '../support/mongo-writer.js';
import { batchOf, observeCase, sampleCase } from '../support/records.js';
import { compiled } from '../support/scripts.js';

const mongo = await testMongo();

describe.skipIf(!mongo)('several writers of one history in MongoDB', () => {
  let url: string;
  let stores: HistoryStore[];

  beforeEach(() => {
    url = mongo?.freshUrl() ?? '';
    stores = [];
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await mongo?.drop(url);
  });

  async function open(): Promise<HistoryStore> {
    const store = await openMongoStore(url, 'write');
    stores.push(store);
    return store;
  }

  it('can open it concurrently', async () => {
    await open();
    const opened = await Promise.all([open(), open(), open()]);
    const seqs = await Promise.all(opened.map((store, n) => recordStep(store, `writer-${n}`, 0)));
    expect(seqs.sort()).toEqual([1, 2, 3]);
    expect(await faultsOf(url)).toEqual([]);
  });

  it('can record concurrently without losing, repeating or reordering a batch', async () => {
    const writers = [await open(), await open()];
    const steps = 25;
    const work = writers.map(async (store, w) => {
      const seqs: number[] = [];
      for (let n = 0; n < steps; n += 1) seqs.push(await recordStep(store, `writer-${w}`, n));
      return seqs;
    });
    const [a = [], b = []] = await Promise.all(work);
    expect([...a, ...b].sort((x, y) => x - y)).toEqual(Array.from({ length: 2 * steps }, (_, n) => n + 1));
    expect(a).toEqual([...a].sort((x, y) => x - y));
    expect(await faultsOf(url)).toEqual([]);
    // each reads what the other wrote
    const live = { kind: 'case', integrations: null, filter: null, seq: 2 * steps } as const;
    expect(await Promise.all(writers.map((store) => store.count(live)))).toEqual([
      SHARED_CASES + 2,
      SHARED_CASES + 2,
    ]);
  });

  it('record the same batch concurrently only once', async () => {
    const writers = [await open(), await open(), await open()];
    const batch = batchOf('the-batch', { observations: [observeCase(sampleCase('1'))] });
    const answers = await Promise.all(writers.map((store) => store.record(batch)));
    expect(answers).toEqual([answers[0], answers[0], answers[0]]);
    expect(answers[0]).toMatchObject({ seq: 1, added: 1 });
    expect(await writers[0]?.head()).toMatchObject({ seq: 1 });
  });

  it('leave every batch complete or absent when they are killed, and the next one continues', async () => {
    const acknowledged: number[] = [];
    for (const [n, delay] of [3, 11, 0, 6].entries()) {
      acknowledged.push(...(await runAndKill(url, `writer-${n}`, 4 + n, delay)));
      expect(await faultsOf(url)).toEqual([]);
    }
    const store = await open();
    const { seq } = await store.head();
    expect(seq).toBeGreaterThanOrEqual(acknowledged.length);
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    expect(await recordStep(store, 'last', 0)).toBe(seq + 1);
    expect(await faultsOf(url)).toEqual([]);
  });

  it('are not blocked for a minute by the transaction of a dead writer', async () => {
    const store = await open();
    await recordStep(store, 'before', 0);
    await dieInTransaction(url);
    const began = performance.now();
    expect(await recordStep(store, 'after', 0)).toBe(2);
    // MongoDB itself would end that transaction after a minute
    expect(performance.now() - began).toBeLessThan(50_000);
  });

  it('take over the lease of a dead holder by the clock of the server', async () => {
    const behind = await openMongoStore(url, 'write', { now: () => 0 });
    stores.push(behind);
    const ahead = await openMongoStore(url, 'write', { now: () => Date.parse('2100-01-01') });
    stores.push(ahead);
    expect(await behind.acquireLease('poll', 'behind', 500)).toBe(true);
    expect(await ahead.acquireLease('poll', 'ahead', 60_000)).toBe(false);
    await behind.close();
    await expect.poll(() => ahead.acquireLease('poll', 'ahead', 60_000), { timeout: 60_000 }).toBe(true);
    expect(await (await open()).acquireLease('poll', 'other', 60_000)).toBe(false);
  });
});

/** Runs a writer in a process of its own and kills it some time after `steps` answers; those it gave. */
async function runAndKill(url: string, name: string, steps: number, delayMs: number): Promise<number[]> {
  const script = await compiled(inject('desk'), 'test/support/mongo-writer.ts');
  const child = spawn(process.execPath, [script, url, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const seqs: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    seqs.push(Number(line));
    if (seqs.length === steps) void sleep(delayMs).then(() => child.kill('SIGKILL'));
  }
  expect(await exited).toEqual([null, 'SIGKILL']);
  return seqs;
}

/** Takes the next number as a writer does, and goes no further. */
async function dieInTransaction(url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  const client = new MongoClient(url, { appName: `abnormal-gateway/${name}` });
  const session = client.startSession();
  session.startTransaction();
  const head = client.db().collection<{ _id: string }>('meta');
  await head.updateOne({ _id: 'head' }, { $inc: { seq: 1 } }, { session });
  // the client is left as it is: closing it would end its transaction
}
