import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Playground } from '../support/app.js';
import {
  batchOf,
  caseKey,
  minutesAfterStart,
  observeCase,
  quarantineEntry,
  sampleCase,
  sampleRun,
  threatKey,
} from '../support/records.js';
import { Graph } from './harness.js';

const ALL = `query($first: Int, $after: String, $integrations: [ID!], $kinds: [QuarantinedKind!]) {
  quarantine(first: $first, after: $after, integrations: $integrations, kinds: $kinds) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage endCursor }
    nodes { integration kind recordId }
  }
}`;

interface Page {
  quarantine: {
    totalCount: number;
    pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; endCursor: string };
    nodes: { integration: string; kind: string; recordId: string }[];
  };
}

describe('quarantine', () => {
  let graph: Graph;
  beforeEach(async () => {
    graph = await Graph.start([
      { name: 'default', origin: 'ABNORMAL' },
      { name: 'other', origin: 'ABNORMAL' },
    ]);
  });
  afterEach(() => graph.close());

  async function page(variables: object = {}) {
    const { quarantine } = await graph.data<Page>(ALL, variables);
    const { nodes, ...rest } = quarantine;
    return {
      ...rest,
      ids: nodes.map(({ integration, kind, recordId }) => `${integration} ${kind} ${recordId}`),
    };
  }

  test('shows what is quarantined, why, the received text and the run', async () => {
    const entry = quarantineEntry(threatKey('t1'), {
      ...{ code: 'UNDECODABLE', reason: 'messages: expected a list', body: '{"messages":7}', runId: 'r1' },
      ...{ firstSeenAt: minutesAfterStart(1), lastTriedAt: minutesAfterStart(5), tries: 3 },
    });
    const run = sampleRun('r1', { trigger: 'REREAD' });
    await graph.record({ run, quarantine: [entry] });
    const { quarantine } = await graph.data<{ quarantine: { nodes: unknown[] } }>(`{ quarantine { nodes {
      integration kind recordId code reason body firstSeenAt lastTriedAt tries runId run { runId trigger }
    } } }`);
    const { key, ...rest } = entry;
    expect(quarantine.nodes).toEqual([
      {
        ...{ integration: 'default', kind: 'THREAT', recordId: 't1' },
        ...rest,
        run: { runId: 'r1', trigger: 'REREAD' },
      },
    ]);
  });

  test('is paginated, for all or some integrations and kinds', async () => {
    const keys = [threatKey('t1'), caseKey('2'), caseKey('1'), caseKey('3', 'other')];
    await graph.record({ quarantine: keys.map((key) => quarantineEntry(key)) });
    const analysis = { integration: 'other', kind: 'caseAnalysis', id: '3' } as const;
    await graph.record({ quarantine: [quarantineEntry(analysis)] });
    const [first, rest] = [
      ['default CASE 1', 'default CASE 2', 'default THREAT t1'],
      ['other CASE 3', 'other CASE_ANALYSIS 3'],
    ];
    const start = await page({ first: 3 });
    expect(start).toMatchObject({ totalCount: 5, ids: first, pageInfo: { hasNextPage: true } });
    const after = start.pageInfo.endCursor;
    expect(await page({ first: 3, after })).toMatchObject({
      ...{ totalCount: 5, ids: rest },
      pageInfo: { hasNextPage: false, hasPreviousPage: true },
    });
    expect(await page({ integrations: ['other'] })).toMatchObject({ totalCount: 2, ids: rest });
    expect(await page({ kinds: ['THREAT', 'CASE_ANALYSIS'] })).toMatchObject({
      ...{ totalCount: 2, ids: ['default THREAT t1', 'other CASE_ANALYSIS 3'] },
    });
    expect(await page({ kinds: [] })).toMatchObject({ totalCount: 0, ids: [] });
    expect(await graph.error(ALL, { after, kinds: ['CASE'] })).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(await graph.error(ALL, { integrations: ['nobody'] })).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(await graph.error(ALL, { first: 0 })).toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  test('does not show released records, also between two pages', async () => {
    const ids = ['1', '2', '3', '4'];
    await graph.record({ quarantine: ids.map((id) => quarantineEntry(caseKey(id))) });
    const { pageInfo } = await page({ first: 2 });
    await graph.record({ ...batchOf(''), observations: [observeCase(sampleCase('3'))], id: 'seen' });
    await graph.record({ released: [caseKey('1')], id: 'released' });
    const next = await page({ first: 2, after: pageInfo.endCursor });
    expect(next).toMatchObject({ totalCount: 2, ids: ['default CASE 4'] });
    expect(await page()).toMatchObject({ totalCount: 2, ids: ['default CASE 2', 'default CASE 4'] });
  });
});

describe('quarantine of a gateway with a faulty upstream', () => {
  let ground: Playground;
  beforeEach(() => {
    const match = /^\/(cases|threats)\/[^?/]+(\?|$)/;
    ground = new Playground({ rules: [{ fault: { kind: 'undecodable' }, match, times: 40 }] });
  });
  afterEach(() => ground.clear());

  test('contains an unreadable record until it is readable', async () => {
    const { url } = await ground.start();
    await ground.collected(url);
    const query = `{ quarantine(kinds: [CASE], first: 100) { totalCount nodes {
      integration kind recordId code reason body tries run { trigger status resource }
    } } }`;
    const ask = async () => (await ground.ask(url, query)).data as { quarantine: Found };
    const { quarantine } = await ask();
    expect(quarantine.totalCount).toBeGreaterThan(0);
    expect(quarantine.nodes).toHaveLength(quarantine.totalCount);
    const [bad] = quarantine.nodes;
    expect(bad).toMatchObject({
      ...{ integration: 'simulated', kind: 'CASE', code: 'UNDECODABLE', tries: 1 },
      reason: expect.stringContaining('does not read as one'),
      body: expect.any(String),
      run: { trigger: 'POLL', resource: 'CASES', status: 'PARTIAL' },
    });
    const one = await ground.ask(url, `{ case(caseId: "${bad?.recordId}", maxAge: 0) { caseId } }`);
    expect(one.data).toEqual({ case: { caseId: bad?.recordId } });
    const after = await ask();
    expect(after.quarantine.totalCount).toBe(quarantine.totalCount - 1);
    expect(after.quarantine.nodes.map(({ recordId }) => recordId)).not.toContain(bad?.recordId);
  });
});

interface Found {
  readonly totalCount: number;
  readonly nodes: readonly { readonly recordId: string }[];
}
