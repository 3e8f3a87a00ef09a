import type { Command } from 'commander';
import { ConfigError } from '../config/reader.js';
import { newSigningKey, pemOf, signerOf } from '../evidence/seal/signing-key.js';
import { MAKES_KEY, newEncryptionKey } from '../integrations/encryption.js';
import { type CommandAction, type Dispatch, EXIT, print } from './command.js';
import { addKeysApi } from './keys-api.js';
import { auditedAction, withVault } from './vault-session.js';

/** The keys of the gateway: what each is for has a file of its own. */
export function addKeys(program: Command, choose: Dispatch): void {
  const keys = program
    .command('keys')
    .description(
      'keys: those that callers show (api), those that tokens are encrypted under (encryption, rotate), and those that the history is sealed with (signing)',
    )
    .helpCommand(false);
  for (const add of [addKeysApi, addKeysEncryption, addKeysRotate, addKeysSigning]) add(keys, choose);
}

const ENCRYPTION_EXAMPLES = `
The key goes to standard output and nowhere else, what to do with it to standard error. It needs no configuration.

Examples:
  abnormal-gateway keys encryption
  printf 'ENCRYPTION_KEY=%s\\n' "$(abnormal-gateway keys encryption)" >> .env`;

/** Makes a key for the tokens of stored integrations. */
function addKeysEncryption(keys: Command, choose: Dispatch): void {
  keys
    .command('encryption')
    .description('make a key under which the tokens of integrations are encrypted')
    .addHelpText('after', ENCRYPTION_EXAMPLES)
    .action(() => choose(makeKey));
}

const NEXT = `
This is a new key, and it is kept nowhere. Put it into the environment variable ENCRYPTION_KEY of the gateway and of its
commands, from a secret store rather than a file where you can, and keep a copy apart from the backups of the history: without
it the stored tokens cannot be opened, and must be given again.
In the place of a key that is in use: ENCRYPTION_KEY=<new>,<old>, then: abnormal-gateway keys rotate, then the new one alone.
`;

const makeKey: CommandAction = async ({ terminal }) => {
  print(terminal, newEncryptionKey());
  terminal.err.write(NEXT);
  return EXIT.ok;
};

const ROTATE_KEY_EXAMPLES = `
Put the new key before the old one, ENCRYPTION_KEY=<new>,<old>, here and for the gateway, and restart the gateway. Then run
this; after it the old key is needed no more. Stopped half-way it can be run again.

Examples:
  ENCRYPTION_KEY="$NEW,$OLD" abnormal-gateway keys rotate
  abnormal-gateway keys encryption`;

/** Encrypts every stored token under the current key. */
function addKeysRotate(keys: Command, choose: Dispatch): void {
  keys
    .command('rotate')
    .description('encrypt the tokens of all integrations anew, under the first key of ENCRYPTION_KEY')
    .addHelpText('after', ROTATE_KEY_EXAMPLES)
    .action(() => choose(rotate));
}

const rotate: CommandAction = (invocation) =>
  withVault(invocation, async (work) => {
    const { config, vault, terminal } = work;
    if (config.vault.encryptionKeys.length === 0) {
      throw new ConfigError(`ENCRYPTION_KEY is not set. Make one with: ${MAKES_KEY}`);
    }
    const { resealed, current } = await auditedAction(
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

const DETAILS = `
Prints a new Ed25519 private key on one line, for the variable SIGNING_KEY, and to the standard error what to do with it.
Whoever has the key can make seals that pass for this gateway's: keep it where the history's keepers cannot read it.
A new key in its place takes over from the next seal on. Earlier seals stay good: each names its public key, all of
which are published at /.well-known/abnormal-gateway-signing-keys.json, and as PEM at …-signing-keys.pem.

Examples:
  echo "SIGNING_KEY=$(abnormal-gateway keys signing)" >> .env`;

/** Makes a key that seals are signed with. */
function addKeysSigning(keys: Command, choose: Dispatch): void {
  keys
    .command('signing')
    .description('print a new key that seals and packs are signed with')
    .addHelpText('after', DETAILS)
    .action(() => choose(printSigningKey));
}

const printSigningKey: CommandAction = async ({ terminal }) => {
  const key = newSigningKey();
  const { publicKey } = signerOf(key);
  print(terminal, key);
  terminal.err.write(
    `Set SIGNING_KEY to this line and restart the gateway. It is not kept anywhere: store it as a secret.\nIts public key has the SHA-256 fingerprint ${publicKey.kid}: give that to auditors by another way.\n${pemOf(publicKey)}`,
  );
  return EXIT.ok;
};
