import type { Command } from 'commander';
import { ConfigError } from '../config/config-error.js';
import { noteTokenTimes } from '../integrations/learn-token-times.js';
import { ENVIRONMENT_ACCOUNT } from '../integrations/open-account.js';
import type { StoredIntegration } from '../integrations/stored-integration.js';
import type { IntegrationTest } from '../integrations/test-integration.js';
import { checkToken } from '../integrations/token-text.js';
import { heldAlready, notFound } from '../integrations/vault-refusals.js';
import { type AddressOptions, addAddressOptions } from './address-options.js';
import { EXIT } from './exit-codes.js';
import { hintText } from './integrations-add.js';
import type { Action, Choose } from './invocation.js';
import { printTest } from './print-test.js';
import { readToken } from './read-token.js';
import { print } from './terminal.js';
import { auditedDeed, tryToken, type VaultWork, withVault } from './with-vault.js';

const EXAMPLES = `
The new token comes as with "add". It is tried first: one that Abnormal refuses does not take the place of the old one. A
region or an address may change with it, and only with it: a token is never sent elsewhere than where it was given for.

Examples:
  abnormal-gateway integrations rotate acme < new-token.txt
  abnormal-gateway integrations rotate acme --region gov < token-of-the-new-region.txt`;

interface Options extends AddressOptions {
  readonly test: boolean;
}

/** Puts another token in the place of the one that is stored. */
export function addIntegrationsRotate(group: Command, choose: Choose): void {
  const command = group
    .command('rotate <name>')
    .description('give an account another token, and another address if need be')
    .option('--no-test', 'do not call Abnormal; take the token as it is')
    .addHelpText('after', EXAMPLES);
  addAddressOptions(command).action((name: string, options: Options) => choose(rotate(name, options)));
}

function rotate(name: string, { test, ...address }: Options): Action {
  return (invocation) =>
    withVault(invocation, async (work) => {
      const { vault, terminal } = work;
      const before = await storedOrRefused(work, name);
      const isMoved = address.region !== undefined || address.baseUrl !== undefined;
      const baseUrl = isMoved ? vault.resolve(address) : before.baseUrl;
      const token = await readToken(work, `The new token of "${name}"`);
      checkToken(token);
      if (await vault.holds(name, token)) {
        if (baseUrl === before.baseUrl) throw heldAlready(name);
        print(terminal, `This is the token that ${name} has already: only the address changes.`);
      }
      const found = test ? await tryToken(work, { name, baseUrl, token }) : null;
      if (found) printTest(terminal, name, found);
      if (found && isRejected(found)) {
        print(terminal, `The token of ${name} is still the one before.`);
        return EXIT.failed;
      }
      const action = isMoved ? 'UPDATE_INTEGRATION' : 'ROTATE_INTEGRATION_TOKEN';
      const replace = () => (isMoved ? vault.update(name, address, token) : vault.rotate(name, token));
      const stored = await auditedDeed(work, action, name, replace, () => `read from ${baseUrl}`);
      if (found?.token) await noteTokenTimes(work, name, stored.token.storedAt, found.token);
      print(terminal, `Changed ${name}: ${baseUrl}, token ${hintText(stored.token.hint)}`);
      return found?.works === false ? EXIT.failed : EXIT.ok;
    });
}

async function storedOrRefused({ vault }: VaultWork, name: string): Promise<StoredIntegration> {
  const stored = await vault.get(name);
  if (stored) return stored;
  if (name === ENVIRONMENT_ACCOUNT) {
    throw new ConfigError(`The token of "${name}" is in the environment: set ABNORMAL_TOKEN to the new one.`);
  }
  throw notFound(name);
}

function isRejected({ parts }: IntegrationTest): boolean {
  return parts.some(({ code }) => code === 'TOKEN_REJECTED');
}
