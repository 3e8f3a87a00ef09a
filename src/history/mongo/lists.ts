import type { Document } from 'mongodb';
import type { RevisionRecord } from '../../model/revision.js';
import {
  DEFAULT_ORDER,
  fieldSpec,
  isByFields,
  isRecordMatch,
  type ListedKind,
  namedValues,
} from '../../resources/registry.js';
import { BoundedCache, jsonBytes } from '../../values/bounded-cache.js';
import { conjuncts, type FieldValue, type Filter, isOfPresent } from '../../values/filter.js';
import { toInstant, toMillis } from '../../values/instant.js';
import { damageOf, wholeOnes } from '../errors.js';
import { type FieldRange, type HighWaterMarks, ITEM_SPAN } from '../high-water-marks.js';
import type { ListQuery, PageItem, PageQuery, Position, RecordedQuery, StorePage } from '../store.js';
import { walkPages } from '../store-access.js';
import { readRevisions } from './bodies.js';
import { fieldPath, filterMatch, NEVER, storedFilter } from './filter.js';
import { liveCountAt } from './live-counts.js';
import { revisionOf, visibleAt } from './revisions.js';
import { KEY_INDEX, orderIndex, referenceIndex, searchIndex } from './schema.js';
import { type BatchDoc, type Collections, type RevisionDoc, WITH_EXTENTS } from './stored-types.js';

export class MongoLists {
  /** The extents at some batches; a batch's never change. */
  readonly #extents = new BoundedCache<{ readonly extents: HighWaterMarks | null }, number>(
    'mongodbBatchExtents',
    jsonBytes,
  );

  constructor(private readonly collections: Collections) {}

  async page<K extends ListedKind>(query: PageQuery<K>): Promise<StorePage<PageItem<K>>> {
    const { filter, limit } = query;
    if (filter === null || isByFields(query.kind, filter)) return this.#page(query);
    const found: PageItem<K>[] = [];
    for await (const items of this.#candidates(query, filter)) {
      // a damaged record may match: its reader gets an error
      found.push(
        ...items.filter(
          ({ revision }) => damageOf(revision) || isRecordMatch(query.kind, revision.record, filter),
        ),
      );
      if (found.length > limit) break;
    }
    return { items: found.slice(0, limit), hasMore: found.length > limit };
  }

  /** The records among which are those that match a filter of what revisions do not have. */
  #candidates<K extends ListedKind>(
    query: PageQuery<K>,
    filter: Filter,
  ): AsyncGenerator<readonly PageItem<K>[]> {
    const stored = {
      ...query,
      filter: storedFilter(query.kind, filter),
      limit: Math.max(query.limit, READ_AT_ONCE),
    };
    return walkPages(
      (after: Position | null) => this.#page({ ...stored, after: after ?? query.after }),
      ({ position }: PageItem<K>) => position,
    );
  }

  async #page<K extends ListedKind>(query: PageQuery<K>): Promise<StorePage<PageItem<K>>> {
    const direction = query.descending ? -1 : 1;
    const found = await readRevisions(
      this.collections,
      {
        match: matchIn(stretchesOf(query, await this.#rangeAt(query)), matchOf(query)),
        hint: this.#namingIndex(query) ?? orderIndex(query.kind, query.orderBy),
        sort: { [fieldPath(query.orderBy)]: direction, integration: direction, id: direction },
        limit: query.limit + 1,
        field: query.orderBy,
      },
      'record',
    );
    const items = found.slice(0, query.limit).map((each): PageItem<K> => {
      const { integration, id } = each.doc;
      return { revision: revisionOf<K>(each), position: { value: each.value, integration, id } };
    });
    return { items, hasMore: found.length > query.limit };
  }

  /**
   * The versions of a record that tie are neighbours in the index, so each place is found once. Uses no extents: what was
   * ever recorded must not depend on a helper.
   */
  async recorded({ limit, ...query }: RecordedQuery): Promise<StorePage<Position>> {
    const places: Position[] = query.after ? [query.after] : [];
    const known = places.length;
    for (;;) {
      // twice as many, so that one query is enough as a rule; more would leave a cursor open
      const docs = await this.#stand({ ...query, after: places.at(-1) ?? null }, 2 * limit);
      for (const { f, integration, id } of docs) {
        const place = { value: (f?.[query.orderBy] ?? null) as FieldValue, integration, id };
        const last = places.at(-1);
        const isSame = last?.value === place.value && last.id === id && last.integration === integration;
        if (!isSame) places.push(place);
      }
      const items = places.slice(known);
      if (items.length > limit || docs.length < 2 * limit)
        return { items: items.slice(0, limit), hasMore: items.length > limit };
    }
  }

  #stand(query: Omit<RecordedQuery, 'limit'>, limit: number): Promise<RevisionDoc[]> {
    const { kind, integrations, filter, seq, orderBy } = query;
    const path = fieldPath(orderBy);
    const written = {
      ...{ kind, seqFrom: { $lte: seq }, deleted: false },
      ...(integrations && { integration: { $in: integrations } }),
    };
    const match = filter ? { $and: [written, filterMatch(kind, filter)] } : written;
    return this.collections.revisions
      .find(matchIn(stretchesOf({ ...query, descending: false }), match))
      .sort({ [path]: 1, integration: 1, id: 1 })
      .hint(orderIndex(kind, orderBy))
      .limit(limit)
      .batchSize(limit)
      .project<RevisionDoc>({ _id: 0, [path]: 1, integration: 1, id: 1 })
      .toArray();
  }

  async count(query: ListQuery): Promise<number> {
    const live = query.filter === null ? await liveCountAt(this.collections, query) : null;
    if (live !== null) return live;
    const { kind, filter } = query;
    if (filter !== null && !isByFields(kind, filter)) {
      let count = 0;
      const all = { ...query, orderBy: DEFAULT_ORDER[kind], descending: true, after: null, limit: 200 };
      for await (const items of this.#candidates(all, filter)) {
        const revisions = wholeOnes(items.map(({ revision }) => revision));
        count += revisions.filter((revision) => isRecordMatch(kind, revision.record, filter)).length;
      }
      return count;
    }
    const counting = [{ $match: matchOf(query) }, { $count: 'n' }];
    const hint = this.#namingIndex(query) ?? boundedIndex(query);
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
    const hint = referenceIndex(kind, field);
    const found = await readRevisions(
      this.collections,
      { match: matchOf(query), hint, sort: { id: 1 }, field },
      'record',
    );
    const revisions = found.map(revisionOf<K>);
    const refers = (n: number, value: string) => [found[n]?.value].flat().includes(value);
    return values.map((value) => revisions.filter((_, n) => refers(n, value)));
  }

  know(seq: number, extents: HighWaterMarks | null): void {
    this.#extents.set(seq, { extents });
  }

  /** The index of the ids, references or searched values that the filter names, if it names any at its top level. */
  #namingIndex({ kind, filter }: ListQuery): string | null {
    const field = namedValues(kind, filter)?.field;
    if (field === undefined) return null;
    if (field === 'id') return KEY_INDEX;
    const isReference = fieldSpec(kind, field)?.reference;
    const index = isReference ? referenceIndex(kind, field) : searchIndex(kind, field);
    return this.collections.missingIndexes.has(index) ? null : index;
  }

  /** How long the records of a view last from their first item to their last at most, in ms; `null`: it is not known. */
  async itemSpan({ kind, seq }: Pick<ListQuery, 'kind' | 'seq'>): Promise<number | null> {
    const range = await this.#rangeAt({ kind, orderBy: ITEM_SPAN, seq });
    return range === undefined || range.nulls ? null : toMillis(range.max ?? toInstant(0));
  }

  async #rangeAt({
    kind,
    orderBy,
    seq,
  }: Pick<PageQuery, 'kind' | 'orderBy' | 'seq'>): Promise<FieldRange | undefined> {
    if (!this.#extents.has(seq)) {
      const [batch] = await this.collections.batches
        .aggregate<Pick<BatchDoc, 'extents'>>([{ $match: { seq } }, ...WITH_EXTENTS])
        .toArray();
      // there is none beyond the newest batch, whose extents would be wrong once there is
      if (batch) this.know(seq, batch.extents);
    }
    // a batch of an earlier gateway says nothing of a kind that came later
    return this.#extents.get(seq)?.extents?.[kind]?.[orderBy];
  }
}

const READ_AT_ONCE = 20;

type Walk = Pick<PageQuery, 'kind' | 'filter' | 'orderBy' | 'descending' | 'after'>;

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
 * The stretches of the order's index that contain what comes after the query's place: the records that tie with it, in
 * its account and in later ones; those with further values; those without a value. What the filter rules out is omitted.
 */
function stretchesOf(query: Walk, range?: FieldRange): Document[] {
  const { filter, descending, after, orderBy } = query;
  const path = fieldPath(orderBy);
  const beyond = descending ? '$lt' : '$gt';
  const mayBe = absenceIn(filter, orderBy);
  const hasNulls = orderBy !== 'id' && range?.nulls !== false && mayBe !== 'PRESENT';
  const values = mayBe === 'ABSENT' ? [] : [{ [path]: valuesBeyond(query, after?.value ?? null, range) }];
  const nulls = hasNulls ? [{ [path]: null }] : [];
  if (after === null) return [...values, ...nulls];
  const { value, integration, id } = after;
  const ties = [
    // apart, since the path may be the id
    { $and: [{ [path]: value }, { integration, id: { [beyond]: id } }] },
    { [path]: value, integration: { [beyond]: integration } },
  ];
  if (value === null) return descending ? ties : [...ties, ...values];
  return descending ? [...ties, ...values, ...nulls] : [...ties, ...values];
}

/** Whether every match of the filter is without a value of the field, or has one; `null` if the filter does not say. */
function absenceIn(filter: Filter | null, field: string): 'ABSENT' | 'PRESENT' | null {
  const own = conjuncts(filter).filter((part) => 'field' in part && part.field === field);
  if (own.some((part) => 'eq' in part && part.eq === null)) return 'ABSENT';
  return own.some(isOfPresent) ? 'PRESENT' : null;
}

/**
 * What matches in one of the stretches. Each stretch has the whole condition, so that the server merges them in the
 * order of the index, and reads no further than the limit.
 */
function matchIn(stretches: readonly Document[], match: Document): Document {
  if (stretches.length === 0) return NEVER;
  return { $or: stretches.map((stretch) => ({ $and: [stretch, match] })) };
}

/** A condition on values beyond `value`, within what the view is known to hold. */
function valuesBeyond(query: Walk, value: FieldValue, range: FieldRange | undefined): Document {
  const isNumber = fieldSpec(query.kind, query.orderBy)?.type === 'number';
  const least = range?.min ?? (isNumber ? Number.NEGATIVE_INFINITY : '');
  const most = range?.max ?? null;
  const within = { $gte: least, ...(most !== null && { $lte: most }) };
  if (value === null) return within;
  return { ...within, [query.descending ? '$lt' : '$gt']: value };
}

/** The index in which the fewest entries lie within the bounds of times and numbers that the filter has at its top level. */
function boundedIndex({ kind, filter }: ListQuery): string {
  const bounds = new Map<string, number>();
  for (const part of conjuncts(filter)) {
    if (!('field' in part) || !('eq' in part || 'gte' in part || 'lte' in part)) continue;
    if (!fieldSpec(kind, part.field)?.order || part.field === 'id') continue;
    bounds.set(part.field, (bounds.get(part.field) ?? 0) + ('eq' in part ? 2 : 1));
  }
  const [narrowest] = [...bounds].sort(([, a], [, b]) => b - a);
  return narrowest ? orderIndex(kind, narrowest[0]) : KEY_INDEX;
}
