import { appendFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/config.js';
import { RecentRuns } from '../evidence/seal/ended-runs.js';
import { sealHistory } from '../evidence/seal/make-seals.js';
import { bodyOf, sealIn } from '../evidence/seal/seal.js';
import { publishKey } from '../evidence/seal/signing-key.js';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import { sendOnce } from '../outgoing.js';
import type { Sync } from '../sync/sync.js';

/** Seals what was recorded. */
interface Sealer {
  /** Seals all that was recorded before the call. Never rejects: what fails is logged, and made up for the next time. */
  seal(): Promise<void>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

interface SealerOptions {
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
      log.error({ err: error }, 'sealing failed; it is tried again after the next run');
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

/** What is told of a seal outside of the history: enough to find later that it is gone or another. */
interface SealLine {
  readonly index: number;
  readonly hash: string;
  readonly at: string;
}

const DOCUMENT = 'seal-hook';
const TRIES = 3;
const PAUSE_MS = 1000;
const TIMEOUT_MS = 5000;
/** A hook has nothing to say; a server's page of text is let be. */
const MOST_BYTES = 1024 * 1024;

interface SealHookOptions {
  readonly store: HistoryStore;
  /** `https://…`, `http://` to this machine, or `file:…`. */
  readonly hook: string;
  readonly log: Log;
  /** Gives up what is under way; it is made up for later. */
  readonly signal: AbortSignal;
}

/**
 * Tells the hook of every seal that it has not been told of, each at least once; how far it has come stands in the
 * history, so that what fails is made up for after the next seal. Never rejects.
 */
async function tellHook({ store, hook, log, signal }: SealHookOptions): Promise<void> {
  try {
    const known = await store.document('settings', DOCUMENT);
    const length = await store.journalLength('seals');
    if (length === 0) return;
    // one that is new to a history begins with its last seal, which vouches for all before
    let told = Number(known?.body.index ?? length - 1);
    let version = known?.version ?? 1;
    if (!known && !(await store.putDocument('settings', DOCUMENT, { index: told }, 0))) return;
    while (told < length) {
      const line = await lineOf(store, told + 1);
      if (line !== null) await tell(hook, line, signal);
      told += 1;
      // another process may tell it the same at the same time
      if (!(await store.putDocument('settings', DOCUMENT, { index: told }, version))) return;
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
