import type { Document } from 'mongodb';
import type { RevisionRecord } from '../../model/revision.js';
import { groupKeys, type Kind, keyText, type RecordKey } from '../../resources/registry.js';
import { DamagedRecordError, withRecord } from '../errors.js';
import type { ChangesQuery, Confirmation, KeyOf, ReceivedRevision } from '../store.js';
import { type RevisionsQuery, type RevisionText, readRevisions, streamRevisions } from './bodies.js';
import { KEY_INDEX, WRITTEN_INDEX } from './schema.js';
import { type Collections, pages, type RevisionDoc, revisionId, writtenBy } from './stored-types.js';

/** The revisions that batches up to `seq` have left visible. */
export function visibleAt(seq: number): Document {
  return { seqTo: { $gt: seq }, seqFrom: { $lte: seq } };
}

export class MongoRevisions {
  constructor(private readonly collections: Collections) {}

  async get<K extends Kind>(keys: readonly KeyOf<K>[], seq: number): Promise<(RevisionRecord<K> | null)[]> {
    if (keys.length === 0) return [];
    const match = { $or: matchesOne(keys, visibleAt(seq)) };
    const revisions = await this.records<K>({ match, hint: KEY_INDEX });
    const found = new Map(revisions.map((revision) => [keyText(revision.key), revision]));
    return keys.map((key) => found.get(keyText(key)) ?? null);
  }

  async revisions<K extends Kind>(
    { integration, kind, id }: KeyOf<K>,
    beforeSeq: number,
    limit: number,
  ): Promise<RevisionRecord<K>[]> {
    return this.records<K>({
      match: { integration, kind, id, seqFrom: { $lt: beforeSeq } },
      hint: KEY_INDEX,
      // a version ends where the next begins, so this is the order of seqFrom too, and that of the index
      sort: { seqTo: -1 },
      limit,
    });
  }

  async *versions<K extends Kind>(
    keys: readonly KeyOf<K>[],
    seq: number,
  ): AsyncGenerator<RevisionRecord<K>[]> {
    if (keys.length === 0) return;
    const query = {
      match: { $or: matchesOne(keys, { seqFrom: { $lte: seq } }) },
      hint: KEY_INDEX,
      sort: { id: -1, integration: -1, seqTo: -1 },
    } as const;
    for await (const some of streamRevisions(this.collections, query, 'record'))
      yield some.map(revisionOf<K>);
  }

  countRevisions({ integration, kind, id }: RecordKey, seq: number): Promise<number> {
    const written = { integration, kind, id, seqFrom: { $lte: seq } };
    return this.collections.revisions.countDocuments(written, { hint: KEY_INDEX });
  }

  changes(query: ChangesQuery): Promise<RevisionRecord[]> {
    return this.records(this.#written(query));
  }

  async changesReceived(query: ChangesQuery): Promise<ReceivedRevision[]> {
    const found = await readRevisions(this.collections, this.#written(query), 'received');
    return found.map(({ doc, text }) => ({ ...standingOf(doc), received: textOf(doc, text) }));
  }

  #written(query: ChangesQuery): RevisionsQuery {
    const hint = this.collections.missingIndexes.has(WRITTEN_INDEX) ? { _id: 1 } : WRITTEN_INDEX;
    return { match: changesMatch(query), hint, sort: { _id: 1 }, limit: query.limit };
  }

  async received(key: RecordKey, seqFrom: number): Promise<string | null> {
    const { integration, kind, id } = key;
    // the key too, so that a cluster asks one shard
    const query = {
      match: { _id: revisionId(key, seqFrom), integration, kind, id },
      hint: { _id: 1 },
    };
    const [found] = await readRevisions(this.collections, query, 'received');
    return found?.text ?? null;
  }

  async *confirmations(): AsyncGenerator<readonly Confirmation[]> {
    const projection = { integration: 1, kind: 1, id: 1, seqFrom: 1, verifiedAt: 1, confirmedBy: 1 };
    for await (const docs of pages(this.collections.revisions, {}, projection)) {
      yield docs.map(({ integration, kind, id, seqFrom, verifiedAt, confirmedBy }) => ({
        ...{ key: { integration, kind, id }, seqFrom, verifiedAt, confirmedBy },
      }));
    }
  }

  async records<K extends Kind>(query: RevisionsQuery): Promise<RevisionRecord<K>[]> {
    return (await readRevisions(this.collections, query, 'record')).map(revisionOf<K>);
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

export function revisionOf<K extends Kind>({ doc, text }: RevisionText): RevisionRecord<K> {
  return withRecord(standingOf<K>(doc), text);
}

function standingOf<K extends Kind>(doc: RevisionDoc): Omit<RevisionRecord<K>, 'record'> {
  const { integration, kind, id, seqFrom, seqTo, observedFrom, observedTo, verifiedAt } = doc;
  return {
    key: { integration, kind: kind as K, id },
    seqFrom,
    seqTo,
    observedFrom,
    observedTo,
    verifiedAt,
    digest: doc.digest,
    runId: doc.runId,
    origin: doc.origin,
    deleted: doc.deleted,
  };
}

function textOf({ integration, kind, id, seqFrom }: RevisionDoc, text: string | undefined): string {
  if (typeof text !== 'string') throw new DamagedRecordError({ integration, kind, id }, seqFrom);
  return text;
}
