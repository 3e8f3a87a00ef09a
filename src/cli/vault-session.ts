import { type AuditAction, audited } from '../audit-trail.js';
import { DEFAULT_RPM } from '../config/config.js';
import { ConfigError } from '../config/reader.js';
import type { HistoryStore } from '../history/store.js';
import { ENVIRONMENT_ACCOUNT } from '../integrations/accounts.js';
import { publicLookup } from '../integrations/address.js';
import { type IntegrationTest, type TokenTestOptions, testToken } from '../integrations/connection-test.js';
import { type Vault, vaultOf } from '../integrations/stored-vault.js';
import { Secret } from '../values/secret.js';
import { withHistory } from './collection.js';
import type { CommandAction, CommandContext, Input } from './command.js';
import { commandCaller } from './options.js';

export interface VaultWork extends CommandContext {
  readonly store: HistoryStore;
  /** Unchecked: some commands repair a vault that does not decrypt. */
  readonly vault: Vault;
}

/** A command that opens the vault, also while another process collects into the same history. */
export function withVault(work: (services: VaultWork) => Promise<number>): CommandAction {
  return (invocation) =>
    withHistory(invocation, 'manage', (store) => {
      const { config, clock } = invocation;
      return work({ ...invocation, store, vault: vaultOf(store, config.vault, clock) });
    });
}

export function auditedAction<T>(
  { store, clock }: Pick<VaultWork, 'store' | 'clock'>,
  action: AuditAction,
  target: string | null,
  work: () => Promise<T>,
  detailOf?: (result: T) => string,
): Promise<T> {
  return audited({ store, clock }, { caller: commandCaller(), action, target }, work, detailOf);
}

/** Within the request budget that the configuration gives each account. */
export function tryToken(
  { config, clock, log, stop: signal }: CommandContext,
  account: Pick<TokenTestOptions, 'name' | 'baseUrl' | 'token'>,
): Promise<IntegrationTest> {
  const { rpm, concurrency, timeout: timeoutMs } = config.upstream;
  // the environment's address is set by the operator of the gateway
  const isFree = config.vault.allowPrivate || account.name === ENVIRONMENT_ACCOUNT;
  const lookup = isFree ? undefined : publicLookup;
  const allowance = { rpm: rpm ?? DEFAULT_RPM, concurrency, timeoutMs };
  return testToken({ ...account, ...allowance, resources: config.poll.collect, lookup, clock, log, signal });
}

/** Longer input is no token: something else was redirected by mistake. */
const MOST_CHARACTERS = 16_384;

/** From the environment or standard input, hidden at a terminal; never from an argument, which other users can read. */
export async function readToken(
  { config, terminal, stop, hide }: CommandContext,
  what: string,
): Promise<Secret> {
  const given = config.vault.newToken ?? (await fromInput());
  hide(given);
  return given;

  async function fromInput(): Promise<Secret> {
    const { in: input, err } = terminal;
    if (!input) throw new ConfigError(NONE);
    if (input.isTTY) err.write(`${what} (it is not shown; end with Enter): `);
    const text = (await (input.isTTY ? typed(input, stop) : collect(input, stop, () => false))).trim();
    if (input.isTTY) err.write('\n');
    if (text !== '') return new Secret(text);
    throw new ConfigError(stop.aborted ? 'Interrupted before a token was entered.' : NONE);
  }
}

const NONE =
  'The token is missing. Pass it on standard input or in the environment variable ABNORMAL_NEW_TOKEN. It is not accepted as an argument.';

// Ctrl-C, Ctrl-D, and the marks that terminals put around pasted text
const INTERRUPT = '\u0003';
const ENDS = ['\r', '\n', INTERRUPT, '\u0004'];
const PASTE_MARKS = ['\u001b[200~', '\u001b[201~'];

/** A line that is typed, not shown. */
async function typed(input: Input, stop: AbortSignal): Promise<string> {
  input.setRawMode?.(true);
  try {
    const text = await collect(input, stop, (so) => ENDS.some((key) => so.includes(key)));
    return text.includes(INTERRUPT) ? '' : edited(text);
  } finally {
    input.setRawMode?.(false);
  }
}

/** The line up to its end, with backspaces applied and without the marks of a paste. */
function edited(text: string): string {
  const plain = PASTE_MARKS.reduce((so, mark) => so.replaceAll(mark, ''), text);
  const end = ENDS.map((key) => plain.indexOf(key)).filter((at) => at >= 0);
  const line = plain.slice(0, Math.min(...end));
  return [...line].reduce((so, key) => (key === '\u007f' || key === '\b' ? so.slice(0, -1) : so + key), '');
}

function collect(input: Input, stop: AbortSignal, isDone: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const end = () => {
      input.off('data', take).off('end', end).off('error', fail).pause();
      stop.removeEventListener('abort', end);
      resolve(text);
    };
    const fail = (error: Error) =>
      reject(new ConfigError(`Standard input cannot be read: ${error.message}.`));
    const take = (chunk: Buffer | string) => {
      text += chunk.toString();
      if (isDone(text) || text.length > MOST_CHARACTERS) end();
    };
    stop.addEventListener('abort', end, { once: true });
    if (stop.aborted) end();
    else input.on('data', take).once('end', end).once('error', fail);
  });
}

export function hintText(hint: string): string {
  return hint === '' ? '(too short to show a part)' : `…${hint}`;
}
