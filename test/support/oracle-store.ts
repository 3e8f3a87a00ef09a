import { statementOf } from '../../src/history/batch-plan.js';
import { HistoryError } from '../../src/history/errors.js';
import type { Statistics, StatisticsQuery } from '../../src/history/statistics.js';
import type {
  Batch,
  BatchNote,
  BatchStatement,
  ChangesQuery,
  Confirmation,
  ConfirmedVersion,
  FirstQuery,
  HistoryStore,
  ListQuery,
  PageItem,
  PageQuery,
  Pin,
  Position,
  ReceivedRevision,
  Recorded,
  RecordedQuery,
  StorePage,
} from '../../src/history/store.js';
import type {
  Collection,
  DocumentBody,
  Journal,
  JournalEntry,
  StoredDocument,
} from '../../src/model/documents.js';
import { type QuarantineEntry, type RecordedEntry, streamText } from '../../src/model/ledger.js';
import { type Observation, OPEN_SEQ, type RevisionRecord } from '../../src/model/revision.js';
import type { RunRecord, RunTrigger } from '../../src/model/run.js';
import type { Stream, StreamState } from '../../src/model/stream.js';
import type { RecordOf } from '../../src/resources/registry.js';
import {
  DEFINITION_OF,
  fieldsOf,
  type Kind,
  keyText,
  type ListedKind,
  RESOURCE_OF,
  type RecordKey,
} from '../../src/resources/registry.js';
import {
  compareValues,
  type Fields,
  type FieldValue,
  type Filter,
  isMatch,
} from '../../src/values/filter.js';
import { type Instant, shift, toInstant } from '../../src/values/instant.js';
import { plainStatistics } from './oracle-statistics.js';

const EPOCH: Instant = '1970-01-01T00:00:00.000Z';

type Mutable<T> = { -readonly [P in keyof T]: T[P] };
type Tally = Mutable<Omit<Recorded, 'seq' | 'at' | 'conflicts'>>;

interface Held extends Mutable<RevisionRecord> {
  received: string;
  /** The last batch that brought or confirmed this version. */
  confirmedBy: number;
}

/** The keys that a batch takes out of quarantine: what it tombstones stays there if the batch names it itself. */
function keysOut({ released, observations, tombstones, quarantine }: Batch): string[] {
  const named = new Set(quarantine.map(({ key }) => keyText(key)));
  const buried = tombstones.map(keyText).filter((key) => !named.has(key));
  return [...released.map(keyText), ...observations.map(({ key }) => keyText(key)), ...buried];
}

/**
 * The port's meaning, written down as plainly as possible: arrays, walked from end to end. What other stores
 * answer is compared with it; it is no example of how to make one.
 */
export class OracleStore implements HistoryStore {
  readonly description = 'oracle';
  readonly #batches: {
    readonly id: string;
    readonly recorded: Recorded;
    readonly stated: BatchStatement;
  }[] = [];
  readonly #held: Held[] = [];
  readonly #ledger: RecordedEntry[] = [];
  readonly #runs = new Map<string, RunRecord>();
  readonly #streams = new Map<string, StreamState>();
  readonly #quarantine = new Map<string, QuarantineEntry>();
  readonly #documents = new Map<string, StoredDocument>();
  readonly #journals = new Map<Journal, JournalEntry[]>();
  readonly #leases = new Map<string, { holder: string; until: number }>();

  #closed = false;

  constructor(private readonly clock: () => number) {}

  async record(batch: Batch): Promise<Recorded> {
    const before = this.#batches.find(({ id }) => id === batch.id);
    if (before) return before.recorded;
    const last = this.#last();
    const pin: Pin = { seq: last.seq + 1, at: laterOf(batch.now, shift(last.at, 1)) };
    const tally: Tally = { added: 0, changed: 0, unchanged: 0, deleted: 0 };
    const lapsed = batch.confirmed.filter((seen) => !this.#confirm(seen, pin));
    const conflicts = batch.observations.filter((seen) => !this.#observe(seen, batch.run.id, pin, tally));
    const confirmed = batch.confirmed.filter((seen) => !lapsed.includes(seen));
    const observed = new Set([...confirmed, ...batch.observations].map(({ key }) => keyText(key)));
    for (const key of batch.tombstones) {
      if (!observed.has(keyText(key))) this.#bury(key, batch.run.id, pin, tally);
    }
    const freed = keysOut(batch).filter((key) => this.#quarantine.has(key));
    this.#keepBooks(batch, pin.seq);
    const verified = this.#held.filter(({ confirmedBy }) => confirmedBy === pin.seq);
    const stated = statementOf(batch, freed, verified);
    const recorded = { ...pin, ...tally, conflicts: [...conflicts, ...lapsed].map(({ key }) => key) };
    this.#batches.push({ id: batch.id, recorded, stated });
    return recorded;
  }

  /** False when the observation is in conflict with what is held. */
  #observe(seen: Observation, runId: string, pin: Pin, tally: Tally): boolean {
    const current = this.#current(seen.key);
    if (this.#confirm(seen, pin)) {
      tally.unchanged += 1;
      return true;
    }
    if (current && current.confirmedBy > seen.basis) return false;
    if (current && !current.deleted) tally.changed += 1;
    else tally.added += 1;
    const { key, record, received, digest, origin, fetchedAt } = seen;
    this.#supersede(current, pin, {
      ...{ key, record, received, digest, origin, runId },
      verifiedAt: fetchedAt,
      deleted: false,
    });
    return true;
  }

  /** False if it is not what is held. */
  #confirm({ key, digest, fetchedAt }: ConfirmedVersion, pin: Pin): boolean {
    const current = this.#current(key);
    if (!current || current.deleted || current.digest !== digest) return false;
    current.verifiedAt = laterOf(current.verifiedAt, fetchedAt);
    current.confirmedBy = pin.seq;
    return true;
  }

  #bury(key: RecordKey, runId: string, pin: Pin, tally: Tally): void {
    const current = this.#current(key);
    if (!current || current.deleted) return;
    tally.deleted += 1;
    this.#supersede(current, pin, { ...current, runId, verifiedAt: pin.at, deleted: true });
  }

  #supersede(
    current: Held | undefined,
    pin: Pin,
    next: Omit<Held, 'seqFrom' | 'seqTo' | 'observedFrom' | 'observedTo' | 'confirmedBy'>,
  ): void {
    if (current) Object.assign(current, { seqTo: pin.seq, observedTo: pin.at });
    const from = { seqFrom: pin.seq, observedFrom: pin.at, confirmedBy: pin.seq };
    this.#held.push({ ...next, ...from, seqTo: OPEN_SEQ, observedTo: null });
  }

  #keepBooks(batch: Batch, seq: number): void {
    for (const run of [batch.run, ...(batch.otherRuns ?? [])]) this.#runs.set(run.id, run);
    for (const entry of batch.ledger) this.#ledger.push({ ...entry, seq });
    for (const state of batch.streams) this.#streams.set(streamText(state), state);
    for (const entry of batch.quarantine) this.#quarantine.set(keyText(entry.key), entry);
    for (const key of keysOut(batch)) this.#quarantine.delete(key);
  }

  #last(): Pin {
    const { seq, at } = this.#batches.at(-1)?.recorded ?? { seq: 0, at: EPOCH };
    return { seq, at };
  }

  #current(key: RecordKey): Held | undefined {
    return this.#held.find((held) => keyText(held.key) === keyText(key) && held.seqTo === OPEN_SEQ);
  }

  async head(): Promise<Pin> {
    return this.#last();
  }

  async pinAt(asOf: Instant): Promise<Pin> {
    const batch = this.#batches.findLast(({ recorded }) => recorded.at <= asOf);
    return batch ? { seq: batch.recorded.seq, at: batch.recorded.at } : { seq: 0, at: EPOCH };
  }

  async firstRecorded({ kinds, integrations }: FirstQuery): Promise<Pin | null> {
    const resources = kinds.map((kind) => RESOURCE_OF[kind]);
    const readings = this.#ledger
      .filter((entry) => integrations.includes(entry.integration) && resources.includes(entry.resource))
      .map(({ seq }) => seq);
    const records = this.#held
      .filter(({ key }) => integrations.includes(key.integration) && kinds.some((kind) => kind === key.kind))
      .map(({ seqFrom }) => seqFrom);
    const first = Math.min(...readings, ...records);
    const batch = this.#batches.find(({ recorded }) => recorded.seq === first);
    return batch ? { seq: batch.recorded.seq, at: batch.recorded.at } : null;
  }

  async get<K extends Kind>(
    keys: readonly (RecordKey & { readonly kind: K })[],
    seq: number,
  ): Promise<(RevisionRecord<K> | null)[]> {
    return keys.map((key) => {
      const held = this.#held.find((h) => keyText(h.key) === keyText(key) && isVisible(h, seq));
      return held ? revisionOf<K>(held) : null;
    });
  }

  #list({ kind, integrations, filter, seq }: ListQuery): Held[] {
    return this.#held.filter(
      (held) =>
        held.key.kind === kind &&
        isVisible(held, seq) &&
        !held.deleted &&
        (integrations === null || integrations.includes(held.key.integration)) &&
        (filter === null || isMatching(held, filter)),
    );
  }

  async page<K extends ListedKind>(query: PageQuery<K>): Promise<StorePage<PageItem<K>>> {
    const sign = query.descending ? -1 : 1;
    const compare = (a: Position, b: Position) => sign * comparePositions(a, b);
    const { after } = query;
    const items = this.#list(query)
      .map((held) => ({ revision: revisionOf<K>(held), position: positionOf(held, query.orderBy) }))
      .filter(({ position }) => after === null || compare(position, after) > 0)
      .sort((a, b) => compare(a.position, b.position));
    return { items: items.slice(0, query.limit), hasMore: items.length > query.limit };
  }

  async count(query: ListQuery): Promise<number> {
    return this.#list(query).length;
  }

  async statistics(query: StatisticsQuery): Promise<Statistics> {
    const filter = query.unit === 'RECORD' ? query.filter : null;
    const records = this.#list({ ...query, filter }).map(({ key }) =>
      this.#versions(key, query.seq)
        .sort((a, b) => a.seqFrom - b.seqFrom)
        .map((held) => revisionOf<ListedKind>(held)),
    );
    return plainStatistics(records, query);
  }

  async recorded(query: RecordedQuery): Promise<StorePage<Position>> {
    const { kind, integrations, filter, seq, orderBy, after, limit } = query;
    const isAsked = ({ key, seqFrom }: Held) =>
      key.kind === kind &&
      seqFrom <= seq &&
      (integrations === null || integrations.includes(key.integration));
    const written = this.#held.filter(isAsked);
    const found = new Map<string, Position>();
    for (const held of written) {
      if (held.deleted || (filter !== null && !isMatch(listedFields(held), filter))) continue;
      const position = positionOf(held, orderBy);
      found.set(JSON.stringify(position), position);
    }
    const items = [...found.values()]
      .filter((item) => after === null || comparePositions(item, after) > 0)
      .sort(comparePositions);
    return { items: items.slice(0, limit), hasMore: items.length > limit };
  }

  async *versions<K extends Kind>(
    keys: readonly (RecordKey & { readonly kind: K })[],
    seq: number,
  ): AsyncGenerator<RevisionRecord<K>[]> {
    for (const text of new Set(keys.map(keyText))) {
      const own = this.#held.filter((held) => keyText(held.key) === text && held.seqFrom <= seq);
      yield own.reverse().map((held) => revisionOf<K>(held));
    }
  }

  async referrers<K extends ListedKind>(
    kind: K,
    field: string,
    integration: string,
    values: readonly string[],
    seq: number,
  ): Promise<RevisionRecord<K>[][]> {
    const orderBy = 'id';
    const query = { kind, integrations: [integration], seq, orderBy, descending: false, after: null };
    const referring = async (value: string) => {
      const filter = { field, eq: value };
      const page = await this.page<K>({ ...query, filter, limit: Number.POSITIVE_INFINITY });
      return page.items.map(({ revision }) => revision);
    };
    return Promise.all(values.map(referring));
  }

  async revisions<K extends Kind>(
    key: RecordKey & { readonly kind: K },
    beforeSeq: number,
    limit: number,
  ): Promise<RevisionRecord<K>[]> {
    return this.#versions(key, beforeSeq - 1)
      .sort((a, b) => b.seqFrom - a.seqFrom)
      .slice(0, limit)
      .map((held) => revisionOf<K>(held));
  }

  async countRevisions(key: RecordKey, seq: number): Promise<number> {
    return this.#versions(key, seq).length;
  }

  #versions(key: RecordKey, seq: number): Held[] {
    return this.#held.filter((held) => keyText(held.key) === keyText(key) && held.seqFrom <= seq);
  }

  async changes(query: ChangesQuery): Promise<RevisionRecord[]> {
    return this.#written(query).map((held) => revisionOf(held));
  }

  async changesReceived(query: ChangesQuery): Promise<ReceivedRevision[]> {
    return this.#written(query).map((held) => {
      const { record: _record, ...revision } = revisionOf(held);
      return { ...revision, received: held.received };
    });
  }

  #written(query: ChangesQuery): Held[] {
    const { after } = query;
    return this.#held
      .filter(({ seqFrom }) => seqFrom > query.afterSeq && seqFrom <= query.toSeq)
      .filter(({ key }) => query.kinds.includes(key.kind))
      .filter(({ key }) => query.integrations === null || query.integrations.includes(key.integration))
      .filter((held) => after === null || compareWritten(held, after) > 0)
      .sort(compareWritten)
      .slice(0, query.limit);
  }

  async received(key: RecordKey, seqFrom: number): Promise<string | null> {
    const held = this.#versions(key, seqFrom).find((version) => version.seqFrom === seqFrom);
    return held?.received ?? null;
  }

  async ledger(stream: Stream, from: Instant, to: Instant, seq: number): Promise<RecordedEntry[]> {
    return this.#ledger.filter(
      (entry) =>
        streamText(entry) === streamText(stream) && entry.from < to && entry.to > from && entry.seq <= seq,
    );
  }

  async streams(): Promise<StreamState[]> {
    return [...this.#streams.values()];
  }

  async runs(query: Parameters<HistoryStore['runs']>[0]): Promise<RunRecord[]> {
    const { before } = query;
    return this.#runsOf(query.integrations, query.trigger)
      .filter((run) => before === null || compareRuns(run, before) > 0)
      .sort(compareRuns)
      .slice(0, query.limit);
  }

  async countRuns(integrations: readonly string[] | null, trigger?: RunTrigger): Promise<number> {
    return this.#runsOf(integrations, trigger).length;
  }

  #runsOf(integrations: readonly string[] | null, trigger?: RunTrigger): RunRecord[] {
    return [...this.#runs.values()].filter(
      (run) =>
        (integrations === null || integrations.includes(run.integration)) &&
        (trigger === undefined || run.trigger === trigger),
    );
  }

  async run(id: string): Promise<RunRecord | null> {
    return this.#runs.get(id) ?? null;
  }

  async quarantine(query: Parameters<HistoryStore['quarantine']>[0]): Promise<QuarantineEntry[]> {
    const { after } = query;
    return this.#setAside(query)
      .filter(({ key }) => after === null || compareKeys(key, after) > 0)
      .sort((a, b) => compareKeys(a.key, b.key))
      .slice(0, query.limit);
  }

  async countQuarantine(query: Parameters<HistoryStore['countQuarantine']>[0]): Promise<number> {
    const { codes } = query;
    return this.#setAside(query).filter(({ code }) => codes?.includes(code) ?? true).length;
  }

  #setAside({ integrations, kinds }: Parameters<HistoryStore['countQuarantine']>[0]): QuarantineEntry[] {
    return [...this.#quarantine.values()]
      .filter(({ key }) => kinds.includes(key.kind))
      .filter(({ key }) => integrations === null || integrations.includes(key.integration));
  }

  async quarantined(keys: readonly RecordKey[]): Promise<(QuarantineEntry | null)[]> {
    return keys.map((key) => this.#quarantine.get(keyText(key)) ?? null);
  }

  async batches({ afterSeq, toSeq, limit }: Parameters<HistoryStore['batches']>[0]): Promise<BatchNote[]> {
    return this.#batches
      .map(({ id, recorded, stated }) => ({ id, seq: recorded.seq, at: recorded.at, recorded, stated }))
      .filter(({ seq }) => seq > afterSeq && seq <= toSeq)
      .slice(0, limit);
  }

  async *confirmations(): AsyncGenerator<readonly Confirmation[]> {
    yield this.#held;
  }

  async *checkDerived(): AsyncGenerator<never> {
    // it keeps nothing but what it was given
  }

  async document(collection: Collection, id: string): Promise<StoredDocument | null> {
    return structuredClone(this.#documents.get(`${collection}/${id}`) ?? null);
  }

  async documents(collection: Collection): Promise<StoredDocument[]> {
    const own = [...this.#documents].filter(([key]) => key.startsWith(`${collection}/`));
    const inOrder = own.map(([, document]) => document).sort((a, b) => compareValues(a.id, b.id));
    return structuredClone(inOrder);
  }

  async putDocument(
    collection: Collection,
    id: string,
    body: DocumentBody,
    expected: number,
  ): Promise<boolean> {
    const key = `${collection}/${id}`;
    if ((this.#documents.get(key)?.version ?? 0) !== expected) return false;
    this.#documents.set(key, { id, version: expected + 1, body: structuredClone(body) });
    return true;
  }

  async removeDocument(collection: Collection, id: string, expected: number): Promise<boolean> {
    const key = `${collection}/${id}`;
    if (this.#documents.get(key)?.version !== expected) return false;
    return this.#documents.delete(key);
  }

  async append(journal: Journal, index: number, at: Instant, body: DocumentBody): Promise<boolean> {
    const entries = this.#journals.get(journal) ?? [];
    if (index !== entries.length + 1) return false;
    this.#journals.set(journal, [...entries, { index, at, body: structuredClone(body) }]);
    return true;
  }

  async journal({
    journal,
    from,
    descending,
    limit,
  }: Parameters<HistoryStore['journal']>[0]): Promise<JournalEntry[]> {
    const entries = this.#journals.get(journal) ?? [];
    const inOrder = descending ? entries.toReversed() : entries;
    const isBeyond = ({ index }: JournalEntry) => from === null || (descending ? index < from : index > from);
    return structuredClone(inOrder.filter(isBeyond).slice(0, limit));
  }

  async journalLength(journal: Journal): Promise<number> {
    return this.#journals.get(journal)?.length ?? 0;
  }

  async joinReadings(): Promise<void> {}

  async acquireLease(name: string, holder: string, ttlMs: number): Promise<boolean> {
    const now = this.clock();
    const lease = this.#leases.get(name);
    if (lease && lease.holder !== holder && lease.until > now) return false;
    this.#leases.set(name, { holder, until: now + ttlMs });
    return true;
  }

  async releaseLease(name: string, holder: string): Promise<void> {
    if (this.#leases.get(name)?.holder === holder) this.#leases.delete(name);
  }

  async ping(): Promise<void> {
    if (this.#closed) throw new HistoryError('UNAVAILABLE', 'The history is closed.');
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** Ends the state that `close` began; what was recorded is still there. */
  reopen(): this {
    this.#closed = false;
    return this;
  }
}

function laterOf(a: Instant, b: Instant): Instant {
  return toInstant(Math.max(Date.parse(a), Date.parse(b)));
}

function isVisible(held: Held, seq: number): boolean {
  return held.seqFrom <= seq && seq < held.seqTo;
}

function revisionOf<K extends Kind>(held: Held): RevisionRecord<K> {
  const { received: _received, confirmedBy: _confirmedBy, ...revision } = held;
  return revision as RevisionRecord<K>;
}

function isMatching({ key, record }: Held, filter: Filter): boolean {
  const kind = key.kind as ListedKind;
  const { facets, items } = DEFINITION_OF[kind];
  const own = record as RecordOf[ListedKind];
  return isMatch({ ...fieldsOf(kind, own), ...facets?.of(own) }, filter, items?.of(own));
}

function listedFields({ key, record }: Held): Fields {
  return fieldsOf(key.kind as ListedKind, record as RecordOf[ListedKind]);
}

function positionOf(held: Held, orderBy: string): Position {
  const { integration, id } = held.key;
  return { value: listedFields(held)[orderBy] as FieldValue, integration, id };
}

function comparePositions(a: Position, b: Position): number {
  return (
    compareValues(a.value, b.value) ||
    compareValues(a.integration, b.integration) ||
    compareValues(a.id, b.id)
  );
}

function compareKeys(a: RecordKey, b: RecordKey): number {
  return (
    compareValues(a.integration, b.integration) || compareValues(a.kind, b.kind) || compareValues(a.id, b.id)
  );
}

function compareWritten(
  a: { readonly seqFrom: number; readonly key: RecordKey },
  b: { readonly seqFrom: number; readonly key: RecordKey },
): number {
  return (
    a.seqFrom - b.seqFrom ||
    compareValues(a.key.kind, b.key.kind) ||
    compareValues(a.key.integration, b.key.integration) ||
    compareValues(a.key.id, b.key.id)
  );
}

/** Newest first. */
function compareRuns(
  a: { readonly startedAt: Instant; readonly id: string },
  b: { readonly startedAt: Instant; readonly id: string },
): number {
  return compareValues(b.startedAt, a.startedAt) || compareValues(b.id, a.id);
}
