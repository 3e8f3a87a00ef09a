import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReconciliationRecord, RunRecord } from '../../src/model/run.js';
import { minutesAfterStart, START, sampleRun } from '../support/records.js';
import { Graph } from './harness.js';

const NONE = { count: 0, ids: [] };
const MATCH: ReconciliationRecord = {
  ...{ from: START, to: minutesAfterStart(60), verdict: 'MATCH', reason: null, failure: null },
  ...{ sources: ['EXPORT'], basis: 'IDS', population: 12, declared: 12, held: 12 },
  ...{ missing: NONE, extra: NONE, gone: NONE, opened: [] },
};
const SHORT: ReconciliationRecord = {
  ...MATCH,
  ...{ verdict: 'SHORT', reason: '130 of 142 are not held.', sources: ['EXPORT', 'LIST'], population: 142 },
  missing: { count: 130, ids: ['id-1', 'id-2'] },
  gone: { count: 1, ids: ['id-9'] },
  opened: [{ from: START, to: minutesAfterStart(2) }],
};

let graph: Graph;
beforeEach(async () => {
  graph = await Graph.start([
    { name: 'default', origin: 'ABNORMAL' },
    { name: 'other', origin: 'ABNORMAL' },
  ]);
});
afterEach(() => graph.close());

async function record(id: string, minutes: number, changes: Partial<RunRecord>): Promise<void> {
  const startedAt = minutesAfterStart(minutes);
  await graph.record({
    run: sampleRun(id, { status: 'SUCCEEDED', startedAt, endedAt: startedAt, ...changes }),
  });
}

const ALL = `query($first: Int, $after: String, $integrations: [ID!]) {
  reconciliations(first: $first, after: $after, integrations: $integrations) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { run { runId } }
  }
}`;

interface Page {
  reconciliations: {
    totalCount: number;
    pageInfo: { hasNextPage: boolean; endCursor: string };
    nodes: { run: { runId: string } }[];
  };
}

async function page(variables: object = {}) {
  const { reconciliations } = await graph.data<Page>(ALL, variables);
  const { nodes, ...rest } = reconciliations;
  return { ...rest, ids: nodes.map(({ run }) => run.runId) };
}

describe('reconciliations', () => {
  test('show what was compared, with which source, and the differences', async () => {
    await record('short', 90, { trigger: 'RECONCILE', reconciliation: SHORT });
    const { reconciliations } = await graph.data<{ reconciliations: { nodes: unknown[] } }>(`{
      reconciliations { nodes {
        integration resource from to comparedAt verdict reason sources basis population declared held
        missing { count ids } extra { count ids } gone { count ids } opened { from to }
        run { runId trigger status counts { calls } }
      } }
    }`);
    const { failure: _, ...found } = SHORT;
    expect(reconciliations.nodes).toEqual([
      {
        ...found,
        ...{ integration: 'default', resource: 'THREATS', comparedAt: minutesAfterStart(90) },
        run: { runId: 'short', trigger: 'RECONCILE', status: 'SUCCEEDED', counts: { calls: 0 } },
      },
    ]);
  });

  test('show that nothing could be compared', async () => {
    const reconciliation: ReconciliationRecord = {
      ...MATCH,
      ...{ verdict: 'UNVERIFIED', reason: 'It hangs.', failure: 'TIMEOUT', sources: [], basis: null },
      ...{ population: null, declared: null, held: 0 },
    };
    await record('unverified', 1, {
      trigger: 'RECONCILE',
      reconciliation,
      resource: 'cases',
      status: 'FAILED',
    });
    expect(
      await graph.data(
        '{ reconciliations { nodes { resource verdict reason sources basis population declared } } }',
      ),
    ).toEqual({
      reconciliations: {
        nodes: [
          {
            ...{ resource: 'CASES', verdict: 'UNVERIFIED', reason: 'It hangs.', sources: [] },
            ...{ basis: null, population: null, declared: null },
          },
        ],
      },
    });
  });

  test('are listed newest first, separately from other runs, with pagination', async () => {
    for (const [id, minutes] of [
      ['b', 20],
      ['d', 40],
      ['a', 10],
      ['c', 30],
    ] as const) {
      await record(id, minutes, { trigger: 'RECONCILE', reconciliation: MATCH });
      await record(`poll-${id}`, minutes + 1, { trigger: 'POLL' });
    }
    const first = await page({ first: 3 });
    expect(first).toMatchObject({ totalCount: 4, ids: ['d', 'c', 'b'], pageInfo: { hasNextPage: true } });
    // one that comes meanwhile moves nothing
    await record('e', 50, { trigger: 'RECONCILE', reconciliation: MATCH });
    const second = await page({ first: 3, after: first.pageInfo.endCursor });
    expect(second).toMatchObject({ ids: ['a'], pageInfo: { hasNextPage: false } });
  });

  test('can be filtered by integration', async () => {
    await record('mine', 10, { trigger: 'RECONCILE', reconciliation: MATCH });
    await record('theirs', 20, { trigger: 'RECONCILE', reconciliation: MATCH, integration: 'other' });
    expect(await page({ integrations: ['other'] })).toMatchObject({ totalCount: 1, ids: ['theirs'] });
    expect(await page()).toMatchObject({ totalCount: 2, ids: ['theirs', 'mine'] });
    expect(await graph.error(ALL, { integrations: ['nobody'] })).toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  test('refuse the cursor of another list', async () => {
    await record('a', 1, { trigger: 'RECONCILE', reconciliation: MATCH });
    await record('b', 2, { trigger: 'RECONCILE', reconciliation: MATCH });
    const { runs } = await graph.data<{ runs: { pageInfo: { endCursor: string } } }>(
      '{ runs(first: 1) { pageInfo { endCursor } } }',
    );
    const error = await graph.error(ALL, { after: runs.pageInfo.endCursor });
    expect(error.message).toContain('belongs to runs, not to reconciliations');
  });
});
