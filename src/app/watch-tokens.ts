import type { Config } from '../config/config.js';
import { noteEnvironmentToken } from '../integrations/environment-token.js';
import { createTokenLearning } from '../integrations/learn-token-times.js';
import { createEmptyWarnings, createTokenWarnings } from '../integrations/warn-of-tokens.js';
import { HOUR } from '../values/instant.js';
import type { AppOptions, Collector } from './collector.js';

/**
 * Watches the accounts every hour: since when each token is there and when it ends. Logs once a day which tokens must
 * be replaced, and which accounts answer with nothing. Returns a function that ends it.
 */
export async function watchTokens(
  { account }: Config,
  { clock, log }: AppOptions,
  { store, vault, accounts }: Collector,
): Promise<() => Promise<void>> {
  if (account !== null) await noteEnvironmentToken(store, account.token, clock);
  const learn = createTokenLearning({ store, vault, accounts, clock, log });
  const warn = createTokenWarnings({ store, clock, log });
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
