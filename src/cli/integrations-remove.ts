import type { Command } from 'commander';
import { EXIT } from './exit-codes.js';
import type { Action, Choose } from './invocation.js';
import { print } from './terminal.js';
import { auditedDeed, withVault } from './with-vault.js';

const EXAMPLES = `
The token is deleted and the account no longer read. What was recorded of it stays, in the graph and in reports; added again
under its name, it goes on where it stopped. The token itself stays valid until it is revoked in the Abnormal portal.

Example:
  abnormal-gateway integrations remove acme`;

/** Forgets an account's token; its history stays. */
export function addIntegrationsRemove(group: Command, choose: Choose): void {
  group
    .command('remove <name>')
    .description('delete an account’s token and read it no more; its history stays')
    .addHelpText('after', EXAMPLES)
    .action((name: string) => choose(remove(name)));
}

function remove(name: string): Action {
  return (invocation) =>
    withVault(invocation, async (work) => {
      await auditedDeed(work, 'REMOVE_INTEGRATION', name, () => work.vault.remove(name));
      print(work.terminal, `Removed ${name}. Its history stays; revoke its token in the Abnormal portal.`);
      return EXIT.ok;
    });
}
