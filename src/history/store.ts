import type { Collection, DocumentBody, Journal, JournalEntry, StoredDocument } from '../model/documents.js';
import type { LedgerEntry, QuarantineCode, QuarantineEntry, RecordedEntry } from '../model/ledger.js';
import type { Observation, RevisionRecord } from '../model/revision.js';
import type { RunRecord, RunTrigger } from '../model/run.js';
import type { Stream, StreamState } from '../model/stream.js';
import type { Kind, ListedKind, RecordKey } from '../resources/registry.js';
import type { FieldValue, Filter } from '../values/filter.js';
import type { Instant } from '../values/instant.js';

/** The key of a record of one kind. */
export type KeyOf<K extends Kind> = RecordKey & { readonly kind: K };

/** One atomic step of a run: all of it is recorded, or none. */
export interface Batch {
  /** Recording a second batch with the same id changes nothing and returns the result of the first. */
  readonly id: string;
  /** The wall clock. The batch is recorded under this instant, or just after the last batch if that is later. */
  readonly now: Instant;
  /** The run as it is after this batch; replaces the run with the same id. */
  readonly run: RunRecord;
  /** A second, different observation of one key is a conflict. */
  readonly observations: readonly Observation[];
  /**
   * Records that no longer exist upstream. Each live one that this batch does not observe gets a tombstone, verified at
   * the batch's instant, with the record, digest, origin and received text of the version before.
   */
  readonly tombstones: readonly RecordKey[];
  readonly ledger: readonly LedgerEntry[];
  readonly streams: readonly StreamState[];
  /** Added; replaces the entry of the same key. */
  readonly quarantine: readonly QuarantineEntry[];
  /**
   * Removed from quarantine after `quarantine` was added. A key that this batch observes (also in conflict) is released
   * too, and so is one that it tombstones (also if it is not held), unless `quarantine` names it.
   */
  readonly released: readonly RecordKey[];
}

/** The result of a batch. */
export interface Recorded {
  readonly seq: number;
  /** The instant under which it is recorded; later than that of every batch before. */
  readonly at: Instant;
  /** Records not held before, or held as deleted. */
  readonly added: number;
  readonly changed: number;
  /** Observations of the version held: `verifiedAt` moves to their `fetchedAt` where that is later. */
  readonly unchanged: number;
  /** Tombstones written. */
  readonly deleted: number;
  /**
   * Observations not recorded: the held version differs and was confirmed by a batch after their `basis`, so it is
   * unknown which of the two is newer. Fetch them again.
   */
  readonly conflicts: readonly RecordKey[];
}

/** A consistent view of the history: everything up to and including batch `seq`. */
export interface Pin {
  readonly seq: number;
  /** When that batch was recorded; the epoch for the empty view, `seq` 0. */
  readonly at: Instant;
}

/** A place in an ordered list. */
export interface Position {
  readonly value: FieldValue;
  readonly integration: string;
  readonly id: string;
}

export interface ListQuery<K extends ListedKind = ListedKind> {
  readonly kind: K;
  /** `null`: all. */
  readonly integrations: readonly string[] | null;
  readonly filter: Filter | null;
  readonly seq: number;
}

export interface PageQuery<K extends ListedKind = ListedKind> extends ListQuery<K> {
  /** A field marked `order` in `model/fields.ts`; ties go by integration, then id, in the same direction. */
  readonly orderBy: string;
  readonly descending: boolean;
  /** Only what comes strictly after this place, in the order asked for. */
  readonly after: Position | null;
  readonly limit: number;
}

/** One record of a page, with its place. */
export interface PageItem<K extends ListedKind = ListedKind> {
  readonly revision: RevisionRecord<K>;
  readonly position: Position;
}

export interface StorePage<K extends ListedKind = ListedKind> {
  readonly items: readonly PageItem<K>[];
  readonly hasMore: boolean;
}

export interface FirstQuery {
  readonly kinds: readonly ListedKind[];
  readonly integrations: readonly string[];
}

/** A walk through the records that matched at some time, by a field of time, oldest first, `null` before all. */
export interface RecordedQuery<K extends ListedKind = ListedKind> extends ListQuery<K> {
  /** A field of type `instant` in `model/fields.ts`; ties go by integration, then id. */
  readonly orderBy: string;
  readonly after: Position | null;
  readonly limit: number;
}

/** Places at which versions of records stand. */
export interface RecordedPage {
  readonly items: readonly Position[];
  readonly hasMore: boolean;
}

export interface ChangesQuery {
  /** Revisions written by batches in `(afterSeq, toSeq]`. */
  readonly afterSeq: number;
  readonly toSeq: number;
  readonly kinds: readonly Kind[];
  readonly integrations: readonly string[] | null;
  /** Strictly after this revision, by (seqFrom, kind, integration, id). */
  readonly after: { readonly seqFrom: number; readonly key: RecordKey } | null;
  readonly limit: number;
}

/** A revision with the text that Abnormal sent instead of the decoded record. */
export interface ReceivedRevision extends Omit<RevisionRecord, 'record'> {
  /** The text whose SHA-256 is the digest. */
  readonly received: string;
}

/**
 * The history: every version of every record, the ledger of what was read, and the runs that read it.
 *
 * Reads take a `seq` and see exactly the revisions that batches up to it recorded, whatever is written
 * meanwhile. How a revision ended (`seqTo`, `observedTo`) and its `verifiedAt` are given as they stand now.
 * Deleted records are in no page, no count and refer to nothing, but `get`, `revisions` and `changes` give
 * their tombstones. Every failure is a `HistoryError`.
 */
export interface HistoryStore {
  /** What it is, for logs and health: `sqlite` or `mongodb`, without credentials. */
  readonly description: string;

  record(batch: Batch): Promise<Recorded>;

  /** The newest view. */
  head(): Promise<Pin>;
  /** The newest view that existed at `asOf`. */
  pinAt(asOf: Instant): Promise<Pin>;

  /** The first batch that recorded a reading of one of the kinds, or a record of one; `null` if there is none. */
  firstRecorded(query: FirstQuery): Promise<Pin | null>;

  /** The revision of each key that is visible at `seq`, in the order of `keys`; `null` where none is. */
  get<K extends Kind>(keys: readonly KeyOf<K>[], seq: number): Promise<(RevisionRecord<K> | null)[]>;
  page<K extends ListedKind>(query: PageQuery<K>): Promise<StorePage<K>>;
  count(query: ListQuery): Promise<number>;
  /**
   * The records of which a version recorded up to `seq`, tombstones aside, satisfies the filter, whatever became of
   * it since. A record is there once for each value of `orderBy` that matching versions of it have.
   */
  recorded(query: RecordedQuery): Promise<RecordedPage>;
  /**
   * Who refers to what: for each value, the live records whose `reference` field has it, by integration and
   * id. `integration` narrows to one account.
   */
  referrers<K extends ListedKind>(
    kind: K,
    field: string,
    integration: string,
    values: readonly string[],
    seq: number,
  ): Promise<RevisionRecord<K>[][]>;
  /** Versions of one record, newest first, from those written before `beforeSeq`. */
  revisions<K extends Kind>(key: KeyOf<K>, beforeSeq: number, limit: number): Promise<RevisionRecord<K>[]>;
  /**
   * Every version of each key that was recorded up to `seq`, tombstones included: those of a record one after another,
   * newest first. Some at a time, in no order of the keys.
   */
  versions<K extends Kind>(
    keys: readonly KeyOf<K>[],
    seq: number,
  ): AsyncIterable<readonly RevisionRecord<K>[]>;
  countRevisions(key: RecordKey, seq: number): Promise<number>;
  /** Revisions in the order they were written. */
  changes(query: ChangesQuery): Promise<RevisionRecord[]>;
  /** As `changes`, with the received text, which exports pass on. */
  changesReceived(query: ChangesQuery): Promise<ReceivedRevision[]>;
  /** What Abnormal sent for the version that batch `seqFrom` brought: the text whose SHA-256 is its digest. */
  received(key: RecordKey, seqFrom: number): Promise<string | null>;

  /** Ledger entries of a stream that touch `[from, to)`, recorded up to `seq`, in that order. */
  ledger(stream: Stream, from: Instant, to: Instant, seq: number): Promise<RecordedEntry[]>;
  /** All streams ever read, with their state now. */
  streams(): Promise<StreamState[]>;
  /** The newest runs first, those started before `before` if given. */
  runs(query: {
    readonly integrations: readonly string[] | null;
    readonly before: { readonly startedAt: Instant; readonly id: string } | null;
    readonly limit: number;
    /** Only runs made for this reason; all, unless given. */
    readonly trigger?: RunTrigger;
  }): Promise<RunRecord[]>;
  countRuns(integrations: readonly string[] | null, trigger?: RunTrigger): Promise<number>;
  run(id: string): Promise<RunRecord | null>;
  /** Quarantined records, by integration, kind and id. */
  quarantine(query: {
    readonly integrations: readonly string[] | null;
    readonly kinds: readonly Kind[];
    readonly after: RecordKey | null;
    readonly limit: number;
  }): Promise<QuarantineEntry[]>;
  /** The number of quarantined records. */
  countQuarantine(query: {
    readonly integrations: readonly string[] | null;
    readonly kinds: readonly Kind[];
    /** Only those quarantined for these reasons; all, unless given. */
    readonly codes?: readonly QuarantineCode[];
  }): Promise<number>;
  quarantined(keys: readonly RecordKey[]): Promise<(QuarantineEntry | null)[]>;

  /** The document of that id; `null` where there is none. */
  document(collection: Collection, id: string): Promise<StoredDocument | null>;
  /** All of a collection, by id. */
  documents(collection: Collection): Promise<StoredDocument[]>;
  /**
   * Replaces version `expected` of a document, or creates it for 0. False, without a change, if the document has
   * another version: read it again.
   */
  putDocument(collection: Collection, id: string, body: DocumentBody, expected: number): Promise<boolean>;
  /** Removes a document of version `expected`; false, without a change, if it has another version. */
  removeDocument(collection: Collection, id: string, expected: number): Promise<boolean>;
  /**
   * Adds the entry `index` to a journal. It must be the last index plus 1 (1 if the journal is empty); otherwise another
   * writer was first: false, without a change. Entries are never changed or removed.
   */
  append(journal: Journal, index: number, at: Instant, body: DocumentBody): Promise<boolean>;
  /** Entries after (or, descending, before) the index `from`, exclusive; all when `null`. */
  journal(query: {
    readonly journal: Journal;
    readonly from: number | null;
    readonly descending: boolean;
    readonly limit: number;
  }): Promise<JournalEntry[]>;
  /** How many entries a journal has, which is the index of its last. */
  journalLength(journal: Journal): Promise<number>;

  /** Takes or renews a lease, by the store's clock if it has one; false while another holder's lease lasts. */
  acquireLease(name: string, holder: string, ttlMs: number): Promise<boolean>;
  releaseLease(name: string, holder: string): Promise<void>;

  /** The batches in `(afterSeq, toSeq]` by their numbers, the first `limit` of them, with what each states. */
  batches(query: {
    readonly afterSeq: number;
    readonly toSeq: number;
    readonly limit: number;
  }): Promise<BatchNote[]>;
  /** When each version of every record was last verified; in no order, some at a time. */
  confirmations(): AsyncIterable<readonly Confirmation[]>;
  /**
   * Derives again what the store keeps in addition to the batches, as of batch `seq`, and names what differs: the
   * columns and tables that lists, counts and views of the past go by. An index that is gone is no fault.
   */
  checkDerived(seq: number): AsyncIterable<DerivedFault>;

  /** Throws when the store cannot serve reads now. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/**
 * How a store is opened. One process at a time may `write` to a SQLite file. Any number may `read` it, or `manage` it,
 * which writes documents and journals but records no batch.
 */
export type OpenMode = 'read' | 'manage' | 'write';

/** Reads a list page by page to its end: `read` gives the page that comes after a place, `placeOf` the place of a row. */
export async function* walkPages<Row, Place>(
  read: (after: Place | null) => Promise<{ readonly items: readonly Row[]; readonly hasMore: boolean }>,
  placeOf: (row: Row) => Place,
): AsyncGenerator<readonly Row[]> {
  let last: Row | undefined;
  do {
    const { items, hasMore } = await read(last === undefined ? null : placeOf(last));
    yield items;
    last = hasMore ? items.at(-1) : undefined;
  } while (last !== undefined);
}

/** Rows read with a limit, as a page for `walkPages`: when there are as many as the limit, there may be more. */
export function limitedPage<Row>(items: readonly Row[], limit: number) {
  return { items, hasMore: items.length === limit };
}

const VERSIONS_AT_ONCE = 200;

/** The versions of a record that were recorded up to `seq`, newest first. */
export async function* everyVersion<K extends Kind>(
  store: Pick<HistoryStore, 'revisions'>,
  key: RecordKey & { readonly kind: K },
  seq: number,
): AsyncGenerator<RevisionRecord<K>> {
  const read = async (before: number | null) =>
    limitedPage(await store.revisions(key, before ?? seq + 1, VERSIONS_AT_ONCE), VERSIONS_AT_ONCE);
  for await (const versions of walkPages(read, ({ seqFrom }) => seqFrom)) yield* versions;
}
/**
 * What a batch wrote of the rows that later batches overwrite. It is stored with the batch and never changes, so the
 * current rows can be derived from all statements, the newest one first, and compared.
 */
export interface BatchStatement {
  /** The run by its id, with its `stateDigest`. */
  readonly run: readonly [id: string, digest: string];
  /** Each stream's state that was written. */
  readonly streams: readonly (readonly [stream: string, digest: string])[];
  /** The entries added; `null`: removed. By the record's key, as `keyText`. */
  readonly quarantine: readonly (readonly [key: string, digest: string | null])[];
  /** The versions that were brought or confirmed, 14 bytes each: `versionMark`, then `verifiedAt` in ms. In base64. */
  readonly verified: string;
}

/** A batch as it is stored. */
export interface BatchNote {
  readonly id: string;
  readonly seq: number;
  readonly at: Instant;
  readonly recorded: Recorded;
  /** `null` where the gateway that recorded it made none. */
  readonly stated: BatchStatement | null;
}

/** When a version was last verified, and by which batch. */
export interface Confirmation {
  readonly key: RecordKey;
  readonly seqFrom: number;
  readonly verifiedAt: Instant;
  readonly confirmedBy: number;
}

/** Something that the store derives from the records and that does not agree with them. */
export interface DerivedFault {
  /** The record as `integration/kind/id`, or the name of what is wrong. */
  readonly what: string | null;
  readonly seq: number | null;
  readonly message: string;
}
