import type { Command } from 'commander';
import { ENVIRONMENT_ACCOUNT } from '../integrations/accounts.js';
import { regionOf } from '../integrations/address.js';
import { readTokenSituations } from '../integrations/token-history.js';
import { reportToken } from '../integrations/token-watch.js';
import { hintOf } from '../integrations/vault.js';
import { permissionsToAct, UNKNOWN_TOKEN } from '../model/token.js';
import { toInstant } from '../values/instant.js';
import { type CommandAction, type Dispatch, EXIT, type Terminal } from './command.js';
import { hintText, type VaultWork, withVault } from './vault-session.js';

const EXAMPLES = `
The output shows the last four characters of each token and its state: OK, EXPIRING (expires within 14 days, or is more than
76 days old), ROTATION_DUE (has expired, or is 90 days old), REJECTED (by Abnormal at the last request), UNKNOWN.

Examples:
  abnormal-gateway integrations list
  abnormal-gateway integrations list --json | jq '.[] | select(.tokenState != "OK") | .name'`;

export function addIntegrationsList(group: Command, choose: Dispatch): void {
  group
    .command('list')
    .description('list the accounts with the states of their tokens')
    .option('--json', 'print one JSON array instead of text')
    .addHelpText('after', EXAMPLES)
    .action(({ json = false }: { json?: boolean }) => choose(list(json)));
}

function list(isJson: boolean): CommandAction {
  return withVault(async (work) => {
    const rows = await readRows(work);
    if (isJson) work.terminal.json(rows);
    else printRows(work.terminal, rows);
    return EXIT.ok;
  });
}

type Row = Awaited<ReturnType<typeof readRows>>[number];

async function readRows({ vault, store, config, clock }: VaultWork) {
  const situations = await readTokenSituations(store);
  const now = toInstant(clock());
  const stored = (await vault.list()).map(({ name, baseUrl, region, createdAt, token }) => {
    const { hint: tokenHint, keyId } = token;
    return { name, source: 'STORED' as const, baseUrl, region, createdAt, tokenHint, keyId };
  });
  return [...environment(config.account), ...stored].map((row) => {
    const situation = situations.get(row.name) ?? UNKNOWN_TOKEN;
    const { storedAt, issuedAt, expiresAt } = situation;
    const { permissions, state, message } = reportToken(row.name, situation, now);
    return {
      ...row,
      ...{ tokenStoredAt: storedAt, tokenIssuedAt: issuedAt, tokenExpiresAt: expiresAt },
      // `null` if Abnormal does not say
      ...{ tokenPermissions: permissions, tokenState: state, tokenMessage: message },
    };
  });
}

function environment(account: VaultWork['config']['account']) {
  if (account === null) return [];
  const { baseUrl, token } = account;
  const own = { name: ENVIRONMENT_ACCOUNT, source: 'ENVIRONMENT', createdAt: null, keyId: null } as const;
  return [{ ...own, baseUrl, region: regionOf(baseUrl), tokenHint: hintOf(token) }];
}

const HEADING = ['NAME', 'ADDRESS', 'TOKEN', 'STATE', 'STORED SINCE', 'ENDS'];

function printRows(terminal: Terminal, rows: readonly Row[]): void {
  if (rows.length === 0) {
    terminal.print('No accounts. Add one with: integrations add <name>');
    return;
  }
  const cells = rows.map((row) => [
    row.name,
    row.region === null ? row.baseUrl : `${row.baseUrl} (${row.region})`,
    `${hintText(row.tokenHint)}${row.source === 'ENVIRONMENT' ? ' in ABNORMAL_TOKEN' : ''}`,
    row.tokenState,
    row.tokenStoredAt?.slice(0, 10) ?? '-',
    row.tokenExpiresAt?.slice(0, 10) ?? '-',
  ]);
  terminal.table([HEADING, ...cells]);
  for (const { name, tokenMessage } of rows.filter(isNotable)) {
    terminal.print(`${name}: ${tokenMessage}`);
  }
}

function isNotable({ tokenState, tokenPermissions }: Row): boolean {
  return tokenState !== 'OK' || permissionsToAct(tokenPermissions).length > 0;
}
