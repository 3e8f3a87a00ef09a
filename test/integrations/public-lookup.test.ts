import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBudget } from '../../src/abnormal/budget.js';
import { createAbnormalClient } from '../../src/abnormal/rest-client.js';
import { publicLookup } from '../../src/integrations/address.js';
import { testIntegration } from '../../src/integrations/connection-test.js';
import { CORE_RESOURCES } from '../../src/resources/registry.js';

/** What the lookup makes of a host, as the network's own call would have it. */
function look(host: string, all: boolean): Promise<string> {
  return new Promise((resolve) => {
    publicLookup(host, { all }, (error, found) => {
      resolve(
        error
          ? error.message
          : Array.isArray(found)
            ? found.map(({ address }) => address).join()
            : String(found),
      );
    });
  });
}

test.each([true, false])('a host is refused if one of its addresses is private: %s', async (all) => {
  for (const host of ['10.1.2.3', '169.254.169.254', '::ffff:10.1.2.3']) {
    expect(await look(host, all)).toContain('ALLOW_PRIVATE_ADDRESSES');
  }
  expect(await look('8.8.8.8', all)).toBe('8.8.8.8');
});

test('this machine is allowed by its own names, and system errors are passed on', async () => {
  expect(await look('localhost', true)).toMatch(/127\.0\.0\.1|::1/);
  expect(await look('no-such-host.invalid', true)).toMatch(/ENOTFOUND|EAI_AGAIN/);
});

let port: number;
let requests = 0;
const server = createServer((_request, response) => {
  requests++;
  response.end('{"cases":[],"threats":[],"campaigns":[]}');
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

test('a client whose host resolves to a private address sends nothing', async () => {
  const client = createAbnormalClient({
    ...{ baseUrl: `http://localhost:${port}/v1`, token: () => 'a-token-of-tests' },
    ...{ timeoutMs: 1000, clock: Date.now, log: pino({ level: 'silent' }) },
    budget: createBudget({ rpm: 1000, concurrency: 4, clock: Date.now }),
    // a public name that somebody has pointed within
    lookup: (_host, options, callback) => publicLookup('10.1.2.3', options, callback),
  });
  try {
    const { parts } = await testIntegration({
      resources: CORE_RESOURCES,
      client,
      name: 'acme',
      clock: Date.now,
    });
    expect(parts[0]).toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('private network'),
    });
    expect(requests).toBe(0);
  } finally {
    client.close();
  }
});
