import type { HistoryStore } from '../history/store.js';
import type { Instant } from '../values/instant.js';
import { readEnvironmentToken } from './environment-token.js';
import { ENVIRONMENT_ACCOUNT } from './open-account.js';
import { describeStored, factsOf, type TokenFacts } from './stored-integration.js';
import type { TokenSituation } from './token-state.js';
import { VaultError } from './vault-error.js';

/** A token that an integration has or had. */
export interface TokenPeriod extends TokenFacts {
  /** When another took its place; `null` for the present one. */
  readonly replacedAt: Instant | null;
}

/** The tokens of an integration that are remembered, the present one last. */
export interface TokenHistory {
  readonly integration: string;
  readonly tokens: readonly TokenPeriod[];
}

/** The tokens of every integration that has one, without the tokens themselves. */
export async function readTokenHistories(store: HistoryStore): Promise<TokenHistory[]> {
  const stored = (await store.documents('integrations')).flatMap((document) => {
    const integration = readable(() => describeStored(document));
    return integration ? [historyOf(integration.name, integration)] : [];
  });
  const environment = await readEnvironmentToken(store);
  return environment ? [...stored, historyOf(ENVIRONMENT_ACCOUNT, environment)] : stored;
}

/** How the token of every integration that has one stands, by name; `tokenState` says what that amounts to. */
export async function readTokenSituations(store: HistoryStore): Promise<Map<string, TokenSituation>> {
  const [histories, streams] = await Promise.all([readTokenHistories(store), store.streams()]);
  return new Map(
    histories.flatMap(({ integration, tokens }) => {
      const token = tokens.at(-1);
      if (!token) return [];
      const { storedAt } = token;
      // a token that was given after the refusal is another one
      const isRejected = streams.some(
        (stream) =>
          stream.integration === integration &&
          stream.status === 'TOKEN_REJECTED' &&
          (stream.lastAttemptAt ?? '') >= storedAt,
      );
      return [[integration, { ...factsOf(token), isRejected }] as const];
    }),
  );
}

function historyOf(
  integration: string,
  {
    token,
    earlierTokens,
  }: {
    readonly token: TokenFacts;
    readonly earlierTokens: readonly (TokenFacts & { readonly replacedAt: Instant })[];
  },
): TokenHistory {
  return { integration, tokens: [...earlierTokens, { ...factsOf(token), replacedAt: null }] };
}

/** What was changed by hand is named when the vault is opened; a report need not fail for it. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof VaultError) return null;
    throw error;
  }
}
