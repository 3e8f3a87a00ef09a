import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMongoStore } from '../../../src/history/mongo/store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import { Playground } from '../../support/app.js';
import { testMongo } from '../../support/mongo.js';
import { MongoProxy } from '../../support/mongo-proxy.js';

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
  let proxy: MongoProxy;
  let gateway: string;
  let list: Listed;
  let other: HistoryStore;

  beforeAll(async () => {
    url = mongo?.freshUrl() ?? '';
    proxy = await MongoProxy.before(url);
    await playground.collected((await playground.start({ HISTORY: url })).url);
    await playground.stop();
    // another process has the lease, so the second gateway only answers requests
    other = await openMongoStore(url, 'write');
    expect(await other.acquireLease('poll', 'another', 3_600_000)).toBe(true);
    ({ url: gateway } = await playground.start({ HISTORY: proxy.url, DEFAULT_MAX_AGE: '100000' }));
    await quiet();
    const query = '{ threats(first: 3) { edges { cursor node { id threatId } } pageInfo { endCursor } } }';
    const { data } = await playground.ask(gateway, query);
    list = (data as { threats: Listed }).threats;
    // the integrations of the history are read once after each batch
    await playground.ask(gateway, '{ threat(threatId: "none") { threatId } }');
  }, 120_000);
  afterAll(async () => {
    await playground.clear();
    await other?.close();
    await proxy?.close();
    await mongo?.drop(url);
  });

  /** Waits until the gateway has read what it begins with. */
  async function quiet(): Promise<void> {
    for (let before = -1; before !== proxy.commands.filter(isRead).length; ) {
      before = proxy.commands.filter(isRead).length;
      await delay(1_000);
    }
  }

  async function readsOf(query: string): Promise<string[]> {
    const before = proxy.commands.length;
    const { data, errors } = await playground.ask(gateway, query);
    expect(errors).toBeUndefined();
    expect(data).toBeTruthy();
    const all = proxy.commands.slice(before);
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
});
