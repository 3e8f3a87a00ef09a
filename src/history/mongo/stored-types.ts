import type { Binary, Collection, Document, Filter, ObjectId } from 'mongodb';
import type { LedgerEntry, QuarantineEntry } from '../../model/ledger.js';
import type { Origin } from '../../model/revision.js';
import type { RunRecord } from '../../model/run.js';
import type { StreamState } from '../../model/stream.js';
import type { Kind, RecordKey } from '../../resources/registry.js';
import type { FieldValue } from '../../values/filter.js';
import { HOUR, type Instant, toMillis } from '../../values/instant.js';
import type { HighWaterMarks } from '../high-water-marks.js';
import type { BatchStatement, Recorded } from '../store.js';
import { CONCERNS, type MongoConnection } from './connection.js';

/** One version of one record, without its text: small, since its end and its verification are written later. */
export interface RevisionDoc {
  /** See `revisionId`. */
  readonly _id: string;
  readonly integration: string;
  readonly kind: Kind;
  readonly id: string;
  readonly seqFrom: number;
  readonly seqTo: number;
  readonly observedFrom: Instant;
  readonly observedTo: Instant | null;
  readonly verifiedAt: Instant;
  /** The last batch that brought or confirmed this version. */
  readonly confirmedBy: number;
  readonly digest: string;
  readonly runId: string;
  readonly origin: Origin;
  readonly deleted: boolean;
  /** Its texts; for a tombstone those of the version before. */
  readonly body: ObjectId;
  /** What filters and orders see, where the kind is listed. */
  readonly f?: StoredFields;
  readonly c?: StoredFields;
}

export type StoredFields = Readonly<Record<string, FieldValue | readonly string[]>>;

/**
 * Names the version of `key` that batch `seqFrom` brought: no version can be there twice, and these names are
 * in the order in which versions were written, that of `HistoryStore.changes`.
 */
export function revisionId({ kind, integration, id }: RecordKey, seqFrom: number): string {
  return `${writtenBy(seqFrom)}${kind} ${integration} ${id}`;
}

/** What the names of all versions that a batch brought begin with. */
export function writtenBy(seq: number): string {
  return `${String(seq).padStart(16, '0')} `;
}

/** The text of one version, written once. */
export interface BodyDoc {
  readonly _id: ObjectId;
  /** The decoded record as JSON; `null` where it is in parts. Bytes and references: `stored-texts.ts`. */
  readonly record: string | Binary | null;
  readonly received: string | Binary | null;
  /** How many documents of `parts` each text fills, where they are too long for one document. */
  readonly parts: { readonly record: number; readonly received: number } | null;
}

/** A piece of a long text, as UTF-8. */
export interface PartDoc {
  readonly _id: string;
  readonly data: Binary;
}

export interface BatchDoc {
  readonly _id: string;
  readonly seq: number;
  readonly at: Instant;
  /** JSON of what the batch came to and of its statement, compressed. */
  readonly outcome?: Binary;
  /** What earlier versions of the gateway stored instead. */
  readonly recorded?: Recorded;
  /** `null` where they were not known when the batch was recorded, or where `extentsOf` names them. */
  readonly extents: HighWaterMarks | null;
  /** The batch that has the extents of this one too, where this one brought no version. */
  readonly extentsOf?: number;
  /** As `recorded`; versions before that stored none. */
  readonly stated?: BatchStatement;
  /** How many records were live after it; missing or `null` where an earlier version recorded it or the one before. */
  readonly live?: readonly LiveCount[] | null;
}

/** What a batch leaves to the next one. */
export interface Left {
  /** What was live after it; `null` if it does not say so. */
  readonly live: readonly LiveCount[] | null;
  /** The batch that has its extents; `null` if they are not known. */
  readonly extentsOf: number | null;
}

/** The batch that has the extents of a batch. */
export const WHOSE_EXTENTS = { $cond: [{ $eq: [{ $type: '$extents' }, 'object'] }, '$seq', '$extentsOf'] };

/** The stages that give batches their `seq`, their instant, and the extents that another one may have. */
export const WITH_EXTENTS: readonly Document[] = [
  { $lookup: { from: 'batches', localField: 'extentsOf', foreignField: 'seq', as: 'other' } },
  { $project: { seq: 1, at: 1, extents: { $ifNull: ['$extents', { $first: '$other.extents' }] } } },
];

/** How many records of a kind of an account are live; one without any may be missing. */
export interface LiveCount {
  readonly kind: Kind;
  readonly integration: string;
  readonly n: number;
}

/** The newest batch, which every write changes first: that is what puts writers in a row. */
export interface HeadDoc {
  readonly _id: 'head';
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The layout that writers must know. */
  readonly layout: string;
  readonly extents: HighWaterMarks;
  /** Whether `extents` are those of everything that is there. */
  readonly isWhole: boolean;
}

export interface SchemaDoc {
  readonly _id: 'schema';
  readonly version: number;
  /** The layout that all revisions have. */
  readonly layout: string;
  readonly createdAt: Instant;
  /** The digest of the indexes that were all there, and the number of indexes in the database then. */
  readonly complete?: { readonly wanted: string; readonly indexes: number };
}

/** What a reading is found by, and the whole. */
export interface LedgerDoc extends Pick<LedgerEntry, 'from' | 'to'> {
  /** The batch and the place in it. */
  readonly _id: string;
  /** JSON of the reading with its batch, compressed; earlier versions of the gateway stored its fields instead. */
  readonly entry?: Binary;
  readonly stream: string;
  readonly seq: number;
  readonly n: number;
  /** See `reachOf`; missing where an earlier version of the gateway recorded it. */
  readonly reach?: number;
}

/** Readings as one page, in the place of the first; `from` to `to` contains their windows (`reading-pages.ts`). */
export interface LedgerPageDoc
  extends Pick<LedgerDoc, '_id' | 'stream' | 'seq' | 'n' | 'reach' | 'from' | 'to'> {
  readonly page: Binary;
}

/** Windows are stored with the first of these lengths (in ms) that is no less than theirs; longer ones with 0. */
export const REACHES = Array.from({ length: 9 }, (_, n) => HOUR * 4 ** n);
export const UNLIMITED = 0;

/**
 * The length class of a window. A window that touches a span begins no more than that before it, so an index finds it
 * however many windows came before and after.
 */
export function reachOf({ from, to }: Pick<LedgerDoc, 'from' | 'to'>): number {
  const length = toMillis(to) - toMillis(from);
  return REACHES.find((reach) => length <= reach) ?? UNLIMITED;
}

/** What a run is found by, and the whole. */
export interface RunDoc extends Pick<RunRecord, 'integration' | 'startedAt' | 'trigger'> {
  readonly _id: string;
  /** JSON, compressed; earlier versions of the gateway stored its fields instead. */
  readonly run?: Binary;
}

export interface QuarantineDoc extends Omit<QuarantineEntry, 'key'> {
  /** The key as one string. */
  readonly _id: string;
  readonly integration: string;
  readonly kind: Kind;
  readonly id: string;
}

export interface DocumentDoc {
  /** The collection and the id. */
  readonly _id: string;
  readonly collection: string;
  readonly id: string;
  readonly version: number;
  /** JSON. */
  readonly body: string;
}

export interface JournalDoc {
  /** The journal and the index. */
  readonly _id: string;
  readonly journal: string;
  readonly index: number;
  readonly at: Instant;
  /** JSON, compressed; as text if an earlier version of the gateway wrote it. */
  readonly body: string | Binary;
}

export interface Collections {
  readonly revisions: Collection<RevisionDoc>;
  readonly bodies: Collection<BodyDoc>;
  readonly parts: Collection<PartDoc>;
  readonly batches: Collection<BatchDoc>;
  readonly meta: Collection<HeadDoc | SchemaDoc>;
  readonly ledger: Collection<LedgerDoc | LedgerPageDoc>;
  readonly streams: Collection<StreamState & { readonly _id: string }>;
  readonly runs: Collection<RunDoc>;
  readonly quarantine: Collection<QuarantineDoc>;
  /** `until` is by the server's clock. */
  readonly leases: Collection<{ readonly _id: string; readonly holder: string; readonly until: Date }>;
  readonly documents: Collection<DocumentDoc>;
  readonly journals: Collection<JournalDoc>;
  /** The indexes that an earlier version did not make, where this one may only read. */
  readonly missingIndexes: ReadonlySet<string>;
}

/**
 * Texts are written before the transaction that refers to them. Within one replica set they need not wait for
 * the majority: they come before it in the log that the others copy, so whoever has it has them too.
 */
const AHEAD = { ...CONCERNS, writeConcern: { w: 1 } } as const;

export function collectionsOf(
  { db, isSharded }: MongoConnection,
  missingIndexes: ReadonlySet<string> = new Set(),
): Collections {
  const ahead = isSharded ? CONCERNS : AHEAD;
  return {
    revisions: db.collection('revisions', CONCERNS),
    bodies: db.collection('bodies', ahead),
    parts: db.collection('parts', ahead),
    batches: db.collection('batches', CONCERNS),
    meta: db.collection('meta', CONCERNS),
    ledger: db.collection('ledger', CONCERNS),
    streams: db.collection('streams', CONCERNS),
    runs: db.collection('runs', CONCERNS),
    quarantine: db.collection('quarantine', CONCERNS),
    leases: db.collection('leases', CONCERNS),
    documents: db.collection('documents', CONCERNS),
    journals: db.collection('journals', CONCERNS),
    missingIndexes,
  };
}

const PAGE = 500;

/** Documents in the order of their names, some at a time: no cursor stays open for long. */
export async function* pages<T extends { readonly _id: string }>(
  collection: Collection<T>,
  filter: Document = {},
  projection: Document = {},
): AsyncGenerator<T[]> {
  for (let last = ''; ; ) {
    const wanted = { ...filter, _id: { $gt: last } } as unknown as Filter<T>;
    const options = { projection, sort: { _id: 1 }, limit: PAGE, hint: { _id: 1 } } as const;
    const docs = (await collection.find(wanted, options).toArray()) as unknown as T[];
    yield docs;
    last = docs.at(-1)?._id ?? '';
    if (docs.length < PAGE) return;
  }
}
