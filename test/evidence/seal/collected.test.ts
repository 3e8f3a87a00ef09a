import { expect, test } from 'vitest';
import { sealHistory } from '../../../src/evidence/seal/make-seals.js';
import { RecentRuns } from '../../../src/evidence/seal/seal-content.js';
import { verifyHistory } from '../../../src/evidence/verify/verify.js';
import { HOUR } from '../../../src/values/instant.js';
import { SIGNER } from '../../support/sealed-history.js';
import { createTenantWorld, INTEGRATION } from '../../sync/harness.js';

const NOW = '2026-03-20T12:00:00.000Z';

test('everything that the sync records, in interrupted, reconciled and live runs too, is sealed completely and verifies', async () => {
  const world = await createTenantWorld({
    now: NOW,
    tenant: {
      seed: 'sealed',
      from: '2026-02-20T00:00:00.000Z',
      to: '2026-04-10T00:00:00.000Z',
      threats: 120,
      cases: 30,
      campaigns: 20,
    },
  });
  const recent = new RecentRuns();
  const seal = () => sealHistory(world.store, { signer: SIGNER, clock: world.clock, recent, enough: 40 });
  try {
    let sync = world.sync;
    for (let n = 0; n < 8; n++) {
      world.clock.advance(n === 5 ? -3 * HOUR : 7 * HOUR);
      // each third poll is stopped on its way, as by a signal
      const signal = n % 3 === 1 ? AbortSignal.timeout(40) : new AbortController().signal;
      await sync.poll({ signal }).catch(() => undefined);
      if (n % 2 === 0) await seal();
      if (n === 3) {
        await sync.close();
        sync = world.restart();
      }
      const { seq } = await world.store.head();
      const [threat] = (
        await world.store.page({
          ...{ kind: 'threat', integrations: [INTEGRATION], filter: null, seq },
          ...{ orderBy: 'id', descending: false, after: null, limit: 1 },
        })
      ).items;
      if (threat) await sync.live.record(threat.revision.key, 1);
      await sync.live.list('cases', null, 1);
      await sync.reconcile({ from: '2026-03-10T00:00:00.000Z', to: NOW, signal });
    }
    await sync.close();
    await seal();
    const report = await verifyHistory(world.store, {
      ...{ publicKeys: [SIGNER.publicKey], mustBeSigned: true, held: [] },
    });
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ verdict: 'INTACT', unsealed: 0 });
    const runs = await world.store.runs({ integrations: null, before: null, limit: 1000 });
    expect(report.runs).toBe(runs.filter(({ endedAt }) => endedAt !== null).length);
    expect(report.runs).toBeGreaterThan(20);
  } finally {
    await world.close();
  }
});
