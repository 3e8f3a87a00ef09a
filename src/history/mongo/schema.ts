import {
  type Collection,
  type CreateCollectionOptions,
  type Db,
  type Document,
  type IndexDescription,
  MongoServerError,
} from 'mongodb';
import type { FieldSpec } from '../../resources/definition.js';
import {
  DEFINITION_OF,
  FIELDS,
  FIRST_FIELDS,
  LISTED_KINDS,
  type ListedKind,
} from '../../resources/registry.js';
import { sha256 } from '../../values/canonical-json.js';
import { toInstant } from '../../values/instant.js';
import { HistoryError } from '../errors.js';
import { ITEM_SPAN, noMarks, UNKNOWN_SPAN } from '../high-water-marks.js';
import type { MongoConnection } from './connection.js';
import { fieldPath } from './filter.js';
import { startCounting } from './live-counts.js';
import { addReaches, relayout } from './relayout.js';
import { type Collections, collectionsOf, type HeadDoc, type SchemaDoc } from './stored-types.js';

/*
 * The collections and their indexes. ADR 0003 says why they are what they are, and how to shard them.
 */

/** The documents' version, of which a writer marks the history; one of a later version is refused. */
const VERSION = 6;
/** Later versions only store texts in another way (`stored-texts.ts`, `reading-pages.ts`), and batches of several runs. */
const READABLE_SINCE = 1;
/** To be raised when `fieldsOf` reads other values out of the same records. */
const PROJECTION = 1;
/** What the fields that lists go by are made from; where a history has another layout they are made anew. */
export const PROJECTION_KEY = sha256(`${PROJECTION} ${JSON.stringify(FIRST_FIELDS)}`);

const NAMESPACE_EXISTS = 48;

type Keys = Record<string, 1 | -1>;
type Index = IndexDescription & { readonly name: string };

/** What decides visibility and order is in the index too, so that it answers alone. */
const VISIBLE: Keys = { integration: 1, id: 1, seqTo: 1, seqFrom: 1, deleted: 1 };

/** Finds versions by key, those that a `seq` may see after the others; it is also the order by id. */
export const KEY_INDEX = 'key';
const KEY: Keys = { kind: 1, id: 1, integration: 1, seqTo: 1, seqFrom: 1, deleted: 1 };

/** Finds the versions of a kind in the order in which they were written. */
export const WRITTEN_INDEX = 'written';
const WRITTEN: Keys = { kind: 1, _id: 1 };

function revisionIndexes(): Index[] {
  const own = [
    { name: KEY_INDEX, key: KEY },
    { name: WRITTEN_INDEX, key: WRITTEN },
  ];
  return [...own, ...LISTED_KINDS.flatMap(fieldIndexes)];
}

function fieldIndexes(kind: ListedKind): Index[] {
  const specs: [string, FieldSpec][] = Object.entries(FIELDS[kind]);
  const only = { partialFilterExpression: { kind } };
  const orders = specs.filter(([field, { order }]) => order && field !== 'id');
  const references = specs.filter(([, { reference }]) => reference);
  const { searchedBy, defaultOrder } = DEFINITION_OF[kind];
  return [
    // walked by a list of the kind in the order of the field
    ...orders.map(([field]) => ({
      name: orderIndex(kind, field),
      key: { kind: 1, [fieldPath(field)]: 1, ...VISIBLE },
      ...only,
    })),
    // finds the records with a value, in the order that lists of the kind have by default
    ...searchedBy.map((field) => ({
      name: searchIndex(kind, field),
      key: { kind: 1, [fieldPath(field)]: 1, [fieldPath(defaultOrder)]: 1, ...VISIBLE },
      ...only,
    })),
    // finds who refers to a value
    ...references.map(([field]) => ({
      name: referenceIndex(kind, field),
      key: { kind: 1, integration: 1, [fieldPath(field)]: 1, seqTo: 1, seqFrom: 1 },
      ...only,
    })),
  ];
}

/** The index by which a kind is walked in the order of a field. */
export function orderIndex(kind: ListedKind, field: string): string {
  return field === 'id' ? KEY_INDEX : `${kind} by ${field}`;
}

/** The index by which a kind is searched for what refers to a value. */
export function referenceIndex(kind: ListedKind, field: string): string {
  return `${kind} of ${field}`;
}

/** The index by which a kind is searched for a value that many records may have. */
export function searchIndex(kind: ListedKind, field: string): string {
  return `${kind} with ${field}`;
}

/** Finds the windows that touch another. */
export const REACH_INDEX = 'reach';

type CollectionName = Exclude<keyof Collections, 'missingIndexes'>;

/** The indexes of each collection. */
export const INDEXES: Record<CollectionName, () => Index[]> = {
  revisions: revisionIndexes,
  bodies: () => [],
  parts: () => [],
  batches: () => [
    { name: 'seq', key: { seq: 1 }, unique: true },
    { name: 'at', key: { at: 1 } },
  ],
  meta: () => [],
  ledger: () => [
    { name: 'window', key: { stream: 1, to: 1, from: 1, seq: 1 } },
    { name: REACH_INDEX, key: { stream: 1, reach: 1, from: 1, to: 1, seq: 1 } },
  ],
  streams: () => [],
  runs: () => [
    { name: 'newest', key: { startedAt: -1, _id: -1 } },
    { name: 'integration', key: { integration: 1, startedAt: -1, _id: -1 } },
    { name: 'trigger', key: { trigger: 1, startedAt: -1, _id: -1 } },
  ],
  quarantine: () => [{ name: 'key', key: { integration: 1, kind: 1, id: 1 } }],
  leases: () => [],
  documents: () => [{ name: 'id', key: { collection: 1, id: 1 }, unique: true }],
  journals: () => [{ name: 'index', key: { journal: 1, index: 1 }, unique: true }],
};

const NAMES = Object.keys(INDEXES) as CollectionName[];

/**
 * Makes what is missing of the history, if anything is; harmless where several do it at once. Who only manages
 * it does not lay it out anew: a writer of the version that did may be at work.
 */
export async function prepare(
  connection: MongoConnection,
  mode: 'manage' | 'write',
  nowMs: number,
): Promise<Collections> {
  const collections = collectionsOf(connection);
  const { schema, head } = await ownMeta(collections, connection.where);
  if (schema && mode === 'manage') assertLaidOut(schema, connection.where);
  const isComplete = schema?.complete && isEqual(schema.complete, await completeness(connection));
  if (!isComplete) await makeMissing(connection, schema);
  if (!schema) await writeMeta(collections, nowMs);
  else {
    const earlier = { _id: 'schema', version: { $lt: VERSION } } as const;
    if (mode === 'write' && schema.version < VERSION)
      await collections.meta.updateOne(earlier, { $set: { version: VERSION } });
    if (mode === 'write' && !isComplete) await addReaches(collections);
    if (schema.layout !== PROJECTION_KEY) await relayout(collections, PROJECTION_KEY);
    await addKinds(collections, head);
    if (mode === 'write') await startCounting(connection, collections);
  }
  if (mode === 'write' && !isComplete) await noteComplete(connection, collections);
  return collections;
}

async function makeMissing(connection: MongoConnection, schema: SchemaDoc | null): Promise<void> {
  const there = new Set((await connection.db.listCollections().toArray()).map(({ name }) => name));
  if (!schema) await refuseForeign(connection, there);
  for (const name of NAMES) {
    if (!there.has(name)) await create(connection.db, name);
    await createIndexes(connection.db.collection(name), INDEXES[name]());
  }
}

const INDEXES_KEY = sha256(JSON.stringify(NAMES.map((name) => INDEXES[name]())));

/**
 * What a start notes once nothing is missing. While the number of indexes is that, which is one command to ask, a later one
 * does not look at each collection. `null` where the user may not ask.
 */
async function completeness({ db }: MongoConnection): Promise<SchemaDoc['complete'] | null> {
  try {
    return { wanted: INDEXES_KEY, indexes: Number((await db.stats()).indexes) };
  } catch (error) {
    if (error instanceof MongoServerError) return null;
    throw error;
  }
}

function isEqual(a: SchemaDoc['complete'], b: SchemaDoc['complete'] | null): boolean {
  return a?.wanted === b?.wanted && a?.indexes === b?.indexes;
}

async function noteComplete(connection: MongoConnection, { meta }: Collections): Promise<void> {
  const complete = await completeness(connection);
  if (complete) await meta.updateOne({ _id: 'schema' }, { $set: { complete } });
}

export async function forgetComplete({ meta }: Collections): Promise<void> {
  await meta.updateOne({ _id: 'schema' }, { $unset: { complete: true } });
}

/**
 * A history of an earlier gateway has nothing of the kinds that came later, so no time of theirs was reached. How long
 * its records last from the first item to the last is unknown.
 */
async function addKinds({ meta }: Collections, head: HeadDoc | null): Promise<void> {
  const known: Partial<Record<string, object>> = head?.extents ?? {};
  for (const [kind, marks] of Object.entries(noMarks())) {
    const path = `extents.${kind}`;
    const own = Object.hasOwn(known, kind) ? known[kind] : undefined;
    const isSpanMissing = Object.hasOwn(marks, ITEM_SPAN) && !Object.hasOwn(own ?? {}, ITEM_SPAN);
    if (own && !isSpanMissing) continue;
    const [missing, value] = own ? [`${path}.${ITEM_SPAN}`, UNKNOWN_SPAN] : [path, marks];
    const without = { _id: 'head', [missing]: { $exists: false } } as const;
    await meta.updateOne(without, { $set: { [missing]: value } });
  }
}

// a compressed page fills a multiple of the second in its file; of 4 KiB, the default, half of the last is empty
const SMALL = {
  storageEngine: { wiredTiger: { configString: 'block_compressor=zstd,allocation_size=512B' } },
};
const COMPRESSED: CreateCollectionOptions = { ...SMALL, indexOptionDefaults: SMALL };

/**
 * By hand, since a transaction that makes a collection conflicts with every other; compressed with its indexes, which
 * take more than the texts otherwise. A provider may refuse the options.
 */
async function create(db: Db, name: string, options: CreateCollectionOptions = COMPRESSED): Promise<void> {
  try {
    await db.createCollection(name, options);
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
    if (error.code === NAMESPACE_EXISTS) return;
    if (options !== COMPRESSED) throw error;
    await create(db, name, {});
  }
}

async function indexNames(collection: { indexes(): Promise<Document[]> }): Promise<Set<string | undefined>> {
  return new Set((await collection.indexes()).map(({ name }) => name));
}

async function createIndexes(collection: Collection, wanted: Index[]): Promise<void> {
  if (wanted.length === 0) return;
  const there = await indexNames(collection);
  const missing = wanted.filter(({ name }) => !there.has(name));
  if (missing.length > 0) await collection.createIndexes(missing);
}

async function writeMeta({ meta }: Collections, nowMs: number): Promise<void> {
  const first = { upsert: true } as const;
  const known = { isWhole: true, extents: noMarks() };
  const head = { seq: 0, at: 0, layout: PROJECTION_KEY, ...known };
  const schema = { version: VERSION, layout: PROJECTION_KEY, createdAt: toInstant(nowMs) };
  await meta.updateOne({ _id: 'head' }, { $setOnInsert: head }, first);
  await meta.updateOne({ _id: 'schema' }, { $setOnInsert: schema }, first);
}

/** Nothing of this gateway's is there, so no collection may hold anything under the names it would take. */
async function refuseForeign({ db, where }: MongoConnection, there: ReadonlySet<string>): Promise<void> {
  for (const name of NAMES.filter((name) => there.has(name) && name !== 'meta')) {
    if ((await db.collection(name).findOne({})) === null) continue;
    throw new HistoryError(
      'UNUSABLE',
      `${where} is not a history of this gateway's, but has something in "${name}"; nothing in it was touched. ` +
        'Name another database in HISTORY',
    );
  }
}

/** The collections of a history that is there already, for reading only. */
export async function find(connection: MongoConnection): Promise<Collections> {
  const { where } = connection;
  const collections = collectionsOf(connection);
  const { schema } = await ownMeta(collections, where);
  if (!schema) {
    throw new HistoryError(
      'UNAVAILABLE',
      `there is no history in ${where}: start the gateway once so that it makes one, or correct HISTORY`,
    );
  }
  assertLaidOut(schema, where);
  const checked = (['revisions', 'ledger'] as const).map(async (name) => {
    const there = await indexNames(collections[name]);
    return INDEXES[name]().filter((index) => !there.has(index.name));
  });
  const missing = (await Promise.all(checked)).flat();
  return collectionsOf(connection, new Set(missing.map(({ name }) => name)));
}

function assertLaidOut({ layout }: SchemaDoc, where: string): void {
  if (layout === PROJECTION_KEY) return;
  throw new HistoryError(
    'UNUSABLE',
    `the history in ${where} has the layout of another version of the gateway: start this one once to convert it`,
  );
}

interface Meta {
  readonly schema: SchemaDoc | null;
  readonly head: HeadDoc | null;
}

/** What the history says it is, and its newest batch; `null` where there is none. */
async function ownMeta({ meta }: Collections, where: string): Promise<Meta> {
  const docs: readonly (HeadDoc | SchemaDoc)[] = await meta.find<HeadDoc | SchemaDoc>({}).toArray();
  const schema = docs.find((doc) => doc._id === 'schema') ?? null;
  const head = docs.find((doc) => doc._id === 'head') ?? null;
  if (!schema || (schema.version >= READABLE_SINCE && schema.version <= VERSION)) return { schema, head };
  throw new HistoryError(
    'UNUSABLE',
    `the history in ${where} was written by another version of the gateway (its format is ${schema.version}, ` +
      `this one reads ${VERSION}); nothing in it was touched. Use that version, or name another database in HISTORY`,
  );
}
