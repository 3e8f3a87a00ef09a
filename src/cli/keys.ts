import type { Command } from 'commander';
import { ConfigError } from '../config/reader.js';
import { newSigningKey, pemOf, signerOf } from '../evidence/seal/signing-key.js';
import { MAKES_KEY, newEncryptionKey } from '../integrations/encryption.js';
import { type CommandAction, type Dispatch, EXIT, print } from './command.js';
import { addKeysApi } from './keys-api.js';
import { auditedAction, withVault } from './vault-session.js';

export function addKeys(program: Command, choose: Dispatch): void {
  const keys = program
    .command('keys')
    .description(
      'manage keys: API keys of callers (api), keys that encrypt tokens (encryption, rotate), and keys that sign seals (signing)',
    )
    .helpCommand(false);
  for (const add of [addKeysApi, addKeysEncryption, addKeysRotate, addKeysSigning]) add(keys, choose);
}

const ENCRYPTION_EXAMPLES = `
Prints the key to standard output and instructions to standard error. The key is not stored. Needs no configuration.

Examples:
  abnormal-gateway keys encryption
  printf 'ENCRYPTION_KEY=%s\\n' "$(abnormal-gateway keys encryption)" >> .env`;

function addKeysEncryption(keys: Command, choose: Dispatch): void {
  keys
    .command('encryption')
    .description('create a key that encrypts the tokens of integrations')
    .addHelpText('after', ENCRYPTION_EXAMPLES)
    .action(() => choose(makeKey));
}

const NEXT = `
This is a new key. It is not stored. Set the environment variable ENCRYPTION_KEY to it, for the gateway and its commands,
if possible from a secret store instead of a file. Keep a copy separate from the backups of the history: without the key,
the stored tokens cannot be decrypted and must be entered again.
To replace a key in use: set ENCRYPTION_KEY=<new>,<old>, run: abnormal-gateway keys rotate, then set the new key alone.
`;

const makeKey: CommandAction = async ({ terminal }) => {
  print(terminal, newEncryptionKey());
  terminal.err.write(NEXT);
  return EXIT.ok;
};

const ROTATE_KEY_EXAMPLES = `
Set ENCRYPTION_KEY=<new>,<old> for this command and for the gateway, and restart the gateway. Then run this command; after
that, the old key is no longer needed. If the command is interrupted, run it again.

Examples:
  ENCRYPTION_KEY="$NEW,$OLD" abnormal-gateway keys rotate
  abnormal-gateway keys encryption`;

function addKeysRotate(keys: Command, choose: Dispatch): void {
  keys
    .command('rotate')
    .description('encrypt all stored tokens with the first key of ENCRYPTION_KEY')
    .addHelpText('after', ROTATE_KEY_EXAMPLES)
    .action(() => choose(rotate));
}

const rotate: CommandAction = (invocation) =>
  withVault(invocation, async (work) => {
    const { config, vault, terminal } = work;
    if (config.vault.encryptionKeys.length === 0) {
      throw new ConfigError(`ENCRYPTION_KEY is not set. Create a key with: ${MAKES_KEY}`);
    }
    const { resealed, current } = await auditedAction(
      work,
      'ROTATE_ENCRYPTION_KEY',
      null,
      () => vault.reseal(),
      (done) => `${done.resealed} re-encrypted, ${done.current} already with the current key`,
    );
    print(terminal, `Re-encrypted: ${resealed}. Already encrypted with the current key: ${current}.`);
    if (config.vault.encryptionKeys.length > 1) {
      print(
        terminal,
        'When every gateway has the new key, the older keys are no longer needed: ENCRYPTION_KEY=<new>',
      );
    }
    return EXIT.ok;
  });

const DETAILS = `
Prints a new Ed25519 private key on one line for the variable SIGNING_KEY, and instructions to standard error.
With the key, anyone can create seals that look like this gateway's: keep it where readers of the history cannot read it.
A new key applies from the next seal on. Earlier seals stay valid: each names its public key. All public keys are
published at /.well-known/abnormal-gateway-signing-keys.json, and as PEM at …-signing-keys.pem.

Examples:
  echo "SIGNING_KEY=$(abnormal-gateway keys signing)" >> .env`;

function addKeysSigning(keys: Command, choose: Dispatch): void {
  keys
    .command('signing')
    .description('create a key that signs seals and packs')
    .addHelpText('after', DETAILS)
    .action(() => choose(printSigningKey));
}

const printSigningKey: CommandAction = async ({ terminal }) => {
  const key = newSigningKey();
  const { publicKey } = signerOf(key);
  print(terminal, key);
  terminal.err.write(
    `Set SIGNING_KEY to this line and restart the gateway. The key is not stored: keep it as a secret.\nIts public key has the SHA-256 fingerprint ${publicKey.kid}. Send the fingerprint to auditors through another channel.\n${pemOf(publicKey)}`,
  );
  return EXIT.ok;
};
