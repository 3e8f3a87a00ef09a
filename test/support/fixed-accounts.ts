import type { Account, Accounts } from '../../src/integrations/accounts.js';

/** Accounts that never change. */
export function fixedAccounts(...accounts: readonly Account[]): Accounts {
  return {
    list: () => accounts,
    get: (name) => accounts.find((account) => account.name === name) ?? null,
    onChange: () => () => {},
  };
}
