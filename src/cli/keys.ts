import { type Command, InvalidArgumentError, Option } from 'commander';
import { webhookSecretsOf } from '../app/webhooks.js';
import { recordAudit } from '../audit-trail.js';
import { type ApiKeyRecord, ApiKeys, isKeyName, KEY_NAME, stateOf } from '../callers/api-keys.js';
import { ConfigError } from '../config/reader.js';
import { newSigningKey, pemOf, signerOf } from '../evidence/seal/signing-key.js';
import type { HistoryStore, OpenMode } from '../history/store.js';
import { MAKES_KEY, newEncryptionKey } from '../integrations/encryption.js';
import { ROLES, type Role } from '../values/access.js';
import { DAY, parseDuration, toInstant } from '../values/instant.js';
import { withHistory } from './collection.js';
import { type CommandAction, type CommandContext, type Dispatch, EXIT } from './command.js';
import { commandCaller } from './options.js';
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
  terminal.print(newEncryptionKey());
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
    .description('encrypt all stored tokens and secrets of webhooks with the first key of ENCRYPTION_KEY')
    .addHelpText('after', ROTATE_KEY_EXAMPLES)
    .action(() => choose(rotate));
}

const rotate: CommandAction = withVault(async (work) => {
  const { config, vault, store, clock, terminal } = work;
  if (config.vault.encryptionKeys.length === 0) {
    throw new ConfigError(`ENCRYPTION_KEY is not set. Create a key with: ${MAKES_KEY}`);
  }
  const { resealed, current } = await auditedAction(
    work,
    'ROTATE_ENCRYPTION_KEY',
    null,
    async () => {
      const tokens = await vault.reseal();
      const secrets = await webhookSecretsOf(config, store, clock).reseal();
      return {
        resealed: tokens.resealed + secrets.resealed,
        current: tokens.current + secrets.current,
      };
    },
    (done) => `${done.resealed} re-encrypted, ${done.current} already with the current key`,
  );
  terminal.print(`Re-encrypted: ${resealed}. Already encrypted with the current key: ${current}.`);
  if (config.vault.encryptionKeys.length > 1) {
    terminal.print(
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
  terminal.print(key);
  terminal.err.write(
    `Set SIGNING_KEY to this line and restart the gateway. The key is not stored: keep it as a secret.\nIts public key has the SHA-256 fingerprint ${publicKey.kid}. Send the fingerprint to auditors through another channel.\n${pemOf(publicKey)}`,
  );
  return EXIT.ok;
};

const EXAMPLES = `
A reader queries; an operator also polls, tests and reconciles; an admin also manages integrations and keys and reads the
audit trail. The key is printed to standard output once; only its SHA-256 is stored. If there is a key, every caller must
authenticate. All of these commands work while serve is running; it applies changes within two seconds.

Examples:
  abnormal-gateway keys api --name dashboard --role reader --expires 90d
  abnormal-gateway keys api list
  abnormal-gateway keys api revoke 5c1f0e9a77b2`;

function addKeysApi(keys: Command, choose: Dispatch): void {
  const api = keys
    .command('api')
    .description('create an API key for a caller; list and revoke keys')
    .helpCommand(false)
    .option('--name <name>', 'the person or program that uses the key', toName)
    .addOption(new Option('--role <role>', 'the role of callers with the key').choices(ROLES))
    .option('--expires <duration>', 'when the key expires, such as 90d; default: never', toLifetime)
    .option('--json', 'print one JSON object instead of text')
    .addHelpText('after', EXAMPLES)
    .action(({ name, role, expires, json = false }: NewKey) => {
      if (name === undefined) api.error("error: required option '--name <name>' not specified");
      else if (role === undefined) api.error("error: required option '--role <role>' not specified");
      else choose(createKey(name, role, expires ?? null, json));
    });
  api
    .command('list')
    .description('list all keys that were ever created; the keys themselves are not shown')
    .option('--json', 'print one JSON array instead of text')
    .action(({ json = false }: { json?: boolean }) => choose(listKeys(json || api.opts().json === true)));
  api
    .command('revoke <id>')
    .description('revoke a key permanently')
    .action((id: string) => choose(revokeKey(id)));
}

interface NewKey {
  readonly name?: string;
  readonly role?: Role;
  readonly expires?: number;
  readonly json?: boolean;
}

function toName(text: string): string {
  if (isKeyName(text)) return text;
  throw new InvalidArgumentError(KEY_NAME);
}

function toLifetime(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null && ms >= 1000 && ms <= 3650 * DAY) return ms;
  throw new InvalidArgumentError(
    'Accepted: a number with a unit (s, m, h or d), such as 90d; at most ten years.',
  );
}

function createKey(name: string, role: Role, lifetimeMs: number | null, json: boolean): CommandAction {
  return withKeys('manage', async ({ keys, store, terminal, clock }) => {
    const { key, text } = await keys.create(name, role, lifetimeMs);
    const done = { caller: commandCaller(), action: 'CREATE_API_KEY', target: key.id } as const;
    await recordAudit({ store, clock }, { ...done, outcome: 'SUCCEEDED', detail: describe(key) });
    if (json) terminal.json({ ...key, key: text });
    else terminal.print(text);
    const end = key.expiresAt === null ? 'does not expire' : `expires at ${key.expiresAt}`;
    terminal.err.write(`The key is not shown again. Its id is ${key.id}; it ${end}.\n`);
    return EXIT.ok;
  });
}

function describe({ id, name, role, expiresAt }: ApiKeyRecord): string {
  return `${id} (${name}), ${role}, ${expiresAt === null ? 'without end' : `until ${expiresAt}`}`;
}

const HEADING = ['ID', 'NAME', 'ROLE', 'STATE', 'MADE', 'ENDS', 'LAST USED'];

function listKeys(json: boolean): CommandAction {
  return withKeys('read', async ({ keys, terminal, clock }) => {
    const now = toInstant(clock());
    const all = (await keys.list()).map((key) => ({ ...key, state: stateOf(key, now) }));
    if (json) terminal.json(all);
    else terminal.table([HEADING, ...all.map(row)]);
    return EXIT.ok;
  });
}

function row({
  id,
  name,
  role,
  state,
  createdAt,
  expiresAt,
  lastUsedAt,
}: ApiKeyRecord & { state: string }): string[] {
  return [id, name, role, state, createdAt, expiresAt ?? 'never', lastUsedAt ?? 'never'];
}

function revokeKey(id: string): CommandAction {
  return withKeys('manage', async ({ keys, store, terminal, clock }) => {
    const key = await keys.revoke(id);
    const done = { caller: commandCaller(), action: 'REVOKE_API_KEY', target: id } as const;
    const outcome = key === null ? 'FAILED' : 'SUCCEEDED';
    await recordAudit({ store, clock }, { ...done, outcome, detail: key && describe(key) });
    if (key !== null) terminal.print(`${describe(key)}: revoked since ${key.revokedAt}`);
    else
      terminal.err.write(
        `There is no key with the id ${JSON.stringify(id)}. List the keys with: keys api list\n`,
      );
    return key === null ? EXIT.failed : EXIT.ok;
  });
}

interface KeyWork extends CommandContext {
  readonly store: HistoryStore;
  readonly keys: ApiKeys;
}

function withKeys(mode: OpenMode, work: (work: KeyWork) => Promise<number>): CommandAction {
  return (context) =>
    withHistory(context, mode, (store) =>
      work({ ...context, store, keys: new ApiKeys({ ...context, store }) }),
    );
}
