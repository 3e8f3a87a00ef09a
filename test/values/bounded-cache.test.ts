import 'reflect-metadata';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { getOperationAST, type OperationDefinitionNode, parse } from 'graphql';
import { afterAll, describe, expect, test } from 'vitest';
import { batch, observe, START_MS, threat } from '../../bench/history/payloads.js';
import { ApiKeys } from '../../src/callers/api-keys.js';
import { FailedAttempts } from '../../src/callers/callers.js';
import { analyseValid } from '../../src/graphql/operation/analyse-operation.js';
import { createExecute, parsedQueries } from '../../src/graphql/operation/execute.js';
import { OperationLimiter } from '../../src/graphql/operation/pipeline.js';
import { CacheDependencies, ResponseCache } from '../../src/graphql/operation/response-cache.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { openStore } from '../../src/history/open-store.js';
import { createLog } from '../../src/log.js';
import { DEFAULT_COST_LIMITS, DEFAULT_QUERY_LIMITS } from '../../src/values/access.js';
import {
  BoundedCache,
  CACHE_BYTES,
  type CacheName,
  caches,
  WordCache,
} from '../../src/values/bounded-cache.js';
import { MINUTE, toInstant } from '../../src/values/instant.js';

/*
 * Each cache is filled with far more than it may keep, by the code that it is part of. It must stay within its
 * bound, and what it counts must be about what the heap has grown by.
 */

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function memoryUsed(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const folder = mkdtempSync(join(tmpdir(), 'bounded-cache-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let histories = 0;
const schema = buildGatewaySchema();
const log = createLog({ level: 'silent', pretty: false, secrets: [], destination: process.stderr });
const LOCAL = { role: 'admin' } as const;

/** A query that no other is equal to, as long as `size` says. */
function query(n: number, size: number): string {
  const fields = Array.from(
    { length: size },
    (_, k) =>
      `f${n}_${k}: threats(first: ${k + 1}) { nodes { id threatId subject messages { nodes { messageId subject } } } }`,
  );
  return `query Q${n} { ${fields.join(' ')} }`;
}

/** Fills a cache, and gives what holds it. */
type Fill = () => unknown | Promise<unknown>;

const FILLS: Partial<Record<CacheName, Fill>> = {
  responses: async () => {
    const answers = new ResponseCache();
    const reads = new CacheDependencies('default');
    reads.noteHead(7);
    for (let n = 0; n < 2_000; n += 1) {
      const data = {
        n,
        nodes: Array.from({ length: 200 }, (_, k) => ({ id: `${n}-${k}`, subject: `É ${n} ${k}` })),
      };
      for (const _ of [1, 2]) await answers.keep(answers.keyOf('reader', `${n}`, null, {}), { data }, reads);
    }
    return answers;
  },
  requestsSeenOnce: async () => {
    const answers = new ResponseCache();
    const reads = new CacheDependencies('default');
    reads.noteHead(7);
    for (let n = 0; n < 20_000; n += 1) {
      await answers.keep(answers.keyOf('reader', `${n}`, null, {}), { data: { n } }, reads);
    }
    return answers;
  },
  parsedQueries: async () => {
    const store = parsedQueries();
    for (let n = 0; n < 400; n += 1) {
      // what comes once is not kept
      await store.set(`${n}`, parse(query(n, 1 + (n % 5))));
      await store.set(`${n}`, parse(query(n, 1 + (n % 5))));
    }
    return store;
  },
  compiledQueries: async () => {
    const run = createExecute(schema);
    for (let n = 0; n < 120; n += 1) {
      const document = parse(query(n, 1 + (n % 5)));
      // no context: every field fails, once the query was compiled
      const operation = getOperationAST(document) as OperationDefinitionNode;
      const analysed = analyseValid(schema, document, operation);
      const asked = { document, operation, analysed, source: '', operationName: null, variables: {} };
      const execution = { ...asked, context: {} as never };
      for (const _ of [1, 2]) await run(execution);
    }
    return run;
  },
  analysedQueries: () => {
    const limiter = new OperationLimiter(schema, DEFAULT_QUERY_LIMITS, DEFAULT_COST_LIMITS);
    for (let n = 0; n < 400; n += 1) {
      limiter.admit({ query: query(n, 1 + (n % 5)), operationName: null, variables: {} }, LOCAL.role);
    }
    return limiter;
  },
  sqliteRevisions: async () => {
    const url = `sqlite:${join(folder, `${++histories}.db`)}`;
    const writer = await openStore(url, 'write');
    for (let n = 0; n < 30; n += 1) {
      const now = toInstant(START_MS + n * MINUTE);
      const some = Array.from({ length: 500 }, (_, k) => observe(threat(n * 500 + k, START_MS), now, n));
      await writer.record(batch(n + 1, now, some));
    }
    await writer.close();
    const store = await openStore(url, 'read');
    const { seq } = await store.head();
    const query = { kind: 'threat', integrations: null, filter: null, seq, orderBy: 'id' } as const;
    for (let after = null; ; ) {
      const page = { ...query, descending: false, after, limit: 100 };
      // what is read once is not kept
      await store.page(page);
      const { items, hasMore } = await store.page(page);
      after = items.at(-1)?.position as never;
      if (!hasMore) return store;
    }
  },
  failedAttempts: () => {
    const attempts = new FailedAttempts(Date.now);
    for (let n = 0; n < 40_000; n += 1) attempts.note(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
    return attempts;
  },
  apiKeys: async () => {
    const store = { document: async () => null, documents: async () => [], putDocument: async () => true };
    const keys = new ApiKeys({ store, clock: Date.now, log });
    for (let n = 0; n < 2_000; n += 1)
      await keys.callerOf({ id: `key-${n}`, hash: Buffer.alloc(32) } as never);
    return keys;
  },
};

/** Those that are emptied when they are full, whose values are one of few. */
const OF_WORDS: readonly CacheName[] = ['normalisedWords', 'knownWords'];

function sizesOf(name: CacheName): { bytes: number; maxBytes: number } {
  const own = caches().filter(({ cache }) => cache === name);
  return {
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
    maxBytes: own.reduce((sum, { maxBytes }) => sum + maxBytes, 0),
  };
}

describe.each(Object.keys(CACHE_BYTES) as CacheName[])('the cache %s', (name) => {
  test('stays within its bound, whatever is stored in it', () => {
    const isOfWords = OF_WORDS.includes(name);
    const cache = isOfWords ? new WordCache<true>(name) : new BoundedCache<number>(name, () => 0);
    const most = Math.ceil((2 * CACHE_BYTES[name]) / 200);
    for (let n = 0; n < most; n += 1) {
      if (cache instanceof WordCache) cache.set(`word ${n}`, true);
      else cache.set(`word ${n}`, n);
      if (n % 1_000 === 0) expect(cache.bytes).toBeLessThanOrEqual(CACHE_BYTES[name]);
    }
    expect(cache.bytes).toBeLessThanOrEqual(CACHE_BYTES[name]);
    expect(cache.bytes).toBeGreaterThan(CACHE_BYTES[name] / 4);
    const huge = 'x'.repeat(CACHE_BYTES[name]);
    if (cache instanceof WordCache) cache.set(huge, true);
    else cache.set(huge, 1);
    expect(cache.bytes).toBeLessThanOrEqual(CACHE_BYTES[name]);
    expect(cache.get(huge)).toBeUndefined();
  });
});

describe.each(Object.entries(FILLS) as [CacheName, Fill][])(
  'the cache %s, filled as it is in use',
  (name, fill) => {
    test('is full, within its bound, and contains no more than it counts', async () => {
      // the code that fills it is loaded and compiled before it is measured
      await fill();
      // a turn of the event loop may still hold what it began with
      await setTimeout(1);
      const before = memoryUsed();
      const countedBefore = sizesOf(name);
      const held = await fill();
      const grown = memoryUsed() - before;
      const counted = sizesOf(name);
      const bytes = counted.bytes - countedBefore.bytes;
      expect(held).toBeDefined();
      expect(bytes).toBeGreaterThan(CACHE_BYTES[name] / 2);
      expect(grown, `counted: ${bytes}`).toBeLessThan(bytes * 1.4);
      expect(counted.bytes).toBeLessThanOrEqual(counted.maxBytes);
    });
  },
);

test('the table of caches in the documentation matches the code', () => {
  const rows = readFileSync('docs/architecture.md', 'utf8').matchAll(
    /^\| `([a-zA-Z]+)` \| [^|]+ \| (\d+) ([KM])iB \| [^|]+ \|$/gm,
  );
  const documented = [...rows].map(([, name, size, unit]) => [
    name,
    Number(size) * 1024 ** (unit === 'M' ? 2 : 1),
  ]);
  expect(Object.fromEntries(documented)).toEqual(CACHE_BYTES);
});
