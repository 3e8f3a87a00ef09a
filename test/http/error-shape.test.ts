import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GuardedGateway } from '../support/guarded-gateway.js';

/*
 * Whatever is wrong with a request, also what the server under the routes refuses by itself: the answer has the shape
 * of all errors, with a code and an id.
 */

let gateway: GuardedGateway;
let port: number;
beforeAll(async () => {
  gateway = await GuardedGateway.open();
  await gateway.start();
  port = Number(new URL(gateway.url).port);
});
afterAll(() => gateway.close());

interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Sends bytes, and reads until the server has answered and closed, or has answered. */
function send(...parts: readonly string[]): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    const finish = () => {
      socket.destroy();
      const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s);
      const [first = '', ...lines] = head.split('\r\n');
      const pairs = lines.map((line) => line.split(/: ?(.*)/).slice(0, 2) as [string, string]);
      resolve({ status: Number(first.split(' ')[1]), headers: new Headers(pairs), body });
    };
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      text += part;
      const length = /^HTTP\S* 204/.test(text) ? '0' : /content-length: (\d+)/i.exec(text)?.[1];
      const body = text.split(/\r\n\r\n(.*)/s)[1];
      if (length !== undefined && body !== undefined && Buffer.byteLength(body) >= Number(length)) finish();
    });
    socket.on('end', finish);
    // the server may close while the rest is still on its way
    socket.on('error', (error) => (text === '' ? reject(error) : finish()));
    for (const part of parts) socket.write(part);
  });
}

const HOST = 'Host: localhost';
const head = (first: string, ...lines: readonly string[]) => [first, ...lines, '', ''].join('\r\n');
const get = (path: string, ...lines: readonly string[]) => head(`GET ${path} HTTP/1.1`, HOST, ...lines);

const CASES: readonly (readonly [what: string, sent: string, status: number, code: string])[] = [
  ['what is not HTTP', 'hello\r\n\r\n', 400, 'BAD_REQUEST'],
  ['an unknown method', head('BREW / HTTP/1.1', HOST), 400, 'BAD_REQUEST'],
  ['a header without a colon', get('/healthz', 'nonsense'), 400, 'BAD_REQUEST'],
  ['headers beyond the limit', get('/healthz', `x-a: ${'a'.repeat(20_000)}`), 431, 'BAD_REQUEST'],
  ['a path beyond the limit', get(`/${'a'.repeat(20_000)}`), 431, 'BAD_REQUEST'],
  ['two lengths', get('/healthz', 'content-length: 1', 'content-length: 2'), 400, 'BAD_REQUEST'],
  ['no host', head('GET /healthz HTTP/1.1'), 400, 'BAD_REQUEST'],
  ['another host', head('GET /healthz HTTP/1.1', 'Host: elsewhere.example'), 403, 'WRONG_HOST'],
  ['an expectation', get('/healthz', 'Expect: tea'), 417, 'BAD_REQUEST'],
  ['half a percent sign', get('/%zz'), 400, 'BAD_REQUEST'],
  ['an encoding that is not UTF-8', get('/%ff'), 400, 'BAD_REQUEST'],
  ['half a percent sign in a report', get('/reports/%zz'), 400, 'BAD_REQUEST'],
  ['no period', get('/reports/'), 400, 'BAD_USER_INPUT'],
  ['a long period', get(`/reports/${'9'.repeat(5_000)}`), 400, 'BAD_USER_INPUT'],
  ['nowhere', get('/nowhere'), 404, 'NOT_FOUND'],
  ['nowhere in the IDE', get('/ide/nowhere.js'), 404, 'NOT_FOUND'],
  ['a way out of the IDE', get('/ide/..%2f..%2fpackage.json'), 404, 'NOT_FOUND'],
  ['another method', head('DELETE /graphql HTTP/1.1', HOST), 404, 'NOT_FOUND'],
  ['another method on a page', head('POST /healthz HTTP/1.1', HOST, 'content-length: 0'), 404, 'NOT_FOUND'],
  ['another method on a report', head('PUT /reports/2026-Q1 HTTP/1.1', HOST), 404, 'NOT_FOUND'],
  [
    'a body of another type',
    `${head('POST /graphql HTTP/1.1', HOST, 'content-type: text/plain', 'content-length: 2')}{}`,
    ...([415, 'BAD_REQUEST'] as const),
  ],
  [
    'a body that is not JSON',
    `${head('POST /graphql HTTP/1.1', HOST, 'content-type: application/json', 'content-length: 2')}{]`,
    ...([400, 'BAD_REQUEST'] as const),
  ],
  [
    'an empty body',
    head('POST /graphql HTTP/1.1', HOST, 'content-type: application/json', 'content-length: 0'),
    ...([400, 'BAD_REQUEST'] as const),
  ],
  [
    'a body that claims to be too large',
    head('POST /graphql HTTP/1.1', HOST, 'content-type: application/json', 'content-length: 99999999'),
    ...([413, 'BAD_REQUEST'] as const),
  ],
  [
    'a chunk that is none',
    `${head('POST /graphql HTTP/1.1', HOST, 'content-type: application/json', 'transfer-encoding: chunked')}zz\r\n`,
    ...([400, 'BAD_REQUEST'] as const),
  ],
  ['a query of another site', get('/graphql?query={__typename}'), 400, 'BAD_REQUEST'],
  [
    'variables that are not JSON',
    get('/graphql?query={__typename}&variables={', 'apollo-require-preflight: 1'),
    ...([400, 'BAD_REQUEST'] as const),
  ],
  [
    'an answer in another form',
    get('/graphql?query={__typename}', 'apollo-require-preflight: 1', 'accept: image/png'),
    406,
    'BAD_REQUEST',
  ],
];

describe('an error response', () => {
  test.each(CASES)('for %s has the common shape', async (_what, sent, status, code) => {
    const answer = await send(sent);
    expect([answer.status, answer.body]).toEqual([
      status,
      expect.stringMatching(/^\{"errors":\[\{"message":"/),
    ]);
    const { errors } = JSON.parse(answer.body) as {
      errors: { message: string; extensions: { code: string } }[];
    };
    expect(errors.map(({ extensions }) => extensions.code)).toEqual([code]);
    // it tells what is wrong, and nothing of what the server is made of
    expect(answer.body).not.toMatch(/FST_ERR|HPE_|node_modules|stack/);
    expect(answer.headers.get('content-type')).toContain('json');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('x-request-id')).toMatch(/.{8,}/);
  });

  test('for a wrong method lists the allowed ones', async () => {
    const answer = await send(head('DELETE /graphql HTTP/1.1', HOST));
    expect(answer.headers.get('allow')).toBe('GET, POST');
    expect(answer.body).toContain('DELETE is not allowed here. Use GET or POST.');
  });
});

describe('an OPTIONS request', () => {
  const preflight = (path: string) =>
    send(
      head(
        `OPTIONS ${path} HTTP/1.1`,
        HOST,
        'Origin: https://console.example',
        'Access-Control-Request-Method: POST',
      ),
    );

  test.each(['/graphql', '/reports/2026-Q1', '/nowhere'])(
    'before a cross-origin request to %s is answered without permission if no origin is configured',
    async (path) => {
      const { status, body, headers } = await preflight(path);
      expect([status, body, headers.get('vary')]).toEqual([204, '', 'Origin']);
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    },
  );

  test('without an origin lists the methods', async () => {
    const answer = await send(head('OPTIONS /graphql HTTP/1.1', HOST));
    expect([answer.status, answer.headers.get('allow')]).toEqual([204, 'GET, POST']);
  });
});
