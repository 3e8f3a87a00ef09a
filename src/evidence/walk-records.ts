import { nextTurn } from '../async/waiting.js';
import type { RecordFact, RecordVersion, ThreatFact, VersionedFact } from '../controls/control.js';
import { earliestReceived } from '../controls/malicious.js';
import { lastSaid } from '../controls/timeliness.js';
import type { HistoryStore, Pin, Position, StorePage } from '../history/store.js';
import { RecordedMessages } from '../model/recorded-messages.js';
import type { RevisionRecord } from '../model/revision.js';
import {
  DEFINITION_OF,
  keyText,
  type ListedKind,
  type RecordOf,
  type VersionedKind,
} from '../resources/registry.js';
import type { MessageRecord, ThreatRecord } from '../resources/threat/threat.js';
import { jsonBytes } from '../values/bounded-cache.js';
import type { Filter } from '../values/filter.js';
import { type Instant, latest, shift } from '../values/instant.js';

const LARGEST_PAGE = 2_000;
/** A threat may have thousands of messages, so a page has about so many bytes of records, if it has more than a few. */
const PAGE_BYTES = 16 * 1024 * 1024;
const SMALLEST_PAGE = 20;
/** Records that are evaluated before other work is let in, and that are measured for the size of the next page. */
const AT_ONCE = 50;
const MEASURED = 3;

interface Walk {
  readonly store: HistoryStore;
  readonly pin: Pin;
  readonly integrations: readonly string[];
  /** Source time that the records may belong to, `[from, to)`. */
  readonly from: Instant;
  readonly to: Instant;
  /** How many records the next page has. */
  readonly page: { limit: number };
}

/** The size of a walk's first page; those of the next depend on how large the records are. */
export const FIRST_PAGE = { limit: 200 } as const;

/**
 * Every record of a kind that was recorded up to the pin and may belong to a span, page by page. A record counts by
 * all of its versions, so one that Abnormal no longer returns, or returns with less, is there as it was last recorded.
 */
export async function* walkRecords(walk: Walk, kind: ListedKind): AsyncGenerator<RecordFact[]> {
  if (kind === 'threat') yield* walkThreats(walk);
  else yield* walkTimed(walk, kind, DEFINITION_OF[kind].evidence.times);
}

/** What becomes of a record's versions, which come newest first. */
interface Folding<K extends ListedKind> {
  add(revision: RevisionRecord<K>): void;
  /** The fact that stands at this place of the walk; `null` where the record stands at another. */
  factAt(item: Position): RecordFact | null;
}

async function* walkThreats(walk: Walk): AsyncGenerator<RecordFact[]> {
  const received = { and: [since(walk, 'receivedTime'), until(walk, 'firstReceivedTime')] };
  yield* search(walk, 'threat', 'receivedTime', received, () => new ThreatFolding(walk, true));
  yield* search(
    walk,
    'threat',
    'receivedTime',
    isUnsaid('receivedTime'),
    () => new ThreatFolding(walk, false),
  );
}

class ThreatFolding implements Folding<'threat'> {
  readonly #messages = new RecordedMessages<null>();
  #newest: RevisionRecord<'threat'> | null = null;
  #oldest: RevisionRecord<'threat'> | null = null;
  #record: ThreatRecord | null = null;
  #recipientCount: number | null = null;
  /** The earliest place at which the walk meets it. */
  #place: Instant | null = null;

  constructor(
    private readonly walk: Walk,
    /** Whether threats are sought of which a message says when it was received; else those of which none does. */
    private readonly isDated: boolean,
  ) {}

  add(revision: RevisionRecord<'threat'>): void {
    this.#newest ??= revision;
    this.#oldest = revision;
    this.#messages.add(revision, null);
    if (revision.deleted) return;
    this.#record ??= revision.record;
    this.#recipientCount ??= revision.record.recipientCount;
    const times = revision.record.messages.flatMap(({ receivedTime }) => receivedTime ?? []);
    const last = times.length === 0 ? null : times.reduce(latest);
    const isMet = last !== null && last >= this.walk.from && times.some((time) => time < this.walk.to);
    if (isMet && (this.#place === null || last < this.#place)) this.#place = last;
  }

  factAt({ value, integration, id }: Position): ThreatFact | null {
    const [newest, oldest, record] = [this.#newest, this.#oldest, this.#record];
    if (!newest || !oldest || !record) return null;
    const key = { kind: 'threat', integration, id } as const;
    const goneSince = newest.deleted ? newest.observedFrom : null;
    const all = newest === oldest ? [] : this.#messages.all();
    const gone = new Map<MessageRecord, Instant>();
    for (const { message, noLongerGivenSince } of all) {
      if (noLongerGivenSince !== null) gone.set(message, noLongerGivenSince);
    }
    const whole = {
      ...record,
      recipientCount: this.#recipientCount,
      messages: all.map(({ message }) => message),
    };
    const merged = newest === oldest ? record : whole;
    const isHere = this.isDated ? value === this.#place : earliestReceived(merged) === null;
    const firstRecordedAt = oldest.observedFrom;
    return isHere
      ? { kind: 'threat', key, record: merged, firstRecordedAt, goneSince, goneMessages: gone }
      : null;
  }
}

/** Walks by each time that may decide, and finds a record where its deciding time stands. */
async function* walkTimed(
  walk: Walk,
  kind: VersionedKind,
  fields: readonly string[],
): AsyncGenerator<RecordFact[]> {
  for (const field of fields) {
    const filter = { and: [since(walk, field), until(walk, field)] };
    yield* search(walk, kind, field, filter, () => new TimedFolding(walk, fields, field));
  }
  const [first] = fields;
  const unsaid = { and: fields.map(isUnsaid) };
  if (first) yield* search(walk, kind, first, unsaid, () => new TimedFolding(walk, fields, null));
}

class TimedFolding<K extends VersionedKind> implements Folding<K> {
  readonly #versions: RecordVersion<RecordOf[K]>[] = [];
  #newest: RevisionRecord<K> | null = null;

  constructor(
    private readonly walk: Walk,
    private readonly fields: readonly string[],
    /** The time that is walked by; `null`: what says none is sought. */
    private readonly field: string | null,
  ) {}

  add(revision: RevisionRecord<K>): void {
    this.#newest ??= revision;
    const { record, observedFrom, seqTo, verifiedAt, deleted } = revision;
    if (deleted) return;
    // a version still open at the pin may be confirmed again after it, and the answer must stay the same
    const isClosed = seqTo <= this.walk.pin.seq;
    this.#versions.push({ record, observedFrom, verifiedAt: isClosed ? verifiedAt : null });
  }

  factAt({ value, integration, id }: Position): RecordFact | null {
    const versions = this.#versions.toReversed() as [
      RecordVersion<RecordOf[K]>,
      ...RecordVersion<RecordOf[K]>[],
    ];
    const newest = this.#newest;
    if (newest === null || versions.length === 0) return null;
    const said = lastSaid(versions, this.fields);
    if ((said?.field ?? null) !== this.field || (said?.at ?? null) !== value) return null;
    const goneSince = newest.deleted ? newest.observedFrom : null;
    const fact: VersionedFact<K> = {
      ...{ kind: newest.key.kind, key: { ...newest.key, integration, id } },
      ...{ versions, goneSince },
    };
    return fact as RecordFact;
  }
}

/** Walks the places at which versions match a filter, reads the records' versions and gives the facts found there. */
async function* search<K extends ListedKind>(
  walk: Walk,
  kind: K,
  orderBy: string,
  filter: Filter,
  begin: () => Folding<K>,
): AsyncGenerator<RecordFact[]> {
  const { store, pin, integrations, page } = walk;
  const query = { kind, integrations, filter, seq: pin.seq, orderBy };
  let after: Position | null = null;
  do {
    const { items, hasMore }: StorePage<Position> = await store.recorded({
      ...query,
      after,
      limit: page.limit,
    });
    const foldings = await fold(walk, kind, items, begin);
    let bytes = 0;
    for (let i = 0; i < items.length; i += AT_ONCE) {
      if (i > 0) await nextTurn();
      const facts = items.slice(i, i + AT_ONCE).flatMap((item, n) => foldings[i + n]?.factAt(item) ?? []);
      bytes += (jsonBytes(facts.slice(0, MEASURED)) * facts.length) / MEASURED;
      yield facts;
    }
    after = hasMore ? (items.at(-1) ?? null) : null;
    if (bytes > 0) page.limit = fitting(items.length / bytes);
  } while (after !== null);
}

function fitting(recordsPerByte: number): number {
  return Math.min(Math.max(Math.floor(recordsPerByte * PAGE_BYTES), SMALLEST_PAGE), LARGEST_PAGE);
}

/** What the versions of the records come to, in the order of their places. A record may stand at several. */
async function fold<K extends ListedKind>(
  { store, pin }: Walk,
  kind: K,
  items: readonly Position[],
  begin: () => Folding<K>,
): Promise<Folding<K>[]> {
  const keys = items.map(({ integration, id }) => ({ kind, integration, id }));
  const byKey = new Map(keys.map((key) => [keyText(key), begin()]));
  for await (const versions of store.versions(keys, pin.seq)) {
    for (const version of versions) byKey.get(keyText(version.key))?.add(version);
  }
  return keys.map((key) => byKey.get(keyText(key)) as Folding<K>);
}

const since = ({ from }: Walk, field: string): Filter => ({ field, gte: from });
const until = ({ to }: Walk, field: string): Filter => ({ field, lte: shift(to, -1) });
const isUnsaid = (field: string): Filter => ({ field, eq: null });
