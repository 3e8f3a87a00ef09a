import { createServer } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCollector, openHistory } from '../src/app/collector.js';
import { ConfigError } from '../src/config/reader.js';
import { HistoryError } from '../src/history/errors.js';
import { ListenError } from '../src/http/errors.js';
import { Playground } from './support/app.js';

let ground: Playground;

beforeEach(() => {
  ground = new Playground();
});
afterEach(() => ground.clear());

test('collected records are served with their source', async () => {
  const { url } = await ground.start();
  await ground.collected(url);
  const { data } = await ground.ask(
    url,
    '{ threats(first: 1) { totalCount nodes { provenance { source integration } } } }',
  );
  expect(data).toEqual({
    threats: { totalCount: 60, nodes: [{ provenance: { source: 'SIMULATED', integration: 'simulated' } }] },
  });
});

test('a start that fails half-way leaves nothing open', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  await expect(ground.start({ PORT: String(port) })).rejects.toThrow(ListenError);
  await ground.stop();
  other.close();
  const { url } = await ground.start();
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('a history has one writer and any number of readers', async () => {
  await ground.start();
  await expect(openCollector(ground.config(), ground.options)).rejects.toThrow(HistoryError);
  const readers = await Promise.all(
    [1, 2, 3].map(() => openHistory(ground.config(), 'read', ground.options)),
  );
  for (const reader of readers) await reader.ping();
  await Promise.all(readers.map((reader) => reader.close()));
});

test('simulated records and records of a real account cannot share a history, whichever came first', async () => {
  const { url } = await ground.start();
  await ground.collected(url);
  await ground.stop();
  const account = { ABNORMAL_TOKEN: 'not-a-real-token', ABNORMAL_BASE_URL: 'http://127.0.0.1:9/v1' };
  await expect(openCollector(ground.config(account), ground.options)).rejects.toThrow(ConfigError);

  const other = { ...account, HISTORY: ground.history('other.db') };
  const collector = await openCollector(ground.config(other), ground.options);
  await collector.sync.poll({ resources: ['cases'], signal: AbortSignal.timeout(2_000) });
  await collector.close();
  await expect(openCollector(ground.config({ HISTORY: other.HISTORY }), ground.options)).rejects.toThrow(
    /contains records of the account "default", but ABNORMAL_TOKEN is not set/,
  );
});
