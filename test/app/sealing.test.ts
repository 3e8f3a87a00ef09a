import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCollector, openHistory } from '../../src/app/collector.js';
import { newSigningKey, readPublicKeys, signerOf } from '../../src/evidence/seal/signing-key.js';
import { verifyHistory } from '../../src/evidence/verify/verify.js';
import { Playground } from '../support/app.js';
import { batchOf, sampleRun } from '../support/records.js';

const SIGNING_KEY = newSigningKey();
const { publicKey } = signerOf(SIGNING_KEY);
const never = new AbortController().signal;

let ground: Playground;

beforeEach(() => {
  ground = new Playground();
});
afterEach(() => ground.clear());

/** One poll of the cases, by a process of its own. */
async function poll(env: Readonly<Record<string, string>> = {}) {
  const collector = await openCollector(ground.config(env), ground.options);
  try {
    return await collector.sync.poll({ resources: ['cases'], signal: never });
  } finally {
    await collector.close();
  }
}

async function verify(mustBeSigned = false) {
  const store = await openHistory(ground.config(), 'read', ground.options);
  try {
    return await verifyHistory(store, { publicKeys: null, mustBeSigned, held: [] });
  } finally {
    await store.close();
  }
}

test('each finished poll is sealed, and signed if there is a key', async () => {
  await poll();
  expect(await verify()).toMatchObject({ verdict: 'INTACT', seals: 1, unsealed: 0 });
  expect((await verify(true)).findings).toMatchObject([{ code: 'SEAL_NOT_SIGNED' }]);
  await poll({ SIGNING_KEY });
  expect(await verify(true)).toMatchObject({ verdict: 'INTACT', unsealed: 0, findings: [] });
});

test('the next process seals what a killed process left unsealed', async () => {
  await poll();
  const store = await openHistory(ground.config(), 'write', ground.options);
  await store.record(batchOf('left/1', { run: sampleRun('left', { integration: 'simulated' }) }));
  await store.close();
  expect(await verify()).toMatchObject({ unsealed: 1 });
  await (await openCollector(ground.config(), ground.options)).close();
  expect(await verify()).toMatchObject({ verdict: 'INTACT', unsealed: 0 });
});

test('the public keys are published, including those of the past', async () => {
  const older = newSigningKey();
  await poll({ SIGNING_KEY: older });
  const { url } = await ground.start({ SIGNING_KEY });
  await ground.collected(url);
  const path = '/.well-known/abnormal-gateway-signing-keys.json';
  const text = await (await fetch(url + path)).text();
  expect(readPublicKeys(text)).toEqual([signerOf(older).publicKey, publicKey]);
  expect(text).not.toContain('"d"');
  const pem = await fetch(url + path.replace('.json', '.pem'));
  expect(pem.headers.get('content-type')).toContain('application/x-pem-file');
  // standard tools take the first: that of now
  expect(readPublicKeys(await pem.text())).toEqual([publicKey, signerOf(older).publicKey]);
});

test('the hook receives one line per seal in a file', async () => {
  const file = ground.history('seals.ndjson').slice('sqlite:'.length);
  await poll({ SEAL_HOOK: `file:${file}` });
  await poll({ SEAL_HOOK: `file:${file}` });
  const store = await openHistory(ground.config(), 'read', ground.options);
  const seals = await store.journal({ journal: 'seals', from: null, descending: false, limit: 10 });
  await store.close();
  const lines = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ index, hash }) => [index, hash])).toEqual(
    seals.map(({ index, body }) => [index, body.hash]),
  );
});

test('a failing hook fails no poll, and later receives what it missed', async () => {
  const told: { index: number }[] = [];
  let status = 503;
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => {
      if (status < 300) told.push(JSON.parse(text));
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const env = { SEAL_HOOK: `http://127.0.0.1:${(server.address() as AddressInfo).port}/seals` };
  try {
    const { passes } = await poll(env);
    expect(passes.map((pass) => pass.status)).toEqual(['SUCCEEDED']);
    await poll(env);
    expect(told).toEqual([]);
    status = 204;
    await poll(env);
    // at least once each: an answer can be lost after it was taken in
    expect([...new Set(told.map(({ index }) => index))]).toEqual([1, 2, 3]);
  } finally {
    server.close();
  }
});
