import type { Config } from '../config/config.js';
import { RecentRuns } from '../evidence/seal/ended-runs.js';
import { publishKey } from '../evidence/seal/published-keys.js';
import { sealHistory } from '../evidence/seal/seal-history.js';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import type { Sync } from '../sync/create-sync.js';
import { tellHook } from './seal-hook.js';

/** Seals what was recorded. */
export interface Sealer {
  /** Seals all that was recorded before the call. Never rejects: what fails is logged, and made up for the next time. */
  seal(): Promise<void>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

export interface SealerOptions {
  readonly store: HistoryStore;
  readonly proof: Config['proof'];
  readonly clock: () => number;
  readonly log: Log;
}

/** How long a hook may take to answer once the process is to end. */
const PATIENCE_MS = 3000;

export function createSealer({ store, proof, clock, log }: SealerOptions): Sealer {
  const { signer, hook } = proof;
  const recent = new RecentRuns();
  let current: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  let telling: Promise<void> = Promise.resolve();
  let isPublished = signer === null;
  const giveUp = new AbortController();

  async function sealNow(): Promise<void> {
    next = null;
    try {
      if (signer && !isPublished) await publishKey(store, signer.publicKey, clock());
      isPublished = true;
      for (const { index, hash, toSeq } of await sealHistory(store, { signer, clock, recent })) {
        log.info({ seal: index, hash, toSeq, signed: signer !== null }, 'sealed');
      }
    } catch (error) {
      log.error(
        { err: error },
        'what was recorded could not be sealed; it is tried again after the next run',
      );
    }
    if (hook !== null) telling = telling.then(() => tellHook({ store, hook, log, signal: giveUp.signal }));
  }

  return {
    seal() {
      // whoever asks while a seal is being made may have recorded what it does not cover: one more follows it
      next ??= current.then(sealNow);
      current = next;
      return next;
    },
    async close() {
      await current;
      const patience = setTimeout(() => giveUp.abort(), PATIENCE_MS);
      await telling;
      clearTimeout(patience);
    },
  };
}

/** The same sync, each of whose runs is sealed once it has ended, before whoever asked for it goes on. */
export function withSealing(sync: Sync, sealer: Sealer): Sync {
  return {
    ...sync,
    poll: (options) => sync.poll(options).finally(sealer.seal),
    backfill: (options) => sync.backfill(options).finally(sealer.seal),
    reconcile: (options) => sync.reconcile(options).finally(sealer.seal),
  };
}
