import 'reflect-metadata';
import { Agent, get, request } from 'node:http';
import { connect, createServer as createNetServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ApolloServer } from '@apollo/server';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import type { GatewayContext, RequestInfo } from '../../src/graphql/request/services.js';
import { ListenError } from '../../src/http/errors.js';
import { createServer, type Server, type ServerOptions } from '../../src/http/server.js';
import { LOCAL_CALLERS } from '../support/local-callers.js';

const open: Server[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close(0)));
});

interface Harness {
  readonly server: Server;
  readonly url: string;
  /** Lets the query `slow` answer. */
  readonly release: () => void;
  /** Signals of the requests that reached the graph. */
  readonly signals: AbortSignal[];
}

/** The server in front of a graph with one quick field and one that answers when it is told to. */
async function serve(overrides: Partial<ServerOptions> = {}): Promise<Harness> {
  const signals: AbortSignal[] = [];
  const gate = deferred();
  const apollo = new ApolloServer<GatewayContext>({
    typeDefs: 'type Query { quick: String slow: String }',
    resolvers: { Query: { quick: () => 'done', slow: () => gate.promise } },
    stopOnTerminationSignals: false,
  });
  const server = createServer({
    host: '127.0.0.1',
    port: 0,
    ide: true,
    anyHost: false,
    callers: LOCAL_CALLERS,
    apollo,
    context: ({ signal }: RequestInfo) => {
      if (signal) signals.push(signal);
      return {} as GatewayContext;
    },
    readiness: async () => ({ ready: true, checks: [{ name: 'history', ok: true, message: 'answers' }] }),
    log: pino({ level: 'silent' }),
    ...overrides,
  });
  open.push(server);
  const url = await server.start();
  return { server, url, signals, release: () => gate.resolve('at last') };
}

function ask(url: string, query: string, init: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...init.headers };
  return fetch(`${url}/graphql`, { method: 'POST', body: JSON.stringify({ query }), ...init, headers });
}

async function untilAsked({ signals }: Harness): Promise<AbortSignal> {
  for (;;) {
    const [signal] = signals;
    if (signal) return signal;
    await delay(5);
  }
}

/** What a request with this `Host` gets; `fetch` does not let one say it. */
function statusFor(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(`${url}/healthz`, { headers: { host } }, (answer) => resolve(answer.resume().statusCode)).on(
      'error',
      reject,
    );
  });
}

describe('the server', () => {
  test('serves the graph at /graphql, by POST and by GET', async () => {
    const { url } = await serve();
    expect(await (await ask(url, '{ quick }')).json()).toEqual({ data: { quick: 'done' } });
    const headers = { 'apollo-require-preflight': '1' };
    const answer = await fetch(`${url}/graphql?query={quick}`, { headers });
    expect(await answer.json()).toEqual({ data: { quick: 'done' } });
  });

  test('reports alive at /healthz and ready at /readyz', async () => {
    const { url } = await serve();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { status: 'ready', checks: [{ name: 'history', ok: true, message: 'answers' }] },
    ]);
  });

  test('reports 503 at /readyz with the reason while it cannot serve, and stays alive', async () => {
    const checks = [{ name: 'history', ok: false, message: 'cannot be reached' }];
    const { url } = await serve({ readiness: async () => ({ ready: false, checks }) });
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([503, { status: 'not ready', checks }]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test('serves the IDE with its resources', async () => {
    const { url } = await serve();
    const ide = await fetch(`${url}/ide`);
    expect(ide.headers.get('content-security-policy')).toContain("default-src 'self'");
    const html = await ide.text();
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
    for (const [, path] of html.matchAll(/(?:src|href)="([^"]+\.(?:js|css|ico))"/g)) {
      expect((await fetch(`${url}/ide/${path}`)).status).toBe(200);
    }
  });

  test('serves no IDE if it is switched off', async () => {
    const { url } = await serve({ ide: false });
    expect((await fetch(`${url}/ide/`)).status).toBe(404);
  });

  test.each([
    ['something that is not there', '/nowhere', { method: 'GET' }, 404, 'NOT_FOUND'],
    ['a body that is not JSON', '/graphql', { method: 'POST', body: '{' }, 400, 'BAD_REQUEST'],
    [
      'a body over a megabyte',
      '/graphql',
      { method: 'POST', body: `"${'x'.repeat(1 << 20)}"` },
      413,
      'BAD_REQUEST',
    ],
  ])('answers %s with an error in the common shape', async (_what, path, init, status, code) => {
    const { url } = await serve();
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}${path}`, { ...init, headers: 'body' in init ? headers : {} });
    const body = (await answer.json()) as { errors: [{ message: string; extensions: { code: string } }] };
    expect([answer.status, body.errors[0].extensions.code]).toEqual([status, code]);
  });

  test('refuses a form post, which any web page could send', async () => {
    const { url } = await serve();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      const answer = await ask(url, '{ quick }', { headers: { 'content-type': type } });
      expect(answer.status).toBe(415);
    }
  });
});

describe('requests', () => {
  test('keep a harmless request id, and get one otherwise', async () => {
    const { url } = await serve();
    const idFor = async (id: string) =>
      (await fetch(`${url}/healthz`, { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(await idFor('job-17:a')).toBe('job-17:a');
    expect(await idFor('two words')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idFor('x'.repeat(65))).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each(['localhost', '127.0.0.1:4000', '[::1]:4000'])('for host %s are accepted', async (host) => {
    expect(await statusFor((await serve()).url, host)).toBe(200);
  });

  test.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '192.0.2.1'])(
    'for host %s are refused, unless every host is allowed',
    async (host) => {
      expect(await statusFor((await serve()).url, host)).toBe(403);
      expect(await statusFor((await serve({ anyHost: true })).url, host)).toBe(200);
    },
  );

  test('do not let other sites read the responses', async () => {
    const { url } = await serve();
    const answer = await ask(url, '{ quick }', { headers: { origin: 'https://evil.example' } });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('stop their work when the caller disconnects', async () => {
    const harness = await serve();
    const caller = new AbortController();
    const answer = ask(harness.url, '{ slow }', { signal: caller.signal });
    const signal = await untilAsked(harness);
    expect(signal.aborted).toBe(false);
    caller.abort();
    await expect(answer).rejects.toThrow();
    while (!signal.aborted) await delay(5);
    harness.release();
  });
});

describe('closing the server', () => {
  test('lets open requests finish, accepts no more, and does not wait for idle connections', async () => {
    const harness = await serve();
    const agent = new Agent({ keepAlive: true });
    const answered = new Promise<string>((resolve, reject) => {
      const options = { method: 'POST', agent, headers: { 'content-type': 'application/json' } };
      const sent = request(`${harness.url}/graphql`, options, (answer) => {
        let text = '';
        answer.on('data', (part) => {
          text += part;
        });
        answer.on('end', () => resolve(text));
      });
      sent.on('error', reject).end(JSON.stringify({ query: '{ slow }' }));
    });
    await untilAsked(harness);
    const closed = harness.server.close(60_000);
    await expect(fetch(`${harness.url}/healthz`)).rejects.toThrow();
    harness.release();
    expect(JSON.parse(await answered)).toEqual({ data: { slow: 'at last' } });
    await closed;
    agent.destroy();
  });

  test('sends late requests on a busy connection an error in the common shape', async () => {
    const harness = await serve();
    const { port } = new URL(harness.url);
    const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8');
    let text = '';
    socket.on('data', (part: string) => {
      text += part;
    });
    const ended = new Promise((resolve) => socket.on('close', resolve));
    const post = (query: string) => {
      const body = JSON.stringify({ query });
      const head = ['POST /graphql HTTP/1.1', 'Host: localhost', 'Content-Type: application/json'];
      socket.write([...head, `Content-Length: ${body.length}`, '', body].join('\r\n'));
    };
    post('{ slow }');
    await untilAsked(harness);
    const closed = harness.server.close(60_000);
    post('{ quick }');
    await delay(50);
    harness.release();
    await Promise.all([closed, ended]);
    expect(text).toContain('"at last"');
    expect(text).toContain('HTTP/1.1 503');
    expect(text).toContain('"code":"SHUTTING_DOWN"');
    expect(text).not.toContain('"statusCode"');
  });

  test('cuts off requests that do not end in time', async () => {
    const harness = await serve();
    const answer = ask(harness.url, '{ slow }');
    const signal = await untilAsked(harness);
    await Promise.all([harness.server.close(20), expect(answer).rejects.toThrow()]);
    expect(signal.aborted).toBe(true);
    harness.release();
  });
});

test('a port in use is reported with instructions', async () => {
  const other = createNetServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const started = serve({ port });
  await expect(started).rejects.toThrow(ListenError);
  await expect(started).rejects.toThrow(`Port ${port} is in use`);
  other.close();
});

function deferred() {
  let resolve: (value: string) => void = () => {};
  const promise = new Promise<string>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
