import type { HistoryStore, Pin } from '../../history/store.js';
import { type Instant, MINUTE, shift } from '../../values/instant.js';
import { bodyOf, sealIn } from './seal.js';

/** A seal as a report names it. */
export interface NamedSeal {
  readonly index: number;
  readonly hash: string;
  readonly at: Instant;
  /** The last batch that it and those before it cover. */
  readonly toSeq: number;
  /** The id of the key that signed it; `null` where nobody did. */
  readonly kid: string | null;
}

/** A seal says when it was begun, and is there a little later: what is so much older than the view is there. */
const SETTLED_MS = 10 * MINUTE;

/**
 * The last seal that was there when the view was: of one view always the same, however many come later. `null` where
 * there is none, or none that can be read.
 */
export async function sealBefore(store: HistoryStore, pin: Pin): Promise<NamedSeal | null> {
  const until = shift(pin.at, -SETTLED_MS);
  let [low, high] = [0, await store.journalLength('seals')];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const entry = await entryAt(store, middle);
    if (entry !== null && entry.at <= until) low = middle;
    else high = middle - 1;
  }
  const entry = low === 0 ? null : await entryAt(store, low);
  const seal = entry && sealIn(entry.body);
  const body = seal && bodyOf(seal);
  if (!seal || !body) return null;
  const { index, at, toSeq, key } = body;
  return { index, at, toSeq, hash: seal.hash, kid: key?.kid ?? null };
}

async function entryAt(store: HistoryStore, index: number) {
  const [entry] = await store.journal({ journal: 'seals', from: index - 1, descending: false, limit: 1 });
  return entry?.index === index ? entry : null;
}
