import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { publicLookup } from '../src/integrations/address.js';
import { createSender, sendOnce } from '../src/outgoing.js';

let close: () => Promise<void>;
let origin: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let seen: { readonly path: string; readonly headers: IncomingMessage['headers'] }[];

beforeEach(async () => {
  seen = [];
  const server = createServer((request, response) => {
    seen.push({ path: String(request.url), headers: request.headers });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
});
afterEach(() => close());

const signal = new AbortController().signal;

describe('a request that is sent once', () => {
  test('sends its body and headers, and returns the status and text', async () => {
    answer = async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      response.writeHead(201).end(`got ${Buffer.concat(chunks)}`);
    };
    const headers = { 'content-type': 'application/json' };
    const sent = await sendOnce(`${origin}/a?b=c`, { method: 'POST', headers, body: '{"ü":1}', signal }, 100);
    expect(sent).toEqual({ status: 201, text: 'got {"ü":1}' });
    expect(seen).toMatchObject([
      { path: '/a?b=c', headers: { ...headers, 'user-agent': 'abnormal-graphql-gateway' } },
    ]);
  });

  test.each([301, 302, 303, 307, 308])('returns a redirect (%d) without following it', async (status) => {
    answer = (_request, response) => void response.writeHead(status, { location: `${origin}/b` }).end();
    expect(await sendOnce(`${origin}/a`, { signal }, 100)).toEqual({ status, text: '' });
    expect(seen.map(({ path }) => path)).toEqual(['/a']);
  });

  test('sends user name and password of the URL as a header, and names them in no error', async () => {
    answer = (_request, response) => void response.end();
    const address = origin.replace('//', '//me:p%40ss@');
    await sendOnce(`${address}/a?key=secret`, { signal }, 100);
    const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    expect(seen[0]?.headers.authorization).toBe(basic);
    answer = (_request, response) => void response.destroy();
    const error = await sendOnce(`${address}/a?key=secret`, { signal }, 100).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(Error);
    const { message, stack, cause } = error as Error;
    expect([message, stack, String(cause)].join()).not.toMatch(/secret|p%40ss|p@ss|me:/);
    expect(message).toMatch(/ECONNRESET|socket hang up/);
  });

  test.each([
    ['plain', (bytes: number) => ({ headers: {}, body: Buffer.alloc(bytes) })],
    [
      'compressed',
      (bytes: number) => ({ headers: { 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(bytes)) }),
    ],
  ])('refuses a response beyond its limit: %s', async (_how, make) => {
    let bytes = 1_000_000;
    answer = (_request, response) => {
      const { headers, body } = make(bytes);
      response.writeHead(200, headers).end(body);
    };
    const send = () => sendOnce(origin, { signal }, 1_000_000);
    expect((await send()).text).toHaveLength(1_000_000);
    bytes += 1;
    await expect(send()).rejects.toThrow('larger than 1000000 bytes');
  });

  test.each([
    ['before the response', () => {}],
    ['in its body', (_request: IncomingMessage, response: ServerResponse) => void response.write('begun')],
  ])('is aborted after its time limit %s', async (_when, reply) => {
    answer = reply;
    await expect(sendOnce(origin, { signal: AbortSignal.timeout(100) }, 100)).rejects.toThrow(/abort/i);
  });

  test('is not affected by its time limit after it has ended', async () => {
    answer = (_request, response) => void response.end(Buffer.alloc(200_000));
    const ended = AbortSignal.timeout(300);
    await expect(sendOnce(origin, { signal: ended }, 10)).rejects.toThrow('larger');
    await sendOnce(origin, { signal: ended }, 1_000_000);
    // an error that nobody listens to would end the process, and this test with it
    await delay(400);
    expect(ended.aborted).toBe(true);
  });
});

test('a sender reuses its connection, and uses the given host lookup', async () => {
  answer = (request, response) => void response.end(String(request.socket.remotePort));
  const sender = createSender({});
  const ports = [];
  for (let time = 0; time < 3; time++) ports.push(await (await sender.send(origin, { signal })).text());
  expect(new Set(ports).size).toBe(1);
  sender.close();
  const asked: string[] = [];
  const refusing = createSender({
    lookup: (host, options, callback) => {
      asked.push(host);
      publicLookup('10.1.2.3', options, callback);
    },
  });
  const url = origin.replace('127.0.0.1', 'public.test');
  await expect(refusing.send(url, { signal })).rejects.toThrow('private network');
  expect(asked).toEqual(['public.test']);
  refusing.close();
});
