import 'reflect-metadata';
import { LOCAL_CALLERS } from '../../src/callers/callers.js';
import { createApollo } from '../../src/graphql/operation/apollo.js';
import { OperationLimiter } from '../../src/graphql/operation/pipeline.js';
import { createContextFactory } from '../../src/graphql/request/services.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { createServer } from '../../src/http/server.js';
import { fixedAccounts } from '../../src/integrations/accounts.js';
import { createLog } from '../../src/log.js';
import { DEFAULT_COST_LIMITS, DEFAULT_QUERY_LIMITS } from '../../src/values/access.js';
import { toInstant } from '../../src/values/instant.js';
import {
  batchOf,
  observeCase,
  observeThreat,
  sampleCase,
  sampleMessage,
  sampleThreat,
} from '../../test/support/records.js';

/*
 * The gateway as it is run, over SQLite in memory with 2,000 cases of five threats each. Prints its URL.
 */

const CASES = 2_000;
const THREATS_PER_CASE = 5;

const log = createLog({ level: 'silent', pretty: false, secrets: [], destination: process.stderr });
const store = await openStore('sqlite::memory:', 'write');
await fill(store);
const now = toInstant(Date.now());
const fresh = async () => ({ stale: false, verifiedAt: now, live: false }) as const;
const context = createContextFactory({
  ...{ store, log, accounts: fixedAccounts(), live: { record: fresh, list: fresh } },
  ...{ defaultMaxAgeMs: 300_000, clock: Date.now },
});
const schema = buildGatewaySchema();
const server = createServer({
  ...{ host: '127.0.0.1', port: 0, ide: false, anyHost: false, callers: LOCAL_CALLERS },
  ...{ apollo: createApollo({ schema, log }), context, log },
  limits: {
    limiter: new OperationLimiter(schema, DEFAULT_QUERY_LIMITS, DEFAULT_COST_LIMITS),
    ...{ persisted: null, timeoutMs: 30_000 },
  },
  readiness: async () => ({ ready: true, checks: [] }),
});
console.log(await server.start());

async function fill(history: HistoryStore): Promise<void> {
  const start = Date.parse('2026-03-01T00:00:00Z');
  for (let n = 0; n < CASES; n += 1) {
    const threatIds = Array.from({ length: THREATS_PER_CASE }, (_, t) => `threat-${n}-${t}`);
    const lastModifiedTime = toInstant(start + n * 60_000);
    const observations = [
      ...threatIds.map((id, t) => observeThreat(sampleThreat(id, { messages: messagesOf(n * 10 + t) }))),
      observeCase(sampleCase(String(100_000 + n), { threatIds, lastModifiedTime })),
    ];
    await history.record(batchOf(`batch-${n}`, { observations }));
  }
}

function messagesOf(seed: number) {
  return Array.from({ length: 1 + (seed % 3) }, (_, m) =>
    sampleMessage(`${seed}${m}`, { subject: `Invoice ${seed}` }),
  );
}
