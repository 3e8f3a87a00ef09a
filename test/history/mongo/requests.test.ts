import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Playground } from '../../support/app.js';
import { testMongo } from '../../support/mongo.js';
import { MeasuredMongo } from '../../support/mongo-costs.js';

const mongo = await testMongo();

/** What reads take; a lease is renewed meanwhile. */
const READS: ReadonlySet<string> = new Set(['find', 'aggregate', 'getMore', 'count', 'distinct']);

const isRead = (command: string) => READS.has(command.split(' ')[0] ?? '');

interface Listed {
  readonly edges: readonly {
    readonly cursor: string;
    readonly node: { readonly id: string; readonly threatId: string };
  }[];
  readonly pageInfo: { readonly endCursor: string };
}

describe.skipIf(!mongo)('the round trips of requests to a history in MongoDB', () => {
  const playground = new Playground();
  let url: string;
  let measured: MeasuredMongo;
  let gateway: string;
  let list: Listed;

  beforeAll(async () => {
    url = mongo?.freshUrl() ?? '';
    await playground.collected((await playground.start({ HISTORY: url })).url);
    await playground.stop();
    // another process has the lease, so the second gateway only answers requests
    measured = await MeasuredMongo.open(url);
    expect(await measured.store.acquireLease('poll', 'another', 3_600_000)).toBe(true);
    ({ url: gateway } = await playground.start({ HISTORY: measured.proxy.url, DEFAULT_MAX_AGE: '100000' }));
    await quiet();
    const query = '{ threats(first: 3) { edges { cursor node { id threatId } } pageInfo { endCursor } } }';
    const { data } = await playground.ask(gateway, query);
    list = (data as { threats: Listed }).threats;
    // the integrations of the history are read once after each batch
    await playground.ask(gateway, '{ threat(threatId: "none") { threatId } }');
  }, 120_000);
  afterAll(async () => {
    await playground.clear();
    await measured?.close();
    await mongo?.drop(url);
  });

  /** Waits until the gateway has read what it begins with. */
  async function quiet(): Promise<void> {
    const count = () => measured.proxy.commands.filter(isRead).length;
    for (let before = -1; before !== count(); ) {
      before = count();
      await delay(1_000);
    }
  }

  async function answered(query: string): Promise<Record<string, unknown>> {
    const { data, errors } = await playground.ask(gateway, query);
    expect(errors).toBeUndefined();
    expect(data).toBeTruthy();
    return data as Record<string, unknown>;
  }

  async function readsOf(query: string): Promise<string[]> {
    const all = await measured.commandsOf(() => answered(query));
    return all.filter(isRead);
  }

  const fields = '{ nodes { threatId recipientCount } }';

  it.each([
    ['the newest page', 2, () => `{ threats(first: 5) ${fields} }`],
    [
      'a page after a cursor',
      2,
      () => `{ threats(first: 6, after: "${list.pageInfo.endCursor}") ${fields} }`,
    ],
    ['a page of the past', 3, () => `{ threats(first: 7, asOf: "${new Date().toISOString()}") ${fields} }`],
    [
      'a threat',
      2,
      () => `{ threat(threatId: "${list.edges[0]?.node.threatId}") { threatId recipientCount } }`,
    ],
    ['a node', 2, () => `{ node(id: "${list.edges[1]?.node.id}") { id ... on Threat { threatId } } }`],
    [
      'the versions of a threat',
      3,
      () =>
        `{ threat(threatId: "${list.edges[2]?.node.threatId}") { threatId revisions(first: 5) { nodes { observedFrom  } } } }`,
    ],
  ])('%s takes at most %i', async (_, most, query) => {
    const reads = await readsOf(query());
    expect(reads.length, reads.join(', ')).toBeLessThanOrEqual(most);
  });

  const provenance = 'provenance { source stale verifiedAt }';

  it.each([
    ['threat', 4, '{ threats(first: 1) { nodes { threatId } } }'],
    // its list item is read too, of which the text is stored with those of other versions
    ['case', 6, '{ cases(first: 1) { nodes { caseId } } }'],
    ['campaign', 4, '{ campaigns(first: 1) { nodes { campaignId } } }'],
  ])(
    'a live read of a %s that did not change takes at most %i and writes nothing',
    async (kind, most, one) => {
      const [listed] = Object.values((await answered(one)) as Record<string, { nodes: object[] }>);
      const [[field, id]] = Object.entries(listed?.nodes[0] ?? {}) as [[string, string]];
      const query = `{ ${kind}(${field}: "${id}", maxAge: 0) { ${provenance} } }`;
      const cost = await measured.cost(() => answered(query));
      expect(cost.result).toMatchObject({ [kind]: { provenance: { source: 'SIMULATED', stale: false } } });
      const own = cost.commands.filter((command) => !/ (leases|documents|journals)$/.test(command));
      expect(own.length, own.join(', ')).toBeLessThanOrEqual(most);
      expect(cost).toMatchObject({ oplogBytes: 0, added: 0 });
    },
  );
});
