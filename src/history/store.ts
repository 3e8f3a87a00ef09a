import type { Collection, DocumentBody, Journal, JournalEntry, StoredDocument } from '../model/documents.js';
import type { LedgerEntry, QuarantineCode, QuarantineEntry, RecordedEntry } from '../model/ledger.js';
import type { Observation, RevisionRecord } from '../model/revision.js';
import type { RunRecord, RunTrigger } from '../model/run.js';
import type { Stream, StreamState } from '../model/stream.js';
import type { Kind, ListedKind, RecordKey } from '../resources/registry.js';
import type { FieldValue, Filter } from '../values/filter.js';
import type { Instant } from '../values/instant.js';
import type { Statistics, StatisticsQuery } from './statistics.js';

export type KeyOf<K extends Kind> = RecordKey & { readonly kind: K };

/** Recorded as a whole or not at all. */
export interface Batch {
  /** Recording a second batch with the same id changes nothing and returns the result of the first. */
  readonly id: string;
  /** The wall clock. The batch is recorded under this instant, or just after the last batch if that is later. */
  readonly now: Instant;
  /** The run as it is after this batch; replaces the run with the same id. */
  readonly run: RunRecord;
  /** Runs of other resources that end with this batch, having found nothing either; missing if there are none. */
  readonly otherRuns?: readonly RunRecord[];
  /** A second, different observation of one key is a conflict. */
  readonly observations: readonly Observation[];
  /**
   * What was read before the batch and found to be the stored version. If it is still the newest, it is verified, as by
   * an observation; nothing else changes.
   */
  readonly confirmed: readonly ConfirmedVersion[];
  /**
   * Records that no longer exist upstream. Each live one that this batch does not observe gets a tombstone at
   * the batch's instant, with the data of the previous version.
   */
  readonly tombstones: readonly RecordKey[];
  readonly ledger: readonly LedgerEntry[];
  readonly streams: readonly StreamState[];
  /** Added; replaces the entry of the same key. */
  readonly quarantine: readonly QuarantineEntry[];
  /**
   * Removed from quarantine after `quarantine` was added, together with all keys that this batch observes
   * (also in conflict) or tombstones (also if not stored), unless `quarantine` names them.
   */
  readonly released: readonly RecordKey[];
}

export type ConfirmedVersion = Pick<Observation, 'key' | 'digest' | 'fetchedAt'>;

export interface Recorded {
  readonly seq: number;
  /** Later than that of every earlier batch. */
  readonly at: Instant;
  /** Records that were not stored, or were deleted. */
  readonly added: number;
  readonly changed: number;
  /** Observations of the stored version: a later `fetchedAt` becomes its `verifiedAt`. */
  readonly unchanged: number;
  /** The tombstones written. */
  readonly deleted: number;
  /**
   * Observations that were not recorded: a batch after their `basis` confirmed another version, so it is
   * unknown which is newer; then `confirmed` versions that are no longer the newest. Fetch them again.
   */
  readonly conflicts: readonly RecordKey[];
}

/** A consistent view of the history: all batches up to `seq`. */
export interface Pin {
  readonly seq: number;
  /** When that batch was recorded; the epoch for the empty view (`seq` 0). */
  readonly at: Instant;
}

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
  /** A field with `order` in its definition; ties by integration, then id, in the same direction. */
  readonly orderBy: string;
  readonly descending: boolean;
  /** The exclusive start, in the requested order. */
  readonly after: Position | null;
  readonly limit: number;
}

export interface PageItem<K extends ListedKind = ListedKind> {
  readonly revision: RevisionRecord<K>;
  readonly position: Position;
}

export interface StorePage<Item> {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
}

export interface FirstQuery {
  readonly kinds: readonly ListedKind[];
  readonly integrations: readonly string[];
}

/** The records that matched at any time, by a field of time, oldest first, `null` before all. The filter compares fields only. */
export interface RecordedQuery<K extends ListedKind = ListedKind> extends ListQuery<K> {
  /** A field of type `instant`; ties by integration, then id. */
  readonly orderBy: string;
  readonly after: Position | null;
  readonly limit: number;
}

export interface ChangesQuery {
  /** Revisions written by batches in `(afterSeq, toSeq]`. */
  readonly afterSeq: number;
  readonly toSeq: number;
  readonly kinds: readonly Kind[];
  readonly integrations: readonly string[] | null;
  /** Exclusive; by (seqFrom, kind, integration, id). */
  readonly after: { readonly seqFrom: number; readonly key: RecordKey } | null;
  readonly limit: number;
}

/** With the text that Abnormal sent instead of the decoded record. */
export interface ReceivedRevision extends Omit<RevisionRecord, 'record'> {
  readonly received: string;
}

/**
 * Every version of every record, the ledger of readings, and the runs. Reads take a `seq` and see exactly the
 * revisions of the batches up to it, whatever is written meanwhile; the end of a revision (`seqTo`,
 * `observedTo`) and its `verifiedAt` are those of now. Deleted records are on no page, in no count, and refer
 * to nothing; `get`, `revisions` and `changes` return their tombstones. Every failure is a `HistoryError`.
 */
export interface HistoryStore {
  /** For logs and health: `sqlite` or `mongodb`, without credentials. */
  readonly description: string;

  record(batch: Batch): Promise<Recorded>;

  head(): Promise<Pin>;
  /** The newest view that existed at `asOf`. */
  pinAt(asOf: Instant): Promise<Pin>;

  /** The first batch that recorded a reading of one of the kinds, or a record of one; `null` if there is none. */
  firstRecorded(query: FirstQuery): Promise<Pin | null>;

  /**
   * In the order of `keys`; `null` for a record that does not exist at `seq`. `isWalk`: a caller that reads many records
   * once, so that keeping them in memory would help nobody.
   */
  get<K extends Kind>(
    keys: readonly KeyOf<K>[],
    seq: number,
    isWalk?: boolean,
  ): Promise<(RevisionRecord<K> | null)[]>;
  page<K extends ListedKind>(query: PageQuery<K>): Promise<StorePage<PageItem<K>>>;
  count(query: ListQuery): Promise<number>;
  /** Counts, distinct values or durations of records or their items, by groups and spans of time. */
  statistics(query: StatisticsQuery): Promise<Statistics>;
  /**
   * The records of which any version up to `seq`, except tombstones, matches the filter, whatever became of
   * it. A record is returned once for each value of `orderBy` of its matching versions.
   */
  recorded(query: RecordedQuery): Promise<StorePage<Position>>;
  /** For each value, the live records whose `reference` field has it, by integration and id. */
  referrers<K extends ListedKind>(
    kind: K,
    field: string,
    integration: string,
    values: readonly string[],
    seq: number,
  ): Promise<RevisionRecord<K>[][]>;
  /** Newest first, of those written before `beforeSeq`. */
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
  /** In the order of writing. */
  changes(query: ChangesQuery): Promise<RevisionRecord[]>;
  /** As `changes`, with the received text, for exports. */
  changesReceived(query: ChangesQuery): Promise<ReceivedRevision[]>;
  /** The text that Abnormal sent for a version: its SHA-256 is the digest. */
  received(key: RecordKey, seqFrom: number): Promise<string | null>;

  /** The entries that touch `[from, to)`, up to `seq`, in the order of recording. */
  ledger(stream: Stream, from: Instant, to: Instant, seq: number): Promise<RecordedEntry[]>;
  /** All streams ever read, with their current state. */
  streams(): Promise<StreamState[]>;
  /** Newest first, from before `before` if given. */
  runs(query: {
    readonly integrations: readonly string[] | null;
    readonly before: { readonly startedAt: Instant; readonly id: string } | null;
    readonly limit: number;
    /** Default: all. */
    readonly trigger?: RunTrigger;
  }): Promise<RunRecord[]>;
  countRuns(integrations: readonly string[] | null, trigger?: RunTrigger): Promise<number>;
  run(id: string): Promise<RunRecord | null>;
  /** Sorted by integration, kind and id. */
  quarantine(query: {
    readonly integrations: readonly string[] | null;
    readonly kinds: readonly Kind[];
    readonly after: RecordKey | null;
    readonly limit: number;
  }): Promise<QuarantineEntry[]>;
  countQuarantine(query: {
    readonly integrations: readonly string[] | null;
    readonly kinds: readonly Kind[];
    /** Default: all. */
    readonly codes?: readonly QuarantineCode[];
  }): Promise<number>;
  quarantined(keys: readonly RecordKey[]): Promise<(QuarantineEntry | null)[]>;

  document(collection: Collection, id: string): Promise<StoredDocument | null>;
  /** Sorted by id. */
  documents(collection: Collection): Promise<StoredDocument[]>;
  /**
   * Replaces version `expected` of a document, or creates it for 0. False, without a change, if it has
   * another version.
   */
  putDocument(collection: Collection, id: string, body: DocumentBody, expected: number): Promise<boolean>;
  /** False, without a change, if the document has another version. */
  removeDocument(collection: Collection, id: string, expected: number): Promise<boolean>;
  /**
   * Appends entry `index`, which must be the next one (the first is 1); otherwise another writer was faster:
   * false, without a change. Entries never change.
   */
  append(journal: Journal, index: number, at: Instant, body: DocumentBody): Promise<boolean>;
  /** Entries after (descending: before) the index `from`, exclusive; all if `null`. */
  journal(query: {
    readonly journal: Journal;
    readonly from: number | null;
    readonly descending: boolean;
    readonly limit: number;
  }): Promise<JournalEntry[]>;
  /** The index of the last entry. */
  journalLength(journal: Journal): Promise<number>;

  /** Takes or renews a lease, by the store's clock if it has one; false if another holder has it. */
  acquireLease(name: string, holder: string, ttlMs: number): Promise<boolean>;
  releaseLease(name: string, holder: string): Promise<void>;

  /** The first `limit` batches in `(afterSeq, toSeq]`, with their statements. */
  batches(query: {
    readonly afterSeq: number;
    readonly toSeq: number;
    readonly limit: number;
  }): Promise<BatchNote[]>;
  /** When each version was last verified, in no order and in parts. */
  confirmations(): AsyncIterable<readonly Confirmation[]>;
  /**
   * Derives again what the store keeps in addition to the batches, as of batch `seq`, and names the
   * differences: columns and tables of lists, counts and past views. A missing index is no fault.
   */
  checkDerived(seq: number): AsyncIterable<DerivedFault>;

  /**
   * Keeps readings of batches up to `seq` in less space; changes no result of any read. For batches that are sealed:
   * nothing writes their readings any more.
   */
  joinReadings(seq: number): Promise<void>;

  /** Throws if the store cannot be read now. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/**
 * One process at a time may `write` to a SQLite file. Any number may `read` it, or `manage` it: write
 * documents and journals, but no batch.
 */
export type OpenMode = 'read' | 'manage' | 'write';

/** Which servers of a replica set answer reads of a view; the newest batch is always read from the primary. */
export type ReadsFrom = 'primary' | 'secondary-preferred';

/**
 * What a batch wrote in rows that later batches overwrite. Stored with the batch, it never changes, so the
 * current rows can be derived from all statements, newest first, and compared.
 */
export interface BatchStatement {
  /** With the run's `stateDigest`. */
  readonly run: readonly [id: string, digest: string];
  /** The same of `Batch.otherRuns`; missing if there are none, as in the statements of earlier versions. */
  readonly otherRuns?: readonly (readonly [id: string, digest: string])[];
  /** The states that were written. */
  readonly streams: readonly (readonly [stream: string, digest: string])[];
  /** By `keyText`; `null`: removed. */
  readonly quarantine: readonly (readonly [key: string, digest: string | null])[];
  /** The versions that were added or confirmed, 14 bytes each: `versionMark`, then `verifiedAt` in ms. In base64. */
  readonly verified: string;
}

/** As it is stored. */
export interface BatchNote {
  readonly id: string;
  readonly seq: number;
  readonly at: Instant;
  readonly recorded: Recorded;
  /** `null` if the gateway that recorded it made none. */
  readonly stated: BatchStatement | null;
}

export interface Confirmation {
  readonly key: RecordKey;
  readonly seqFrom: number;
  readonly verifiedAt: Instant;
  readonly confirmedBy: number;
}

/** Derived data that does not match the records. */
export interface DerivedFault {
  /** The record as `integration/kind/id`, or the name of the part. */
  readonly what: string | null;
  readonly seq: number | null;
  readonly message: string;
}
