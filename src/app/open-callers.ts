import { ApiKeys, type KeyBook } from '../callers/api-keys.js';
import { type Callers, createCallers } from '../callers/callers.js';
import { JsonWebTokens } from '../callers/json-web-tokens.js';
import type { Config } from '../config/config.js';
import { ConfigError } from '../config/config-error.js';
import type { HistoryStore } from '../history/store.js';
import { isLoopback } from '../integrations/address.js';
import type { Log } from '../log.js';

export interface OpenCallersOptions {
  readonly store: HistoryStore;
  readonly clock: () => number;
  readonly log: Log;
}

/** Who may ask, and the keys of those who may. */
export interface OpenCallers {
  readonly callers: Callers;
  readonly keys: KeyBook;
}

/**
 * Who may ask, by the configuration and the keys of the history. Throws a `ConfigError` where callers could come
 * from elsewhere and none can show who it is.
 */
export async function openCallers(config: Config, options: OpenCallersOptions): Promise<OpenCallers> {
  const { jwt, fixedKeys } = config.callers;
  const keys = new ApiKeys(options);
  const callers = createCallers({
    ...options,
    keys,
    fixedKeys,
    tokens: jwt && new JsonWebTokens({ ...jwt, ...options }),
    anybody: config.http.anyHost,
  });
  const areAsked = await callers.areAsked();
  if (!areAsked) refuseToBeReached(config);
  if (config.http.anyHost) options.log.warn(areAsked ? NO_EFFECT : ANYBODY);
  return { callers, keys };
}

const NO_EFFECT = 'ALLOW_UNAUTHENTICATED has no effect: there are credentials to show';
const ANYBODY = 'ALLOW_UNAUTHENTICATED: whoever can reach this gateway may read what it holds';

const HOW =
  'Make a key with “keys api --name NAME --role ROLE”, or give some in API_KEYS, or the address of an identity provider’s keys in JWKS_URL';

function refuseToBeReached({ http: { host, trustProxy, anyHost } }: Config): void {
  if (anyHost) return;
  if (!isLoopback(host)) {
    throw new ConfigError(
      `HOST is ${JSON.stringify(host)}, which others can reach, and nobody could show who it is: there is no API key and no JWKS. ${HOW}; or leave HOST at 127.0.0.1. (ALLOW_UNAUTHENTICATED=yes lets anybody read.)`,
    );
  }
  if (trustProxy !== null) {
    throw new ConfigError(
      `TRUST_PROXY is set, so callers come from elsewhere, and nobody could show who it is: there is no API key and no JWKS. ${HOW}.`,
    );
  }
}
