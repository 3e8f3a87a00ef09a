import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findDrift } from '../../src/abnormal/response.js';
import { parsePeriod } from '../../src/controls/period.js';
import { controlsOf } from '../../src/controls/registry.js';
import { writeReport } from '../../src/evidence/report/write-report.js';
import { graphName } from '../../src/graphql/base/fields.js';
import { applyPolicy, NO_POLICY } from '../../src/policy/policy.js';
import { DEFINITION_OF } from '../../src/resources/registry.js';
import { REDACTION_GROUPS, type RedactionGroup } from '../../src/values/access.js';
import { recordEverything } from '../support/every-field.js';
import { batchOf, ledgerEntry, quarantineEntry } from '../support/records.js';
import { Graph, keyOf, minutesAfterStart } from './harness.js';

/* What every resource has, whichever it is: one that is added later is tested too. */

const RESOURCES = Object.values(DEFINITION_OF);
const SPAN = { from: minutesAfterStart(-60), to: minutesAfterStart(60) };
let graph: Graph;

beforeAll(async () => {
  graph = await Graph.start(undefined, {
    redact: Object.keys(REDACTION_GROUPS) as RedactionGroup[],
    asksCallers: true,
  });
  await recordEverything(graph.store);
  const more = batchOf('more', {
    now: minutesAfterStart(90),
    ledger: RESOURCES.map(({ resource, streams: [{ filterKey }] }) =>
      ledgerEntry({ resource, filterKey, ...SPAN, settledTo: SPAN.to, readAt: SPAN.to }),
    ),
    quarantine: RESOURCES.map(({ kind }) => quarantineEntry({ integration: 'default', kind, id: 'unread' })),
  });
  await graph.store.record(more);
});
afterAll(() => graph.close());

interface List {
  readonly totalCount: number;
  readonly coverage: object;
  readonly nodes: readonly { readonly id: string; readonly revisions: { readonly totalCount: number } }[];
}

async function ask<T>(query: string, variables: object = {}, role: 'reader' | 'admin' = 'admin') {
  const answer = await graph.post(JSON.stringify({ query, variables }), keyOf(role));
  const { data, errors } = (await answer.json()) as { data: T; errors?: unknown };
  expect(errors).toBeUndefined();
  return data;
}

describe.each(RESOURCES)('$resource', ({ kind, resource, graphType, streams: [{ filterKey }] }) => {
  const [KIND, RESOURCE] = [graphName(kind), graphName(resource)];
  const list = (args: string, selection: string) => `${resource}(first: 100, ${args}) { ${selection} }`;

  test('has a history and lists as of an instant', async () => {
    const query = `query Q($early: DateTime!, $late: DateTime!) {
      then: ${list('asOf: $early', 'totalCount nodes { id }')}
      now: ${list('asOf: $late', 'totalCount nodes { id revisions { totalCount } }')}
    }`;
    const times = { early: minutesAfterStart(15), late: minutesAfterStart(100) };
    const { then, now } = await ask<Record<'then' | 'now', List>>(query, times);
    expect(then.totalCount).toBeGreaterThan(0);
    expect(now.totalCount).toBeGreaterThan(then.totalCount);
    expect(now.nodes).toHaveLength(now.totalCount);
    for (const { revisions } of now.nodes) expect(revisions.totalCount).toBeGreaterThan(0);
    const [{ id = '' } = {}] = now.nodes;
    const { record } = await ask<{ record: { id: string; __typename: string } }>(
      'query Q($id: ID!, $late: DateTime!) { record(id: $id, asOf: $late) { id __typename } }',
      { id, late: times.late },
    );
    expect(record).toEqual({ id, __typename: graphType });
  });

  test('has filters, and as many in its statistics as in its list', async () => {
    const { all, recent, counted } = await ask<{
      readonly all: List;
      readonly recent: List;
      readonly counted: { readonly total: { readonly count: number }; readonly untimed: number };
    }>(`{
      all: ${resource} { totalCount }
      recent: ${resource}(filter: { ${filterKey}: { gte: "2026-03-01T00:00:00Z" } }) { totalCount }
      counted: ${kind}Statistics(from: "2020-01-01T00:00:00Z", to: "2040-01-01T00:00:00Z") { total { count } untimed }
    }`);
    expect(recent.totalCount).toBeGreaterThan(0);
    expect(recent.totalCount).toBeLessThan(all.totalCount);
    expect(counted.total.count + counted.untimed).toBe(all.totalCount);
  });

  test('has coverage, quarantine, drift and changes under its name', async () => {
    const { coverage, quarantine, changes } = await ask<{
      readonly coverage: List['coverage'];
      readonly quarantine: { readonly nodes: readonly object[] };
      readonly changes: { readonly nodes: readonly object[] };
    }>(
      `query Q($from: DateTime!, $to: DateTime!) {
        coverage(resource: ${RESOURCE}, from: $from, to: $to) { complete gaps { from to reason } missing { id } undecided { count } }
        quarantine(kinds: [${KIND}]) { nodes { kind recordId } }
        changes(start: BEGINNING, kinds: [${KIND}], first: 1) { nodes { kind } }
      }`,
      SPAN,
    );
    expect(coverage).toEqual({ complete: true, gaps: [], missing: [], undecided: { count: 0 } });
    expect(quarantine.nodes).toContainEqual({ kind: KIND, recordId: 'unread' });
    expect(changes.nodes).toEqual([{ kind: KIND }]);
    const unknown = { somethingNew: 1 };
    // a case is its list item and its detail
    const drift = findDrift(kind, kind === 'case' ? { item: null, detail: unknown } : unknown);
    expect(drift).toMatchObject([{ kind: 'FIELD', path: expect.stringMatching(`^${kind}.*somethingNew$`) }]);
  });

  test('is exported version by version', async () => {
    const lines: string[] = [];
    await writeReport(
      graph.store,
      {
        ...{ period: parsePeriod('2026-03'), controls: controlsOf(null), pin: await graph.store.head() },
        ...{ integrations: null, rules: applyPolicy(NO_POLICY), credentials: [], trend: null },
        ...{ format: 'ndjson', rows: 'revisions', simulated: [] },
      },
      async (text) => void lines.push(text),
    );
    const rows = lines.join('').trimEnd().split('\n');
    const exported = rows.flatMap((line) => {
      const row = JSON.parse(line) as { readonly kind?: string; readonly received?: unknown };
      return row.kind === kind ? row : [];
    });
    const { changes } = await ask<{ changes: List }>(
      `{ changes(start: BEGINNING, kinds: [${KIND}]) { totalCount } }`,
    );
    expect(exported).toHaveLength(changes.totalCount);
    expect(exported[0]?.received).toBeDefined();
  });

  test('masks for readers what Abnormal sent', async () => {
    const query = `{ ${list('', 'nodes { revisions(first: 1) { nodes { received } } }')} }`;
    const ofReader = JSON.stringify(await ask(query, {}, 'reader'));
    expect(ofReader).toContain('[redacted]');
    expect(ofReader).not.toMatch(/@|example/);
    expect(JSON.stringify(await ask(query))).not.toContain('[redacted]');
  });
});
