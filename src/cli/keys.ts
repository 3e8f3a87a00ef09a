import type { Command } from 'commander';
import type { Choose } from './invocation.js';
import { addKeysApi } from './keys-api.js';
import { addKeysEncryption } from './keys-encryption.js';
import { addKeysRotate } from './keys-rotate.js';
import { addKeysSigning } from './keys-signing.js';

/** The keys of the gateway: what each is for has a file of its own. */
export function addKeys(program: Command, choose: Choose): void {
  const keys = program
    .command('keys')
    .description(
      'keys: those that callers show (api), those that tokens are encrypted under (encryption, rotate), and those that the history is sealed with (signing)',
    )
    .helpCommand(false);
  for (const add of [addKeysApi, addKeysEncryption, addKeysRotate, addKeysSigning]) add(keys, choose);
}
