import { readFileSync } from 'node:fs';
import type { GraphQLSchema } from 'graphql';
import { ApiKeys } from '../callers/api-keys.js';
import { createCallers } from '../callers/callers.js';
import { JsonWebTokens } from '../callers/json-web-tokens.js';
import { Sessions } from '../callers/sessions.js';
import type { Config } from '../config/config.js';
import { ConfigError } from '../config/reader.js';
import {
  type PersistedOperations,
  readOperationManifest,
} from '../graphql/operation/persisted-operations.js';
import { OperationLimiter } from '../graphql/operation/pipeline.js';
import type { GraphLimits } from '../http/graph-route.js';
import { isLoopback } from '../integrations/address.js';
import { noteEnvironmentToken } from '../integrations/token-history.js';
import { createEmptyWarnings, refreshTokenExpiry, tokenExpiryWarnings } from '../integrations/token-watch.js';
import { HOUR } from '../values/instant.js';
import type { AppOptions, Collector } from './collector.js';

/**
 * Creates the callers from the configuration and the keys of the history. Throws a `ConfigError` if the
 * gateway is reachable by others without any credential.
 */
export async function openCallers(
  config: Config,
  options: Pick<AppOptions, 'clock' | 'log'> & Pick<Collector, 'store'>,
) {
  const { jwt, fixedKeys } = config.callers;
  const keys = new ApiKeys(options);
  const callers = createCallers({
    ...options,
    keys,
    fixedKeys,
    sessions: new Sessions(options),
    tokens: jwt && new JsonWebTokens({ ...jwt, ...options }),
    anybody: config.http.anyHost,
  });
  const areAsked = await callers.areAsked();
  if (!areAsked) refuseToBeReached(config);
  if (config.http.anyHost) options.log.warn(areAsked ? NO_EFFECT : ANYBODY);
  return { callers, keys };
}

const NO_EFFECT = 'ALLOW_UNAUTHENTICATED has no effect: authentication is configured';
const ANYBODY = 'ALLOW_UNAUTHENTICATED: everyone who can reach this gateway may read its data';

const HOW =
  'Create a key with “keys api --name NAME --role ROLE”, or set API_KEYS, or set JWKS_URL to the key set of an identity provider';

function refuseToBeReached({ http: { host, trustProxy, anyHost } }: Config): void {
  if (anyHost) return;
  if (!isLoopback(host)) {
    throw new ConfigError(
      `HOST is ${JSON.stringify(host)}, which others can reach, but authentication is not configured: there is no API key and no JWKS. ${HOW}; or leave HOST at 127.0.0.1. (ALLOW_UNAUTHENTICATED=yes lets everyone read.)`,
    );
  }
  if (trustProxy !== null) {
    throw new ConfigError(
      `TRUST_PROXY is set, so callers are on other machines, but authentication is not configured: there is no API key and no JWKS. ${HOW}.`,
    );
  }
}

/** The limits of the graph. Throws a `ConfigError` if the operation manifest cannot be read. */
export function openLimits({ limits }: Config, schema: GraphQLSchema): GraphLimits {
  const { query, cost, requestTimeout: timeoutMs, persistedOperations } = limits;
  const persisted = persistedOperations === null ? null : openManifest(persistedOperations);
  return { limiter: new OperationLimiter(schema, query, cost), persisted, timeoutMs };
}

function openManifest(path: string): PersistedOperations {
  try {
    return readOperationManifest(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `PERSISTED_OPERATIONS: the manifest ${path} cannot be used: ${why}. Create it with @apollo/generate-persisted-query-manifest.`,
    );
  }
}

/**
 * Checks the accounts every hour: stores the dates of tokens, and logs once a day which tokens must be
 * replaced and which accounts return only empty lists. Returns a function that stops it.
 */
export async function watchTokens(
  { account }: Config,
  { clock, log }: AppOptions,
  { store, vault, accounts }: Collector,
): Promise<() => Promise<void>> {
  if (account !== null) await noteEnvironmentToken(store, account.token, clock);
  const learn = refreshTokenExpiry({ store, vault, accounts, clock, log });
  const warn = tokenExpiryWarnings({ store, clock, log });
  const warnOfEmpty = createEmptyWarnings({ store, clock, log });
  const stop = new AbortController();
  const look = async () => {
    try {
      await learn(stop.signal);
      await warn();
      await warnOfEmpty();
    } catch (error) {
      if (!stop.signal.aborted) log.warn({ err: error }, 'the state of the accounts cannot be determined');
    }
  };
  let looking = look();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, HOUR);
  timer.unref();
  return async () => {
    clearInterval(timer);
    stop.abort();
    await looking;
  };
}
