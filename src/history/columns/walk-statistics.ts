import type { RevisionRecord } from '../../model/revision.js';
import {
  DEFAULT_ORDER,
  DEFINITION_OF,
  fieldSpec,
  keyText,
  type ListedKind,
  recordValues,
} from '../../resources/registry.js';
import type { Filter } from '../../values/filter.js';
import { nearestInstant, toMillis } from '../../values/instant.js';
import type { Statistics, StatisticsQuery } from '../statistics.js';
import type { HistoryStore, PageItem } from '../store.js';
import { walkPages } from '../store-access.js';
import { Block, type BlockRow, encodeBlock } from './block.js';
import { columnName } from './masks.js';
import { statisticsIn } from './statistics.js';
import { KnownValues } from './values.js';

const AT_ONCE = 200;
/** How many rows become columns without letting other work in between. */
const ROWS = 512;

/**
 * Statistics from the records themselves, for a store that has no blocks of columns. No record lasts longer than
 * `itemSpan` (in ms) from its first item to its last, and none has items with and without a time; `null`: it is not known.
 */
export async function walkStatistics(
  store: Pick<HistoryStore, 'page' | 'versions'>,
  query: StatisticsQuery,
  itemSpan: number | null = null,
): Promise<Statistics> {
  const { kind, unit, integrations, seq, measure, time } = query;
  const rows = new RowList(query);
  const areVersionsNeeded = measure.type === 'DURATION' && measure.to === null;
  const orderBy = unit === 'RECORD' && fieldSpec(kind, time)?.order ? time : DEFAULT_ORDER[kind];
  const list = { kind, integrations, filter: readFilter(query, itemSpan), seq, orderBy, descending: false };
  const read = async (last: PageItem | null) =>
    store.page({ ...list, after: last?.position ?? null, limit: AT_ONCE });
  for await (const items of walkPages(read, (item: PageItem) => item)) {
    const found = items.map(({ revision }) => revision);
    if (!areVersionsNeeded) {
      for (const revision of found) rows.add([revision]);
      continue;
    }
    const keys = found.map(({ key }) => ({ ...key, kind }));
    for await (const versions of store.versions(keys, seq))
      for (const version of versions) rows.addOlder(version);
    rows.add([]);
  }
  rows.end();
  const scan = {
    kind,
    accounts: rows.accounts,
    filter: unit === 'RECORD' ? null : query.filter,
    lastRev: rows.last,
  };
  const facts = {
    nameOf: String,
    recordedAt: (rev: number) => rows.times[rev] ?? Number.NaN,
    unsettled: DEFINITION_OF[kind].unsettledField,
    known: new KnownValues(null),
  };
  return statisticsIn(rows.blocks, [{ scan, query }], facts)[0] as Statistics;
}

/** Which records are read: of those that a window of time may exclude, the rest. */
function readFilter(
  { kind, unit, filter, time, edges }: StatisticsQuery,
  itemSpan: number | null,
): Filter | null {
  const { items, defaultOrder, earliestField } = DEFINITION_OF[kind];
  const matching = unit === 'ITEM' && filter !== null ? { some: filter } : filter;
  // of the times of items the record has only the earliest and the latest of one
  if (unit === 'ITEM' && (itemSpan === null || time !== items?.time)) return matching;
  const [from = 0, to = 0] = [edges[0], edges.at(-1)];
  const [latest, earliest] = unit === 'ITEM' ? [defaultOrder, earliestField] : [time, time];
  const span = unit === 'ITEM' ? (itemSpan ?? 0) : 0;
  const within: Filter[] = [
    { field: latest, gte: nearestInstant(from) },
    { field: latest, lte: nearestInstant(to - 1 + span) },
    { field: earliest, lte: nearestInstant(to - 1) },
  ];
  const timed: Filter = { or: [{ and: within }, { field: latest, eq: null }] };
  return matching === null ? timed : { and: [timed, matching] };
}

function columnsFor({ kind, unit, filter, time, groupBy, whole, measure }: StatisticsQuery): Set<string> {
  const ofUnit = [time, ...groupBy.flatMap((each) => (each.type === 'ACCOUNT' ? [] : each.field))];
  if (measure.type === 'DISTINCT') ofUnit.push(...(measure.of === null ? [] : [measure.of]));
  if (measure.type === 'DURATION')
    ofUnit.push(measure.from, measure.state.field, ...(measure.to === null ? [] : [measure.to]));
  if (unit === 'ITEM' && filter !== null) ofUnit.push(...fieldsIn(filter));
  const names = ofUnit.map((field) => columnName(kind, unit, field));
  const ofRecord = [DEFINITION_OF[kind].unsettledField, whole].filter((field) => field !== null);
  return new Set([...names, ...ofRecord.map((field) => columnName(kind, 'RECORD', field))]);
}

function fieldsIn(filter: Filter): string[] {
  if ('not' in filter) return fieldsIn(filter.not);
  if ('field' in filter) return [filter.field];
  if ('some' in filter) return fieldsIn(filter.some);
  return ('and' in filter ? filter.and : filter.or).flatMap(fieldsIn);
}

/** Records as columns, which take a fraction of their memory. */
class RowList {
  readonly blocks: Block[] = [];
  readonly #accounts = new Set<string>();
  readonly #versions: RevisionRecord<ListedKind>[] = [];
  readonly #columns: ReadonlySet<string>;
  #rows: BlockRow[] = [];
  last = 0;
  /** When each revision was recorded, in ms. */
  readonly times: number[] = [Number.NaN];

  constructor(private readonly query: StatisticsQuery) {
    this.#columns = columnsFor(query);
  }

  get accounts(): string[] {
    return [...this.#accounts];
  }

  /** A version, after all newer ones of the same record. */
  addOlder(version: RevisionRecord<ListedKind>): void {
    const [before] = this.#versions;
    if (before && keyText(before.key) !== keyText(version.key)) this.add([]);
    this.#versions.unshift(version);
  }

  /** The versions of one record, of which the last is visible, after those that were added one by one. */
  add(versions: readonly RevisionRecord<ListedKind>[]): void {
    const older = this.#versions.splice(0);
    if (older.length > 0) this.add(older);
    for (const [i, { key, deleted, record, observedFrom }] of versions.entries()) {
      this.last += 1;
      this.#accounts.add(key.integration);
      this.times.push(toMillis(observedFrom));
      const values = deleted ? null : recordValues(this.query.kind, record);
      const [rev, prior] = [this.last, i === 0 ? 0 : this.last - 1];
      this.#rows.push({ rev, prior, account: key.integration, values });
    }
    if (this.#rows.length >= ROWS) this.end();
  }

  /** Makes columns of the rows that were added since the last time. */
  end(): void {
    const [rows, after] = [this.#rows, this.last - this.#rows.length];
    const columns = encodeBlock(this.query.kind, after, rows, (name) => this.#columns.has(name));
    this.blocks.push(new Block(after, (name) => columns.get(name) ?? new Uint8Array()));
    this.#rows = [];
  }
}
