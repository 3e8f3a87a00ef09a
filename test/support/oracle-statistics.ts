import type {
  Cells,
  Dimension,
  Measured,
  Statistics,
  StatisticsMeasure,
  StatisticsQuery,
} from '../../src/history/statistics.js';
import type { RevisionRecord } from '../../src/model/revision.js';
import { DEFINITION_OF, fieldsOf, type ListedKind, type RecordOf } from '../../src/resources/registry.js';
import { DurationTally } from '../../src/values/duration-tally.js';
import { compareValues, type Fields, type FieldValue, isMatch } from '../../src/values/filter.js';

/** One thing that is counted. */
interface Counted {
  readonly owner: RevisionRecord<ListedKind>;
  readonly fields: Fields;
  /** What `some` of a filter looks through. */
  readonly items: readonly Fields[];
  readonly versions: readonly RevisionRecord<ListedKind>[];
}

/** What statistics mean, one row after the other. `records` are those of a view, each with all of its versions up to it. */
export function plainStatistics(
  records: readonly (readonly RevisionRecord<ListedKind>[])[],
  query: StatisticsQuery,
): Statistics {
  const { kind, unit, filter, time, edges, groupBy, top, minCount, measure, whole } = query;
  const { items, facets, unsettledField } = DEFINITION_OF[kind];
  const all = records.flatMap((versions): Counted[] => {
    const owner = versions.at(-1);
    if (!owner) return [];
    const record = owner.record as RecordOf[ListedKind];
    const own = { ...fieldsOf(kind, record), ...facets?.of(record) };
    const its: readonly Fields[] = items?.of(record) ?? [];
    if (unit === 'RECORD') return [{ owner, versions, fields: own, items: its }];
    return its.map((item) => ({ owner, versions, fields: { ...own, ...item }, items: [] }));
  });
  const matching = all.filter((row) => filter === null || isMatch(row.fields, filter, row.items));
  const timed = matching.filter(({ fields }) => typeof fields[time] === 'string');
  const msOf = (row: Counted) => Date.parse(String(row.fields[time]));
  const rows = timed.filter((row) => msOf(row) >= (edges[0] ?? 0) && msOf(row) < (edges.at(-1) ?? 0));
  const cellsOf = (some: readonly Counted[]): Cells => ({
    all: measured(some, measure, unsettledField),
    buckets: edges.slice(1).map((end, i) => {
      const inside = some.filter((row) => msOf(row) >= (edges[i] ?? 0) && msOf(row) < end);
      return measured(inside, measure, unsettledField);
    }),
  });
  const groups = new Map<string, { keys: FieldValue[]; rows: Counted[] }>();
  for (const row of groupBy.length > 0 ? rows : []) {
    for (const keys of keysOf(row, groupBy)) {
      const group = groups.get(JSON.stringify(keys)) ?? { keys, rows: [] };
      group.rows.push(row);
      groups.set(JSON.stringify(keys), group);
    }
  }
  const inOrder = [...groups.values()].sort(
    (a, b) =>
      b.rows.length - a.rows.length ||
      a.keys.map((key, i) => compareValues(key, b.keys[i] ?? null)).find((order) => order !== 0) ||
      0,
  );
  const shown = inOrder.filter((group) => group.rows.length >= minCount).slice(0, top);
  const others = inOrder.filter((group) => !shown.includes(group));
  const owners = [...new Set(rows.map(({ owner }) => owner))];
  const isSample = (owner: RevisionRecord<ListedKind>) => {
    const record = owner.record as RecordOf[ListedKind];
    return whole !== null && { ...fieldsOf(kind, record), ...facets?.of(record) }[whole] !== true;
  };
  return {
    total: cellsOf(rows),
    groups: shown.map((group) => ({ keys: group.keys, count: group.rows.length, ...cellsOf(group.rows) })),
    rest:
      others.length === 0
        ? null
        : { values: others.length, ...cellsOf([...new Set(others.flatMap((group) => group.rows))]) },
    untimed: matching.length - timed.length,
    sampled: owners.filter(isSample).length,
  };
}

function keysOf(row: Counted, groupBy: readonly Dimension[]): FieldValue[][] {
  return groupBy.reduce<FieldValue[][]>(
    (found, dimension) => found.flatMap((keys) => valuesOf(row, dimension).map((value) => [...keys, value])),
    [[]],
  );
}

function valuesOf({ owner, fields }: Counted, dimension: Dimension): FieldValue[] {
  if (dimension.type === 'ACCOUNT') return [owner.key.integration];
  const value = fields[dimension.field] ?? null;
  if (dimension.type === 'FIELD') {
    if (!Array.isArray(value)) return [value as FieldValue];
    return value.length === 0 ? [null] : [...new Set(value as readonly string[])];
  }
  if (typeof value !== 'string') return [null];
  const age = dimension.at - Date.parse(value);
  return [dimension.limits.filter((limit) => age >= limit).length];
}

function measured(rows: readonly Counted[], measure: StatisticsMeasure, unsettled: string | null): Measured {
  if (measure.type === 'COUNT') return rows.length;
  if (measure.type === 'DISTINCT') {
    const { of } = measure;
    if (of === null) return new Set(rows.map(({ owner }) => owner)).size;
    return new Set(rows.flatMap(({ fields }) => fields[of] ?? [])).size;
  }
  const tally = new DurationTally();
  const counts = { pending: 0, unknown: 0 };
  for (const row of rows) {
    const { from, to, state } = measure;
    const [begun, ended] = [
      row.fields[from] ?? null,
      to ? (row.fields[to] ?? null) : settledAt(row, unsettled),
    ];
    const value = (row.fields[state.field] ?? null) as FieldValue;
    if (begun !== null && ended !== null) tally.add(Date.parse(String(ended)) - Date.parse(String(begun)));
    else if (state.none.includes(value)) continue;
    else if (begun !== null && state.pending.includes(value)) counts.pending += 1;
    else counts.unknown += 1;
  }
  const [min, median, p95, max] = [0, 0.5, 0.95, 1].map((share) => tally.percentile(share));
  return {
    ...{ count: tally.size, ...counts, mean: tally.mean },
    ...{ min: min ?? null, median: median ?? null, p95: p95 ?? null, max: max ?? null },
  };
}

/** When the first of the settled versions at the end was recorded. */
function settledAt({ versions }: Counted, unsettled: string | null): string | null {
  let at: string | null = null;
  for (const { record, deleted, observedFrom, key } of versions) {
    const isSettled =
      !deleted &&
      (unsettled === null ||
        fieldsOf(key.kind as ListedKind, record as RecordOf[ListedKind])[unsettled] === false);
    at = isSettled ? (at ?? observedFrom) : null;
  }
  return at;
}
