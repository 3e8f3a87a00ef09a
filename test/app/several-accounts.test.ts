import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { FaultPlan } from '../../src/simulator/faults.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { testMongo } from '../support/mongo.js';
import { Gateway } from './gateway.js';

const NAMES = ['a-first', 'b-second', 'c-third'];
const COUNTS = { threats: 45, cases: 12, campaigns: 9 };
/** Of the cases, those that cannot be understood: the same ones in every account. */
const FAULTS: FaultPlan = {
  rules: [{ fault: { kind: 'undecodable' }, match: /^\/cases\/\d*[13579](\?|$)/ }],
};

interface Connection<T = Record<string, unknown>> {
  readonly totalCount: number;
  readonly nodes: readonly T[];
  readonly edges: readonly { readonly cursor: string; readonly node: T }[];
  readonly pageInfo: { readonly endCursor: string | null; readonly hasNextPage: boolean };
}

interface List {
  readonly name: string;
  readonly args: string;
  readonly fields: string;
  /** What a node is, over all accounts, and where it stands in the order. */
  readonly keyOf: (node: never) => readonly unknown[];
  readonly descending: boolean;
}

interface Node {
  readonly [field: string]: unknown;
  readonly provenance: { readonly integration: string };
}

const RECORD = 'provenance { integration }';
const LISTS: readonly List[] = [
  {
    ...{ name: 'threats', args: 'orderBy: { field: RECEIVED_TIME, direction: DESC }', descending: true },
    fields: `threatId messages(first: 100) { nodes { receivedTime } } ${RECORD}`,
    keyOf: (node: Node & { threatId: string; messages: { nodes: { receivedTime: string }[] } }) => [
      node.messages.nodes
        .map(({ receivedTime }) => receivedTime)
        .sort()
        .at(-1),
      node.provenance.integration,
      node.threatId,
    ],
  },
  {
    ...{ name: 'threats', args: 'orderBy: { field: THREAT_ID, direction: ASC }', descending: false },
    fields: `threatId ${RECORD}`,
    keyOf: (node: Node) => [node.threatId, node.provenance.integration],
  },
  {
    ...{ name: 'cases', args: 'orderBy: { field: CREATED_TIME, direction: ASC }', descending: false },
    fields: `caseId createdTime ${RECORD}`,
    keyOf: (node: Node) => [node.createdTime, node.provenance.integration, node.caseId],
  },
  {
    ...{
      name: 'campaigns',
      args: 'orderBy: { field: LAST_REPORTED_TIME, direction: DESC }',
      descending: true,
    },
    fields: `campaignId lastReportedTime ${RECORD}`,
    keyOf: (node: Node) => [node.lastReportedTime, node.provenance.integration, node.campaignId],
  },
  {
    ...{ name: 'runs', args: '', descending: true },
    fields: 'startedAt runId integration',
    keyOf: (node: Record<string, unknown>) => [node.startedAt, node.runId],
  },
  {
    ...{ name: 'quarantine', args: '', descending: false },
    fields: 'integration kind recordId',
    keyOf: (node: Record<string, unknown>) => [node.integration, node.kind, node.recordId],
  },
];

const mongo = await testMongo();

describe.each(['sqlite', 'mongodb'])('a list over three accounts that share ids, on %s', (kind) => {
  let gateway: Gateway;
  let history: string | null = null;

  beforeAll(async () => {
    history = kind === 'mongodb' ? (mongo?.freshUrl() ?? null) : null;
    if (kind === 'mongodb' && history === null) return;
    gateway = new Gateway(history === null ? {} : { HISTORY: history });
    const now = Date.now();
    const span = { from: toInstant(now - 20 * DAY), to: toInstant(now - DAY) };
    const shares = { missingThreats: 0, deletedThreats: 0, lateArrivals: 0 };
    const tenant = createTenant({ seed: 'shared', ...span, ...COUNTS, shares });
    await gateway.start();
    for (const name of NAMES) {
      const { baseUrl, token } = await gateway.tenant('', {
        tenant,
        faults: FAULTS,
        token: `token-of-${name}`,
      });
      await gateway.data(CONNECT, { name, baseUrl, token });
    }
    await vi.waitFor(() => settled(gateway), { timeout: 200_000, interval: 200 });
  });

  afterAll(async () => {
    await gateway?.clear();
    if (history !== null) await mongo?.drop(history);
  });

  const onlyHere = test.skipIf(kind === 'mongodb' && mongo === null);

  onlyHere.each(LISTS)('$name is one walk, in one order ($args)', async (list) => {
    const whole = await walk(gateway, list, null, 7);
    const keys = whole.nodes.map((node) => list.keyOf(node as never));
    expect(new Set(keys.map((key) => JSON.stringify(key))).size).toBe(keys.length);
    expect(keys.length).toBe(whole.totalCount);
    expect(keys).toEqual([...keys].sort((a, b) => compare(a, b) * (list.descending ? -1 : 1)));
    expect(whole.nodes.map(integrationOf)).toEqual(expect.arrayContaining(NAMES));
    // whatever the pages' size, the same walk
    expect((await walk(gateway, list, null, 100)).nodes).toEqual(whole.nodes);
  });

  onlyHere.each(LISTS)('$name of some accounts is those, in the same order ($args)', async (list) => {
    const { nodes } = await walk(gateway, list, null, 100);
    for (const some of [['b-second'], ['c-third', 'a-first']]) {
      const part = await walk(gateway, list, some, 5);
      expect(part.nodes).toEqual(nodes.filter((node) => some.includes(integrationOf(node))));
      expect(part.totalCount).toBe(part.nodes.length);
    }
  });

  onlyHere('has every record of each account', async () => {
    for (const name of NAMES) {
      for (const [list, count] of Object.entries(COUNTS)) {
        const { [list]: held } = await gateway.data<Record<string, Connection>>(
          `query($in: [ID!]) { ${list}(integrations: $in) { totalCount } }`,
          { in: [name] },
        );
        if (list !== 'cases') expect([name, list, held?.totalCount]).toEqual([name, list, count]);
        else expect(held?.totalCount).toBeLessThan(count);
      }
    }
  });

  onlyHere('changes go in the order they were recorded, of all accounts and of one', async () => {
    const fields = 'integration kind recordId digestAfter observedFrom';
    const list: List = {
      ...{ name: 'changes', args: 'since: "2000-01-01T00:00:00Z", kinds: [CASE, CAMPAIGN]', fields },
      ...{ keyOf: () => [], descending: false },
    };
    const whole = await walk(gateway, list, null, 4);
    const keyOf = (node: unknown) => JSON.stringify(node);
    const times = whole.nodes.map((node) => (node as { observedFrom: string }).observedFrom);
    expect(whole.totalCount).toBe(whole.nodes.length);
    expect((await walk(gateway, list, null, 100)).nodes).toEqual(whole.nodes);
    expect(new Set(whole.nodes.map(keyOf)).size).toBe(whole.nodes.length);
    expect(whole.nodes.length).toBeGreaterThanOrEqual(3 * COUNTS.campaigns);
    expect(times).toEqual([...times].sort());
    const one = await walk(gateway, list, ['b-second'], 4);
    expect(one.nodes).toEqual(whole.nodes.filter((node) => integrationOf(node) === 'b-second'));
  });

  onlyHere('coverage and evidence over all are what each has, together', async () => {
    const query = `query($in: [ID!], $period: String!) {
      coverage(resource: CAMPAIGNS, integrations: $in) { held }
      evidence(period: $period, integrations: $in, controls: ["attacks-captured"]) {
        integrations
        results { population { count } }
      }
    }`;
    const period = `${toInstant(Date.now() - 15 * DAY).slice(0, 10)}/${toInstant(Date.now() - 2 * DAY).slice(0, 10)}`;
    interface Facts {
      readonly coverage: { readonly held: number };
      readonly evidence: {
        readonly integrations: readonly string[];
        readonly results: readonly { readonly population: { readonly count: number } }[];
      };
    }
    const of = (names: readonly string[] | null) => gateway.data<Facts>(query, { in: names, period });
    const all = await of(null);
    const each = await Promise.all(NAMES.map((name) => of([name])));
    const sum = (pick: (facts: Facts) => number) => each.reduce((total, facts) => total + pick(facts), 0);
    expect(all.coverage.held).toBe(sum(({ coverage }) => coverage.held));
    expect(all.coverage.held).toBe(3 * COUNTS.campaigns);
    expect(all.evidence.integrations).toEqual(NAMES);
    const populationOf = ({ evidence }: Facts) => evidence.results[0]?.population.count ?? 0;
    expect(populationOf(all)).toBe(sum(populationOf));
    expect(populationOf(all)).toBeGreaterThan(0);
  });

  onlyHere('one record is asked for in one of them, by name or by its global id', async () => {
    const { campaigns } = await gateway.data<{ campaigns: Connection<{ campaignId: string }> }>(
      '{ campaigns(first: 1) { nodes { campaignId } } }',
    );
    const id = campaigns.nodes[0]?.campaignId;
    const query =
      'query($id: ID!, $in: ID) { campaign(campaignId: $id, integration: $in) { id campaignId provenance { integration } } }';
    const { errors } = await gateway.ask(query, { id });
    expect(errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect(errors[0]?.message).toContain(NAMES.join(', '));
    const ids = new Set<string>();
    for (const name of NAMES) {
      const { campaign } = await gateway.data<{ campaign: Node & { id: string } }>(query, { id, in: name });
      expect(campaign).toMatchObject({ campaignId: id, provenance: { integration: name } });
      const { node } = await gateway.data<{ node: unknown }>(
        'query($id: ID!) { node(id: $id) { ... on Campaign { campaignId provenance { integration } } } }',
        { id: campaign.id },
      );
      expect(node).toEqual({ campaignId: id, provenance: { integration: name } });
      ids.add(campaign.id);
    }
    expect(ids.size).toBe(3);
  });
});

const CONNECT = `mutation($name: ID!, $baseUrl: String, $token: Token!) {
  connectIntegration(name: $name, baseUrl: $baseUrl, token: $token) { integration { name } }
}`;

/** Throws until each account has been polled and nothing is under way. */
async function settled(gateway: Gateway): Promise<void> {
  const { runs } = await gateway.data<{ runs: Connection<{ status: string; trigger: string }> }>(
    '{ runs(first: 100) { nodes { status trigger } } }',
  );
  expect(runs.nodes.filter(({ trigger }) => trigger === 'POLL').length).toBeGreaterThanOrEqual(9);
  expect(runs.nodes.some(({ status }) => status === 'RUNNING')).toBe(false);
}

interface Walked {
  readonly nodes: readonly unknown[];
  readonly totalCount: number;
}

async function walk(
  gateway: Gateway,
  list: List,
  names: readonly string[] | null,
  first: number,
): Promise<Walked> {
  const query = `query($in: [ID!], $first: Int, $after: String) {
    list: ${list.name}(integrations: $in, first: $first, after: $after ${list.args && `, ${list.args}`}) {
      totalCount nodes { ${list.fields} } pageInfo { endCursor hasNextPage }
    }
  }`;
  const nodes: unknown[] = [];
  for (let after: string | null = null; ; ) {
    const page: { list: Connection } = await gateway.data(query, { in: names, first, after });
    nodes.push(...page.list.nodes);
    after = page.list.pageInfo.endCursor;
    if (!page.list.pageInfo.hasNextPage) return { nodes, totalCount: page.list.totalCount };
  }
}

function integrationOf(node: unknown): string {
  const { integration, provenance } = node as { integration?: string; provenance?: { integration: string } };
  return integration ?? provenance?.integration ?? '';
}

function compare(a: readonly unknown[], b: readonly unknown[]): number {
  for (const [index, value] of a.entries()) {
    const [x, y] = [String(value), String(b[index])];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}
