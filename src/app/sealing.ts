import type { Config } from '../config/config.js';
import { sealHistory } from '../evidence/seal/make-seals.js';
import { RecentRuns } from '../evidence/seal/seal-content.js';
import { publishKey } from '../evidence/seal/signing-key.js';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import type { Sync } from '../sync/sync.js';

type Sealer = ReturnType<typeof createSealer>;

interface SealerOptions {
  readonly store: HistoryStore;
  readonly proof: Config['proof'];
  readonly clock: () => number;
  readonly log: Log;
}

/** After so many seals, the readings that they cover are kept in less space. */
const JOIN_EVERY = 32;

export function createSealer({ store, proof, clock, log }: SealerOptions) {
  const { signer } = proof;
  const recent = new RecentRuns();
  let current: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  let isPublished = signer === null;

  async function sealNow(): Promise<void> {
    next = null;
    try {
      if (signer && !isPublished) await publishKey(store, signer.publicKey, clock());
      isPublished = true;
      const seals = await sealHistory(store, { signer, clock, recent });
      for (const { index, hash, toSeq } of seals)
        log.info({ seal: index, hash, toSeq, signed: signer !== null }, 'sealed');
      const last = seals.at(-1);
      if (last && seals.some(({ index }) => index % JOIN_EVERY === 0)) await store.joinReadings(last.toSeq);
    } catch (error) {
      log.error({ err: error }, 'sealing failed; it is tried again after the next run');
    }
  }

  return {
    /**
     * Seals everything recorded before the call. Never rejects: a failure is logged, and the next seal includes
     * the rest.
     */
    seal(): Promise<void> {
      // the current seal may not cover what this caller recorded, so another one follows
      next ??= current.then(sealNow);
      current = next;
      return next;
    },
    close: () => current,
  };
}

export function withSealing(sync: Sync, sealer: Sealer): Sync {
  return {
    ...sync,
    poll: (options) => sync.poll(options).finally(sealer.seal),
    backfill: (options) => sync.backfill(options).finally(sealer.seal),
    reconcile: (options) => sync.reconcile(options).finally(sealer.seal),
  };
}
