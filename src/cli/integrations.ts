import type { Command } from 'commander';
import { ConfigError } from '../config/reader.js';
import { ENVIRONMENT_ACCOUNT } from '../integrations/accounts.js';
import { type IntegrationTest, storedToken, type TokenTestOptions } from '../integrations/connection-test.js';
import { simulatedDataGuard } from '../integrations/live-accounts.js';
import { readEnvironmentToken, storeTokenExpiry } from '../integrations/token-history.js';
import { checkToken, heldAlready, notFound, type StoredIntegration } from '../integrations/vault.js';
import { type CommandAction, type Dispatch, EXIT, type Terminal } from './command.js';
import { addIntegrationsList } from './integrations-list.js';
import { type AddressOptions, addAddressOptions } from './options.js';
import { auditedAction, hintText, readToken, tryToken, type VaultWork, withVault } from './vault-session.js';

const INTEGRATIONS_EXAMPLES = `
Tokens are stored in the history, encrypted with ENCRYPTION_KEY (create a key with: keys encryption), and never shown again.
All of these commands work while serve is running; it applies changes within seconds. The account of ABNORMAL_TOKEN has the
name "default".

Examples:
  abnormal-gateway integrations add acme-eu --region eu < token.txt
  abnormal-gateway integrations list
  abnormal-gateway integrations test acme-eu
  abnormal-gateway integrations rotate acme-eu < new-token.txt
  abnormal-gateway integrations remove acme-eu`;

export function addIntegrations(program: Command, choose: Dispatch): void {
  const group = program
    .command('integrations')
    .description('manage Abnormal accounts and their tokens: add, list, test, rotate, remove')
    .helpCommand(false)
    .addHelpText('after', INTEGRATIONS_EXAMPLES);
  const commands = [addIntegrationsAdd, addIntegrationsList, addIntegrationsTest, addIntegrationsRotate];
  for (const add of [...commands, addIntegrationsRemove]) add(group, choose);
}

const ADD_EXAMPLES = `
The token is read from standard input or from the environment variable ABNORMAL_NEW_TOKEN; a terminal asks for it without
showing it. The token is stored encrypted, and then tested. If the account cannot be read now, the exit code is 1: the account
is stored, and is read as soon as possible.

Examples:
  abnormal-gateway integrations add acme
  abnormal-gateway integrations add acme-eu --region eu < token.txt
  op read op://vault/abnormal/token | abnormal-gateway integrations add acme --no-test`;

interface StoreOptions extends AddressOptions {
  readonly test: boolean;
}

function addIntegrationsAdd(group: Command, choose: Dispatch): void {
  const command = group
    .command('add <name>')
    .description('store an account with its token, and test it')
    .option('--no-test', 'do not send requests to Abnormal')
    .addHelpText('after', ADD_EXAMPLES);
  addAddressOptions(command).action((name: string, options: StoreOptions) => choose(add(name, options)));
}

function add(name: string, { test, ...address }: StoreOptions): CommandAction {
  return withVault(async (work) => {
    const { vault, store, terminal } = work;
    const refusal = await simulatedDataGuard(store);
    if (refusal !== null) throw new ConfigError(refusal);
    await vault.prepare(name, address);
    const token = await readToken(work, `The token of "${name}"`);
    const { baseUrl, token: kept } = await auditedAction(
      work,
      'CONNECT_INTEGRATION',
      name,
      () => vault.add({ name, token, ...address }),
      (stored) => `read from ${stored.baseUrl}`,
    );
    terminal.print(`Added ${name}: ${baseUrl}, token ${hintText(kept.hint)}`);
    return test ? tryAdded(work, name) : EXIT.ok;
  });
}

/** Tests the account as it is stored, prints the result, and stores what Abnormal says of its token. */
async function tryAdded(work: VaultWork, name: string): Promise<number> {
  const { vault, terminal } = work;
  const stored = await vault.get(name);
  if (stored === null) return EXIT.failed;
  const { baseUrl } = stored;
  const { storedAt } = stored.token;
  const found = await tryOne(work, { name, baseUrl, storedAt, token: storedToken(vault, name, storedAt) });
  printTest(terminal, name, found);
  return found.works ? EXIT.ok : EXIT.failed;
}

const REMOVE_EXAMPLES = `
Deletes the token and stops reading the account. Its recorded data stay in the graph and in reports. If the account is added
again under the same name, collection continues where it stopped. The token stays valid until it is revoked in the Abnormal
portal.

Example:
  abnormal-gateway integrations remove acme`;

function addIntegrationsRemove(group: Command, choose: Dispatch): void {
  group
    .command('remove <name>')
    .description('delete an account’s token and stop reading the account; its history stays')
    .addHelpText('after', REMOVE_EXAMPLES)
    .action((name: string) => choose(remove(name)));
}

function remove(name: string): CommandAction {
  return withVault(async (work) => {
    await auditedAction(work, 'REMOVE_INTEGRATION', name, () => work.vault.remove(name));
    work.terminal.print(`Removed ${name}. Its history stays. Revoke its token in the Abnormal portal.`);
    return EXIT.ok;
  });
}

const ROTATE_EXAMPLES = `
The new token is passed as with "add". It is tested first: if Abnormal rejects it, the old token stays. The region or the
address can be changed together with the token, but not alone: a token is only sent to the address that it was given for.

Examples:
  abnormal-gateway integrations rotate acme < new-token.txt
  abnormal-gateway integrations rotate acme --region gov < token-of-the-new-region.txt`;

function addIntegrationsRotate(group: Command, choose: Dispatch): void {
  const command = group
    .command('rotate <name>')
    .description('replace an account’s token, and optionally its address')
    .option('--no-test', 'do not send requests to Abnormal; store the token without a test')
    .addHelpText('after', ROTATE_EXAMPLES);
  addAddressOptions(command).action((name: string, options: StoreOptions) => choose(rotate(name, options)));
}

function rotate(name: string, { test, ...address }: StoreOptions): CommandAction {
  return withVault(async (work) => {
    const { vault, terminal } = work;
    const before = await storedOrRefused(work, name);
    const isMoved = address.region !== undefined || address.baseUrl !== undefined;
    const baseUrl = isMoved ? vault.resolve(address) : before.baseUrl;
    const token = await readToken(work, `The new token of "${name}"`);
    checkToken(token);
    if (await vault.holds(name, token)) {
      if (baseUrl === before.baseUrl) throw heldAlready(name);
      terminal.print(`${name} has this token already; only the address changes.`);
    }
    const found = test ? await tryToken(work, { name, baseUrl, token }) : null;
    if (found) printTest(terminal, name, found);
    if (found?.parts.some(({ code }) => code === 'TOKEN_REJECTED')) {
      terminal.print(`The token of ${name} was not replaced.`);
      return EXIT.failed;
    }
    const action = isMoved ? 'UPDATE_INTEGRATION' : 'ROTATE_INTEGRATION_TOKEN';
    const replace = () => (isMoved ? vault.update(name, address, token) : vault.rotate(name, token));
    const stored = await auditedAction(work, action, name, replace, () => `read from ${baseUrl}`);
    if (found?.token) await storeTokenExpiry(work, name, stored.token.storedAt, found.token);
    terminal.print(`Changed ${name}: ${baseUrl}, token ${hintText(stored.token.hint)}`);
    return found?.works === false ? EXIT.failed : EXIT.ok;
  });
}

async function storedOrRefused({ vault }: VaultWork, name: string): Promise<StoredIntegration> {
  const stored = await vault.get(name);
  if (stored) return stored;
  if (name === ENVIRONMENT_ACCOUNT) {
    throw new ConfigError(
      `The token of "${name}" is set in the environment. Set ABNORMAL_TOKEN to the new token.`,
    );
  }
  throw notFound(name);
}

const TEST_EXAMPLES = `
Requests the cases, threats and campaigns of the last week and the end of the token: four requests if nothing fails.
Exit code 0 if all these accounts can be read, otherwise 1.

Examples:
  abnormal-gateway integrations test
  abnormal-gateway integrations test acme default
  abnormal-gateway integrations test --json | jq '.[] | select(.works | not) | .parts[].message'`;

function addIntegrationsTest(group: Command, choose: Dispatch): void {
  group
    .command('test [names...]')
    .description('test accounts (default: all) and describe what works and what is wrong')
    .option('--json', 'print one JSON array instead of text')
    .addHelpText('after', TEST_EXAMPLES)
    .action((names: string[], { json = false }: { json?: boolean }) => choose(test(names, json)));
}

interface Candidate extends Pick<TokenTestOptions, 'name' | 'baseUrl' | 'token'> {
  readonly storedAt: string | null;
}

function test(names: readonly string[], isJson: boolean): CommandAction {
  return withVault(async (work) => {
    const results: ({ readonly integration: string } & IntegrationTest)[] = [];
    for (const candidate of await candidates(work, names)) {
      const { name } = candidate;
      const found = await auditedAction(
        work,
        'TEST_INTEGRATION',
        name,
        () => tryOne(work, candidate),
        testDetail,
      );
      results.push({ integration: name, ...found });
      if (!isJson) printTest(work.terminal, name, found);
    }
    if (isJson) work.terminal.json(results);
    return results.every(({ works }) => works) ? EXIT.ok : EXIT.failed;
  });
}

async function tryOne(work: VaultWork, candidate: Candidate): Promise<IntegrationTest> {
  const found = await tryToken(work, candidate);
  const { name, storedAt } = candidate;
  if (found.token && storedAt !== null) await storeTokenExpiry(work, name, storedAt, found.token);
  return found;
}

async function candidates(work: VaultWork, names: readonly string[]): Promise<Candidate[]> {
  const { vault, store, config } = work;
  const stored = (await vault.list()).map(({ name, baseUrl, token: { storedAt } }) => {
    return { name, baseUrl, storedAt };
  });
  const known = [...(config.account ? [ENVIRONMENT_ACCOUNT] : []), ...stored.map(({ name }) => name)];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new ConfigError(`There is no integration "${unknown}": ${listOf(known)}.`);
  if (known.length === 0) throw new ConfigError(`There is no integration to test: ${listOf(known)}.`);
  const isWanted = ({ name }: { readonly name: string }) => names.length === 0 || names.includes(name);
  const own = config.account && { name: ENVIRONMENT_ACCOUNT, ...config.account };
  const seenAt = own ? ((await readEnvironmentToken(store))?.token.storedAt ?? null) : null;
  return [
    ...(own && isWanted(own) ? [{ ...own, storedAt: seenAt }] : []),
    ...stored
      .filter(isWanted)
      .map((each) => ({ ...each, token: storedToken(vault, each.name, each.storedAt) })),
  ];
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? 'add one with: integrations add' : `known integrations: ${names.join(', ')}`;
}

function printTest(terminal: Terminal, name: string, { works, parts }: IntegrationTest): void {
  terminal.print(`${name} ${works ? 'works' : 'does not work'}`);
  const rows = parts.map(({ part, outcome, message }) => [`  ${part}`, outcome, message]);
  terminal.table(rows);
}

function testDetail({ works, parts }: IntegrationTest): string {
  const outcomes = parts.map(({ part, outcome }) => `${part} ${outcome}`).join(', ');
  return `${works ? 'works' : 'does not work'}: ${outcomes}`;
}
