import type { Command } from 'commander';
import { ConfigError } from '../config/config-error.js';
import { MAKES_KEY } from '../integrations/encryption-key.js';
import { EXIT } from './exit-codes.js';
import type { Action, Choose } from './invocation.js';
import { print } from './terminal.js';
import { auditedDeed, withVault } from './with-vault.js';

const EXAMPLES = `
Put the new key before the old one, ENCRYPTION_KEY=<new>,<old>, here and for the gateway, and restart the gateway. Then run
this; after it the old key is needed no more. Stopped half-way it can be run again.

Examples:
  ENCRYPTION_KEY="$NEW,$OLD" abnormal-gateway keys rotate
  abnormal-gateway keys encryption`;

/** Encrypts every stored token under the current key. */
export function addKeysRotate(keys: Command, choose: Choose): void {
  keys
    .command('rotate')
    .description('encrypt the tokens of all integrations anew, under the first key of ENCRYPTION_KEY')
    .addHelpText('after', EXAMPLES)
    .action(() => choose(rotate));
}

const rotate: Action = (invocation) =>
  withVault(invocation, async (work) => {
    const { config, vault, terminal } = work;
    if (config.vault.encryptionKeys.length === 0) {
      throw new ConfigError(`ENCRYPTION_KEY is not set. Make one with: ${MAKES_KEY}`);
    }
    const { resealed, current } = await auditedDeed(
      work,
      'ROTATE_ENCRYPTION_KEY',
      null,
      () => vault.reseal(),
      (done) => `${done.resealed} encrypted anew, ${done.current} under the current key already`,
    );
    print(terminal, `Encrypted anew: ${resealed}. Under the current key already: ${current}.`);
    if (config.vault.encryptionKeys.length > 1) {
      print(
        terminal,
        'The older keys are needed no more, once every gateway has the first: ENCRYPTION_KEY=<new>',
      );
    }
    return EXIT.ok;
  });
