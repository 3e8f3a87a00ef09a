import 'reflect-metadata';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from 'graphql-sse';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MASK } from '../../src/values/access.js';
import { FeedReader, FOLLOW } from '../support/feed.js';
import {
  caseKey,
  observeCampaign,
  observeCase,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleMessage,
  sampleThreat,
  streamState,
} from '../support/records.js';
import { minutesAfterStart as at, defaultLimits, Graph, type GraphOptions, keyOf } from './harness.js';

const FAST: GraphOptions = {
  followers: { headEveryMs: 20, bookmarkEveryMs: 150 },
  limits: defaultLimits,
};

let graph: Graph;
let made = 0;
const readers: FeedReader[] = [];

beforeEach(async () => {
  made = 0;
  graph = await Graph.start(undefined, FAST);
});
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  await graph.close();
});

function follow(...given: ConstructorParameters<typeof FeedReader> extends [string, ...infer R] ? R : never) {
  const reader = new FeedReader(graph.url, ...given);
  readers.push(reader);
  return reader;
}

/** Records a batch of new cases. */
async function recordCases(count = 1): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `c${++made}`);
  await graph.observe(...ids.map((id) => observeCase(sampleCase(id))));
  return ids;
}

interface Changes {
  readonly changes: {
    readonly nodes: readonly { readonly recordId: string; readonly change: string }[];
    readonly totalCount: number;
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
    readonly tail: { readonly cursor: string; readonly asOf: string; readonly caughtUp: boolean };
  };
}

const POLL = `query($after: String, $start: ChangesStart, $since: DateTime, $kinds: [RecordKind!], $change: [ChangeKind!], $first: Int, $wait: Int) {
  changes(after: $after, start: $start, since: $since, kinds: $kinds, change: $change, first: $first, wait: $wait) {
    nodes { recordId change } totalCount pageInfo { hasNextPage endCursor } tail { cursor asOf caughtUp }
  }
}`;

async function poll(variables: object): Promise<Changes['changes'] & { readonly ids: string[] }> {
  const { changes } = await graph.data<Changes>(POLL, variables);
  return { ...changes, ids: changes.nodes.map(({ recordId }) => recordId) };
}

describe('a query for changes', () => {
  test('continues from the tail of each page, also of an empty one, without an upper limit', async () => {
    const empty = await poll({ start: 'NOW' });
    expect(empty).toMatchObject({ ids: [], tail: { asOf: '1970-01-01T00:00:00.000Z', caughtUp: true } });
    await recordCases(2);
    const first = await poll({ after: empty.tail.cursor });
    expect(first).toMatchObject({ ids: ['c1', 'c2'], tail: { asOf: at(1), caughtUp: true } });
    expect(await poll({ after: first.tail.cursor })).toMatchObject({ ids: [], tail: { asOf: at(1) } });
    await recordCases(1);
    expect(await poll({ after: first.tail.cursor })).toMatchObject({ ids: ['c3'], tail: { asOf: at(2) } });
  });

  test('claims to be complete only up to the last batch that was returned as a whole', async () => {
    await recordCases(1);
    await recordCases(3);
    await recordCases(1);
    const first = await poll({ start: 'BEGINNING', first: 3 });
    expect(first).toMatchObject({ ids: ['c1', 'c2', 'c3'], tail: { asOf: at(1), caughtUp: false } });
    const second = await poll({ after: first.tail.cursor, first: 1 });
    expect(second).toMatchObject({ ids: ['c4'], totalCount: 2, tail: { asOf: at(1), caughtUp: false } });
    const third = await poll({ after: second.tail.cursor });
    expect(third).toMatchObject({ ids: ['c5'], tail: { asOf: at(3), caughtUp: true } });
  });

  test('starts where a list ends, so that a list and its changes are complete together', async () => {
    await recordCases(2);
    const { cases } = await graph.data<{ cases: { asOf: string } }>('{ cases { asOf } }');
    await recordCases(1);
    expect(await poll({ since: cases.asOf })).toMatchObject({ ids: ['c3'] });
  });

  test('can be limited to records that were added', async () => {
    await recordCases(2);
    await graph.observe(observeCase(sampleCase('c1', { statusRaw: 'Closed' }), { fetchedAt: at(9) }));
    await graph.record({ tombstones: [caseKey('c1')] });
    await recordCases(1);
    const added = await poll({ start: 'BEGINNING', change: ['ADDED'] });
    expect(added).toMatchObject({ ids: ['c1', 'c2', 'c3'], totalCount: 3 });
    const others = await poll({ start: 'BEGINNING', change: ['CHANGED', 'DELETED'], first: 1 });
    expect(others).toMatchObject({ nodes: [{ recordId: 'c1', change: 'CHANGED' }], totalCount: 2 });
    expect(await poll({ after: others.tail.cursor, change: ['CHANGED', 'DELETED'] })).toMatchObject({
      nodes: [{ recordId: 'c1', change: 'DELETED' }],
    });
  });

  test('with a filter that few versions match, has a cursor on each page, also on one without changes', async () => {
    for (let batch = 0; batch < 11; batch += 1) await recordCases(200);
    await graph.record({ tombstones: [caseKey('c7')] });
    const first = await poll({ start: 'BEGINNING', change: ['DELETED'] });
    expect(first).toMatchObject({ ids: [], pageInfo: { hasNextPage: true }, tail: { caughtUp: false } });
    const next = await poll({ after: first.pageInfo.endCursor, start: 'BEGINNING', change: ['DELETED'] });
    expect(next).toMatchObject({ ids: ['c7'], totalCount: 1, pageInfo: { hasNextPage: false } });
    expect(await poll({ after: first.tail.cursor, change: ['DELETED'] })).toMatchObject({ ids: ['c7'] });
  });

  test('waits for the first change and returns it', async () => {
    const { tail } = await poll({ start: 'NOW' });
    const waiting = poll({ after: tail.cursor, wait: 20, kinds: null });
    await delay(100);
    await graph.observe(observeCampaign(sampleCampaign('k1')));
    expect(await waiting).toMatchObject({ ids: ['k1'], tail: { caughtUp: true } });
  });

  test('that waits in vain returns an empty page, as of the newest recording', async () => {
    await recordCases(1);
    const { tail } = await poll({ start: 'NOW', kinds: ['CAMPAIGN'] });
    const waiting = poll({ after: tail.cursor, kinds: ['CAMPAIGN'], wait: 1 });
    await recordCases(1);
    expect(await waiting).toMatchObject({ ids: [], tail: { asOf: at(2), caughtUp: true } });
  });

  test('is refused without a start, with two, and with a wait that is too long', async () => {
    const codes = [{}, { since: at(1), start: 'NOW' }, { start: 'NOW', wait: 26 }, { start: 'NOW', wait: 0 }];
    for (const variables of codes)
      expect(await graph.error(POLL, variables)).toMatchObject({ code: 'BAD_USER_INPUT' });
    const { tail } = await poll({ start: 'NOW', kinds: ['CASE'] });
    const other = await graph.error(POLL, { after: tail.cursor, kinds: ['THREAT'] });
    expect(other.message).toMatch(/another kinds/);
  });

  test('names when new data are expected, and when each stream was last read', async () => {
    await graph.record({ streams: [streamState({ resource: 'cases', filterKey: 'lastModifiedTime' })] });
    const { changes } = await graph.data<{ changes: { tail: object } }>(
      '{ changes(start: NOW, kinds: [CASE]) { tail { nextPollAt streams { integration resource lastSuccessAt } } } }',
    );
    expect(changes.tail).toMatchObject({
      nextPollAt: expect.stringMatching(/^2026-/),
      streams: [{ integration: 'default', resource: 'CASES' }],
    });
  });
});

describe('a cursor', () => {
  test('of a recording that the history does not contain has the error CURSOR_GONE', async () => {
    await recordCases(1);
    const { tail } = await poll({ start: 'BEGINNING' });
    // the restored backup was made before that, and another batch took its number
    const restored = await Graph.start(undefined, FAST);
    try {
      const gone = async () => restored.error(POLL, { after: tail.cursor });
      expect(await gone()).toMatchObject({ code: 'CURSOR_GONE', message: expect.stringMatching(/asOf/) });
      await restored.record({ now: at(5) });
      expect(await gone()).toMatchObject({ code: 'CURSOR_GONE' });
      await restored.record({ now: at(6) });
      expect(await gone()).toMatchObject({ code: 'CURSOR_GONE' });
      const reader = new FeedReader(restored.url, { after: tail.cursor });
      readers.push(reader);
      expect(await reader.next()).toMatchObject({
        data: { errors: [{ extensions: { code: 'CURSOR_GONE' } }] },
      });
      expect(await reader.next()).toMatchObject({ event: 'complete' });
    } finally {
      await restored.close();
    }
  });
});

describe('a subscription', () => {
  test('sends what was recorded before and after it began, in order, each event with its cursor as id', async () => {
    await recordCases(3);
    const reader = follow({ start: 'BEGINNING', first: 2 });
    await reader.until(({ tail }) => tail.caughtUp);
    expect(reader.response?.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(reader.response?.headers.get('x-accel-buffering')).toBe('no');
    await recordCases(1);
    const event = await reader.next();
    expect(event?.data?.data?.changes.nodes).toMatchObject([{ recordId: 'c4', change: 'ADDED' }]);
    expect(event?.id).toBe(reader.cursor);
    expect(reader.keys.map((key) => key.split(' ')[1])).toEqual(['c1', 'c2', 'c3', 'c4']);
  });

  test('begins with a page that has a cursor, and sends one after each silence', async () => {
    const reader = follow({ start: 'NOW', kinds: ['CAMPAIGN'] });
    expect((await reader.next())?.data?.data?.changes).toMatchObject({ nodes: [], tail: { caughtUp: true } });
    await recordCases(1);
    const bookmark = await reader.until(() => true);
    expect(bookmark).toMatchObject({ nodes: [], tail: { asOf: at(1) } });
    expect(reader.comments.length).toBeGreaterThan(0);
  });

  test('with a filter that matched nothing for a long time resumes in one read', async () => {
    const reader = follow({ start: 'NOW', kinds: ['CAMPAIGN'] });
    await reader.next();
    for (let batch = 0; batch < 30; batch += 1) await recordCases(20);
    await reader.until(({ tail }) => tail.asOf === at(30));
    reader.close();
    await delay(100);
    const spans: number[] = [];
    const changes = graph.store.changes.bind(graph.store);
    graph.store.changes = (query) => {
      spans.push(query.toSeq - query.afterSeq);
      return changes(query);
    };
    const query = `{ changes(after: "${reader.cursor}", kinds: [CAMPAIGN]) { nodes { recordId } } }`;
    expect(await graph.data(query)).toEqual({ changes: { nodes: [] } });
    expect(spans).toEqual([0]);
  });

  test('resumes from the id of the last event, which counts more than the arguments', async () => {
    await recordCases(3);
    const reader = follow({ start: 'BEGINNING', first: 2 });
    const first = await reader.next();
    reader.close();
    const resumed = follow({ start: 'BEGINNING' }, { 'last-event-id': String(first?.id) });
    await resumed.next();
    expect(resumed.keys.map((key) => key.split(' ')[1])).toEqual(['c3']);
  });

  test('is served in turns by two gateways over one history', async () => {
    const replica = await graph.replica();
    try {
      const seen: string[] = [];
      let after: string | null = null;
      for (let turn = 0; turn < 6; turn += 1) {
        await recordCases(3);
        const reader: FeedReader = new FeedReader([graph, replica][turn % 2]?.url ?? '', {
          ...{ start: 'BEGINNING', after, first: 2 },
        });
        readers.push(reader);
        await reader.until(({ nodes = [] }) => nodes.length > 0);
        reader.close();
        seen.push(...reader.keys);
        after = reader.cursor;
      }
      const rest = new FeedReader(replica.url, { after });
      readers.push(rest);
      await rest.until(({ tail }) => tail.caughtUp);
      const ids = [...seen, ...rest.keys].map((key) => key.split(' ')[1]);
      expect(ids).toEqual(Array.from({ length: 18 }, (_, index) => `c${index + 1}`));
    } finally {
      await replica.stop();
      await replica.store.close();
    }
  });

  test('is understood by the client of the package', async () => {
    await recordCases(2);
    const client = createClient({ url: `${graph.url}/graphql`, retryAttempts: 0 });
    const results = client.iterate<{ changes: { nodes: { recordId: string }[] } }>({
      query: FOLLOW,
      variables: { start: 'BEGINNING' },
    });
    const { value } = await results.next();
    expect(value.data?.changes.nodes).toMatchObject([{ recordId: 'c1' }, { recordId: 'c2' }]);
    client.dispose();
  });

  test('is also answered to a GET request, as EventSource sends it', async () => {
    await recordCases(1);
    const search = new URLSearchParams({ query: FOLLOW, variables: JSON.stringify({ start: 'BEGINNING' }) });
    const stop = new AbortController();
    const response = await fetch(`${graph.url}/graphql?${search}`, {
      headers: { accept: 'text/event-stream' },
      signal: stop.signal,
    });
    const read = response.body?.getReader();
    let text = '';
    while (!text.includes('"recordId":"c1"')) text += new TextDecoder().decode((await read?.read())?.value);
    expect(text).toMatch(/^:\n\nid: [\w-]+\nevent: next\ndata: /);
    stop.abort();
  });

  test('needs the right header; other operations need another one', async () => {
    const { status, errors } = await graph.ask(FOLLOW, { start: 'NOW' });
    expect([status, errors[0]?.message]).toEqual([400, expect.stringMatching(/text\/event-stream/)]);
    const query = follow({}, {}, '{ cases { asOf } }');
    expect(await query.next()).toMatchObject({
      data: { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] },
    });
    const invalid = follow({}, {}, 'subscription { changes { nothing } }');
    expect(await invalid.next()).toMatchObject({
      data: { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] },
    });
    const nothing = await graph.post('{}', { accept: 'text/event-stream' });
    expect([nothing.status, await nothing.json()]).toMatchObject([
      400,
      { errors: [{ extensions: { code: 'BAD_REQUEST' } }] },
    ]);
  });

  test('ends with a last page and “complete” when the gateway stops, and nothing is lost', async () => {
    await recordCases(1);
    const reader = follow({ start: 'BEGINNING' });
    await reader.next();
    const ending = reader.toEnd();
    const stopped = graph.stop();
    expect((await ending).at(-1)).toMatchObject({ event: 'complete' });
    await stopped;
    await recordCases(1);
    await graph.restart();
    const resumed = follow({ after: reader.cursor });
    await resumed.next();
    expect([...reader.keys, ...resumed.keys].map((key) => key.split(' ')[1])).toEqual(['c1', 'c2']);
  });
});

describe('a reader that does not read', () => {
  /** Records 30 MB, more than the buffers of two sockets hold. */
  async function recordMuch(): Promise<void> {
    for (let batch = 0; batch < 15; batch += 1) {
      const ids = Array.from({ length: 100 }, () => `t${++made}`);
      await graph.observe(...ids.map((id) => observeThreat(longThreat(id))));
    }
  }
  const longThreat = (id: string) =>
    sampleThreat(id, { messages: [sampleMessage(`${id}-1`, { subject: 'x'.repeat(20_000) })] });
  const query =
    'subscription($after: String, $start: ChangesStart) { changes(start: $start, after: $after, first: 100) { nodes { recordId observedFrom received } tail { cursor asOf caughtUp } } }';

  test('stops the reading of the history, loses nothing, and can resume after its connection was ended', async () => {
    await graph.close();
    const feed = { drainMs: 500 };
    graph = await Graph.start(undefined, { ...FAST, feed });
    await recordMuch();
    let reads = 0;
    const changes = graph.store.changes.bind(graph.store);
    graph.store.changes = (asked) => {
      reads += 1;
      return changes(asked);
    };
    const stalled = request(`${graph.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    });
    stalled.end(JSON.stringify({ query, variables: { start: 'BEGINNING' } }));
    const [response] = (await once(stalled, 'response')) as [IncomingMessage];
    // what does not fit into the buffers is not read from the history
    await delay(3_000);
    expect(reads).toBeLessThan(14);
    let text = '';
    response.setEncoding('utf8').on('error', () => {});
    response.on('data', (part) => {
      text += part;
    });
    await new Promise((closed) => response.once('close', closed));
    const events = text
      .split('\n\n')
      .slice(0, -1)
      .filter((event) => event.startsWith('id: '));
    const cursor = /^id: (.*)$/m.exec(events.at(-1) ?? '')?.[1];
    // this process may be too busy to read in time
    feed.drainMs = 60_000;
    await graph.restart();
    const rest = follow({ after: cursor }, {}, query);
    await rest.until(({ tail }) => tail.caughtUp);
    const ids = [
      ...events.flatMap((event) => [...event.matchAll(/"recordId":"(t\d+)"/g)].map(([, id]) => id)),
    ];
    ids.push(...rest.keys.map((key) => key.split(' ')[1]));
    expect(new Set(ids).size).toBe(1_500);
    expect(ids).toHaveLength(1_500);
  }, 30_000);
});

describe('the limits of subscriptions', () => {
  test('are five for each caller', async () => {
    await graph.close();
    graph = await Graph.start(undefined, { ...FAST, asksCallers: true });
    const all = Array.from({ length: 6 }, () => follow({ start: 'NOW' }, keyOf('reader')));
    const events = await Promise.all(all.map((reader) => reader.next()));
    const refused = events.filter((event) => event?.data?.errors);
    expect(refused).toMatchObject([{ data: { errors: [{ extensions: { code: 'RATE_LIMITED' } }] } }]);
    const other = follow({ start: 'NOW' }, keyOf('operator'));
    expect((await other.next())?.data?.data).toBeDefined();
    for (const reader of all) reader.close();
    // what has ended does not count
    await expect
      .poll(async () => (await follow({ start: 'NOW' }, keyOf('reader')).next())?.data?.errors)
      .toBe(undefined);
  });

  test('mask for readers what queries mask', async () => {
    await graph.close();
    graph = await Graph.start(undefined, { ...FAST, asksCallers: true, redact: ['names'] });
    await recordCases(1);
    const query =
      'subscription { changes(start: BEGINNING) { nodes { node { ... on Case { affectedEmployee } } } tail { cursor } } }';
    const shown = async (role: 'reader' | 'operator') =>
      JSON.stringify((await follow({}, keyOf(role), query).next())?.data?.data);
    expect(await shown('reader')).toContain(MASK);
    expect(await shown('operator')).not.toContain(MASK);
  });

  test('a subscription ends with an error when its key is revoked', async () => {
    await graph.close();
    graph = await Graph.start(undefined, { ...FAST, asksCallers: true, feed: { checkEveryMs: 50 } });
    const { key, text } = await graph.keys.create('follower', 'reader', null);
    const reader = follow({ start: 'NOW' }, { 'x-api-key': text });
    await reader.next();
    await graph.keys.revoke(key.id);
    const events = await reader.toEnd();
    expect(events.slice(-2)).toMatchObject([
      { data: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } },
      { event: 'complete' },
    ]);
    expect(
      (
        await follow({ start: 'NOW' }, { 'x-api-key': text })
          .next()
          .catch(() => null)
      )?.event,
    ).not.toBe('next');
  });

  test('a subscription ends after its time with a page that says how to continue', async () => {
    await graph.close();
    graph = await Graph.start(undefined, { ...FAST, feed: { lifetimeMs: 200 } });
    const reader = follow({ start: 'NOW' });
    const events = await reader.toEnd();
    expect(events.at(-1)).toMatchObject({ event: 'complete' });
    expect(events.at(-2)).toMatchObject({ id: reader.cursor, data: { data: { changes: { nodes: [] } } } });
  });
});
