import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/values/canonical-json.js';
import {
  caseKey,
  observeCampaign,
  observeCase,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleMessage,
  sampleRun,
  sampleThreat,
} from '../support/records.js';
import { Graph, minutesAfterStart } from './harness.js';

/*
 * Every version of every record, and what each changed.
 */

let graph: Graph;
const at = minutesAfterStart;

beforeEach(async () => {
  graph = await Graph.start();
  // 1: a case and a threat; 2: the case changes; 3: nothing new; 4: it goes; 5: it is back; 6: the threat changes
  await graph.observe(
    observeCase(sampleCase('c1', { threatIds: ['t1'] })),
    observeThreat(sampleThreat('t1')),
  );
  await graph.record({
    run: sampleRun('run-2', { trigger: 'BACKFILL' }),
    observations: [
      observeCase(
        sampleCase('c1', { threatIds: [], severityLevelRaw: 'LOW', severityRaw: 'Account Takeover' }),
        { basis: 1 },
      ),
    ],
  });
  await graph.observe(observeThreat(sampleThreat('t1'), { fetchedAt: at(3) }));
  await graph.record({ tombstones: [caseKey('c1')] });
  await graph.observe(
    observeCase(sampleCase('c1', { threatIds: ['t1'], statusRaw: 'Acknowledged (In progress)' })),
  );
  const messages = [
    sampleMessage('9', { subject: 'one more' }),
    sampleMessage('-6274310382345678901', { isRead: true }),
  ];
  await graph.observe(
    observeThreat(sampleThreat('t1', { messages, recipientCount: 2 })),
    observeCampaign(sampleCampaign('k1')),
  );
});
afterEach(() => graph.close());

interface Versions {
  readonly record: {
    readonly revisions: {
      readonly totalCount: number;
      readonly nodes: readonly Record<string, unknown>[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
    };
  };
}

const REVISIONS = `query($first: Int, $after: String, $asOf: DateTime) { record: case(caseId: "c1", asOf: $asOf, maxAge: null) {
  revisions(first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { kind integration recordId change observedFrom observedTo runId run { trigger } digestBefore digestAfter received
      fieldChanges { field before after } node { ... on Case { severity deletedAt threats { nodes { threatId subject } } } } }
  }
} }`;

test('a record’s versions are listed newest first, each with its changes', async () => {
  const { record } = await graph.data<Versions>(REVISIONS);
  const { nodes, totalCount } = record.revisions;
  expect(totalCount).toBe(4);
  expect(nodes.map(({ change, observedFrom, observedTo }) => [change, observedFrom, observedTo])).toEqual([
    ['ADDED', at(5), null],
    ['DELETED', at(4), at(5)],
    ['CHANGED', at(2), at(4)],
    ['ADDED', at(1), at(2)],
  ]);
  const [back, gone, changed, first] = nodes;
  expect(first).toMatchObject({
    kind: 'CASE',
    integration: 'default',
    recordId: 'c1',
    digestBefore: null,
    fieldChanges: [],
  });
  expect(changed).toMatchObject({
    runId: 'run-2',
    run: { trigger: 'BACKFILL' },
    digestBefore: first?.digestAfter,
  });
  expect(changed?.fieldChanges).toEqual([
    { field: 'severityLabel', before: 'Potential Account Takeover', after: 'Account Takeover' },
    { field: 'severityRaw', before: 'HIGH', after: 'LOW' },
    { field: 'threatIds', before: ['t1'], after: [] },
  ]);
  expect(gone).toMatchObject({ digestBefore: changed?.digestAfter, digestAfter: null, fieldChanges: [] });
  expect(back).toMatchObject({ digestBefore: null, fieldChanges: [] });
});

test('a version’s digest is computed over the received text', async () => {
  const { record } = await graph.data<Versions>(REVISIONS);
  for (const { received, digestAfter } of record.revisions.nodes) {
    if (digestAfter !== null) expect(sha256(String(received))).toBe(digestAfter);
  }
});

test('a version’s node is the record at that time, with the edges of that time', async () => {
  const { record } = await graph.data<Versions>(REVISIONS);
  expect(record.revisions.nodes.map(({ node }) => node)).toEqual([
    {
      severity: 'HIGH',
      deletedAt: null,
      threats: { nodes: [{ threatId: 't1', subject: 'Overdue invoice 4471' }] },
    },
    { severity: 'LOW', deletedAt: at(4), threats: { nodes: [] } },
    { severity: 'LOW', deletedAt: null, threats: { nodes: [] } },
    {
      severity: 'HIGH',
      deletedAt: null,
      threats: { nodes: [{ threatId: 't1', subject: 'Overdue invoice 4471' }] },
    },
  ]);
});

test('versions with asOf do not include later ones', async () => {
  const { record } = await graph.data<Versions>(REVISIONS, { asOf: at(2) });
  expect(record.revisions.totalCount).toBe(2);
  expect(record.revisions.nodes.map(({ change }) => change)).toEqual(['CHANGED', 'ADDED']);
});

test('pagination of versions keeps the view of the first page', async () => {
  const first = await graph.data<Versions>(REVISIONS, { first: 3 });
  expect(first.record.revisions.pageInfo.hasNextPage).toBe(true);
  const after = first.record.revisions.pageInfo.endCursor;
  const second = await graph.data<Versions>(REVISIONS, { first: 3, after });
  expect(second.record.revisions).toMatchObject({ totalCount: 4, pageInfo: { hasNextPage: false } });
  expect(second.record.revisions.nodes).toMatchObject([{ change: 'ADDED', observedFrom: at(1) }]);
});

const CHANGES = `query($since: DateTime!, $until: DateTime, $kinds: [RecordKind!], $first: Int, $after: String) {
  changes(since: $since, until: $until, kinds: $kinds, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { kind change recordId observedFrom node { __typename id } fieldChanges { field before after } }
  }
}`;

interface Changes {
  readonly changes: {
    readonly totalCount: number;
    readonly nodes: readonly {
      kind: string;
      change: string;
      recordId: string;
      fieldChanges: { field: string }[];
    }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
  };
}

describe('the list of changes', () => {
  const short = ({ changes }: Changes) =>
    changes.nodes.map((node) => `${node.kind} ${node.recordId} ${node.change}`);

  test('contains everything that was recorded, oldest first', async () => {
    const found = await graph.data<Changes>(CHANGES, { since: at(0) });
    expect(found.changes.totalCount).toBe(7);
    expect(short(found)).toEqual([
      'CASE c1 ADDED',
      'THREAT t1 ADDED',
      'CASE c1 CHANGED',
      'CASE c1 DELETED',
      'CASE c1 ADDED',
      'CAMPAIGN k1 ADDED',
      'THREAT t1 CHANGED',
    ]);
  });

  test('starts after one instant and ends at the other', async () => {
    expect(short(await graph.data<Changes>(CHANGES, { since: at(1), until: at(4) }))).toEqual([
      'CASE c1 CHANGED',
      'CASE c1 DELETED',
    ]);
    expect(short(await graph.data<Changes>(CHANGES, { since: at(6) }))).toEqual([]);
  });

  test('can be limited to kinds', async () => {
    const found = await graph.data<Changes>(CHANGES, { since: at(0), kinds: ['THREAT', 'CAMPAIGN'] });
    expect(short(found)).toEqual(['THREAT t1 ADDED', 'CAMPAIGN k1 ADDED', 'THREAT t1 CHANGED']);
    expect(found.changes.totalCount).toBe(3);
  });

  test('of a threat distinguishes its messages', async () => {
    const { changes } = await graph.data<Changes>(CHANGES, { since: at(5), kinds: ['THREAT'] });
    const fields = changes.nodes[0]?.fieldChanges ?? [];
    expect(fields).toEqual(
      expect.arrayContaining([
        { field: 'recipientCount', before: 1, after: 2 },
        { field: 'messages[-6274310382345678901].isRead', before: null, after: true },
        { field: 'messages[9].subject', before: null, after: 'one more' },
      ]),
    );
    const ofTheOld = fields.filter(({ field }) => field.startsWith('messages[-'));
    expect(ofTheOld).toHaveLength(1);
  });

  test('keeps one view during pagination', async () => {
    const seen: string[] = [];
    let after: string | null = null;
    for (let round = 0; round < 10; round += 1) {
      const page: Changes = await graph.data<Changes>(CHANGES, { since: at(0), first: 2, after });
      seen.push(...short(page));
      expect(page.changes.totalCount).toBe(7);
      if (!page.changes.pageInfo.hasNextPage) break;
      after = page.changes.pageInfo.endCursor;
      await graph.observe(observeCampaign(sampleCampaign(`late-${round}`)));
    }
    expect(seen).toHaveLength(7);
    expect(new Set(seen).size).toBe(6);
  });

  test('is refused if it ends before it begins, and so is a cursor of another span', async () => {
    const error = await graph.error(CHANGES, { since: at(4), until: at(3) });
    expect(error).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/must not be before since/),
    });
    const page = await graph.data<Changes>(CHANGES, { since: at(0), first: 2 });
    const other = await graph.error(CHANGES, { since: at(1), after: page.changes.pageInfo.endCursor });
    expect(other.message).toMatch(/another since/);
  });
});
