import { appendFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { bodyOf, sealIn } from '../evidence/seal/seal.js';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import { sendOnce } from '../outgoing.js';

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

export interface SealHookOptions {
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
export async function tellHook({ store, hook, log, signal }: SealHookOptions): Promise<void> {
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
      'the hash of a seal could not be posted to SEAL_HOOK; it is tried again with the next',
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
      await setTimeout(PAUSE_MS * tries, undefined, { signal });
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
  if (status < 200 || status > 299) throw new Error(`it answered ${status}`);
}
