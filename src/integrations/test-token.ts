import type { LookupFunction } from 'node:net';
import { type BudgetOptions, createBudget } from '../abnormal/budget.js';
import { createAbnormalClient } from '../abnormal/create-client.js';
import type { Log } from '../log.js';
import type { Instant } from '../values/instant.js';
import type { Secret } from '../values/secret.js';
import { type IntegrationTest, testIntegration } from './test-integration.js';
import type { Vault } from './vault.js';

export interface TokenTestOptions extends Pick<BudgetOptions, 'rpm' | 'concurrency'> {
  readonly name: string;
  readonly baseUrl: string;
  /** Itself, or how it is come by. */
  readonly token: Secret | (() => Promise<Secret>);
  readonly timeoutMs: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Log;
  readonly lookup?: LookupFunction | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Tests an address with a token, whether or not an account of that name is read. */
export async function testToken(options: TokenTestOptions): Promise<IntegrationTest> {
  const { baseUrl, timeoutMs, clock, log, lookup } = options;
  const token = typeof options.token === 'function' ? await options.token() : options.token;
  const budget = createBudget(options);
  const client = createAbnormalClient({
    ...{ baseUrl, budget, timeoutMs, clock, log, lookup },
    token: () => token.reveal(),
  });
  try {
    return await testIntegration({ ...options, client });
  } finally {
    client.close();
  }
}

/** The token that a stored integration has had since `storedAt`, once it is wanted. */
export function storedToken(
  vault: Pick<Vault, 'reveal'>,
  name: string,
  storedAt: Instant,
): () => Promise<Secret> {
  return () => vault.reveal(name, storedAt);
}
