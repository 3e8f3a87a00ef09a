import 'reflect-metadata';
import { execFile, spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isCollected, RUNS, type Runs } from '../support/collected.js';
import { bearer, GuardedGateway } from '../support/guarded-gateway.js';

let gateway: GuardedGateway;
let key: string;

beforeAll(async () => {
  gateway = await GuardedGateway.open();
  key = (await gateway.key('reader')).text;
  await gateway.start();
  while (!(await isDone())) await delay(50);
});

afterAll(() => gateway.close());

async function ask<T>(query: string): Promise<T> {
  return ((await (await gateway.ask(bearer(key), query)).json()) as { data: T }).data;
}

async function isDone(): Promise<boolean> {
  return isCollected((await ask<{ runs: Runs }>(`{ ${RUNS} }`)).runs);
}

/** The library gql comes from Python's own registry, so that not every machine has it (`PYTHONPATH` may name it). */
const hasGql = spawnSync('python3', ['-c', 'import gql.transport.requests']).status === 0;

/** Runs a script as a person would, with a key in the environment. */
async function runScript(
  env: Record<string, string>,
  script = 'apollo-client.ts',
  argument = '7',
): Promise<{ code: number; stdout: string; stderr: string }> {
  const args = [`scripts/clients/${script}`, `${gateway.url}/graphql`, argument];
  const { PATH = '', PYTHONPATH = '' } = process.env;
  const program = script.endsWith('.py') ? 'python3' : 'node_modules/.bin/tsx';
  const run = promisify(execFile)(program, args, { env: { PATH, PYTHONPATH, ...env } });
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

test('Apollo Client pages through all threats with a reader’s key', async () => {
  const { threats } = await ask<{ threats: { nodes: { threatId: string }[]; totalCount: number } }>(
    '{ threats(first: 100) { totalCount nodes { threatId } } }',
  );
  expect(threats.totalCount).toBeGreaterThan(20);
  const { code, stdout, stderr } = await runScript({ GATEWAY_KEY: key });
  expect([code, stderr]).toEqual([0, '']);
  const found = JSON.parse(stdout) as { pages: number; totalCount: number; distinct: number; ids: string[] };
  expect(found.pages).toBe(Math.ceil(threats.totalCount / 7));
  expect(found.totalCount).toBe(threats.totalCount);
  expect([...found.ids].sort()).toEqual(threats.nodes.map(({ threatId }) => threatId).sort());
});

test('Apollo Client gets no data without a key', async () => {
  const { code, stdout, stderr } = await runScript({});
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/401|Authentication is required/);
});

test('plain fetch pages through all cases and follows their changes', async () => {
  const { cases } = await ask<{ cases: { nodes: { caseId: string }[]; totalCount: number } }>(
    '{ cases(first: 100) { totalCount nodes { caseId } } }',
  );
  const { code, stdout, stderr } = await runScript({ GATEWAY_KEY: key }, 'fetch.ts', '1');
  expect([code, stderr]).toEqual([0, '']);
  const found = JSON.parse(stdout) as { ids: string[]; stale: boolean; asOf: string; followedTo: string };
  expect([...found.ids].sort()).toEqual(cases.nodes.map(({ caseId }) => caseId).sort());
  expect(found).toMatchObject({ stale: false, totalCount: cases.totalCount });
  expect(found.followedTo >= found.asOf).toBe(true);
});

test('urql pages through the messages of all threats and polls for newer ones', async () => {
  const { messages } = await ask<{ messages: { totalCount: number } }>('{ messages { totalCount } }');
  const { code, stdout, stderr } = await runScript({ GATEWAY_KEY: key }, 'urql.ts', '1');
  expect([code, stderr]).toEqual([0, '']);
  const { totalCount } = messages;
  expect(totalCount).toBeGreaterThan(20);
  expect(JSON.parse(stdout)).toMatchObject({
    totalCount,
    messages: totalCount,
    distinct: totalCount,
    stale: false,
  });
});

test('urql ends with the code of the error without a key', async () => {
  const { code, stderr } = await runScript({}, 'urql.ts', '1');
  expect([code, stderr]).toEqual([1, expect.stringContaining('UNAUTHENTICATED')]);
});

test('plain fetch ends with the code of the error without a key', async () => {
  const { code, stderr } = await runScript({}, 'fetch.ts', '1');
  expect([code, stderr]).toEqual([1, expect.stringContaining('UNAUTHENTICATED')]);
});

test.skipIf(!hasGql)('gql for Python reads all threats and follows their changes', async () => {
  const { threats } = await ask<{ threats: { totalCount: number } }>('{ threats { totalCount } }');
  const { code, stdout } = await runScript({ GATEWAY_KEY: key }, 'threats.py');
  expect(code).toBe(0);
  const { totalCount } = threats;
  const continueWith = expect.any(String) as string;
  expect(JSON.parse(stdout)).toEqual({ totalCount, threats: totalCount, changed: 0, continueWith });
});

test.skipIf(!hasGql)('gql for Python ends with the code of the error without a key', async () => {
  const { code, stderr } = await runScript({}, 'threats.py');
  expect([code, stderr]).toEqual([1, `${gateway.url}/graphql answers UNAUTHENTICATED\n`]);
});
