import { UpstreamError } from '../abnormal/errors.js';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import { DAY, type Instant, toInstant } from '../values/instant.js';
import type { Account } from './account.js';
import type { Accounts } from './accounts.js';
import { noteEnvironmentTimes } from './environment-token.js';
import { ENVIRONMENT_ACCOUNT } from './open-account.js';
import { readTokenSituations } from './token-histories.js';
import { readTold } from './told-token.js';
import type { TokenTimes, Vault } from './vault.js';

export interface TokenLearningOptions {
  readonly store: HistoryStore;
  readonly vault: Pick<Vault, 'noteTimes'>;
  readonly accounts: Pick<Accounts, 'list'>;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Log;
}

/** Writes down what Abnormal says of the token that the integration has had since `storedAt`. */
export function noteTokenTimes(
  { store, vault }: Pick<TokenLearningOptions, 'store' | 'vault'>,
  integration: string,
  storedAt: Instant,
  times: TokenTimes,
): Promise<void> {
  return integration === ENVIRONMENT_ACCOUNT
    ? noteEnvironmentTimes(store, storedAt, times)
    : vault.noteTimes(integration, storedAt, times);
}

/**
 * Asks Abnormal when each account's token was made and when it ends, and writes it down: one call a day for each,
 * and one for a new token. Call it as often as is handy; what cannot be asked now is asked the next day.
 */
export function createTokenLearning(options: TokenLearningOptions): (signal: AbortSignal) => Promise<void> {
  const asked = new Map<string, { readonly storedAt: Instant; readonly at: number }>();
  return async (signal) => {
    const now = options.clock();
    const situations = await readTokenSituations(options.store);
    for (const account of options.accounts.list()) {
      const storedAt = situations.get(account.name)?.storedAt ?? null;
      const before = asked.get(account.name);
      if (storedAt === null || signal.aborted) continue;
      if (before?.storedAt === storedAt && now - before.at < DAY) continue;
      asked.set(account.name, { storedAt, at: now });
      const times = await askFor(account, options, signal);
      if (times) await noteTokenTimes(options, account.name, storedAt, times);
    }
  };
}

async function askFor(
  { name, client }: Account,
  { clock, log }: TokenLearningOptions,
  signal: AbortSignal,
): Promise<TokenTimes | null> {
  try {
    const tokens = await client.tokens({ priority: 'poll', tries: 1, signal });
    return readTold(tokens, name, toInstant(clock())).token;
  } catch (error) {
    // the polls say what is wrong with the account; here it only means that nothing was learnt
    const code = error instanceof UpstreamError ? error.code : 'UNDECODABLE';
    log.debug({ integration: name, code }, 'Abnormal did not say when the token ends');
    return null;
  }
}
