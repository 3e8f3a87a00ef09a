import fc, { type Arbitrary } from 'fast-check';
import type { AuditEvent } from '../../src/audit-trail.js';
import { recordAudit } from '../../src/audit-trail.js';
import { sealHistory } from '../../src/evidence/seal/make-seals.js';
import { newSigningKey, type Signer, signerOf } from '../../src/evidence/seal/signing-key.js';
import type { HistoryStore } from '../../src/history/store.js';
import { toMillis } from '../../src/values/instant.js';
import { IDS, variants } from './arbitraries.js';
import { type BatchPlan, batchFrom, batchPlan, type World } from './arbitraries-batches.js';
import { streamState } from './records.js';

export const SIGNER: Signer = signerOf(newSigningKey());

const DEED: AuditEvent = {
  caller: { kind: 'COMMAND_LINE', id: 'ops', name: 'ops', role: 'admin' },
  action: 'POLL',
  target: null,
  outcome: 'SUCCEEDED',
  detail: 'polled',
};

/** A history to be made: batches, and after which of them it is sealed, how, and by whom. */
export interface HistoryShape {
  readonly world: World;
  readonly batches: readonly { readonly plan: BatchPlan; readonly seal: 'NO' | 'SIGNED' | 'UNSIGNED' }[];
  /** Revisions after which a seal ends. */
  readonly enough: number;
}

export const historyShape: Arbitrary<HistoryShape> = fc.record({
  world: fc.record({
    integrations: fc.constantFrom(['default'], ['a', 'b'], ['acme', 'acme/cases', 'Zoë']),
    ids: fc.constant(IDS),
    variants,
  }),
  batches: fc.array(
    fc.record({ plan: batchPlan, seal: fc.constantFrom('NO', 'NO', 'SIGNED', 'SIGNED', 'UNSIGNED') }),
    { minLength: 1, maxLength: 14, size: 'max' },
  ),
  enough: fc.constantFrom(1, 5, 20_000),
});

/** Records and seals what the shape says. `last`: how the whole of it is sealed at the end, if it is. */
export async function recordShape(
  store: HistoryStore,
  { world, batches, enough }: HistoryShape,
  last: 'NO' | 'SIGNED' | 'UNSIGNED' = 'NO',
): Promise<void> {
  for (const [n, { plan, seal }] of batches.entries()) {
    const head = await store.head();
    const batch = batchFrom(plan, `batch-${n}`, world, head);
    const isOver = n % 4 !== 3;
    // a run is written anew until it has ended, and never after that
    const run = { ...batch.run, id: `run-${n}`, startedAt: batch.now, endedAt: isOver ? batch.now : null };
    const otherRuns = (batch.otherRuns ?? []).map((other) => ({
      ...{ ...other, id: `other-run-${n}`, startedAt: run.startedAt, endedAt: run.endedAt },
    }));
    // as the sync does: what is read of an account has a state from the beginning
    const streams = [
      ...world.integrations.map((integration) => streamState({ integration })),
      ...batch.streams,
    ];
    const { at } = await store.record({ ...batch, run, ...(otherRuns.length > 0 && { otherRuns }), streams });
    if (n % 2 === 0) await recordAudit({ store, clock: () => toMillis(at) }, DEED);
    await sealAs(store, seal, at, enough);
  }
  const { at } = await store.head();
  await sealAs(store, last, at, enough);
}

async function sealAs(store: HistoryStore, how: 'NO' | 'SIGNED' | 'UNSIGNED', at: string, enough: number) {
  if (how === 'NO') return;
  const signer = how === 'SIGNED' ? SIGNER : null;
  await sealHistory(store, { signer, clock: () => toMillis(at) + 1, enough });
}
