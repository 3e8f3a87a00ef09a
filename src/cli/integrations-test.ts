import type { Command } from 'commander';
import { ConfigError } from '../config/config-error.js';
import { readEnvironmentToken } from '../integrations/environment-token.js';
import { noteTokenTimes } from '../integrations/learn-token-times.js';
import { ENVIRONMENT_ACCOUNT } from '../integrations/open-account.js';
import type { IntegrationTest } from '../integrations/test-integration.js';
import { storedToken, type TokenTestOptions } from '../integrations/test-token.js';
import { EXIT } from './exit-codes.js';
import type { Action, Choose } from './invocation.js';
import { printTest, testDetail } from './print-test.js';
import { print } from './terminal.js';
import { auditedDeed, tryToken, type VaultWork, withVault } from './with-vault.js';

const EXAMPLES = `
Asks Abnormal for the cases, threats and campaigns of the last week, and when the token ends: four calls where all is well.
Ends with 0 when every account named can be read, else with 1.

Examples:
  abnormal-gateway integrations test
  abnormal-gateway integrations test acme default
  abnormal-gateway integrations test --json | jq '.[] | select(.works | not) | .parts[].message'`;

/** Tries accounts as they are stored. */
export function addIntegrationsTest(group: Command, choose: Choose): void {
  group
    .command('test [names...]')
    .description('try accounts, all unless some are named, and say what works and what is wrong')
    .option('--json', 'one JSON array instead of text')
    .addHelpText('after', EXAMPLES)
    .action((names: string[], { json = false }: { json?: boolean }) => choose(test(names, json)));
}

interface Candidate extends Pick<TokenTestOptions, 'name' | 'baseUrl' | 'token'> {
  readonly storedAt: string | null;
}

function test(names: readonly string[], isJson: boolean): Action {
  return (invocation) =>
    withVault(invocation, async (work) => {
      const results: ({ readonly integration: string } & IntegrationTest)[] = [];
      for (const candidate of await candidates(work, names)) {
        const { name } = candidate;
        const found = await auditedDeed(
          work,
          'TEST_INTEGRATION',
          name,
          () => tryOne(work, candidate),
          testDetail,
        );
        results.push({ integration: name, ...found });
        if (!isJson) printTest(work.terminal, name, found);
      }
      if (isJson) print(work.terminal, JSON.stringify(results, null, 2));
      return results.every(({ works }) => works) ? EXIT.ok : EXIT.failed;
    });
}

async function tryOne(work: VaultWork, candidate: Candidate): Promise<IntegrationTest> {
  const found = await tryToken(work, candidate);
  const { name, storedAt } = candidate;
  if (found.token && storedAt !== null) await noteTokenTimes(work, name, storedAt, found.token);
  return found;
}

async function candidates(work: VaultWork, names: readonly string[]): Promise<Candidate[]> {
  const { vault, store, config } = work;
  const stored = (await vault.list()).map(({ name, baseUrl, token: { storedAt } }) => ({
    name,
    baseUrl,
    storedAt,
  }));
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
  return names.length === 0 ? 'add one with: integrations add' : `there is ${names.join(', ')}`;
}
