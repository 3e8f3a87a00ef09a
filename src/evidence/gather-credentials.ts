import type { CredentialFact } from '../controls/control.js';
import type { Instant } from '../values/instant.js';

/** The tokens that an integration has and had. */
export interface RememberedTokens {
  readonly integration: string;
  readonly tokens: readonly {
    readonly storedAt: Instant;
    readonly issuedAt: Instant | null;
    readonly expiresAt: Instant | null;
    readonly replacedAt: Instant | null;
    readonly permissions?: readonly string[] | undefined;
  }[];
}

/** What is known of every integration's credentials; those of `simulated` have none. */
export function gatherCredentials(
  remembered: readonly RememberedTokens[],
  simulated: readonly string[],
): CredentialFact[] {
  const none = { kind: 'NONE', issuedAt: null, expiresAt: null } as const;
  return [
    ...simulated.map((integration) => ({ integration, ...none })),
    ...remembered.flatMap(({ integration, tokens }) =>
      tokens.map((token) => ({ integration, kind: 'TOKEN' as const, ...token })),
    ),
  ];
}
