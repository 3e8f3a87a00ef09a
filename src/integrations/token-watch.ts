import type { ApiToken } from '../abnormal/client.js';
import { UpstreamError } from '../abnormal/errors.js';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import { excessNote, permissionsToAct } from '../model/token-permissions.js';
import { DAY, type Instant, toInstant } from '../values/instant.js';
import { type Account, type Accounts, ENVIRONMENT_ACCOUNT } from './accounts.js';
import { emptyAccounts } from './empty-accounts.js';
import { describeTokenState, endText, tokenState } from './token.js';
import { noteEnvironmentTimes, readTokenSituations } from './token-history.js';
import type { TokenTimes, Vault } from './vault.js';

interface TokenExpiryOptions {
  readonly store: HistoryStore;
  readonly vault: Pick<Vault, 'noteTimes'>;
  readonly accounts: Pick<Accounts, 'list'>;
  readonly clock: () => number;
  readonly log: Log;
}

export function storeTokenExpiry(
  { store, vault }: Pick<TokenExpiryOptions, 'store' | 'vault'>,
  integration: string,
  storedAt: Instant,
  times: TokenTimes,
): Promise<void> {
  return integration === ENVIRONMENT_ACCOUNT
    ? noteEnvironmentTimes(store, storedAt, times)
    : vault.noteTimes(integration, storedAt, times);
}

/**
 * Stores the issue and expiry time of each token: one call a day per account, and one for a new token. May be
 * called at any time.
 */
export function refreshTokenExpiry(options: TokenExpiryOptions): (signal: AbortSignal) => Promise<void> {
  const asked = new Map<string, { readonly storedAt: Instant; readonly at: number }>();
  return async (signal) => {
    const now = options.clock();
    const situations = await readTokenSituations(options.store);
    for (const account of options.accounts.list()) {
      const storedAt = situations.get(account.name)?.storedAt ?? null;
      const before = asked.get(account.name);
      if (storedAt === null || signal.aborted) continue;
      if (before?.storedAt === storedAt && now - before.at < DAY) continue;
      asked.set(account.name, { storedAt, at: now });
      const times = await askFor(account, options, signal);
      if (times) await storeTokenExpiry(options, account.name, storedAt, times);
    }
  };
}

async function askFor(
  { name, client }: Account,
  { clock, log }: TokenExpiryOptions,
  signal: AbortSignal,
): Promise<TokenTimes | null> {
  try {
    const tokens = await client.tokens({ priority: 'poll', tries: 1, signal });
    return matchToken(tokens, name, toInstant(clock())).token;
  } catch (error) {
    // the polls report account problems; here nothing was learnt
    const code = error instanceof UpstreamError ? error.code : 'UNDECODABLE';
    log.debug({ integration: name, code }, 'Abnormal did not say when the token ends');
    return null;
  }
}

interface TokenWarningOptions {
  readonly store: HistoryStore;
  readonly log: Log;
  readonly clock: () => number;
}

export function replacementSteps(integration: string): string {
  const make =
    'Create one in the Abnormal portal (Settings → Integrations → Abnormal REST API), which shows it once, and';
  return integration === ENVIRONMENT_ACCOUNT
    ? `${make} set ABNORMAL_TOKEN to it.`
    : `${make} give it to: integrations rotate ${integration}`;
}

/** Warns once a day and at once when a token's state changes. May be called at any time. */
export function tokenExpiryWarnings({ store, log, clock }: TokenWarningOptions): () => Promise<void> {
  const lastLogged = new Map<string, { readonly state: string; readonly at: number }>();
  return async () => {
    const now = clock();
    for (const [integration, situation] of await readTokenSituations(store)) {
      const state = tokenState(situation, toInstant(now));
      const before = lastLogged.get(integration);
      const isSaid = before?.state === state && now - before.at < DAY;
      if (isSaid) continue;
      lastLogged.set(integration, { state, at: now });
      const isExcessive = permissionsToAct(situation.permissions).length > 0;
      if (state === 'OK' && !isExcessive) continue;
      const text = describeTokenState(situation, toInstant(now), replacementSteps(integration));
      log[state === 'OK' ? 'info' : 'warn']({ integration, tokenState: state }, text);
    }
  };
}

/** Logs a warning for each account with only empty lists, once a day. May be called at any time. */
export function createEmptyWarnings({ store, log, clock }: TokenWarningOptions): () => Promise<void> {
  const lastLogged = new Map<string, number>();
  return async () => {
    const now = clock();
    const empty = await emptyAccounts(store, await store.streams());
    for (const name of lastLogged.keys()) if (!empty.has(name)) lastLogged.delete(name);
    for (const [integration, message] of empty) {
      if (now - (lastLogged.get(integration) ?? Number.NEGATIVE_INFINITY) < DAY) continue;
      lastLogged.set(integration, now);
      log.warn({ integration }, message);
    }
  };
}

interface TokenMatch {
  readonly outcome: 'WORKS' | 'NOT_ANSWERED';
  /** The number of valid tokens; `null` if unknown. */
  readonly seen: number | null;
  readonly message: string;
  readonly token: TokenTimes | null;
}

const BY_AGE = 'its age counts from when it was given to the gateway, and it must be replaced after 90 days';

/** Finds the token of the integration `name`; `null` if Abnormal does not list tokens. */
export function matchToken(tokens: readonly ApiToken[] | null, name: string, now: Instant): TokenMatch {
  if (tokens === null) {
    const message = `Abnormal does not tell this account when its token ends: ${BY_AGE}.`;
    return { outcome: 'NOT_ANSWERED', seen: null, message, token: null };
  }
  const valid = tokens.filter((token) => isValid(token, now));
  const own = ownAmong(valid, name);
  if (own === null) return { ...NOT_TOLD, seen: valid.length, message: unclear(valid.length, name) };
  const { createdAt: issuedAt, expiresAt, permissions } = own;
  const message = [endOf(expiresAt, now), mayOf(permissions)].filter((text) => text !== null).join(' ');
  const token = { issuedAt, expiresAt, ...(permissions && { permissions }) };
  return { outcome: 'WORKS', seen: valid.length, message, token };
}

const NOT_TOLD = { outcome: 'NOT_ANSWERED', token: null } as const;

function isValid({ status, expiresAt }: ApiToken, now: Instant): boolean {
  return (status === null || status === 'active') && (expiresAt === null || expiresAt > now);
}

/** No response says which token was used: the only valid one, or the only one of this name. */
function ownAmong(valid: readonly ApiToken[], name: string): ApiToken | null {
  const named = valid.filter((token) => token.name?.trim().toLowerCase() === name);
  const [own, ...others] = valid.length === 1 ? valid : named;
  return own && others.length === 0 ? own : null;
}

function unclear(count: number, name: string): string {
  if (count === 0) return `Abnormal lists no valid token, though this one works: ${BY_AGE}.`;
  const advice = `Give one, and no other, the name "${name}" in the Abnormal portal to have its end known; until then ${BY_AGE}`;
  return `Abnormal lists ${count} valid tokens and does not say which of them this is. ${advice}.`;
}

function endOf(expiresAt: Instant | null, now: Instant): string {
  if (expiresAt === null) return `Abnormal does not say when the token ends: ${BY_AGE}.`;
  return `The token ${endText(expiresAt, now)}.`;
}

function mayOf(permissions: readonly string[] | null): string | null {
  if (permissions === null) return null;
  return excessNote(permissions) ?? `Its permissions: ${permissions.join(', ')}.`;
}
