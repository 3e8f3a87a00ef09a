import type { Config } from '../config.js';
import { noteEnvironmentToken } from '../integrations/environment-token.js';
import { createTokenLearning } from '../integrations/learn-token-times.js';
import { createTokenWarnings } from '../integrations/warn-of-tokens.js';
import { HOUR } from '../model/instant.js';
import type { AppOptions, Collector } from './collector.js';

/**
 * Keeps an eye on the tokens: since when each is there and when it ends, and says once a day which are to be
 * replaced. What it gives ends that.
 */
export async function watchTokens(
  { account }: Config,
  { clock, log }: AppOptions,
  { store, vault, accounts }: Collector,
): Promise<() => Promise<void>> {
  if (account !== null) await noteEnvironmentToken(store, account.token, clock);
  const learn = createTokenLearning({ store, vault, accounts, clock, log });
  const warn = createTokenWarnings({ store, clock, log });
  const stop = new AbortController();
  const look = async () => {
    try {
      await learn(stop.signal);
      await warn();
    } catch (error) {
      if (!stop.signal.aborted) log.warn({ err: error }, 'how the tokens stand cannot be told');
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
