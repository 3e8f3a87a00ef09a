import { absentTime, DEFAULT_ORDER, type ListedKind } from '../../resources/registry.js';
import { compareValues, type FieldValue } from '../../values/filter.js';
import { toInstant } from '../../values/instant.js';
import { HistoryError } from '../errors.js';
import type {
  ListQuery,
  PageItem,
  PageQuery,
  Position,
  RecordedPage,
  RecordedQuery,
  StorePage,
} from '../store.js';
import { liveCountAt, markAt } from './batch-indexes.js';
import { type Column, columnOf, fromOrdered } from './columns.js';
import type { Connection, Integrations, Query } from './connection.js';
import type { Row } from './driver.js';
import {
  after,
  countSql,
  intersect,
  type KeyRange,
  keyRangeOf,
  namedBy,
  type Part,
  pickSql,
  rangeCountSql,
  recordedSql,
  sortSql,
  walkLengthSql,
  walkSql,
  writtenUpTo,
} from './list-plan.js';
import type { Limits, QueryRunner } from './query-worker.js';
import type { Head } from './record-batch.js';
import type { Revisions } from './revisions.js';
import { isWalked } from './schema.js';

/** A part with the name of its integration. */
interface NamedPart extends Part {
  readonly name: string;
}

interface Item {
  readonly rev: number;
  readonly value: FieldValue;
  readonly integration: string;
  readonly id: string;
}

type Order = ListQuery & Pick<PageQuery, 'descending' | 'after'>;

const EVERY_ENTRY = -1;

/** The lists of records: pages and counts, each by the cheapest way there is. */
export class Lists {
  constructor(
    private readonly connection: Connection,
    private readonly integrations: Integrations,
    private readonly revisions: Revisions,
    private readonly answers: QueryRunner,
    private readonly limits: Limits,
  ) {}

  async page<K extends ListedKind>(query: PageQuery<K>, head: Head): Promise<StorePage<K>> {
    const column = orderColumn(query.kind, query.orderBy);
    const pinned = this.#pinned(query.seq, head);
    const parts = this.#parts(query, column, pinned, head);
    const rows = await this.#rows(parts, query.limit + 1, pinned, head);
    const items = parts.flatMap((part, i) => (rows[i] ?? []).map((row) => itemOf(part, row)));
    const ordered = parts.length === 1 ? items : items.sort(comparison(query.descending));
    return this.#pageOf(query.kind, ordered, query.limit);
  }

  /** Goes by no top: what was ever recorded must not hang on a helper. */
  async recorded(query: RecordedQuery, head: Head): Promise<RecordedPage> {
    const { kind, filter, seq, limit } = query;
    const column = orderColumn(kind, query.orderBy);
    const wanted = keyRangeOf(filter, column);
    const parts = this.integrations.select(query.integrations).map(({ n, name }): NamedPart => {
      const range = intersect(wanted, after(query.after, name, false));
      const order = { column, descending: false, range, ahead: false };
      return { kind, filter, seq, integration: n, name, ...order };
    });
    const rows = await this.answers.all(
      parts.map((part) => recordedSql(part, limit + 1)),
      head.lastRev <= this.limits.scan,
    );
    const items = parts.flatMap((part, i) =>
      (rows[i] ?? []).map(([value = null, id, versions]) => ({
        ...{ value: fromOrdered(column, value), integration: part.name, id: String(id) },
        versions: Number(versions),
      })),
    );
    const shown = parts.length === 1 ? items : items.sort(comparison(false));
    return { items: shown.slice(0, limit), hasMore: shown.length > limit };
  }

  async count(query: ListQuery, head: Head): Promise<number> {
    if (query.filter === null) return this.#liveCount(query);
    const pinned = this.#pinned(query.seq, head);
    const walked = absentTime(query.kind, query.filter) ?? DEFAULT_ORDER[query.kind];
    const column = orderColumn(query.kind, walked);
    const list = { ...query, descending: true, after: null };
    const parts = this.#parts(list, column, head, head);
    const isQuick = pinned.lastRev <= this.limits.scan;
    const counted = await this.answers.all(
      parts.map((part) => this.#countPlan(part, pinned)),
      isQuick || parts.every((part) => namedBy(part.kind, part.integration, part.filter)),
    );
    return counted.reduce((sum, [row]) => sum + Number(row?.[0]), 0);
  }

  #countPlan(part: Part, pinned: Head): Query {
    const named = namedBy(part.kind, part.integration, part.filter);
    if (named) return countSql(part, named);
    const isRange = part.range.lower !== null;
    return isRange ? rangeCountSql(part) : countSql(part, writtenUpTo(pinned.lastRev));
  }

  #liveCount({ kind, integrations, seq }: ListQuery): number {
    return this.integrations
      .select(integrations)
      .reduce((sum, { n }) => sum + liveCountAt(this.connection, kind, n, seq), 0);
  }

  #pinned(seq: number, head: Head): Head {
    if (seq >= head.seq) return head;
    const sql = 'SELECT seq, at, last_rev FROM batches WHERE seq <= ? ORDER BY seq DESC LIMIT 1';
    const row = this.connection.first(sql, [seq]);
    return {
      seq: Number(row?.[0] ?? 0),
      at: String(row?.[1] ?? toInstant(0)),
      lastRev: Number(row?.[2] ?? 0),
    };
  }

  /** One part for each integration; in a view of the past, of an order by time, two: see `sqlite-tops.ts`. */
  #parts(query: Order, column: Column, pinned: Head, head: Head): NamedPart[] {
    const wanted = keyRangeOf(query.filter, column);
    const { kind, filter, descending, seq } = query;
    return this.integrations.select(query.integrations).flatMap(({ n, name }) => {
      const range = intersect(wanted, after(query.after, name, descending));
      const part = { kind, filter, descending, seq, column, integration: n, name, range, ahead: false };
      if (column.spec.type !== 'instant' || pinned.seq === head.seq) return [part];
      const top = markAt(this.connection, kind, column.field, n, seq);
      const [below, above] = [upTo(top), { lower: { value: top, open: true }, upper: null }];
      return [
        { ...part, range: intersect(range, below) },
        { ...part, range: intersect(range, above), ahead: true },
      ];
    });
  }

  async #rows(parts: readonly NamedPart[], limit: number, pinned: Head, head: Head): Promise<Row[][]> {
    const column = parts[0]?.column;
    const walkAll = () => parts.map((part) => walkSql(part, limit, EVERY_ENTRY));
    const named = parts.map((part) => namedBy(part.kind, part.integration, part.filter));
    const isNamed = named.every((candidates) => candidates !== null);
    if (!isNamed && column && !isWalked(column)) {
      const queries = parts.map((part) => sortSql(part, limit));
      return this.answers.all(queries, head.lastRev <= this.limits.scan);
    }
    if (!isNamed && head.lastRev <= this.limits.scan) return this.answers.all(walkAll(), true);
    if (isNamed || pinned.lastRev <= this.limits.scan) {
      const queries = parts.map((part, i) => pickSql(part, named[i] ?? writtenUpTo(pinned.lastRev), limit));
      return this.answers.all(queries, true);
    }
    const walked = this.#walkWithin(parts, limit);
    if (walked) return walked;
    const isFewer = pinned.lastRev * 20 < head.lastRev;
    const queries = isFewer
      ? parts.map((part) => pickSql(part, writtenUpTo(pinned.lastRev), limit))
      : walkAll();
    return this.answers.all(queries, false);
  }

  /** What a short walk finds of each part; `null` when some part would take a longer one. */
  #walkWithin(parts: readonly NamedPart[], limit: number): Row[][] | null {
    const found: Row[][] = [];
    for (const part of parts) {
      const budget = this.#budget(part, parts.length);
      const { sql, params } = walkSql(part, limit, budget);
      const rows = this.connection.all(sql, params);
      if (rows.length < limit && !this.#isShorter(part, budget)) return null;
      found.push(rows);
    }
    return found;
  }

  /** A filter has each row itself looked at, which takes several times as long as an entry of an index. */
  #budget({ filter }: Part, parts: number): number {
    return Math.ceil(this.limits.walk / (filter === null ? 1 : 4) / parts);
  }

  #isShorter(part: Part, budget: number): boolean {
    const { sql, params } = walkLengthSql(part, budget);
    return Number(this.connection.first(sql, params)?.[0]) < budget;
  }

  async #pageOf<K extends ListedKind>(kind: K, items: readonly Item[], limit: number): Promise<StorePage<K>> {
    const shown = items.slice(0, limit);
    const revisions = await this.revisions.ofMany(
      kind,
      shown.map(({ rev }) => rev),
    );
    return {
      hasMore: items.length > limit,
      items: shown.flatMap(({ value, integration, id }, i): PageItem<K>[] => {
        const revision = revisions[i];
        return revision ? [{ revision, position: { value, integration, id } }] : [];
      }),
    };
  }
}

function upTo(value: FieldValue): KeyRange {
  return { lower: null, upper: { value, open: false } };
}

/** The column of an order, or a HistoryError that names the field. */
function orderColumn(kind: ListedKind, field: string): Column {
  const column = columnOf(kind, field);
  if (column && (field === 'id' || column.spec.order)) return column;
  throw new HistoryError('UNUSABLE', `lists of kind ${kind} cannot be ordered by ${field}`);
}

function itemOf({ column, name }: NamedPart, row: Row): Item {
  const [rev, value = null, id] = row;
  return { rev: Number(rev), value: fromOrdered(column, value), integration: name, id: String(id) };
}

function comparison(descending: boolean): (a: Position, b: Position) => number {
  const sign = descending ? -1 : 1;
  return (a, b) =>
    sign *
    (compareValues(a.value, b.value) ||
      compareValues(a.integration, b.integration) ||
      compareValues(a.id, b.id));
}
