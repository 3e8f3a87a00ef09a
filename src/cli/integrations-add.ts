import type { Command } from 'commander';
import { ConfigError } from '../config/config-error.js';
import { noteTokenTimes } from '../integrations/learn-token-times.js';
import { refusalOfReal } from '../integrations/mixture.js';
import { storedToken } from '../integrations/test-token.js';
import { type AddressOptions, addAddressOptions } from './address-options.js';
import { EXIT } from './exit-codes.js';
import type { Action, Choose } from './invocation.js';
import { printTest } from './print-test.js';
import { readToken } from './read-token.js';
import { print } from './terminal.js';
import { auditedDeed, tryToken, type VaultWork, withVault } from './with-vault.js';

const EXAMPLES = `
The token comes on standard input, or in the environment variable ABNORMAL_NEW_TOKEN; at a terminal it is asked for and not
shown. It is stored encrypted, then tried at once. Ends with 1 when the account cannot be read as it stands: it is kept, and
is read as soon as it can be.

Examples:
  abnormal-gateway integrations add acme
  abnormal-gateway integrations add acme-eu --region eu < token.txt
  op read op://vault/abnormal/token | abnormal-gateway integrations add acme --no-test`;

interface Options extends AddressOptions {
  readonly test: boolean;
}

/** Stores an account and its token. */
export function addIntegrationsAdd(group: Command, choose: Choose): void {
  const command = group
    .command('add <name>')
    .description('store an account and its token, and try it')
    .option('--no-test', 'do not call Abnormal')
    .addHelpText('after', EXAMPLES);
  addAddressOptions(command).action((name: string, options: Options) => choose(add(name, options)));
}

function add(name: string, { test, ...address }: Options): Action {
  return (invocation) =>
    withVault(invocation, async (work) => {
      const { vault, store, terminal } = work;
      const refusal = await refusalOfReal(store);
      if (refusal !== null) throw new ConfigError(refusal);
      await vault.prepare(name, address);
      const token = await readToken(work, `The token of "${name}"`);
      const { baseUrl, token: kept } = await auditedDeed(
        work,
        'CONNECT_INTEGRATION',
        name,
        () => vault.add({ name, token, ...address }),
        (stored) => `read from ${stored.baseUrl}`,
      );
      print(terminal, `Added ${name}: ${baseUrl}, token ${hintText(kept.hint)}`);
      return test ? tryAdded(work, name) : EXIT.ok;
    });
}

/** Tries an account as it is stored, prints what was found, and keeps what Abnormal says of its token. */
export async function tryAdded(work: VaultWork, name: string): Promise<number> {
  const { vault, terminal } = work;
  const stored = await vault.get(name);
  if (stored === null) return EXIT.failed;
  const { baseUrl } = stored;
  const { storedAt } = stored.token;
  const found = await tryToken(work, { name, baseUrl, token: storedToken(vault, name, storedAt) });
  if (found.token) await noteTokenTimes(work, name, storedAt, found.token);
  printTest(terminal, name, found);
  return found.works ? EXIT.ok : EXIT.failed;
}

/** How a token is shown. */
export function hintText(hint: string): string {
  return hint === '' ? '(too short to show a part of it)' : `…${hint}`;
}
