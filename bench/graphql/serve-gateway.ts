import 'reflect-metadata';
import { createApollo } from '../../src/graphql/operation/apollo.js';
import { createStoredResponse, OperationLimiter } from '../../src/graphql/operation/pipeline.js';
import { ResponseCache } from '../../src/graphql/operation/response-cache.js';
import { createContextFactory } from '../../src/graphql/request/services.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { openStore } from '../../src/history/open-store.js';
import { createServer } from '../../src/http/server.js';
import { createLog } from '../../src/log.js';
import { DEFAULT_COST_LIMITS, DEFAULT_QUERY_LIMITS } from '../../src/values/access.js';
import { DAY, MINUTE, toInstant } from '../../src/values/instant.js';
import { fixedAccounts } from '../../test/support/fixed-accounts.js';
import { LOCAL_CALLERS } from '../../test/support/local-callers.js';
import { RECORDED_MS } from './history.js';
import { serveMeasured } from './measured.js';

/* The gateway as `npm start` runs it, over the SQLite file that is named as argument. */

const [path = ''] = process.argv.slice(2);
const log = createLog({ level: 'silent', pretty: false, secrets: [], destination: process.stderr });
const store = await openStore(`sqlite:${path}`, 'write');
const verifiedAt = toInstant(RECORDED_MS);
const fresh = async () => ({ stale: false, verifiedAt, live: false }) as const;
const context = createContextFactory({
  ...{ store, log, accounts: fixedAccounts(), live: { record: fresh, list: fresh } },
  // the records are fresh, so that Abnormal is not asked
  ...{ defaultMaxAgeMs: DAY, clock: () => RECORDED_MS + MINUTE + Math.floor(performance.now()) },
});
const schema = buildGatewaySchema();
const responses = new ResponseCache();
const server = createServer({
  ...{ host: '127.0.0.1', port: 0, ide: false, anyHost: false, callers: LOCAL_CALLERS },
  ...{ apollo: createApollo({ schema, log, responses }), context, log },
  stored: createStoredResponse(responses),
  limits: {
    limiter: new OperationLimiter(schema, DEFAULT_QUERY_LIMITS, DEFAULT_COST_LIMITS),
    ...{ persisted: null, timeoutMs: 30_000 },
  },
  readiness: async () => ({ ready: true, checks: [] }),
});
serveMeasured(await server.start());
