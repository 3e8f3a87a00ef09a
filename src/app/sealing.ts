import { appendFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/config.js';
import { sealHistory } from '../evidence/seal/make-seals.js';
import { bodyOf, sealIn } from '../evidence/seal/seal.js';
import { RecentRuns } from '../evidence/seal/seal-content.js';
import { publishKey } from '../evidence/seal/signing-key.js';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import { sendOnce } from '../outgoing.js';
import type { Sync } from '../sync/sync.js';

interface Sealer {
  /**
   * Seals everything recorded before the call. Never rejects: a failure is logged, and the next seal includes
   * the rest.
   */
  seal(): Promise<void>;
  close(): Promise<void>;
}

interface SealerOptions {
  readonly store: HistoryStore;
  readonly proof: Config['proof'];
  readonly clock: () => number;
  readonly log: Log;
}

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
      log.error({ err: error }, 'sealing failed; it is tried again after the next run');
    }
    if (hook !== null) telling = telling.then(() => tellHook({ store, hook, log, signal: giveUp.signal }));
  }

  return {
    seal() {
      // the current seal may not cover what this caller recorded, so another one follows
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

/** A sync that seals each run before its caller continues. */
export function withSealing(sync: Sync, sealer: Sealer): Sync {
  return {
    ...sync,
    poll: (options) => sync.poll(options).finally(sealer.seal),
    backfill: (options) => sync.backfill(options).finally(sealer.seal),
    reconcile: (options) => sync.reconcile(options).finally(sealer.seal),
  };
}

/** The facts of a seal outside the history, from which its removal or change can be detected later. */
interface SealLine {
  readonly index: number;
  readonly hash: string;
  readonly at: string;
}

const DOCUMENT = 'seal-hook';
const TRIES = 3;
const PAUSE_MS = 1000;
const TIMEOUT_MS = 5000;
/** A hook's response is ignored beyond this. */
const MOST_BYTES = 1024 * 1024;

interface SealHookOptions {
  readonly store: HistoryStore;
  /** `https://…`, `http://` to this machine, or `file:…`. */
  readonly hook: string;
  readonly log: Log;
  /** Aborts the current request; it is sent again later. */
  readonly signal: AbortSignal;
}

/**
 * Sends every seal to the hook in order, at least once. The position is stored in the history, so that failed
 * ones are sent after the next seal. Never rejects.
 */
async function tellHook({ store, hook, log, signal }: SealHookOptions): Promise<void> {
  try {
    const known = await store.document('settings', DOCUMENT);
    const length = await store.journalLength('seals');
    if (length === 0) return;
    // a new hook begins with the last seal, which covers all earlier ones
    let notified = Number(known?.body.index ?? length - 1);
    let version = known?.version ?? 1;
    if (!known && !(await store.putDocument('settings', DOCUMENT, { index: notified }, 0))) return;
    while (notified < length) {
      const line = await lineOf(store, notified + 1);
      if (line !== null) await tell(hook, line, signal);
      notified += 1;
      // another process may send the same seal concurrently
      if (!(await store.putDocument('settings', DOCUMENT, { index: notified }, version))) return;
      version += 1;
    }
  } catch (error) {
    log.warn(
      { err: error },
      'the hash of a seal could not be sent to SEAL_HOOK; it is sent again with the next seal',
    );
  }
}

async function lineOf(store: HistoryStore, index: number): Promise<SealLine | null> {
  const query = { journal: 'seals', from: index - 1, descending: false, limit: 1 } as const;
  const [entry] = await store.journal(query);
  const seal = entry ? sealIn(entry.body) : null;
  const body = seal && bodyOf(seal);
  return seal && body ? { index, hash: seal.hash, at: body.at } : null;
}

async function tell(hook: string, line: SealLine, signal: AbortSignal): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      if (hook.startsWith('file:')) await appendFile(pathOf(hook), `${JSON.stringify(line)}\n`);
      else await post(hook, line, signal);
      return;
    } catch (error) {
      if (tries === TRIES) throw error;
      await delay(PAUSE_MS * tries, undefined, { signal });
    }
  }
}

function pathOf(hook: string): string {
  return hook.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
}

async function post(hook: string, line: SealLine, signal: AbortSignal): Promise<void> {
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(line),
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  } as const;
  const { status } = await sendOnce(hook, request, MOST_BYTES);
  if (status < 200 || status > 299) throw new Error(`it responded with ${status}`);
}
