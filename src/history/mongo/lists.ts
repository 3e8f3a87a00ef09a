import type { Document } from 'mongodb';
import type { RevisionRecord } from '../../model/revision.js';
import { absentTime, fieldSpec, keyText, type ListedKind } from '../../resources/registry.js';
import { BoundedCache, jsonBytes } from '../../values/bounded-cache.js';
import type { FieldValue } from '../../values/filter.js';
import type { FieldRange, HighWaterMarks } from '../high-water-marks.js';
import type { ListQuery, PageQuery, Position, RecordedPage, RecordedQuery, StorePage } from '../store.js';
import { fieldPath, filterMatch } from './filter.js';
import { type MongoRevisions, visibleAt } from './revisions.js';
import { orderIndex, referenceIndex } from './schema.js';
import type { Collections, RevisionDoc } from './stored-types.js';

/** Lists of live records. */
export class MongoLists {
  /** The extents at some batches; a batch's never change. */
  readonly #extents = new BoundedCache<{ readonly extents: HighWaterMarks | null }, number>(
    'mongodbBatchExtents',
    jsonBytes,
  );

  constructor(
    private readonly collections: Collections,
    private readonly revisions: MongoRevisions,
  ) {}

  async page<K extends ListedKind>(query: PageQuery<K>): Promise<StorePage<K>> {
    const docs: RevisionDoc[] = [];
    for (const ranges of rangesOf(query, await this.#rangeAt(query))) {
      if (docs.length > query.limit) break;
      docs.push(...(await Promise.all(ranges.map((range) => this.#walk(query, range)))).flat());
    }
    const shown = docs.slice(0, query.limit);
    const revisions = await this.revisions.withRecords<K>(shown);
    const items = revisions.map((revision, n) => ({
      revision,
      position: positionOf(shown[n], query, revision),
    }));
    return { items, hasMore: docs.length > query.limit };
  }

  #walk(query: PageQuery, range: Document): Promise<RevisionDoc[]> {
    const direction = query.descending ? -1 : 1;
    return this.collections.revisions
      .find({ $and: [range, matchOf(query)] })
      .sort({ [fieldPath(query.orderBy)]: direction, integration: direction, id: direction })
      .hint(orderIndex(query.kind, query.orderBy))
      .limit(query.limit + 1)
      .project<RevisionDoc>({ c: 0 })
      .toArray();
  }

  /** Goes by no extents: what was ever recorded must not hang on a helper. */
  async recorded({ limit, ...query }: RecordedQuery): Promise<RecordedPage> {
    const found: Position[] = [];
    for (const ranges of rangesOf({ ...query, descending: false, limit }, undefined)) {
      if (found.length > limit) break;
      found.push(...(await Promise.all(ranges.map((range) => this.#places(query, range, limit + 1)))).flat());
    }
    const keys = found.slice(0, limit).map((place) => ({ kind: query.kind, ...place }));
    const versions = await this.revisions.countVersions(keys, query.seq);
    return {
      items: keys.map(({ kind, ...place }) => ({
        ...place,
        versions: versions.get(keyText({ kind, ...place })) ?? 0,
      })),
      hasMore: found.length > limit,
    };
  }

  /** The first places in a stretch at which matching versions stand, each once: in the index they are neighbours. */
  async #places(
    { kind, integrations, filter, seq, orderBy }: Omit<RecordedQuery, 'limit'>,
    range: Document,
    limit: number,
  ): Promise<Position[]> {
    const written = { kind, seqFrom: { $lte: seq }, deleted: false };
    const whose = integrations && { integration: { $in: integrations } };
    const match = { ...written, ...whose };
    const cursor = this.collections.revisions
      .find({ $and: [range, filter ? { $and: [match, filterMatch(kind, filter)] } : match] })
      .sort({ [fieldPath(orderBy)]: 1, integration: 1, id: 1 })
      .hint(orderIndex(kind, orderBy))
      .batchSize(2 * limit)
      .project<RevisionDoc>({ [fieldPath(orderBy)]: 1, integration: 1, id: 1 });
    const places: Position[] = [];
    for await (const { f, integration, id } of cursor) {
      const place = { value: (f?.[orderBy] ?? null) as FieldValue, integration, id };
      const last = places.at(-1);
      if (last && last.value === place.value && last.id === id && last.integration === integration) continue;
      if (places.push(place) === limit) break;
    }
    return places;
  }

  async count(query: ListQuery): Promise<number> {
    const counting = [{ $match: matchOf(query) }, { $count: 'n' }];
    const hint = orderIndex(query.kind, absentTime(query.kind, query.filter) ?? 'id');
    const [counted] = await this.collections.revisions.aggregate<{ n: number }>(counting, { hint }).toArray();
    return counted?.n ?? 0;
  }

  async referrers<K extends ListedKind>(
    kind: K,
    field: string,
    integration: string,
    values: readonly string[],
    seq: number,
  ): Promise<RevisionRecord<K>[][]> {
    const query = { kind, integrations: [integration], filter: { field, in: values }, seq };
    const docs = await this.collections.revisions
      .find(matchOf(query))
      .hint(referenceIndex(kind, field))
      .sort({ id: 1 })
      .toArray();
    const revisions = await this.revisions.withRecords<K>(docs);
    const refers = (n: number, value: string) => [docs[n]?.f?.[field]].flat().includes(value);
    return values.map((value) => revisions.filter((_, n) => refers(n, value)));
  }

  /** Takes note of the extents at a batch. */
  know(seq: number, extents: HighWaterMarks | null): void {
    this.#extents.set(seq, { extents });
  }

  async #rangeAt({ kind, orderBy, seq }: PageQuery): Promise<FieldRange | undefined> {
    if (!this.#extents.has(seq)) {
      const batch = await this.collections.batches.findOne({ seq }, { projection: { extents: 1 } });
      // there is none beyond the newest batch, whose extents would be wrong once there is
      if (batch) this.know(seq, batch.extents);
    }
    return this.#extents.get(seq)?.extents?.[kind][orderBy];
  }
}

function matchOf({ kind, integrations, filter, seq }: ListQuery): Document {
  const match = {
    kind,
    ...visibleAt(seq),
    deleted: false,
    ...(integrations && { integration: { $in: integrations } }),
  };
  return filter ? { $and: [match, filterMatch(kind, filter)] } : match;
}

/**
 * The stretches of the order's index that hold what comes after the query's place, in that order: the rest of
 * the records that tie with it, in its account and in the others; then what has another value. Those in one
 * list are walked at once: ties are few as a rule, and asking for them first would cost a round trip.
 */
function rangesOf(query: PageQuery, range: FieldRange | undefined): Document[][] {
  const { descending, after } = query;
  const path = fieldPath(query.orderBy);
  const beyond = descending ? '$lt' : '$gt';
  const values = { [path]: valuesBeyond(query, after?.value ?? null, range) };
  const nulls = query.orderBy === 'id' || range?.nulls === false ? [] : [[{ [path]: null }]];
  if (after === null) return descending ? [[values], ...nulls] : [...nulls, [values]];
  const { value, integration, id } = after;
  const ties = [
    // apart, since the path may be the id
    { $and: [{ [path]: value }, { integration, id: { [beyond]: id } }] },
    { [path]: value, integration: { [beyond]: integration } },
  ];
  if (value === null) return descending ? [ties] : [ties, [values]];
  return descending ? [[...ties, values], ...nulls] : [[...ties, values]];
}

/** A condition on values beyond `value`, within what the view is known to hold. */
function valuesBeyond(query: PageQuery, value: FieldValue, range: FieldRange | undefined): Document {
  const isNumber = fieldSpec(query.kind, query.orderBy)?.type === 'number';
  const least = range?.min ?? (isNumber ? Number.NEGATIVE_INFINITY : '');
  const most = range?.max ?? null;
  const within = { $gte: least, ...(most !== null && { $lte: most }) };
  if (value === null) return within;
  return { ...within, [query.descending ? '$lt' : '$gt']: value };
}

function positionOf(doc: RevisionDoc | undefined, { orderBy }: PageQuery, { key }: RevisionRecord): Position {
  const { integration, id } = key;
  return { value: orderBy === 'id' ? id : ((doc?.f?.[orderBy] ?? null) as FieldValue), integration, id };
}
