import type { LookupFunction } from 'node:net';
import { type BudgetOptions, createBudget } from '../abnormal/budget.js';
import { createAbnormalClient } from '../abnormal/create-client.js';
import type { Log } from '../log.js';
import type { Secret } from './secret.js';
import { type IntegrationTest, testIntegration } from './test-integration.js';

export interface TokenTestOptions extends Pick<BudgetOptions, 'rpm' | 'concurrency'> {
  readonly name: string;
  readonly baseUrl: string;
  readonly token: Secret;
  readonly timeoutMs: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Log;
  readonly lookup?: LookupFunction | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Tests an address with a token, whether or not an account of that name is read. */
export async function testToken(options: TokenTestOptions): Promise<IntegrationTest> {
  const { baseUrl, token, timeoutMs, clock, log, lookup } = options;
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
