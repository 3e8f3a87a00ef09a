import type { Command } from 'commander';
import { newEncryptionKey } from '../integrations/encryption-key.js';
import { EXIT } from './exit-codes.js';
import type { Action, Choose } from './invocation.js';
import { print } from './terminal.js';

const EXAMPLES = `
The key goes to standard output and nowhere else, what to do with it to standard error. It needs no configuration.

Examples:
  abnormal-gateway keys encryption
  printf 'ENCRYPTION_KEY=%s\\n' "$(abnormal-gateway keys encryption)" >> .env`;

/** Makes a key for the tokens of stored integrations. */
export function addKeysEncryption(keys: Command, choose: Choose): void {
  keys
    .command('encryption')
    .description('make a key under which the tokens of integrations are encrypted')
    .addHelpText('after', EXAMPLES)
    .action(() => choose(makeKey));
}

const NEXT = `
This is a new key, and it is kept nowhere. Put it into the environment variable ENCRYPTION_KEY of the gateway and of its
commands, from a secret store rather than a file where you can, and keep a copy apart from the backups of the history: without
it the stored tokens cannot be opened, and must be given again.
In the place of a key that is in use: ENCRYPTION_KEY=<new>,<old>, then: abnormal-gateway keys rotate, then the new one alone.
`;

const makeKey: Action = async ({ terminal }) => {
  print(terminal, newEncryptionKey());
  terminal.err.write(NEXT);
  return EXIT.ok;
};
