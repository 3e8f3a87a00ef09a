import type { Document } from 'mongodb';
import type { RevisionRecord } from '../../model/revision.js';
import { groupKeys, type Kind, keyText, type RecordKey } from '../../resources/registry.js';
import { DamagedRecordError, withRecord } from '../errors.js';
import type { ChangesQuery, Confirmation, KeyOf, ReceivedRevision } from '../store.js';
import { readBodies } from './bodies.js';
import { KEY_INDEX } from './schema.js';
import { type Collections, pages, type RevisionDoc, revisionId, writtenBy } from './stored-types.js';

/** The revisions that batches up to `seq` have left visible. */
export function visibleAt(seq: number): Document {
  return { seqTo: { $gt: seq }, seqFrom: { $lte: seq } };
}

const BY_KEY = { projection: { f: 0, c: 0 }, hint: KEY_INDEX };
const AS_WRITTEN = { projection: { f: 0, c: 0 }, hint: { _id: 1 } } as const;

/** Versions of records, by key and in the order they were written. */
export class MongoRevisions {
  constructor(private readonly collections: Collections) {}

  async get<K extends Kind>(keys: readonly KeyOf<K>[], seq: number): Promise<(RevisionRecord<K> | null)[]> {
    if (keys.length === 0) return [];
    const wanted = { $or: matchesOne(keys, visibleAt(seq)) };
    const docs = await this.collections.revisions.find(wanted, BY_KEY).toArray();
    const revisions = await this.withRecords<K>(docs);
    const found = new Map(revisions.map((revision) => [keyText(revision.key), revision]));
    return keys.map((key) => found.get(keyText(key)) ?? null);
  }

  async revisions<K extends Kind>(
    { integration, kind, id }: KeyOf<K>,
    beforeSeq: number,
    limit: number,
  ): Promise<RevisionRecord<K>[]> {
    const docs = await this.collections.revisions
      .find({ integration, kind, id, seqFrom: { $lt: beforeSeq } }, BY_KEY)
      // a version ends where the next begins, so this is the order of seqFrom too, and that of the index
      .sort({ seqTo: -1 })
      .limit(limit)
      .toArray();
    return this.withRecords<K>(docs);
  }

  async versions<K extends Kind>(keys: readonly KeyOf<K>[], seq: number): Promise<RevisionRecord<K>[][]> {
    if (keys.length === 0) return [];
    const wanted = { $or: matchesOne(keys, { seqFrom: { $lte: seq } }) };
    const docs = await this.collections.revisions.find(wanted, BY_KEY).toArray();
    const found = new Map<string, RevisionRecord<K>[]>();
    for (const revision of await this.withRecords<K>(docs.sort((a, b) => a.seqFrom - b.seqFrom))) {
      const key = keyText(revision.key);
      found.set(key, [...(found.get(key) ?? []), revision]);
    }
    return keys.map((key) => found.get(keyText(key)) ?? []);
  }

  /** How many versions of each key were recorded up to `seq`, from the index alone. */
  async countVersions(keys: readonly RecordKey[], seq: number): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    if (keys.length === 0) return counts;
    const projection = { _id: 0, kind: 1, integration: 1, id: 1 } as const;
    const wanted = { $or: matchesOne(keys, { seqFrom: { $lte: seq } }) };
    const docs = this.collections.revisions.find(wanted, { projection, hint: KEY_INDEX });
    for await (const doc of docs) counts.set(keyText(doc), (counts.get(keyText(doc)) ?? 0) + 1);
    return counts;
  }

  countRevisions({ integration, kind, id }: RecordKey, seq: number): Promise<number> {
    const written = { integration, kind, id, seqFrom: { $lte: seq } };
    return this.collections.revisions.countDocuments(written, { hint: KEY_INDEX });
  }

  async changes(query: ChangesQuery): Promise<RevisionRecord[]> {
    return this.withRecords(await this.#written(query));
  }

  async changesReceived(query: ChangesQuery): Promise<ReceivedRevision[]> {
    const docs = await this.#written(query);
    const bodies = docs.map(({ body }) => body);
    const texts = await readBodies(this.collections, bodies, 'received');
    return docs.map((doc) => ({
      ...standingOf(doc),
      received: textOf(doc, texts.get(doc.body.toHexString())),
    }));
  }

  #written(query: ChangesQuery): Promise<RevisionDoc[]> {
    return this.collections.revisions
      .find(changesMatch(query), AS_WRITTEN)
      .sort({ _id: 1 })
      .limit(query.limit)
      .toArray();
  }

  async received(key: RecordKey, seqFrom: number): Promise<string | null> {
    const options = { projection: { body: 1 } };
    const doc = await this.collections.revisions.findOne({ _id: revisionId(key, seqFrom) }, options);
    if (!doc) return null;
    const [text = null] = (await readBodies(this.collections, [doc.body], 'received')).values();
    return text;
  }

  async *confirmations(): AsyncGenerator<readonly Confirmation[]> {
    const projection = { integration: 1, kind: 1, id: 1, seqFrom: 1, verifiedAt: 1, confirmedBy: 1 };
    for await (const docs of pages(this.collections.revisions, {}, projection)) {
      yield docs.map(({ integration, kind, id, seqFrom, verifiedAt, confirmedBy }) => ({
        ...{ key: { integration, kind, id }, seqFrom, verifiedAt, confirmedBy },
      }));
    }
  }

  /** The revisions of `docs` with what they say; texts are never changed, so they are read afterwards. */
  async withRecords<K extends Kind>(docs: readonly RevisionDoc[]): Promise<RevisionRecord<K>[]> {
    const bodies = docs.map(({ body }) => body);
    const texts = await readBodies(this.collections, bodies, 'record');
    return docs.map((doc) => revisionOf<K>(doc, texts.get(doc.body.toHexString())));
  }
}

function changesMatch({ afterSeq, toSeq, kinds, integrations, after }: ChangesQuery): Document {
  const first = after ? { $gt: revisionId(after.key, after.seqFrom) } : { $gte: writtenBy(afterSeq + 1) };
  return {
    _id: { ...first, $lt: writtenBy(toSeq + 1) },
    // the place to go on after may lie before the first batch asked for
    seqFrom: { $gt: afterSeq },
    kind: { $in: kinds },
    ...(integrations && { integration: { $in: integrations } }),
  };
}

/** Conditions of which revisions of `keys` meet one, and `others` with it: one for each kind and account. */
export function matchesOne(keys: readonly RecordKey[], others: Document): Document[] {
  return groupKeys(keys).map(({ kind, integration, ids }) => ({
    ...{ kind, integration, id: { $in: [...new Set(ids)] } },
    ...others,
  }));
}

function revisionOf<K extends Kind>(doc: RevisionDoc, record: string | undefined): RevisionRecord<K> {
  return withRecord(standingOf<K>(doc), record);
}

function standingOf<K extends Kind>(doc: RevisionDoc): Omit<RevisionRecord<K>, 'record'> {
  const { integration, kind, id, seqFrom, seqTo, observedFrom, observedTo, verifiedAt } = doc;
  return {
    key: { integration, kind: kind as K, id },
    ...{ seqFrom, seqTo, observedFrom, observedTo, verifiedAt },
    ...{ digest: doc.digest, runId: doc.runId, origin: doc.origin, deleted: doc.deleted },
  };
}

function textOf({ integration, kind, id, seqFrom }: RevisionDoc, text: string | undefined): string {
  if (typeof text !== 'string') throw new DamagedRecordError({ integration, kind, id }, seqFrom);
  return text;
}
