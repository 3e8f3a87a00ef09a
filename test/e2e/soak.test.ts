import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { batch, observe, START_MS, threat } from '../../bench/history/payloads.js';
import { toGlobalId } from '../../src/graphql/base/global-id.js';
import { openStore } from '../../src/history/open-store.js';
import { MINUTE, toInstant } from '../../src/values/instant.js';
import { batchOf, observeCase, sampleCase } from '../support/records.js';
import { buildService, type Service, Workplace } from '../support/service.js';

/*
 * A gateway with little memory is sent thousands of different requests of every kind. It must stay up, answer each
 * of them right, and take no more memory in the end than in the middle. What is right is worked out here, from the
 * records as they were written and without the gateway.
 */

const HEAP_MIB = 96;
const THREATS = 6_000;
/** The oldest threats have a second version. */
const CHANGED = 1_000;
const CASES = 500;
const ROUNDS = 204;
/** What the heap takes, and Node itself, the database and responses beside it. */
const RESIDENT_MIB = 240;
const MIB = 1024 * 1024;
const AT_ONCE = 4;

const receivedMs = (n: number) => START_MS + n * MINUTE;
const first = Array.from({ length: THREATS }, (_, n) => threat(n, receivedMs(n)));
const latest = first.map((record, n) => (n < CHANGED ? threat(n, receivedMs(n), 1) : record));
const threatsOf = (n: number) => [n, n + CASES, n + 2 * CASES];

const now = Date.now();
const [firstAt, changedAt] = [now - 40 * MINUTE, now - 20 * MINUTE];

let place: Workplace;
let service: Service;
let url = '';

beforeAll(async () => {
  await buildService(inject('desk'));
  place = new Workplace();
  const history = `sqlite:${join(place.folder, 'history.db')}`;
  await fill(history);
  service = place.run([], {
    NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB} --max-semi-space-size=8`,
    ...{ HISTORY: history, PORT: '0', SIMULATOR: 'off', LOG_LEVEL: 'error' },
  });
  url = await service.url();
});
afterAll(() => place.clear());

async function fill(history: string): Promise<void> {
  const store = await openStore(history, 'write');
  let batches = 0;
  const record = async (records: readonly ReturnType<typeof threat>[], at: number) => {
    for (let from = 0; from < records.length; from += 500) {
      const { seq } = await store.head();
      const fetchedAt = toInstant(at + batches * 1_000);
      const some = records.slice(from, from + 500).map((each) => observe(each, fetchedAt, seq));
      await store.record(batch(++batches, fetchedAt, some));
    }
  };
  await record(first, firstAt);
  await record(latest.slice(0, CHANGED), changedAt);
  const fetchedAt = toInstant(changedAt + 5 * MINUTE);
  const cases = Array.from({ length: CASES }, (_, n) => {
    const threatIds = threatsOf(n).map((of) => first[of]?.threatId ?? '');
    return observeCase(sampleCase(String(n), { threatIds }), { fetchedAt, origin: 'SIMULATED' });
  });
  await store.record(batchOf('cases', { now: fetchedAt, observations: cases }));
  await store.close();
}

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
}

async function ask(query: string, variables: object = {}): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Answer;
}

/** Numbers that look like chance and are the same each time. */
function scattered(round: number, below: number): number {
  return (Math.imul(round + 1, 0x9e3779b1) >>> 0) % below;
}

/** The threats received up to number `n`, the newest first. */
function upTo(n: number, count: number, of: readonly ReturnType<typeof threat>[] = latest) {
  return of.slice(Math.max(n + 1 - count, 0), n + 1).reverse();
}

/** A request that is new each round, and what must come of it. */
type Request = (round: number) => readonly [query: string, variables: object, expected: Answer];

const LIST = `query($t: DateTime!) {
  threats(first: 50, filter: {receivedTime: {lte: $t}}) { nodes { threatId subject messagesHeld } } }`;
const PAST = `query($t: DateTime!, $asOf: DateTime!) {
  threats(first: 20, asOf: $asOf, filter: {receivedTime: {lte: $t}}) { nodes { threatId recipientCount } } }`;
const COUNT = `query($from: DateTime!, $to: DateTime!) {
  threats(first: 1, filter: {receivedTime: {gte: $from, lte: $to}}) { totalCount } }`;
const NODE = `query($id: ID!) {
  node(id: $id) { ... on Threat { threatId messages(first: 50) { nodes { messageId } } } } }`;
const NODES = `query($ids: [ID!]!) { nodes(ids: $ids) { ... on Threat { threatId recipientCount } } }`;
const NESTED = `query($ids: [String!]) {
  cases(first: 5, filter: {caseId: {in: $ids}}, orderBy: {field: CASE_ID, direction: ASC}) {
    nodes { caseId threats(first: 5) { nodes { threatId messages(first: 50) { nodes { subject } } } } } } }`;

const globalId = (n: number) => toGlobalId('Threat', 'default', latest[n]?.threatId ?? '');
const refused = (code: string) => ({ errors: [{ extensions: { code } }] });

const REQUESTS: Readonly<Record<string, Request>> = {
  'a list': (round) => {
    const n = scattered(round, THREATS);
    const nodes = upTo(n, 50).map(({ threatId, messages }) => {
      return { threatId, subject: messages[0]?.subject, messagesHeld: messages.length };
    });
    return [LIST, { t: toInstant(receivedMs(n)) }, { data: { threats: { nodes } } }];
  },
  'a list in a text of its own': (round) => {
    const n = scattered(round, THREATS);
    const nodes = upTo(n, 5).map(({ threatId, recipientCount }) => {
      return { [`id${round}`]: threatId, recipientCount };
    });
    const filter = `{receivedTime: {lte: "${toInstant(receivedMs(n))}"}}`;
    const query = `query Own${round} { threats(first: 5, filter: ${filter}) { nodes { id${round}: threatId recipientCount } } }`;
    return [query, {}, { data: { threats: { nodes } } }];
  },
  'a list of the past': (round) => {
    const n = scattered(round, 2 * CHANGED);
    const isFirst = round % 2 === 0;
    const asOf = toInstant((isFirst ? changedAt - MINUTE : changedAt + 10 * MINUTE) + round);
    const nodes = upTo(n, 20, isFirst ? first : latest).map(({ threatId, recipientCount }) => {
      return { threatId, recipientCount };
    });
    return [PAST, { t: toInstant(receivedMs(n)), asOf }, { data: { threats: { nodes } } }];
  },
  'a count': (round) => {
    const n = scattered(round, THREATS - 200);
    const [from, to] = [n, n + (round % 200)].map((of) => toInstant(receivedMs(of)));
    return [COUNT, { from, to }, { data: { threats: { totalCount: (round % 200) + 1 } } }];
  },
  'a node': (round) => {
    const n = scattered(round, THREATS);
    const { threatId, messages = [] } = latest[n] ?? {};
    const nodes = messages.map(({ messageId }) => ({ messageId }));
    return [NODE, { id: globalId(n) }, { data: { node: { threatId, messages: { nodes } } } }];
  },
  nodes: (round) => {
    const places = Array.from({ length: 20 }, (_, k) => scattered(round * 20 + k, THREATS));
    const nodes = places.map((n) => {
      return { threatId: latest[n]?.threatId, recipientCount: latest[n]?.recipientCount };
    });
    return [NODES, { ids: places.map(globalId) }, { data: { nodes } }];
  },
  'lists within a list': (round) => {
    const ids = [...new Set([0, 1, 2].map((k) => String(scattered(3 * round + k, CASES))))].sort();
    const nodes = ids.map((caseId) => {
      const threats = threatsOf(Number(caseId)).map((n) => ({
        threatId: latest[n]?.threatId,
        messages: { nodes: latest[n]?.messages.map(({ subject }) => ({ subject })) },
      }));
      return { caseId, threats: { nodes: threats } };
    });
    return [NESTED, { ids }, { data: { cases: { nodes } } }];
  },
  'an unknown field': (round) => {
    return [`{ threats { nodes { noField${round} } } }`, {}, refused('GRAPHQL_VALIDATION_FAILED')];
  },
  'no query at all': (round) => [`{ threats { nodes { id${round} }`, {}, refused('GRAPHQL_PARSE_FAILED')],
  'too large a page': (round) => [
    `query Large${round} { threats(first: ${101 + round}) { nodes { id } } }`,
    {},
    { ...refused('BAD_USER_INPUT'), data: { threats: null } },
  ],
  'too dear a query': (round) => [
    `query Dear${round} { cases(first: 100) { nodes { threats(first: 100) { nodes { cases(first: 100) { nodes { id } } } } } } }`,
    {},
    refused('COST_EXCEEDED'),
  ],
};

/** An answer without what no expectation is about: messages, places, costs. */
function plain({ data, errors }: Answer): Answer {
  const codes = errors?.map(({ extensions: { code } }) => ({ extensions: { code } }));
  return { ...(data === undefined ? {} : { data }), ...(codes && { errors: codes }) };
}

async function checkRound(round: number): Promise<void> {
  for (const [what, request] of Object.entries(REQUESTS)) {
    const [query, variables, expected] = request(round);
    // the second time a query is compiled and its response stored, the third time that is sent
    const times = round % 3 === 0 ? 3 : 1;
    for (let time = 1; time <= times; time += 1) {
      expect(plain(await ask(query, variables)), `${what}, round ${round}, time ${time}`).toEqual(expected);
    }
  }
}

test('a gateway with a heap of 96 MiB answers thousands of different requests correctly, and its memory stays level', async () => {
  // the most memory in each sixth of the rounds
  const peaks = [0, 0, 0, 0, 0, 0];
  let begun = 0;
  let ended = 0;
  const work = async () => {
    while (begun < ROUNDS) {
      begun += 1;
      await checkRound(begun - 1);
      const part = Math.floor((ended * peaks.length) / ROUNDS);
      peaks[part] = Math.max(peaks[part] ?? 0, service.residentMemory());
      ended += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const ids = await walk();
  expect(ids).toEqual(latest.map(({ threatId }) => threatId).reverse());
  const [, , ...later] = [...peaks, service.residentMemory()].map((bytes) => Math.round(bytes / MIB));
  expect(Math.max(...later), `resident, in MiB: ${later}`).toBeLessThan(Math.min(...later) * 1.2);
  expect(Math.max(...later)).toBeLessThan(RESIDENT_MIB);
  const sizes = Object.entries(await cacheSizes());
  expect(sizes.length).toBeGreaterThan(10);
  for (const [cache, [bytes, limit]] of sizes) expect(bytes, cache).toBeLessThanOrEqual(limit);
}, 600_000);

/** The ids of all threats, page by page. */
async function walk(): Promise<string[]> {
  const query = `query($after: String) { threats(first: 100, after: $after) {
    nodes { threatId subject messagesHeld } pageInfo { hasNextPage endCursor } } }`;
  const ids: string[] = [];
  for (let after: string | null = null; ; ) {
    const { data } = (await ask(query, { after })) as {
      data: {
        threats: {
          nodes: { threatId: string }[];
          pageInfo: { hasNextPage: boolean; endCursor: string };
        };
      };
    };
    ids.push(...data.threats.nodes.map(({ threatId }) => threatId));
    if (!data.threats.pageInfo.hasNextPage) return ids;
    after = data.threats.pageInfo.endCursor;
  }
}

/** What each cache takes and may take, as the gateway itself tells. */
async function cacheSizes(): Promise<Record<string, readonly [bytes: number, limit: number]>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const seriesOf = (name: string) =>
    new Map(
      [...text.matchAll(new RegExp(`^abnormal_gateway_${name}\\{cache="([^"]+)"\\} (\\d+)`, 'gm'))].map(
        ([, cache = '', value]) => [cache, Number(value)],
      ),
    );
  const limits = seriesOf('cache_limit_bytes');
  return Object.fromEntries(
    [...seriesOf('cache_bytes')].map(([cache, bytes]) => [cache, [bytes, limits.get(cache) ?? 0]]),
  );
}
