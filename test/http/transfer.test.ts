import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isCollected, RUNS, type Runs } from '../support/collected.js';
import { GuardedGateway } from '../support/guarded-gateway.js';

const QUERY =
  '{ threats(first: 100, maxAge: 3600) { nodes { threatId messages { nodes { messageId subject } } } } }';
const ORIGIN = 'https://console.example.com';

let rig: GuardedGateway;

beforeAll(async () => {
  rig = await GuardedGateway.open();
  await rig.start({ CORS_ORIGINS: ORIGIN });
  while (!(await isDone())) await delay(50);
});
afterAll(() => rig.close());

async function isDone(): Promise<boolean> {
  const response = await rig.ask({}, `{ ${RUNS} }`);
  return isCollected(((await response.json()) as { data: { runs: Runs } }).data.runs);
}

interface Received {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

/** Sends a request and returns the bytes as they come. */
function send(
  headers: Record<string, string>,
  body: string | Buffer | null,
  path = '/graphql',
): Promise<Received> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${rig.url}${path}`,
      { method: body === null ? 'GET' : 'POST', headers },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const JSON_TYPE = { 'content-type': 'application/json' };
const BODY = JSON.stringify({ query: QUERY });

describe('a response', () => {
  test.each([
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
  ])('is compressed with %s for a client that accepts it', async (encoding, decompress) => {
    const plain = await send(JSON_TYPE, BODY);
    const packed = await send({ ...JSON_TYPE, 'accept-encoding': encoding }, BODY);
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(packed.headers).toMatchObject({
      'content-encoding': encoding,
      vary: expect.stringMatching(/accept-encoding/i),
    });
    expect(JSON.parse(decompress(packed.body).toString())).toEqual(JSON.parse(plain.body.toString()));
    expect(packed.body.length).toBeLessThan(plain.body.length / 3);
  });

  test('that is small is not compressed', async () => {
    const { headers } = await send(
      { ...JSON_TYPE, 'accept-encoding': 'gzip' },
      '{"query": "{ __typename }"}',
    );
    expect(headers['content-encoding']).toBeUndefined();
  });

  test('that is large has the same bytes in each encoding', async () => {
    const lists = Array.from(
      { length: 8 },
      (_, n) => `list${n}: threats(first: 100, maxAge: 3600) { ...Page }`,
    );
    const fragment = `fragment Page on ThreatConnection { nodes { threatId messages(first: 50) { nodes {
      messageId subject fromAddress fromName recipientAddress receivedTime portalUrl urls summaryInsights
    } } revisions { nodes { received } } } }`;
    const body = JSON.stringify({ query: `{ ${lists.join(' ')} } ${fragment}` });
    const plain = await send(JSON_TYPE, body);
    expect(plain.body.length).toBeGreaterThan(600_000);
    expect(Number(plain.headers['content-length'])).toBe(plain.body.length);
    expect(JSON.parse(plain.body.toString())).not.toHaveProperty('errors');
    for (const [encoding, decode] of [
      ['gzip', gunzipSync],
      ['br', brotliDecompressSync],
    ] as const) {
      const encoded = await send({ ...JSON_TYPE, 'accept-encoding': encoding }, body);
      expect(encoded.headers['content-encoding']).toBe(encoding);
      expect(encoded.headers['content-length']).toBeUndefined();
      expect(decode(encoded.body).equals(plain.body)).toBe(true);
    }
  });

  test('is not given to a compressed request, which could be huge', async () => {
    const { status } = await send({ ...JSON_TYPE, 'content-encoding': 'gzip' }, gzipSync(BODY));
    expect(status).toBe(400);
  });
});

describe('a query that is sent with GET', () => {
  const path = (query: string) => `/graphql?${new URLSearchParams({ query })}`;
  const GET = { 'apollo-require-preflight': 'yes', accept: 'application/json' };

  test('has an entity tag, and no body if the client has the response already', async () => {
    const first = await send(GET, null, path(QUERY));
    expect(first.status).toBe(200);
    expect(first.headers).toMatchObject({
      'cache-control': 'private, no-cache',
      etag: expect.stringMatching(/^W\/"/),
    });
    const known = { ...GET, 'if-none-match': `"other", ${first.headers.etag}` };
    const again = await send(known, null, path(QUERY));
    expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, first.headers.etag]);
    const other = await send(known, null, path('{ cases(maxAge: 3600) { totalCount asOf } }'));
    expect(other.status).toBe(200);
    expect(other.headers.etag).not.toBe(first.headers.etag);
  });

  test('has the same entity tag for the same instant', async () => {
    const { body } = await send(GET, null, path('{ cases(maxAge: 3600) { asOf } }'));
    const { asOf } = (JSON.parse(body.toString()) as { data: { cases: { asOf: string } } }).data.cases;
    const query = path(`{ cases(asOf: "${asOf}") { nodes { caseId } } }`);
    const first = await send({ ...GET, 'accept-encoding': 'gzip' }, null, query);
    const again = await send({ ...GET, 'if-none-match': String(first.headers.etag) }, null, query);
    expect(again.status).toBe(304);
  });

  test('is refused without a header that forms and images cannot send', async () => {
    const { status } = await send({ accept: 'application/json' }, null, path('{ __typename }'));
    expect(status).toBe(400);
  });

  test('cannot be a mutation', async () => {
    const { status } = await send(GET, null, path('mutation { pollNow { __typename } }'));
    expect(status).toBe(405);
  });
});

test('a POST request has no entity tag', async () => {
  const { headers } = await send(JSON_TYPE, BODY);
  expect([headers.etag, headers['cache-control']]).toEqual([undefined, 'no-store']);
});

test('the events of a subscription are not compressed', async () => {
  const stop = new AbortController();
  const response = await fetch(`${rig.url}/graphql`, {
    method: 'POST',
    headers: { ...JSON_TYPE, accept: 'text/event-stream', 'accept-encoding': 'gzip' },
    body: JSON.stringify({ query: 'subscription { changes(start: BEGINNING) { tail { cursor } } }' }),
    signal: stop.signal,
  });
  expect(response.headers.get('content-encoding')).toBeNull();
  stop.abort();
});

test('a page of a configured origin may send the headers that GraphQL clients send', async () => {
  const sent = [
    ...['content-type', 'authorization', 'x-api-key', 'x-apollo-operation-name', 'apollo-require-preflight'],
    ...[
      'traceparent',
      'baggage',
      'apollographql-client-name',
      'apollographql-client-version',
      'last-event-id',
    ],
  ];
  const response = await fetch(`${rig.url}/graphql`, {
    method: 'OPTIONS',
    headers: {
      ...{ origin: ORIGIN, 'access-control-request-method': 'POST' },
      'access-control-request-headers': sent.join(','),
    },
  });
  expect(response.status).toBe(204);
  expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
  const allowed = (response.headers.get('access-control-allow-headers') ?? '').split(/, */);
  expect(sent.filter((name) => !allowed.includes(name))).toEqual([]);
});
