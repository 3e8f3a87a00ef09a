import { ENVIRONMENT_ACCOUNT, SIMULATED_ACCOUNT } from './open-account.js';
import { VaultError } from './vault-error.js';

const TAKEN: Readonly<Record<string, string>> = {
  [ENVIRONMENT_ACCOUNT]: 'the account that ABNORMAL_TOKEN names in the environment',
  [SIMULATED_ACCOUNT]: 'the built-in simulated tenant',
};

/** Throws a `VaultError` for a name that no stored integration may have. */
export function checkName(name: string): void {
  if (!/^[a-z\d-]{1,40}$/.test(name)) {
    const shown = JSON.stringify(name.slice(0, 60));
    const right = '1 to 40 characters, of a to z, 0 to 9 and "-"';
    throw new VaultError('BAD_NAME', `${shown} cannot be an integration's name: it must have ${right}.`);
  }
  const owner = TAKEN[name];
  if (owner) throw new VaultError('BAD_NAME', `"${name}" is the name of ${owner}; choose another.`);
}
