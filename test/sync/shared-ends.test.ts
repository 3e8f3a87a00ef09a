import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sealHistory } from '../../src/evidence/seal/make-seals.js';
import { verifyHistory } from '../../src/evidence/verify/verify.js';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import type { Batch, HistoryStore } from '../../src/history/store.js';
import type { EndPlace } from '../../src/sync/context.js';
import { SharedEnds } from '../../src/sync/shared-ends.js';
import { DAY, MINUTE, shift, toInstant } from '../../src/values/instant.js';
import {
  batchOf,
  caseKey,
  ledgerEntry,
  observeThreat,
  quarantineEntry,
  START,
  sampleRun,
  sampleThreat,
  streamState,
  threatKey,
} from '../support/records.js';
import { createTenantWorld } from './harness.js';

const THREATS = { resource: 'threats', filterKey: 'receivedTime' } as const;
const CASES = { resource: 'cases', filterKey: 'lastModifiedTime' } as const;
const CAMPAIGNS = { resource: 'campaigns', filterKey: 'lastReportedTime' } as const;

type StreamOf = typeof THREATS | typeof CASES | typeof CAMPAIGNS;

/** The end of a poll that found nothing. */
function endOf(stream: StreamOf, changes: Partial<Batch> = {}): Batch {
  const { resource } = stream;
  const run = sampleRun(`run of ${resource}`, { resource, status: 'SUCCEEDED', endedAt: START });
  const ledger = [ledgerEntry({ ...stream, runId: run.id })];
  return batchOf(`${run.id}/1`, { run, ledger, streams: [streamState(stream)], ...changes });
}

describe('polls that find nothing at about the same time', () => {
  let store: HistoryStore;
  let ends: SharedEnds;
  let timers: Set<() => void>;

  beforeEach(async () => {
    store = await openSqliteStore(':memory:', 'write');
    timers = new Set();
    ends = new SharedEnds(store, (callback) => {
      timers.add(callback);
      return () => timers.delete(callback);
    });
  });
  afterEach(() => store.close());

  const end = (place: EndPlace, batch: Batch) => place.ready().then(() => place.record(batch));
  const seq = async () => (await store.head()).seq;

  it('end with one batch, which has the runs, readings and states of all, and can be verified', async () => {
    const [a, b, c] = [ends.join(), ends.join(), ends.join()];
    const waiting = [end(a, endOf(THREATS)), end(b, endOf(CASES))];
    expect(await seq()).toBe(0);
    const recorded = await Promise.all([...waiting, end(c, endOf(CAMPAIGNS))]);
    expect(recorded.map((each) => each.seq)).toEqual([1, 1, 1]);
    expect(await seq()).toBe(1);
    for (const stream of [THREATS, CASES, CAMPAIGNS]) {
      const { run, ledger } = endOf(stream);
      const { integration, from, to } = ledger[0] ?? ledgerEntry();
      expect(await store.run(run.id)).toEqual(run);
      expect(await store.ledger({ integration, ...stream }, from, to, 1)).toMatchObject(ledger);
    }
    expect((await store.streams()).map(({ resource }) => resource)).toEqual([
      'campaigns',
      'cases',
      'threats',
    ]);
    await sealHistory(store, { signer: null, clock: () => Date.parse(START) });
    expect(await verifyHistory(store, { publicKeys: null, mustBeSigned: false, held: [] })).toMatchObject({
      findings: [],
    });
    expect(timers.size).toBe(0);
  });

  it.each<[string, Partial<Batch>]>([
    ['a record', { observations: [observeThreat(sampleThreat('t1'))] }],
    ['a deletion', { tombstones: [threatKey('t1')] }],
    ['what cannot be read', { quarantine: [quarantineEntry(caseKey('c1'))] }],
    ['what can be read again', { released: [caseKey('c1')] }],
    ['a confirmation', { confirmed: [observeThreat(sampleThreat('t1'))] }],
    ['a step of a run', { run: sampleRun('run of threats') }],
    [
      'the end of an incomplete run',
      { run: sampleRun('run of threats', { status: 'PARTIAL', endedAt: START }) },
    ],
  ])('do not wait with %s, and nobody waits for its poll any more', async (_, changes) => {
    const [a, b] = [ends.join(), ends.join()];
    const idle = end(a, endOf(CASES));
    expect((await b.record(endOf(THREATS, changes))).seq).not.toBe((await idle).seq);
    expect(await seq()).toBe(2);
    // its next batch is one that follows another, so it is recorded at once
    ends.join();
    expect((await end(b, endOf(THREATS, { id: 'run of threats/2' }))).seq).toBe(3);
  });

  it('do not wait for one that has left', async () => {
    const [a, b] = [ends.join(), ends.join()];
    const recorded = end(a, endOf(THREATS));
    b.leave();
    b.leave();
    expect((await recorded).seq).toBe(1);
  });

  it('do not wait for one that finds something between the others being ready and their batch', async () => {
    const [a, b] = [ends.join(), ends.join()];
    await Promise.all([a.ready(), b.ready()]);
    const recorded = a.record(endOf(CASES));
    const found = endOf(THREATS, { confirmed: [observeThreat(sampleThreat('t1'))] });
    expect((await b.record(found)).seq).not.toBe((await recorded).seq);
  });

  it('wait for a slow one for a short time only', async () => {
    const [a, b, slow] = [ends.join(), ends.join(), ends.join()];
    const recorded = [end(a, endOf(THREATS)), end(b, endOf(CASES))];
    for (const callback of timers) callback();
    expect((await Promise.all(recorded)).map((each) => each.seq)).toEqual([1, 1]);
    expect((await end(slow, endOf(CAMPAIGNS))).seq).toBe(2);
  });

  it('all fail if their batch does, and leave nothing behind', async () => {
    const [a, b] = [ends.join(), ends.join()];
    const broken = endOf(THREATS, { ledger: [ledgerEntry({ status: null as never }), null as never] });
    const outcomes = await Promise.allSettled([end(a, broken), end(b, endOf(CASES))]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await store.streams()).toEqual([]);
    expect(await store.countRuns(null)).toBe(0);
  });
});

it('a poll of all resources of an account that finds nothing is one batch with the run of each', async () => {
  const now = '2026-03-01T12:00:00.000Z';
  const world = await createTenantWorld({
    now,
    tenant: {
      ...{ seed: 3, threats: 12, cases: 4, campaigns: 4 },
      ...{ from: shift(now, -5 * DAY), to: shift(now, -DAY) },
    },
  });
  const { store, clock } = world;
  // the first reads the history, the second what was too new for the first
  for (let polls = 0; polls < 2; polls += 1) {
    await world.poll();
    clock.advance(MINUTE);
  }
  const before = await store.head();
  const { passes } = await world.poll();
  expect((await store.head()).seq).toBe(before.seq + 1);
  expect(passes.length).toBeGreaterThan(2);
  for (const { runId, resource, streams } of passes) {
    expect(await store.run(runId)).toMatchObject({ resource, status: 'SUCCEEDED', trigger: 'POLL' });
    for (const { lastSuccessAt } of streams) expect(lastSuccessAt).toBe(toInstant(clock()));
  }
  await world.close();
});
