import { type CreateIndexesOptions, type Db, type IndexDescription, MongoServerError } from 'mongodb';
import { FIELDS, type FieldSpec } from '../model/fields.js';
import { toInstant } from '../model/instant.js';
import type { ListedKind } from '../model/kind.js';
import { HistoryError } from './errors.js';
import type { MongoConnection } from './mongo-connection.js';
import { type Collections, collectionsOf, type SchemaDoc } from './mongo-documents.js';
import { noExtents } from './mongo-extents.js';
import { fieldPath } from './mongo-fields.js';

/*
 * The collections and their indexes. ADR 0003 says why they are what they are, and how to shard them.
 */

const VERSION = 1;
const NAMESPACE_EXISTS = 48;

type Keys = Record<string, 1 | -1>;

/** The index that a list of `kind` in the order of `field` walks; what decides visibility is in it too. */
function orderIndex(field: string): Keys {
  return { kind: 1, [fieldPath(field)]: 1, integration: 1, id: 1, seqTo: 1, seqFrom: 1, deleted: 1 };
}

/** The index that finds who refers to a value. */
function referenceIndex(field: string): Keys {
  return { kind: 1, integration: 1, [fieldPath(field)]: 1, seqTo: 1, seqFrom: 1 };
}

/** Finds versions by key, those that a `seq` may see after the others; it is also the order by id. */
export const KEY_INDEX: Keys = { kind: 1, id: 1, integration: 1, seqTo: 1, seqFrom: 1, deleted: 1 };

function revisionIndexes(): IndexDescription[] {
  const kinds = Object.keys(FIELDS) as ListedKind[];
  return [{ key: KEY_INDEX }, ...kinds.flatMap(fieldIndexes)];
}

function fieldIndexes(kind: ListedKind): IndexDescription[] {
  const specs: [string, FieldSpec][] = Object.entries(FIELDS[kind]).filter(([field]) => field !== 'id');
  const named = (field: string, key: Keys): IndexDescription => ({
    key,
    name: `${kind}.${field}`,
    partialFilterExpression: { kind },
  });
  return [
    ...specs.filter(([, { order }]) => order).map(([field]) => named(field, orderIndex(field))),
    ...specs.filter(([, { reference }]) => reference).map(([field]) => named(field, referenceIndex(field))),
  ];
}

/** The index by which a kind is walked in the order of a field, or searched for a reference. */
export function indexOf(kind: ListedKind, field: string): string | Keys {
  return field === 'id' ? KEY_INDEX : `${kind}.${field}`;
}

const INDEXES: Record<keyof Collections, () => IndexDescription[]> = {
  revisions: revisionIndexes,
  bodies: () => [],
  parts: () => [],
  batches: () => [{ key: { seq: 1 }, unique: true }, { key: { at: 1 } }],
  meta: () => [],
  ledger: () => [{ key: { stream: 1, to: 1, from: 1, seq: 1 } }],
  streams: () => [],
  runs: () => [
    { key: { startedAt: -1, _id: -1 } },
    { key: { integration: 1, startedAt: -1, _id: -1 } },
    { key: { trigger: 1, startedAt: -1, _id: -1 } },
  ],
  quarantine: () => [{ key: { integration: 1, kind: 1, id: 1 } }],
  leases: () => [],
};

/** Makes what is missing of the history's collections and indexes; harmless where several do it at once. */
export async function prepare(connection: MongoConnection, nowMs: number): Promise<Collections> {
  const { db, where } = connection;
  const collections = collectionsOf(connection);
  await refuseOthers(collections, where);
  for (const name of Object.keys(INDEXES) as (keyof Collections)[]) await prepareCollection(db, name);
  const first = { upsert: true } as const;
  const schema = { version: VERSION, createdAt: toInstant(nowMs) };
  const head = { seq: 0, at: 0, extents: noExtents() };
  await collections.meta.updateOne({ _id: 'head' }, { $setOnInsert: head }, first);
  await collections.meta.updateOne({ _id: 'schema' }, { $setOnInsert: schema }, first);
  return collections;
}

async function prepareCollection(db: Db, name: keyof Collections): Promise<void> {
  // by hand, since a transaction that makes a collection conflicts with every other
  await db.createCollection(name).catch((error: unknown) => {
    if (!(error instanceof MongoServerError) || error.code !== NAMESPACE_EXISTS) throw error;
  });
  const indexes = INDEXES[name]();
  const options: CreateIndexesOptions = { writeConcern: { w: 'majority' } } as CreateIndexesOptions;
  if (indexes.length > 0) await db.collection(name).createIndexes(indexes, options);
}

/** The collections of a history that is there already, for reading only. */
export async function find(connection: MongoConnection): Promise<Collections> {
  const { where } = connection;
  const collections = collectionsOf(connection);
  if (await refuseOthers(collections, where)) return collections;
  throw new HistoryError(
    'UNAVAILABLE',
    `there is no history in ${where}: start the gateway once so that it makes one, or correct HISTORY`,
  );
}

/** True where there is a history, of this version. */
async function refuseOthers({ meta }: Collections, where: string): Promise<boolean> {
  const schema = (await meta.findOne({ _id: 'schema' })) as SchemaDoc | null;
  if (!schema || schema.version === VERSION) return schema !== null;
  throw new HistoryError(
    'UNUSABLE',
    `the history in ${where} was written by another version of the gateway (its format is ${schema.version}, ` +
      `this one reads ${VERSION}); nothing in it was touched. Use that version, or name another database in HISTORY`,
  );
}
