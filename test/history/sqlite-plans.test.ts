import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KnownValues } from '../../src/history/columns/values.js';
import { columnOf } from '../../src/history/sqlite/columns.js';
import { Connection, Integrations, type Query } from '../../src/history/sqlite/connection.js';
import type { Row, SqlValue } from '../../src/history/sqlite/driver.js';
import { keyRangeOf, type Part } from '../../src/history/sqlite/list-plan.js';
import { rangeCountSql, walkSql } from '../../src/history/sqlite/list-sql.js';
import { Lists } from '../../src/history/sqlite/lists.js';
import {
  inlineQueries,
  QueryRunner,
  runScan,
  type ScanResults,
  type ScanTask,
} from '../../src/history/sqlite/query-worker.js';
import { Revisions } from '../../src/history/sqlite/revisions.js';
import { isWalked } from '../../src/history/sqlite/schema.js';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import type { Batch, HistoryStore, PageQuery } from '../../src/history/store.js';
import { sha256 } from '../../src/values/canonical-json.js';
import type { Filter } from '../../src/values/filter.js';
import { shift } from '../../src/values/instant.js';
import { orderFields } from '../support/arbitraries-filters.js';
import { OracleStore } from '../support/oracle-store.js';
import { batchOf, observeCase, START, sampleCase } from '../support/records.js';

/** From "everything on the event loop" to "nothing", with walks that end too early in between. */
const LIMITS = [
  { walk: 100_000, scan: 100_000, records: 0 },
  { walk: 4_000, scan: 0, records: 0 },
  { walk: 120, scan: 150, records: 0 },
  { walk: 0, scan: -1, records: 0 },
];

const FILTERS: readonly (Filter | null)[] = [
  null,
  { field: 'severityLevel', eq: 'LOW' },
  { field: 'threatId', in: ['t3', 't4', 'none'] },
  { and: [{ field: 'threatId', eq: 't5' }, { not: { field: 'id', contains: '7' } }] },
  { field: 'id', in: ['case-3', 'case-400', 'case-1001'] },
  { field: 'lastModifiedTime', lte: shift(START, -200 * 60_000) },
  {
    and: [
      { field: 'lastModifiedTime', gte: shift(START, -50 * 60_000) },
      { field: 'lastModifiedTime', lte: shift(START, 40 * 60_000) },
    ],
  },
  { not: { field: 'lastModifiedTime', gte: '2000' } },
  { field: 'description', contains: 'no such words' },
  { field: 'firstObservedTime', eq: null },
  {
    and: [
      { field: 'lastModifiedTime', eq: null },
      { field: 'severityLevel', eq: 'LOW' },
    ],
  },
  { and: [{ field: 'firstObservedTime', eq: null }, { not: { field: 'firstObservedTime', eq: null } }] },
  // decided by the range of the index alone, or not: records without the time stand below all values
  { field: 'firstObservedTime', lte: shift(START, 50 * 60_000) },
  { field: 'firstObservedTime', gte: '' },
  {
    and: [
      { field: 'lastModifiedTime', lte: shift(START, 40 * 60_000) },
      { field: 'severityLevel', eq: 'LOW' },
    ],
  },
];

describe('list plans', () => {
  const oracle = new OracleStore(Date.now);
  const stores: HistoryStore[] = [];
  let folder: string;
  let path: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'history-'));
    path = join(folder, 'history.db');
    const writer = await openSqliteStore(path, 'write');
    stores.push(writer);
    for (const batch of batches()) {
      expect(await writer.record(batch)).toEqual(await oracle.record(batch));
    }
    for (const limits of LIMITS) stores.push(await openSqliteStore(path, 'read', { limits }));
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await rm(folder, { recursive: true });
  });

  const orders = orderFields('case').flatMap((orderBy) => [
    { orderBy, descending: false },
    { orderBy, descending: true },
  ]);

  it.each(orders)('give the same pages and counts: by $orderBy, descending $descending', async (order) => {
    for (const seq of [3, 12]) {
      for (const [n, filter] of FILTERS.entries()) {
        // by turns: each filter, each order and each instant meets both
        const isWhole = (n + (seq === 3 ? 1 : 0) + (order.descending ? 1 : 0)) % 2 === 0;
        const integrations = isWhole ? null : ['a', 'nobody'];
        await agree({ kind: 'case', seq, filter, integrations, after: null, limit: 7, ...order });
      }
    }
  });

  /** Compares a page, the one after it and the count, of every store with the oracle's. */
  async function agree(query: PageQuery<'case'>): Promise<void> {
    const expected = await oracle.page(query);
    const next = { ...query, after: expected.items.at(-1)?.position ?? null };
    const expectedNext = await oracle.page(next);
    const expectedCount = await oracle.count(query);
    for (const store of stores) {
      expect(await store.page(query)).toEqual(expected);
      expect(await store.page(next)).toEqual(expectedNext);
      expect(await store.count(query)).toBe(expectedCount);
    }
  }

  it('read an index that covers the query, and sort nothing', () => {
    const connection = new Connection(path, 'read');
    for (const field of orderFields('case')) {
      const column = columnOf('case', field);
      if (!column || !isWalked(column)) continue;
      for (const ahead of column.spec.type === 'instant' ? [false, true] : [false]) {
        const { sql, params } = walkSql({ ...part(), column, ahead }, 50, 1_000);
        const plan = connection.all(`EXPLAIN QUERY PLAN ${sql}`, params).map((row) => String(row[3]));
        expect(plan.filter((step) => /^(SEARCH|SCAN) case/.test(step))).toEqual([
          expect.stringMatching(new RegExp(`USING COVERING INDEX case_(key|(by|ahead)_${field}) `)),
        ]);
        expect(plan.filter((step) => step.includes('TEMP B-TREE'))).toEqual([]);
      }
    }
    connection.close();
  });

  it('count the records without a time from the range of its index that contains them', () => {
    const connection = new Connection(path, 'read');
    for (const field of orderFields('case').filter((name) => name.endsWith('Time'))) {
      const column = columnOf('case', field);
      if (!column) throw new Error(`no column ${field}`);
      const filter = { field, eq: null };
      const { sql, params } = rangeCountSql({
        ...{ ...part(), column, filter, ahead: false, range: keyRangeOf(filter, column) },
      });
      const plan = connection.all(`EXPLAIN QUERY PLAN ${sql}`, params).map((row) => String(row[3]));
      expect(plan).toEqual([
        expect.stringMatching(
          new RegExp(`INDEX case_by_${field} \\(integration=\\? AND ${field}>\\? AND ${field}<\\?`),
        ),
      ]);
    }
    connection.close();
  });

  it('are chosen, placed and limited as in the snapshot', async () => {
    const reader = await openSqliteStore(path, 'read');
    const [note] = await reader.batches({ afterSeq: 11, toSeq: 12, limit: 1 });
    await reader.close();
    const side = new Connection(path, 'read');
    const lastRev = Number(side.first('SELECT max(last_rev) FROM batches')?.[0]);
    const head = { seq: 12, at: note?.at ?? START, lastRev };
    const recorder = new Recorder(path);
    const lines: string[] = [];
    for (const limits of [
      ...LIMITS.filter(({ walk }) => walk !== 4_000),
      { walk: 120, scan: 30, records: 0 },
    ]) {
      const integrations = new Integrations(side);
      integrations.reload();
      const revisions = new Revisions(side, integrations);
      const runner = new QueryRunner(recorder, recorder.worker);
      const lists = new Lists(recorder, integrations, revisions, runner, limits);
      for (const seq of [1, 3, 12]) {
        for (const n of [0, 1, 2, 6, 10]) {
          const filter = FILTERS[n] ?? null;
          const list = { kind: 'case', seq, filter, integrations: null } as const;
          const start = `walk ${limits.walk}, scan ${limits.scan}, seq ${seq}, filter ${n}`;
          await lists.count(list, head);
          lines.push(`${start}, count: ${recorder.take()}`);
          for (const orderBy of ['lastModifiedTime', 'severityRank', 'id']) {
            const page = { ...list, orderBy, descending: orderBy !== 'id', after: null, limit: 7 };
            const { items } = await lists.page(page, head);
            lines.push(`${start}, by ${orderBy}: ${recorder.take()}`);
            await lists.page({ ...page, after: items.at(-1)?.position ?? null }, head);
            lines.push(`${start}, by ${orderBy}, next: ${recorder.take()}`);
          }
        }
      }
    }
    await expect([...recorder.statements(), ...lines, ''].join('\n')).toMatchFileSnapshot('sqlite-plans.txt');
    recorder.close();
    side.close();
  });
});

/** A connection that notes each statement with its query plan, where it was run, and a digest of its parameters. */
class Recorder extends Connection {
  readonly #numbers = new Map<string, number>();
  readonly #plans: string[] = [];
  #taken: string[] = [];
  #params: (readonly SqlValue[])[] = [];

  readonly worker = {
    ...inlineQueries(this),
    all: async (queries: readonly Query[]) => queries.map((query) => this.#note(query, 'worker')),
    scan: async <T extends ScanTask>(task: T) =>
      runScan(this, task, new KnownValues(null)) as ScanResults[T['type']],
  };

  constructor(path: string) {
    super(path, 'read');
  }

  override all(sql: string, params: readonly SqlValue[] = []): Row[] {
    return this.#note({ sql, params }, 'inline');
  }

  override first(sql: string, params: readonly SqlValue[] = []): Row | undefined {
    return this.#note({ sql, params }, 'inline')[0];
  }

  take(): string {
    const line = `${this.#taken.join(' ')} ${sha256(JSON.stringify(this.#params)).slice(0, 8)}`;
    this.#taken = [];
    this.#params = [];
    return line;
  }

  statements(): readonly string[] {
    return this.#plans;
  }

  #note({ sql, params }: Query, place: string): Row[] {
    const text = sql.replace(/\s+/g, ' ').trim();
    let n = this.#numbers.get(text);
    if (n === undefined) {
      n = this.#numbers.size + 1;
      this.#numbers.set(text, n);
      // of the records' own tables: the rest is worded differently by each version of SQLite
      const steps = super
        .all(`EXPLAIN QUERY PLAN ${sql}`, params)
        .map((row) => `    ${row[3]}`)
        .filter((step) => /(SEARCH|SCAN) (case|[trw]) |TEMP B-TREE/.test(step));
      this.#plans.push(`${n}: ${text}`, ...steps);
    }
    this.#taken.push(`${place} ${n}`);
    this.#params.push(params);
    return super.all(sql, params);
  }
}

function part(): Omit<Part, 'column' | 'ahead'> {
  const range = { lower: null, upper: { value: START, open: false, id: 'case-9' } };
  return { kind: 'case', integration: 1, seq: 3, filter: null, descending: true, range };
}

/**
 * A history with what makes views of the past slow: a few cases first, then their changes, then newer ones, one
 * dated in the far future, then a backfill of older ones, deletions, and cases without any time.
 */
function batches(): Batch[] {
  const seen = (n: number, minutes: number | null, seq: number) =>
    observeCase(
      sampleCase(`case-${n}`, {
        lastModifiedTime: minutes === null ? null : shift(START, minutes * 60_000),
        createdTime: shift(START, -n * 60_000),
        firstObservedTime: n % 5 === 0 ? null : shift(START, ((n * 7) % 100) * 60_000),
        severityLevelRaw: ['LOW', 'MEDIUM', 'HIGH', null][n % 4] ?? null,
        description: `version of batch ${seq}`,
        threatIds: [`t${n % 9}`],
      }),
      { integration: n % 3 === 0 ? 'b' : 'a', basis: seq - 1 },
    );
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const contents = [
    range(0, 20).map((n) => seen(n, n, 1)),
    range(0, 60).map((n) => seen(n, n + 20, 2)),
    [seen(1_000, 5_000_000, 3), seen(1_001, null, 3), seen(1_002, null, 3)],
    ...range(4, 9).map((seq) => range(seq * 50, seq * 50 + 50).map((n) => seen(n, n, seq))),
    range(500, 700).map((n) => seen(n, 100 - n, 9)),
    range(0, 60).map((n) => seen(n, n + 30, 10)),
    [],
    range(3, 40).map((n) => seen(n, n + 900, 12)),
  ];
  return contents.map((observations, i) =>
    batchOf(`batch-${i + 1}`, {
      now: shift(START, i * 3_600_000),
      observations,
      tombstones: i === 10 ? range(30, 50).map((n) => seen(n, 0, 0).key) : [],
    }),
  );
}
