import type { RevisionRecord } from '../model/revision.js';
import { DEFINITION_OF, type ListedKind, type RecordValues, recordValues } from '../resources/registry.js';
import { compareValues, conjuncts, type Filter, isMatch, isOfPresent } from '../values/filter.js';
import { earliest, FIRST_INSTANT, type Instant, latest, toMillis } from '../values/instant.js';
import { wholeOnes } from './errors.js';
import type { HistoryStore, ListQuery, PageItem, Position, StorePage } from './store.js';
import { walkPages } from './store-access.js';

/*
 * The items of records as one list, such as the messages of all threats, by the list of the records: the items of a
 * record lie between its earliest and its latest time, so that a walk by one of the two knows which items no later
 * record precedes. Of the records before a place only those are read again that may have items after it.
 */

/** A place in a list of items: by time, then by the record's id and integration, then by the place in the record. */
export interface ItemPosition {
  readonly time: Instant | null;
  readonly integration: string;
  readonly id: string;
  readonly index: number;
  /** The records with items after this place lie after this time, in the list in this direction. */
  readonly open: Instant | null;
  readonly descending: boolean;
}

/** The filter is one of items. */
export interface ItemsQuery extends ListQuery {
  readonly descending: boolean;
  /** Exclusive. */
  readonly after: ItemPosition | null;
  readonly limit: number;
}

export interface ItemRow {
  readonly revision: RevisionRecord<ListedKind>;
  readonly position: ItemPosition;
}

type Records = Pick<HistoryStore, 'page'>;

const RECORDS_AT_ONCE = 50;

/** Items by their time; those without come first, in descending order last. */
export async function readItems(records: Records, query: ItemsQuery): Promise<StorePage<ItemRow>> {
  const { descending, after, limit } = query;
  const isWithTime = after !== null && after.time !== null;
  const isWithoutTime = after !== null && after.time === null;
  const found: ItemRow[] = [];
  if (!descending && !isWithTime) found.push(...(await readUntimed(records, query, limit + 1)));
  if (found.length <= limit && !(descending && isWithoutTime))
    found.push(...(await readTimed(records, query, limit + 1 - found.length)));
  if (found.length <= limit && descending)
    found.push(...(await readUntimed(records, query, limit + 1 - found.length)));
  return { items: found.slice(0, limit), hasMore: found.length > limit };
}

/** How many items match, with and without a time. */
export async function countItems(
  store: Pick<HistoryStore, 'statistics'>,
  { kind, integrations, filter, seq }: ListQuery,
): Promise<number> {
  const { total, untimed } = await store.statistics({
    ...{ kind, unit: 'ITEM', integrations, filter, seq, time: itemsOf(kind).time },
    ...{ edges: [toMillis(FIRST_INSTANT), Number.MAX_SAFE_INTEGER], groupBy: [], top: 1, minCount: 1 },
    ...{ whole: null, measure: { type: 'COUNT' } },
  });
  return Number(total.all) + untimed;
}

function itemsOf(kind: ListedKind) {
  const { items } = DEFINITION_OF[kind];
  if (!items) throw new TypeError(`records of kind ${kind} have no items`);
  return items;
}

interface Span {
  readonly first: Instant;
  readonly last: Instant;
}

async function readTimed(records: Records, query: ItemsQuery, wanted: number): Promise<ItemRow[]> {
  const { kind, descending, filter, after } = query;
  const { defaultOrder, earliestField } = DEFINITION_OF[kind];
  const { time: timeField } = itemsOf(kind);
  const [orderBy, other] = descending ? [defaultOrder, earliestField] : [earliestField, defaultOrder];
  const time = after?.time ?? null;
  const open = after?.descending === descending ? after.open : null;
  const upTo = (field: string, limit: Instant | null): Filter[] =>
    limit === null ? [] : [descending ? { field, lte: limit } : { field, gte: limit }];
  const some = filter && { some: { and: [filter, ...upTo(timeField, time)] } };
  const limits = [{ field: orderBy, gte: FIRST_INSTANT }, ...upTo(orderBy, open), ...upTo(other, time)];
  const rows: ItemRow[] = [];
  const spans: Span[] = [];
  for await (const page of walk(records, query, { and: [...limits, ...(some ? [some] : [])] }, orderBy)) {
    for (const { revision } of page) {
      const values = recordValues(kind, revision.record);
      rows.push(...rowsOf(revision, values, query).filter(({ position }) => position.time !== null));
      const { [earliestField]: first, [defaultOrder]: last } = values.fields;
      spans.push({ first: String(first), last: String(last) });
    }
    rows.sort((a, b) => compare(a.position, b.position, descending)).splice(wanted);
    const read = String(page.at(-1)?.position.value);
    const isBehind = ({ position: { time: at } }: ItemRow) =>
      at !== null && (descending ? at > read : at < read);
    if (rows.length === wanted && rows.every(isBehind)) break;
  }
  return rows.map(({ revision, position }) => ({
    revision,
    position: { ...position, open: openAt(position.time ?? FIRST_INSTANT, spans, descending) },
  }));
}

/** From where on records may have items after a time, in the order of the walk. */
function openAt(time: Instant, spans: readonly Span[], descending: boolean): Instant {
  return spans.reduce((open, { first, last }) => {
    if (descending) return first <= time ? latest(open, last) : open;
    return last >= time ? earliest(open, first) : open;
  }, time);
}

async function readUntimed(records: Records, query: ItemsQuery, wanted: number): Promise<ItemRow[]> {
  const { kind, descending, filter, after } = query;
  const { time: field } = itemsOf(kind);
  if (conjuncts(filter).some((part) => 'field' in part && part.field === field && isOfPresent(part)))
    return [];
  const from = after !== null && after.time === null ? after.id : null;
  const limits = from === null ? [] : [descending ? { field: 'id', lte: from } : { field: 'id', gte: from }];
  const some = { some: { and: [...(filter ? [filter] : []), { field, eq: null }] } };
  const rows: ItemRow[] = [];
  for await (const page of walk(records, query, { and: [...limits, some] }, 'id')) {
    for (const { revision } of page) {
      const all = rowsOf(revision, recordValues(kind, revision.record), query);
      rows.push(...all.filter(({ position }) => position.time === null));
    }
    if (rows.length >= wanted) break;
  }
  return rows.sort((a, b) => compare(a.position, b.position, descending)).slice(0, wanted);
}

async function* walk(
  records: Records,
  { kind, integrations, seq, descending }: ItemsQuery,
  filter: Filter,
  orderBy: string,
): AsyncGenerator<readonly PageItem[]> {
  const list = { kind, integrations, filter, seq, orderBy, descending, limit: RECORDS_AT_ONCE };
  const read = (after: Position | null) => records.page({ ...list, after });
  for await (const page of walkPages(read, ({ position }: PageItem) => position)) {
    wholeOnes(page.map(({ revision }) => revision));
    yield page;
  }
}

/** The items of a record that match and come after the place. */
function rowsOf(
  revision: RevisionRecord<ListedKind>,
  { fields, items }: RecordValues,
  { kind, filter, after, descending }: ItemsQuery,
): ItemRow[] {
  const { integration, id } = revision.key;
  const { time: field } = itemsOf(kind);
  return items.flatMap((item, index) => {
    if (filter !== null && !isMatch({ ...fields, ...item }, filter)) return [];
    const time = (item[field] ?? null) as Instant | null;
    const position = { time, integration, id, index, open: null, descending };
    return after === null || compare(position, after, descending) > 0 ? [{ revision, position }] : [];
  });
}

function compare(a: ItemPosition, b: ItemPosition, descending: boolean): number {
  const order =
    compareValues(a.time, b.time) ||
    compareValues(a.id, b.id) ||
    compareValues(a.integration, b.integration) ||
    a.index - b.index;
  return descending ? -order : order;
}
