import { nextTurn } from '../../async/waiting.js';
import { absentTime, DEFAULT_ORDER, isByFields, type ListedKind } from '../../resources/registry.js';
import { compareValues, conjuncts, type Filter } from '../../values/filter.js';
import { toInstant } from '../../values/instant.js';
import { isInBlocks } from '../columns/masks.js';
import type { ScanQuery } from '../columns/scan.js';
import { HistoryError } from '../errors.js';
import type { Statistics, StatisticsQuery } from '../statistics.js';
import type { ListQuery, PageItem, PageQuery, Position, RecordedQuery, StorePage } from '../store.js';
import { isBlocked } from './column-blocks.js';
import { columnOf, fromOrdered, liveCountAt, markAt, type SqlColumn } from './columns.js';
import type { Connection, Integrations, Query } from './connection.js';
import type { Row } from './driver.js';
import { continued, type ListPlan, namedKeys, type Part, type PlanRequest, planList } from './list-plan.js';
import {
  countSql,
  EVERY_ENTRY,
  foundSql,
  matchingSql,
  pageSql,
  REVISION,
  recordedSql,
  walkLengthSql,
  walkSql,
} from './list-sql.js';
import type { Limits, QueryRunner } from './query-worker.js';
import type { Head } from './record-batch.js';
import type { Revisions } from './revisions.js';

interface Item extends Position {
  readonly rev: number;
}

/** How many rows of blocks are counted in the time in which one row of a table is read. Grouping takes as long as reading. */
const COUNTED_AT_ONCE = 20;

/** The lists of records: pages and counts, each as its plan says. */
export class Lists {
  constructor(
    private readonly connection: Connection,
    private readonly integrations: Integrations,
    private readonly revisions: Revisions,
    private readonly answers: QueryRunner,
    private readonly limits: Limits,
  ) {}

  async page<K extends ListedKind>(query: PageQuery<K>, head: Head): Promise<StorePage<PageItem<K>>> {
    const column = orderColumn(query.kind, query.orderBy);
    const view = this.#viewAt(query.seq, head);
    const filter = await this.#decided(query.filter, query, view);
    const plan = this.#plan({ goal: 'PAGE', ...query, filter }, query, column, view, head);
    const limit = query.limit + 1;
    const rows =
      filter === query.filter
        ? (this.#firstWalk(plan, limit) ??
          (await this.#found(plan, query, limit)) ??
          (await this.#run(plan, (part) => pageSql(plan, part, limit))))
        : await this.#ofDecided(plan, filter, limit);
    const items = plan.parts.flatMap((part, i) =>
      (rows[i] ?? []).map(
        ([rev, value = null, id]): Item =>
          Object.assign(this.#position(part, value, id), { rev: Number(rev) }),
      ),
    );
    return this.#pageOf(query.kind, merged(items, plan), query.limit);
  }

  /** Uses no high-water mark: what was ever recorded must not depend on a helper. */
  async recorded(query: RecordedQuery, head: Head): Promise<StorePage<Position>> {
    const column = orderColumn(query.kind, query.orderBy);
    const request = { ...query, goal: 'RECORDED', descending: false } as const;
    const plan = this.#plan(request, query, column, head, head);
    const rows = await this.#run(plan, (part) => recordedSql(part, query.limit + 1));
    const items = plan.parts.flatMap((part, i) =>
      (rows[i] ?? []).map(([value = null, id]) => this.#position(part, value, id)),
    );
    return { items: merged(items, plan).slice(0, query.limit), hasMore: items.length > query.limit };
  }

  async count(query: ListQuery, head: Head): Promise<number> {
    if (query.filter === null) return this.#liveCount(query);
    const view = this.#viewAt(query.seq, head);
    const scan = this.#scanQuery(query, view.lastRev);
    if (scan !== null) return this.answers.scan({ type: 'COUNT', query: scan }, this.#isQuickScan(scan));
    const field = absentTime(query.kind, query.filter) ?? DEFAULT_ORDER[query.kind];
    const counted = await this.#planned(query, field, view, head, countSql);
    return counted.reduce((sum, [row]) => sum + Number(row?.[0]), 0);
  }

  async statistics(query: StatisticsQuery, head: Head): Promise<Statistics> {
    const { kind, integrations, filter } = query;
    const { lastRev } = this.#viewAt(query.seq, head);
    const accounts = this.#accounts(integrations);
    const isPossible = filter === null || query.unit === 'ITEM' || isInBlocks(kind, filter);
    const scan: ScanQuery = isPossible
      ? { kind, accounts, filter, lastRev }
      : { kind, accounts, filter: null, lastRev, revs: await this.#matching(query, head) };
    const isQuick = this.#isQuickScan(scan, 1) && isBlocked(this.connection, kind, lastRev);
    return this.answers.statistics({ scan, query }, isQuick);
  }

  /** The revisions that match a filter by ids or references. */
  async #matching(query: ListQuery, head: Head): Promise<number[]> {
    const view = this.#viewAt(query.seq, head);
    const rows = await this.#planned(query, DEFAULT_ORDER[query.kind], view, head, matchingSql);
    return rows.flat().map(([rev]) => Number(rev));
  }

  /** The rows of each part for a query of all that match. */
  async #planned(
    query: ListQuery,
    field: string,
    view: Head,
    head: Head,
    queryOf: typeof countSql,
  ): Promise<Row[][]> {
    const filter = await this.#decided(query.filter, query, view);
    const request = { ...query, filter, goal: 'COUNT', descending: true, after: null } as const;
    const plan = this.#plan(request, query, orderColumn(query.kind, field), view, head);
    return this.#run(plan, (part) => queryOf(plan, part));
  }

  #liveCount({ kind, integrations, seq }: ListQuery): number {
    return this.integrations
      .select(integrations)
      .reduce((sum, { n }) => sum + liveCountAt(this.connection, kind, n, seq), 0);
  }

  /** What columns are asked for in a view; `null` if they cannot answer. */
  #scanQuery({ kind, integrations, filter }: ListQuery, lastRev: number): ScanQuery | null {
    const isPossible = filter !== null && namedKeys(kind, filter) === null && isInBlocks(kind, filter);
    if (!isPossible || !isBlocked(this.connection, kind, lastRev)) return null;
    return { kind, accounts: this.#accounts(integrations), filter, lastRev };
  }

  #accounts(integrations: ListQuery['integrations']): number[] {
    return this.integrations.select(integrations).map(({ n }) => n);
  }

  #isQuickScan({ lastRev }: ScanQuery, atOnce = COUNTED_AT_ONCE): boolean {
    return lastRev <= this.limits.scan * atOnce;
  }

  /** The rows of each part if columns show that a long walk would find only a few; else `null`. */
  async #found(plan: ListPlan, query: ListQuery, limit: number): Promise<Row[][] | null> {
    const scan = plan.place === 'QUERY_WORKER' ? this.#scanQuery(query, plan.lastRev) : null;
    if (scan === null) return null;
    const most = this.limits.scan;
    const revs = await this.answers.scan({ type: 'FIND', query: scan, most }, this.#isQuickScan(scan));
    if (revs === null) return null;
    return this.#run({ ...plan, place: 'INLINE' }, (part) => foundSql(part, revs, limit));
  }

  /** The filter with, for each part that tables cannot decide, the revisions of the view that match it. */
  async #decided(filter: Filter | null, query: ListQuery, view: Head): Promise<Filter | null> {
    const { kind, integrations } = query;
    if (filter === null || isByFields(kind, filter)) return filter;
    if (isInBlocks(kind, filter)) {
      const accounts = this.#accounts(integrations);
      const scan = { kind, accounts, filter, lastRev: view.lastRev };
      const isQuick = this.#isQuickScan(scan) && isBlocked(this.connection, kind, view.lastRev);
      const most = Number.MAX_SAFE_INTEGER;
      return {
        field: REVISION,
        in: (await this.answers.scan({ type: 'FIND', query: scan, most }, isQuick)) ?? [],
      };
    }
    const decide = async (part: Filter) => (await this.#decided(part, query, view)) as Filter;
    if ('and' in filter) return { and: await Promise.all(filter.and.map(decide)) };
    if ('or' in filter) return { or: await Promise.all(filter.or.map(decide)) };
    if ('not' in filter) return { not: await decide(filter.not) };
    throw new HistoryError('UNUSABLE', `items of kind ${kind} are not found by ids or references`);
  }

  /** The rows of each part where blocks have decided some of the filter: by the revisions if these are few. */
  async #ofDecided(plan: ListPlan, filter: Filter | null, limit: number): Promise<Row[][]> {
    const conditions = conjuncts(filter);
    const decided = conditions.find((part) => 'in' in part && part.field === REVISION);
    const revs = decided && 'in' in decided ? decided.in.map(Number) : null;
    if (revs !== null && revs.length <= this.limits.scan)
      return this.#run({ ...plan, place: 'INLINE' }, (part) => foundSql(part, revs, limit));
    if (revs === null || plan.source !== 'INDEX')
      return this.#run({ ...plan, place: 'QUERY_WORKER' }, (part) => pageSql(plan, part, limit));
    const isFound = new Uint8Array(plan.lastRev + 1);
    for (const rev of revs) isFound[rev] = 1;
    const and = conditions.filter((part) => part !== decided);
    const rest = and.length === 0 ? null : { and };
    return Promise.all(plan.parts.map((part) => this.#walk({ ...part, filter: rest }, isFound, limit)));
  }

  /** The rows of a part that were found, some entries of the index at a time. */
  async #walk(part: Part, isFound: Uint8Array, limit: number): Promise<Row[]> {
    const found: Row[] = [];
    const atOnce = Math.max(this.limits.walk, limit);
    for (let rest = part; ; ) {
      const { sql, params } = walkSql(rest, atOnce, EVERY_ENTRY);
      const rows = this.connection.all(sql, params);
      found.push(...rows.filter(([rev]) => isFound[Number(rev)] === 1));
      const [, value = null, id] = rows.at(-1) ?? [];
      if (found.length >= limit || rows.length < atOnce) return found.slice(0, limit);
      rest = continued(rest, { value: fromOrdered(part.column, value), id: String(id) });
      await nextTurn();
    }
  }

  #plan(
    request: PlanRequest,
    { integrations }: ListQuery,
    column: SqlColumn,
    view: Head,
    head: Head,
  ): ListPlan {
    const { kind, seq, goal } = request;
    const isMarked = goal === 'PAGE' && column.spec.type === 'instant' && view.seq !== head.seq;
    const chosen = this.integrations.select(integrations).map(({ n, name }) => ({
      ...{ n, name },
      ...(isMarked && { mark: markAt(this.connection, kind, column.field, n, seq) }),
    }));
    const { limits } = this;
    const facts = { integrations: chosen, viewRev: view.lastRev, lastRev: head.lastRev, limits };
    return planList(request, column, facts);
  }

  #viewAt(seq: number, head: Head): Head {
    if (seq >= head.seq) return head;
    const sql = 'SELECT seq, at, last_rev FROM batches WHERE seq <= ? ORDER BY seq DESC LIMIT 1';
    const row = this.connection.first(sql, [seq]);
    return {
      seq: Number(row?.[0] ?? 0),
      at: String(row?.[1] ?? toInstant(0)),
      lastRev: Number(row?.[2] ?? 0),
    };
  }

  #run({ parts, place }: ListPlan, queryOf: (part: Part) => Query): Promise<Row[][]> {
    return this.answers.all(parts.map(queryOf), place === 'INLINE');
  }

  /** What a short walk of each part finds; `null` if some part needs a longer one. */
  #firstWalk({ parts, budget }: ListPlan, limit: number): Row[][] | null {
    if (budget === null) return null;
    const found: Row[][] = [];
    for (const part of parts) {
      const { sql, params } = walkSql(part, limit, budget);
      const rows = this.connection.all(sql, params);
      const length = walkLengthSql(part, budget);
      const isShorter = () => Number(this.connection.first(length.sql, length.params)?.[0]) < budget;
      if (rows.length < limit && !isShorter()) return null;
      found.push(rows);
    }
    return found;
  }

  #position({ column, integration }: Part, value: Row[number], id: Row[number] | undefined): Position {
    return {
      value: fromOrdered(column, value),
      integration: this.integrations.nameOf(integration),
      id: String(id),
    };
  }

  async #pageOf<K extends ListedKind>(
    kind: K,
    items: readonly Item[],
    limit: number,
  ): Promise<StorePage<PageItem<K>>> {
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

/** The column of an order, or a HistoryError that names the field. */
function orderColumn(kind: ListedKind, field: string): SqlColumn {
  const column = columnOf(kind, field);
  if (column && (field === 'id' || column.spec.order)) return column;
  throw new HistoryError('UNUSABLE', `lists of kind ${kind} cannot be ordered by ${field}`);
}

/** The items of all parts in the order of the list; those of one part are in it already. */
function merged<T extends Position>(items: T[], { parts }: ListPlan): T[] {
  const [first] = parts;
  if (!first || parts.length === 1) return items;
  const sign = first.descending ? -1 : 1;
  return items.sort(
    (a, b) =>
      sign *
      (compareValues(a.value, b.value) ||
        compareValues(a.integration, b.integration) ||
        compareValues(a.id, b.id)),
  );
}
