import { bodyOf, sealIn } from '../evidence/seal/seal.js';
import type { HistoryStore, Pin } from '../history/store.js';
import type { JournalEntry } from '../model/documents.js';
import type { RevisionRecord } from '../model/revision.js';
import { GATEWAY_EVENTS, type RecordChange, recordEvent } from '../policy/webhooks.js';
import type { ListedKind, RecordKey } from '../resources/registry.js';
import { canonicalJson, sha256 } from '../values/canonical-json.js';
import type { Instant } from '../values/instant.js';

/** What is sent: ids and positions, no content of records. */
export interface EventMessage {
  /** The same each time that it is sent, from whichever process. */
  readonly id: string;
  readonly type: string;
  /** When it was recorded (UTC). */
  readonly timestamp: Instant;
  readonly data: Readonly<Record<string, unknown>>;
}

type ListedRevision = RevisionRecord<ListedKind>;

export interface Subscription {
  readonly events: ReadonlySet<string>;
  /** The kinds of records of which changes are among `events`. */
  readonly kinds: readonly ListedKind[];
  /** `null`: all. */
  readonly integrations: readonly string[] | null;
  isMatch(revision: ListedRevision): boolean;
  /** What a message about a record contains besides its key and `seq`. */
  describe(revision: ListedRevision): Readonly<Record<string, unknown>>;
}

/** How far an endpoint has received what was recorded. */
export interface Place {
  /** The newest batch of which changes were considered, */
  readonly seq: number;
  /** up to this record; `null`: all of it. */
  readonly after: RecordKey | null;
  /** The entry of the journal `events`, */
  readonly event: number;
  /** and of the journal `seals`. */
  readonly seal: number;
}

interface Step {
  readonly place: Place;
  /** `null` if the endpoint does not want it. */
  readonly message: EventMessage | null;
}

export interface HistoryMark {
  readonly head: Pin;
  readonly events: number;
  readonly seals: number;
}

export async function readMark(store: HistoryStore): Promise<HistoryMark> {
  const [head, events, seals] = await Promise.all([
    store.head(),
    store.journalLength('events'),
    store.journalLength('seals'),
  ]);
  return { head, events, seals };
}

/** The present; a seal covers all earlier ones, so the last one is sent. */
export function placeAt({ head, events, seals }: HistoryMark): Place {
  return { seq: head.seq, after: null, event: events, seal: Math.max(0, seals - 1) };
}

/**
 * All that follows a place, in the order of `seq`. An event or a seal of a `seq` follows the changes of that batch and
 * of all earlier ones.
 */
export async function* messagesAfter(
  store: HistoryStore,
  wanted: Subscription,
  from: Place,
): AsyncGenerator<Step> {
  let place = await passUnwanted(store, wanted, from);
  yield { place, message: null };
  for (;;) {
    const next = earlierOf(await nextEvent(store, wanted, place), await nextSeal(store, place));
    const head = await store.head();
    const toSeq = Math.min(next?.seq ?? head.seq, head.seq);
    for await (const step of changesUpTo(store, wanted, place, toSeq)) {
      place = step.place;
      yield step;
    }
    if (next === null) return;
    place = next.move(place);
    yield { place, message: next.message };
  }
}

/** What an endpoint does not receive now, it does not receive later either. */
async function passUnwanted(store: HistoryStore, wanted: Subscription, place: Place): Promise<Place> {
  const { events, kinds } = wanted;
  const mark = await readMark(store);
  return {
    ...(kinds.length === 0 && place.seq < mark.head.seq ? { seq: mark.head.seq, after: null } : place),
    event: wantsDetected(wanted) ? place.event : mark.events,
    seal: events.has(SEAL_CREATED) ? place.seal : mark.seals,
  };
}

const SEAL_CREATED = 'seal.created';

export function wantsDetected({ events }: Pick<Subscription, 'events'>): boolean {
  return GATEWAY_EVENTS.some((type) => type !== SEAL_CREATED && events.has(type));
}

interface Next {
  readonly seq: number;
  readonly message: EventMessage | null;
  move(place: Place): Place;
}

function earlierOf(event: Next | null, seal: Next | null): Next | null {
  if (event === null || seal === null) return event ?? seal;
  return event.seq < seal.seq ? event : seal;
}

async function nextEvent(
  store: HistoryStore,
  { events, integrations }: Subscription,
  { event: from }: Place,
): Promise<Next | null> {
  const [entry] = await store.journal({ journal: 'events', from, descending: false, limit: 1 });
  if (!entry) return null;
  const message = messageOf(entry);
  const { integration } = message.data;
  const isWanted =
    events.has(message.type) &&
    (typeof integration !== 'string' || (integrations?.includes(integration) ?? true));
  return {
    seq: Number(message.data.seq),
    message: isWanted ? message : null,
    move: (place) => ({ ...place, event: entry.index }),
  };
}

function messageOf({ index, at, body }: JournalEntry): EventMessage {
  const { type, seq, data } = body;
  return {
    id: idOf(['event', index, at]),
    type: String(type),
    timestamp: at,
    data: { seq: Number(seq), ...(data as object) },
  };
}

async function nextSeal(store: HistoryStore, { seal: from }: Place): Promise<Next | null> {
  if ((await store.journalLength('seals')) <= from) return null;
  const [entry] = await store.journal({ journal: 'seals', from, descending: false, limit: 1 });
  if (!entry) return null;
  const seal = sealIn(entry.body);
  const body = seal && bodyOf(seal);
  const move = (place: Place) => ({ ...place, seal: entry.index });
  if (!seal || !body) return { seq: 0, message: null, move };
  const { index, at, toSeq } = body;
  const data = { seq: toSeq, index, hash: seal.hash, at };
  return {
    seq: toSeq,
    message: { id: idOf(['seal', index, seal.hash]), type: SEAL_CREATED, timestamp: at, data },
    move,
  };
}

/** Versions that are in memory at once. */
const CHANGES_AT_ONCE = 50;

async function* changesUpTo(
  store: HistoryStore,
  wanted: Subscription,
  from: Place,
  toSeq: number,
): AsyncGenerator<Step> {
  const { kinds, integrations } = wanted;
  let place = from;
  while (place.seq < toSeq || (place.seq === toSeq && place.after !== null)) {
    const { seq, after: key } = place;
    const after = key && { seqFrom: seq, key };
    const span = { afterSeq: key ? seq - 1 : seq, toSeq, after };
    const query = { ...span, kinds, integrations, limit: CHANGES_AT_ONCE };
    const found = (await store.changes(query)) as ListedRevision[];
    for (const revision of found) {
      place = { ...place, seq: revision.seqFrom, after: revision.key };
      yield { place, message: await changeMessage(store, wanted, revision) };
    }
    if (found.length === CHANGES_AT_ONCE) continue;
    place = { ...place, seq: toSeq, after: null };
    yield { place, message: null };
  }
}

async function changeMessage(
  store: HistoryStore,
  wanted: Subscription,
  revision: ListedRevision,
): Promise<EventMessage | null> {
  const { key, seqFrom, observedFrom } = revision;
  if (!wanted.isMatch(revision)) return null;
  const type = recordEvent(key.kind, await changeOf(store, revision));
  if (!wanted.events.has(type)) return null;
  const { integration, kind, id } = key;
  return {
    id: idOf(['change', integration, kind, id, seqFrom, observedFrom]),
    type,
    timestamp: observedFrom,
    data: { seq: seqFrom, integration, kind, id, ...wanted.describe(revision) },
  };
}

async function changeOf(
  store: HistoryStore,
  { key, seqFrom, deleted }: ListedRevision,
): Promise<RecordChange> {
  if (deleted) return 'deleted';
  const [previous] = await store.get([key], seqFrom - 1);
  return previous && !previous.deleted ? 'changed' : 'added';
}

function idOf(parts: readonly (string | number)[]): string {
  return `msg_${sha256(canonicalJson(parts)).slice(0, 32)}`;
}
