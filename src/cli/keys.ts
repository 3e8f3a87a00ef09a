import type { Command } from 'commander';
import type { Choose } from './invocation.js';
import { addKeysApi } from './keys-api.js';

/** The keys of the gateway: what each is for has a file of its own. */
export function addKeys(program: Command, choose: Choose): void {
  const keys = program.command('keys').description('keys: those that callers show (api)').helpCommand(false);
  for (const add of [addKeysApi]) add(keys, choose);
}
