import type { Command } from 'commander';
import { newSigningKey, pemOf, signerOf } from '../evidence/seal/signing-key.js';
import { EXIT } from './exit-codes.js';
import type { Action, Choose } from './invocation.js';
import { print } from './terminal.js';

const DETAILS = `
Prints a new Ed25519 private key on one line, for the variable SIGNING_KEY, and to the standard error what to do with it.
Whoever has the key can make seals that pass for this gateway's: keep it where the history's keepers cannot read it.
A new key in its place takes over from the next seal on. Earlier seals stay good: each names its public key, all of
which are published at /.well-known/abnormal-gateway-signing-keys.json, and as PEM at …-signing-keys.pem.

Examples:
  echo "SIGNING_KEY=$(abnormal-gateway keys signing)" >> .env`;

/** Makes a key that seals are signed with. */
export function addKeysSigning(keys: Command, choose: Choose): void {
  keys
    .command('signing')
    .description('print a new key that seals and packs are signed with')
    .addHelpText('after', DETAILS)
    .action(() => choose(printSigningKey));
}

const printSigningKey: Action = async ({ terminal }) => {
  const key = newSigningKey();
  const { publicKey } = signerOf(key);
  print(terminal, key);
  terminal.err.write(
    `Set SIGNING_KEY to this line and restart the gateway. It is not kept anywhere: store it as a secret.\nIts public key has the SHA-256 fingerprint ${publicKey.kid}: give that to auditors by another way.\n${pemOf(publicKey)}`,
  );
  return EXIT.ok;
};
