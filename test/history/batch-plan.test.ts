import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BatchPlan, type HeldVersion, planBatch } from '../../src/history/batch-plan.js';
import type { Batch, Pin } from '../../src/history/store.js';
import { isListed, KINDS, keyText, type RecordKey } from '../../src/resources/registry.js';
import { latest, shift } from '../../src/values/instant.js';
import { variants } from '../support/arbitraries.js';
import { batchFrom, batchPlan } from '../support/arbitraries-batches.js';
import { OracleStore } from '../support/oracle-store.js';

const FC_RUNS = Number(process.env.FC_RUNS ?? 40);
const integrations = ['a', 'b'];
const ids = ['1', '2', '3', '4'];

const history = fc.record({ variants, batches: fc.array(batchPlan, { minLength: 1, maxLength: 12 }) });

describe('planBatch', () => {
  it('decides like the oracle, batch by batch', async () => {
    const property = fc.asyncProperty(history, async ({ variants, batches }) => {
      const oracle = new OracleStore(Date.now);
      const held = new Map<string, HeldVersion>();
      for (const [n, plan] of batches.entries()) {
        const head = await oracle.head();
        const batch = batchFrom(plan, `batch-${n}`, { integrations, ids, variants }, head);
        const pin = { seq: head.seq + 1, at: latest(batch.now, shift(head.at, 1)) };
        const planned = planBatch(batch, pin, held);
        const liveBefore = await liveCounts(oracle, head.seq);
        expect(planned.recorded).toEqual(await oracle.record(batch));
        apply(planned, pin, held);
        expect(sorted(held)).toEqual(sorted(await newestVersions(oracle)));
        expect(orderOf(planned)).toEqual(await orderRecorded(oracle, pin));
        const liveAfter = await liveCounts(oracle, pin.seq);
        for (const { kind, integration, change } of planned.liveChanges) {
          const group = `${kind} ${integration}`;
          liveBefore.set(group, (liveBefore.get(group) ?? 0) + change);
        }
        expect(liveBefore).toEqual(liveAfter);
        expect(verifiedIn(planned)).toEqual(await confirmedBy(oracle, pin.seq));
      }
    });
    await fc.assert(property, { numRuns: FC_RUNS, seed: Number(process.env.FC_SEED ?? 20_260_301) });
  });

  it('gives each key at most one operation', async () => {
    const property = fc.asyncProperty(history, async ({ variants, batches: [plan] }) => {
      if (!plan) return;
      const batch: Batch = batchFrom(plan, 'batch', { integrations, ids, variants }, { seq: 0, at: '1970' });
      const { operations } = planBatch(batch, { seq: 1, at: batch.now }, new Map());
      expect(new Set(operations.map(({ key }) => keyText(key))).size).toBe(operations.length);
    });
    await fc.assert(property, { numRuns: FC_RUNS });
  });
});

/** Does what both stores do with a plan. */
function apply({ operations }: BatchPlan<HeldVersion>, { seq }: Pin, held: Map<string, HeldVersion>): void {
  for (const operation of operations) {
    const { type, key, verifiedAt } = operation;
    const written = { seqFrom: seq, verifiedAt, confirmedBy: seq };
    if (type === 'CONFIRM')
      held.set(keyText(key), { ...operation.held, ...written, seqFrom: operation.held.seqFrom });
    else if (type === 'TOMBSTONE') held.set(keyText(key), { ...operation.held, ...written, deleted: true });
    else held.set(keyText(key), { ...written, digest: operation.observation.digest, deleted: false });
  }
}

async function newestVersions(oracle: OracleStore): Promise<Map<string, HeldVersion>> {
  const { seq } = await oracle.head();
  const newest = new Map<string, HeldVersion>();
  const keys = KINDS.flatMap((kind) =>
    integrations.flatMap((integration) => ids.map((id) => ({ kind, integration, id }))),
  );
  const revisions = await oracle.get(keys, seq);
  for await (const confirmations of oracle.confirmations()) {
    for (const { key, seqFrom, confirmedBy } of confirmations) {
      const revision = revisions.find((one) => one?.seqFrom === seqFrom && keyText(one.key) === keyText(key));
      if (!revision) continue;
      const { verifiedAt, digest, deleted } = revision;
      newest.set(keyText(key), { seqFrom, verifiedAt, confirmedBy, digest, deleted });
    }
  }
  return newest;
}

function orderOf({ operations }: BatchPlan<HeldVersion>): RecordKey[] {
  return operations.filter(({ type }) => type !== 'CONFIRM').map(({ key }) => key);
}

async function orderRecorded(oracle: OracleStore, { seq }: Pin): Promise<RecordKey[]> {
  const written = { afterSeq: seq - 1, toSeq: seq, kinds: KINDS, integrations: null };
  return (await oracle.changes({ ...written, after: null, limit: 1_000 })).map(({ key }) => key);
}

async function liveCounts(oracle: OracleStore, seq: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const kind of KINDS.filter(isListed)) {
    for (const integration of integrations) {
      const live = await oracle.count({ kind, integrations: [integration], filter: null, seq });
      counts.set(`${kind} ${integration}`, live);
    }
  }
  return counts;
}

function verifiedIn({ verified }: BatchPlan<HeldVersion>): string[] {
  return verified.map(({ key, seqFrom, verifiedAt }) => `${keyText(key)} ${seqFrom} ${verifiedAt}`).sort();
}

async function confirmedBy(oracle: OracleStore, seq: number): Promise<string[]> {
  const found: string[] = [];
  for await (const confirmations of oracle.confirmations()) {
    for (const one of confirmations) {
      if (one.confirmedBy === seq) found.push(`${keyText(one.key)} ${one.seqFrom} ${one.verifiedAt}`);
    }
  }
  return found.sort();
}

function sorted(held: ReadonlyMap<string, HeldVersion>): [string, HeldVersion][] {
  return [...held].sort(([a], [b]) => (a < b ? -1 : 1));
}
