import type { Command } from 'commander';
import { addIntegrationsAdd } from './integrations-add.js';
import { addIntegrationsList } from './integrations-list.js';
import { addIntegrationsRemove } from './integrations-remove.js';
import { addIntegrationsRotate } from './integrations-rotate.js';
import { addIntegrationsTest } from './integrations-test.js';
import type { Choose } from './invocation.js';

const EXAMPLES = `
Tokens are kept in the history, encrypted under ENCRYPTION_KEY (make one with: keys encryption), and never shown again. All
of this works beside a running serve, which notices within seconds. The account of ABNORMAL_TOKEN is called "default".

Examples:
  abnormal-gateway integrations add acme-eu --region eu < token.txt
  abnormal-gateway integrations list
  abnormal-gateway integrations test acme-eu
  abnormal-gateway integrations rotate acme-eu < new-token.txt
  abnormal-gateway integrations remove acme-eu`;

/** The Abnormal accounts that are kept: what is done to each has a file of its own. */
export function addIntegrations(program: Command, choose: Choose): void {
  const group = program
    .command('integrations')
    .description('Abnormal accounts with their tokens: add, list, test, rotate, remove')
    .helpCommand(false)
    .addHelpText('after', EXAMPLES);
  const commands = [addIntegrationsAdd, addIntegrationsList, addIntegrationsTest, addIntegrationsRotate];
  for (const add of [...commands, addIntegrationsRemove]) add(group, choose);
}
