import { z } from 'zod';
import type { HistoryStore } from '../history/store.js';
import { changeDocument } from '../history/store-access.js';
import type { DocumentBody } from '../model/documents.js';
import type { Kind } from '../resources/registry.js';
import type { Instant } from '../values/instant.js';

/** When so many wait for a replay, further messages are retried until there is room. */
const MOST_DEAD_LETTERS = 100;

const COLLECTION = 'settings';

const text = z.string();
const keySchema = z.object({ integration: text, kind: text.transform((kind) => kind as Kind), id: text });
const place = z.object({ seq: z.int(), after: keySchema.nullable(), event: z.int(), seal: z.int() });
/** The message that an endpoint does not accept, `since` its first try; the next one is sent after it. */
const failure = z.object({ id: text, tries: z.int(), since: text, retryAt: text, error: text });
const STATE = z.object({
  place,
  failure: failure.nullable(),
  /** The address that responded with 410: nothing more is sent to it. */
  gone: text.nullable(),
  lastSentAt: text.nullable(),
});
export type DeliveryState = Readonly<z.infer<typeof STATE>>;

const message = z.object({ id: text, type: text, timestamp: text, data: z.record(text, z.unknown()) });
const letter = z.object({ message, tries: z.int(), since: text, error: text });
const LETTERS = z.object({ letters: z.array(letter) });
type DeadLetter = Readonly<z.infer<typeof letter>>;

/** `SEAL_HOOK` was there before webhooks; its document had only the index of the last seal that was sent. */
export const SEAL_HOOK_DOCUMENT = 'seal-hook';

export function deliveryDocument(name: string): string {
  return `webhook-endpoint-${name}`;
}

/** Version 0 if nothing is stored. */
export async function readState(store: HistoryStore, id: string) {
  const known = await store.document(COLLECTION, id);
  return { state: known && stateIn(known.body), version: known?.version ?? 0 };
}

function stateIn(body: DocumentBody): DeliveryState | null {
  const read = STATE.safeParse(body);
  if (read.success) return read.data;
  const index = Number(body.index);
  const seal = Number.isInteger(index) ? { seq: 0, after: null, event: 0, seal: index } : null;
  return seal && { place: seal, failure: null, gone: null, lastSentAt: null };
}

function bodyOf(id: string, state: DeliveryState): DocumentBody {
  // an earlier gateway reads `index`
  return id === SEAL_HOOK_DOCUMENT ? { ...state, index: state.place.seal } : { ...state };
}

/** False if another process has written it. */
export function writeState(
  store: HistoryStore,
  id: string,
  state: DeliveryState,
  version: number,
): Promise<boolean> {
  return store.putDocument(COLLECTION, id, bodyOf(id, state), version);
}

/** Ends the wait for a retry: the endpoint has accepted another message. */
export async function endWait(store: HistoryStore, id: string, now: Instant): Promise<void> {
  await changeDocument(store, COLLECTION, id, ({ body }) => {
    const state = stateIn(body);
    if (!state || (state.failure === null && state.gone === null)) return null;
    const failure = state.failure && { ...state.failure, retryAt: now };
    return bodyOf(id, { ...state, failure, gone: null });
  });
}

function lettersId(name: string): string {
  return `webhook-dead-${name}`;
}

export async function readLetters(store: HistoryStore, name: string): Promise<readonly DeadLetter[]> {
  return lettersIn((await store.document(COLLECTION, lettersId(name)))?.body);
}

function lettersIn(body: DocumentBody | undefined): readonly DeadLetter[] {
  const read = LETTERS.safeParse(body);
  return read.success ? read.data.letters : [];
}

/** False if there is no room. Adding one twice adds it once. */
export function addLetter(store: HistoryStore, name: string, letter: DeadLetter): Promise<boolean> {
  return changeLetters(store, name, (letters) => {
    const others = letters.filter(({ message: { id } }) => id !== letter.message.id);
    return others.length < MOST_DEAD_LETTERS ? [...others, letter] : null;
  });
}

export async function removeLetter(store: HistoryStore, name: string, messageId: string): Promise<void> {
  await changeLetters(store, name, (letters) => letters.filter(({ message: { id } }) => id !== messageId));
}

async function changeLetters(
  store: HistoryStore,
  name: string,
  change: (letters: readonly DeadLetter[]) => readonly DeadLetter[] | null,
): Promise<boolean> {
  const { isChanged } = await changeDocument(store, COLLECTION, lettersId(name), ({ body }) => {
    const letters = change(lettersIn(body));
    return letters && { letters };
  });
  return isChanged;
}
