import { afterEach, describe, expect, it } from 'vitest';
import { runFailover } from '../support/failover.js';
import { testMongo } from '../support/mongo.js';
import { ReplicaSet } from '../support/replica-set.js';

/** Elections of three members take minutes on a machine that is busy: asked for by name. */
const mongo = process.env.REPLICAS ? await testMongo() : null;

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
