import type { Document } from 'mongodb';
import { type Kind, keyText, type RecordKey } from '../model/kind.js';
import type { RecordOf } from '../model/records.js';
import type { Revision } from '../model/revision.js';
import { readBodies } from './mongo-bodies.js';
import type { Collections, RevisionDoc } from './mongo-documents.js';
import { KEY_INDEX, WRITTEN_INDEX } from './mongo-schema.js';
import type { ChangesQuery } from './store.js';

/** The revisions that batches up to `seq` have left visible. */
export function visibleAt(seq: number): Document {
  return { seqTo: { $gt: seq }, seqFrom: { $lte: seq } };
}

const WITHOUT_FIELDS = { projection: { f: 0, c: 0 } };

/** Versions of records, by key and in the order they were written. */
export class MongoRevisions {
  constructor(private readonly collections: Collections) {}

  async get<K extends Kind>(
    keys: readonly (RecordKey & { readonly kind: K })[],
    seq: number,
  ): Promise<(Revision<K> | null)[]> {
    if (keys.length === 0) return [];
    const texts = keys.map(keyText);
    const wanted = { k: { $in: [...new Set(texts)] }, ...visibleAt(seq) };
    const docs = await this.collections.revisions
      .find(wanted, { ...WITHOUT_FIELDS, hint: KEY_INDEX })
      .toArray();
    const revisions = await this.withRecords<K>(docs);
    const found = new Map(revisions.map((revision) => [keyText(revision.key), revision]));
    return texts.map((text) => found.get(text) ?? null);
  }

  async revisions<K extends Kind>(
    key: RecordKey & { readonly kind: K },
    beforeSeq: number,
    limit: number,
  ): Promise<Revision<K>[]> {
    const docs = await this.collections.revisions
      .find({ k: keyText(key), seqFrom: { $lt: beforeSeq } }, { ...WITHOUT_FIELDS, hint: KEY_INDEX })
      // a version ends where the next begins, so this is the order of seqFrom too, and that of the index
      .sort({ seqTo: -1 })
      .limit(limit)
      .toArray();
    return this.withRecords<K>(docs);
  }

  async countRevisions(key: RecordKey, seq: number): Promise<number> {
    const written = { k: keyText(key), seqFrom: { $lte: seq } };
    return this.collections.revisions.countDocuments(written, { hint: KEY_INDEX });
  }

  async changes(query: ChangesQuery): Promise<Revision[]> {
    const docs = await this.collections.revisions
      .find(changesMatch(query), { ...WITHOUT_FIELDS, hint: WRITTEN_INDEX })
      .sort({ seqFrom: 1, kind: 1, integration: 1, id: 1 })
      .limit(query.limit)
      .toArray();
    return this.withRecords(docs);
  }

  async received(key: RecordKey, seqFrom: number): Promise<string | null> {
    const _id = `${keyText(key)} ${seqFrom}`;
    const doc = await this.collections.revisions.findOne({ _id }, { projection: { body: 1 } });
    if (!doc) return null;
    return (await readBodies(this.collections, [doc.body], 'received')).get(doc.body) ?? null;
  }

  /** The revisions of `docs` with what they say; texts are never changed, so they are read afterwards. */
  async withRecords<K extends Kind>(docs: readonly RevisionDoc[]): Promise<Revision<K>[]> {
    const bodies = docs.map(({ body }) => body);
    const texts = await readBodies(this.collections, bodies, 'record');
    return docs.map((doc) => revisionOf<K>(doc, texts.get(doc.body)));
  }
}

function changesMatch({ afterSeq, toSeq, kinds, integrations, after }: ChangesQuery): Document {
  const written = {
    seqFrom: { $gt: afterSeq, $lte: toSeq },
    kind: { $in: kinds },
    ...(integrations && { integration: { $in: integrations } }),
  };
  if (!after) return written;
  const { seqFrom, key } = after;
  const { kind, integration, id } = key;
  const later = [
    { seqFrom: { $gt: seqFrom } },
    { seqFrom, kind: { $gt: kind } },
    { seqFrom, kind, integration: { $gt: integration } },
    { seqFrom, kind, integration, id: { $gt: id } },
  ];
  return { $and: [{ seqFrom: { $gte: seqFrom } }, written, { $or: later }] };
}

function revisionOf<K extends Kind>(doc: RevisionDoc, record: string | undefined): Revision<K> {
  if (record === undefined) throw new Error(`the history lacks the text of ${doc._id}`);
  const { integration, kind, id, seqFrom, seqTo, observedFrom, observedTo, verifiedAt } = doc;
  return {
    key: { integration, kind: kind as K, id },
    ...{ seqFrom, seqTo, observedFrom, observedTo, verifiedAt },
    ...{ digest: doc.digest, runId: doc.runId, origin: doc.origin, deleted: doc.deleted },
    record: JSON.parse(record) as RecordOf[K],
  };
}
